//! Which groups have been invalidated of results that are in no store, but in the
//! memory of a memoizer or of a function: by a count of invalidations, which only the
//! threads of this process have to agree on.
//!
//! An entry records how far the count was before it was built. It is over once one of its
//! groups has been invalidated at a higher count. So nothing is kept of groups that nobody
//! has invalidated, however many there are.

use crate::generation::{Generation, How, Recorded, Standing};
use crate::sync::switch_point;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The invalidations of one memoizer.
#[derive(Default)]
pub(crate) struct Epochs {
    /// How many there have been.
    now: AtomicU64,
    ended: RwLock<Ended>,
}

#[derive(Default)]
struct Ended {
    /// Up to which count they may have been forgotten: of entries from before nothing is
    /// known, so they are over.
    forgotten: u64,
    /// The last of each group, hard and soft.
    last: HashMap<Arc<String>, Generation>,
}

/// How many groups are remembered at most. Where more are invalidated, the older half is
/// forgotten.
const MOST: usize = if cfg!(test) { 8 } else { 16_384 };

impl Epochs {
    /// What an entry records that is built from now on.
    pub(crate) fn now(&self) -> Generation {
        switch_point();
        let now = self.now.load(Ordering::SeqCst);
        Generation {
            hard: now,
            soft: now,
        }
    }

    /// Invalidates a group.
    pub(crate) fn end(&self, group: String, how: How) {
        switch_point();
        let mut ended = self.ended.write();
        let now = self.now.load(Ordering::SeqCst) + 1;
        let last = ended.last.entry(Arc::new(group));
        let last = last.or_insert(Generation { hard: 0, soft: 0 });
        match how {
            How::Hard => last.hard = now,
            How::Soft => last.soft = now,
        }
        if ended.last.len() > MOST {
            ended.forget();
        }
        // With the rest in place: who sees the new count sees that too.
        self.now.store(now, Ordering::SeqCst);
    }

    /// How an entry stands that has recorded these.
    pub(crate) fn standing(&self, recorded: &[Recorded]) -> Standing {
        let now = self.now();
        // Nothing has been invalidated since: there is nothing to look up.
        if recorded.iter().all(|group| group.generation == now) {
            return Standing::Holds;
        }
        let ended = self.ended.read();
        let each = recorded.iter().map(|group| ended.standing(group));
        each.max().unwrap_or(Standing::Holds)
    }
}

impl Ended {
    fn standing(&self, recorded: &Recorded) -> Standing {
        let then = recorded.generation.hard;
        if then < self.forgotten {
            return Standing::Gone;
        }
        match self.last.get(&recorded.group) {
            Some(last) if last.hard > then => Standing::Gone,
            Some(last) if last.soft > then => Standing::Stale,
            _ => Standing::Holds,
        }
    }

    fn forget(&mut self) {
        let of = |last: &Generation| last.hard.max(last.soft);
        let mut counts: Vec<u64> = self.last.values().map(of).collect();
        let middle = counts.len() / 2;
        let (_, middle, _) = counts.select_nth_unstable(middle);
        self.forgotten = *middle;
        self.last.retain(|_, last| of(last) > *middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epochs: &Epochs, tag: &str) -> [Recorded; 1] {
        [Recorded {
            group: Arc::new(tag.to_owned()),
            generation: epochs.now(),
        }]
    }

    #[test]
    fn a_row_is_over_once_its_tag_is_and_another_is_not() {
        let epochs = Epochs::default();
        let (a, b) = (row(&epochs, "a"), row(&epochs, "b"));
        epochs.end("a".to_owned(), How::Soft);
        assert_eq!(epochs.standing(&a), Standing::Stale);
        assert_eq!(epochs.standing(&b), Standing::Holds);
        epochs.end("a".to_owned(), How::Hard);
        epochs.end("a".to_owned(), How::Soft);
        assert_eq!(epochs.standing(&a), Standing::Gone, "and stays so");
        assert_eq!(epochs.standing(&row(&epochs, "a")), Standing::Holds);
    }

    #[test]
    fn what_is_forgotten_revives_nothing() {
        let epochs = Epochs::default();
        let (old, untouched) = (row(&epochs, "old"), row(&epochs, "untouched"));
        epochs.end("old".to_owned(), How::Hard);
        for n in 0..4 * MOST {
            let young = row(&epochs, "young");
            epochs.end(n.to_string(), How::Hard);
            assert_eq!(epochs.standing(&old), Standing::Gone, "{n}");
            assert_eq!(epochs.standing(&young), Standing::Holds, "{n}");
            assert!(epochs.ended.read().last.len() <= MOST);
        }
        assert_eq!(epochs.standing(&untouched), Standing::Gone);
    }
}
