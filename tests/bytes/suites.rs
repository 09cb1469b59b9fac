//! The suite for stores of bytes, over those that need nothing but memory.

use mementos::testing::{ChaosStore, Faults, HeapBytes, byte_stores};
use std::sync::Arc;

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
