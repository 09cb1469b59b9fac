//! What is known of a kept output, but for its expiry, in one word.

#![allow(unsafe_code)]

use crate::clock::Stamp;
use crate::entry::Entry;
use crate::generation::Marks;
use crate::table::{Dates, Note};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// What an entry says beside its value and its expiry.
///
/// Most entries have no etag, no stale period, and are in no group. Their creation and build time are packed into the
/// pointer itself; the others point to all of it. So a million of them take eight
/// bytes each and no allocation.
pub(crate) struct Facts(NonNull<Full>);

struct Full {
    created: Stamp,
    marks: Option<Arc<Marks>>,
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

impl Facts {
    pub(crate) fn of<V>(entry: &Entry<V>) -> Self {
        // A word of 32 bits is too small.
        if entry.marks.is_none() && usize::BITS == u64::BITS {
            return Facts(plain(entry.created, entry.took));
        }
        let full = Box::new(Full {
            created: entry.created,
            marks: entry.marks.clone(),
            took: entry.took,
        });
        Facts(NonNull::from(Box::leak(full)))
    }

    /// The entry, with a value and its dates, if it has any.
    pub(crate) fn with<V>(&self, value: V, dates: Option<Dates>) -> Entry<V> {
        let Dates { created, expires } = self.dates(dates);
        let (marks, took) = match self.full() {
            Some(full) => (full.marks.clone(), full.took),
            None => (None, self.took()),
        };
        Entry {
            value,
            created,
            expires,
            marks,
            took,
        }
    }

    /// The dates, if there are any, or what is known without.
    #[inline]
    pub(crate) fn dates(&self, dates: Option<Dates>) -> Dates {
        dates.unwrap_or_else(|| Dates {
            created: self.created(),
            expires: Stamp::NEVER,
        })
    }

    fn is_plain(&self) -> bool {
        self.0.addr().get() & IS_PLAIN != 0
    }

    fn took(&self) -> f32 {
        let bits = (self.word() >> 1) as u32 & ((1 << TOOK_BITS) - 1);
        f32::from_bits(bits << TOOK_DROPS)
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
}

impl Note for Facts {
    fn created(&self) -> Stamp {
        match self.full() {
            Some(full) => full.created,
            None => Stamp::from_nanos((self.word() >> (1 + TOOK_BITS)) << CREATED_DROPS),
        }
    }

    fn stale(&self) -> u64 {
        let marks = self.full().and_then(|full| full.marks.as_ref());
        marks.map_or(0, |marks| marks.stale)
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

impl Drop for Facts {
    fn drop(&mut self) {
        if !self.is_plain() {
            // SAFETY: as in `full`, and it is not used after this.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

// SAFETY: it is a `Box<Full>` or a number, and `Full` is `Send` and `Sync`.
unsafe impl Send for Facts where Full: Send {}
// SAFETY: the same.
unsafe impl Sync for Facts where Full: Sync {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etag::Etag;

    fn entry(etag: Option<Etag>) -> Entry<()> {
        Entry {
            value: (),
            created: Stamp::from_nanos(1_792_000_000_123_456_789),
            expires: Stamp::NEVER,
            marks: Marks::of(etag, Vec::new(), 0),
            took: 0.012_345,
        }
    }

    #[test]
    fn without_an_etag_all_is_in_a_word_to_a_millisecond() {
        let before = entry(None);
        let facts = Facts::of(&before);
        assert_eq!(facts.is_plain(), usize::BITS == 64);
        let after = facts.with((), None);
        assert!(after.created <= before.created);
        assert!(before.created.since(after.created).as_millis() <= 1);
        assert!((after.took / before.took - 1.0).abs() < 0.001);
        assert_eq!((after.expires, after.marks), (Stamp::NEVER, None));
    }

    #[test]
    fn with_an_etag_all_is_kept_as_it_is() {
        let before = entry(Some(Etag::new("a")));
        let facts = Facts::of(&before);
        assert!(!facts.is_plain());
        let after = facts.with((), None);
        assert_eq!(after.created, before.created);
        assert_eq!(after.marks, before.marks);
        assert_eq!(after.took, before.took);
    }

    #[test]
    fn dates_say_more_than_the_word() {
        let dates = Dates {
            created: Stamp::from_nanos(1),
            expires: Stamp::from_nanos(2),
        };
        for etag in [None, Some(Etag::new("a"))] {
            let after = Facts::of(&entry(etag)).with((), Some(dates));
            assert_eq!(
                (after.created, after.expires),
                (dates.created, dates.expires)
            );
        }
    }

    #[test]
    fn the_longest_and_the_shortest_builds_and_times_fit() {
        for (created, took) in [(0, 0.0), (u64::MAX - 1, f32::MAX), (1 << 20, 1e-9)] {
            let before = Entry {
                created: Stamp::from_nanos(created),
                took,
                ..entry(None)
            };
            let after = Facts::of(&before).with((), None);
            assert!(after.took <= before.took && after.took >= 0.999 * before.took);
            assert!(before.created.since(after.created).as_millis() <= 1);
        }
    }
}
