//! Keys as paths that every service takes: short components of letters in lower
//! case, digits and marks that no URL, no shell and no file system reads anything
//! into.
//!
//! ```text
//! app::f(1)      entries/kapp_3a_3af_281_29
//! a longer one   entries/k<200 characters>~/k<the rest>
//! ```
//!
//! Each byte outside `[a-z0-9-]` is `_` and two hexadecimal digits; letters in upper
//! case are too, since some file systems do not tell them apart. What is longer than
//! a file's name may be goes on in a directory, whose name ends in a mark that no
//! file's name has. `k` comes first, so that no name is one that a system reserves.

/// How many characters of an encoded key one component holds. File systems allow
/// 255 bytes to a name, and some services take a few for themselves.
const MOST: usize = 200;

/// Where values are.
pub(super) const ENTRIES: &str = "entries";
/// Where the leases' tokens are.
pub(super) const LEASES: &str = "leases";
/// Where holders of leases tell that they are alive.
pub(super) const BEATS: &str = "beats";

/// The path of a key; also what the paths of all keys that begin so begin with.
pub(super) fn path_of(place: &str, key: &str) -> String {
    let encoded = encoded(key);
    let mut path = format!("{place}/k");
    let mut rest = encoded.as_str();
    while rest.len() > MOST {
        let (here, further) = rest.split_at(MOST);
        path.push_str(here);
        path.push_str("~/k");
        rest = further;
    }
    path.push_str(rest);
    path
}

/// The key of a path, if it is one.
pub(super) fn key_of(place: &str, path: &str) -> Option<String> {
    let names = path.strip_prefix(place)?.strip_prefix("/k")?;
    let key = decoded(&names.replace("~/k", ""))?;
    // What somebody else put there may read like a key that is written otherwise.
    (path_of(place, &key) == path).then_some(key)
}

fn encoded(key: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(key.len() + 16);
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => encoded.push(byte.into()),
            other => write!(encoded, "_{other:02x}").expect("a string takes all"),
        }
    }
    encoded
}

fn decoded(encoded: &str) -> Option<String> {
    let mut bytes = encoded.bytes();
    let mut key = Vec::with_capacity(encoded.len());
    while let Some(byte) = bytes.next() {
        key.push(match byte {
            b'_' => 16 * digit(bytes.next()?)? + digit(bytes.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(key).ok()
}

fn digit(hex: u8) -> Option<u8> {
    let digit = char::from(hex).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn keys() -> Vec<String> {
        let awkward = [
            "",
            "a",
            "A",
            "_41",
            "con",
            "..",
            "a/b\\c",
            "ä€😀",
            "a\0b",
            "~",
            "k",
        ];
        let mut keys: Vec<_> = awkward.map(str::to_owned).into();
        for length in [MOST - 1, MOST, MOST + 1, 2 * MOST, 2 * MOST + 1, 1000] {
            keys.push("k".repeat(length));
            keys.push("Ä".repeat(length));
        }
        keys
    }

    #[test]
    fn every_key_comes_back() {
        for key in keys() {
            let path = path_of(ENTRIES, &key);
            assert_eq!(key_of(ENTRIES, &path).as_ref(), Some(&key), "{path}");
            assert_eq!(key_of(LEASES, &path), None);
        }
    }

    #[test]
    fn no_two_keys_meet_whatever_the_case_of_letters() {
        let paths: HashSet<_> = keys()
            .iter()
            .map(|key| path_of(ENTRIES, key).to_lowercase())
            .collect();
        assert_eq!(paths.len(), keys().len());
    }

    #[test]
    fn no_file_is_where_a_directory_is_needed() {
        let paths: Vec<_> = keys().iter().map(|key| path_of(ENTRIES, key)).collect();
        for path in &paths {
            let below = format!("{path}/");
            assert!(!paths.iter().any(|other| other.starts_with(&below)));
        }
    }

    #[test]
    fn names_are_short_and_of_few_characters() {
        for key in keys() {
            for name in path_of(ENTRIES, &key).split('/') {
                assert!(name.len() <= MOST + 2, "{name}");
                assert!(
                    name.chars()
                        .all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_' | '~'))
                );
            }
        }
    }

    #[test]
    fn a_path_begins_with_that_of_each_prefix() {
        for key in keys() {
            for (end, _) in key.char_indices() {
                let begin = path_of(ENTRIES, &key[..end]);
                assert!(path_of(ENTRIES, &key).starts_with(&begin), "{begin}");
            }
        }
    }

    #[test]
    fn what_no_key_is_written_as_is_none() {
        for path in [
            "entries/ka_4",
            "entries/k_41_",
            "entries/kA",
            "entries/k_4A",
            "entries/k_61",
        ] {
            assert_eq!(key_of(ENTRIES, path), None, "{path}");
        }
        assert_eq!(key_of(ENTRIES, "entries/k_ff"), None, "not UTF-8");
        assert_eq!(key_of(ENTRIES, "entries/other"), None);
        assert_eq!(
            key_of(ENTRIES, "entries/ka~/kb"),
            None,
            "too short to go on"
        );
    }
}
