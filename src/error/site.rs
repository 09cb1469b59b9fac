use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What was being built: a type, and the key asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    type_name: &'static str,
    key: String,
}

impl Site {
    /// User code: the key's `Debug`. If that panics, the error is told without it.
    pub(crate) fn new(type_name: &'static str, key: &dyn fmt::Debug) -> Self {
        let key = catch_unwind(AssertUnwindSafe(|| format!("{key:?}")));
        let key = key.unwrap_or_else(|_| "a key whose Debug panics".to_owned());
        Site { type_name, key }
    }

    /// The full path of the type or the function.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The key, as its `Debug` prints it.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.type_name.is_empty() {
            // A memoizer that was asked by hand: the key is all there is.
            return f.write_str(&self.key);
        }
        write!(f, "{}({})", self.type_name, self.key)
    }
}

/// A circle of builds, each of which waits for the next.
///
/// The first waits for the second, and the last waits for the first.
#[derive(Clone, PartialEq, Eq)]
pub struct Circle {
    sites: Arc<[Site]>,
}

impl Circle {
    pub(crate) fn new(sites: Vec<Site>) -> Self {
        Circle {
            sites: sites.into(),
        }
    }

    /// Every type and key on the circle, each once.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for site in self.sites.iter() {
            write!(f, "{site} -> ")?;
        }
        match self.sites.first() {
            Some(first) => write!(f, "{first}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Circle({self})")
    }
}
