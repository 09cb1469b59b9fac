//! The `digest` example: its parts on real files, and the whole as a user runs it.

// It needs the macro, files, and processes of its own.
#![cfg(all(feature = "macros", not(any(miri, shuttle))))]

#[path = "../examples/digest/hash.rs"]
mod hash;
#[allow(dead_code)] // how long it took is for the table alone
#[path = "../examples/digest/pass.rs"]
mod pass;
#[cfg(all(
    feature = "disk",
    feature = "opendal",
    feature = "redis",
    feature = "testing"
))]
#[allow(dead_code)] // it does more for the tests of the store itself
#[path = "redis/server.rs"]
mod server;
#[path = "../examples/digest/sums.rs"]
mod sums;
#[path = "../examples/digest/tree.rs"]
mod tree;

use hash::digest;
use mementos::{Function, Memoizer};
use pass::Pass;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};
use std::{env, iter};
use tempfile::TempDir;
use tree::Tree;

const THREADS: usize = 4;

/// A directory of files of all kinds, and a cache of their digests.
struct Sample {
    directory: TempDir,
    function: Function<digest>,
}

impl Sample {
    fn new() -> Self {
        let sample = Sample {
            directory: TempDir::new().expect("there is a place for it"),
            function: Function::of(&Memoizer::in_memory()),
        };
        sample.write("empty", b"");
        sample.write("text", b"some text\n");
        sample.write("with a space", b"\0\xff");
        sample.write("nested/as deep/as this/text", b"some text\n");
        sample.write("nested/large", &noise(5_000_003));
        sample.unusual();
        sample
    }

    #[cfg(unix)]
    fn unusual(&self) {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;
        self.write("back\\slash", b"1");
        self.write("new\nline", b"2");
        // Other systems have rules for names, and refuse this one.
        if cfg!(target_os = "linux") {
            self.write(OsStr::from_bytes(b"not \xff text"), b"3");
        }
        let link = |to: &str, name: &str| symlink(to, self.path(name)).expect("a link can be made");
        link("text", "link to a file");
        link("nested", "link to a directory");
        link(".", "nested/link to itself");
        link("nothing", "link to nothing");
    }

    #[cfg(not(unix))]
    fn unusual(&self) {}

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: impl AsRef<Path>, content: &[u8]) {
        let path = self.path(name);
        let parent = path.parent().expect("it is in the directory");
        fs::create_dir_all(parent).expect("a directory can be made");
        fs::write(path, content).expect("a file can be written");
    }

    fn modified(&self, name: &str) -> SystemTime {
        let facts = fs::metadata(self.path(name)).expect("it is there");
        facts.modified().expect("the system knows it")
    }

    fn set_modified(&self, name: &str, time: SystemTime) {
        let file = File::options().write(true).open(self.path(name));
        let set = file.and_then(|file| file.set_modified(time));
        set.expect("the time can be set");
    }

    fn tree(&self) -> Tree {
        Tree::below(self.directory.path())
    }

    fn pass(&self) -> Pass {
        self.pass_over(self.tree())
    }

    fn pass_over(&self, tree: Tree) -> Pass {
        pass::over(tree, &self.function, THREADS, &|| ())
    }
}

/// Bytes without a pattern, the same each time (xorshift, Marsaglia 2003).
fn noise(len: usize) -> Vec<u8> {
    let next = |state: &u64| {
        let mut state = *state;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state)
    };
    let states = iter::successors(Some(88_172_645_463_325_252_u64), next);
    states.map(|state| state as u8).take(len).collect()
}

/// What `sha256sum` says.
fn sha256sum(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &[u8]) -> Output {
    let started = Command::new("sha256sum")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!(
            "sha256sum is missing: install the GNU coreutils, as by `apt-get install coreutils` \
             or `brew install coreutils`"
        ),
        _ => panic!("sha256sum does not start: {error}"),
    });
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input).expect("it reads its input");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// Compares a pass with what the tool says of the same files.
#[track_caller]
fn assert_same_as_sha256sum(pass: &Pass) {
    let files = pass.digests.iter().map(|(path, _)| path.as_os_str());
    let theirs = sha256sum([OsStr::new("--")].into_iter().chain(files), b"");
    assert!(theirs.status.success(), "{theirs:?}");
    let mut ours = Vec::new();
    sums::write(&mut ours, &pass.digests).expect("a vector takes all");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&ours), text(&theirs.stdout));
    assert_eq!(ours, theirs.stdout, "not even where it is no text");
}

/// The names of what a pass could not read.
fn unreadable(pass: &Pass) -> Vec<&OsStr> {
    let paths = pass.unreadable.iter();
    paths.filter_map(|one| one.path.file_name()).collect()
}

mod passes {
    use super::*;

    #[test]
    fn every_file_has_the_digest_that_sha256sum_gives_it() {
        let sample = Sample::new();
        let pass = sample.pass();
        let files = match cfg!(unix) {
            true => 7 + usize::from(cfg!(target_os = "linux")),
            false => 5,
        };
        assert_eq!(pass.tally.files, files, "links are not followed");
        assert_eq!(pass.tally.computed, files as u64);
        assert_eq!(pass.tally.unreadable, 0);
        assert!(pass.tally.bytes > 5_000_003 + 2 * 10);
        assert_same_as_sha256sum(&pass);
    }

    #[test]
    fn the_second_pass_computes_nothing_and_says_the_same() {
        let sample = Sample::new();
        let (first, second) = (sample.pass(), sample.pass());
        assert_eq!(second.tally.computed, 0);
        assert_eq!(second.tally.kept, first.tally.computed);
        assert_eq!(second.tally.bytes, first.tally.bytes);
        assert_eq!(second.digests, first.digests);
    }

    #[test]
    fn a_file_that_has_changed_is_the_one_that_is_computed() {
        let sample = Sample::new();
        let first = sample.pass();
        sample.write("text", b"some other text\n");
        let second = sample.pass();
        assert_eq!(second.tally.computed, 1);
        assert_eq!(second.tally.kept, first.tally.computed - 1);
        assert_same_as_sha256sum(&second);
        assert_eq!(sample.pass().tally.computed, 0);
    }

    #[test]
    fn a_change_that_leaves_the_size_is_seen_by_the_time() {
        let sample = Sample::new();
        let before = sample.modified("text");
        sample.pass();
        sample.write("text", b"same size\n");
        sample.set_modified("text", before + Duration::from_secs(1));
        let second = sample.pass();
        assert_eq!(second.tally.computed, 1);
        assert_same_as_sha256sum(&second);
    }

    #[test]
    fn a_change_that_leaves_the_time_is_seen_by_the_size() {
        let sample = Sample::new();
        let before = sample.modified("nested/large");
        sample.pass();
        sample.write("nested/large", &noise(5_000_004));
        sample.set_modified("nested/large", before);
        let second = sample.pass();
        assert_eq!(second.tally.computed, 1);
        assert_same_as_sha256sum(&second);
    }

    #[test]
    fn a_new_file_is_computed_and_one_that_is_gone_is_not_missed() {
        let sample = Sample::new();
        let first = sample.pass();
        sample.write("new", b"new");
        fs::remove_file(sample.path("empty")).expect("it can be removed");
        let second = sample.pass();
        assert_eq!(second.tally.computed, 1);
        assert_eq!(second.tally.kept, first.tally.computed - 1);
        assert_eq!(second.tally.unreadable, 0);
    }

    #[test]
    fn a_kept_digest_does_not_answer_for_a_file_that_cannot_be_read() {
        let sample = Sample::new();
        let first = sample.pass();
        let tree = sample.tree();
        fs::remove_file(sample.path("text")).expect("it can be removed");
        let second = sample.pass_over(tree);
        assert_eq!(unreadable(&second), ["text"]);
        assert_eq!(second.unreadable[0].error.kind(), ErrorKind::NotFound);
        assert_eq!(second.tally.unreadable, 1);
        assert_eq!(
            (second.tally.computed, second.tally.files),
            (0, first.tally.files - 1)
        );
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let sample = Sample::new();
        let digests = |threads| {
            let function = Function::of(&Memoizer::in_memory());
            pass::over(sample.tree(), &function, threads, &|| ()).digests
        };
        let one = digests(1);
        assert!(!one.is_empty());
        assert!(
            [2, 7, 100]
                .into_iter()
                .all(|threads| digests(threads) == one)
        );
    }

    #[test]
    fn the_projects_own_sources_are_computed_once() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let function = Function::of(&Memoizer::in_memory());
        let pass = || pass::over(Tree::below(&sources), &function, THREADS, &|| ());
        let (first, second) = (pass(), pass());
        assert!(first.tally.files > 50);
        assert_eq!(first.tally.computed, first.tally.files as u64);
        assert_eq!(
            (second.tally.computed, second.tally.kept),
            (0, first.tally.computed)
        );
        assert_same_as_sha256sum(&second);
    }
}

mod program {
    use super::*;

    /// What a run gave.
    struct Run {
        code: Option<i32>,
        stdout: Vec<u8>,
        stderr: String,
    }

    impl Run {
        fn of(command: &mut Command) -> Self {
            let output = command.output().expect("the example starts");
            Run {
                code: output.status.code(),
                stdout: output.stdout,
                stderr: String::from_utf8(output.stderr).expect("it says what is wrong as text"),
            }
        }

        fn report(&self) -> &str {
            str::from_utf8(&self.stdout).expect("a table is text")
        }
    }

    /// Cargo builds the examples before the tests, into the directory beside theirs.
    pub(super) fn example() -> PathBuf {
        let test = env::current_exe().expect("the test knows its own path");
        let built = test
            .parent()
            .and_then(Path::parent)
            .expect("it is in <profile>/deps");
        let name = format!("digest{}", env::consts::EXE_SUFFIX);
        let example = built.join("examples").join(name);
        assert!(
            example.exists(),
            "{} is missing: plain `cargo test` builds it, and so does `cargo build --example \
             digest`",
            example.display()
        );
        example
    }

    fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        Run::of(Command::new(example()).args(arguments))
    }

    /// The cells of a column, below its heading.
    #[track_caller]
    pub(super) fn column(table: &str, heading: &str) -> Vec<u64> {
        let mut lines = table.lines();
        let headings = lines.next().expect("there is a line of headings");
        let end = headings.find(heading).expect("the heading is there") + heading.len();
        let number = |line: &str| {
            let cell = line[..end].split_whitespace().last();
            let number = cell.and_then(|cell| cell.replace(',', "").parse().ok());
            number.unwrap_or_else(|| panic!("no {heading} in\n{table}"))
        };
        lines.map(number).collect()
    }

    #[test]
    fn the_table_has_a_row_for_each_pass() {
        let sample = Sample::new();
        let files = sample.tree().files.len() as u64;
        let run = run([sample.directory.path()]);
        assert_eq!(
            (run.code, &*run.stderr),
            (Some(0), ""),
            "no bar but on a terminal"
        );
        let table = run.report();
        assert_eq!(column(table, "pass"), [1, 2]);
        assert_eq!(column(table, "files"), [files, files]);
        assert_eq!(column(table, "computed"), [files, 0]);
        assert_eq!(column(table, "kept"), [0, files]);
        assert_eq!(column(table, "unreadable"), [0, 0]);
        assert_eq!(column(table, " bytes")[0], column(table, " bytes")[1]);
        assert!(column(table, "bytes per second")[0] > 0);
    }

    #[test]
    fn there_are_as_many_passes_as_one_asks_for() {
        let sample = Sample::new();
        let (path, passes) = (sample.directory.path().as_os_str(), OsStr::new("--passes"));
        let one = run([path, passes, OsStr::new("1")]);
        assert_eq!(column(one.report(), "pass"), [1]);
        let three = run([
            passes,
            OsStr::new("3"),
            OsStr::new("--threads"),
            OsStr::new("1"),
            path,
        ]);
        assert_eq!(column(three.report(), "computed")[1..], [0, 0]);
    }

    #[test]
    fn sha256sum_can_check_the_list() {
        let sample = Sample::new();
        let run = run([OsStr::new("--list"), sample.directory.path().as_os_str()]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(column(&run.stderr, "computed")[1], 0, "the table is aside");
        let lines = run.stdout.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(lines, sample.tree().files.len());
        let checked = sha256sum(["--check", "--strict"], &run.stdout);
        assert!(checked.status.success(), "{checked:?}");
    }

    #[test]
    fn an_empty_directory_has_no_files() {
        let empty = TempDir::new().expect("there is a place for it");
        let run = run([empty.path()]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(column(run.report(), "files"), [0, 0]);
        assert_eq!(column(run.report(), "bytes per second"), [0, 0]);
    }

    #[cfg(unix)]
    #[test]
    fn what_may_not_be_read_is_named_and_the_rest_goes_on() {
        use std::os::unix::fs::PermissionsExt;
        let sample = Sample::new();
        let allow = |path: &Path, mode| {
            let set = fs::set_permissions(path, fs::Permissions::from_mode(mode));
            set.expect("they are ours to set");
        };
        sample.write("shut/file", b"in a directory that cannot be listed");
        let files = sample.tree().files.len() as u64;
        allow(&sample.path("text"), 0);
        allow(&sample.path("shut"), 0);
        let place = TempDir::new().expect("there is a place for it");
        for directory in [&sample.directory, &place] {
            allow(directory.path(), 0o755);
        }
        let mut example = unprivileged(&sample.path("text"), &place);
        let run = Run::of(example.arg(sample.directory.path()));
        allow(&sample.path("shut"), 0o755);
        let said: Vec<&str> = run.stderr.lines().collect();
        let line = |name| {
            let path = sample.path(name);
            format!(
                "digest: {}: Permission denied (os error 13)",
                path.display()
            )
        };
        assert_eq!(said, [line("shut"), line("text")]);
        assert_eq!(run.code, Some(1));
        assert_eq!(column(run.report(), "files"), [files - 2, files - 2]);
        assert_eq!(column(run.report(), "computed"), [files - 2, 0]);
        assert_eq!(column(run.report(), "unreadable"), [2, 2]);
    }

    /// The example, run by a user whom permissions stop: root gives them up, with a
    /// copy where this user can reach it.
    #[cfg(unix)]
    fn unprivileged(text: &Path, place: &TempDir) -> Command {
        use std::os::unix::process::CommandExt;
        if File::open(text).is_err() {
            return Command::new(example());
        }
        const NOBODY: u32 = 65_534;
        let copy = place.path().join("digest");
        fs::copy(example(), &copy).expect("it can be copied");
        let mut command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
        command
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let run = run(["no-such-directory"]);
        assert_eq!((run.code, run.report()), (Some(1), ""));
        assert!(
            run.stderr.starts_with("digest: no-such-directory: "),
            "{}",
            run.stderr
        );
        assert_eq!(run.stderr.lines().count(), 1);
    }

    #[test]
    fn a_file_is_no_directory() {
        let run = run([Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")]);
        assert_eq!((run.code, run.report()), (Some(1), ""));
        assert!(
            run.stderr.ends_with("Cargo.toml: not a directory\n"),
            "{}",
            run.stderr
        );
    }

    #[test]
    fn a_misuse_says_how_it_is_used() {
        const USAGE: &str = "usage: digest DIR [--passes N] [--threads N] [--list] \
                             [--store memory|disk:PATH|redis://HOST|fs:DIR]\n";
        for arguments in [
            &[][..],
            &["one", "two"],
            &["src", "--passes"],
            &["src", "--passes", "0"],
            &["src", "--threads", "many"],
            &["src", "--lisp"],
            &["src", "--store"],
            &["src", "--store", "nowhere"],
        ] {
            let run = run(arguments);
            assert_eq!((run.code, run.report()), (Some(2), ""), "{arguments:?}");
            assert!(run.stderr.ends_with(USAGE), "{arguments:?}: {}", run.stderr);
        }
        let help = run(["--help"]);
        assert_eq!((help.code, help.report()), (Some(0), USAGE));
    }
}

/// Digests that outlive the process, or are shared by several.
#[cfg(all(
    feature = "disk",
    feature = "opendal",
    feature = "redis",
    feature = "testing"
))]
mod stores {
    use super::*;
    use server::Server;

    fn command(sample: &Sample, store: &str) -> Command {
        let mut command = Command::new(program::example());
        command.arg(sample.directory.path());
        command.args(["--passes", "1", "--list", "--store", store]);
        command
    }

    /// How many digests a process has computed, and the list that it has printed.
    #[track_caller]
    fn computed(output: &Output) -> (u64, Vec<u8>) {
        let table = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{table}");
        let [computed] = program::column(&table, "computed")[..] else {
            panic!("one pass, and not this:\n{table}");
        };
        (computed, output.stdout.clone())
    }

    #[track_caller]
    fn a_second_process_computes_nothing(store: &str) {
        let sample = Sample::new();
        let run = || computed(&command(&sample, store).output().expect("it starts"));
        let files = sample.tree().files.len() as u64;
        let (first, list) = run();
        assert_eq!(first, files);
        assert_eq!(run(), (0, list));
        sample.write("text", b"changed since\n");
        assert_eq!(run().0, 1, "what has changed is computed");
    }

    #[test]
    fn a_second_process_computes_nothing_over_a_disk() {
        let place = TempDir::new().expect("there is a place for it");
        let file = place.path().join("digests");
        a_second_process_computes_nothing(&format!("disk:{}", file.display()));
    }

    #[test]
    fn a_second_process_computes_nothing_over_a_directory() {
        let place = TempDir::new().expect("there is a place for it");
        a_second_process_computes_nothing(&format!("fs:{}", place.path().display()));
    }

    #[test]
    fn a_second_process_computes_nothing_over_redis() {
        a_second_process_computes_nothing(&Server::start().url());
    }

    #[test]
    fn two_processes_that_start_together_compute_each_file_once() {
        let (sample, server) = (Sample::new(), Server::start());
        for n in 0..200 {
            sample.write(format!("many/{n}"), &noise(20_000 + n));
        }
        let start = || {
            let mut command = command(&sample, &server.url());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("it starts")
        };
        let (one, other) = (start(), start());
        let one = computed(&one.wait_with_output().expect("it ends"));
        let other = computed(&other.wait_with_output().expect("it ends"));
        let files = sample.tree().files.len() as u64;
        assert_eq!(one.0 + other.0, files, "each once between them");
        assert_eq!(one.1, other.1);
    }

    #[test]
    fn a_store_that_there_is_not_is_named() {
        let sample = Sample::new();
        let output = command(&sample, "nowhere:7").output().expect("it starts");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere:7"));
    }
}
