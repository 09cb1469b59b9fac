//! What a person wants to know.

use crate::pass::Tally;
use std::fmt;

/// A row for each pass.
pub(crate) struct Table<'t>(pub(crate) &'t [Tally]);

const HEADINGS: [&str; 8] = [
    "pass",
    "files",
    "bytes",
    "computed",
    "kept",
    "unreadable",
    "seconds",
    "bytes per second",
];

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = (1..)
            .zip(self.0)
            .map(|(pass, tally)| row(pass, tally))
            .collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].len());
            cells.chain([HEADINGS[column].len()]).max()
        };
        let widths: Vec<usize> = (0..HEADINGS.len()).filter_map(width).collect();
        line(f, &HEADINGS, &widths)?;
        rows.iter().try_for_each(|row| line(f, row, &widths))
    }
}

fn row(pass: usize, tally: &Tally) -> [String; 8] {
    let seconds = tally.took.as_secs_f64();
    [
        pass.to_string(),
        grouped(tally.files as u64),
        grouped(tally.bytes),
        grouped(tally.computed),
        grouped(tally.kept),
        grouped(tally.unreadable as u64),
        format!("{seconds:.6}"),
        grouped((tally.bytes as f64 / seconds) as u64),
    ]
}

fn line(f: &mut fmt::Formatter<'_>, cells: &[impl AsRef<str>], widths: &[usize]) -> fmt::Result {
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = if at == 0 { "" } else { "  " };
        write!(f, "{gap}{:>width$}", cell.as_ref())?;
    }
    writeln!(f)
}

/// A number by thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
