//! Builds that are told what is kept.

use crate::support::*;
use mementos::{
    Answered, BuildError, Built, Detailed, Entry, Etag, Group, Kept, Memoizer, Options,
};
use std::time::Duration;

/// Fresh for a minute, stale for an hour; callers wait for the build.
fn waiting() -> Options {
    Options::new()
        .max_age(secs(60))
        .stale_for(secs(3600))
        .no_soft_timeout()
}

type Answer = Result<Built<u32>, &'static str>;
type Build = fn(Option<Kept<u32>>) -> Answer;

fn ask(memo: &Memoizer, options: &Options, build: Build) -> (u32, Answered) {
    let got: Result<Detailed<u32>, BuildError<_>> = memo.get_conditional("key", options, build);
    let got = got.unwrap();
    (got.value, got.how)
}

fn entry(memo: &Memoizer) -> Entry<u32> {
    memo.entry("key").unwrap().expect("it is kept")
}

fn first(kept: Option<Kept<u32>>) -> Answer {
    assert!(kept.is_none());
    Ok(Built::new(1).etag("one"))
}

/// Answers that the first holds.
fn holds(kept: Option<Kept<u32>>) -> Answer {
    let kept = kept.ok_or("nothing is kept")?;
    assert_eq!(
        (*kept.value(), kept.etag().map(Etag::as_str)),
        (1, Some("one"))
    );
    Ok(kept.not_modified())
}

#[test]
fn a_build_may_say_that_what_is_kept_holds() {
    for (memo, clock) in [in_memory(), {
        let (memo, _, clock) = over_rows();
        (memo, clock)
    }] {
        assert_eq!(ask(&memo, &waiting(), first), (1, Answered::Built));
        let created = entry(&memo).created();
        clock.advance(secs(60));
        assert_eq!(ask(&memo, &waiting(), holds), (1, Answered::NotModified));
        assert_eq!(ask(&memo, &waiting(), first), (1, Answered::Hit));
        assert_eq!(entry(&memo).etag().map(Etag::as_str), Some("one"));
        assert_eq!(entry(&memo).created(), created + secs(60));
        assert_eq!(memo.stats().not_modified, 1);
    }
}

#[test]
fn in_the_background_it_is_told_as_well() {
    let (memo, clock) = in_memory();
    let options = waiting().soft_timeout(Duration::ZERO);
    ask(&memo, &options, first);
    clock.advance(secs(60));
    assert_eq!(ask(&memo, &options, holds), (1, Answered::Stale));
    memo.drain();
    assert_eq!(ask(&memo, &options, first), (1, Answered::Hit));
    assert_eq!(memo.stats().not_modified, 1);
    clock.advance(secs(60));
    let waits = waiting().soft_timeout(secs(600));
    assert_eq!(ask(&memo, &waits, holds), (1, Answered::NotModified));
}

#[test]
fn a_value_may_bring_an_age_an_etag_and_a_stale_period() {
    let (memo, clock) = in_memory();
    let options = waiting().no_max_age();
    let build: Build = |_| {
        Ok(Built::new(2)
            .max_age(secs(5))
            .stale_for(secs(7))
            .etag("two"))
    };
    ask(&memo, &options, build);
    let kept = entry(&memo);
    let expires = kept.created() + secs(5);
    assert_eq!(kept.expires(), Some(expires));
    assert_eq!(kept.stale_until(), Some(expires + secs(7)));
    assert_eq!(kept.etag().map(Etag::as_str), Some("two"));
    clock.advance(secs(11));
    assert_eq!(ask(&memo, &options, |_| Err("no")), (2, Answered::Fallback));
}

#[test]
fn a_negative_result_may_bring_an_age_and_is_never_stale() {
    let (memo, clock) = in_memory();
    ask(&memo, &waiting(), |_| {
        Ok(Built::negative(0).max_age(secs(5)))
    });
    assert_eq!(ask(&memo, &waiting(), first), (0, Answered::Hit));
    assert_eq!(entry(&memo).stale_until(), None);
    clock.advance(secs(5));
    assert_eq!(ask(&memo, &waiting(), first), (1, Answered::Built));
    memo.delete("key").unwrap();
    ask(&memo, &waiting(), |_| Ok(Built::negative(0)));
    assert!(!memo.exists("key").unwrap(), "nobody has said for how long");
}

#[test]
fn a_value_that_is_not_kept_is_for_its_caller_and_what_was_kept_stays() {
    let (memo, clock) = in_memory();
    ask(&memo, &waiting(), first);
    clock.advance(secs(60));
    let build: Build = |_| Ok(Built::not_kept(2));
    assert_eq!(ask(&memo, &waiting(), build), (2, Answered::Built));
    assert_eq!(*entry(&memo).value(), 1);
}

#[test]
fn of_the_calls_tags_a_build_says_which_are_the_values() {
    for memo in [in_memory().0, over_rows().0] {
        memo.set_defaults(|old| Options::new().grouped(true).over(old));
        let options = waiting().tags(["ann", "bob"]);
        ask(&memo, &options, |_| Ok(Built::new(1).tags(["ann"])));
        memo.invalidate(Group::tag("bob")).unwrap();
        assert!(memo.exists("key").unwrap());
        memo.invalidate(Group::tag("ann")).unwrap();
        assert!(!memo.exists("key").unwrap());
        ask(&memo, &options, |_| Ok(Built::new(1).tags(["ann"])));
        memo.invalidate(Group::All).unwrap();
        assert!(!memo.exists("key").unwrap(), "a tag is no other group");
    }
}

#[test]
fn the_tags_of_what_is_kept_stay_though_the_call_has_others() {
    for (memo, clock) in [in_memory(), {
        let (memo, _, clock) = over_rows();
        (memo, clock)
    }] {
        let (ann, bob) = (waiting().tags(["ann"]), waiting().tags(["bob"]));
        ask(&memo, &ann, first);
        clock.advance(secs(60));
        assert_eq!(ask(&memo, &bob, holds), (1, Answered::NotModified));
        memo.invalidate(Group::tag("bob")).unwrap();
        assert!(memo.exists("key").unwrap(), "it never had that one");
        memo.invalidate(Group::tag("ann")).unwrap();
        assert!(!memo.exists("key").unwrap());
    }
}

#[test]
fn what_is_invalidated_while_a_build_says_that_it_holds_is_not_there() {
    let (memo, clock) = in_memory();
    let options = waiting().tags(["ann"]);
    ask(&memo, &options, first);
    clock.advance(secs(60));
    let inner = memo.clone();
    let build = move |kept: Option<Kept<u32>>| -> Answer {
        inner.invalidate(Group::tag("ann")).unwrap();
        holds(kept)
    };
    let got = memo.get_conditional("key", &options, build).unwrap();
    assert_eq!(got.how, Answered::NotModified);
    assert!(!memo.exists("key").unwrap());
}

#[test]
fn a_tag_that_nobody_has_read_before_keeps_the_value_from_being_kept() {
    let (memo, _) = in_memory();
    let build: Build = |_| Ok(Built::new(1).tags(["eve"]));
    let got = ask(&memo, &waiting().tags(["ann"]), build);
    assert_eq!(got, (1, Answered::StoreFault));
    assert!(!memo.exists("key").unwrap());
    assert_eq!(memo.stats().store_faults, 1);
}

#[test]
fn what_says_that_there_is_nothing_stays_so_where_it_holds() {
    for memo_and_clock in [in_memory(), {
        let (memo, _, clock) = over_rows();
        (memo, clock)
    }] {
        let (memo, clock) = memo_and_clock;
        let options = waiting().none_age(secs(10)).early_from(0.5);
        let nothing: Build = |kept| {
            assert!(kept.is_none());
            Ok(Built::negative(0))
        };
        let holds: Build = |kept| Ok(kept.ok_or("nothing is kept")?.not_modified());
        assert_eq!(ask(&memo, &options, nothing), (0, Answered::Built));
        for _ in 0..2 {
            clock.advance(secs(9));
            ask(&memo, &options, holds);
            memo.drain();
            assert_eq!(ask(&memo, &options, nothing), (0, Answered::Hit));
            let kept = entry(&memo);
            assert_eq!(kept.expires(), Some(kept.created() + secs(10)));
            assert_eq!(kept.stale_until(), None);
        }
        assert_eq!(memo.stats().not_modified, 2);
    }
}
