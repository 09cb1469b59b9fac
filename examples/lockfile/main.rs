//! Every package of a `Cargo.lock` as one shared instance.
//!
//! `cargo run --release --example lockfile [PATH]` reads a lock file (the one in
//! the current directory, or else this project's own) and builds a `Package` for
//! each package in it, from several threads at once. A package's constructor
//! asks for its dependencies, so builds nest as deep as the dependencies do. The
//! report says how much was shared, and what it would have cost not to.
//!
//! Whatever is wrong with the file is one line on standard error, and exit code 1.

mod ask;
mod lock_file;
mod package;
mod proof;
mod report;
mod tally;

use lock_file::LockFile;
use report::Report;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, thread};
use tally::Tally;

/// Why there is no report.
type Fault = Box<dyn Error + Send + Sync>;

const USAGE: &str = "usage: lockfile [PATH]";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let path = arguments.next().map(PathBuf::from);
    if arguments.next().is_some() {
        return failure(&USAGE, 2);
    }
    if path.as_deref() == Some(Path::new("--help")) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let path = path.unwrap_or_else(default_path);
    match report_on(&path) {
        Ok(report) => print(&report),
        Err(message) => failure(&format_args!("{}: {message}", path.display()), 1),
    }
}

/// The lock file of the current directory, or else this project's own.
fn default_path() -> PathBuf {
    let here = PathBuf::from("Cargo.lock");
    if here.exists() {
        here
    } else {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(here)
    }
}

fn report_on(path: &Path) -> Result<String, Fault> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let file = LockFile::parse(&text)?;
    // Builds nest, and so do the drops of what they built: room for both.
    thread::scope(|scope| {
        let working = ask::roomy(&file).spawn_scoped(scope, || work(path, &file))?;
        working.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn work(path: &Path, file: &LockFile) -> Result<String, Fault> {
    let shared = ask::from_threads(file)?;
    let proof = proof::identity(file, &shared)?;
    let tally = Tally::of(file, shared.packages());
    let timing = ask::timing(file, &tally.roots(file))?;
    proof::reuse(&tally, &timing)?;
    Ok(Report {
        path,
        file,
        shared: &shared,
        proof,
        tally,
        timing,
    }
    .to_string())
}

fn print(report: &str) -> ExitCode {
    match io::stdout().write_all(report.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => failure(&error, 1),
        _ => ExitCode::SUCCESS,
    }
}

/// Says what is wrong in one line, whatever is in it.
fn failure(message: &dyn Display, code: u8) -> ExitCode {
    let line = message.to_string().replace(char::is_control, " ");
    eprintln!("lockfile: {line}");
    ExitCode::from(code)
}
