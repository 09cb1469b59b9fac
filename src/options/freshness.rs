//! What the options say of values that are stale, or nearly so: one group of settings,
//! since most levels and most calls say nothing of it.

use super::{OfValue, Options, Setting, of_value};
use crate::clock::nanos;
use crate::decide::{ANY_AGE, Early, WhileStale};
use crate::luck;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait after a failure if nothing is said.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The settings of the group.
#[derive(Clone)]
pub(crate) struct Freshness {
    pub(crate) stale_for: Setting<Duration>,
    pub(crate) stale_for_of: Setting<OfValue<Duration>>,
    pub(crate) only_fresh: Setting<bool>,
    pub(crate) retry_after: Setting<Duration>,
    pub(crate) soft_timeout: Setting<Duration>,
    pub(crate) hard_timeout: Setting<Duration>,
    pub(crate) early_from: Setting<f64>,
    pub(crate) early_beta: Setting<f64>,
}

/// What holds where nothing is said.
pub(super) static OPEN: Freshness = Freshness::OPEN;

impl Freshness {
    /// Leaves all to the next level.
    pub(super) const OPEN: Freshness = Freshness {
        stale_for: Setting::Inherit,
        stale_for_of: Setting::Inherit,
        only_fresh: Setting::Inherit,
        retry_after: Setting::Inherit,
        soft_timeout: Setting::Inherit,
        hard_timeout: Setting::Inherit,
        early_from: Setting::Inherit,
        early_beta: Setting::Inherit,
    };

    /// The stale period of a fresh value, in nanoseconds.
    pub(super) fn stale_for(&self) -> u64 {
        self.stale_for.value().map_or(0, |period| nanos(*period))
    }

    /// How stale a kept one may be.
    pub(super) fn stale_bound(&self) -> u64 {
        match self.stale_for_of.value() {
            None => self.stale_for(),
            Some(_) => ANY_AGE,
        }
    }

    pub(super) fn is_only_fresh(&self) -> bool {
        self.only_fresh.value().copied().unwrap_or_default()
    }

    pub(crate) fn retry_after(&self) -> Duration {
        match self.retry_after.value() {
            Some(wait) => *wait,
            None if self.retry_after.inherits() => RETRY_AFTER,
            None => Duration::ZERO,
        }
    }

    pub(crate) fn while_stale(&self) -> WhileStale {
        match self.soft_timeout.value() {
            Some(timeout) => WhileStale::Waits(*timeout),
            None if self.soft_timeout.inherits() => WhileStale::Waits(Duration::ZERO),
            None => WhileStale::Builds,
        }
    }

    /// When a call refreshes what is still fresh. Draws a random number if it is asked
    /// to.
    pub(super) fn early(&self) -> Early {
        let beta = self.beta();
        Early {
            from: self.from(),
            ahead: match beta > 0.0 {
                true => beta * luck::exponential(),
                false => 0.0,
            },
        }
    }

    /// Whether a call may refresh what is still fresh.
    pub(super) fn is_early(&self) -> bool {
        self.from() < 1.0 || self.beta() > 0.0
    }

    fn from(&self) -> f64 {
        self.early_from.value().copied().unwrap_or(1.0)
    }

    fn beta(&self) -> f64 {
        self.early_beta.value().copied().unwrap_or(0.0)
    }

    /// What is said here, and what it leaves open, by `outer`.
    #[inline]
    pub(super) fn over(own: &Option<Arc<Self>>, outer: &Option<Arc<Self>>) -> Option<Arc<Self>> {
        match (own, outer) {
            (None, None) => None,
            (Some(said), None) | (None, Some(said)) => Some(Arc::clone(said)),
            (Some(own), Some(outer)) => Some(Arc::new(own.merged(outer))),
        }
    }

    fn merged(&self, outer: &Self) -> Self {
        Freshness {
            stale_for: self.stale_for.over(&outer.stale_for),
            // As with `max_age_of`.
            stale_for_of: match self.stale_for.inherits() {
                true => self.stale_for_of.over(&outer.stale_for_of),
                false => self.stale_for_of.clone(),
            },
            only_fresh: self.only_fresh.over(&outer.only_fresh),
            retry_after: self.retry_after.over(&outer.retry_after),
            soft_timeout: self.soft_timeout.over(&outer.soft_timeout),
            hard_timeout: self.hard_timeout.over(&outer.hard_timeout),
            early_from: self.early_from.over(&outer.early_from),
            early_beta: self.early_beta.over(&outer.early_beta),
        }
    }

    /// The group, unless nothing is said.
    #[cfg(feature = "serde")]
    pub(super) fn shared(self) -> Option<Arc<Self>> {
        let is_open = self.stale_for.inherits()
            && self.stale_for_of.inherits()
            && self.only_fresh.inherits()
            && self.retry_after.inherits()
            && self.soft_timeout.inherits()
            && self.hard_timeout.inherits()
            && self.early_from.inherits()
            && self.early_beta.inherits();
        (!is_open).then(|| Arc::new(self))
    }

    pub(super) fn show(&self, fields: &mut fmt::DebugStruct<'_, '_>) {
        macro_rules! shown {
            ($($field:ident)*) => { $(
                if !self.$field.inherits() {
                    fields.field(stringify!($field), &self.$field.value());
                }
            )* };
        }
        shown!(stale_for only_fresh retry_after soft_timeout hard_timeout early_from early_beta);
        if !self.stale_for_of.inherits() {
            fields.field("stale_for_of", &self.stale_for_of.value().map(|_| ".."));
        }
    }
}

impl Options {
    /// What is said of what is stale, or nearly so.
    #[inline]
    pub(crate) fn freshness(&self) -> &Freshness {
        self.freshness.as_deref().unwrap_or(&OPEN)
    }

    /// The same, to be added to.
    pub(super) fn freshness_mut(&mut self) -> &mut Freshness {
        let open = || Arc::new(Freshness::OPEN);
        Arc::make_mut(self.freshness.get_or_insert_with(open))
    }

    fn say<T>(mut self, field: impl Fn(&mut Freshness) -> &mut Setting<T>, value: T) -> Self {
        *field(self.freshness_mut()) = Setting::Set(value);
        self
    }

    /// The stale period: for how long after its fresh period a value may still be
    /// served, while it is refreshed or when that fails. If nothing is said, there is
    /// none.
    ///
    /// It is kept with a fresh value, which so stays where it is for as long; and it is
    /// how stale a value a call accepts. The stricter of the two holds: what was kept
    /// without a stale period is stale for nobody.
    ///
    /// How long a call waits for the refresh is [`soft_timeout`](Self::soft_timeout).
    /// An `Err` or a `None` that is kept has no stale period.
    ///
    /// An entry with one takes about 100 bytes more in memory, and 14 in a store of
    /// bytes. A hit of a fresh value costs what it did.
    ///
    /// ```
    /// use mementos::{Memoizer, Options, clock::FakeClock};
    /// use std::time::Duration;
    ///
    /// let clock = FakeClock::new();
    /// let memo = Memoizer::in_memory().clock(clock.clone());
    /// let options = Options::new()
    ///     .max_age(Duration::from_secs(60))
    ///     .stale_for(Duration::from_secs(3600));
    /// let first: i32 = memo.get_with("key", &options, || Ok::<_, String>(1))?;
    ///
    /// clock.advance(Duration::from_secs(60));
    /// let stale: i32 = memo.get_with("key", &options, || Err("out of order".to_owned()))?;
    /// assert_eq!(stale, first);
    /// # Ok::<(), mementos::BuildError<String>>(())
    /// ```
    pub fn stale_for(self, period: Duration) -> Self {
        self.say(|f| &mut f.stale_for, period)
    }

    /// The stale period of a fresh value, by the value itself. It overrides `stale_for`
    /// there; it is asked for values of type `V` alone.
    pub fn stale_for_of<V: Any>(
        self,
        period: impl Fn(&V) -> Duration + Send + Sync + 'static,
    ) -> Self {
        self.say(|f| &mut f.stale_for_of, of_value(period))
    }

    /// Whether nothing stale is accepted, whatever the stale period. What is built is
    /// kept as the other options say.
    pub fn only_fresh(self, only: bool) -> Self {
        self.say(|f| &mut f.only_fresh, only)
    }

    /// For how long no other refresh is tried after one has failed, while a stale value
    /// is at hand: 30 seconds, if nothing is said. It is noted in this process: where
    /// several share a store, each may try once in that time.
    pub fn retry_after(self, wait: Duration) -> Self {
        self.say(|f| &mut f.retry_after, wait)
    }

    /// How long a call waits for a refresh while a stale value is at hand; then it gets
    /// that, and the refresh goes on. If nothing is said, it does not wait at all. With
    /// [`no_soft_timeout`](Self::no_soft_timeout) it waits until the build has ended,
    /// and gets the stale value if that has failed.
    pub fn soft_timeout(self, timeout: Duration) -> Self {
        self.say(|f| &mut f.soft_timeout, timeout)
    }

    /// How long a call waits for a build at most. Then it gets a stale value if there is
    /// one, and else [`TimedOut`](crate::BuildError::TimedOut); the build goes on, and
    /// its result is kept. If nothing is said, there is no limit.
    ///
    /// The build is handed to another thread, which takes some microseconds. Where that
    /// cannot be done (the function borrows, or a key does not hold its arguments; there
    /// is no room; the caller is itself background work) the limit is for those who join
    /// the build, and not for who runs it. A caller that awaits, without a spawner, drops
    /// its own build when the time is over, and that counts as failed.
    pub fn hard_timeout(self, timeout: Duration) -> Self {
        self.say(|f| &mut f.hard_timeout, timeout)
    }

    /// From which part of the fresh period on a value is refreshed while it is still
    /// fresh: 0.8 is after four fifths of it. 1 or more is never.
    ///
    /// A hit has the value's dates to look at then, and is no plain one.
    pub fn early_from(self, fraction: f64) -> Self {
        self.say(|f| &mut f.early_from, fraction)
    }

    /// Refreshes a value at random before it expires: the sooner, the longer its build
    /// took, and the surer, the nearer the end is. By the rule XFetch of Vattani,
    /// Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention"
    /// (VLDB 2015): if now - took * beta * ln(random) >= expiry. A beta of 1 is optimal
    /// there; a greater one refreshes sooner. 0 is never.
    ///
    /// A hit draws a random number then, and is no plain one.
    pub fn early_beta(self, beta: f64) -> Self {
        self.say(|f| &mut f.early_beta, beta)
    }
}

/// For each field the way to say that there is none.
macro_rules! explicitly_none {
    ($($(#[doc = $doc:literal])* $name:ident: $($field:ident),*;)*) => {
        impl Options { $(
            $(#[doc = $doc])*
            pub fn $name(mut self) -> Self {
                let freshness = self.freshness_mut();
                $(freshness.$field = Setting::None;)*
                self
            }
        )* }
    };
}

explicitly_none! {
    /// No stale period, whatever the next level says.
    no_stale_for: stale_for, stale_for_of;
    /// What is stale is accepted as the stale period says.
    no_only_fresh: only_fresh;
    /// After a refresh has failed, the next call tries again.
    no_retry_after: retry_after;
    /// A call waits for a refresh until it has ended: a stale value is for when it has
    /// failed.
    no_soft_timeout: soft_timeout;
    /// No limit to the wait for a build, but for `timeout`.
    no_hard_timeout: hard_timeout;
    /// Nothing is refreshed by its age while it is fresh.
    no_early_from: early_from;
    /// Nothing is refreshed at random while it is fresh.
    no_early_beta: early_beta;
}
