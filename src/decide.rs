//! Whether a kept entry answers a call: the rules of freshness, and nothing else.
//!
//! Pure: an entry's facts, a time and what the call wants go in, a verdict comes
//! out. There is no clock, no store and no lock in here, so that the rules are
//! tested as a table.

use crate::clock::Stamp;
use crate::entry::Entry;
use crate::etag::Etag;
use crate::generation::{Marks, Standing};

/// What a rule may look at.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'e> {
    pub(crate) created: Stamp,
    pub(crate) expires: Stamp,
    pub(crate) marks: Option<&'e Marks>,
    /// How it stands in its groups.
    pub(crate) standing: Standing,
}

impl<'e> Facts<'e> {
    /// Those of an entry whose etag is of no interest, and that is in no group.
    #[inline]
    pub(crate) fn dated(created: Stamp, expires: Stamp) -> Self {
        Facts {
            created,
            expires,
            marks: None,
            standing: Standing::Holds,
        }
    }

    /// Those of an entry that stands so in its groups.
    #[inline]
    pub(crate) fn standing<V>(entry: &'e Entry<V>, standing: Standing) -> Self {
        Facts {
            standing,
            ..Facts::from(entry)
        }
    }

    fn etag(&self) -> Option<&'e Etag> {
        self.marks?.etag.as_ref()
    }
}

/// Those of an entry that is in no group, or has not been compared with its groups.
impl<'e, V> From<&'e Entry<V>> for Facts<'e> {
    #[inline]
    fn from(entry: &'e Entry<V>) -> Self {
        Facts {
            created: entry.created,
            expires: entry.expires,
            marks: entry.marks.as_deref(),
            standing: Standing::Holds,
        }
    }
}

/// What a call wants of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Demand<'d> {
    /// The oldest that is accepted, in nanoseconds.
    pub(crate) max_age: u64,
    /// The time from which on nothing that is kept is accepted.
    pub(crate) expiry: Stamp,
    /// The only mark that is accepted. None: no check.
    pub(crate) etag: Option<&'d Etag>,
}

/// No limit to an age.
pub(crate) const ANY_AGE: u64 = u64::MAX;

impl Demand<'_> {
    /// Nothing is asked of an entry but its age, in nanoseconds.
    #[inline]
    pub(crate) fn of_age(max_age: u64) -> Self {
        Demand {
            max_age,
            expiry: Stamp::NEVER,
            etag: None,
        }
    }
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the answer.
    Fresh,
    /// It is too old: for itself, or for this call.
    Expired,
    /// It was made from something else.
    Changed,
    /// A group that it is in has been made stale.
    Stale,
    /// A group that it is in has been invalidated: it is as good as not there.
    Missing,
}

/// Whether the verdict depends on the time. A hit without an age reads no clock.
#[inline]
pub(crate) fn asks_for_time(entry: Facts<'_>, demand: Demand<'_>) -> bool {
    entry.expires != Stamp::NEVER || demand.max_age != ANY_AGE || demand.expiry != Stamp::NEVER
}

/// The verdict on an entry.
///
/// An entry that is just as old as it may be has expired: it is fresh while its
/// age is *below* the limit, as in HTTP (RFC 9111, section 4.2). One that was made
/// in the future, by another machine's clock, is as old as nothing.
///
/// What has been invalidated is missing, whatever else is to be said of it. Stale is
/// only what would else be fresh.
#[inline]
pub(crate) fn decide(entry: Facts<'_>, demand: Demand<'_>, now: Stamp) -> Verdict {
    if entry.standing == Standing::Gone {
        return Verdict::Missing;
    }
    if demand
        .etag
        .is_some_and(|wanted| entry.etag() != Some(wanted))
    {
        return Verdict::Changed;
    }
    let ends = entry
        .expires
        .min(demand.expiry)
        .min(entry.created.after_nanos(demand.max_age));
    if ends != Stamp::NEVER && now >= ends {
        return Verdict::Expired;
    }
    match entry.standing {
        Standing::Holds => Verdict::Fresh,
        Standing::Stale | Standing::Gone => Verdict::Stale,
    }
}

/// Whether a value that somebody else has just built answers a call that waited
/// for it. It is younger than the call, so its age is no question. Its groups are: the
/// build may have begun before one was invalidated, and the call after.
pub(crate) fn accepts_joined(entry: Facts<'_>, demand: Demand<'_>) -> bool {
    let is_same = demand
        .etag
        .is_none_or(|wanted| entry.etag() == Some(wanted));
    is_same && entry.standing == Standing::Holds
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Gone, Holds};
    use Verdict::{Changed, Expired, Fresh, Missing};

    #[test]
    fn the_table() {
        const NEVER: u64 = u64::MAX;
        let (a, b) = (Etag::new("a"), Etag::new("b"));
        let (a, b) = (Some(&a), Some(&b));
        // The entry: created, expires, etag. The call: the oldest it accepts, its
        // expiry, its etag. The time. The verdict, while the entry's groups hold.
        #[rustfmt::skip]
        let table = [
            // No ages and no etags: fresh for ever.
            ((100, NEVER, None), (NEVER, NEVER, None), 100,       Fresh),
            ((100, NEVER, None), (NEVER, NEVER, None), NEVER - 1, Fresh),
            // The entry's own expiry, before, at and after.
            ((100, 150,   None), (NEVER, NEVER, None), 149,       Fresh),
            ((100, 150,   None), (NEVER, NEVER, None), 150,       Expired),
            ((100, 150,   None), (NEVER, NEVER, None), 151,       Expired),
            // What the call accepts.
            ((100, NEVER, None), (50,    NEVER, None), 149,       Fresh),
            ((100, NEVER, None), (50,    NEVER, None), 150,       Expired),
            ((100, NEVER, None), (0,     NEVER, None), 100,       Expired),
            // The stricter of the two holds.
            ((100, 120,   None), (50,    NEVER, None), 119,       Fresh),
            ((100, 120,   None), (50,    NEVER, None), 120,       Expired),
            ((100, 180,   None), (50,    NEVER, None), 150,       Expired),
            // An expiry of the call.
            ((100, NEVER, None), (NEVER, 150,   None), 149,       Fresh),
            ((100, NEVER, None), (NEVER, 150,   None), 150,       Expired),
            ((100, 120,   None), (NEVER, 150,   None), 130,       Expired),
            // Made in the future, by another clock.
            ((100, NEVER, None), (50,    NEVER, None), 10,        Fresh),
            // An age that is longer than the clock can tell.
            ((100, NEVER, None), (NEVER - 1, NEVER, None), 1000,  Fresh),
            // No etag given: no check.
            ((100, NEVER, a),    (NEVER, NEVER, None), 100,       Fresh),
            // An etag given: the same, another, none kept.
            ((100, NEVER, a),    (NEVER, NEVER, a),    100,       Fresh),
            ((100, NEVER, a),    (NEVER, NEVER, b),    100,       Changed),
            ((100, NEVER, None), (NEVER, NEVER, a),    100,       Changed),
            // Both are against it: the etag is named.
            ((100, 150,   a),    (NEVER, NEVER, b),    200,       Changed),
            ((100, 150,   a),    (NEVER, NEVER, a),    200,       Expired),
        ];
        for (row, ((created, expires, etag), (max_age, expiry, wanted), now, verdict)) in
            table.into_iter().enumerate()
        {
            let marks = Marks::of(etag.cloned(), Vec::new());
            let entry = Facts {
                created: Stamp::from_nanos(created),
                expires: Stamp::from_nanos(expires),
                marks: marks.as_deref(),
                standing: Holds,
            };
            let demand = Demand {
                max_age,
                expiry: Stamp::from_nanos(expiry),
                etag: wanted,
            };
            let decided = decide(entry, demand, Stamp::from_nanos(now));
            assert_eq!(decided, verdict, "row {row}");
            if !asks_for_time(entry, demand) {
                let later = decide(entry, demand, Stamp::from_nanos(NEVER - 1));
                assert_eq!(decided, later, "row {row} depends on the time");
            }
            // Stale is what would be fresh, and missing is anything.
            let standing = |standing| Facts { standing, ..entry };
            let stale = match verdict {
                Fresh => Verdict::Stale,
                other => other,
            };
            let at = Stamp::from_nanos(now);
            assert_eq!(
                decide(standing(Standing::Stale), demand, at),
                stale,
                "row {row}"
            );
            assert_eq!(decide(standing(Gone), demand, at), Missing, "row {row}");
            assert_eq!(
                accepts_joined(entry, demand),
                verdict != Changed,
                "row {row}"
            );
            assert!(
                !accepts_joined(standing(Standing::Stale), demand),
                "row {row}"
            );
            assert!(!accepts_joined(standing(Gone), demand), "row {row}");
        }
    }
}
