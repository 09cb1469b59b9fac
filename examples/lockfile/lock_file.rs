//! A `Cargo.lock`, versions 1 to 4, and what its references mean.

use serde::Deserialize;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;

/// What makes a package the package it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PackageId {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The registry or repository. None for a package of the workspace.
    pub(crate) source: Option<String>,
}

/// One package, and its dependencies as the file names them.
pub(crate) struct Entry {
    pub(crate) id: PackageId,
    pub(crate) references: Vec<String>,
}

pub(crate) struct LockFile {
    version: Option<u32>,
    entries: Vec<Entry>,
    by_id: HashMap<PackageId, usize>,
    by_name: HashMap<String, Vec<usize>>,
}

/// Why a text is not a lock file.
#[derive(Debug)]
pub(crate) enum ParseError {
    NotToml { line: usize, message: String },
    NotALockFile { line: usize, message: String },
    NeitherVersionNorPackages,
    UnknownVersion(u32),
    Twice(PackageId),
}

/// Why a reference means no package.
#[derive(Debug)]
pub(crate) enum Unresolved {
    Nothing,
    Several(Vec<PackageId>),
}

#[derive(Deserialize)]
struct RawFile {
    version: Option<u32>,
    #[serde(default)]
    package: Vec<RawPackage>,
    /// Where the oldest lock files have the package of the project itself.
    root: Option<RawPackage>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: String,
    version: String,
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    /// The package that is built in place of this one (`[replace]`).
    replace: Option<String>,
}

impl LockFile {
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        let raw: RawFile = toml::from_str(text).map_err(|error| ParseError::of(&error, text))?;
        match raw.version {
            None if raw.package.is_empty() && raw.root.is_none() => {
                return Err(ParseError::NeitherVersionNorPackages);
            }
            None | Some(1..=4) => {}
            Some(version) => return Err(ParseError::UnknownVersion(version)),
        }
        let mut file = LockFile {
            version: raw.version,
            entries: Vec::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
        };
        for package in raw.root.into_iter().chain(raw.package) {
            file.add(package)?;
        }
        Ok(file)
    }

    fn add(&mut self, package: RawPackage) -> Result<(), ParseError> {
        let RawPackage {
            name,
            version,
            source,
            dependencies,
            replace,
        } = package;
        let id = PackageId {
            name,
            version,
            source,
        };
        let at = self.entries.len();
        if self.by_id.insert(id.clone(), at).is_some() {
            return Err(ParseError::Twice(id));
        }
        self.by_name.entry(id.name.clone()).or_default().push(at);
        let references = dependencies.into_iter().chain(replace).collect();
        self.entries.push(Entry { id, references });
        Ok(())
    }

    /// The version, as far as the file says: the first two do not.
    pub(crate) fn version(&self) -> String {
        self.version
            .map_or_else(|| "1 or 2".to_owned(), |version| version.to_string())
    }

    /// The packages, in the order of the file.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The place of a package in [`entries`](Self::entries).
    pub(crate) fn position(&self, id: &PackageId) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The package that a reference means: `name`, `name version` or
    /// `name version (source)`, as short as it is unambiguous.
    ///
    /// A reference without a source means a package of the workspace, if there
    /// is one that fits: those have no source that could be written. This is
    /// cargo's own rule (`cargo/core/resolver/encode.rs`).
    pub(crate) fn resolve(&self, reference: &str) -> Result<&PackageId, Unresolved> {
        let mut parts = reference.splitn(3, ' ');
        let name = parts.next().unwrap_or_default();
        let version = parts.next();
        let source = parts.next().map(|part| part.trim_matches(['(', ')']));
        let known = self
            .by_name
            .get(name)
            .into_iter()
            .flatten()
            .map(|at| &self.entries[*at].id);
        let mut fitting: Vec<&PackageId> = known
            .filter(|id| version.is_none_or(|version| version == id.version))
            .filter(|id| source.is_none() || source.map(place) == id.source.as_deref().map(place))
            .collect();
        if fitting.len() > 1 && version.is_some() && fitting.iter().any(|id| id.source.is_none()) {
            fitting.retain(|id| id.source.is_none());
        }
        match fitting[..] {
            [] => Err(Unresolved::Nothing),
            [id] => Ok(id),
            _ => Err(Unresolved::Several(fitting.into_iter().cloned().collect())),
        }
    }
}

/// A source without the revision, which references leave out.
fn place(source: &str) -> &str {
    source
        .split_once('#')
        .map_or(source, |(place, _revision)| place)
}

impl ParseError {
    fn of(error: &toml::de::Error, text: &str) -> Self {
        let line = |error: &toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
        };
        match toml::from_str::<toml::Table>(text) {
            Err(error) => {
                let message = error.message().to_owned();
                ParseError::NotToml {
                    line: line(&error),
                    message,
                }
            }
            Ok(_) => {
                let message = error.message().to_owned();
                ParseError::NotALockFile {
                    line: line(error),
                    message,
                }
            }
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::NotToml { line, message } => write!(f, "not TOML: line {line}: {message}"),
            ParseError::NotALockFile { line, message } => {
                write!(f, "not a lock file: line {line}: {message}")
            }
            ParseError::NeitherVersionNorPackages => {
                write!(f, "not a lock file: it has neither a version nor packages")
            }
            ParseError::UnknownVersion(version) => {
                write!(
                    f,
                    "lock file of version {version}, and only 1 to 4 are known"
                )
            }
            ParseError::Twice(id) => write!(f, "package `{id}` is in the file twice"),
        }
    }
}

impl Error for ParseError {}

/// As cargo prints it: the source is left out where it goes without saying.
impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CRATES_IO: [&str; 2] = [
            "registry+https://github.com/rust-lang/crates.io-index",
            "sparse+https://index.crates.io/",
        ];
        write!(f, "{} {}", self.name, self.version)?;
        match &self.source {
            Some(source) if !CRATES_IO.contains(&source.as_str()) => write!(f, " ({source})"),
            _ => Ok(()),
        }
    }
}

/// The same, since a key's `Debug` is what errors name it by.
impl fmt::Debug for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
