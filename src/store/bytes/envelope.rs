//! What a value is kept in, in a store of bytes.
//!
//! The layout is in the documentation of the module above, for readers in other
//! languages.

use crate::clock::Stamp;
use crate::coding::Codec;
use crate::generation::Generation;
use std::fmt;

const MAGIC: [u8; 4] = *b"MMTO";
const VERSION: u8 = 1;
/// Up to the fields.
const FIXED: usize = 64;
const CHECKSUM_AT: usize = 12;
const CHECKSUM_ENDS: usize = 16;
const EXPIRES_AT: usize = 48;
const COMPRESSED: u8 = 1;
const ETAG: u16 = 1;
const GROUP: u16 = 2;
const STALE: u16 = 3;
const NEGATIVE: u16 = 4;
/// What a field takes beside its content.
const FIELD: usize = 6;
/// What a group's field takes beside its key.
const GENERATION: usize = 16;
/// The length of a stale period.
const PERIOD: usize = 8;
/// By how much at most a block of LZ4 is longer when it is decompressed.
const LZ4_MOST: usize = 255;

/// An envelope, and what is in it.
#[derive(Debug, PartialEq)]
pub(super) struct Envelope<'b> {
    pub(super) codec: Codec,
    pub(super) schema: u64,
    pub(super) key_check: [u8; 16],
    pub(super) created: Stamp,
    pub(super) expires: Stamp,
    pub(super) took: f32,
    pub(super) etag: Option<&'b str>,
    pub(super) groups: Vec<Group<'b>>,
    /// For how long it is stale after it has expired, in nanoseconds.
    pub(super) stale: u64,
    /// Whether its build has said that there is nothing.
    pub(super) is_negative: bool,
    pub(super) is_compressed: bool,
    pub(super) payload: &'b [u8],
}

/// The key of a group, and its generation.
pub(super) type Group<'b> = (&'b str, Generation);

/// What is wrong with bytes that were found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// They are no envelope, or not a whole one.
    Malformed(&'static str),
    /// They are one that this version may not read.
    Newer { needs: u8 },
}

/// The first bytes of a key's SHA-256.
pub(super) fn key_check(text: &str) -> [u8; 16] {
    let digest = hmac_sha256::Hash::hash(text.as_bytes());
    *digest.first_chunk().expect("a digest has 32 bytes")
}

impl<'b> Envelope<'b> {
    /// The bytes; nothing where they would be more than four gigabytes.
    pub(super) fn seal(&self) -> Option<Vec<u8>> {
        let groups = self.groups.iter();
        let fields = self.etag.map_or(0, |etag| FIELD + etag.len())
            + groups
                .map(|(group, _)| FIELD + GENERATION + group.len())
                .sum::<usize>()
            + match self.stale {
                0 => 0,
                _ => FIELD + PERIOD,
            }
            + if self.is_negative { FIELD } else { 0 };
        let header = u32::try_from(FIXED + fields).ok()?;
        let payload = u32::try_from(self.payload.len()).ok()?;
        let mut bytes = Vec::with_capacity(header as usize + self.payload.len());
        bytes.extend(MAGIC);
        bytes.extend([VERSION, VERSION, number_of(self.codec)]);
        bytes.push(if self.is_compressed { COMPRESSED } else { 0 });
        bytes.extend(header.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.schema.to_le_bytes());
        bytes.extend(self.key_check);
        bytes.extend(self.created.nanos().to_le_bytes());
        bytes.extend(self.expires.nanos().to_le_bytes());
        bytes.extend(self.took.to_le_bytes());
        bytes.extend(payload.to_le_bytes());
        if let Some(etag) = self.etag {
            bytes.extend(ETAG.to_le_bytes());
            bytes.extend((etag.len() as u32).to_le_bytes());
            bytes.extend(etag.as_bytes());
        }
        for (group, Generation { hard, soft }) in &self.groups {
            bytes.extend(GROUP.to_le_bytes());
            bytes.extend(((GENERATION + group.len()) as u32).to_le_bytes());
            bytes.extend(hard.to_le_bytes());
            bytes.extend(soft.to_le_bytes());
            bytes.extend(group.as_bytes());
        }
        if self.stale != 0 {
            bytes.extend(STALE.to_le_bytes());
            bytes.extend((PERIOD as u32).to_le_bytes());
            bytes.extend(self.stale.to_le_bytes());
        }
        if self.is_negative {
            bytes.extend(NEGATIVE.to_le_bytes());
            bytes.extend(0_u32.to_le_bytes());
        }
        bytes.extend(self.payload);
        set_checksum(&mut bytes);
        Some(bytes)
    }

    /// What is in the bytes. Allocates for groups alone, and for no more than there are.
    pub(super) fn open(bytes: &'b [u8]) -> Result<Self, Fault> {
        let fixed: &[u8; FIXED] = bytes.first_chunk().ok_or(Fault::Malformed("too short"))?;
        if fixed[..4] != MAGIC {
            return Err(Fault::Malformed("no envelope"));
        }
        if checksum(bytes) != u32::from_le_bytes(part(fixed, CHECKSUM_AT)) {
            return Err(Fault::Malformed("the checksum is of something else"));
        }
        if fixed[5] > VERSION {
            return Err(Fault::Newer { needs: fixed[5] });
        }
        let header = u32::from_le_bytes(part(fixed, 8)) as usize;
        let fields = bytes.get(FIXED..header);
        let fields = fields.ok_or(Fault::Malformed("the fields go beyond its end"))?;
        let payload = &bytes[header..];
        if payload.len() != u32::from_le_bytes(part(fixed, 60)) as usize {
            return Err(Fault::Malformed("the payload has another length"));
        }
        let flags = fixed[7];
        if flags & !COMPRESSED != 0 {
            return Err(Fault::Malformed("an unknown flag"));
        }
        let Fields {
            etag,
            groups,
            stale,
            is_negative,
        } = Fields::of(fields)?;
        Ok(Envelope {
            codec: codec_of(fixed[6]).ok_or(Fault::Malformed("an unknown codec"))?,
            schema: u64::from_le_bytes(part(fixed, 16)),
            key_check: part(fixed, 24),
            created: Stamp::from_nanos(u64::from_le_bytes(part(fixed, 40))),
            expires: Stamp::from_nanos(u64::from_le_bytes(part(fixed, EXPIRES_AT))),
            took: f32::from_le_bytes(part(fixed, 56)),
            etag,
            groups,
            stale,
            is_negative,
            is_compressed: flags & COMPRESSED != 0,
            payload,
        })
    }
}

/// The same envelope with another expiry; it has been opened before.
pub(super) fn with_expiry(envelope: &[u8], expires: Stamp) -> Vec<u8> {
    let mut bytes = envelope.to_vec();
    let at = EXPIRES_AT..EXPIRES_AT + 8;
    bytes[at].copy_from_slice(&expires.nanos().to_le_bytes());
    set_checksum(&mut bytes);
    bytes
}

/// A payload that takes less room.
pub(super) fn compressed(value: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(value)
}

/// The value that was compressed. A length that cannot be true is not allocated.
pub(super) fn decompressed(payload: &[u8]) -> Result<Vec<u8>, Fault> {
    let (length, block) = payload
        .split_first_chunk()
        .ok_or(Fault::Malformed("too short to be compressed"))?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > block.len().saturating_mul(LZ4_MOST) {
        return Err(Fault::Malformed("compressed by more than can be"));
    }
    let value = lz4_flex::block::decompress(block, length);
    match value {
        Ok(value) if value.len() == length => Ok(value),
        _ => Err(Fault::Malformed("not what was compressed")),
    }
}

/// What is known among the fields. What is unknown is skipped.
#[derive(Default)]
struct Fields<'b> {
    etag: Option<&'b str>,
    groups: Vec<Group<'b>>,
    stale: u64,
    is_negative: bool,
}

impl<'b> Fields<'b> {
    fn of(mut bytes: &'b [u8]) -> Result<Self, Fault> {
        const BROKEN: Fault = Fault::Malformed("a field goes beyond the others");
        let mut fields = Fields::default();
        while let Some((tag, rest)) = bytes.split_first_chunk() {
            let (length, rest) = rest.split_first_chunk().ok_or(BROKEN)?;
            let length = u32::from_le_bytes(*length) as usize;
            let (content, rest) = rest.split_at_checked(length).ok_or(BROKEN)?;
            match u16::from_le_bytes(*tag) {
                ETAG => {
                    let text = str::from_utf8(content);
                    fields.etag = Some(text.map_err(|_| Fault::Malformed("the etag is no text"))?);
                }
                GROUP => fields.groups.push(group(content)?),
                STALE => {
                    let period = content.try_into().map(u64::from_le_bytes);
                    let broken = Fault::Malformed("a stale period has another length");
                    fields.stale = period.map_err(|_| broken)?;
                }
                NEGATIVE => fields.is_negative = true,
                _ => {}
            }
            bytes = rest;
        }
        match bytes {
            [] => Ok(fields),
            _ => Err(BROKEN),
        }
    }
}

/// A group's key, and its generation.
fn group(content: &[u8]) -> Result<Group<'_>, Fault> {
    const BROKEN: Fault = Fault::Malformed("a group is too short, or no text");
    let (hard, rest) = content.split_first_chunk().ok_or(BROKEN)?;
    let (soft, key) = rest.split_first_chunk().ok_or(BROKEN)?;
    let generation = Generation {
        hard: u64::from_le_bytes(*hard),
        soft: u64::from_le_bytes(*soft),
    };
    Ok((str::from_utf8(key).map_err(|_| BROKEN)?, generation))
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&bytes[..CHECKSUM_AT]);
    sum.update(&bytes[CHECKSUM_ENDS..]);
    sum.finalize()
}

fn set_checksum(bytes: &mut [u8]) {
    let checksum = checksum(bytes).to_le_bytes();
    bytes[CHECKSUM_AT..CHECKSUM_ENDS].copy_from_slice(&checksum);
}

fn part<const N: usize>(fixed: &[u8; FIXED], at: usize) -> [u8; N] {
    *fixed[at..]
        .first_chunk()
        .expect("it is within the fixed part")
}

fn number_of(codec: Codec) -> u8 {
    match codec {
        Codec::MessagePack => 0,
        Codec::Json => 1,
        Codec::Postcard => 2,
    }
}

fn codec_of(number: u8) -> Option<Codec> {
    Some(match number {
        0 => Codec::MessagePack,
        1 => Codec::Json,
        2 => Codec::Postcard,
        _ => return None,
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Malformed(how) => write!(f, "the bytes are broken: {how}"),
            Fault::Newer { needs } => write!(
                f,
                "the bytes are for readers of version {needs}, and this one is {VERSION}"
            ),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope<'static> {
        Envelope {
            codec: Codec::Json,
            schema: 0x0102_0304_0506_0708,
            key_check: key_check("app::f(1)"),
            created: Stamp::from_nanos(1_792_000_000_123_456_789),
            expires: Stamp::NEVER,
            took: 0.25,
            etag: Some("v1"),
            groups: Vec::new(),
            stale: 0,
            is_negative: false,
            is_compressed: false,
            payload: b"[1,2]",
        }
    }

    #[test]
    fn what_is_sealed_is_what_is_opened() {
        let bytes = envelope().seal().unwrap();
        assert_eq!(Envelope::open(&bytes).unwrap(), envelope());
        let plain = Envelope {
            etag: None,
            payload: b"",
            ..envelope()
        };
        assert_eq!(Envelope::open(&plain.seal().unwrap()).unwrap(), plain);
    }

    #[test]
    fn the_bytes_are_those_of_the_golden_file() {
        let golden: &[u8] = include_bytes!("golden/version_1.bin");
        assert_eq!(envelope().seal().unwrap(), golden);
        assert_eq!(Envelope::open(golden).unwrap(), envelope());
    }

    #[test]
    fn what_says_that_there_is_nothing_says_so_in_a_field_without_content() {
        let nothing = Envelope {
            is_negative: true,
            ..envelope()
        };
        let bytes = nothing.seal().unwrap();
        assert_eq!(Envelope::open(&bytes).unwrap(), nothing);
        let at = bytes.len() - nothing.payload.len();
        assert_eq!(bytes[at - FIELD..at], [4, 0, 0, 0, 0, 0]);
    }

    /// The same in two groups.
    fn grouped() -> Envelope<'static> {
        let generation = |hard, soft| Generation { hard, soft };
        Envelope {
            groups: vec![
                ("@tag:users", generation(0x1112_1314_1516_1718, 2)),
                ("@all", generation(u64::MAX, 0x2122_2324_2526_2728)),
            ],
            ..envelope()
        }
    }

    #[test]
    fn the_bytes_in_groups_are_those_of_the_golden_file() {
        let golden: &[u8] = include_bytes!("golden/version_1_groups.bin");
        assert_eq!(grouped().seal().unwrap(), golden);
        assert_eq!(Envelope::open(golden).unwrap(), grouped());
    }

    /// The same in two groups, with a stale period.
    fn stale() -> Envelope<'static> {
        Envelope {
            expires: Stamp::from_nanos(1_792_000_060_123_456_789),
            stale: 3_600_000_000_000,
            ..grouped()
        }
    }

    #[test]
    fn the_bytes_with_a_stale_period_are_those_of_the_golden_file() {
        let golden: &[u8] = include_bytes!("golden/version_1_stale.bin");
        assert_eq!(stale().seal().unwrap(), golden);
        assert_eq!(Envelope::open(golden).unwrap(), stale());
    }

    #[test]
    fn a_stale_period_of_another_length_is_a_fault() {
        let mut bytes = envelope().seal().unwrap();
        let field = [3, 0, 1, 0, 0, 0, 9];
        bytes[8] += field.len() as u8;
        bytes.splice(FIXED..FIXED, field);
        set_checksum(&mut bytes);
        let broken = Fault::Malformed("a stale period has another length");
        assert_eq!(Envelope::open(&bytes), Err(broken));
    }

    #[test]
    fn another_expiry_leaves_the_stale_period_as_it_is() {
        let bytes = with_expiry(&stale().seal().unwrap(), Stamp::from_nanos(7));
        let expected = Envelope {
            expires: Stamp::from_nanos(7),
            ..stale()
        };
        assert_eq!(Envelope::open(&bytes).unwrap(), expected);
    }

    #[test]
    fn a_group_that_is_cut_or_no_text_is_a_fault() {
        for content in [&[0; 15][..], &[0xff; 17]] {
            let mut bytes = envelope().seal().unwrap();
            let length = (content.len() as u32).to_le_bytes();
            let field: Vec<u8> = [&GROUP.to_le_bytes()[..], &length, content].concat();
            bytes[8] += field.len() as u8;
            bytes.splice(FIXED..FIXED, field);
            set_checksum(&mut bytes);
            let broken = Fault::Malformed("a group is too short, or no text");
            assert_eq!(Envelope::open(&bytes), Err(broken));
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found_out() {
        let bytes = stale().seal().unwrap();
        for end in 0..bytes.len() {
            assert!(Envelope::open(&bytes[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..8 * bytes.len() {
            let mut broken = bytes.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(Envelope::open(&broken).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_later_version_that_adds_a_field_is_read() {
        let mut bytes = envelope().seal().unwrap();
        let field = [0xff, 0x7f, 3, 0, 0, 0, 9, 9, 9];
        bytes.splice(FIXED..FIXED, field);
        bytes[4] = 2;
        bytes[8] += field.len() as u8;
        set_checksum(&mut bytes);
        assert_eq!(Envelope::open(&bytes).unwrap(), envelope());
        bytes[5] = 2;
        set_checksum(&mut bytes);
        assert_eq!(Envelope::open(&bytes), Err(Fault::Newer { needs: 2 }));
    }

    #[test]
    fn another_expiry_changes_nothing_else() {
        let bytes = with_expiry(&envelope().seal().unwrap(), Stamp::from_nanos(7));
        let expected = Envelope {
            expires: Stamp::from_nanos(7),
            ..envelope()
        };
        assert_eq!(Envelope::open(&bytes).unwrap(), expected);
    }

    #[test]
    fn a_compressed_value_comes_back_and_a_false_length_is_not_allocated() {
        let value = vec![7; 100_000];
        let payload = compressed(&value);
        assert!(payload.len() < 1000);
        assert_eq!(decompressed(&payload).unwrap(), value);
        let mut false_length = payload.clone();
        false_length[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(decompressed(&false_length).is_err());
        assert!(decompressed(b"abc").is_err());
    }
}
