//! What a person wants to know.

use crate::ask::{Shared, THREADS, Timing};
use crate::lock_file::LockFile;
use crate::proof::Proof;
use crate::tally::Tally;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// How many of the most shared packages are shown.
const SHOWN: usize = 10;

/// Where a long line is broken.
const WIDTH: usize = 80;

pub(crate) struct Report<'r> {
    pub(crate) path: &'r Path,
    pub(crate) file: &'r LockFile,
    pub(crate) shared: &'r Shared,
    pub(crate) proof: Proof,
    pub(crate) tally: Tally,
    pub(crate) timing: Timing,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, version) = (self.path.display(), self.file.version());
        writeln!(f, "{path}, lock file of version {version}\n")?;
        self.counts(f)?;
        self.deepest_chain(f)?;
        self.time(f)?;
        self.most_shared(f)?;
        writeln!(f, "\n{}", self.shared.registry.snapshot())
    }
}

impl Report<'_> {
    fn counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packages = self.file.entries().len();
        line(f, "packages", &count(packages), "in the file")?;
        let references = count(self.tally.references());
        line(f, "references", &references, "between them, all resolved")?;
        let asked = count(self.proof.answers);
        let note = format!("distinct; {THREADS} threads asked {asked} times and got these alone");
        line(f, "instances", &count(self.proof.instances), &note)
    }

    fn deepest_chain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packages = self.shared.packages().iter();
        let mut names: Vec<&str> = Vec::new();
        let mut at = packages.rev().max_by_key(|package| package.chain);
        while let Some(package) = at {
            names.push(&package.id.name);
            let dependencies = package.dependencies.iter();
            at = dependencies.rev().max_by_key(|next| next.chain);
        }
        let mut lines = wrapped(&names, WIDTH - INDENT).into_iter();
        let first = lines.next().unwrap_or_default();
        line(f, "deepest chain", &count(names.len()), &first)?;
        lines.try_for_each(|rest| writeln!(f, "{:INDENT$}{rest}", ""))
    }

    fn time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timing = &self.timing;
        let (builds, hits) = (timing.stats.builds as f64, timing.stats.hits as f64);
        let note = format!("{} built, {} reused", grouped(builds), grouped(hits));
        line(f, "time shared", &millis(timing.shared), &note)?;
        let (built, all) = (timing.built as f64, self.tally.all_unshared());
        let note = if built < all {
            format!("stopped at {} built of {}", grouped(built), grouped(all))
        } else {
            let times = timing.unshared.as_secs_f64() / timing.shared.as_secs_f64();
            format!("{} built, {times:.1} times as long", grouped(built))
        };
        line(f, "time unshared", &millis(timing.unshared), &note)
    }

    fn most_shared(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.tally.most_reused(SHOWN);
        let name = |at: usize| self.file.entries()[at].id.to_string();
        let widths = most.iter().map(|at| name(*at).chars().count());
        let Some(width) = widths.max() else {
            return Ok(());
        };
        let width = width.max(HEADING.len());
        writeln!(f, "\n{HEADING:width$}  reused  built if not shared")?;
        for at in most {
            let (name, reused) = (name(at), self.tally.reused(at));
            let unshared = grouped(self.tally.unshared(at));
            writeln!(f, "{name:width$}  {reused:>6}  {unshared:>19}")?;
        }
        Ok(())
    }
}

const HEADING: &str = "most shared";

/// Where the third column begins.
const INDENT: usize = 28;

fn line(f: &mut fmt::Formatter<'_>, what: &str, number: &str, note: &str) -> fmt::Result {
    let line = format!("{what:14}{number:>12}  {note}");
    writeln!(f, "{}", line.trim_end())
}

/// The words, each but the last with a `>` behind it, in lines of at most
/// `width` (but for a word that is longer).
fn wrapped(words: &[&str], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let word = if at + 1 < words.len() {
            format!("{word} >")
        } else {
            (*word).to_owned()
        };
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

fn count(number: usize) -> String {
    grouped(number as f64)
}

fn millis(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}

/// A whole number by thousands, or by powers of ten where it is beyond counting.
fn grouped(number: f64) -> String {
    if number >= 1e15 {
        return format!("{number:.1e}");
    }
    let digits = format!("{number:.0}");
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}
