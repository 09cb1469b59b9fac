use crate::stats::Stats;
use std::fmt;

/// What a registry held at some moment: a row per partition, by type name.
///
/// Prints as an aligned table; with the `serde` feature it also serializes.
///
/// ```
/// use mementos::Registry;
///
/// println!("{}", Registry::global().snapshot());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Snapshot {
    /// The partitions, sorted by type name.
    pub rows: Vec<Row>,
}

/// One partition in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Row {
    /// The full path of the type.
    pub type_name: &'static str,
    /// The full path of its key's type.
    pub key_type: &'static str,
    /// The factory whose key function is used, if one is.
    pub factory: Option<&'static str>,
    /// The store: `strong`, `weak`, `pinned`, `static`, or `own`.
    pub keep: &'static str,
    /// How many instances are kept; none where the store failed to say.
    pub len: Option<usize>,
    /// How many builds are under way.
    pub building: usize,
    /// What has happened so far.
    pub stats: Stats,
}

const HEADINGS: [&str; 9] = [
    "type",
    "keep",
    "kept",
    "building",
    "builds",
    "hits",
    "joins",
    "failures",
    "build time",
];

impl Row {
    fn cells(&self) -> [String; 9] {
        let name = match self.factory {
            Some(factory) => format!("{} by {factory}", self.type_name),
            None => self.type_name.to_owned(),
        };
        [
            name,
            self.keep.to_owned(),
            self.len
                .map_or_else(|| "?".to_owned(), |len| len.to_string()),
            self.building.to_string(),
            self.stats.builds.to_string(),
            self.stats.hits.to_string(),
            self.stats.joins.to_string(),
            self.stats.failures.to_string(),
            format!("{:.1?}", self.stats.build_time),
        ]
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEADINGS.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; 9] = std::array::from_fn(width);
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            // Names to the left, numbers to the right.
            write!(
                f,
                "{:<w$}  {:<v$}",
                line[0],
                line[1],
                w = widths[0],
                v = widths[1]
            )?;
            for column in 2..line.len() {
                write!(f, "  {:>w$}", line[column], w = widths[column])?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(type_name: &'static str, len: usize) -> Row {
        Row {
            type_name,
            key_type: "str",
            factory: None,
            keep: "strong",
            len: Some(len),
            building: 0,
            stats: Stats::default(),
        }
    }

    #[test]
    fn columns_line_up() {
        let table = Snapshot {
            rows: vec![row("app::A", 1), row("app::Longer", 1000)],
        }
        .to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len()),
            "{table}"
        );
        assert!(lines[2].starts_with("app::Longer  strong  1000"), "{table}");
    }
}
