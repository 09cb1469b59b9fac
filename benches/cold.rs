//! Distinct keys, none of which is there. See the crate's documentation for how
//! to read it.

use mementos::{Registry, memento};
use mementos_benches::ours::Strong;
use mementos_benches::peers::{self, Peer};
use mementos_benches::{Options, Subject, Target, ask, keys, report, take_turns};
use std::time::Duration;

fn main() {
    let options = Options::from_args();
    let keys = keys(options.pick(100_000, 1_000_000));
    let subjects = vec![
        cold::<peers::Entries<str>>("DashMap entry", keys),
        cold::<peers::DashMap<str>>("DashMap get, then entry", keys),
        Subject::new("mementos", fresh_type(keys)).target(Target::AtMost(1.60)),
        Subject::new("mementos, in a scope", || in_a_scope(keys)),
        cold::<peers::OnceMap<str>>("once_map", keys),
        cold::<peers::Cached<str>>("cached", keys),
        cold::<peers::QuickCache<str>>("quick_cache", keys),
        cold::<peers::Papaya<str>>("papaya", keys),
        cold::<peers::Moka<str>>("moka", keys),
    ];
    let rounds = options.pick(2, FRESH.len() - 1);
    let group = take_turns("distinct cold keys", subjects, rounds, keys.len(), &options);
    report("cold", &options, &[group]);
}

/// A new map each turn, dropped when the time is taken.
fn cold<'a, P: Peer<str> + 'a>(name: &'static str, keys: &'a [&'static str]) -> Subject<'a> {
    Subject::new(name, move || {
        let map = P::fresh(keys.len());
        ask(keys, 1, |key| map.get_or_build(key))
    })
}

/// Types that nobody has asked for: one for each turn, the one before the rounds
/// that count included. A table that was cleared might still have its capacity,
/// and the peers begin without.
macro_rules! fresh_types {
    ($($name:ident)*) => {
        $(
            #[derive(Debug)]
            struct $name(#[allow(dead_code)] usize);

            #[memento]
            impl $name {
                fn new(key: &str) -> Self {
                    $name(key.len())
                }
            }
        )*

        const FRESH: &[fn(&[&'static str]) -> Duration] = &[$(
            |keys| {
                let took = ask(keys, 1, $name::memento);
                $name::mementos().clear();
                took
            },
        )*];
    };
}

fresh_types!(Cold0 Cold1 Cold2 Cold3 Cold4 Cold5);

/// Another type each turn, cleared when the time is taken.
fn fresh_type(keys: &[&'static str]) -> impl FnMut() -> Duration {
    let mut types = FRESH.iter().cycle();
    move || types.next().expect("there is no end to a cycle")(keys)
}

/// A registry of the turn's own.
fn in_a_scope(keys: &[&'static str]) -> Duration {
    Registry::new().scope(|| ask(keys, 1, Strong::memento))
}
