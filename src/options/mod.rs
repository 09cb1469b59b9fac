//! What can be said about how results are kept, and how what is said at several
//! levels comes together.

mod freshness;
#[cfg(feature = "serde")]
mod read;
mod setting;
mod terms;

pub use setting::Setting;
pub use terms::Answer;
pub(crate) use terms::{Ages, LockChoice, Terms};

use crate::etag::{Etag, IntoEtag};
use crate::store::{Lock, SharedStore};
use freshness::Freshness;
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How results are kept and for how long. One type at every level.
///
/// Each field is left to the next level, set, or explicitly none. The levels are
/// the call, the function, its region, the region's parents, and the memoizer's
/// defaults; the first that says something about a field holds.
///
/// ```
/// use mementos::{Memoizer, Options};
/// use std::time::Duration;
///
/// let memo = Memoizer::in_memory()
///     .defaults(Options::new().max_age(Duration::from_secs(3600)))
///     .region("short", Options::new().max_age(Duration::from_secs(60)));
///
/// memo.get_with("a", Options::new().region("short"), || 1).unwrap();
/// memo.get_with("b", Options::new().no_max_age(), || 2).unwrap();
/// assert_eq!(memo.ttl("b").unwrap(), None);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Options {
    pub(crate) max_age: Setting<Duration>,
    pub(crate) max_age_of: Setting<OfValue<Duration>>,
    pub(crate) expiry: Setting<SystemTime>,
    pub(crate) expiry_of: Setting<OfValue<SystemTime>>,
    pub(crate) etag: Setting<Etag>,
    pub(crate) region: Setting<Arc<str>>,
    pub(crate) parent: Setting<Arc<str>>,
    pub(crate) namespace: Setting<Arc<str>>,
    pub(crate) store: Setting<SharedStore>,
    pub(crate) lock: Setting<Arc<dyn Lock>>,
    pub(crate) timeout: Setting<Duration>,
    pub(crate) on_lock_timeout: Setting<OnLockTimeout>,
    pub(crate) jitter: Setting<Duration>,
    pub(crate) error_age: Setting<Duration>,
    pub(crate) none_age: Setting<Duration>,
    pub(crate) schema: Setting<u64>,
    pub(crate) tags: Setting<Arc<[Arc<str>]>>,
    pub(crate) grouped: Setting<bool>,
    /// None, if nothing is said of it.
    freshness: Option<Arc<Freshness>>,
}

/// What to do when a lock is not acquired in time, or another caller's build does
/// not end in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
pub enum OnLockTimeout {
    /// Build all the same, and do not keep the result.
    #[default]
    Build,
    /// Give the caller an error.
    Error,
}

/// Computes something from a fresh value, if that is of the type that it is for.
pub(crate) type OfValue<T> = Arc<dyn Fn(&dyn Any) -> Option<T> + Send + Sync>;

fn of_value<V: Any, T>(f: impl Fn(&V) -> T + Send + Sync + 'static) -> OfValue<T> {
    Arc::new(move |value| value.downcast_ref().map(&f))
}

impl Options {
    /// Options that leave everything to the next level.
    pub const fn new() -> Self {
        Options {
            max_age: Setting::Inherit,
            max_age_of: Setting::Inherit,
            expiry: Setting::Inherit,
            expiry_of: Setting::Inherit,
            etag: Setting::Inherit,
            region: Setting::Inherit,
            parent: Setting::Inherit,
            namespace: Setting::Inherit,
            store: Setting::Inherit,
            lock: Setting::Inherit,
            timeout: Setting::Inherit,
            on_lock_timeout: Setting::Inherit,
            jitter: Setting::Inherit,
            error_age: Setting::Inherit,
            none_age: Setting::Inherit,
            schema: Setting::Inherit,
            tags: Setting::Inherit,
            grouped: Setting::Inherit,
            freshness: None,
        }
    }

    /// How old a result may be. A fresh one is kept for so long; and a kept one that
    /// is older than the call accepts is built anew.
    pub fn max_age(self, age: Duration) -> Self {
        self.set(|o| &mut o.max_age, age)
    }

    /// How long to keep a fresh value, by the value itself. It overrides `max_age`
    /// there; it is asked for values of type `V` alone.
    pub fn max_age_of<V: Any>(self, age: impl Fn(&V) -> Duration + Send + Sync + 'static) -> Self {
        self.set(|o| &mut o.max_age_of, of_value(age))
    }

    /// The time from which on nothing that is kept is accepted.
    pub fn expiry(self, at: SystemTime) -> Self {
        self.set(|o| &mut o.expiry, at)
    }

    /// When a fresh value expires, by the value itself; for values of type `V`.
    pub fn expiry_of<V: Any>(self, at: impl Fn(&V) -> SystemTime + Send + Sync + 'static) -> Self {
        self.set(|o| &mut o.expiry_of, of_value(at))
    }

    /// What the value is made from. A kept one with another mark is built anew.
    pub fn etag(self, etag: impl IntoEtag) -> Self {
        match etag.into_etag() {
            Some(etag) => self.set(|o| &mut o.etag, etag),
            None => self.no_etag(),
        }
    }

    /// The region whose options come after these.
    pub fn region(self, name: impl Into<Arc<str>>) -> Self {
        self.set(|o| &mut o.region, name.into())
    }

    /// Of a region: the one whose options come after it.
    pub fn parent(self, name: impl Into<Arc<str>>) -> Self {
        self.set(|o| &mut o.parent, name.into())
    }

    /// A prefix of the key, which the store alone sees.
    pub fn namespace(self, name: impl Into<Arc<str>>) -> Self {
        self.set(|o| &mut o.namespace, name.into())
    }

    /// Where to keep results: any store of entries by text keys.
    pub fn store(self, store: impl Into<SharedStore>) -> Self {
        self.set(|o| &mut o.store, store.into())
    }

    /// A lock to hold while a result is built. It overrides the store's own.
    pub fn lock(self, lock: impl Lock + 'static) -> Self {
        self.set(|o| &mut o.lock, Arc::new(lock) as Arc<dyn Lock>)
    }

    /// How long to wait for a lock: 10 seconds, if nothing is said. Where it is
    /// said, it is also how long to wait for another caller's build, which else
    /// has no limit.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.set(|o| &mut o.timeout, timeout)
    }

    /// What to do when that time is over.
    pub fn on_lock_timeout(self, then: OnLockTimeout) -> Self {
        self.set(|o| &mut o.on_lock_timeout, then)
    }

    /// By how much at most to shorten an age, at random, so that what was built
    /// together does not expire together.
    pub fn jitter(self, most: Duration) -> Self {
        self.set(|o| &mut o.jitter, most)
    }

    /// How long to keep an `Err`, but no longer than a value. If nothing is said, it
    /// is not kept.
    pub fn error_age(self, age: Duration) -> Self {
        self.set(|o| &mut o.error_age, age)
    }

    /// How long to keep a `None`, but no longer than a value. If nothing is said, it
    /// is not kept.
    pub fn none_age(self, age: Duration) -> Self {
        self.set(|o| &mut o.none_age, age)
    }

    /// What the type of a value is told by, where it is kept as bytes: a number to be
    /// changed with the type. Bytes under another number are a miss. If nothing is
    /// said, it is the type's full name.
    pub fn schema(self, number: u64) -> Self {
        self.set(|o| &mut o.schema, number)
    }

    /// The tags that results can be [invalidated](crate::Memoizer::invalidate) by,
    /// in place of those that the next level says.
    ///
    /// Each is read before a build, so there are none that depend on the value. In a
    /// shared store each makes the question of a read longer by one key, and takes
    /// about 100 bytes there, beside its name, until the store evicts it.
    ///
    /// ```
    /// use mementos::{Group, Memoizer, Options};
    ///
    /// let memo = Memoizer::in_memory();
    /// let of_ann = Options::new().tags(["users", "ann"]);
    /// memo.get_with("name of ann", &of_ann, || "Ann")?;
    /// memo.invalidate(Group::tag("ann")).unwrap();
    /// assert!(!memo.exists("name of ann").unwrap());
    /// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
    /// ```
    pub fn tags<T: Into<Arc<str>>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        let tags = tags.into_iter().map(Into::into).collect();
        self.set(|o| &mut o.tags, tags)
    }

    /// Whether results in a shared store can be invalidated by their region, by their
    /// namespace, and all together. If nothing is said, they cannot: it makes the
    /// question of each read longer by three keys.
    ///
    /// Functions' own tables can be invalidated like that in any case.
    ///
    /// ```
    /// use mementos::{Group, Memoizer, Options};
    ///
    /// let memo = Memoizer::in_memory()
    ///     .region("users", Options::new().grouped(true));
    /// memo.get_with("ann", Options::new().region("users"), || 1)?;
    /// memo.invalidate(Group::region("users")).unwrap();
    /// assert!(!memo.exists("ann").unwrap());
    /// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
    /// ```
    pub fn grouped(self, are_grouped: bool) -> Self {
        self.set(|o| &mut o.grouped, are_grouped)
    }

    fn set<T>(mut self, field: impl Fn(&mut Self) -> &mut Setting<T>, value: T) -> Self {
        *field(&mut self) = Setting::Set(value);
        self
    }

    /// These, and where they leave something open, `outer`.
    pub fn over(&self, outer: &Options) -> Options {
        Options {
            max_age: self.max_age.over(&outer.max_age),
            // Of one level: an age that is said here comes before any that an outer
            // level computes.
            max_age_of: match self.max_age.inherits() {
                true => self.max_age_of.over(&outer.max_age_of),
                false => self.max_age_of.clone(),
            },
            expiry: self.expiry.over(&outer.expiry),
            expiry_of: match self.expiry.inherits() {
                true => self.expiry_of.over(&outer.expiry_of),
                false => self.expiry_of.clone(),
            },
            etag: self.etag.over(&outer.etag),
            region: self.region.over(&outer.region),
            parent: self.parent.over(&outer.parent),
            namespace: self.namespace.over(&outer.namespace),
            store: self.store.over(&outer.store),
            lock: self.lock.over(&outer.lock),
            timeout: self.timeout.over(&outer.timeout),
            on_lock_timeout: self.on_lock_timeout.over(&outer.on_lock_timeout),
            jitter: self.jitter.over(&outer.jitter),
            error_age: self.error_age.over(&outer.error_age),
            none_age: self.none_age.over(&outer.none_age),
            schema: self.schema.over(&outer.schema),
            tags: self.tags.over(&outer.tags),
            grouped: self.grouped.over(&outer.grouped),
            freshness: Freshness::over(&self.freshness, &outer.freshness),
        }
    }
}

/// For each field the way to say that there is none.
macro_rules! explicitly_none {
    ($($(#[doc = $doc:literal])* $name:ident: $($field:ident),*;)*) => {
        impl Options { $(
            $(#[doc = $doc])*
            pub fn $name(mut self) -> Self {
                $(self.$field = Setting::None;)*
                self
            }
        )* }
    };
}

explicitly_none! {
    /// No limit to the age, whatever the next level says.
    no_max_age: max_age, max_age_of;
    /// No expiry, whatever the next level says.
    no_expiry: expiry, expiry_of;
    /// No etag, and so no check, whatever the next level says.
    no_etag: etag;
    /// No region: the memoizer's defaults come next.
    no_region: region;
    /// Of a region: no parent.
    no_parent: parent;
    /// No namespace, whatever the next level says.
    no_namespace: namespace;
    /// No store of one's own, whatever the next level says: functions keep results
    /// in tables of theirs, and the memoizer keeps what it is asked by hand in
    /// memory.
    no_store: store;
    /// No lock, not even the store's own.
    no_lock: lock;
    /// No limit to the wait for a lock or for another caller's build.
    no_timeout: timeout;
    /// What to do when the time is over is left to the plain form: build.
    no_on_lock_timeout: on_lock_timeout;
    /// No jitter, whatever the next level says.
    no_jitter: jitter;
    /// An `Err` is not kept, whatever the next level says.
    no_error_age: error_age;
    /// A `None` is not kept, whatever the next level says.
    no_none_age: none_age;
    /// A type is told by its name, whatever the next level says.
    no_schema: schema;
    /// No tags, whatever the next level says.
    no_tags: tags;
    /// Results are in no group but those of their tags, whatever the next level says.
    no_grouped: grouped;
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Options");
        macro_rules! shown {
            ($($field:ident)*) => { $(
                if !self.$field.inherits() {
                    fields.field(stringify!($field), &self.$field.value());
                }
            )* };
        }
        macro_rules! named {
            ($($field:ident)*) => { $(
                if !self.$field.inherits() {
                    fields.field(stringify!($field), &self.$field.value().map(|_| ".."));
                }
            )* };
        }
        shown!(max_age expiry etag region parent namespace timeout on_lock_timeout jitter);
        shown!(error_age none_age schema tags grouped);
        named!(max_age_of expiry_of store lock);
        self.freshness().show(&mut fields);
        fields.finish()
    }
}
