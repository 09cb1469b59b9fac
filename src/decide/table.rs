//! The rules as a table.

use super::*;
use crate::clock::Stamp;
use std::time::Duration;

const NEVER: u64 = u64::MAX;
const SECOND: u64 = 1_000_000_000;

/// An entry, in seconds.
#[derive(Clone, Copy)]
struct E {
    created: u64,
    expires: u64,
    stale: u64,
    took: f32,
    etag: &'static str,
    standing: Standing,
}

/// What a call wants, in seconds.
#[derive(Clone, Copy)]
struct C {
    max_age: u64,
    expiry: u64,
    stale_for: u64,
    from: f64,
    ahead: f64,
    etag: &'static str,
}

const ENTRY: E = E {
    created: 100,
    expires: NEVER,
    stale: 0,
    took: 0.0,
    etag: "",
    standing: Standing::Holds,
};

const CALL: C = C {
    max_age: NEVER,
    expiry: NEVER,
    stale_for: 0,
    from: 1.0,
    ahead: 0.0,
    etag: "",
};

fn nanos(seconds: u64) -> u64 {
    seconds.saturating_mul(SECOND)
}

fn etag(text: &str) -> Option<Etag> {
    (!text.is_empty()).then(|| Etag::new(text))
}

fn verdict(entry: E, call: C, now: u64) -> Verdict {
    let marks = Marks::of(etag(entry.etag), Vec::new(), nanos(entry.stale));
    let wanted = etag(call.etag);
    let facts = Facts {
        created: Stamp::from_nanos(nanos(entry.created)),
        expires: Stamp::from_nanos(nanos(entry.expires)),
        stale: nanos(entry.stale),
        took: entry.took,
        marks: marks.as_deref(),
        standing: entry.standing,
    };
    let demand = Demand {
        max_age: nanos(call.max_age),
        expiry: Stamp::from_nanos(nanos(call.expiry)),
        stale_for: nanos(call.stale_for),
        early: Early {
            from: call.from,
            ahead: call.ahead,
        },
        etag: wanted.as_ref(),
    };
    let verdict = decide(facts, demand, Stamp::from_nanos(nanos(now)));
    if !asks_for_time(facts, demand) {
        let later = decide(facts, demand, Stamp::from_nanos(NEVER - 1));
        assert_eq!(verdict, later, "it depends on the time");
    }
    let accepted = accepts_joined(facts, demand);
    assert_eq!(
        accepted,
        verdict != Verdict::Changed && entry.standing == Standing::Holds
    );
    verdict
}

#[test]
fn the_table_of_verdicts() {
    use Verdict::{Changed, Early, Expired, Fresh, Missing, Stale};
    let e = |created, expires| E {
        created,
        expires,
        ..ENTRY
    };
    let stale = |expires, stale| E {
        stale,
        ..e(100, expires)
    };
    let marked = |expires, etag| E {
        etag,
        ..e(100, expires)
    };
    let age = |max_age| C { max_age, ..CALL };
    let until = |expiry| C { expiry, ..CALL };
    let wants = |etag| C { etag, ..CALL };
    let accepts = |stale_for| C { stale_for, ..CALL };
    let from = |from| C { from, ..CALL };
    let ahead = |ahead| C { ahead, ..CALL };
    let took = |took| E {
        took,
        ..e(100, 200)
    };
    let soft = |entry| E {
        standing: Standing::Stale,
        ..entry
    };
    let gone = |entry| E {
        standing: Standing::Gone,
        ..entry
    };
    // The entry; the call; the time; the verdict. The entry was created at 100.
    #[rustfmt::skip]
    let table = [
        // No ages and no etags: fresh for ever.
        (ENTRY,          CALL,       100,       Fresh),
        (ENTRY,          CALL,       1_000_000, Fresh),
        // The entry's own expiry, before, at and after.
        (e(100, 150),    CALL,       149,       Fresh),
        (e(100, 150),    CALL,       150,       Expired),
        (e(100, 150),    CALL,       151,       Expired),
        // What the call accepts.
        (ENTRY,          age(50),    149,       Fresh),
        (ENTRY,          age(50),    150,       Expired),
        (ENTRY,          age(0),     100,       Expired),
        // The stricter of the two holds.
        (e(100, 120),    age(50),    119,       Fresh),
        (e(100, 120),    age(50),    120,       Expired),
        (e(100, 180),    age(50),    150,       Expired),
        // An expiry of the call.
        (ENTRY,          until(150), 149,       Fresh),
        (ENTRY,          until(150), 150,       Expired),
        (e(100, 120),    until(150), 130,       Expired),
        // Made in the future, by another clock.
        (ENTRY,          age(50),    10,        Fresh),
        // No etag given: no check.
        (marked(NEVER, "a"), CALL,   100,       Fresh),
        // An etag given: the same, another, none kept.
        (marked(NEVER, "a"), wants("a"), 100,   Fresh),
        (marked(NEVER, "a"), wants("b"), 100,   Changed),
        (ENTRY,          wants("a"), 100,       Changed),
        // Both are against it: the etag is named.
        (marked(150, "a"), wants("b"), 200,     Changed),
        (marked(150, "a"), wants("a"), 200,     Expired),

        // A stale period of 30, and a call that accepts 60: before, at the end of the
        // fresh period, at the end of the stale one.
        (stale(150, 30), accepts(60), 149,      Fresh),
        (stale(150, 30), accepts(60), 150,      Stale),
        (stale(150, 30), accepts(60), 179,      Stale),
        (stale(150, 30), accepts(60), 180,      Expired),
        // The call may be the stricter, and accept none.
        (stale(150, 30), accepts(10), 159,      Stale),
        (stale(150, 30), accepts(10), 160,      Expired),
        (stale(150, 30), CALL,        150,      Expired),
        // What was kept without one is stale for nobody.
        (e(100, 150),    accepts(60), 150,      Expired),
        // The call's own end comes first: its stale period counts from there, and the
        // entry's from its own.
        (stale(150, 30), C { max_age: 20, ..accepts(10) }, 119, Fresh),
        (stale(150, 30), C { max_age: 20, ..accepts(10) }, 120, Stale),
        (stale(150, 30), C { max_age: 20, ..accepts(10) }, 130, Expired),
        (stale(150, 30), C { max_age: 20, ..accepts(90) }, 179, Stale),
        (stale(150, 30), C { max_age: 20, ..accepts(90) }, 180, Expired),
        (stale(NEVER, 30), C { max_age: 20, ..accepts(10) }, 129, Stale),
        (stale(NEVER, 30), C { max_age: 20, ..accepts(10) }, 130, Expired),
        (stale(150, 30), C { expiry: 120, ..accepts(10) },  125, Stale),
        // A stale period without an end.
        (stale(150, NEVER), accepts(NEVER), 1_000_000, Stale),
        // Another etag is no answer, not even a stale one.
        (E { etag: "a", ..stale(150, 30) }, C { etag: "b", ..accepts(60) }, 160, Changed),
        (E { etag: "a", ..stale(150, 30) }, C { etag: "a", ..accepts(60) }, 160, Stale),

        // A group was made stale: what is fresh by its age is stale, for who accepts that.
        (soft(ENTRY),          CALL,        100, Expired),
        (soft(ENTRY),          accepts(60), 100, Expired),
        (soft(stale(150, 30)), CALL,        120, Expired),
        (soft(stale(150, 30)), accepts(60), 120, Stale),
        (soft(stale(150, 30)), accepts(60), 179, Stale),
        (soft(stale(150, 30)), accepts(60), 180, Expired),
        (soft(stale(NEVER, 30)), accepts(60), 1_000_000, Stale),
        (soft(marked(150, "a")), wants("b"), 120, Changed),
        // A group was invalidated: nothing else matters.
        (gone(ENTRY),          CALL,        100, Missing),
        (gone(stale(150, 30)), accepts(60), 120, Missing),
        (gone(stale(150, 30)), accepts(60), 160, Missing),
        (gone(marked(150, "a")), wants("b"), 200, Missing),

        // From four fifths of the fresh period on.
        (e(100, 200),    from(0.8),  179,       Fresh),
        (e(100, 200),    from(0.8),  180,       Early),
        (e(100, 200),    from(0.8),  199,       Early),
        (e(100, 200),    from(0.8),  200,       Expired),
        (e(100, 200),    from(0.0),  100,       Early),
        (e(100, 200),    from(1.0),  199,       Fresh),
        // The period is the stricter one.
        (e(100, 200),    C { max_age: 50, ..from(0.8) }, 139, Fresh),
        (e(100, 200),    C { max_age: 50, ..from(0.8) }, 140, Early),
        // What never ends is never early.
        (ENTRY,          from(0.8),  1_000_000, Fresh),
        (E { took: 9.0, ..ENTRY }, ahead(9.0), 1_000_000, Fresh),
        // By XFetch: a build of 2 seconds, and 5 as drawn: 10 seconds before the end.
        (took(2.0),      ahead(5.0), 189,       Fresh),
        (took(2.0),      ahead(5.0), 190,       Early),
        (took(2.0),      ahead(0.0), 199,       Fresh),
        (took(0.0),      ahead(5.0), 199,       Fresh),
        // Whichever comes first.
        (took(2.0),      C { from: 0.5, ..ahead(5.0) }, 150, Early),
        (took(2.0),      C { from: 0.99, ..ahead(5.0) }, 190, Early),
        // Stale is not early.
        (soft(stale(200, 30)), C { from: 0.5, ..accepts(60) }, 190, Stale),
    ];
    for (row, (entry, call, now, expected)) in table.into_iter().enumerate() {
        assert_eq!(verdict(entry, call, now), expected, "row {row}");
    }
}

#[test]
fn an_age_that_is_longer_than_the_clock_can_tell_is_no_limit() {
    let entry = Facts::dated(Stamp::from_nanos(100), Stamp::NEVER);
    let now = Stamp::from_nanos(1000);
    let verdict = decide(entry, Demand::of_age(NEVER - 1), now);
    assert_eq!(verdict, Verdict::Fresh);
}

#[test]
fn the_table_of_courses() {
    use Course::{Build, BuildOrTake, Take, TakeAndRefresh, WaitFor};
    use Verdict::{Changed, Early, Expired, Fresh, Missing, Stale};
    use WhileStale::{Builds, Waits};
    let second = Duration::from_secs(1);
    let (at_once, waits) = (Waits(Duration::ZERO), Waits(second));
    // The verdict; what a call does while a stale value is at hand; what it does now,
    // and what if it is too soon after a failure.
    #[rustfmt::skip]
    let table = [
        (Fresh,   at_once, Take,            Take),
        (Fresh,   waits,   Take,            Take),
        (Fresh,   Builds,  Take,            Take),
        (Early,   at_once, TakeAndRefresh,  Take),
        (Early,   waits,   TakeAndRefresh,  Take),
        (Early,   Builds,  TakeAndRefresh,  Take),
        (Stale,   at_once, TakeAndRefresh,  Take),
        (Stale,   waits,   WaitFor(second), Take),
        (Stale,   Builds,  BuildOrTake,     Take),
        (Expired, at_once, Build,           Build),
        (Expired, waits,   Build,           Build),
        (Expired, Builds,  Build,           Build),
        (Changed, at_once, Build,           Build),
        (Changed, waits,   Build,           Build),
        (Changed, Builds,  Build,           Build),
        (Missing, at_once, Build,           Build),
        (Missing, waits,   Build,           Build),
        (Missing, Builds,  Build,           Build),
    ];
    for (row, (verdict, while_stale, now, too_soon)) in table.into_iter().enumerate() {
        assert_eq!(course(verdict, while_stale, false), now, "row {row}");
        assert_eq!(course(verdict, while_stale, true), too_soon, "row {row}");
    }
}
