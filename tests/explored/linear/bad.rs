//! Histories by hand: what the checker lets pass, and what it does not.

use super::checker::explains;
use super::history::{Answer, Ask, Build, Call, Tick, Version};
use super::model::Promises;
use Answer::{Cleared, Exists, Got, Had};
use Ask::{Clear, Delete, Expire, Fail, Get, See};

const PLAIN: Promises = Promises {
    clears_at_once: true,
    expires_in_a_flight: false,
    lands_at_once: true,
};

fn call(ask: Ask, asked: Tick, answered: Tick, answer: Answer) -> Call {
    Call {
        ask,
        asked,
        answer,
        answered,
        build: None,
    }
}

fn builds(
    ask: Ask,
    asked: Tick,
    (began, ended): (Tick, Tick),
    answered: Tick,
    version: Version,
) -> Call {
    let brought = match ask {
        Fail(_) => Err(version),
        _ => Ok(version),
    };
    let build = Some(Build {
        version,
        began,
        ended,
    });
    Call {
        build,
        ..call(ask, asked, answered, Got(brought))
    }
}

#[track_caller]
fn good(history: &[Call]) {
    assert!(explains(PLAIN, history), "{history:#?}");
}

#[track_caller]
fn bad(history: &[Call]) {
    assert!(!explains(PLAIN, history), "{history:#?}");
}

#[test]
fn what_was_built_is_got_again() {
    good(&[
        builds(Get(0), 0, (1, 2), 3, 1),
        call(Get(0), 4, 5, Got(Ok(1))),
        call(See(0), 6, 7, Exists(true)),
        call(See(1), 8, 9, Exists(false)),
    ]);
}

#[test]
fn a_publish_is_not_lost() {
    bad(&[
        builds(Get(0), 0, (1, 2), 3, 1),
        builds(Get(0), 4, (5, 6), 7, 2),
    ]);
    bad(&[
        builds(Get(0), 0, (1, 2), 3, 1),
        call(See(0), 4, 5, Exists(false)),
    ]);
}

#[test]
fn who_joined_has_its_answer_when_it_is_published() {
    let (leads, joins) = (
        builds(Get(0), 0, (1, 3), 9, 1),
        call(Get(0), 2, 5, Got(Ok(1))),
    );
    good(&[leads, joins, call(See(0), 6, 7, Exists(true))]);
    bad(&[leads, joins, call(See(0), 6, 7, Exists(false))]);
    bad(&[leads, joins, builds(Get(0), 6, (7, 8), 10, 2)]);
}

#[test]
fn there_are_no_two_builds_of_one_key_at_once() {
    let first = builds(Get(0), 0, (2, 4), 6, 1);
    bad(&[first, builds(Get(0), 1, (3, 5), 7, 2)]);
    good(&[first, builds(Get(1), 1, (3, 5), 7, 2)]);
}

#[test]
fn a_removal_voids_a_build() {
    let first = builds(Get(0), 0, (1, 5), 8, 1);
    let deleted = call(Delete(0), 2, 3, Had(false));
    good(&[first, deleted, builds(Get(0), 4, (6, 7), 9, 2)]);
    good(&[first, deleted, call(See(0), 10, 11, Exists(false))]);
    bad(&[first, deleted, call(See(0), 10, 11, Exists(true))]);
    bad(&[
        first,
        call(Delete(1), 2, 3, Had(false)),
        call(See(0), 10, 11, Exists(false)),
    ]);
    let cleared = call(Clear, 2, 3, Cleared);
    good(&[first, cleared, call(See(0), 10, 11, Exists(false))]);
    bad(&[first, cleared, call(See(0), 10, 11, Exists(true))]);
}

#[test]
fn nothing_comes_back_after_a_removal() {
    let first = builds(Get(0), 0, (1, 2), 3, 1);
    for removed in [call(Delete(0), 4, 5, Had(true)), call(Clear, 4, 5, Cleared)] {
        good(&[first, removed, builds(Get(0), 6, (7, 8), 9, 2)]);
        bad(&[first, removed, call(Get(0), 6, 7, Got(Ok(1)))]);
        bad(&[first, removed, call(See(0), 6, 7, Exists(true))]);
    }
    bad(&[first, call(Delete(0), 4, 5, Had(false))]);
}

#[test]
fn nobody_joins_a_build_after_its_removal() {
    let leads = builds(Get(0), 0, (1, 8), 9, 1);
    let joins = |asked| call(Get(0), asked, 10, Got(Ok(1)));
    for removed in [
        call(Delete(0), 3, 5, Had(false)),
        call(Clear, 3, 5, Cleared),
    ] {
        good(&[leads, joins(2), removed]);
        good(&[leads, joins(4), removed]);
        bad(&[leads, joins(6), removed]);
    }
}

#[test]
fn a_failure_goes_to_those_who_joined_and_to_nobody_else() {
    let fails = builds(Fail(0), 0, (1, 3), 5, 1);
    good(&[fails, call(Get(0), 2, 4, Got(Err(1)))]);
    bad(&[fails, call(Get(0), 6, 7, Got(Err(1)))]);
    bad(&[fails, call(See(0), 6, 7, Exists(true))]);
    good(&[fails, builds(Get(0), 6, (7, 8), 9, 2)]);
}

#[test]
fn nobody_is_answered_before_the_build_ends_or_by_what_nobody_built() {
    let leads = builds(Get(0), 0, (1, 5), 6, 1);
    bad(&[leads, call(Get(0), 2, 4, Got(Ok(1)))]);
    bad(&[leads, call(Get(1), 2, 8, Got(Ok(1)))]);
    bad(&[leads, call(Get(0), 2, 8, Got(Ok(2)))]);
    let own = call(Get(0), 0, 6, Got(Ok(2)));
    bad(&[Call {
        build: leads.build,
        ..own
    }]);
}

#[test]
fn what_has_expired_is_built_anew() {
    let first = builds(Get(0), 0, (1, 2), 3, 1);
    let expired = call(Expire(0), 4, 5, Had(true));
    good(&[first, expired, builds(Get(0), 6, (7, 8), 9, 2)]);
    bad(&[first, expired, call(Get(0), 6, 7, Got(Ok(1)))]);
    bad(&[first, expired, call(See(0), 6, 7, Exists(true))]);
    bad(&[first, call(Expire(0), 4, 5, Had(false))]);
    // It voids nothing.
    let meanwhile = call(Expire(0), 4, 5, Had(false));
    let leads = builds(Get(0), 2, (3, 6), 7, 1);
    good(&[leads, meanwhile, call(See(0), 8, 9, Exists(true))]);
    bad(&[leads, meanwhile, call(See(0), 8, 9, Exists(false))]);
}
