use crate::Options;
use serde::Serialize;
use std::hint::black_box;
use std::time::Duration;

/// Something to measure.
pub struct Subject<'a> {
    name: &'static str,
    targets: Vec<Target>,
    turn: Box<dyn FnMut() -> Duration + 'a>,
}

/// What a row should show.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// At most this ratio to the baseline.
    AtMost(f64),
    /// At most this ratio to the row of that name.
    AtMostOf(&'static str, f64),
    /// Slower than the row of that name.
    SlowerThan(&'static str),
}

/// The subjects of one table, measured.
#[derive(Debug, Serialize)]
pub struct Group {
    /// What all of them did.
    pub title: &'static str,
    /// How often each was measured.
    pub rounds: usize,
    /// The baseline, then the others.
    pub rows: Vec<Row>,
}

/// One subject, measured.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The subject.
    pub name: &'static str,
    /// Nanoseconds for one operation: the median of the rounds.
    pub ns: f64,
    /// The median of the rounds' ratios to the baseline.
    pub ratio: f64,
    /// What was set, as far as the rows that it speaks of were measured.
    pub targets: Vec<Verdict>,
}

/// What a row should show, and what it does.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// What was set.
    pub target: String,
    /// The median of the rounds' ratios to the row that the target speaks of.
    pub ratio: f64,
    /// Whether that is as it should be.
    pub met: bool,
}

impl<'a> Subject<'a> {
    /// `turn` measures one turn: answers with the time for one operation, times
    /// the number of operations that the group says a turn has.
    pub fn new(name: &'static str, turn: impl FnMut() -> Duration + 'a) -> Self {
        Subject {
            name,
            targets: Vec::new(),
            turn: Box::new(turn),
        }
    }

    /// Sets what the row should show, beside what was set before.
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }
}

/// Measures the subjects in turns. The first is the baseline.
///
/// A turn is `operations` long. One round goes before the `rounds` that count.
pub fn take_turns(
    title: &'static str,
    mut subjects: Vec<Subject<'_>>,
    rounds: usize,
    operations: usize,
    options: &Options,
) -> Group {
    let baseline = subjects.first().map(|first| first.name);
    subjects.retain(|subject| Some(subject.name) == baseline || options.wants(subject.name));
    let mut times = vec![Vec::with_capacity(rounds); subjects.len()];
    for subject in &mut subjects {
        (subject.turn)();
    }
    for round in 0..rounds {
        for at in order(round, subjects.len()) {
            let took = deeper(round % DEPTHS, &mut subjects[at].turn);
            times[at].push(took.as_nanos() as f64 / operations as f64);
        }
    }
    Group {
        title,
        rounds,
        rows: rows(&subjects, &times),
    }
}

/// From how many depths of the stack turns are taken: together they go through
/// a page.
const DEPTHS: usize = 16;

/// Takes the turn from `depth` frames further down the stack.
///
/// Where the top of the stack meets hot data in the low twelve bits of the
/// address, a hit takes half as long again: the processor mistakes a load for
/// one of what was just stored. Which subject has that bad luck is decided anew
/// in every process. With another depth each round it is everybody's now and
/// then, and the medians are not touched by it.
#[inline(never)]
fn deeper(depth: usize, turn: &mut dyn FnMut() -> Duration) -> Duration {
    let frame = black_box([0_u8; 4096 / DEPTHS]);
    let took = if depth == 0 {
        turn()
    } else {
        deeper(depth - 1, turn)
    };
    black_box(&frame);
    took
}

/// Begins with another subject each round, and goes backward every other round,
/// so that nobody always follows the same neighbour.
fn order(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |n| {
        let at = (n + round) % count;
        if round.is_multiple_of(2) {
            at
        } else {
            count - 1 - at
        }
    })
}

fn rows(subjects: &[Subject<'_>], times: &[Vec<f64>]) -> Vec<Row> {
    let of = |name| subjects.iter().position(|subject| subject.name == name);
    let row = |(subject, own): (&Subject<'_>, &Vec<f64>)| {
        let verdict = |target: &Target| {
            let other = target.other().map_or(Some(0), of)?;
            Some(target.verdict(ratio(own, &times[other])))
        };
        Row {
            name: subject.name,
            ns: median(own.clone()),
            ratio: ratio(own, &times[0]),
            targets: subject.targets.iter().filter_map(verdict).collect(),
        }
    };
    subjects.iter().zip(times).map(row).collect()
}

impl Target {
    /// Whom it speaks of, if not of the baseline.
    fn other(&self) -> Option<&'static str> {
        match self {
            Target::AtMost(_) => None,
            Target::AtMostOf(other, _) | Target::SlowerThan(other) => Some(other),
        }
    }

    fn verdict(&self, ratio: f64) -> Verdict {
        let (target, met) = match self {
            Target::AtMost(limit) => (format!("<= {limit:.2}"), ratio <= *limit),
            Target::AtMostOf(other, limit) => {
                (format!("<= {limit:.2} of {other}"), ratio <= *limit)
            }
            Target::SlowerThan(_) => ("slower".to_owned(), ratio > 1.0),
        };
        Verdict { target, ratio, met }
    }
}

/// The median of the quotients, round by round.
fn ratio(own: &[f64], other: &[f64]) -> f64 {
    median(
        own.iter()
            .zip(other)
            .map(|(own, other)| own / other)
            .collect(),
    )
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len().is_multiple_of(2) {
        f64::midpoint(numbers[middle - 1], numbers[middle])
    } else {
        numbers[middle]
    }
}
