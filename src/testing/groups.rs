//! What a memoizer must do with groups of results, over any store.

use crate::etag::Etag;
use crate::group::Group;
use crate::memoizer::Memoizer;
use crate::options::Options;
use crate::store::SharedStore;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(super) fn conform(make: impl Fn() -> SharedStore) {
    let tests: [fn(&Memoizer, &SharedStore); 11] = [
        invalidates_a_tag,
        makes_a_tag_stale,
        invalidates_a_region,
        invalidates_a_namespace,
        invalidates_all,
        keeps_tags_of_namespaces_apart,
        never_revives_what_a_lost_generation_kept,
        asks_for_several_in_groups,
        keeps_groups_with_another_expiry,
        invalidates_what_is_being_built,
        invalidates_several_that_are_being_built,
    ];
    for test in tests {
        let store = make();
        let grouped = Options::new().grouped(true);
        let memo = Memoizer::new(store.clone())
            .defaults(grouped)
            .region("r", Options::new())
            .region("s", Options::new());
        memo.clear().expect("a store can be cleared");
        test(&memo, &store);
    }
}

fn tags(tags: &[&'static str]) -> Options {
    Options::new().tags(tags.iter().copied())
}

fn put(memo: &Memoizer, key: &str, options: Options, value: u32) {
    let built: u32 = memo.get_with(key, options, || value).unwrap();
    assert_eq!(built, value, "{key} is built");
    assert!(memo.exists(key).unwrap(), "{key} is kept");
}

/// The result for a key, where it is kept.
fn kept(memo: &Memoizer, key: &str) -> u32 {
    let built = || -> u32 { panic!("{key} should be kept") };
    memo.get(key, built).expect("it is kept")
}

fn is_gone(memo: &Memoizer, key: &str) {
    assert!(!memo.exists(key).unwrap(), "{key} does not exist");
    let entry = memo.entry::<u32>(key).unwrap();
    assert!(entry.is_none(), "{key} has no entry: {entry:?}");
    assert_eq!(memo.ttl(key).unwrap(), None);
    assert_eq!(memo.etag(key).unwrap(), None);
}

fn invalidates_a_tag(memo: &Memoizer, _: &SharedStore) {
    let hour = Duration::from_secs(3600);
    let both = || tags(&["t", "u"]).etag("e").max_age(hour);
    put(memo, "both", both(), 1);
    put(memo, "u", tags(&["u"]), 2);
    put(memo, "none", Options::new(), 3);
    memo.invalidate(Group::tag("t")).unwrap();
    is_gone(memo, "both");
    assert_eq!((kept(memo, "u"), kept(memo, "none")), (2, 3));
    put(memo, "both", both(), 4);
    assert_eq!(kept(memo, "both"), 4, "also for who says nothing of tags");
    assert_eq!(memo.etag("both").unwrap(), Some(Etag::new("e")));
    memo.invalidate(Group::tag("u")).unwrap();
    is_gone(memo, "both");
    is_gone(memo, "u");
    let anew: u32 = memo.get("u", || 5_u32).unwrap();
    assert_eq!(anew, 5, "who says nothing of tags builds anew too");
    memo.invalidate(Group::tag("u")).unwrap();
    assert_eq!(kept(memo, "u"), 5, "and what it builds has none");
}

fn makes_a_tag_stale(memo: &Memoizer, _: &SharedStore) {
    put(memo, "a", tags(&["t"]), 1);
    put(memo, "b", tags(&["u"]), 2);
    memo.make_stale(Group::tag("t")).unwrap();
    assert!(!memo.exists("a").unwrap());
    let entry = memo.entry::<u32>("a").unwrap();
    assert_eq!(entry.map(|entry| *entry.value()), Some(1), "it is stale");
    assert_eq!(kept(memo, "b"), 2);
    put(memo, "a", tags(&["t"]), 3);
    memo.make_stale(Group::tag("t")).unwrap();
    memo.invalidate(Group::tag("t")).unwrap();
    is_gone(memo, "a");
    memo.make_stale(Group::tag("t")).unwrap();
    is_gone(memo, "a");
    memo.make_stale(Group::tag("new")).unwrap();
    put(memo, "c", tags(&["new"]), 4);
}

fn invalidates_a_region(memo: &Memoizer, _: &SharedStore) {
    put(memo, "r", Options::new().region("r"), 1);
    put(memo, "s", Options::new().region("s"), 2);
    put(memo, "none", Options::new(), 3);
    memo.invalidate(Group::region("r")).unwrap();
    is_gone(memo, "r");
    assert_eq!((kept(memo, "s"), kept(memo, "none")), (2, 3));
    memo.make_stale(Group::region("s")).unwrap();
    assert!(!memo.exists("s").unwrap());
    assert!(memo.entry::<u32>("s").unwrap().is_some());
}

fn invalidates_a_namespace(memo: &Memoizer, _: &SharedStore) {
    let one = memo.with(Options::new().namespace("one"));
    let two = memo.with(Options::new().namespace("two"));
    for (n, memo) in [memo, &one, &two].into_iter().enumerate() {
        put(memo, "a", Options::new(), n as u32);
    }
    one.invalidate(Group::Namespace).unwrap();
    is_gone(&one, "a");
    assert_eq!((kept(memo, "a"), kept(&two, "a")), (0, 2));
    memo.invalidate(Group::Namespace).unwrap();
    is_gone(memo, "a");
    assert_eq!(kept(&two, "a"), 2, "no namespace is one of its own");
}

fn invalidates_all(memo: &Memoizer, _: &SharedStore) {
    let one = memo.with(Options::new().namespace("one"));
    let loose = Options::new().no_grouped();
    put(memo, "a", tags(&["t"]), 1);
    put(&one, "a", Options::new().region("r"), 2);
    put(memo, "loose", loose, 3);
    one.invalidate(Group::All).unwrap();
    is_gone(memo, "a");
    is_gone(&one, "a");
    assert_eq!(kept(memo, "loose"), 3);
}

fn keeps_tags_of_namespaces_apart(memo: &Memoizer, _: &SharedStore) {
    let one = memo.with(Options::new().namespace("one"));
    put(memo, "a", tags(&["t"]).region("r"), 1);
    put(&one, "a", tags(&["t"]).region("r"), 2);
    memo.invalidate(Group::tag("t")).unwrap();
    is_gone(memo, "a");
    assert_eq!(kept(&one, "a"), 2);
    memo.invalidate(Group::region("r")).unwrap();
    assert_eq!(kept(&one, "a"), 2);
    one.invalidate(Group::tag("t")).unwrap();
    is_gone(&one, "a");
}

/// The generation is taken from the store under its key, as a store that evicts would.
fn never_revives_what_a_lost_generation_kept(memo: &Memoizer, _: &SharedStore) {
    put(memo, "a", tags(&["t"]), 1);
    put(memo, "b", tags(&["t"]), 2);
    assert!(memo.delete("@tag:t").unwrap(), "the generation was kept");
    is_gone(memo, "a");
    put(memo, "c", tags(&["t"]), 3);
    is_gone(memo, "a");
    put(memo, "a", tags(&["t"]), 4);
    is_gone(memo, "b");
    let b: u32 = memo.get("b", || 5_u32).unwrap();
    assert_eq!(b, 5);
}

fn asks_for_several_in_groups(memo: &Memoizer, _: &SharedStore) {
    let get = |value: u32| -> Vec<u32> {
        memo.get_many(&["a", "b"], tags(&["t"]), |missing| {
            missing.iter().map(|_| value).collect::<Vec<_>>()
        })
        .unwrap()
    };
    put(memo, "b", tags(&["t", "u"]), 1);
    assert_eq!(get(2), [2, 1]);
    assert_eq!(get(3), [2, 1]);
    memo.invalidate(Group::tag("u")).unwrap();
    assert_eq!(get(4), [2, 4]);
    memo.invalidate(Group::tag("t")).unwrap();
    assert_eq!(get(5), [5, 5]);
    memo.delete("@tag:t").unwrap();
    assert_eq!(get(6), [6, 6]);
}

fn keeps_groups_with_another_expiry(memo: &Memoizer, _: &SharedStore) {
    put(memo, "a", tags(&["t"]), 1);
    assert!(memo.expire("a", Duration::from_secs(600)).unwrap());
    assert_eq!(kept(memo, "a"), 1);
    memo.invalidate(Group::tag("t")).unwrap();
    is_gone(memo, "a");
}

/// ```text
///   one builder      this thread      a caller that comes later
///   begins
///                    invalidates
///                                     joins the build
///   ends
///                                     builds anew
/// ```
fn invalidates_what_is_being_built(memo: &Memoizer, store: &SharedStore) {
    let ends: [fn(&Memoizer); 4] = [
        |memo| memo.invalidate(Group::tag("t")).unwrap(),
        |memo| memo.make_stale(Group::tag("t")).unwrap(),
        |memo| memo.invalidate(Group::All).unwrap(),
        |memo| _ = memo.delete("@tag:t").unwrap(),
    ];
    for (n, end) in ends.into_iter().enumerate() {
        let key = n.to_string();
        let (begun, has_begun) = mpsc::channel();
        let (joined, has_joined) = mpsc::channel::<()>();
        let joins = store.flights().joins();
        thread::scope(|scope| {
            let old = scope.spawn(|| {
                let build = move || {
                    begun.send(()).unwrap();
                    has_joined.recv().unwrap();
                    1_u32
                };
                memo.get_with(&key, tags(&["t"]), build).unwrap()
            });
            has_begun.recv().unwrap();
            end(memo);
            let new = scope.spawn(|| memo.get_with(&key, tags(&["t"]), || 2_u32).unwrap());
            while store.flights().joins() == joins {
                thread::yield_now();
            }
            joined.send(()).unwrap();
            let (old, new): (u32, u32) = (old.join().unwrap(), new.join().unwrap());
            assert_eq!((old, new), (1, 2), "{n}");
        });
        assert_eq!(kept(memo, &key), 2, "{n}");
    }
}

/// The same for several keys, whose builds are all under way.
fn invalidates_several_that_are_being_built(memo: &Memoizer, store: &SharedStore) {
    const KEYS: [&str; 3] = ["a", "b", "c"];
    let joins = store.flights().joins();
    thread::scope(|scope| {
        let old: Vec<_> = KEYS
            .into_iter()
            .map(|key| {
                let (begun, has_begun) = mpsc::channel();
                let (ended, has_ended) = mpsc::channel::<()>();
                let build = move || {
                    begun.send(()).unwrap();
                    has_ended.recv().unwrap();
                    1_u32
                };
                let old = scope.spawn(move || memo.get_with(key, tags(&["t"]), build).unwrap());
                has_begun.recv().unwrap();
                (old, ended)
            })
            .collect();
        memo.invalidate(Group::tag("t")).unwrap();
        let new = scope.spawn(|| -> Vec<u32> {
            let build = |missing: &[&str]| vec![2_u32; missing.len()];
            memo.get_many(&KEYS, tags(&["t"]), build).unwrap()
        });
        // It waits for one after another, in their order.
        for (n, (old, ended)) in (1..).zip(old) {
            while store.flights().joins() < joins + n {
                thread::yield_now();
            }
            ended.send(()).unwrap();
            let old: u32 = old.join().unwrap();
            assert_eq!(old, 1);
        }
        assert_eq!(new.join().unwrap(), [2, 2, 2]);
    });
}
