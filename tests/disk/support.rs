use mementos::store::StoreError;
use mementos::store::bytes::ByteStore;
use mementos::store::disk::{DiskError, DiskStore};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// A directory of its own, and the path of a file in it.
pub(crate) struct Place {
    _dir: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        Place { _dir: dir, path }
    }

    pub(crate) fn open(&self) -> DiskStore {
        DiskStore::open(&self.path).unwrap()
    }
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn text(store: &DiskStore, key: &str) -> Option<String> {
    let bytes = store.get(key).unwrap()?;
    Some(String::from_utf8(bytes).unwrap())
}

pub(crate) fn sorted_keys(store: &DiskStore, prefix: &str) -> Vec<String> {
    let mut keys = store.keys(prefix).unwrap().unwrap();
    keys.sort();
    keys
}

pub(crate) fn disk_error(error: &StoreError) -> DiskError {
    let source = error.source().expect("it has a cause");
    source
        .downcast_ref::<DiskError>()
        .expect("of the disk")
        .clone()
}

pub(crate) fn soaking() -> bool {
    std::env::var_os("MEMENTOS_SOAK").is_some()
}

const ROLE: &str = "MEMENTOS_DISK_ROLE";
const FILE: &str = "MEMENTOS_DISK_FILE";

/// This program again, in another process, which runs one test as `role`.
pub(crate) struct Other {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Other {
    pub(crate) fn start(test: &str, role: &str, file: &Path) -> Self {
        let program = std::env::current_exe().unwrap();
        Self::spawn(&mut Command::new(program), test, role, file)
    }

    /// One whose files may not become larger than some hundred KiB.
    #[cfg(unix)]
    pub(crate) fn start_with_small_files(test: &str, role: &str, file: &Path) -> Self {
        let mut shell = Command::new("sh");
        // Where the signal is ignored, writing fails.
        let limited = r#"trap '' XFSZ; ulimit -f 600; exec "$0" "$@""#;
        shell
            .args(["-c", limited])
            .arg(std::env::current_exe().unwrap());
        Self::spawn(&mut shell, test, role, file)
    }

    fn spawn(program: &mut Command, test: &str, role: &str, file: &Path) -> Self {
        let mut child = program
            .args([test, "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Other {
            child,
            stdin,
            stdout,
        }
    }

    /// The next thing that the other said; nothing when it has ended.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.stdout.read_line(&mut line).unwrap();
            // One that was cut off was not said.
            let said = line.strip_suffix('\n')?;
            // The test runner's own output stands before it on the first line.
            if let Some((_, said)) = said.split_once("says ") {
                return Some(said.to_owned());
            }
        }
    }

    pub(crate) fn tell(&mut self) {
        self.stdin.write_all(b"go on\n").unwrap();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// By SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What this process is to do, if it is such another one.
pub(crate) fn role() -> Option<(String, PathBuf)> {
    let role = std::env::var(ROLE).ok()?;
    Some((role, std::env::var_os(FILE).unwrap().into()))
}

pub(crate) fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("says {what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

pub(crate) fn wait_to_be_told() {
    std::io::stdin()
        .lock()
        .read_line(&mut String::new())
        .unwrap();
}
