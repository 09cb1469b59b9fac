//! The search for an order of points that explains a history: Wing and Gong, "Testing
//! and Verifying Concurrent Objects" (1993), with the states that led nowhere kept, as
//! in Lowe, "Testing for linearizability" (2017).

use super::history::{Call, Tick};
use super::model::{Model, Promises, State};
use std::collections::HashSet;

/// Whether the model explains the history.
pub(crate) fn explains(promises: Promises, calls: &[Call]) -> bool {
    assert!(calls.len() <= 32, "a history is short");
    let model = Model { calls, promises };
    let mut search = Search {
        model: &model,
        dead: HashSet::new(),
    };
    search.goes_on(&model.start(), 0)
}

struct Search<'m, 'h> {
    model: &'m Model<'h>,
    /// The states from which there is no way to the end.
    dead: HashSet<(State, Tick)>,
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
            all &= done == super::model::ALL;
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
        if self.dead.contains(&(state.clone(), now)) {
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
        self.dead.insert((state.clone(), now));
        false
    }
}
