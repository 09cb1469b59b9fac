//! The search for an order of points that explains a history: Wing and Gong, "Testing
//! and Verifying Concurrent Objects" (1993), with the states it has been in kept, as
//! in Lowe, "Testing for linearizability" (2017).

use super::history::{Call, Tick};
use super::model::{ALL, Model, Promises, State};
use std::collections::HashSet;

/// Whether the model explains the history.
pub(crate) fn explains(promises: Promises, calls: &[Call]) -> bool {
    assert!(calls.len() <= 32, "a history is short");
    let model = Model { calls, promises };
    let mut search = Search {
        model: &model,
        seen: HashSet::new(),
    };
    search.goes_on(&model.start(), 0)
}

struct Search<'m, 'h> {
    model: &'m Model<'h>,
    /// The states that were gone on from: no other way to them leads to the end.
    seen: HashSet<(State, Tick)>,
}

impl Search<'_, '_> {
    /// Whether the rest is explained, from a state that the model is in just after
    /// `now`.
    fn goes_on(&mut self, state: &State, now: Tick) -> bool {
        let model = self.model;
        let mut next = Vec::new();
        let mut all = true;
        for (at, &done) in state.done.iter().enumerate() {
            let points = model.next(at, done);
            all &= done == ALL;
            for (point, then) in points {
                let (from, to) = model.calls[at].window(point);
                if to <= now {
                    // It is too late for this one.
                    return false;
                }
                next.push((at, point, then, now.max(from)));
            }
        }
        if all {
            return true;
        }
        if !self.seen.insert((state.clone(), now)) {
            return false;
        }
        // By when they can be, so that most histories are explained at once.
        next.sort_by_key(|&(.., when)| when);
        for (at, point, then, when) in next {
            if let Some(mut after) = model.apply(state, at, point) {
                after.done[at] = then;
                if self.goes_on(&after, when) {
                    return true;
                }
            }
        }
        false
    }
}
