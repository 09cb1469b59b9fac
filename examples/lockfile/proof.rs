//! One instance per package, however it was reached: checked, not believed.

use crate::ask::{Shared, Timing};
use crate::lock_file::{LockFile, PackageId};
use crate::package::Package;
use crate::tally::Tally;
use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What was proved.
pub(crate) struct Proof {
    /// How often a thread was given the one instance of a package.
    pub(crate) answers: usize,
    /// How many instances there are.
    pub(crate) instances: usize,
}

/// What turned out not to hold.
#[derive(Debug)]
pub(crate) enum Broken {
    /// There is more than one instance of a package.
    Identity(PackageId),
    /// A package does not have the dependencies that the file gives it.
    Dependencies(PackageId),
    /// There are not as many as the file has packages.
    Count {
        what: &'static str,
        counted: usize,
        expected: usize,
    },
}

/// Proves that all threads were given the same instance of each package, and
/// that all its dependents hold that instance. Every path to a package ends with
/// a step from one dependent or from one thread, so this covers all paths.
pub(crate) fn identity(file: &LockFile, shared: &Shared) -> Result<Proof, Broken> {
    let packages = shared.packages();
    for (thread, answers) in shared.answers.iter().enumerate() {
        expect_count("answers of a thread", answers.len(), file.entries().len())?;
        for (at, package) in answers.iter().enumerate() {
            expect_one(&file.entries()[at].id, package, &packages[at])?;
            if thread == 0 {
                dependencies(file, package, packages)?;
            }
        }
    }
    let instances = packages
        .iter()
        .map(Arc::as_ptr)
        .collect::<HashSet<_>>()
        .len();
    expect_count("distinct instances", instances, file.entries().len())?;
    let kept = shared.registry.mementos::<Package, _>();
    expect_count("kept instances", kept.len(), file.entries().len())?;
    expect_count("builds", kept.stats().builds as usize, file.entries().len())?;
    Ok(Proof {
        answers: shared.answers.iter().map(Vec::len).sum(),
        instances,
    })
}

/// Proves that building the trees of all roots hit as often as was counted.
pub(crate) fn reuse(tally: &Tally, timing: &Timing) -> Result<(), Broken> {
    let reused = (0..tally.len()).map(|at| tally.reused(at)).sum();
    expect_count("hits", timing.stats.hits as usize, reused)
}

fn dependencies(
    file: &LockFile,
    package: &Package,
    packages: &[Arc<Package>],
) -> Result<(), Broken> {
    let at = file.position(&package.id);
    let named: &[String] = at.map_or(&[], |at| &file.entries()[at].references);
    if named.len() != package.dependencies.len() {
        return Err(Broken::Dependencies(package.id.clone()));
    }
    for (reference, dependency) in named.iter().zip(&package.dependencies) {
        let meant = file
            .resolve(reference)
            .ok()
            .and_then(|id| file.position(id));
        let meant = meant.ok_or_else(|| Broken::Dependencies(package.id.clone()))?;
        expect_one(&file.entries()[meant].id, dependency, &packages[meant])?;
    }
    Ok(())
}

fn expect_one(id: &PackageId, one: &Arc<Package>, other: &Arc<Package>) -> Result<(), Broken> {
    if one.id == *id && Arc::ptr_eq(one, other) {
        Ok(())
    } else {
        Err(Broken::Identity(id.clone()))
    }
}

fn expect_count(what: &'static str, counted: usize, expected: usize) -> Result<(), Broken> {
    if counted == expected {
        Ok(())
    } else {
        Err(Broken::Count {
            what,
            counted,
            expected,
        })
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proof failed: ")?;
        match self {
            Broken::Identity(id) => write!(f, "package `{id}` is not one instance"),
            Broken::Dependencies(id) => {
                write!(
                    f,
                    "package `{id}` has other dependencies than the file says"
                )
            }
            Broken::Count {
                what,
                counted,
                expected,
            } => {
                write!(f, "{counted} {what}, and {expected} were expected")
            }
        }
    }
}

impl Error for Broken {}
