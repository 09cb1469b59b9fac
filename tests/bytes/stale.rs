//! Stale values in a store of bytes, which several processes share.

use crate::support::*;
use mementos::clock::FakeClock;
use mementos::store::Tiered;
use mementos::store::bytes::Encoded;
use mementos::testing::HeapBytes;
use mementos::{Answered, Entry, Group, Memoizer, Options, memoize};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::SystemTime;

/// Fresh for a minute, stale for an hour; callers wait for the build.
fn waiting() -> Options {
    Options::new()
        .max_age(secs(60))
        .stale_for(secs(3600))
        .no_soft_timeout()
}

fn failing(memo: &Memoizer) -> Result<(u32, Answered), String> {
    let got = memo.get_detailed::<u32, _>("key", waiting(), || Err("out of order".to_owned()));
    let got = got.map_err(|error| error.to_string())?;
    Ok((got.value, got.how))
}

#[test]
fn a_stale_period_comes_back_from_bytes() {
    let (memo, _, clock) = with_clock();
    memo.get_with("key", waiting(), || 1_u32).unwrap();
    let entry: Entry<u32> = memo.entry("key").unwrap().unwrap();
    let expires = entry.expires().unwrap();
    assert_eq!(entry.stale_until(), Some(expires + secs(3600)));
    clock.advance(secs(60 + 3599));
    assert_eq!(failing(&memo), Ok((1, Answered::Fallback)));
    clock.advance(secs(1));
    assert!(failing(&memo).is_err());
}

#[test]
fn a_store_is_told_of_the_end_of_the_stale_period() {
    let heap = HeapBytes::new();
    let start = SystemTime::UNIX_EPOCH + secs(1_000_000);
    let memo = Memoizer::new(Encoded::new(heap.clone())).clock(FakeClock::at(start));
    memo.get_with("key", waiting(), || 1_u32).unwrap();
    use mementos::store::bytes::ByteStore;
    assert_eq!(heap.sweep(start + secs(60 + 3599)).unwrap(), 0);
    assert_eq!(heap.sweep(start + secs(60 + 3600)).unwrap(), 1);
    memo.get_with("key", waiting(), || 1_u32).unwrap();
    memo.expire("key", secs(10)).unwrap();
    assert_eq!(heap.sweep(start + secs(10 + 3599)).unwrap(), 0);
    assert_eq!(heap.sweep(start + secs(10 + 3600)).unwrap(), 1);
}

#[test]
fn each_process_tries_once_in_its_time() {
    let (one, heap, clock) = with_clock();
    let other = another(&heap).clock(clock.clone());
    one.get_with("key", waiting(), || 1_u32).unwrap();
    clock.advance(secs(60));
    for _ in 0..300 {
        assert_eq!(failing(&one), Ok((1, Answered::Fallback)));
        assert_eq!(failing(&other), Ok((1, Answered::Fallback)));
        clock.advance(secs(1));
    }
    for memo in [&one, &other] {
        let tries = memo.stats().failures;
        assert!(tries <= 300 / 30 + 1, "{tries}");
    }
    assert_eq!(one.get_with("key", waiting(), || 2_u32).unwrap(), 2);
    assert_eq!(other.get_with("key", waiting(), kept::<u32>).unwrap(), 2);
}

#[test]
fn what_is_near_is_served_stale_too() {
    let clock = FakeClock::new();
    let far = Encoded::new(HeapBytes::new());
    let near = Tiered::new(far)
        .no_older_than(secs(7200))
        .clock(clock.clone());
    let memo = Memoizer::new(near).clock(clock.clone());
    memo.get_with("key", waiting(), || 1_u32).unwrap();
    clock.advance(secs(60 + 3599));
    assert_eq!(failing(&memo), Ok((1, Answered::Fallback)));
    clock.advance(secs(1));
    assert!(failing(&memo).is_err());
}

#[test]
fn a_group_that_was_made_stale_is_served_while_a_function_is_refreshed() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[memoize(stale_for = "1h", tags = ["numbers"])]
    fn number(text: &str) -> (u32, usize) {
        (RUNS.fetch_add(1, SeqCst) + 1, text.len())
    }

    let (memo, heap, clock) = with_clock();
    let other = another(&heap).clock(clock);
    assert_eq!(memo.scope(|| number("four")), (1, 4));
    other.make_stale(Group::tag("numbers")).unwrap();
    assert_eq!(memo.scope(|| number("four")), (1, 4));
    memo.drain();
    assert_eq!(other.scope(|| number("four")), (2, 4));
    other.invalidate(Group::tag("numbers")).unwrap();
    assert_eq!(memo.scope(|| number("four")), (3, 4), "it is not there");
}
