//! The text form of a key, for stores that more than one function shares.

use std::fmt::{self, Debug, Write};

/// The longest text that is used as it is, in bytes.
const LONGEST: usize = 200;
/// The digits of the digest that stands for the tail of a longer one: SHA-256.
const DIGITS: usize = 64;

/// `name(arguments)`, as `Debug` prints the key: strings are quoted and escaped,
/// so no two lists of arguments meet. Over 200 bytes, the tail becomes a digest of
/// the whole.
pub(crate) fn text<K: Debug>(name: &str, key: &K) -> String {
    let mut text = String::with_capacity(name.len() + 16);
    text.push_str(name);
    _ = write!(text, "{}", Arguments(key));
    bounded(text)
}

/// A text of at most 200 bytes that stands for `text`.
pub(crate) fn bounded(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let digest = hmac_sha256::Hash::hash(text.as_bytes());
    let mut bounded = head(text);
    bounded.push('#');
    for byte in digest {
        _ = write!(bounded, "{byte:02x}");
    }
    bounded
}

/// What is left of a text in any case.
pub(crate) fn head(mut text: String) -> String {
    let mut cut = text.len().min(LONGEST - DIGITS - 1);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    text.truncate(cut);
    text
}

/// A key in parentheses: a tuple brings its own.
struct Arguments<'k, K>(&'k K);

impl<K: Debug> fmt::Display for Arguments<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printed = format!("{:?}", self.0);
        match printed.starts_with('(') {
            true => f.write_str(&printed),
            false => write!(f, "({printed})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_delimited() {
        assert_eq!(text("app::f", &(1, "a")), r#"app::f(1, "a")"#);
        assert_eq!(text("app::f", &1), "app::f(1)");
        assert_eq!(text("app::f", &()), "app::f()");
        assert_eq!(text("app::f", &Some("a")), r#"app::f(Some("a"))"#);
        assert_ne!(text("f", &("a, b", "c")), text("f", &("a", "b, c")));
        assert_ne!(text("f", &("a\", \"b",)), text("f", &("a", "b")));
        assert_ne!(text("f", &"1"), text("f", &1));
    }

    #[test]
    fn a_long_text_keeps_its_head_and_differs_in_its_digest() {
        let long = |last: char| text("f", &format!("{}{last}", "ä".repeat(200)));
        let (one, two) = (long('1'), long('2'));
        assert!(one.len() <= LONGEST, "{}", one.len());
        assert!(one.starts_with("f(\"ää"));
        assert_ne!(one, two);
        assert_eq!(one, long('1'));
    }

    #[test]
    fn what_just_fits_is_left_alone() {
        let fits = "x".repeat(LONGEST);
        assert_eq!(bounded(fits.clone()), fits);
        assert_ne!(bounded(format!("{fits}x")), format!("{fits}x"));
    }
}
