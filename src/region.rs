//! Regions: named options, with parents.

use crate::error::RegionError;
use crate::options::{Options, Setting};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Named sets of options. Each may have a parent, whose options come after its
/// own.
///
/// With the feature `serde` they are read from TOML or JSON: a table for each
/// region, a key for each field. Ages are written as `"60s"` or as seconds, and
/// `"none"` says explicitly none.
///
/// ```
/// use mementos::{Options, Regions};
/// use std::time::Duration;
///
/// let regions = Regions::new()
///     .with("short", Options::new().max_age(Duration::from_secs(60)))
///     .with("brief", Options::new().parent("short"));
/// assert!(regions.check().is_ok());
///
/// let lost = Regions::new().with("lost", Options::new().parent("shrot"));
/// assert_eq!(
///     lost.check().unwrap_err().to_string(),
///     r#"the region "lost" has the parent "shrot", which is no region; the regions are ["lost"]"#,
/// );
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(transparent))]
pub struct Regions(BTreeMap<Arc<str>, Options>);

impl Regions {
    /// No regions.
    pub fn new() -> Self {
        Regions::default()
    }

    /// These, and one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, options: Options) -> Self {
        self.set(name, options);
        self
    }

    /// Adds a region, or replaces the one of that name.
    pub fn set(&mut self, name: impl Into<Arc<str>>, options: Options) {
        self.0.insert(name.into(), options);
    }

    /// The options of a region itself.
    pub fn get(&self, name: &str) -> Option<&Options> {
        self.0.get(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    /// Whether every parent is a region, and no region is its own ancestor.
    ///
    /// # Errors
    ///
    /// The first region for which that does not hold.
    pub fn check(&self) -> Result<(), RegionError> {
        self.0.keys().try_for_each(|name| {
            let chain = self.chain(name);
            chain.map(drop)
        })
    }

    /// The same for one region and its ancestors.
    pub(crate) fn check_from(&self, name: &Arc<str>) -> Result<(), RegionError> {
        self.chain(name).map(drop)
    }

    /// What holds where `inner` is said at the call and at the function, and
    /// `defaults` by the memoizer.
    pub(crate) fn resolve(
        &self,
        inner: &Options,
        defaults: &Options,
    ) -> Result<Options, RegionError> {
        let region = inner.region.over(&defaults.region);
        let Some(region) = region.value().cloned() else {
            return Ok(inner.over(defaults));
        };
        let chain = self.chain(&region)?;
        let all = chain
            .into_iter()
            .fold(inner.clone(), |inner, outer| inner.over(outer));
        let mut all = all.over(defaults);
        all.region = Setting::Set(region);
        Ok(all)
    }

    /// The options of a region, of its parent, and so on.
    fn chain(&self, region: &Arc<str>) -> Result<Vec<&Options>, RegionError> {
        let known = || self.0.keys().cloned().collect();
        let mut chain: Vec<(&Arc<str>, &Options)> = Vec::new();
        let mut next = Some(region);
        while let Some(name) = next {
            if let Some(start) = chain.iter().position(|(seen, _)| *seen == name) {
                let circle = chain[start..].iter();
                return Err(RegionError::Circle {
                    regions: circle.map(|(name, _)| Arc::clone(name)).collect(),
                    known: known(),
                });
            }
            let Some(options) = self.0.get(name) else {
                return Err(match chain.last() {
                    None => RegionError::Unknown {
                        region: Arc::clone(name),
                        known: known(),
                    },
                    Some((child, _)) => RegionError::UnknownParent {
                        region: Arc::clone(child),
                        parent: Arc::clone(name),
                        known: known(),
                    },
                });
            };
            chain.push((name, options));
            next = options.parent.value();
        }
        Ok(chain.into_iter().map(|(_, options)| options).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn age(seconds: u64) -> Options {
        Options::new().max_age(Duration::from_secs(seconds))
    }

    fn resolved(regions: &Regions, inner: &Options, defaults: &Options) -> Option<u64> {
        let options = regions.resolve(inner, defaults).unwrap();
        options.max_age.value().map(Duration::as_secs)
    }

    #[test]
    fn the_nearest_level_that_says_something_holds() {
        let regions = Regions::new()
            .with("own", age(3).parent("parent"))
            .with("open", Options::new().parent("parent"))
            .with("parent", age(4))
            .with("none", Options::new().no_max_age().parent("parent"));
        let defaults = age(5);
        let of = |inner: Options| resolved(&regions, &inner, &defaults);
        assert_eq!(of(age(1).over(&age(2))), Some(1), "the call");
        assert_eq!(of(Options::new().over(&age(2))), Some(2), "the function");
        assert_eq!(of(Options::new().region("own")), Some(3), "the region");
        assert_eq!(of(Options::new().region("open")), Some(4), "its parent");
        assert_eq!(of(Options::new()), Some(5), "the defaults");
        assert_eq!(of(Options::new().no_max_age()), None, "explicitly none");
        assert_eq!(of(Options::new().region("none")), None, "there as well");
    }

    #[test]
    fn the_defaults_may_name_a_region_and_a_call_may_leave_it() {
        let regions = Regions::new().with("own", age(3));
        let defaults = age(5).region("own");
        assert_eq!(resolved(&regions, &Options::new(), &defaults), Some(3));
        let left = Options::new().no_region();
        assert_eq!(resolved(&regions, &left, &defaults), Some(5));
    }

    #[test]
    fn an_unknown_region_is_told_with_those_that_are_known() {
        let regions = Regions::new().with("short", age(1)).with("long", age(2));
        let error = regions
            .resolve(&Options::new().region("shrot"), &Options::new())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"there is no region "shrot"; the regions are ["long", "short"]"#
        );
    }

    #[test]
    fn a_circle_of_parents_is_told() {
        let regions = Regions::new()
            .with("a", Options::new().parent("b"))
            .with("b", Options::new().parent("a"));
        assert_eq!(
            regions.check().unwrap_err().to_string(),
            r#"these regions are each other's parents: "a" -> "b" -> "a"; the regions are ["a", "b"]"#
        );
    }
}
