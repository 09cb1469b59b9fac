use mementos::Memoizer;
use mementos::clock::FakeClock;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::testing::HeapBytes;
use std::time::Duration;

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A memoizer over bytes in this process's memory, and those bytes.
pub(crate) fn over_heap() -> (Memoizer, HeapBytes) {
    let heap = HeapBytes::new();
    (Memoizer::new(Encoded::new(heap.clone())), heap)
}

/// The same by a clock that is moved by hand.
pub(crate) fn with_clock() -> (Memoizer, HeapBytes, FakeClock) {
    let (memo, heap) = over_heap();
    let clock = FakeClock::new();
    (memo.clock(clock.clone()), heap, clock)
}

/// Another process, as far as the store can tell: the same bytes, and nothing else.
pub(crate) fn another(heap: &HeapBytes) -> Memoizer {
    Memoizer::new(Encoded::new(heap.clone()))
}

pub(crate) fn the_only_key(heap: &HeapBytes) -> String {
    let keys = heap.keys("").unwrap().unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys.into_iter().next().unwrap()
}

/// A function that is not to run: its result is kept.
pub(crate) fn kept<V>() -> V {
    panic!("it should have been found")
}
