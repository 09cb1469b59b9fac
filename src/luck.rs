//! Random numbers for what need not be secret: whether a call is the one that refreshes.

use crate::key::hash_of;
use std::cell::Cell;
use std::thread;

thread_local! {
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Drawn from the exponential distribution of mean 1: -ln of a number in (0, 1].
pub(crate) fn exponential() -> f64 {
    // The upper 53 bits, plus one: never 0.
    let uniform = ((next() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    -uniform.ln()
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), of each thread its own.
fn next() -> u64 {
    let seed = || hash_of(&thread::current().id());
    let drawn = STATE.try_with(|state| {
        let next = state.get().unwrap_or_else(seed);
        let next = next.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(Some(next));
        next
    });
    let mixed = drawn.unwrap_or_else(|_torn_down| seed());
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_mean_is_one_and_it_is_never_endless() {
        const MANY: u32 = if cfg!(miri) { 100 } else { 100_000 };
        let drawn = (0..MANY).map(|_| exponential());
        let drawn: Vec<f64> = drawn.collect();
        assert!(drawn.iter().all(|n| (0.0..40.0).contains(n)));
        let mean = drawn.iter().sum::<f64>() / f64::from(MANY);
        let off = 6.0 / f64::from(MANY).sqrt();
        assert!((mean - 1.0).abs() < off, "{mean}");
    }
}
