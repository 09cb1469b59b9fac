//! One thread, warm entries. See the crate's documentation for how to read it.

use mementos_benches::calls::{by_number, by_pair, by_str};
use mementos_benches::{
    ENTRIES, Group, Options, Subject, Target, keys, report, shuffled, take_turns,
};
use std::collections::HashMap;

/// How often a turn asks for each key.
const PASSES: usize = 64;

/// Than whom we should be faster.
const THAN_OURS: Target = Target::SlowerThan("mementos");

fn main() {
    let options = Options::from_args();
    let groups = [strings(&options), numbers(&options), pairs(&options)];
    report("hits", &options, &groups);
}

fn strings(options: &Options) -> Group {
    let keys = keys(ENTRIES);
    let mut one_thread = HashMap::default();
    let subjects = vec![
        hits("DashMap by hand", keys, by_str::dashmap),
        hits("mementos", keys, by_str::strong).target(Target::AtMost(1.10)),
        hits("mementos, by hand", keys, by_str::by_hand),
        hits("mementos, generic type", keys, by_str::generic),
        hits("mementos, weak", keys, by_str::weak),
        hits("mementos, pinned", keys, by_str::pinned),
        hits("mementos, memento_ref", keys, by_str::memento_ref).target(Target::AtMost(1.0)),
        hits("cached #[concurrent_cached]", keys, by_str::cached).target(THAN_OURS),
        hits("internment ArcIntern", keys, by_str::arc_intern).target(THAN_OURS),
        hits("internment Intern", keys, by_str::intern),
        hits("once_map", keys, by_str::once_map).target(THAN_OURS),
        hits("moka", keys, by_str::moka).target(THAN_OURS),
        hits("quick_cache", keys, by_str::quick_cache).target(THAN_OURS),
        hits("papaya", keys, by_str::papaya),
        hits("HashMap, one thread", keys, |key| {
            by_str::hash_map(&mut one_thread, key)
        }),
    ];
    measure("a hit by &str", subjects, options)
}

fn numbers(options: &Options) -> Group {
    let keys: Vec<u64> = shuffled(ENTRIES).map(|n| n as u64).collect();
    let subjects = vec![
        hits("DashMap by hand", &keys, by_number::dashmap),
        hits("mementos", &keys, by_number::strong).target(Target::AtMost(1.15)),
        hits("cached #[concurrent_cached]", &keys, by_number::cached),
        hits("once_map", &keys, by_number::once_map),
        hits("moka", &keys, by_number::moka),
        hits("quick_cache", &keys, by_number::quick_cache),
        hits("papaya", &keys, by_number::papaya),
    ];
    measure("a hit by u64", subjects, options)
}

fn pairs(options: &Options) -> Group {
    let keys: Vec<(&str, u32)> = keys(ENTRIES).iter().copied().zip(0..).collect();
    let subjects = vec![
        hits("DashMap by hand, owned tuple", &keys, by_pair::dashmap),
        hits("mementos", &keys, by_pair::strong).target(Target::AtMost(0.60)),
    ];
    measure("a hit by (&str, u32)", subjects, options)
}

fn measure(title: &'static str, subjects: Vec<Subject<'_>>, options: &Options) -> Group {
    take_turns(
        title,
        subjects,
        options.pick(11, 201),
        ENTRIES * PASSES,
        options,
    )
}

fn hits<'a, K: Copy, R: 'a>(
    name: &'static str,
    keys: &'a [K],
    call: impl FnMut(K) -> R + 'a,
) -> Subject<'a> {
    mementos_benches::hits(name, keys, PASSES, call)
}
