//! The suites, over stores that need nothing but memory.

use dashmap::DashMap;
use mementos::store::bytes::Encoded;
use mementos::store::{MemoryStore, SharedStore, Tiered};
use mementos::testing::{ChaosStore, Faults, HeapBytes, byte_stores, memoizers};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, RwLock};

#[test]
fn the_heap() {
    byte_stores::conform(HeapBytes::new);
}

#[test]
fn behind_pointers() {
    byte_stores::conform(|| Arc::new(HeapBytes::new()));
}

#[test]
fn chaos_without_faults() {
    byte_stores::conform(|| ChaosStore::new(HeapBytes::new(), Faults::NONE, 1));
}

#[test]
fn memoizers_over_values() {
    memoizers::conform(|| MemoryStore::new().into());
    memoizers::conform(|| Mutex::new(HashMap::<_, _>::new()).into());
    memoizers::conform(|| RwLock::new(BTreeMap::new()).into());
    memoizers::conform(|| DashMap::<_, _>::new().into());
}

#[cfg(feature = "bounded")]
#[test]
fn memoizers_over_a_bounded_store() {
    memoizers::conform(|| mementos::store::BoundedStore::new(1000).into());
}

#[test]
fn memoizers_over_bytes() {
    memoizers::conform(|| Encoded::new(HeapBytes::new()).into());
    let chaos = || ChaosStore::new(HeapBytes::new(), Faults::NONE, 1);
    memoizers::conform(|| Encoded::new(chaos()).into());
}

#[test]
fn memoizers_over_tiers() {
    let tiered = || -> SharedStore { Tiered::new(Encoded::new(HeapBytes::new())).into() };
    memoizers::conform(tiered);
}
