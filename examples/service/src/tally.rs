//! How requests were answered.

use mementos::Answered;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the answers of one route.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: [AtomicU64; ALL.len()],
    failed: AtomicU64,
}

/// What a tally has come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Answers {
    /// Answered from what is kept, without a wait for a build.
    pub(crate) kept: u64,
    /// Those of them that were stale.
    pub(crate) stale: u64,
    /// Answered by a build that the request waited for.
    pub(crate) waited: u64,
    /// Not answered.
    pub(crate) failed: u64,
}

const ALL: [Answered; 8] = [
    Answered::Hit,
    Answered::Early,
    Answered::Stale,
    Answered::Fallback,
    Answered::Joined,
    Answered::Built,
    Answered::NotModified,
    Answered::StoreFault,
];

impl Tally {
    /// Counts an answer, for this and for the metrics.
    pub(crate) fn count(&self, route: &'static str, how: Answered) {
        let at = ALL.iter().position(|&known| known == how);
        at.inspect(|&at| add(&self.counts[at]));
        metrics::counter!("service_answers_total", "route" => route, "how" => how.name())
            .increment(1);
    }

    /// Counts a request that was not answered.
    pub(crate) fn failed(&self, route: &'static str) {
        add(&self.failed);
        metrics::counter!("service_answers_total", "route" => route, "how" => "failed")
            .increment(1);
    }

    /// What it has come to.
    pub(crate) fn answers(&self) -> Answers {
        let sum = |among: fn(Answered) -> bool| {
            let counts = ALL.iter().zip(&self.counts);
            let among = counts.filter(|(how, _)| among(**how));
            among.map(|(_, count)| count.load(Ordering::Relaxed)).sum()
        };
        Answers {
            kept: sum(is_kept),
            stale: sum(Answered::is_stale),
            waited: sum(|how| !is_kept(how)),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}

fn is_kept(how: Answered) -> bool {
    how.is_stale() || matches!(how, Answered::Hit | Answered::Early)
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_counted_once() {
        let tally = Tally::default();
        ALL.iter().for_each(|&how| tally.count("/", how));
        tally.failed("/");
        let expected = Answers {
            kept: 4,
            stale: 2,
            waited: 4,
            failed: 1,
        };
        assert_eq!(tally.answers(), expected);
    }
}
