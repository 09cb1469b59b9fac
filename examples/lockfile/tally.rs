//! How often each package is used, counted on the finished instances.

use crate::lock_file::{LockFile, PackageId};
use crate::package::Package;
use std::sync::Arc;

/// Counts by the package's place in the file.
pub(crate) struct Tally {
    /// How many packages depend on it.
    references: Vec<usize>,
    /// How many of it there are in the trees of all roots, where nothing is
    /// shared. It can be more than any integer holds.
    unshared: Vec<f64>,
}

impl Tally {
    pub(crate) fn of(file: &LockFile, packages: &[Arc<Package>]) -> Self {
        let mut references = vec![0; packages.len()];
        for at in packages.iter().flat_map(|package| places(file, package)) {
            references[at] += 1;
        }
        let mut unshared: Vec<f64> = references
            .iter()
            .map(|count| if *count == 0 { 1.0 } else { 0.0 })
            .collect();
        // A package has a longer chain than all it depends on: so dependents first.
        let mut order: Vec<usize> = (0..packages.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(packages[*at].chain));
        for from in order {
            for at in places(file, &packages[from]) {
                unshared[at] += unshared[from];
            }
        }
        Tally {
            references,
            unshared,
        }
    }

    /// The packages that no other depends on: those of the workspace, as a rule.
    pub(crate) fn roots<'f>(&self, file: &'f LockFile) -> Vec<&'f PackageId> {
        let counted = file.entries().iter().zip(&self.references);
        counted
            .filter(|(_, count)| **count == 0)
            .map(|(entry, _)| &entry.id)
            .collect()
    }

    /// How many packages there are.
    pub(crate) fn len(&self) -> usize {
        self.references.len()
    }

    /// The references to all packages.
    pub(crate) fn references(&self) -> usize {
        self.references.iter().sum()
    }

    /// How often a package is there already when the trees of all roots are
    /// built: whatever asks for it, the first to do so builds it.
    pub(crate) fn reused(&self, at: usize) -> usize {
        self.references[at].saturating_sub(1)
    }

    /// How many of a package there would be without sharing.
    pub(crate) fn unshared(&self, at: usize) -> f64 {
        self.unshared[at]
    }

    /// How many there would be of all packages together.
    pub(crate) fn all_unshared(&self) -> f64 {
        self.unshared.iter().fold(0.0, |sum, count| sum + count)
    }

    /// The places of the most reused packages, most reused first.
    pub(crate) fn most_reused(&self, count: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.references.len())
            .filter(|at| self.reused(*at) > 0)
            .collect();
        places.sort_by_key(|at| std::cmp::Reverse(self.references[*at]));
        places.truncate(count);
        places
    }
}

/// The places of a package's dependencies in the file.
fn places<'p>(file: &'p LockFile, package: &'p Package) -> impl Iterator<Item = usize> + 'p {
    package
        .dependencies
        .iter()
        .filter_map(|dependency| file.position(&dependency.id))
}
