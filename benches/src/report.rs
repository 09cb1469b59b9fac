use crate::{Group, Options, Row, Verdict};
use serde_json::json;
use std::path::PathBuf;
use std::{env, fs, io};

/// Prints the tables, and writes the same as JSON.
pub fn report(bench: &str, options: &Options, groups: &[Group]) {
    for group in groups {
        print(group);
    }
    match write(bench, options, groups) {
        Ok(path) => println!("\nwritten to {}", path.display()),
        Err(error) => eprintln!("\ncould not write the JSON: {error}"),
    }
}

fn print(
    Group {
        title,
        rounds,
        rows,
    }: &Group,
) {
    let width = rows
        .iter()
        .map(|row| row.name.len())
        .chain([title.len()])
        .max()
        .unwrap_or(0);
    println!(
        "\n{title:width$}  {:>8}  {:>6}  target  ({rounds} rounds)",
        "ns", "ratio"
    );
    for row in rows {
        let line = format!(
            "{:width$}  {:8.1}  {:6.2}  {}",
            row.name,
            row.ns,
            row.ratio,
            verdicts(row)
        );
        println!("{}", line.trim_end());
    }
}

fn verdicts(row: &Row) -> String {
    let verdict = |verdict: &Verdict| {
        let Verdict { target, ratio, met } = verdict;
        let holds = if *met { "ok" } else { "over" };
        format!("{target}: {holds} ({ratio:.2})")
    };
    let verdicts: Vec<_> = row.targets.iter().map(verdict).collect();
    verdicts.join(", ")
}

fn write(bench: &str, options: &Options, groups: &[Group]) -> io::Result<PathBuf> {
    let directory = target_directory()?.join("benches");
    fs::create_dir_all(&directory)?;
    let path = directory.join(bench).with_extension("json");
    let content = json!({
        "bench": bench,
        "unit": "nanoseconds per operation",
        "quick": options.quick,
        "filter": options.filter,
        "groups": groups,
    });
    fs::write(&path, format!("{content:#}\n"))?;
    Ok(path)
}

/// Cargo's target directory, wherever it was told to have it: cargo marks it,
/// and this program is in it.
fn target_directory() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    let marked = program
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").exists());
    marked
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("this program is not in a target directory of cargo's"))
}
