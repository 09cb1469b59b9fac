/// The slots of a cluster.
const SLOTS: u16 = 16_384;

/// The slot of a key: CRC-16/XMODEM of its hash tag, or of all of it where it has
/// none (Redis Cluster specification, "Key distribution model").
pub(super) fn slot(name: &str) -> u16 {
    crc16(tag(name).as_bytes()) % SLOTS
}

fn tag(name: &str) -> &str {
    let Some((_, rest)) = name.split_once('{') else {
        return name;
    };
    match rest.split_once('}') {
        Some((tag, _)) if !tag.is_empty() => tag,
        _ => name,
    }
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)]
    })
}

static TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[n] = remainder((n as u16) << 8);
        n += 1;
    }
    table
};

const fn remainder(mut value: u16) -> u16 {
    let mut bit = 0;
    while bit < 8 {
        let carry = value & 0x8000 != 0;
        value <<= 1;
        if carry {
            value ^= 0x1021;
        }
        bit += 1;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn the_tag_is_hashed_alone() {
        assert_eq!(slot("a{user}b"), slot("user"));
        assert_eq!(tag("a{}b"), "a{}b");
        assert_eq!(tag("a{b"), "a{b");
        assert_eq!(tag("a{{b}}c"), "{b");
    }
}
