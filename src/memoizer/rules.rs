use super::Memoized;
use crate::clock::Stamp;
use crate::etag::{Etag, IntoEtag};
use crate::options::{Ages, Options, Terms};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Options of a function that are computed, from the arguments of a call or from a
/// fresh value.
///
/// They are called with nothing locked. An etag or tags by the arguments are asked for
/// in every call, hits too; ages are asked for once for each build. There are no tags
/// by the value: whether a group is invalidated while a value is built can only be told
/// if its groups are known before.
pub struct Rules<M: Memoized> {
    pub(crate) etag_by: Option<ByArgs<M, Etag>>,
    pub(crate) tags_by: Option<ByArgs<M, Arc<[Arc<str>]>>>,
    max_age_by: Option<ByArgs<M, Duration>>,
    expiry_by: Option<ByArgs<M, SystemTime>>,
    max_age_of: Option<OfOutput<M, Duration>>,
    expiry_of: Option<OfOutput<M, SystemTime>>,
    stale_for_by: Option<ByArgs<M, Duration>>,
    stale_for_of: Option<OfOutput<M, Duration>>,
    etag_of: Option<OfOutput<M, Etag>>,
}

type ByArgs<M, T> = Arc<dyn for<'a> Fn(&<M as Memoized>::Args<'a>) -> Option<T> + Send + Sync>;
type OfOutput<M, T> = Arc<dyn Fn(&<M as Memoized>::Output) -> Option<T> + Send + Sync>;

impl<M: Memoized> Rules<M> {
    /// No rules.
    pub fn new() -> Self {
        Rules {
            etag_by: None,
            tags_by: None,
            max_age_by: None,
            expiry_by: None,
            max_age_of: None,
            expiry_of: None,
            stale_for_by: None,
            stale_for_of: None,
            etag_of: None,
        }
    }

    /// What a value is made from, by the arguments. A kept one with another mark is
    /// built anew.
    #[must_use]
    pub fn etag_by<T: IntoEtag>(
        mut self,
        etag: impl for<'a> Fn(&M::Args<'a>) -> T + Send + Sync + 'static,
    ) -> Self {
        self.etag_by = Some(Arc::new(move |args| etag(args).into_etag()));
        self
    }

    /// The tags of a value, by the arguments, in place of those of the options.
    #[must_use]
    pub fn tags_by<T: IntoIterator<Item: Into<Arc<str>>>>(
        mut self,
        tags: impl for<'a> Fn(&M::Args<'a>) -> T + Send + Sync + 'static,
    ) -> Self {
        let tags = move |args: &M::Args<'_>| {
            let tags = tags(args).into_iter().map(Into::into);
            Some(tags.collect())
        };
        self.tags_by = Some(Arc::new(tags));
        self
    }

    /// How long to keep a fresh value, by the arguments. `None` leaves it to the
    /// options.
    #[must_use]
    pub fn max_age_by<T: Into<Option<Duration>>>(
        mut self,
        age: impl for<'a> Fn(&M::Args<'a>) -> T + Send + Sync + 'static,
    ) -> Self {
        self.max_age_by = Some(Arc::new(move |args| age(args).into()));
        self
    }

    /// When a fresh value expires, by the arguments.
    #[must_use]
    pub fn expiry_by<T: Into<Option<SystemTime>>>(
        mut self,
        at: impl for<'a> Fn(&M::Args<'a>) -> T + Send + Sync + 'static,
    ) -> Self {
        self.expiry_by = Some(Arc::new(move |args| at(args).into()));
        self
    }

    /// How long to keep a fresh value, by the value. It comes before the arguments.
    #[must_use]
    pub fn max_age_of<T: Into<Option<Duration>>>(
        mut self,
        age: impl Fn(&M::Output) -> T + Send + Sync + 'static,
    ) -> Self {
        self.max_age_of = Some(Arc::new(move |output| age(output).into()));
        self
    }

    /// When a fresh value expires, by the value.
    #[must_use]
    pub fn expiry_of<T: Into<Option<SystemTime>>>(
        mut self,
        at: impl Fn(&M::Output) -> T + Send + Sync + 'static,
    ) -> Self {
        self.expiry_of = Some(Arc::new(move |output| at(output).into()));
        self
    }

    /// The stale period of a fresh value, by the arguments. `None` leaves it to the
    /// options.
    #[must_use]
    pub fn stale_for_by<T: Into<Option<Duration>>>(
        mut self,
        period: impl for<'a> Fn(&M::Args<'a>) -> T + Send + Sync + 'static,
    ) -> Self {
        self.stale_for_by = Some(Arc::new(move |args| period(args).into()));
        self
    }

    /// The stale period of a fresh value, by the value. It comes before the arguments.
    #[must_use]
    pub fn stale_for_of<T: Into<Option<Duration>>>(
        mut self,
        period: impl Fn(&M::Output) -> T + Send + Sync + 'static,
    ) -> Self {
        self.stale_for_of = Some(Arc::new(move |output| period(output).into()));
        self
    }

    /// What the fresh value says of its own make. It is kept with the value, and
    /// compared with what a call gives.
    #[must_use]
    pub fn etag_of<T: IntoEtag>(
        mut self,
        etag: impl Fn(&M::Output) -> T + Send + Sync + 'static,
    ) -> Self {
        self.etag_of = Some(Arc::new(move |output| etag(output).into_etag()));
        self
    }

    /// Those that are left where a call says something itself.
    pub(crate) fn under(&self, call: &Options) -> Rules<M> {
        let mut left = self.clone();
        if !call.etag.inherits() {
            left.etag_by = None;
        }
        if !call.tags.inherits() {
            left.tags_by = None;
        }
        if !(call.max_age.inherits() && call.max_age_of.inherits()) {
            (left.max_age_by, left.max_age_of) = (None, None);
        }
        if !(call.expiry.inherits() && call.expiry_of.inherits()) {
            (left.expiry_by, left.expiry_of) = (None, None);
        }
        let freshness = call.freshness();
        if !(freshness.stale_for.inherits() && freshness.stale_for_of.inherits()) {
            (left.stale_for_by, left.stale_for_of) = (None, None);
        }
        left
    }

    /// What holds for a call, given these rules.
    pub(crate) fn apply(&self, terms: Terms) -> Terms {
        let terms = match self.max_age_by.is_some() || self.max_age_of.is_some() {
            true => terms.with_own_ages(),
            false => terms,
        };
        let terms = match self.expiry_by.is_some() || self.expiry_of.is_some() {
            true => terms.with_own_expiries(),
            false => terms,
        };
        match self.stale_for_by.is_some() || self.stale_for_of.is_some() {
            true => terms.with_own_stale_periods(),
            false => terms,
        }
    }

    /// The etag that a call gives.
    pub(crate) fn etag(&self, args: &M::Args<'_>) -> Option<Etag> {
        self.etag_by.as_ref()?(args)
    }

    /// The tags that a call's result has.
    pub(crate) fn tags(&self, args: &M::Args<'_>, terms: &Terms) -> Option<Arc<[Arc<str>]>> {
        match &self.tags_by {
            Some(tags) => tags(args).filter(|tags| !tags.is_empty()),
            None => terms.tags.clone(),
        }
    }

    /// The ages that the arguments say.
    pub(crate) fn ages(&self, args: &M::Args<'_>) -> Option<Ages> {
        if self.max_age_by.is_none() && self.expiry_by.is_none() && self.stale_for_by.is_none() {
            return None;
        }
        let max_age = self.max_age_by.as_ref().and_then(|age| age(args));
        let expiry = self.expiry_by.as_ref().and_then(|at| at(args));
        let stale_for = self.stale_for_by.as_ref().and_then(|period| period(args));
        Some(Ages {
            max_age,
            expiry: expiry.map(Stamp::from),
            stale_for,
            none_age: None,
        })
    }

    /// The ages that the value says.
    pub(crate) fn ages_of(&self, output: &M::Output) -> Option<Ages> {
        if self.max_age_of.is_none() && self.expiry_of.is_none() && self.stale_for_of.is_none() {
            return None;
        }
        let max_age = self.max_age_of.as_ref().and_then(|age| age(output));
        let expiry = self.expiry_of.as_ref().and_then(|at| at(output));
        let stale_for = self.stale_for_of.as_ref().and_then(|period| period(output));
        Some(Ages {
            max_age,
            expiry: expiry.map(Stamp::from),
            stale_for,
            none_age: None,
        })
    }

    /// The etag that the value says.
    pub(crate) fn own_etag(&self, output: &M::Output) -> Option<Etag> {
        self.etag_of.as_ref()?(output)
    }
}

impl<M: Memoized> Clone for Rules<M> {
    fn clone(&self) -> Self {
        Rules {
            etag_by: self.etag_by.clone(),
            tags_by: self.tags_by.clone(),
            max_age_by: self.max_age_by.clone(),
            expiry_by: self.expiry_by.clone(),
            max_age_of: self.max_age_of.clone(),
            expiry_of: self.expiry_of.clone(),
            stale_for_by: self.stale_for_by.clone(),
            stale_for_of: self.stale_for_of.clone(),
            etag_of: self.etag_of.clone(),
        }
    }
}

impl<M: Memoized> Default for Rules<M> {
    fn default() -> Self {
        Rules::new()
    }
}

impl<M: Memoized> fmt::Debug for Rules<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rules of {}", M::NAME)
    }
}
