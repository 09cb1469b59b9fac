//! What the tests share.

use std::thread;

/// How many rounds a test of many rounds runs: all of them in a soak
/// (`tests/run soak`), a tenth otherwise where all would take too long.
pub(crate) fn rounds(all: u32) -> u32 {
    match std::env::var_os("MEMENTOS_SOAK") {
        Some(_) => all,
        None => all / 10,
    }
}

/// Waits until `there` says so, giving way to the other threads meanwhile.
pub(crate) fn until(there: impl Fn() -> bool) {
    while !there() {
        thread::yield_now();
    }
}

/// A small, seeded source of numbers (SplitMix64: Steele, Lea, Flood 2014).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}
