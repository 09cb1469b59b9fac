use super::freshness::{Freshness, OPEN};
use super::{OfValue, OnLockTimeout, Options};
use crate::clock::{Stamp, nanos};
use crate::decide::{ANY_AGE, Demand, Early};
use crate::etag::Etag;
use crate::group::Group;
use crate::key::text;
use crate::store::{Lock, SharedStore};
use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long to wait for a lock if nothing is said.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What holds for a call once all levels have come together.
#[derive(Clone)]
pub(crate) struct Terms {
    /// How long a fresh value is kept, in nanoseconds.
    max_age: u64,
    /// How old a kept one may be.
    bound: u64,
    /// When a fresh value expires, if it is not kept for so long.
    expiry: Stamp,
    /// The time from which on nothing that is kept is accepted.
    expiry_bound: Stamp,
    pub(crate) etag: Option<Etag>,
    max_age_of: Option<OfValue<Duration>>,
    expiry_of: Option<OfValue<SystemTime>>,
    pub(crate) region: Option<Arc<str>>,
    pub(crate) namespace: Option<Arc<str>>,
    pub(crate) store: Option<SharedStore>,
    pub(crate) lock: LockChoice,
    /// How long to wait for a lock.
    pub(crate) lock_timeout: Duration,
    /// How long to wait for somebody else's build, if that has a limit.
    pub(crate) join_timeout: Option<Duration>,
    pub(crate) on_lock_timeout: OnLockTimeout,
    jitter: u64,
    error_age: Option<Duration>,
    none_age: Option<Duration>,
    pub(crate) schema: Option<u64>,
    /// None, if there are none.
    pub(crate) tags: Option<Arc<[Arc<str>]>>,
    /// Whether results are in the groups of their region, their namespace, and all.
    pub(crate) grouped: bool,
    /// How stale a kept one may be, in nanoseconds.
    stale_bound: u64,
    /// What is said of what is stale, or nearly so, if anything is.
    freshness: Option<Arc<Freshness>>,
}

/// Which lock is held while something is built.
#[derive(Clone)]
pub(crate) enum LockChoice {
    /// The store's, if it has one.
    Stores,
    /// This one.
    Own(Arc<dyn Lock>),
    /// None.
    None,
}

/// What a function's result is, as far as keeping it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A value.
    Value,
    /// An `Err`: kept only if [`Options::error_age`] says for how long.
    Error,
    /// A `None`: kept only if [`Options::none_age`] says for how long.
    Nothing,
}

/// Ages that a function of its own has said for one value.
#[derive(Clone, Copy)]
pub(crate) struct Ages {
    pub(crate) max_age: Option<Duration>,
    pub(crate) expiry: Option<Stamp>,
    pub(crate) stale_for: Option<Duration>,
    /// How long to keep it if it is nothing.
    pub(crate) none_age: Option<Duration>,
}

impl Ages {
    /// The one, and where it leaves something open, the other.
    #[inline]
    pub(crate) fn first(own: Option<Ages>, other: Option<Ages>) -> Option<Ages> {
        match (own, other) {
            (Some(own), Some(other)) => Some(own.or(other)),
            (own, other) => own.or(other),
        }
    }

    #[cold]
    fn or(self, other: Ages) -> Ages {
        Ages {
            max_age: self.max_age.or(other.max_age),
            expiry: self.expiry.or(other.expiry),
            stale_for: self.stale_for.or(other.stale_for),
            none_age: self.none_age.or(other.none_age),
        }
    }
}

impl From<&Options> for Terms {
    fn from(options: &Options) -> Self {
        let timeout = &options.timeout;
        Terms {
            max_age: in_nanos(options.max_age.value()),
            bound: match options.max_age_of.value() {
                None => in_nanos(options.max_age.value()),
                Some(_) => ANY_AGE,
            },
            expiry: in_time(options.expiry.value()),
            expiry_bound: match options.expiry_of.value() {
                None => in_time(options.expiry.value()),
                Some(_) => Stamp::NEVER,
            },
            etag: options.etag.value().cloned(),
            max_age_of: options.max_age_of.value().cloned(),
            expiry_of: options.expiry_of.value().cloned(),
            region: options.region.value().cloned(),
            namespace: options.namespace.value().cloned(),
            store: options.store.value().cloned(),
            lock: match (&options.lock, options.lock.value()) {
                (_, Some(lock)) => LockChoice::Own(Arc::clone(lock)),
                (setting, None) if setting.inherits() => LockChoice::Stores,
                _ => LockChoice::None,
            },
            lock_timeout: match timeout.value() {
                Some(timeout) => *timeout,
                None if timeout.inherits() => TIMEOUT,
                None => Duration::MAX,
            },
            join_timeout: timeout.value().copied(),
            on_lock_timeout: options.on_lock_timeout.value().copied().unwrap_or_default(),
            jitter: options.jitter.value().map_or(0, |most| nanos(*most)),
            error_age: options.error_age.value().copied(),
            none_age: options.none_age.value().copied(),
            schema: options.schema.value().copied(),
            tags: options.tags.value().filter(|t| !t.is_empty()).cloned(),
            grouped: options.grouped.value().copied().unwrap_or_default(),
            stale_bound: options.freshness().stale_bound(),
            freshness: options.freshness.clone(),
        }
    }
}

fn in_time(expiry: Option<&SystemTime>) -> Stamp {
    expiry.map_or(Stamp::NEVER, |at| (*at).into())
}

fn in_nanos(age: Option<&Duration>) -> u64 {
    age.map_or(ANY_AGE, |age| nanos(*age))
}

impl Terms {
    /// The same, for values that bring ages of their own: a general age is no bound
    /// for what is kept of them.
    pub(crate) fn with_own_ages(mut self) -> Self {
        self.bound = ANY_AGE;
        self
    }

    /// The same, for values that bring expiries of their own.
    pub(crate) fn with_own_expiries(mut self) -> Self {
        self.expiry_bound = Stamp::NEVER;
        self
    }

    /// The same, for values that bring stale periods of their own.
    pub(crate) fn with_own_stale_periods(mut self) -> Self {
        self.stale_bound = ANY_AGE;
        self
    }

    /// The same, with what the call itself says. The age that it says is a bound in
    /// any case: it is how old a result this caller accepts.
    #[inline]
    pub(crate) fn for_call(mut self, call: &Options) -> Self {
        if let (Some(age), None) = (call.max_age.value(), call.max_age_of.value()) {
            self.bound = nanos(*age);
        }
        if let (Some(at), None) = (call.expiry.value(), call.expiry_of.value()) {
            self.expiry_bound = (*at).into();
        }
        let said = call.freshness();
        if let (Some(period), None) = (said.stale_for.value(), said.stale_for_of.value()) {
            self.stale_bound = nanos(*period);
        }
        self
    }

    /// What a call under these terms wants of an entry.
    #[inline]
    pub(crate) fn demand<'t>(&'t self, etag: Option<&'t Etag>) -> Demand<'t> {
        let freshness = self.freshness.as_deref();
        Demand {
            max_age: self.bound,
            expiry: self.expiry_bound,
            etag: etag.or(self.etag.as_ref()),
            stale_for: match freshness.is_some_and(Freshness::is_only_fresh) {
                true => 0,
                false => self.stale_bound,
            },
            early: freshness.map_or(Early::NEVER, Freshness::early),
        }
    }

    /// What is said of what is stale, or nearly so.
    pub(crate) fn freshness(&self) -> &Freshness {
        self.freshness.as_deref().unwrap_or(&OPEN)
    }

    /// How long to wait for a build at most, if that has a limit.
    #[inline]
    pub(crate) fn hard_timeout(&self) -> Option<Duration> {
        self.freshness.as_ref()?.hard_timeout.value().copied()
    }

    /// Whether a build may be for the background.
    #[inline]
    pub(crate) fn is_for_background(&self) -> bool {
        self.stale_bound != 0 || self.hard_timeout().is_some() || self.is_early()
    }

    /// Whether a call may refresh what is still fresh.
    #[inline]
    pub(crate) fn is_early(&self) -> bool {
        self.freshness.as_ref().is_some_and(|it| it.is_early())
    }

    /// The oldest that is accepted, in nanoseconds, if that is all there is to ask.
    pub(crate) fn plain_age(&self) -> Option<u64> {
        let is_plain = self.expiry_bound == Stamp::NEVER
            && self.etag.is_none()
            && self.tags.is_none()
            && !self.is_early()
            && self.namespace.is_none()
            && self.store.is_none();
        is_plain.then_some(self.bound)
    }

    /// A key as the store sees it.
    pub(crate) fn full(&self, key: &str) -> String {
        text::bounded(match &self.namespace {
            Some(namespace) => format!("{}:{key}", escaped(namespace)),
            None => key.to_owned(),
        })
    }

    /// How all keys of a function begin, as the store sees them.
    pub(crate) fn head(&self, function: &str) -> String {
        text::head(match &self.namespace {
            Some(namespace) => format!("{}:{function}(", escaped(namespace)),
            None => format!("{function}("),
        })
    }

    /// The key under which a store holds the generation of a group. Its form is none
    /// that a function's name has. A key by hand of the same text would be read as no
    /// generation, and the other way round: both would be built anew, and no more.
    pub(crate) fn group(&self, group: &Group) -> String {
        match group {
            Group::Tag(name) => self.full(&format!("@tag:{name}")),
            Group::Region(name) => self.full(&format!("@region:{name}")),
            Group::Namespace => self.full("@namespace"),
            Group::All => "@all".to_owned(),
        }
    }

    /// The keys of the generations of these tags.
    pub(crate) fn tag_keys(&self, names: &[Arc<str>]) -> Vec<Arc<String>> {
        let keys = names
            .iter()
            .map(|name| self.group(&Group::Tag(Arc::clone(name))));
        keys.map(Arc::new).collect()
    }

    /// The groups of a result with these tags, beside them: none, if results are not
    /// in such.
    pub(crate) fn groups(&self) -> Vec<Group> {
        if !self.grouped {
            return Vec::new();
        }
        let region = self.region.clone().map(Group::Region);
        let wide = [Group::Namespace, Group::All];
        region.into_iter().chain(wide).collect()
    }

    /// Whether an `Err` is kept for some time.
    pub(crate) fn keeps_errors(&self) -> bool {
        self.error_age.is_some()
    }

    /// The ages that the options compute from a fresh value.
    #[inline]
    pub(crate) fn ages_of(&self, value: &dyn Any) -> Option<Ages> {
        if self.max_age_of.is_none() && self.expiry_of.is_none() && self.freshness.is_none() {
            return None;
        }
        let max_age = self.max_age_of.as_ref().and_then(|age| age(value));
        let expiry = self.expiry_of.as_ref().and_then(|at| at(value));
        let freshness = self.freshness.as_ref();
        let stale_for = freshness.and_then(|it| it.stale_for_of.value()?(value));
        Some(Ages {
            max_age,
            expiry: expiry.map(Stamp::from),
            stale_for,
            none_age: None,
        })
    }

    /// For how long a result is stale after it has expired, in nanoseconds. What is not
    /// a value is nothing to fall back on.
    pub(crate) fn stale(&self, answer: Answer, ages: Option<&Ages>) -> u64 {
        match answer {
            Answer::Value => match (ages.and_then(|ages| ages.stale_for), &self.freshness) {
                (Some(period), _) => nanos(period),
                (None, Some(freshness)) => freshness.stale_for(),
                (None, None) => 0,
            },
            Answer::Error | Answer::Nothing => 0,
        }
    }

    /// When a value that was built `now` expires, or nothing if it is not kept.
    /// `random` is for the jitter.
    #[inline]
    pub(crate) fn expires(
        &self,
        answer: Answer,
        ages: Option<&Ages>,
        now: Stamp,
        random: impl FnOnce() -> u64,
    ) -> Option<Stamp> {
        let own = |age: fn(&Ages) -> Option<Duration>| ages.and_then(age);
        let age = match answer {
            Answer::Value => own(|ages| ages.max_age).map_or(self.max_age, nanos),
            Answer::Error => nanos(self.error_age?).min(self.bound),
            Answer::Nothing => nanos(own(|ages| ages.none_age).or(self.none_age)?).min(self.bound),
        };
        let off = match self.jitter {
            0 => 0,
            // Not more than the age itself.
            most => random() % most.saturating_add(1).min(age.max(1)),
        };
        let aged = match age {
            ANY_AGE => Stamp::NEVER,
            age => now.after_nanos(age - off),
        };
        let expiry = ages.and_then(|ages| ages.expiry);
        Some(aged.min(expiry.unwrap_or(self.expiry)))
    }
}

/// A namespace in which no colon stands for the one that ends it: so no two
/// namespaces meet, whatever the keys in them.
fn escaped(namespace: &str) -> Cow<'_, str> {
    match namespace.contains([':', '\\']) {
        true => namespace.replace('\\', r"\\").replace(':', r"\:").into(),
        false => namespace.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp::from_nanos(seconds * 1_000_000_000)
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_age_and_an_expiry_end_at_the_earlier() {
        let options = Options::new().max_age(secs(60)).expiry(at(150).into());
        let terms = Terms::from(&options);
        let expires = |now| terms.expires(Answer::Value, None, now, || 0);
        assert_eq!(expires(at(50)), Some(at(110)));
        assert_eq!(expires(at(100)), Some(at(150)));
    }

    #[test]
    fn a_negative_result_is_kept_only_as_the_options_say() {
        let none = Terms::from(&Options::new().max_age(secs(60)));
        let some = Terms::from(&Options::new().error_age(secs(1)).none_age(secs(2)));
        let ask = |terms: &Terms, answer| terms.expires(answer, None, at(10), || 0);
        assert_eq!(ask(&none, Answer::Error), None);
        assert_eq!(ask(&none, Answer::Nothing), None);
        assert_eq!(ask(&some, Answer::Error), Some(at(11)));
        assert_eq!(ask(&some, Answer::Nothing), Some(at(12)));
        assert_eq!(ask(&some, Answer::Value), Some(Stamp::NEVER));
    }

    #[test]
    fn jitter_shortens_and_never_lengthens() {
        let terms = Terms::from(&Options::new().max_age(secs(60)).jitter(secs(10)));
        for random in [0, 1, 7, u64::MAX, 123_456_789_012_345] {
            let ends = terms.expires(Answer::Value, None, at(0), || random);
            let ends = ends.unwrap();
            assert!(at(50) <= ends && ends <= at(60), "{ends:?}");
        }
        let short = Terms::from(&Options::new().max_age(secs(1)).jitter(secs(10)));
        let ends = short.expires(Answer::Value, None, at(0), || u64::MAX);
        assert!(ends.unwrap() > at(0), "some age is left");
    }
}
