//! Functions whose results are kept. See the crate's documentation for how to read
//! it.

use mementos_benches::functions::awaited;
use mementos_benches::functions::cold::{self, Turn};
use mementos_benches::functions::sizes::{SIZES, Size};
use mementos_benches::functions::{by_number, by_pair, by_str};
use std::time::Duration;

use mementos_benches::{
    ENTRIES, Group, Options, Subject, Target, keys, report, shuffled, take_turns,
};

/// How often a turn asks for each key.
const PASSES: usize = 64;

/// How many hits a turn has at least, whatever the size of the table.
const HITS: usize = 1 << 16;

const CACHED: &str = "cached #[concurrent_cached]";
const CACHED_TTL: &str = "cached #[concurrent_cached(ttl)]";
const MOKA: &str = "moka get_with";
const CACHED_ASYNC: &str = "cached #[cached] async";
const MOKA_FUTURE: &str = "moka future get_with";

fn main() {
    let options = Options::from_args();
    let mut groups = vec![
        numbers(&options),
        strings(&options),
        pairs(&options),
        awaited_numbers(&options),
        distinct(&options),
    ];
    let largest = options.pick(100_000, usize::MAX);
    let sizes = SIZES.iter().filter(|size| size.entries <= largest);
    groups.extend(sizes.map(|size| among(size, &options)));
    report("functions", &options, &groups);
}

fn numbers(options: &Options) -> Group {
    let keys: Vec<u64> = shuffled(ENTRIES).map(|n| n as u64).collect();
    let subjects = vec![
        hits("DashMap by hand", &keys, by_number::dashmap),
        hits("mementos", &keys, by_number::mementos)
            .target(Target::AtMost(1.25))
            .target(Target::AtMostOf(CACHED, 0.85)),
        hits("mementos, local", &keys, by_number::local),
        hits("mementos, max_age", &keys, by_number::max_age)
            .target(Target::AtMostOf(CACHED_TTL, 0.40)),
        hits("mementos, capacity", &keys, by_number::capacity),
        hits("mementos, a store by text", &keys, by_number::texts),
        hits(CACHED, &keys, by_number::cached),
        hits(CACHED_TTL, &keys, by_number::cached_ttl),
        hits("cached #[cached]", &keys, by_number::cached_in_one),
        hits("memoize SharedCache", &keys, by_number::memoize_shared),
        hits("moka get_with, ttl", &keys, by_number::moka),
        hits("quick_cache", &keys, by_number::quick_cache),
    ];
    measure("a hit by u64", subjects, options)
}

fn strings(options: &Options) -> Group {
    let keys = keys(ENTRIES);
    let subjects = vec![
        hits("DashMap by hand", keys, by_str::dashmap),
        hits("mementos", keys, by_str::mementos).target(Target::AtMostOf(CACHED, 0.40)),
        hits("mementos, local", keys, by_str::local),
        hits("mementos, max_age", keys, by_str::max_age).target(Target::AtMostOf(CACHED_TTL, 0.40)),
        hits("mementos, capacity", keys, by_str::capacity),
        hits(CACHED, keys, by_str::cached),
        hits(CACHED_TTL, keys, by_str::cached_ttl),
        hits("cached #[cached]", keys, by_str::cached_in_one),
        hits("moka get_with, ttl", keys, by_str::moka),
        hits("quick_cache", keys, by_str::quick_cache),
    ];
    measure("a hit by &str", subjects, options)
}

fn pairs(options: &Options) -> Group {
    let keys: Vec<(&str, u32)> = keys(ENTRIES).iter().copied().zip(0..).collect();
    let subjects = vec![
        hits("DashMap by hand, owned tuple", &keys, by_pair::dashmap),
        hits("mementos", &keys, by_pair::mementos),
        hits("mementos, local", &keys, by_pair::local),
        hits("mementos, max_age", &keys, by_pair::max_age),
        hits(CACHED, &keys, by_pair::cached),
        hits(CACHED_TTL, &keys, by_pair::cached_ttl),
    ];
    measure("a hit by (&str, u32)", subjects, options)
}

fn awaited_numbers(options: &Options) -> Group {
    let keys: Vec<u64> = shuffled(ENTRIES).map(|n| n as u64).collect();
    let subject = |name, turn: fn(&[u64], usize) -> Duration| {
        let keys = &keys;
        Subject::new(name, move || turn(keys, PASSES))
    };
    let subjects = vec![
        subject("mementos, blocking", awaited::blocking),
        subject("mementos, awaited", awaited::mementos)
            .target(Target::AtMost(1.3))
            .target(Target::AtMostOf(MOKA_FUTURE, 0.5))
            .target(Target::AtMostOf(CACHED_ASYNC, 0.5)),
        subject(CACHED_ASYNC, awaited::cached),
        subject(MOKA_FUTURE, awaited::moka),
    ];
    measure("a hit by u64, awaited", subjects, options)
}

fn distinct(options: &Options) -> Group {
    let count = options.pick(100_000, 1_000_000);
    let keys = keys(count);
    let subjects = vec![
        Subject::new("DashMap entry", || cold::dashmap(keys)),
        Subject::new("mementos", fresh(cold::MEMENTOS, keys))
            .target(Target::AtMost(2.5))
            .target(Target::AtMostOf(MOKA, 0.20)),
        Subject::new(CACHED, fresh(cold::CACHED, keys)),
        Subject::new(MOKA, || cold::moka(keys)),
        Subject::new("quick_cache", || cold::quick_cache(keys)),
    ];
    let rounds = options.pick(2, cold::MEMENTOS.len() - 1);
    take_turns("distinct cold keys", subjects, rounds, count, options)
}

/// Another function each turn.
fn fresh<'a>(turns: &'static [Turn], keys: &'a [&'static str]) -> impl FnMut() -> Duration + 'a {
    let mut turns = turns.iter().cycle();
    move || turns.next().expect("there is no end to a cycle")(keys)
}

/// Keys in no sorted order, and as many entries. Each turn begins with a pass that is
/// not timed, for both alike: what fits the processor's caches of the one's table is
/// there again, whatever the other's turn has pushed out.
fn among(size: &Size, options: &Options) -> Group {
    let keys: Vec<u64> = shuffled(size.entries).map(|n| n as u64).collect();
    let passes = HITS.div_ceil(size.entries);
    let hits = |name, call| mementos_benches::hits(name, &keys, passes, call);
    let subjects = vec![
        hits("DashMap by hand", size.dashmap),
        hits("mementos", size.mementos).target(Target::AtMost(1.20)),
    ];
    let operations = size.entries * passes;
    let rounds = match size.entries {
        ..=100_000 => options.pick(11, 101),
        _ => 31,
    };
    take_turns(size.title, subjects, rounds, operations, options)
}

fn measure(title: &'static str, subjects: Vec<Subject<'_>>, options: &Options) -> Group {
    let rounds = options.pick(11, 201);
    take_turns(title, subjects, rounds, ENTRIES * PASSES, options)
}

fn hits<'a, K: Copy, R: 'a>(
    name: &'static str,
    keys: &'a [K],
    call: impl FnMut(K) -> R + 'a,
) -> Subject<'a> {
    mementos_benches::hits(name, keys, PASSES, call)
}
