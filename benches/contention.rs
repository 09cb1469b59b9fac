//! Two threads at once. See the crate's documentation for how to read it.

use mementos_benches::calls::by_str;
use mementos_benches::{ENTRIES, Group, Options, Subject, Target, keys, report, take_turns};
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often each thread asks for each key in a turn: long enough that starting
/// the threads does not matter.
const PASSES: usize = 64;

/// How often a turn is taken again before its time counts all the same.
const TRIES: usize = 30;

fn main() {
    let options = Options::from_args();
    let keys = keys(ENTRIES);
    let hot = [keys[0]; ENTRIES];
    let groups = [
        measure(
            "two threads, one hot key",
            &hot,
            Some(Target::AtMost(0.30)),
            &options,
        ),
        measure("two threads, 1,024 keys", keys, None, &options),
    ];
    report("contention", &options, &groups);
}

fn measure(
    title: &'static str,
    keys: &[&'static str],
    memento_ref: Option<Target>,
    options: &Options,
) -> Group {
    let by_ref = two_threads("mementos, memento_ref", keys, by_str::memento_ref);
    let subjects = vec![
        two_threads("DashMap by hand", keys, by_str::dashmap),
        two_threads("mementos", keys, by_str::strong),
        memento_ref.into_iter().fold(by_ref, Subject::target),
        two_threads("papaya", keys, by_str::papaya),
        two_threads("papaya, no clone", keys, by_str::papaya_in_place),
        two_threads("quick_cache", keys, by_str::quick_cache),
        two_threads("cached #[concurrent_cached]", keys, by_str::cached),
        two_threads("moka", keys, by_str::moka),
    ];
    take_turns(
        title,
        subjects,
        options.pick(5, 101),
        ENTRIES * PASSES,
        options,
    )
}

/// Two threads that ask for the same keys, the one half the way behind the other.
///
/// On a machine that has other things to do, they may end up running one after
/// the other. Such a turn shows no contention, and is taken again.
fn two_threads<'a, R>(
    name: &'static str,
    keys: &'a [&'static str],
    call: impl Fn(&'static str) -> R + Copy + Sync + 'a,
) -> Subject<'a> {
    let (front, back) = keys.split_at(keys.len() / 2);
    Subject::new(name, move || {
        let mut again = 0..TRIES;
        loop {
            let spans = at_once(|| ask([front, back], call), || ask([back, front], call));
            if together(&spans) || again.next().is_none() {
                return spans[0].took().max(spans[1].took());
            }
        }
    })
}

/// From when to when a thread was at it.
struct Span {
    start: Instant,
    end: Instant,
}

impl Span {
    fn took(&self) -> Duration {
        self.end - self.start
    }
}

/// Whether both threads were at it for two thirds of the time that either was.
fn together([one, two]: &[Span; 2]) -> bool {
    let both = one
        .end
        .min(two.end)
        .saturating_duration_since(one.start.max(two.start));
    let either = one.end.max(two.end) - one.start.min(two.start);
    both * 3 >= either * 2
}

/// Runs both, each on a thread. They begin when both are there, and spin until
/// then: a thread that was put to sleep would begin late.
fn at_once(one: impl FnOnce() -> Span + Send, two: impl FnOnce() -> Span) -> [Span; 2] {
    let ready = AtomicU32::new(0);
    let meet = || {
        ready.fetch_add(1, Ordering::AcqRel);
        while ready.load(Ordering::Acquire) < 2 {
            spin_loop();
        }
    };
    thread::scope(|scope| {
        let one = scope.spawn(|| {
            meet();
            one()
        });
        meet();
        let two = two();
        [one.join().expect("a subject panicked"), two]
    })
}

fn ask<R>(halves: [&[&'static str]; 2], call: impl Fn(&'static str) -> R) -> Span {
    let start = Instant::now();
    for _ in 0..PASSES {
        for half in halves {
            for key in half {
                black_box(call(black_box(key)));
            }
        }
    }
    Span {
        start,
        end: Instant::now(),
    }
}
