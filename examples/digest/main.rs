//! The SHA-256 of every file below a directory, each computed once.
//!
//! `cargo run --release --example digest DIR` goes over the files twice, with as
//! many threads as the machine has processors. Digests are kept by path, with the
//! file's size and modification time as etag: so the second pass computes those
//! alone that have changed since the first. Links are not followed.
//!
//! | option | does |
//! |---|---|
//! | `--passes N` | goes over the files so often, 2 times if nothing is said |
//! | `--threads N` | uses so many threads |
//! | `--store WHERE` | keeps digests in `memory` (if nothing is said), `disk:PATH`, `redis://HOST`, or `fs:DIR`, where other processes find them; needs the features `disk`, `redis`, or `opendal` and `testing` |
//! | `--list` | prints the digests of the last pass, as `sha256sum` does; the table goes to standard error |
//!
//! What the last pass cannot read is one line each on standard error, and the exit
//! code is 1, as it is if there is no such directory. It is 2 for a misuse.

mod arguments;
mod hash;
mod pass;
mod progress;
mod store;
mod sums;
mod table;
mod tree;

use arguments::{Arguments, Asked, USAGE};
use hash::digest;
use mementos::Options;
use mementos::store::SharedStore;
use pass::{Pass, Tally};
use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};
use table::Table;
use tree::Tree;

fn main() -> ExitCode {
    match Asked::read(env::args_os().skip(1)) {
        Err(message) => failure(&message, 2),
        Ok(Asked::Help) => written(writeln!(io::stdout(), "{USAGE}")),
        Ok(Asked::Run(arguments)) => match check(&arguments.directory) {
            Err(error) => failure(&about(&arguments.directory, &error), 1),
            Ok(()) => match store::open(&arguments.store) {
                Err(message) => failure(&message, 2),
                Ok(store) => run(&arguments, store),
            },
        },
    }
}

fn check(directory: &Path) -> io::Result<()> {
    match fs::metadata(directory)?.is_dir() {
        true => Ok(()),
        false => Err(ErrorKind::NotADirectory.into()),
    }
}

fn run(arguments: &Arguments, store: Option<SharedStore>) -> ExitCode {
    if let Some(store) = store {
        digest::set_options(Options::new().store(store));
    }
    let mut tallies = Vec::new();
    let mut last = pass(1, arguments);
    tallies.push(last.tally);
    for number in 2..=arguments.passes {
        last = pass(number, arguments);
        tallies.push(last.tally);
    }
    for unreadable in &last.unreadable {
        failure(&about(&unreadable.path, &unreadable.error), 1);
    }
    match written(print(&tallies, &last, arguments.list)) {
        _ if !last.unreadable.is_empty() => ExitCode::FAILURE,
        code => code,
    }
}

fn pass(number: usize, arguments: &Arguments) -> Pass {
    let tree = Tree::below(&arguments.directory);
    let bar = progress::bar(number, tree.files.len());
    let tick = || bar.inc(1);
    let pass = pass::over(tree, &digest::function(), arguments.threads, &tick);
    bar.finish_and_clear();
    pass
}

fn print(tallies: &[Tally], last: &Pass, list: bool) -> io::Result<()> {
    let table = Table(tallies);
    if !list {
        return write!(io::stdout(), "{table}");
    }
    write!(io::stderr(), "{table}")?;
    sums::write(BufWriter::new(io::stdout().lock()), &last.digests)
}

/// Who has read enough may close the pipe.
fn written(written: io::Result<()>) -> ExitCode {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => failure(&error, 1),
        _ => ExitCode::SUCCESS,
    }
}

fn about(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Says what is wrong in one line, whatever is in it.
fn failure(message: &dyn Display, code: u8) -> ExitCode {
    let line = message.to_string().replace(char::is_control, " ");
    eprintln!("digest: {line}");
    ExitCode::from(code)
}
