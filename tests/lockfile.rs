//! The `lockfile` example, run as a user runs it.

// It needs the macro, and processes of its own.
#![cfg(all(feature = "macros", not(any(miri, shuttle))))]

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, thread};

/// What a run gave.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Cargo builds the examples before the tests, into the directory beside theirs.
fn example() -> PathBuf {
    let test = env::current_exe().expect("the test knows its own path");
    let built = test
        .parent()
        .and_then(Path::parent)
        .expect("it is in <profile>/deps");
    let name = format!("lockfile{}", env::consts::EXE_SUFFIX);
    let example = built.join("examples").join(name);
    assert!(
        example.exists(),
        "{} is missing: plain `cargo test` builds it, and so does `cargo build --example lockfile`",
        example.display()
    );
    example
}

/// Runs the example in this package's directory. One that hangs is ended, and
/// fails the test.
fn run(arguments: &[&Path]) -> Run {
    let mut child = Command::new(example())
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut stderr = child.stderr.take().expect("it is piped");
    let (says, said) = mpsc::channel();
    thread::spawn(move || {
        let mut texts = (String::new(), String::new());
        stdout
            .read_to_string(&mut texts.0)
            .expect("the report is text");
        stderr
            .read_to_string(&mut texts.1)
            .expect("the error is text");
        says.send(texts)
    });
    let Ok((stdout, stderr)) = said.recv_timeout(Duration::from_secs(60)) else {
        child.kill().expect("it can be ended");
        panic!("the example hangs with {arguments:?}");
    };
    let code = child.wait().expect("it has ended").code();
    Run {
        code,
        stdout,
        stderr,
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new("tests")
        .join("lockfile")
        .join(format!("{name}.lock"))
}

/// The one line that the example says about a file it cannot use, after the name.
#[track_caller]
fn refusal(path: &Path) -> String {
    let run = run(&[path]);
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stdout, "");
    let line = run.stderr.strip_suffix('\n').expect("it ends its line");
    assert!(!line.contains('\n'), "more than a line: {line}");
    let prefix = format!("lockfile: {}: ", path.display());
    line.strip_prefix(&prefix)
        .expect("it names the program and the file")
        .to_owned()
}

/// The report on a file that it can use.
#[track_caller]
fn report(path: &Path) -> String {
    let run = run(&[path]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stderr, "");
    run.stdout
}

/// The number on the line that begins with `what`.
#[track_caller]
fn number(report: &str, what: &str) -> usize {
    let line = report.lines().find_map(|line| line.strip_prefix(what));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let number = number.and_then(|number| number.replace(',', "").parse().ok());
    number.unwrap_or_else(|| panic!("no number of {what} in\n{report}"))
}

/// A lock file of packages `p0`, `p1`, … with the dependencies that are given.
fn lock_file(name: &str, dependencies: &[Vec<usize>]) -> PathBuf {
    let mut text = String::from("version = 4\n");
    for (number, dependencies) in dependencies.iter().enumerate() {
        let named: Vec<String> = dependencies.iter().map(|to| format!("p{to}")).collect();
        write!(
            text,
            "\n[[package]]\nname = \"p{number}\"\nversion = \"1.0.0\"\ndependencies = {named:?}\n"
        )
        .expect("a string takes all");
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.lock"));
    fs::write(&path, text).expect("the target directory can be written to");
    path
}

#[test]
fn the_projects_own_file_has_as_many_instances_as_packages() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"))
        .expect("the project has a lock file");
    let packages = text.lines().filter(|line| *line == "[[package]]").count();
    let report = report(Path::new("Cargo.lock"));
    assert_eq!(number(&report, "packages"), packages);
    assert_eq!(number(&report, "instances"), packages);
    assert_eq!(run(&[]).code, Some(0), "it is what is read by default");
}

#[test]
fn references_are_understood_as_every_version_writes_them() {
    for (version, packages, references) in [("1", 4, 4), ("2", 4, 4), ("3", 4, 3), ("4", 3, 2)] {
        let report = report(&fixture(&format!("version_{version}")));
        assert_eq!(number(&report, "packages"), packages, "{report}");
        assert_eq!(number(&report, "instances"), packages, "{report}");
        assert_eq!(number(&report, "references"), references, "{report}");
    }
}

#[test]
fn a_file_without_packages_is_a_lock_file_too() {
    let report = report(&fixture("no_packages"));
    assert_eq!(number(&report, "packages"), 0);
    assert_eq!(number(&report, "deepest chain"), 0);
}

#[test]
fn a_tree_beyond_counting_is_built_with_sharing_and_cut_without() {
    // Two packages a storey, each on both of the storey below: 2^100 paths.
    let storeys: Vec<Vec<usize>> = (0..200)
        .map(|at| {
            (at / 2 * 2 + 2..at / 2 * 2 + 4)
                .filter(|below| *below < 200)
                .collect()
        })
        .collect();
    let report = report(&lock_file("storeys", &storeys));
    assert_eq!(number(&report, "instances"), 200);
    assert_eq!(number(&report, "deepest chain"), 100);
    assert!(
        report.contains("stopped at 200,000 built of 2.5e30"),
        "{report}"
    );
}

#[test]
fn a_chain_of_thousands_fits() {
    let chain: Vec<Vec<usize>> = (1..=3000)
        .map(|next| (next..3000).take(1).collect())
        .collect();
    assert_eq!(
        number(&report(&lock_file("chain", &chain)), "deepest chain"),
        3000
    );
}

#[test]
fn a_missing_file_is_named() {
    assert!(refusal(Path::new("no-such.lock")).starts_with("cannot be read: "));
}

#[test]
fn a_directory_is_no_lock_file() {
    assert!(refusal(Path::new("tests")).starts_with("cannot be read: "));
}

#[test]
fn bytes_that_are_not_text_are_no_lock_file() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bytes.lock");
    fs::write(&path, b"version = \xff").expect("the target directory can be written to");
    assert!(refusal(&path).starts_with("cannot be read: "));
}

#[test]
fn what_is_not_toml_is_named_with_its_line() {
    let line = refusal(&fixture("not_toml"));
    assert!(line.starts_with("not TOML: line 3: "), "{line}");
}

#[test]
fn what_is_toml_but_no_lock_file_is_named_with_its_line() {
    for (name, at) in [("manifest", 1), ("no_version", 3), ("other_lock", 8)] {
        let line = refusal(&fixture(name));
        assert!(
            line.starts_with(&format!("not a lock file: line {at}: ")),
            "{name}: {line}"
        );
    }
    assert_eq!(
        refusal(&fixture("settings")),
        "not a lock file: it has neither a version nor packages"
    );
}

#[test]
fn a_version_that_is_not_known_is_refused() {
    assert_eq!(
        refusal(&fixture("from_the_future")),
        "lock file of version 9, and only 1 to 4 are known"
    );
}

#[test]
fn a_package_that_is_listed_twice_is_refused() {
    assert_eq!(
        refusal(&fixture("twice")),
        "package `app 0.1.0` is in the file twice"
    );
}

#[test]
fn a_dependency_that_names_no_package_is_named_with_its_dependent() {
    assert_eq!(
        refusal(&fixture("dangling")),
        "package `middle 1.0.0` depends on `leaf 2.0.0`, which names no package"
    );
}

#[test]
fn an_ambiguous_dependency_is_named_with_all_it_could_mean() {
    assert_eq!(
        refusal(&fixture("ambiguous")),
        "package `app 0.1.0` depends on `leaf`, which could be `leaf 1.0.0` or `leaf 2.0.0 \
         (git+https://example.org/leaf#0123456789abcdef0123456789abcdef01234567)`"
    );
}

#[test]
fn a_circle_is_named_package_by_package() {
    for _ in 0..20 {
        assert_eq!(
            refusal(&fixture("circle")),
            "packages depend on each other: framework 0.3.0 -> framework-testing 0.3.0 -> \
             framework-macros 0.3.1 -> framework 0.3.0"
        );
    }
}

#[test]
fn a_package_that_depends_on_itself_is_the_shortest_circle() {
    assert_eq!(
        refusal(&fixture("itself")),
        "packages depend on each other: app 0.1.0 -> app 0.1.0"
    );
}

#[test]
fn a_long_circle_that_all_threads_run_into_is_found() {
    let ring: Vec<Vec<usize>> = (0..400).map(|at| vec![(at + 1) % 400]).collect();
    let path = lock_file("ring", &ring);
    for _ in 0..20 {
        let line = refusal(&path);
        let names = line
            .strip_prefix("packages depend on each other: ")
            .expect("a circle");
        let names: Vec<&str> = names.split(" -> ").collect();
        assert_eq!(names.len(), 401, "every package, and the first again");
        assert_eq!(names[0], names[400]);
        assert_eq!(names[..2], ["p0 1.0.0", "p1 1.0.0"]);
    }
}

#[test]
fn more_than_one_path_is_a_misuse() {
    let run = run(&[Path::new("Cargo.lock"), Path::new("Cargo.lock")]);
    assert_eq!(run.code, Some(2));
    assert_eq!(run.stderr, "lockfile: usage: lockfile [PATH]\n");
}
