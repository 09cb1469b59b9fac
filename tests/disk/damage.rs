use crate::support::{Place, at, disk_error, soaking, sorted_keys, text};
use mementos::store::bytes::{ByteStore, Leases};
use mementos::store::disk::{Check, DiskFault, DiskStore, IfDamaged};
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

fn fault(path: &Path) -> DiskFault {
    let error = DiskStore::open(path).unwrap_err();
    let told = error.to_string();
    assert!(told.contains(path.to_str().unwrap()), "{told}");
    disk_error(&error).fault()
}

/// A file with some rows, closed.
fn sound() -> (Place, Vec<u8>) {
    let place = Place::new();
    let store = place.open();
    for n in 0..100 {
        let key = format!("key:{n}");
        store
            .put(&key, key.repeat(n).as_bytes(), Some(at(n as u64)))
            .unwrap();
    }
    std::mem::forget(store.acquire("key:1", Duration::ZERO).unwrap());
    drop(store);
    let bytes = fs::read(&place.path).unwrap();
    (place, bytes)
}

fn moved(place: &Path, n: u32) -> PathBuf {
    with(place, &format!(".damaged-{n}"))
}

fn with(place: &Path, suffix: &str) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn moving(path: &Path) -> DiskStore {
    let store = DiskStore::at(path).if_damaged(IfDamaged::MoveAside);
    store.open().unwrap()
}

/// Panics of the library beneath are expected here, and caught: not to be printed.
fn without_the_librarys_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let beneath = |at: &panic::Location<'_>| at.file().contains("redb-");
            if !info.location().is_some_and(beneath) {
                usual(info);
            }
        }));
    });
}

/// Does a bit of everything. Errors are fine, and so are bytes that have changed: it
/// is their owner who has a checksum of them.
fn use_it(path: &Path) {
    let Ok(store) = DiskStore::open(path) else {
        return;
    };
    let _ = store.len();
    let _ = store.keys("");
    for n in 0..100 {
        let _ = store.get(&format!("key:{n}"));
    }
    let _ = store.put("key:50", b"new", None);
    let _ = store.acquire("key:1", Duration::ZERO);
    let _ = store.delete("key:51");
    let _ = store.sweep(at(20));
    let _ = store.delete_prefix("key:7");
    let _ = store.clear();
    let _ = store.put("key:50", b"new", None);
}

/// Compacting looks at all of the file.
fn compact_it(path: &Path) {
    if let Ok(store) = DiskStore::open(path) {
        let _ = store.compact();
        let _ = store.put("key:50", b"new", None);
    }
}

#[test]
fn an_empty_file_is_a_new_store() {
    let place = Place::new();
    fs::write(&place.path, b"").unwrap();
    assert!(place.open().is_empty().unwrap());
}

#[test]
fn what_was_begun_and_not_brought_to_an_end_is_in_nobodys_way() {
    let place = Place::new();
    let begun = with(&place.path, ".begun");
    fs::write(&place.path, b"").unwrap();
    fs::write(&begun, [0; 4096]).unwrap();
    place.open().put("key", b"bytes", None).unwrap();
    assert!(!begun.exists());
    assert_eq!(text(&place.open(), "key").as_deref(), Some("bytes"));
}

#[cfg(unix)]
#[test]
fn a_new_file_has_the_rights_of_the_empty_one_and_a_link_to_it_stays() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Place::new();
    let file = with(&place.path, ".real");
    fs::write(&file, b"").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&file, &place.path).unwrap();
    place.open().put("key", b"bytes", None).unwrap();
    assert!(fs::symlink_metadata(&place.path).unwrap().is_symlink());
    let about = fs::metadata(&file).unwrap();
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert!(about.len() > 0);
}

#[test]
fn a_file_of_something_else_is_foreign() {
    let place = Place::new();
    for bytes in [
        &b"x"[..],
        b"some text of somebody",
        &[0; 100_000],
        &[0xa5; 4096],
    ] {
        fs::write(&place.path, bytes).unwrap();
        assert_eq!(fault(&place.path), DiskFault::Foreign);
        assert_eq!(fs::read(&place.path).unwrap(), bytes, "it is left as it is");
    }
}

#[test]
fn a_directory_in_the_way_is_an_error() {
    let place = Place::new();
    fs::create_dir(&place.path).unwrap();
    assert_eq!(fault(&place.path), DiskFault::Unreachable);
}

#[test]
fn a_directory_that_is_missing_is_an_error() {
    let place = Place::new();
    assert_eq!(fault(&place.path.join("store")), DiskFault::Unreachable);
    assert!(!place.path.exists());
}

#[test]
fn an_error_says_what_to_do() {
    let place = Place::new();
    fs::write(&place.path, b"some text of somebody").unwrap();
    let error = DiskStore::open(&place.path).unwrap_err().to_string();
    assert!(error.contains("IfDamaged::MoveAside"), "{error}");
}

#[test]
fn a_truncated_file_is_damaged_and_never_a_panic() {
    without_the_librarys_panics();
    let (place, bytes) = sound();
    for left in (1..40).map(|n| bytes.len() * n / 40) {
        fs::write(&place.path, &bytes[..left]).unwrap();
        let found = fault(&place.path);
        assert!(
            matches!(found, DiskFault::Damaged | DiskFault::Foreign),
            "{found:?} at {left}"
        );
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_nothing_and_never_a_panic() {
    without_the_librarys_panics();
    let (place, bytes) = sound();
    let (header, others) = if soaking() { (1, 53) } else { (5, 977) };
    for flipped in (0..320)
        .step_by(header)
        .chain((320..bytes.len()).step_by(others))
    {
        let mut bytes = bytes.clone();
        bytes[flipped] ^= 1 << (flipped % 8);
        for use_it in [use_it, compact_it] {
            fs::write(&place.path, &bytes).unwrap();
            use_it(&place.path);
        }
    }
}

#[test]
fn a_page_of_noise_is_an_error_and_never_a_panic() {
    without_the_librarys_panics();
    let (place, bytes) = sound();
    for page in 0..bytes.len() / 4096 {
        for noise in [0u8, 0xff, 0x5b] {
            let mut bytes = bytes.clone();
            for (n, byte) in bytes[page * 4096..][..4096].iter_mut().enumerate() {
                *byte = noise.wrapping_mul(n as u8 | 1);
            }
            fs::write(&place.path, &bytes).unwrap();
            use_it(&place.path);
        }
    }
}

#[test]
fn a_check_of_the_whole_file_finds_a_flipped_bit_in_what_is_kept() {
    let place = Place::new();
    let secret = "some bytes that are found again";
    place.open().put("a", secret.as_bytes(), None).unwrap();
    let mut bytes = fs::read(&place.path).unwrap();
    let is_it = |window: &[u8]| window == secret.as_bytes();
    let all: Vec<_> = (0..bytes.len() - secret.len())
        .filter(|&n| is_it(&bytes[n..][..secret.len()]))
        .collect();
    all.iter().for_each(|&n| bytes[n] ^= 1);
    fs::write(&place.path, &bytes).unwrap();
    let error = DiskStore::at(&place.path)
        .check(Check::Whole)
        .open()
        .unwrap_err();
    assert_eq!(disk_error(&error).fault(), DiskFault::Damaged);
}

#[test]
fn a_damaged_file_is_moved_aside_if_that_is_wanted() {
    let place = Place::new();
    for n in 1..=3 {
        let bytes = format!("some text of somebody {n}");
        fs::write(&place.path, &bytes).unwrap();
        let store = moving(&place.path);
        store.put("a", b"one", None).unwrap();
        drop(store);
        assert_eq!(fs::read_to_string(moved(&place.path, n)).unwrap(), bytes);
        assert_eq!(text(&place.open(), "a").as_deref(), Some("one"));
    }
}

#[test]
fn a_sound_file_is_not_moved_aside() {
    let (place, _) = sound();
    assert_eq!(sorted_keys(&moving(&place.path), "").len(), 100);
    assert!(!moved(&place.path, 1).exists());
}

#[test]
fn a_file_that_others_have_open_is_not_moved_aside() {
    without_the_librarys_panics();
    let place = Place::new();
    let store = place.open();
    fs::write(&place.path, b"some text of somebody").unwrap();
    let options = DiskStore::at(&place.path).if_damaged(IfDamaged::MoveAside);
    let error = options.wait(Duration::from_millis(50)).open().unwrap_err();
    assert_eq!(disk_error(&error).fault(), DiskFault::Busy);
    assert!(!moved(&place.path, 1).exists());
    drop(store);
    moving(&place.path);
    assert!(moved(&place.path, 1).exists());
}

#[test]
fn of_many_who_find_the_damage_one_moves_the_file_aside() {
    for _ in 0..20 {
        let place = Place::new();
        fs::write(&place.path, b"some text of somebody").unwrap();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let path = &place.path;
                scope.spawn(move || moving(path).put(&format!("{n}"), b"x", None).unwrap());
            }
        });
        assert!(moved(&place.path, 1).exists());
        assert!(!moved(&place.path, 2).exists());
        assert_eq!(sorted_keys(&place.open(), ""), ["0", "1", "2", "3"]);
    }
}

#[test]
fn a_file_that_is_damaged_while_it_is_open_is_an_error_and_then_begun_anew() {
    without_the_librarys_panics();
    let (place, bytes) = sound();
    // So small a cache that pages are read again.
    let options = DiskStore::at(&place.path).cache(0);
    let store = options.if_damaged(IfDamaged::MoveAside).open().unwrap();
    fs::write(&place.path, vec![0x5b; bytes.len()]).unwrap();
    let first = (0..10).find_map(|n| store.put(&format!("{n}"), b"x", None).err());
    assert!(first.is_some(), "it is noticed");
    let again = (0..10).any(|n| store.put(&format!("{n}"), b"x", None).is_ok());
    assert!(again, "it goes on with a new file");
    assert!(moved(&place.path, 1).exists());
}
