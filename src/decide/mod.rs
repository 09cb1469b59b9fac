//! Whether a kept entry answers a call: the rules of freshness, and nothing else.
//!
//! Pure: an entry's facts, a time and what the call wants go in, a verdict comes
//! out; and by the verdict, what the call does. There is no clock, no store, no lock
//! and no random number in here, so that the rules are tested as a table.
//!
//! ```text
//!   created                        ends                         until
//!      |----------- fresh ----------|----------- stale ----------|---- expired
//!                   |---- early ----|
//! ```

mod course;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod table;

pub(crate) use course::{Course, WhileStale, course};

use crate::clock::Stamp;
use crate::entry::Entry;
use crate::etag::Etag;
use crate::generation::{Marks, Standing};

/// What a rule may look at.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'e> {
    pub(crate) created: Stamp,
    pub(crate) expires: Stamp,
    /// For how long it is stale after that, in nanoseconds.
    pub(crate) stale: u64,
    /// How long its build took, in seconds.
    pub(crate) took: f32,
    pub(crate) marks: Option<&'e Marks>,
    /// How it stands in its groups.
    pub(crate) standing: Standing,
}

impl<'e> Facts<'e> {
    /// Those of an entry whose etag is of no interest, and that is in no group.
    #[cfg(test)]
    pub(crate) fn dated(created: Stamp, expires: Stamp) -> Self {
        Facts {
            created,
            expires,
            stale: 0,
            took: 0.0,
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
            stale: entry.stale(),
            took: entry.took,
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
    /// For how long after its end it is accepted stale, in nanoseconds.
    pub(crate) stale_for: u64,
    pub(crate) early: Early,
}

/// When a call refreshes what is still fresh: whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Early {
    /// From this part of the fresh period on; 1 is not before it ends.
    pub(crate) from: f64,
    /// So many times the build's time before it ends.
    pub(crate) ahead: f64,
}

impl Early {
    /// Not before it expires.
    pub(crate) const NEVER: Early = Early {
        from: 1.0,
        ahead: 0.0,
    };
}

/// No limit to an age.
pub(crate) const ANY_AGE: u64 = u64::MAX;

#[cfg(test)]
impl Demand<'_> {
    /// Nothing is asked of an entry but its age, in nanoseconds.
    pub(crate) fn of_age(max_age: u64) -> Self {
        Demand {
            max_age,
            expiry: Stamp::NEVER,
            etag: None,
            stale_for: 0,
            early: Early::NEVER,
        }
    }
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the answer.
    Fresh,
    /// It is the answer, and is to be refreshed before it expires.
    Early,
    /// It is too old, or a group that it is in has been made stale; and it may be
    /// served until there is a fresh one.
    Stale,
    /// It is too old: for itself, or for this call.
    Expired,
    /// It was made from something else.
    Changed,
    /// A group that it is in has been invalidated: it is as good as not there.
    Missing,
}

impl Verdict {
    /// Whether it says that the entry is fresh.
    pub(crate) fn is_fresh(self) -> bool {
        matches!(self, Verdict::Fresh | Verdict::Early)
    }
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
/// What has been invalidated is missing, whatever else is to be said of it. What was
/// made from something else is no answer, not even a stale one.
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
    let is_over = ends != Stamp::NEVER && now >= ends;
    if is_over || entry.standing == Standing::Stale {
        return match is_served_stale(entry, demand, ends, now) {
            true => Verdict::Stale,
            false => Verdict::Expired,
        };
    }
    match is_early(entry, demand.early, ends, now) {
        true => Verdict::Early,
        false => Verdict::Fresh,
    }
}

/// Whether a plain look finds an entry fresh: the same verdict, where nothing is asked but
/// ages. A hit pays for this.
#[inline]
pub(crate) fn is_fresh(created: Stamp, expires: Stamp, max_age: u64, now: Stamp) -> bool {
    let ends = expires.min(created.after_nanos(max_age));
    ends == Stamp::NEVER || now < ends
}

/// Whether the entry has a stale period that is not over, and the call accepts it. The
/// stricter of the two holds.
#[cold]
fn is_served_stale(entry: Facts<'_>, demand: Demand<'_>, ends: Stamp, now: Stamp) -> bool {
    if entry.stale == 0 || demand.stale_for == 0 {
        return false;
    }
    let until = entry
        .expires
        .after_nanos(entry.stale)
        .min(ends.after_nanos(demand.stale_for));
    until == Stamp::NEVER || now < until
}

/// Whether a fresh entry is to be refreshed. What never ends is not.
#[inline]
fn is_early(entry: Facts<'_>, early: Early, ends: Stamp, now: Stamp) -> bool {
    if early == Early::NEVER || ends == Stamp::NEVER {
        return false;
    }
    let period = ends.since(entry.created).as_secs_f64();
    let age = now.since(entry.created).as_secs_f64();
    let is_late = early.from < 1.0 && age >= period * early.from;
    // XFetch: now - took * beta * ln(random) >= expiry, where `ahead` is all but the
    // build's time.
    let left = ends.since(now).as_secs_f64();
    let is_drawn = early.ahead > 0.0 && left <= f64::from(entry.took) * early.ahead;
    is_late || is_drawn
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
