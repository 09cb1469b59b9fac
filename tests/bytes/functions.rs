use crate::support::*;
use mementos::store::bytes::{ByteStore, Encoded};
use mementos::store::{MemoryStore, SharedStore, Tiered};
use mementos::testing::HeapBytes;
use mementos::{BuildError, Key, Memoizer, Options, memoize};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

static RUNS: AtomicU32 = AtomicU32::new(0);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sum {
    of: Vec<u32>,
    sum: u32,
}

#[memoize(max_age = "60s")]
fn sum(of: &[u32], times: u32) -> Sum {
    RUNS.fetch_add(1, SeqCst);
    Sum {
        of: of.to_vec(),
        sum: of.iter().sum::<u32>() * times,
    }
}

#[test]
fn another_process_runs_nothing() {
    let (memo, heap) = over_heap();
    let expected = memo.scope(|| sum(&[1, 2], 3));
    assert_eq!(RUNS.load(SeqCst), 1);
    another(&heap).scope(|| {
        assert_eq!(sum(&[1, 2], 3), expected);
        assert!(sum::exists(&[1, 2], 3));
        assert!(sum::ttl(&[1, 2], 3).is_some());
        assert_eq!(sum::entry(&[1, 2], 3).unwrap().into_value(), expected);
    });
    assert_eq!(RUNS.load(SeqCst), 1);
    assert_eq!(the_only_key(&heap), "bytes::functions::sum([1, 2], 3)");
}

#[test]
fn a_function_clears_its_own_results_alone() {
    #[memoize]
    fn one(x: u32) -> u32 {
        x
    }

    #[memoize]
    fn other(x: u32) -> u32 {
        x
    }

    let (memo, heap) = over_heap();
    memo.scope(|| {
        for n in [one(1), one(2), other(1)] {
            assert!(n > 0);
        }
        one::clear().unwrap();
        assert!(!one::exists(1) && other::exists(1));
        assert_eq!(heap.len(), 1);
        assert!(other::delete(1).unwrap());
        assert!(heap.is_empty());
    });
}

#[test]
fn an_output_without_serde_is_refused_with_the_remedy() {
    #[derive(Clone, Debug)]
    struct Opaque;

    #[memoize]
    fn opaque(_x: u32) -> Opaque {
        Opaque
    }

    let (memo, _) = over_heap();
    memo.scope(|| {
        let error = opaque::get(Options::new(), 1).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, BuildError::Uncodable(_)));
        for part in ["opaque", "Opaque", "`Serialize` and `Deserialize`"] {
            assert!(message.contains(part), "{message}");
        }
    });
}

#[test]
fn an_error_without_serde_is_not_kept_and_a_value_beside_it_is() {
    #[derive(Clone, Debug, PartialEq)]
    struct Odd;

    #[memoize(error_age = "60s")]
    fn halves(x: u32) -> Result<u32, Odd> {
        if x.is_multiple_of(2) {
            Ok(x / 2)
        } else {
            Err(Odd)
        }
    }

    let (memo, heap) = over_heap();
    memo.scope(|| {
        assert_eq!((halves(4), halves(3)), (Ok(2), Err(Odd)));
        assert_eq!(halves::uncached(3), Err(Odd));
    });
    assert_eq!(heap.len(), 1);
    another(&heap).scope(|| assert_eq!(halves(4), Ok(2)));
}

#[test]
fn an_error_with_serde_is_kept_as_the_options_say() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[memoize(error_age = "60s")]
    fn fails(x: u32) -> Result<u32, String> {
        RUNS.fetch_add(1, SeqCst);
        Err(x.to_string())
    }

    let (memo, heap) = over_heap();
    memo.scope(|| assert_eq!(fails(1), Err("1".to_owned())));
    another(&heap).scope(|| assert_eq!(fails(1), Err("1".to_owned())));
    assert_eq!(RUNS.load(SeqCst), 1);
}

#[test]
fn a_function_can_name_its_store() {
    static HEAP: once_cell::sync::Lazy<HeapBytes> = once_cell::sync::Lazy::new(HeapBytes::new);

    #[memoize(store = Encoded::new(HEAP.clone()), schema = 3)]
    fn named(x: u32) -> u32 {
        x
    }

    named(1);
    named(1);
    assert_eq!(HEAP.len(), 1);
    assert!(HEAP.get("bytes::functions::named(1)").unwrap().is_some());
    let seen: u32 = Memoizer::new(Encoded::new(HEAP.clone()))
        .get_with(
            "bytes::functions::named(1)",
            Options::new().schema(3),
            kept::<u32>,
        )
        .unwrap();
    assert_eq!(seen, 1, "by hand, under the same text and schema");
}

#[test]
fn a_function_that_names_its_store_keeps_what_serde_can_do_of_its_results() {
    #[derive(Clone, Debug, PartialEq)]
    struct Odd;

    #[memoize(store = Tiered::new(Encoded::new(HeapBytes::new())))]
    fn halves(x: u32) -> Result<u32, Odd> {
        match x % 2 {
            0 => Ok(x / 2),
            _ => Err(Odd),
        }
    }

    #[memoize(store = Encoded::new(HeapBytes::new()))]
    fn twice<T: Key + Serialize + DeserializeOwned>(x: T) -> Vec<T> {
        vec![x.clone(), x]
    }

    assert_eq!((halves(4), halves(3)), (Ok(2), Err(Odd)));
    assert!(halves::exists(4) && !halves::exists(3));
    assert_eq!(twice("a".to_owned()), ["a", "a"]);
    assert!(twice::exists("a".to_owned()));
}

#[test]
fn a_store_of_values_asks_for_no_serde_and_one_that_is_not_known_asks_when_it_is_used() {
    #[derive(Clone)]
    struct Opaque;

    #[memoize(store = MemoryStore::new())]
    fn by_value(_x: u32) -> Opaque {
        Opaque
    }

    #[memoize(store = SharedStore::from(Encoded::new(HeapBytes::new())))]
    fn unknown(_x: u32) -> Opaque {
        Opaque
    }

    by_value(1);
    assert!(by_value::exists(1));
    let asked = unknown::get(Options::new(), 1);
    assert!(matches!(asked, Err(BuildError::Uncodable(_))));
}
