//! The rules, checked against a plain model.

use super::*;
use proptest::prelude::*;

/// The rules once more, as one would say them: which moments are in which period. In
/// numbers so large that nothing overflows.
fn model(entry: Facts<'_>, demand: Demand<'_>, now: Stamp) -> Verdict {
    const FOREVER: u128 = u64::MAX as u128;
    let time = |stamp: Stamp| u128::from(stamp.nanos());
    let sum = |start: u128, length: u64| (start + u128::from(length)).min(FOREVER);
    if entry.standing == Standing::Gone {
        return Verdict::Missing;
    }
    if demand.etag.is_some() && demand.etag != entry.etag() {
        return Verdict::Changed;
    }
    let own_end = time(entry.expires);
    let ends = [
        own_end,
        time(demand.expiry),
        sum(time(entry.created), demand.max_age),
    ];
    let end = ends.into_iter().min().unwrap_or(FOREVER);
    let in_period = |end: u128| end == FOREVER || time(now) < end;
    if in_period(end) && entry.standing == Standing::Holds {
        let early = demand.early;
        let left = end.saturating_sub(time(now)) as f64 / 1e9;
        let period = end.saturating_sub(time(entry.created)) as f64 / 1e9;
        let age = time(now).saturating_sub(time(entry.created)) as f64 / 1e9;
        let by_age = early.from < 1.0 && age >= period * early.from;
        let by_chance = early.ahead > 0.0 && left <= f64::from(entry.took) * early.ahead;
        return match end != FOREVER && (by_age || by_chance) {
            true => Verdict::Early,
            false => Verdict::Fresh,
        };
    }
    let has_period = entry.stale > 0 && demand.stale_for > 0;
    let kept = in_period(sum(own_end, entry.stale));
    let accepted = in_period(sum(end, demand.stale_for));
    match has_period && kept && accepted {
        true => Verdict::Stale,
        false => Verdict::Expired,
    }
}

/// A number of nanoseconds: one of few, so that ends meet, or any.
fn length() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0..20_u64,
        2 => Just(u64::MAX),
        1 => Just(u64::MAX - 1),
        1 => any::<u64>(),
    ]
}

fn stamp() -> impl Strategy<Value = Stamp> {
    length().prop_map(Stamp::from_nanos)
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        4 => Just(Standing::Holds),
        2 => Just(Standing::Stale),
        1 => Just(Standing::Gone),
    ]
}

fn etag() -> impl Strategy<Value = Option<Etag>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(Etag::new("a"))),
        1 => Just(Some(Etag::new("b"))),
    ]
}

fn early() -> impl Strategy<Value = Early> {
    let from = prop_oneof![Just(1.0), Just(0.0), 0.0..1.2_f64];
    let ahead = prop_oneof![Just(0.0), 0.0..40.0_f64];
    (from, ahead).prop_map(|(from, ahead)| Early { from, ahead })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 16 } else { 4096 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_rules_are_those_of_the_model(
        (created, expires, stale, took) in (stamp(), stamp(), length(), 0.0..1e-7_f32),
        (kept, standing) in (etag(), standing()),
        (max_age, expiry, stale_for) in (length(), stamp(), length()),
        (wanted, early) in (etag(), early()),
        (now, later) in (0..u64::MAX, 0..u64::MAX),
        near in 0..40_u64,
        is_near in any::<bool>(),
    ) {
        let marks = Marks::of(kept, Vec::new(), stale);
        let marks = marks.as_deref();
        let entry = Facts { created, expires, stale, took, marks, standing };
        let etag = wanted.as_ref();
        let demand = Demand { max_age, expiry, etag, stale_for, early };
        let now = Stamp::from_nanos(if is_near { near } else { now });
        let verdict = decide(entry, demand, now);
        prop_assert_eq!(verdict, model(entry, demand, now));

        // A hit without an age need read no clock.
        if !asks_for_time(entry, demand) {
            let later = Stamp::from_nanos(later);
            prop_assert_eq!(verdict, decide(entry, demand, later));
        }
        // A plain look sees the same.
        let plain = decide(Facts::dated(created, expires), Demand::of_age(max_age), now);
        prop_assert_eq!(is_fresh(created, expires, max_age, now), plain == Verdict::Fresh);
        // A call that asks for less is not answered with more.
        let strict = Demand { stale_for: 0, ..demand };
        prop_assert_ne!(decide(entry, strict, now), Verdict::Stale);
        // Nothing becomes better as time goes by.
        let rank = |verdict| match verdict {
            Verdict::Fresh => 0,
            Verdict::Early => 1,
            Verdict::Stale => 2,
            Verdict::Expired => 3,
            Verdict::Changed | Verdict::Missing => 4,
        };
        let after = Stamp::from_nanos(now.nanos().max(later));
        prop_assert!(rank(verdict) <= rank(decide(entry, demand, after)));
    }
}
