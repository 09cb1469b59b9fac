use std::fmt::Write;

/// What keys are called on the server, in all modes alike:
///
/// ```text
/// <prefix>v:{=<key>}     the bytes
/// <prefix>l:{=<key>}     the token of the lease, while it is held
/// ```
///
/// A cluster hashes what stands between the first `{` and the next `}` alone, if
/// that is not empty (Redis Cluster specification, "Hash tags"). The prefix has no
/// braces, so the first `{` is ours; with the `=` the tag is never empty; and where
/// the key has a `}` of its own the tag ends there, for both alike. So a key's
/// bytes and its lease are in one slot, whatever the key.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    prefix: String,
}

/// What a key on the server holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Bytes,
    Lease,
}

impl Part {
    fn letter(self) -> char {
        match self {
            Part::Bytes => 'v',
            Part::Lease => 'l',
        }
    }
}

impl Layout {
    /// Nothing for a prefix with braces: they would move the hash tag.
    pub(super) fn below(prefix: String) -> Option<Self> {
        (!prefix.contains(['{', '}'])).then_some(Layout { prefix })
    }

    pub(super) fn bytes(&self, key: &str) -> String {
        self.name(Part::Bytes, key)
    }

    pub(super) fn lease(&self, key: &str) -> String {
        self.name(Part::Lease, key)
    }

    /// What the names of all bytes begin with.
    pub(super) fn all_bytes(&self) -> String {
        format!("{}{}:{{=", self.prefix, Part::Bytes.letter())
    }

    fn name(&self, part: Part, key: &str) -> String {
        format!("{}{}:{{={key}}}", self.prefix, part.letter())
    }

    /// The pattern of `SCAN` for all keys that begin with `prefix`.
    pub(super) fn pattern(&self, part: Part, prefix: &str) -> String {
        let mut pattern = escaped(&self.prefix);
        let _ = write!(pattern, "{}:{{={}*", part.letter(), escaped(prefix));
        pattern
    }

    /// The key whose bytes are called `name` on the server, if that is one of ours.
    pub(super) fn key<'n>(&self, name: &'n [u8]) -> Option<&'n str> {
        let name = std::str::from_utf8(name).ok()?;
        name.strip_prefix(&*self.prefix)?
            .strip_prefix("v:{=")?
            .strip_suffix('}')
    }
}

/// `text` as a pattern that only matches itself.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::super::slot::slot;
    use super::*;

    fn app() -> Layout {
        Layout::below("app:".to_owned()).unwrap()
    }

    #[test]
    fn the_bytes_and_the_lease_of_any_key_are_in_one_slot() {
        for key in ["", "}", "{", "{}", "}{", "a{b}c", "a}b", "{{x}}", "plain"] {
            let (bytes, lease) = (app().bytes(key), app().lease(key));
            assert_eq!(slot(&bytes), slot(&lease), "{key}");
        }
    }

    #[test]
    fn a_key_is_read_back_from_its_name() {
        for key in ["", "}", "a{b}c", "v:{=x}"] {
            assert_eq!(app().key(app().bytes(key).as_bytes()), Some(key));
            assert_eq!(app().key(app().lease(key).as_bytes()), None);
        }
    }

    #[test]
    fn a_pattern_takes_no_text_for_a_glob() {
        let pattern = app().pattern(Part::Bytes, "a*[b]?\\");
        assert_eq!(pattern, r"app:v:{=a\*\[b\]\?\\*");
    }

    #[test]
    fn a_prefix_with_braces_is_refused() {
        assert!(Layout::below("a{b".to_owned()).is_none());
        assert!(Layout::below("a}b".to_owned()).is_none());
    }
}
