//! What is known of a kept output, in one word where there is little to know.

#![allow(unsafe_code)]

use crate::clock::Stamp;
use crate::entry::Entry;
use crate::etag::Etag;
use std::ptr::{self, NonNull};

/// What an entry says beside its value.
///
/// Most entries have no expiry and no etag. Their creation and build time are
/// packed into the pointer itself; the others point to all of it. A row is so 24
/// bytes for a number by a number, in place of 56. A million rows are then a third
/// of the memory, and a table of some ten thousand fits the processor's own cache.
pub(crate) struct Packed(NonNull<Full>);

struct Full {
    created: Stamp,
    expires: Stamp,
    etag: Option<Etag>,
    took: f32,
}

/// Set in a word that is no pointer: an allocation of `Full` is aligned to more.
const IS_PLAIN: usize = 1;
/// The bits of a build time: those of an `f32` without its sign, less twelve of
/// its digits. One part in four thousand is left.
const TOOK_BITS: u32 = 19;
const TOOK_DROPS: u32 = 12;
/// Creation times are kept in units of 2^20 nanoseconds, a little over a
/// millisecond.
const CREATED_DROPS: u32 = 20;

const _: () = assert!(align_of::<Full>() > IS_PLAIN);
const _: () = assert!(1 + TOOK_BITS + (u64::BITS - CREATED_DROPS) == u64::BITS);

impl Packed {
    pub(crate) fn of<V>(entry: &Entry<V>) -> Self {
        let is_plain = entry.expires == Stamp::NEVER && entry.etag.is_none();
        // A word of 32 bits is too small.
        if is_plain && usize::BITS == u64::BITS {
            return Packed(plain(entry.created, entry.took));
        }
        let full = Box::new(Full {
            created: entry.created,
            expires: entry.expires,
            etag: entry.etag.clone(),
            took: entry.took,
        });
        Packed(NonNull::from(Box::leak(full)))
    }

    /// The entry, with a value.
    pub(crate) fn with<V>(&self, value: V) -> Entry<V> {
        match self.full() {
            Some(full) => Entry {
                value,
                created: full.created,
                expires: full.expires,
                etag: full.etag.clone(),
                took: full.took,
            },
            None => Entry {
                value,
                created: self.created(),
                expires: Stamp::NEVER,
                etag: None,
                took: f32::from_bits(
                    ((self.word() >> 1) as u32 & ((1 << TOOK_BITS) - 1)) << TOOK_DROPS,
                ),
            },
        }
    }

    /// Whether there is neither an expiry nor an etag.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.0.addr().get() & IS_PLAIN != 0
    }

    pub(crate) fn created(&self) -> Stamp {
        match self.full() {
            Some(full) => full.created,
            None => Stamp::from_nanos((self.word() >> (1 + TOOK_BITS)) << CREATED_DROPS),
        }
    }

    pub(crate) fn expires(&self) -> Stamp {
        self.full().map_or(Stamp::NEVER, |full| full.expires)
    }

    pub(crate) fn set_expires(&mut self, at: Stamp) {
        if let Some(full) = self.full_mut() {
            full.expires = at;
            return;
        }
        let mut entry = self.with(());
        entry.expires = at;
        *self = Packed::of(&entry);
    }

    fn word(&self) -> u64 {
        self.0.addr().get() as u64
    }

    fn full(&self) -> Option<&Full> {
        if self.is_plain() {
            return None;
        }
        // SAFETY: not plain, so it came from `Box::leak` in `of`, and is freed in
        // `drop` alone. It is borrowed as this is.
        Some(unsafe { self.0.as_ref() })
    }

    fn full_mut(&mut self) -> Option<&mut Full> {
        if self.is_plain() {
            return None;
        }
        // SAFETY: as in `full`; nobody else has this box.
        Some(unsafe { self.0.as_mut() })
    }
}

/// A word that is no pointer.
fn plain(created: Stamp, took: f32) -> NonNull<Full> {
    let took = took.max(0.0).to_bits() >> TOOK_DROPS;
    let created = created.nanos() >> CREATED_DROPS << (1 + TOOK_BITS);
    let word = created | u64::from(took) << 1 | IS_PLAIN as u64;
    // On a machine whose words are smaller this is not called.
    let word = ptr::without_provenance_mut(word as usize);
    NonNull::new(word).expect("one bit is set")
}

impl Drop for Packed {
    fn drop(&mut self) {
        if !self.is_plain() {
            // SAFETY: as in `full`, and it is not used after this.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

// SAFETY: it is a `Box<Full>` or a number, and `Full` is `Send` and `Sync`.
unsafe impl Send for Packed where Full: Send {}
// SAFETY: the same.
unsafe impl Sync for Packed where Full: Sync {}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(expires: Stamp, etag: Option<Etag>) -> Entry<()> {
        Entry {
            value: (),
            created: Stamp::from_nanos(1_792_000_000_123_456_789),
            expires,
            etag,
            took: 0.012_345,
        }
    }

    #[test]
    fn what_is_plain_is_kept_in_a_word_to_a_millisecond() {
        let before = entry(Stamp::NEVER, None);
        let packed = Packed::of(&before);
        assert_eq!(packed.is_plain(), usize::BITS == 64);
        let after = packed.with(());
        assert!(after.created <= before.created);
        assert!(before.created.since(after.created).as_millis() <= 1);
        assert!((after.took / before.took - 1.0).abs() < 0.001);
        assert_eq!((after.expires, after.etag), (Stamp::NEVER, None));
    }

    #[test]
    fn anything_else_is_kept_as_it_is() {
        let at = Stamp::from_nanos(1_800_000_000_000_000_001);
        for before in [
            entry(at, None),
            entry(Stamp::NEVER, Some(Etag::new("a"))),
            entry(at, Some(Etag::new("a"))),
        ] {
            let packed = Packed::of(&before);
            assert!(!packed.is_plain());
            let after = packed.with(());
            assert_eq!(after.created, before.created);
            assert_eq!(after.expires, before.expires);
            assert_eq!(after.etag, before.etag);
            assert_eq!(after.took, before.took);
        }
    }

    #[test]
    fn an_expiry_can_be_given_to_either() {
        let at = Stamp::from_nanos(1_900_000_000_000_000_000);
        let etag = Some(Etag::new("a"));
        for before in [entry(Stamp::NEVER, None), entry(Stamp::NEVER, etag)] {
            let mut packed = Packed::of(&before);
            packed.set_expires(at);
            assert_eq!(packed.expires(), at);
            assert_eq!(packed.with(()).etag, before.etag);
            packed.set_expires(Stamp::NEVER);
            assert_eq!(packed.expires(), Stamp::NEVER);
        }
    }

    #[test]
    fn the_longest_and_the_shortest_builds_and_times_fit() {
        for (created, took) in [(0, 0.0), (u64::MAX - 1, f32::MAX), (1 << 20, 1e-9)] {
            let before = Entry {
                created: Stamp::from_nanos(created),
                took,
                ..entry(Stamp::NEVER, None)
            };
            let after = Packed::of(&before).with(());
            assert!(after.took <= before.took && after.took >= 0.999 * before.took);
            assert!(before.created.since(after.created).as_millis() <= 1);
        }
    }
}
