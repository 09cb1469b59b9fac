//! The function cache: results kept by key, for functions of any types.
//!
//! | part | does one thing |
//! |---|---|
//! | `path` | the way of every call: look, decide, join or lead, lock, build, publish |
//! | `due` | what a call does about what is stale, or nearly so; blocking or awaiting |
//! | `works` | what is done in the background |
//! | `shelf` | where results are kept, as a call sees it |
//! | `by_hand`, `by_hand_async` | calls by text keys: `memo.get("key", || ..)` |
//! | `many` | several keys with one call of the function |
//! | `memoized`, `rules` | what a function says of itself |
//! | `function` | calls of a function, by typed keys |
//! | `table`, `output` | where a function keeps its results, and in what form |
//! | `groups`, `invalidate` | what results are invalidated together by, and that it is done |
//! | `epochs` | what has been invalidated of what is in no store |
//! | `settings` | defaults, regions, clock and observers of one memoizer |
//! | `observe` | who is told what happens |
//! | `tracing`, `metrics` | observers that pass it on |

mod by_hand;
#[cfg(feature = "async")]
mod by_hand_async;
mod due;
mod epochs;
mod facts;
mod function;
mod groups;
mod invalidate;
mod kept;
mod local;
mod many;
mod memoized;
#[cfg(feature = "metrics")]
mod metrics;
mod observe;
mod output;
mod path;
pub mod probe;
mod rules;
mod settings;
mod shelf;
mod table;
#[cfg(feature = "tracing")]
mod tracing;
mod works;

#[cfg(feature = "async")]
pub use function::call_async;
pub use function::{Function, Home};
pub use local::{LocalFunction, LocalHome};
#[cfg(feature = "async")]
pub use memoized::MemoizedAsync;
pub use memoized::{Memoized, Shareable};
#[cfg(feature = "metrics")]
pub use metrics::MetricsObserver;
pub use observe::{Event, Observer, Origin};
pub use rules::Rules;
#[cfg(feature = "tracing")]
pub use tracing::TracingObserver;

use function::{AnyFunction, Inner};

use crate::background::Background;
#[cfg(feature = "async")]
use crate::background::{Task, Tasks};
use crate::clock::{Clock, Watch};
use crate::drive::block_on;
use crate::error::RegionError;
use crate::held::Held;
use crate::key::hash_of;
use crate::options::{Options, Terms};
use crate::region::Regions;
use crate::scope::{self, Scope, scoped};
use crate::stats::{Counters, Stats};
use crate::store::{MemoryStore, SharedStore};
use crate::table::Lasting;
use once_cell::sync::Lazy;
use settings::Settings;
use std::any::TypeId;
use std::fmt;
use std::sync::{Arc, Weak};

/// Keeps the results of functions, of any types, by key.
///
/// There is one global memoizer, in which `#[memoize]` functions keep their
/// results if nothing else is said; and any number of one's own. This is a
/// handle: a clone is the same memoizer.
///
/// ```
/// use mementos::{Memoizer, Options};
/// use std::time::Duration;
///
/// let memo = Memoizer::in_memory()
///     .defaults(Options::new().namespace("master"))
///     .region("short", Options::new().max_age(Duration::from_secs(60)))
///     .region("long", Options::new().max_age(Duration::from_secs(3600)).parent("short"));
///
/// assert_eq!(memo.get("basic", || 123)?, 123);
/// let long = Options::new().region("long").etag("a");
/// assert_eq!(memo.get_with("other", &long, || 456)?, 456);
/// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
/// ```
#[derive(Clone)]
pub struct Memoizer {
    shared: Arc<Shared>,
    /// What this handle adds to each call, if anything.
    adds: Option<Arc<Options>>,
}

struct Shared {
    settings: Arc<Settings>,
    /// Where calls by hand keep their results if no store is named.
    memory: SharedStore,
    /// The counters of calls by hand.
    counters: Counters,
    functions: Lasting<TypeId, Held<dyn AnyFunction>>,
}

/// What a thread has said that calls mean: this memoizer, or that of the function.
#[derive(Clone)]
pub(crate) struct Meant(pub(crate) Option<Memoizer>);

scoped!(Meant);

impl Meant {
    /// What calls on this thread mean.
    pub(crate) fn here() -> Meant {
        scope::innermost().unwrap_or(Meant(None))
    }

    /// Runs `run` with calls on this thread meaning this.
    pub(crate) fn enter<R>(&self, run: impl FnOnce() -> R) -> R {
        if self.0.is_none() && Meant::here().0.is_none() {
            return run();
        }
        let _open = Scope::open(self);
        run()
    }
}

static GLOBAL: Lazy<Memoizer> = Lazy::new(Memoizer::in_memory);

impl Memoizer {
    /// A memoizer that keeps everything in `store`, by text keys.
    ///
    /// A store can be the [`MemoryStore`], a locked `HashMap` or `BTreeMap`, a
    /// `DashMap`, or anything that implements [`Store`](crate::store::Store) from
    /// `String` to `Entry<AnyValue>`.
    pub fn new(store: impl Into<SharedStore>) -> Self {
        Memoizer::in_memory().defaults(Options::new().store(store))
    }

    /// A memoizer that keeps everything in memory. Functions have a table of their
    /// own each, by typed keys, so that a hit makes no text.
    pub fn in_memory() -> Self {
        Memoizer {
            shared: Arc::new(Shared {
                settings: Arc::default(),
                memory: SharedStore::new(MemoryStore::new()),
                counters: Counters::default(),
                functions: Lasting::new(),
            }),
            adds: None,
        }
    }

    /// The memoizer that functions are kept by if nothing else is said.
    pub fn global() -> &'static Memoizer {
        &GLOBAL
    }

    /// The memoizer of the innermost [`scope`](Self::scope) that this thread is in,
    /// or else the global one.
    pub fn current() -> Memoizer {
        Meant::here()
            .0
            .unwrap_or_else(|| Memoizer::global().clone())
    }

    /// Sets the options that come after all others. Where `defaults` leaves a field
    /// open, what was set before stays.
    #[must_use]
    pub fn defaults(self, defaults: Options) -> Self {
        self.set_defaults(|old| defaults.over(old));
        self
    }

    /// Prefixes every key.
    #[must_use]
    pub fn namespace(self, name: impl Into<Arc<str>>) -> Self {
        self.defaults(Options::new().namespace(name))
    }

    /// Adds a region, or replaces the one of that name. Its parent may be added
    /// later; a name that is no region when it is used is an error there.
    #[must_use]
    pub fn region(self, name: impl Into<Arc<str>>, options: Options) -> Self {
        let name = name.into();
        _ = self.change(|book| {
            book.regions.set(name, options);
            Ok::<(), RegionError>(())
        });
        self
    }

    /// Chooses the clock. The [coarse one](crate::clock::CoarseClock) is used if
    /// nothing is said.
    ///
    /// # Panics
    ///
    /// If the memoizer has been used: entries would have been dated by another
    /// clock.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        let chosen = self.settings().choose_clock(Watch::Own(Arc::new(clock)));
        assert!(chosen, "choose the clock before the memoizer is used");
        self
    }

    /// Chooses where refreshes are done that nobody waits for, of callers that block. A
    /// [`Pool`] of this memoizer's own is used if nothing else is said.
    ///
    /// [`Pool`]: crate::background::Pool
    ///
    /// # Panics
    ///
    /// If something has been done in the background.
    #[must_use]
    pub fn background(self, background: impl Background + 'static) -> Self {
        let chosen = self.settings().works.choose(Arc::new(background));
        assert!(
            chosen,
            "choose the background before anything is done in it"
        );
        self
    }

    /// Chooses what has the background work of callers that await polled: any closure that
    /// spawns. With tokio and with smol:
    ///
    /// ```
    /// use mementos::Memoizer;
    ///
    /// let memo = Memoizer::in_memory().spawner(|task| drop(tokio::spawn(task)));
    /// let memo = Memoizer::in_memory().spawner(|task| smol::spawn(task).detach());
    /// ```
    ///
    /// `tokio::spawn` panics outside of a runtime, and that would reach the caller. One that
    /// is asked from there too is given the handle: `move |task| drop(handle.spawn(task))`.
    ///
    /// Without a spawner, whoever finds a value stale refreshes it in its own task, while
    /// others have it. No soft timeout ends that caller's own build; a hard one drops it,
    /// and that counts as failed.
    ///
    /// At most 64 tasks are given to it at once, and 1024 wait; see
    /// [`tasks`](Self::tasks) for other bounds. The global memoizer is given one by
    /// `Memoizer::global().clone().spawner(..)`.
    ///
    /// # Panics
    ///
    /// If one has been chosen.
    #[cfg(feature = "async")]
    #[must_use]
    pub fn spawner(self, spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        self.tasks(Tasks::new(spawn))
    }

    /// As [`spawner`](Self::spawner), with bounds of one's own; or a
    /// [`Pool`](crate::background::Pool), whose threads drive what is awaited.
    ///
    /// ```
    /// use mementos::Memoizer;
    /// use mementos::background::{Pool, Tasks};
    ///
    /// let memo = Memoizer::in_memory().tasks(Tasks::bounded(4, 100, |task| smol::spawn(task).detach()));
    /// let memo = Memoizer::in_memory().tasks(Pool::new(2, 100));
    /// ```
    ///
    /// # Panics
    ///
    /// If a spawner has been chosen.
    #[cfg(feature = "async")]
    #[must_use]
    pub fn tasks(self, tasks: impl Into<Tasks>) -> Self {
        let chosen = self.settings().works.choose_tasks(tasks.into());
        assert!(chosen, "choose one spawner, and once");
        self
    }

    /// Waits until nothing is being done in the background for this memoizer and its
    /// functions: for the end of a program, and for tests. What begins meanwhile is
    /// waited for too. Called by background work, or inside a build or while a claim is
    /// held, it does not wait: what it would wait for may be waiting for that.
    ///
    /// ```
    /// use mementos::{Memoizer, Options, clock::FakeClock};
    /// use std::time::Duration;
    ///
    /// let clock = FakeClock::new();
    /// let memo = Memoizer::in_memory().clock(clock.clone());
    /// let options = Options::new()
    ///     .max_age(Duration::from_secs(60))
    ///     .stale_for(Duration::from_secs(60));
    /// memo.get_refreshing("key", &options, || 1)?;
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(memo.get_refreshing("key", &options, || 2)?, 1); // stale, at once
    /// memo.drain();
    /// assert_eq!(memo.get_refreshing("key", &options, || 3)?, 2);
    /// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
    /// ```
    pub fn drain(&self) {
        block_on(self.settings().works.drain());
    }

    /// As [`drain`](Self::drain), for callers that await. Both wait for all that is done
    /// in the background, whoever it is done for.
    #[cfg(feature = "async")]
    pub async fn drain_async(&self) {
        self.settings().works.drain().await;
    }

    /// Adds an observer.
    #[must_use]
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        self.add_observer(observer);
        self
    }

    /// Adds an observer to a memoizer that is in use, such as the global one.
    pub fn add_observer(&self, observer: impl Observer + 'static) {
        self.settings().observers.add(Arc::new(observer));
        self.settings().touch();
        self.settle();
    }

    /// Replaces the defaults, while the memoizer is in use.
    pub fn set_defaults(&self, new: impl FnOnce(&Options) -> Options) {
        // With nothing locked: it may ask this memoizer.
        let old = self.settings().read(|book| book.defaults.clone());
        let new = new(&old);
        _ = self.change(|book| {
            book.defaults = new;
            Ok::<(), RegionError>(())
        });
    }

    /// Adds or replaces a region, while the memoizer is in use.
    ///
    /// # Errors
    ///
    /// If its parents are not all regions, or lead back to it. Nothing is changed
    /// then.
    pub fn set_region(
        &self,
        name: impl Into<Arc<str>>,
        options: Options,
    ) -> Result<(), RegionError> {
        let name = name.into();
        self.change(|book| {
            book.regions.set(Arc::clone(&name), options);
            book.regions.check_from(&name)
        })
    }

    /// Replaces all regions, while the memoizer is in use.
    ///
    /// # Errors
    ///
    /// As [`Regions::check`]. Nothing is changed then.
    pub fn set_regions(&self, regions: Regions) -> Result<(), RegionError> {
        regions.check()?;
        self.change(|book| {
            book.regions = regions;
            Ok(())
        })
    }

    /// The regions, as they are now.
    pub fn regions(&self) -> Regions {
        self.settings().read(|book| book.regions.clone())
    }

    /// The same memoizer, with options for every call by hand that is made through
    /// this handle. Functions have options of their own.
    ///
    /// ```
    /// use mementos::{Memoizer, Options};
    ///
    /// let memo = Memoizer::in_memory();
    /// let tenant = memo.with(Options::new().namespace("tenant"));
    /// tenant.get("key", || 1).unwrap();
    /// assert!(memo.exists("tenant:key").unwrap());
    /// assert!(!memo.exists("key").unwrap());
    /// ```
    #[must_use]
    pub fn with(&self, options: Options) -> Memoizer {
        Memoizer {
            shared: Arc::clone(&self.shared),
            adds: Some(Arc::new(match &self.adds {
                None => options,
                Some(adds) => options.over(adds),
            })),
        }
    }

    /// Runs `run` with every `#[memoize]` function on this thread being kept by
    /// this memoizer, whatever it says itself.
    ///
    /// Scopes nest. Other threads are not in it, unless they enter
    /// [`Memoizer::current`]. While any scope is open in the process, every hit
    /// looks its memoizer and its table up, which takes about a tenth of a
    /// microsecond: scopes are for tests.
    ///
    /// ```
    /// use mementos::{Memoizer, clock::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let memo = Memoizer::in_memory().clock(clock.clone());
    /// memo.scope(|| { /* functions in here begin with nothing, and live by this clock */ });
    /// ```
    pub fn scope<R>(&self, run: impl FnOnce() -> R) -> R {
        Meant(Some(self.clone())).enter(run)
    }

    /// What has happened to calls by hand. Functions count for themselves.
    pub fn stats(&self) -> Stats {
        self.shared.counters.stats()
    }

    /// What has happened to each function that this memoizer has kept anything of.
    pub fn functions(&self) -> Vec<(&'static str, Stats)> {
        let functions = self.shared.functions.iter();
        let mut rows: Vec<_> = functions
            .map(|(_, function)| (function.name(), function.stats()))
            .collect();
        rows.sort_by_key(|(name, _)| *name);
        rows
    }

    /// Switches the counting of hits on or off, for calls by hand. It is off at
    /// first.
    pub fn count_hits(&self, counting: bool) {
        self.shared.counters.count_hits(counting);
    }

    fn settings(&self) -> &Arc<Settings> {
        &self.shared.settings
    }

    fn change(
        &self,
        change: impl FnOnce(&mut settings::Book) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        let changed = self.settings().change(change);
        self.settle();
        changed
    }

    /// The function's part in this memoizer.
    fn function<M: Shareable>(&self) -> Held<Inner<M>> {
        // Its own memoizer knows it by its home, however it is asked.
        if let Some(home) = M::home()
            && Arc::ptr_eq(&self.shared, &M::memoizer().shared)
        {
            return self.function_at(home);
        }
        let functions = &self.shared.functions;
        let id = TypeId::of::<Inner<M>>();
        let known = functions.get(hash_of(&id), |known| *known == id);
        let held = known.unwrap_or_else(|| {
            let settings = Arc::clone(self.settings());
            let ours = Arc::new_cyclic(|ours| Inner::<M>::new(settings, ours.clone()));
            functions.get_or_insert(hash_of(&id), id, Held::Counted(ours as _))
        });
        held.typed().expect("its id names its type")
    }

    /// The same, where it lives in a static.
    fn function_at<M: Shareable>(&self, home: &'static Home<M>) -> Held<Inner<M>> {
        if let Some(inner) = home.get() {
            return Held::Forever(inner);
        }
        let inner = home.get_or_init(|| Inner::new(Arc::clone(self.settings()), Weak::new()));
        let id = TypeId::of::<Inner<M>>();
        let any: &'static dyn AnyFunction = inner;
        self.shared
            .functions
            .get_or_insert(hash_of(&id), id, Held::Forever(any));
        // It may have asked for its terms before it was known here.
        inner.unsettle();
        Held::Forever(inner)
    }

    /// The function's part, if it is there: a look-up without a lock.
    #[inline]
    fn known<M: Shareable>(&self) -> Option<&Inner<M>> {
        let id = TypeId::of::<Inner<M>>();
        let known = self
            .shared
            .functions
            .get(hash_of(&id), |known| *known == id)?;
        known.as_any().downcast_ref()
    }

    /// Has every function ask for its terms again.
    fn settle(&self) {
        for (_, function) in self.shared.functions.iter() {
            function.unsettle();
        }
    }

    /// What holds for a call of which `options` is said.
    fn terms(&self, options: &Options) -> Result<Terms, RegionError> {
        match &self.adds {
            None => self.settings().terms_for(options),
            Some(adds) => self.settings().terms_for(&options.over(adds)),
        }
    }
}

impl fmt::Debug for Memoizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_global = Arc::ptr_eq(&self.shared, &Memoizer::global().shared);
        let name = if is_global {
            "Memoizer::global"
        } else {
            "Memoizer"
        };
        write!(f, "{name}({} functions)", self.shared.functions.len())
    }
}
