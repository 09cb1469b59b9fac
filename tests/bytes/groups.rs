//! Groups of results in stores of bytes, for several processes.

use crate::support::*;
use mementos::clock::FakeClock;
use mementos::store::bytes::{ByteStore, Encoded, Leases};
use mementos::store::{SharedStore, StoreError, Tiered};
use mementos::testing::{ChaosStore, Faults, HeapBytes};
use mementos::{Codec, Event, Group, Memoizer, Observer, Options, Origin, memoize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::SystemTime;

fn tags(tags: &[&'static str]) -> Options {
    Options::new().tags(tags.iter().copied())
}

fn get(memo: &Memoizer, value: u32) -> u32 {
    memo.get_with("a", tags(&["t"]), || value).unwrap()
}

/// Counts the questions that are asked of a store, whatever their length.
#[derive(Clone, Default)]
struct Counted {
    heap: HeapBytes,
    reads: Arc<AtomicU32>,
    writes: Arc<AtomicU32>,
}

impl Counted {
    /// How many reads and writes there have been since this was last asked.
    fn taken(&self) -> (u32, u32) {
        (self.reads.swap(0, SeqCst), self.writes.swap(0, SeqCst))
    }
}

impl ByteStore for Counted {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.reads.fetch_add(1, SeqCst);
        self.heap.get(key)
    }

    fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.reads.fetch_add(1, SeqCst);
        self.heap.get_many(keys)
    }

    fn put(&self, key: &str, bytes: &[u8], at: Option<SystemTime>) -> Result<(), StoreError> {
        self.writes.fetch_add(1, SeqCst);
        self.heap.put(key, bytes, at)
    }

    fn put_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        at: Option<SystemTime>,
    ) -> Result<Option<bool>, StoreError> {
        self.writes.fetch_add(1, SeqCst);
        self.heap.put_if_absent(key, bytes, at)
    }

    fn delete(&self, key: &str) -> Result<bool, StoreError> {
        self.heap.delete(key)
    }

    fn leases(&self) -> Option<&dyn Leases> {
        None
    }
}

#[test]
fn a_hit_is_one_question_where_the_caller_and_the_builder_agree() {
    let counted = Counted::default();
    let memo = Memoizer::new(Encoded::new(counted.clone()));
    let grouped = tags(&["t", "u"]).grouped(true);
    let get = |options: &Options| -> u32 { memo.get_with("a", options, || 1_u32).unwrap() };
    get(&grouped);
    let (reads, writes) = counted.taken();
    assert_eq!(
        (reads, writes),
        (2, 5),
        "two looks; four generations, one entry"
    );
    get(&grouped);
    assert_eq!(counted.taken(), (1, 0));
    get(&tags(&["t", "u", "v"]).grouped(true));
    assert_eq!(
        counted.taken(),
        (1, 0),
        "and where the caller asks for more"
    );
    get(&Options::new());
    assert_eq!(counted.taken(), (2, 0), "two, where it asks for less");
    memo.invalidate(Group::tag("t")).unwrap();
    assert_eq!(counted.taken(), (0, 1), "one write, however many results");
    get(&grouped);
    assert_eq!(counted.taken(), (2, 1), "the generations are there");
}

#[test]
fn what_is_in_no_group_is_asked_for_as_ever() {
    let counted = Counted::default();
    let memo = Memoizer::new(Encoded::new(counted.clone()));
    memo.get("a", || 1_u32).unwrap();
    assert_eq!(counted.taken(), (2, 1));
    memo.get("a", kept::<u32>).unwrap();
    assert_eq!(counted.taken(), (1, 0));
}

#[test]
fn several_keys_and_their_groups_are_one_question() {
    let counted = Counted::default();
    let memo = Memoizer::new(Encoded::new(counted.clone()));
    let get = || -> Vec<u32> {
        let build = |missing: &[&str]| vec![1_u32; missing.len()];
        memo.get_many(&["a", "b", "c"], tags(&["t"]), build)
            .unwrap()
    };
    get();
    counted.taken();
    get();
    assert_eq!(counted.taken(), (1, 0));
}

#[test]
fn what_one_process_invalidates_is_invalidated_for_all() {
    let heap = HeapBytes::new();
    let (one, two) = (another(&heap), another(&heap));
    assert_eq!((get(&one, 1), get(&two, 2)), (1, 1));
    one.invalidate(Group::tag("t")).unwrap();
    assert!(!two.exists("a").unwrap() && two.entry::<u32>("a").unwrap().is_none());
    assert_eq!((get(&two, 3), get(&one, 4)), (3, 3));
    two.make_stale(Group::tag("t")).unwrap();
    assert!(!one.exists("a").unwrap() && one.entry::<u32>("a").unwrap().is_some());
    assert_eq!((get(&one, 5), get(&two, 6)), (5, 5));
}

#[test]
fn processes_that_write_in_other_formats_agree_on_generations() {
    let heap = HeapBytes::new();
    let json = Memoizer::new(
        Encoded::new(heap.clone())
            .codec(Codec::Json)
            .compress_over(0),
    );
    let other = another(&heap);
    assert_eq!((get(&json, 1), get(&other, 2)), (1, 1));
    other.invalidate(Group::tag("t")).unwrap();
    assert_eq!((get(&json, 3), get(&other, 4)), (3, 3));
    json.invalidate(Group::tag("t")).unwrap();
    assert_eq!((get(&other, 5), get(&json, 6)), (5, 5));
}

/// ```text
///   one process      another          one that comes later
///   begins to build
///                    invalidates
///   ends, and puts
///                                     finds it, and builds anew
/// ```
#[test]
fn a_build_that_another_process_has_overtaken_is_kept_for_nobody() {
    let heap = HeapBytes::new();
    let (begun, has_begun) = mpsc::channel();
    let (ended, has_ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let building = scope.spawn(|| {
            another(&heap).get_with("a", tags(&["t"]), move || {
                begun.send(()).unwrap();
                has_ended.recv().unwrap();
                1_u32
            })
        });
        has_begun.recv().unwrap();
        another(&heap).invalidate(Group::tag("t")).unwrap();
        ended.send(()).unwrap();
        let own: Result<u32, _> = building.join().unwrap();
        assert_eq!(own.unwrap(), 1);
    });
    assert!(heap.get("a").unwrap().is_some(), "it was put");
    assert_eq!(get(&another(&heap), 2), 2);
}

#[test]
fn a_generation_that_is_lost_or_broken_revives_nothing() {
    let heap = HeapBytes::new();
    let memo = another(&heap);
    let broken: [&dyn Fn(); 3] = [
        &|| _ = heap.delete("@tag:t").unwrap(),
        &|| heap.put("@tag:t", b"nothing", None).unwrap(),
        &|| memo.refresh("@tag:t", || 7_u32).map(drop).unwrap(),
    ];
    for (n, lose) in broken.into_iter().enumerate() {
        let old: u32 = memo.get_with("old", tags(&["t"]), || 1).unwrap();
        let before = heap.get("old").unwrap().unwrap();
        lose();
        assert!(!memo.exists("old").unwrap(), "{n}");
        assert_eq!(get(&memo, 2), 2, "{n}: another generation is made");
        heap.put("old", &before, None).unwrap();
        assert!(memo.entry::<u32>("old").unwrap().is_none(), "{n}: {old}");
        assert!(memo.exists("a").unwrap(), "{n}");
        memo.clear().unwrap();
    }
}

#[test]
fn an_older_generation_that_comes_back_does_not_revive_what_is_new() {
    let heap = HeapBytes::new();
    let memo = another(&heap);
    get(&memo, 1);
    let before = heap.get("@tag:t").unwrap().unwrap();
    memo.invalidate(Group::tag("t")).unwrap();
    get(&memo, 2);
    heap.put("@tag:t", &before, None).unwrap();
    assert_eq!(get(&memo, 3), 3);
}

#[derive(Default)]
struct FaultsTold(AtomicU32);

impl Observer for FaultsTold {
    fn observe(&self, _: &Origin<'_>, event: &Event<'_>) {
        if let Event::StoreFault(_) = event {
            self.0.fetch_add(1, SeqCst);
        }
    }
}

#[test]
fn a_store_that_is_down_builds_keeps_nothing_and_says_so() {
    let heap = HeapBytes::new();
    let down = Faults {
        errors: 1.0,
        ..Faults::NONE
    };
    let memo = Memoizer::new(Encoded::new(ChaosStore::new(heap.clone(), down, 1)));
    let told = Arc::new(FaultsTold::default());
    let memo = memo.observer(Arc::clone(&told));
    assert_eq!((get(&memo, 1), get(&memo, 2)), (1, 2));
    assert!(heap.is_empty());
    assert!(told.0.load(SeqCst) >= 2);
    assert!(memo.invalidate(Group::tag("t")).is_err());
    assert!(memo.make_stale(Group::tag("t")).is_err());
}

/// Of a store that often fails, nothing is had that was built before an
/// invalidation that worked.
#[test]
fn no_fault_revives_what_was_invalidated() {
    for seed in 0..20 {
        let often = Faults {
            errors: 0.15,
            lost_replies: 0.1,
            truncations: 0.1,
            flips: 0.1,
            ..Faults::NONE
        };
        let chaos = ChaosStore::new(HeapBytes::new(), often, seed);
        let memo = Memoizer::new(Encoded::new(chaos));
        let mut least = 0;
        for n in 0..200 {
            let got = get(&memo, n);
            assert!(got >= least, "seed {seed}: {got} is from before {least}");
            if n % 3 == 0 && memo.invalidate(Group::tag("t")).is_ok() {
                least = n + 1;
            }
        }
    }
}

#[test]
fn what_is_near_is_invalidated_at_once_here_and_by_the_bound_elsewhere() {
    let heap = HeapBytes::new();
    let clock = FakeClock::new();
    // What another changes is not told.
    let unwatched = Counted {
        heap: heap.clone(),
        ..Counted::default()
    };
    let near = |store: Counted| -> SharedStore {
        let tiered = Tiered::new(Encoded::new(store));
        tiered.no_older_than(secs(10)).clock(clock.clone()).into()
    };
    let one = Memoizer::new(near(unwatched.clone())).clock(clock.clone());
    let far = another(&heap).clock(clock.clone());
    get(&one, 1);
    unwatched.taken();
    assert_eq!(get(&one, 2), 1);
    assert_eq!(unwatched.taken(), (0, 0), "all is near, generations too");
    one.invalidate(Group::tag("t")).unwrap();
    assert_eq!(get(&one, 3), 3);
    far.invalidate(Group::tag("t")).unwrap();
    assert_eq!(get(&one, 4), 3, "it has not heard of it");
    clock.advance(secs(10));
    assert_eq!(get(&one, 5), 5);
    one.make_stale(Group::tag("t")).unwrap();
    assert!(!one.exists("a").unwrap());
    assert_eq!(get(&one, 6), 6);
    // A store that tells what others change is listened to.
    let told = Memoizer::new(Tiered::new(Encoded::new(heap.clone())));
    assert_eq!(get(&told, 7), 6);
    far.invalidate(Group::tag("t")).unwrap();
    assert_eq!(get(&told, 8), 8);
}

#[test]
fn functions_in_a_store_of_bytes_are_invalidated() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[memoize(tags = |user| [format!("user {user}")])]
    fn page(user: u32) -> u32 {
        _ = user;
        RUNS.fetch_add(1, SeqCst)
    }

    let (memo, heap) = over_heap();
    memo.scope(|| assert_eq!((page(1), page(2), page(1)), (0, 1, 0)));
    another(&heap).invalidate(Group::tag("user 1")).unwrap();
    memo.scope(|| {
        assert!(!page::exists(1) && page::entry(1).is_none() && page::exists(2));
        assert_eq!((page(1), page(2), page(1)), (2, 1, 2));
    });
    another(&heap).make_stale(Group::tag("user 2")).unwrap();
    memo.scope(|| {
        assert!(!page::exists(2) && page::entry(2).is_some());
        assert_eq!((page(1), page(2)), (2, 3));
    });
}
