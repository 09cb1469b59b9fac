use super::{Circle, RegionError, Site};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why no instance, or no result, was had. For a memoizer's function read
/// *function* for *constructor*.
///
/// The error is shared: whoever led the build and all who had joined it get the
/// same one. A clone costs a reference count.
#[non_exhaustive]
pub enum BuildError<E> {
    /// The constructor returned an error.
    Failed(Failed<E>),
    /// The constructor panicked, in a build that the caller had joined. (Who
    /// leads a build gets the panic itself.)
    Panicked(Panicked),
    /// The constructor asked for the very key that it was building.
    Recursion(Circle),
    /// Two or more builds wait for each other, on one thread or across several.
    Cycle(Circle),
    /// Somebody else's build did not end in the time that the caller gave it.
    TimedOut(TimedOut),
    /// The lock that was to be held for the build was not acquired in time, and
    /// the options say that this is an error.
    NotLocked(NotLocked),
    /// The options name a region that there is not.
    Region(RegionError),
    /// A function that was asked for several values answered with another number
    /// of them.
    Miscounted(Miscounted),
    /// The results are to be kept as bytes, and it is not known how to make bytes of
    /// them.
    Uncodable(Uncodable),
}

/// A constructor's error, and what it was building.
pub struct Failed<E> {
    site: Arc<Site>,
    error: Arc<E>,
}

/// A panic in somebody else's build, and what it was building.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    site: Arc<Site>,
    message: Arc<str>,
}

/// A wait for somebody else's build that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedOut {
    site: Arc<Site>,
    waited: Duration,
}

/// A lock that was not acquired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotLocked {
    what: Arc<str>,
    waited: Duration,
    cause: Option<Arc<str>>,
}

/// Results of which no bytes can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncodable {
    what: Arc<str>,
    type_name: &'static str,
    region: Option<Arc<str>>,
    remedy: Remedy,
}

/// What to do about results of which no bytes can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Tell the store of the type.
    Tell,
    /// Have the type say it.
    Derive,
    /// Say what the type is told by.
    Schema,
}

impl Uncodable {
    pub(crate) fn new(
        what: &str,
        type_name: &'static str,
        region: Option<&Arc<str>>,
        remedy: Remedy,
    ) -> Self {
        Uncodable {
            what: what.into(),
            type_name,
            region: region.cloned(),
            remedy,
        }
    }

    /// The function whose results they are.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Their type.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl fmt::Display for Uncodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Uncodable {
            what,
            type_name,
            region,
            remedy,
        } = self;
        write!(
            f,
            "the results of {what}, of type {type_name}, are to be kept as bytes"
        )?;
        if let Some(region) = region {
            write!(f, " by the region {region:?}")?;
        }
        match remedy {
            Remedy::Tell => write!(
                f,
                "; tell the store how by `Encoded::knows::<{type_name}>()`"
            ),
            Remedy::Derive => f.write_str(
                "; derive `Serialize` and `Deserialize` for the type, or name another `store`",
            ),
            Remedy::Schema => f.write_str(
                "; postcard does not describe itself, so give the option `schema` a number, \
                 and another one whenever the type changes",
            ),
        }
    }
}

/// An answer of the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miscounted {
    /// How many values were asked for.
    pub asked: usize,
    /// How many there were.
    pub answered: usize,
}

impl NotLocked {
    pub(crate) fn new(what: &str, waited: Duration, cause: Option<String>) -> Self {
        NotLocked {
            what: what.into(),
            waited,
            cause: cause.map(Into::into),
        }
    }

    /// The key whose lock it is.
    pub fn key(&self) -> &str {
        &self.what
    }

    /// How long the caller was willing to wait.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl<E> Failed<E> {
    /// What was being built.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The constructor's error.
    pub fn error(&self) -> &E {
        &self.error
    }
}

impl Panicked {
    /// What was being built.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The panic's message, or a note that it had none.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl TimedOut {
    /// What was being built.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// How long the caller was willing to wait.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl<E> BuildError<E> {
    pub(crate) fn failed(site: Site, error: E) -> Self {
        BuildError::failed_with(site, Arc::new(error))
    }

    /// The same with an error that is shared already.
    pub(crate) fn failed_with(site: Site, error: Arc<E>) -> Self {
        BuildError::Failed(Failed {
            site: Arc::new(site),
            error,
        })
    }

    pub(crate) fn panicked(site: Site, message: &str) -> Self {
        BuildError::Panicked(Panicked {
            site: Arc::new(site),
            message: message.into(),
        })
    }

    pub(crate) fn timed_out(site: Site, waited: Duration) -> Self {
        BuildError::TimedOut(TimedOut {
            site: Arc::new(site),
            waited,
        })
    }

    pub(crate) fn from_circle(circle: Circle) -> Self {
        match circle.sites().len() {
            1 => BuildError::Recursion(circle),
            _ => BuildError::Cycle(circle),
        }
    }

    /// The same with another type for the constructor's own error.
    pub(crate) fn map<F>(self, failure: impl FnOnce(Arc<E>) -> Arc<F>) -> BuildError<F> {
        match self {
            BuildError::Failed(Failed { site, error }) => BuildError::Failed(Failed {
                site,
                error: failure(error),
            }),
            BuildError::Panicked(panicked) => BuildError::Panicked(panicked),
            BuildError::Recursion(circle) => BuildError::Recursion(circle),
            BuildError::Cycle(circle) => BuildError::Cycle(circle),
            BuildError::TimedOut(late) => BuildError::TimedOut(late),
            BuildError::NotLocked(locked) => BuildError::NotLocked(locked),
            BuildError::Region(region) => BuildError::Region(region),
            BuildError::Miscounted(count) => BuildError::Miscounted(count),
            BuildError::Uncodable(uncodable) => BuildError::Uncodable(uncodable),
        }
    }

    /// The constructor's own error, if that is what happened.
    pub fn failure(&self) -> Option<&E> {
        match self {
            BuildError::Failed(failed) => Some(failed.error()),
            _ => None,
        }
    }

    /// The circle, if there was one.
    pub fn circle(&self) -> Option<&Circle> {
        match self {
            BuildError::Recursion(circle) | BuildError::Cycle(circle) => Some(circle),
            _ => None,
        }
    }

    /// The constructor's own error by value, if nobody else still holds it.
    ///
    /// # Errors
    ///
    /// Gives `self` back if this is not [`BuildError::Failed`], or if a caller
    /// who had joined the build still holds the error.
    pub fn into_failure(self) -> Result<E, Self> {
        match self {
            BuildError::Failed(Failed { site, error }) => {
                Arc::try_unwrap(error).map_err(|error| BuildError::Failed(Failed { site, error }))
            }
            other => Err(other),
        }
    }

    /// Writes the message, with `failure` to print the constructor's own error.
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        failure: impl FnOnce(&E, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        match self {
            BuildError::Failed(failed) => {
                write!(f, "building {} failed: ", failed.site)?;
                failure(&failed.error, f)
            }
            BuildError::Panicked(Panicked { site, message }) => write!(
                f,
                "building {site} panicked on the thread that led it: {message}; ask again to build anew"
            ),
            BuildError::Recursion(circle) => write!(
                f,
                "building {} asks for itself: {circle}; \
                 look it up after construction, or leave it to the caller",
                circle.sites()[0]
            ),
            BuildError::Cycle(circle) => write!(
                f,
                "these builds wait for each other: {circle}; \
                 have one of them look its neighbour up after construction"
            ),
            BuildError::TimedOut(TimedOut { site, waited }) => write!(
                f,
                "waited {waited:?} for another caller's build of {site}; \
                 the build goes on, ask again or allow more time"
            ),
            BuildError::NotLocked(NotLocked {
                what,
                waited,
                cause,
            }) => {
                write!(f, "the lock of {what} was not acquired within {waited:?}")?;
                if let Some(cause) = cause {
                    write!(f, " ({cause})")?;
                }
                f.write_str("; allow more time, or build without it by `on_lock_timeout`")
            }
            BuildError::Region(region) => write!(f, "{region}"),
            BuildError::Uncodable(uncodable) => write!(f, "{uncodable}"),
            BuildError::Miscounted(Miscounted { asked, answered }) => write!(
                f,
                "the function was asked for {asked} values and answered with {answered}; \
                 it must answer with one for each key, in their order"
            ),
        }
    }
}

impl<E> Clone for Failed<E> {
    fn clone(&self) -> Self {
        Failed {
            site: Arc::clone(&self.site),
            error: Arc::clone(&self.error),
        }
    }
}

impl<E> BuildError<BuildError<E>> {
    /// Folds the error of a constructor that itself asks for instances: what
    /// happened down there, as what happened here.
    ///
    /// A constructor that returns `Result<Self, BuildError<E>>` may pass on the
    /// errors of others like it by `?`, through the `From` that does the same.
    ///
    /// ```
    /// use mementos::{BuildError, memento};
    /// use std::num::ParseIntError;
    /// use std::sync::Arc;
    ///
    /// #[derive(Debug)]
    /// struct Sum { rest: Option<Arc<Sum>> }
    ///
    /// #[memento]
    /// impl Sum {
    ///     fn new(text: &str) -> Result<Self, BuildError<ParseIntError>> {
    ///         let Some((_, rest)) = text.split_once('+') else { return Ok(Sum { rest: None }) };
    ///         Ok(Sum { rest: Some(Sum::try_memento(rest)?) })
    ///     }
    /// }
    ///
    /// assert!(Sum::try_memento("1+2").map_err(BuildError::flatten).is_ok());
    /// ```
    pub fn flatten(self) -> BuildError<E> {
        match self {
            BuildError::Failed(failed) => failed.error().clone(),
            other => other.map(|_| unreachable!("every other case is without an error")),
        }
    }
}

impl<E> From<RegionError> for BuildError<E> {
    fn from(error: RegionError) -> Self {
        BuildError::Region(error)
    }
}

impl<E> From<Uncodable> for BuildError<E> {
    fn from(error: Uncodable) -> Self {
        BuildError::Uncodable(error)
    }
}

impl<E> From<BuildError<BuildError<E>>> for BuildError<E> {
    fn from(nested: BuildError<BuildError<E>>) -> Self {
        nested.flatten()
    }
}

impl<E: fmt::Debug> fmt::Debug for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed")
            .field("site", &self.site)
            .field("error", &self.error)
            .finish()
    }
}

impl<E> Clone for BuildError<E> {
    fn clone(&self) -> Self {
        match self {
            BuildError::Failed(failed) => BuildError::Failed(failed.clone()),
            BuildError::Panicked(panicked) => BuildError::Panicked(panicked.clone()),
            BuildError::Recursion(circle) => BuildError::Recursion(circle.clone()),
            BuildError::Cycle(circle) => BuildError::Cycle(circle.clone()),
            BuildError::TimedOut(late) => BuildError::TimedOut(late.clone()),
            BuildError::NotLocked(locked) => BuildError::NotLocked(locked.clone()),
            BuildError::Region(region) => BuildError::Region(region.clone()),
            BuildError::Miscounted(count) => BuildError::Miscounted(*count),
            BuildError::Uncodable(uncodable) => BuildError::Uncodable(uncodable.clone()),
        }
    }
}

/// The message, as `Display` has it, but for a constructor's error that is only
/// `Debug`: what a panic of `memento` prints.
impl<E: fmt::Debug> fmt::Debug for BuildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |error, f| write!(f, "{error:?}"))
    }
}

impl<E: fmt::Display> fmt::Display for BuildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |error, f| write!(f, "{error}"))
    }
}

/// The message says it all, the constructor's error included, so there is no
/// `source`. That way the constructor's error need not be an `Error` itself: a
/// `Box<dyn Error>` is none.
impl<E: fmt::Debug + fmt::Display> Error for BuildError<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(key: &str) -> Site {
        Site::new("app::Thing", &key)
    }

    #[test]
    fn a_circle_names_every_site_and_closes() {
        let error = BuildError::<()>::from_circle(Circle::new(vec![site("a"), site("b")]));
        assert!(matches!(error, BuildError::Cycle(_)));
        assert!(
            format!("{error:?}")
                .contains(r#"app::Thing("a") -> app::Thing("b") -> app::Thing("a")"#)
        );
    }

    #[test]
    fn the_shortest_circle_is_a_recursion() {
        let error = BuildError::<()>::from_circle(Circle::new(vec![site("a")]));
        assert!(matches!(error, BuildError::Recursion(_)));
        assert!(format!("{error:?}").contains(r#"app::Thing("a") -> app::Thing("a")"#));
    }

    #[test]
    fn a_failure_can_be_taken_out_once_it_is_nobody_elses() {
        let led = BuildError::failed(site("a"), "no such file".to_owned());
        let joined = led.clone();
        let led = led.into_failure().unwrap_err();
        drop(joined);
        assert_eq!(led.into_failure().unwrap(), "no such file");
    }
}
