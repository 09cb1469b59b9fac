//! A package as a memento: one instance, however many packages depend on it.

use crate::lock_file::{LockFile, PackageId, Unresolved};
use mementos::error::Circle;
use mementos::{BuildError, memento};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub(crate) struct Package {
    pub(crate) id: PackageId,
    pub(crate) dependencies: Vec<Arc<Package>>,
    /// How many packages are on the longest chain that begins here.
    pub(crate) chain: usize,
    /// How many packages are in the tree that begins here, where nothing is
    /// shared. It can be more than any integer holds.
    pub(crate) tree: f64,
}

/// Why a package was not built.
#[derive(Clone, Debug)]
pub(crate) enum Unbuilt {
    /// A dependency names no package.
    Dangling {
        package: PackageId,
        reference: String,
    },
    /// A dependency names more than one.
    Ambiguous {
        package: PackageId,
        reference: String,
        meant: Vec<PackageId>,
    },
    /// The package is on a circle, or depends on one.
    Circle(Circle),
    /// The build that this one had joined broke off.
    Broken(String),
}

// The file is what the constructor works from, and not identity: one registry
// is for one file.
#[memento(key(id))]
impl Package {
    /// Asks for the dependencies, each of which asks for its own.
    pub(crate) fn new(id: &PackageId, file: &LockFile) -> Result<Self, Unbuilt> {
        Package::assemble(id, file, |dependency| {
            Ok(Package::try_memento(dependency, file)?)
        })
    }
}

impl Package {
    /// A package of what `ask` brings for each dependency.
    pub(crate) fn assemble<E: From<Unbuilt>>(
        id: &PackageId,
        file: &LockFile,
        mut ask: impl FnMut(&PackageId) -> Result<Arc<Package>, E>,
    ) -> Result<Self, E> {
        let at = file
            .position(id)
            .expect("only packages of the file are asked for");
        let references = &file.entries()[at].references;
        let mut dependencies: Vec<Arc<Package>> = Vec::with_capacity(references.len());
        for reference in references {
            let dependency = file
                .resolve(reference)
                .map_err(|why| Unbuilt::reference(id, reference, why))?;
            dependencies.push(ask(dependency)?);
        }
        let longest = dependencies.iter().map(|dependency| dependency.chain).max();
        let trees: f64 = dependencies.iter().map(|dependency| dependency.tree).sum();
        Ok(Package {
            id: id.clone(),
            dependencies,
            chain: 1 + longest.unwrap_or(0),
            tree: 1.0 + trees,
        })
    }
}

impl Unbuilt {
    fn reference(package: &PackageId, reference: &str, why: Unresolved) -> Self {
        let (package, reference) = (package.clone(), reference.to_owned());
        match why {
            Unresolved::Nothing => Unbuilt::Dangling { package, reference },
            Unresolved::Several(meant) => Unbuilt::Ambiguous {
                package,
                reference,
                meant,
            },
        }
    }
}

/// A dependency's error is its dependents' too, as it is.
impl From<BuildError<Unbuilt>> for Unbuilt {
    fn from(error: BuildError<Unbuilt>) -> Self {
        match error {
            BuildError::Failed(failed) => failed.error().clone(),
            BuildError::Recursion(circle) | BuildError::Cycle(circle) => Unbuilt::Circle(circle),
            other => Unbuilt::Broken(other.to_string()),
        }
    }
}

impl fmt::Display for Unbuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unbuilt::Dangling { package, reference } => {
                write!(
                    f,
                    "package `{package}` depends on `{reference}`, which names no package"
                )
            }
            Unbuilt::Ambiguous {
                package,
                reference,
                meant,
            } => {
                let meant: Vec<String> = meant.iter().map(|id| format!("`{id}`")).collect();
                let meant = meant.join(" or ");
                write!(
                    f,
                    "package `{package}` depends on `{reference}`, which could be {meant}"
                )
            }
            Unbuilt::Circle(circle) => {
                write!(f, "packages depend on each other: {}", around(circle))
            }
            Unbuilt::Broken(why) => write!(f, "{why}"),
        }
    }
}

impl Error for Unbuilt {}

/// The names on a circle, from the first in the alphabet round to itself: which
/// of them found the circle is chance.
fn around(circle: &Circle) -> String {
    let mut names: Vec<&str> = circle.sites().iter().map(|site| site.key()).collect();
    let first = (0..names.len()).min_by_key(|at| names[*at]).unwrap_or(0);
    names.rotate_left(first);
    names.extend(names.first().copied());
    names.join(" -> ")
}
