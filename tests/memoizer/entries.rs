//! What is known of a kept result, and how its end is moved.

use crate::support::*;
use mementos::clock::{Clock, FakeClock};
use mementos::{Entry, Memoizer, Options, memoize};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

#[test]
fn an_entry_tells_all_about_a_value_by_hand() {
    let (memo, _, clock) = over_rows();
    let began = clock.now();
    let options = Options::new().max_age(secs(10)).etag("a");
    let slow = || {
        clock.advance(secs(3));
        7_u32
    };
    memo.get_with("key", options, slow).unwrap();

    let entry = memo.entry::<u32>("key").unwrap().unwrap();
    assert_eq!(entry.version(), Entry::<u32>::VERSION);
    assert_eq!(entry.value(), &7);
    assert_eq!(entry.created(), began + secs(3), "when the build had ended");
    assert_eq!(entry.expires(), Some(began + secs(13)));
    assert_eq!(entry.etag().unwrap().as_str(), "a");
    assert_eq!(entry.build_time(), secs(3));
    assert_eq!(entry.into_value(), 7);
}

#[test]
fn an_entry_tells_all_about_a_functions_value() {
    static CLOCK: LazyLock<FakeClock> = LazyLock::new(FakeClock::new);

    #[memoize(max_age = "10s", etag = "a")]
    fn slow(x: u32) -> String {
        CLOCK.advance(secs(3));
        x.to_string()
    }

    let rows = Rows::default();
    for memo in [Memoizer::in_memory(), Memoizer::new(Arc::clone(&rows))] {
        memo.clock(CLOCK.clone()).scope(|| {
            let began = CLOCK.now();
            slow(7);
            let entry = slow::entry(7).unwrap();
            assert_eq!(entry.value(), "7");
            assert_eq!(entry.created(), began + secs(3));
            assert_eq!(entry.expires(), Some(began + secs(13)));
            assert_eq!(entry.etag().unwrap().as_str(), "a");
            assert_eq!(entry.build_time(), secs(3));
        });
    }
}

/// Without an expiry and an etag a row is packed.
#[test]
fn an_entry_of_a_plain_value_tells_times_to_a_thousandth() {
    static CLOCK: LazyLock<FakeClock> = LazyLock::new(FakeClock::new);

    #[memoize]
    fn slow(x: u32) -> u32 {
        CLOCK.advance(secs(3));
        x
    }

    Memoizer::in_memory().clock(CLOCK.clone()).scope(|| {
        slow(7);
        let entry = slow::entry(7).unwrap();
        let off = CLOCK.now().duration_since(entry.created()).unwrap();
        assert!(off < Duration::from_millis(2), "{off:?}");
        let off = entry.build_time().abs_diff(secs(3));
        assert!(off < Duration::from_millis(3), "{off:?}");
        assert_eq!((entry.expires(), entry.etag()), (None, None));
    });
}

#[test]
fn there_is_an_entry_of_what_has_expired() {
    let (memo, _, clock) = over_rows();
    memo.get_with("key", Options::new().max_age(secs(1)), || 1_u32)
        .unwrap();
    clock.advance(secs(1));
    assert!(!memo.exists("key").unwrap());
    assert!(memo.entry::<u32>("key").unwrap().is_some());
}

#[test]
fn exists_goes_by_what_the_options_accept() {
    let (memo, _, clock) = over_rows();
    memo.get("key", || 1).unwrap();
    clock.advance(secs(10));
    assert!(memo.exists("key").unwrap());
    let strict = memo.with(Options::new().max_age(secs(10)));
    assert!(!strict.exists("key").unwrap());
    let marked = memo.with(Options::new().etag("a"));
    assert!(!marked.exists("key").unwrap());
}

#[test]
fn expiring_moves_the_end_in_own_tables() {
    #[memoize(max_age = "10s")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        moves_the_end_of(
            &clock,
            Operations {
                call: || _ = one(1),
                exists: || one::exists(1),
                ttl: || one::ttl(1),
                expire: |age| one::expire(age, 1).unwrap(),
                expire_at: |time| one::expire_at(time, 1).unwrap(),
            },
        );
    });
}

#[test]
fn expiring_moves_the_end_in_shared_stores() {
    #[memoize(max_age = "10s")]
    fn one(x: u32) -> u32 {
        x
    }

    let (memo, _, clock) = over_rows();
    memo.scope(|| {
        moves_the_end_of(
            &clock,
            Operations {
                call: || _ = one(1),
                exists: || one::exists(1),
                ttl: || one::ttl(1),
                expire: |age| one::expire(age, 1).unwrap(),
                expire_at: |time| one::expire_at(time, 1).unwrap(),
            },
        );
    });
}

struct Operations {
    call: fn(),
    exists: fn() -> bool,
    ttl: fn() -> Option<Duration>,
    expire: fn(Duration) -> bool,
    expire_at: fn(SystemTime) -> bool,
}

fn moves_the_end_of(clock: &FakeClock, of: Operations) {
    assert!(!(of.expire)(secs(5)), "nothing is kept");
    assert!(!(of.expire_at)(clock.now()));
    (of.call)();
    assert_eq!((of.ttl)(), Some(secs(10)));
    assert!((of.expire)(secs(5)));
    assert_eq!((of.ttl)(), Some(secs(5)));
    assert!((of.expire_at)(clock.now() + secs(7)));
    assert_eq!((of.ttl)(), Some(secs(7)));
    clock.advance(secs(7));
    assert!(!(of.exists)());
    assert_eq!((of.ttl)(), None);
    (of.call)();
    assert_eq!((of.ttl)(), Some(secs(10)));
    assert!((of.expire)(Duration::ZERO));
    assert!(!(of.exists)());
}

#[test]
fn expiring_keeps_what_else_is_known() {
    let (memo, _, clock) = over_rows();
    memo.get_with("key", Options::new().etag("a"), || 7_u32)
        .unwrap();
    let created = clock.now();
    clock.advance(secs(1));
    memo.expire("key", secs(5)).unwrap();
    let entry = memo.entry::<u32>("key").unwrap().unwrap();
    assert_eq!((*entry.value(), entry.created()), (7, created));
    assert_eq!(entry.etag().unwrap().as_str(), "a");
}

/// A store that notes the expiry hints of its puts.
fn hinted() -> (
    Memoizer,
    FakeClock,
    Arc<parking_lot::Mutex<Vec<Option<SystemTime>>>>,
) {
    let hints = Arc::<parking_lot::Mutex<Vec<_>>>::default();
    let noted = Arc::clone(&hints);
    let store = Hooked::new(move |doing| {
        if let Doing::Put(_, expires) = doing {
            noted.lock().push(expires);
        }
        Ok(())
    });
    let start = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_500);
    let clock = FakeClock::at(start);
    (Memoizer::new(store).clock(clock.clone()), clock, hints)
}

#[test]
fn a_store_is_told_the_end_rounded_up_to_the_second() {
    let (memo, clock, hints) = hinted();
    let second = Options::new().max_age(secs(1));
    memo.get("endless", || 1).unwrap();
    memo.get_with("key", &second, || 1).unwrap();
    memo.expire("key", secs(2)).unwrap();
    clock.advance(Duration::from_millis(500));
    memo.get_with("whole", &second, || 1).unwrap();
    let at = |seconds| Some(SystemTime::UNIX_EPOCH + secs(seconds));
    assert_eq!(*hints.lock(), [None, at(1002), at(1003), at(1002)]);
}

#[test]
fn the_entry_itself_ends_when_it_was_said_to() {
    let (memo, clock, _) = hinted();
    let second = Options::new().max_age(secs(1));
    memo.get_with("key", &second, || 1).unwrap();
    assert_eq!(memo.ttl("key").unwrap(), Some(secs(1)));
    clock.advance(Duration::from_millis(999));
    assert!(memo.exists("key").unwrap());
    clock.advance(Duration::from_millis(1));
    assert!(!memo.exists("key").unwrap());
}

#[test]
fn the_time_to_live_is_the_shorter_of_the_entrys_and_the_stores() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    let memo = Memoizer::new(Hooked {
        ttl: Some(secs(5)),
        ..Hooked::new(|_| Ok(()))
    });
    let memo = memo.clock(FakeClock::new());
    memo.get("endless", || 1).unwrap();
    memo.get_with("long", Options::new().max_age(secs(10)), || 1)
        .unwrap();
    memo.get_with("short", Options::new().max_age(secs(2)), || 1)
        .unwrap();
    assert_eq!(memo.ttl("endless").unwrap(), Some(secs(5)));
    assert_eq!(memo.ttl("long").unwrap(), Some(secs(5)));
    assert_eq!(memo.ttl("short").unwrap(), Some(secs(2)));
    assert_eq!(memo.ttl("none").unwrap(), None);
    memo.scope(|| {
        one(1);
        assert_eq!((one::ttl(1), one::ttl(2)), (Some(secs(5)), None));
    });
}

#[test]
fn a_reader_may_be_stricter_than_the_writer() {
    static RUNS: Runs = Runs::new();

    #[memoize]
    fn run(x: u32) -> u32 {
        _ = x;
        RUNS.count()
    }

    let (memo, clock) = in_memory();
    memo.scope(|| {
        run(1);
        clock.advance(secs(10));
        assert_eq!(run(1), 1);
        assert_eq!(run::get(Options::new().max_age(secs(11)), 1).unwrap(), 1);
        assert_eq!(run::get(Options::new().max_age(secs(10)), 1).unwrap(), 2);
    });
}
