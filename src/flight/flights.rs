//! The flights under way, by key.

#![allow(unsafe_code)]

use super::chain;
use super::flight::{Flight, Landing, Patience, Publication};
use super::graph::Node;
use super::lead::Lead;
use super::lent::Lent;
use crate::error::{BuildError, Site};
use crate::key::{Key, Lookup};
use crate::table::Sharded;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// The flights of one partition.
pub(crate) struct Flights<K, V, E> {
    what: &'static str,
    leaders: Leaders,
    table: Sharded<Lent<Flight<K, V, E>>, ()>,
    joins: AtomicU64,
}

/// Whether a flight knows the thread that leads it. To count a handle of a thread
/// costs as much as a lock.
#[derive(Clone, Copy)]
pub(crate) enum Leaders {
    Named,
    Unnamed,
}

/// A caller's part in a flight.
pub(crate) enum Ticket<'f, K: Key, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// There was none: the caller leads this one.
    Leads(Lead<'f, K, V, E>),
    /// Somebody else leads it.
    Joined(Arc<Flight<K, V, E>>),
}

impl<K: Key, V: Clone + Send + Sync + 'static, E: Send + Sync + 'static> Flights<K, V, E> {
    /// No flights yet. `what` names what is built, in errors.
    pub(crate) fn new(what: &'static str, leaders: Leaders) -> Self {
        Flights {
            what,
            leaders,
            table: Sharded::new(|flight| flight.hash()),
            joins: AtomicU64::new(0),
        }
    }

    /// Joins the flight for `key`, or begins one inside the builds that this
    /// thread works for.
    pub(crate) fn join(&self, hash: u64, key: K) -> Ticket<'_, K, V, E> {
        self.join_inside(hash, key, chain::blocked())
    }

    /// The same for a claim. It is inside of no build: its holder may end that
    /// build and keep the claim.
    pub(crate) fn join_to_claim(&self, hash: u64, key: K) -> Ticket<'_, K, V, E> {
        self.join_inside(hash, key, Vec::new())
    }

    fn join_inside(&self, hash: u64, key: K, parents: Vec<Arc<dyn Node>>) -> Ticket<'_, K, V, E> {
        // Made before the shard is locked, though most who join throw it away:
        // they are about to wait for a build.
        let leader = match self.leaders {
            Leaders::Named => Some(thread::current()),
            Leaders::Unnamed => None,
        };
        let flight = Arc::new(Flight::new(self.what, hash, key, leader, parents));
        let under_way = self.table.get_or_insert(
            hash,
            |known| known.key() == flight.key(),
            // SAFETY: who leads the flight has a handle until it takes it from here,
            // or finds that another has; and takes it for the only one no sooner.
            unsafe { Lent::of(&flight) },
            (),
            |known, ()| known.hold(),
        );
        match under_way {
            Some(known) => Ticket::Joined(known),
            None => Ticket::Leads(Lead::new(self, flight)),
        }
    }

    /// Waits for the outcome of a flight that was joined.
    ///
    /// # Errors
    ///
    /// The circle that waiting would close, or that the time is over.
    pub(crate) async fn wait<'f>(
        &self,
        flight: &'f Arc<Flight<K, V, E>>,
        patience: Patience,
    ) -> Result<&'f Landing<V, E>, BuildError<E>> {
        let joined = || {
            self.joins.fetch_add(1, Ordering::Relaxed);
        };
        flight.wait(patience, joined).await
    }

    /// Lands a flight that was led: from here on it can't be joined, and all who
    /// have joined it have their answer. With nobody there to hear it, the outcome
    /// is not even made.
    pub(crate) fn land(
        &self,
        flight: &mut Arc<Flight<K, V, E>>,
        landing: impl FnOnce() -> Landing<V, E>,
    ) {
        // Taken from the table first. In the other order a caller could come
        // after the landing, join, and be handed an outcome older than its call.
        self.take(flight);
        // Nobody can come by another handle now but through one that is there.
        if Arc::get_mut(flight).is_none() {
            flight.land(landing());
        }
    }

    /// Puts a built value into the store by `put`, unless the key was removed
    /// while it was built. Nothing is locked, so a slow store keeps nobody else
    /// waiting. What the value displaces there is for the caller to drop, after
    /// the flight has landed: user code that asks for the removal of this key
    /// would wait for the landing.
    pub(crate) fn publish<D>(
        &self,
        flight: &Flight<K, V, E>,
        put: impl FnOnce(K) -> D,
    ) -> Option<D> {
        self.may_publish(flight).map(put)
    }

    /// The key under which a built value may be put.
    pub(super) fn may_publish(&self, flight: &Flight<K, V, E>) -> Option<K> {
        match flight.publish() {
            Publication::Granted => Some(flight.key().clone()),
            Publication::Voided => None,
        }
    }

    /// Publishes and lands in one step with taking the flight from the table, under
    /// the shard's lock: for a store that is no more than a map in memory, whose
    /// `put` calls no user code but the key's `Hash` and `Eq`. If nobody has joined,
    /// the key itself goes into the store.
    pub(crate) fn land_at_once<D>(
        &self,
        flight: &mut Arc<Flight<K, V, E>>,
        put: impl FnOnce(K) -> D,
        landing: impl FnOnce() -> Landing<V, E>,
    ) -> Option<D> {
        let (hash, id) = (flight.hash(), Arc::as_ptr(flight));
        let mut alone = false;
        let displaced = self.table.remove_and(
            hash,
            |known| known.at() == id,
            |_, ()| {
                let own = Arc::get_mut(flight).and_then(Flight::take_key);
                alone = own.is_some();
                put(own.unwrap_or_else(|| flight.key().clone()))
            },
        );
        // As in `land`.
        if !alone {
            flight.land(landing());
        }
        displaced
    }

    /// Voids the flights for what was asked: they answer their callers and do not
    /// publish, and the next caller begins a new one. There is one at most where
    /// the look-up stands for one key alone.
    ///
    /// When this returns, what the flights may have put is in the store, to be
    /// deleted.
    pub(crate) async fn void<Q: Lookup<K>>(&self, hash: u64, asked: &Q) {
        let is_asked = |known: &Lent<Flight<K, V, E>>| asked.is(known.key());
        let asked_for = self
            .table
            .read_each(hash, is_asked, |flight, ()| flight.hold());
        self.void_these(asked_for).await;
    }

    /// Voids the flights whose key `goes`.
    pub(crate) async fn void_where(&self, goes: impl Fn(&K) -> bool) {
        let mut asked_for = self.under_way();
        asked_for.retain(|flight| goes(flight.key()));
        self.void_these(asked_for).await;
    }

    /// Voids flights, all of them before the first wait: who gives up waiting leaves none
    /// that still publishes.
    ///
    /// One whose value is on its way into the store stays in the table until that is there.
    /// So another who removes the same key finds it too, and waits as well; and the next
    /// build of the key does not put its value before this one.
    async fn void_these(&self, flights: Vec<Arc<Flight<K, V, E>>>) {
        let mut publishing = flights;
        publishing.retain(|flight| {
            let is_all = flight.void();
            if is_all {
                self.take(flight);
            }
            !is_all
        });
        for flight in publishing {
            flight.landed(None).await;
            self.take(&flight);
        }
    }

    /// Voids all flights.
    pub(crate) async fn void_all(&self) {
        self.void_where(|_| true).await;
    }

    /// Takes a flight from the table, if it is there.
    fn take(&self, flight: &Arc<Flight<K, V, E>>) {
        self.table
            .remove(flight.hash(), |known| known.at() == Arc::as_ptr(flight));
    }

    /// The flights under way, in no particular order.
    pub(crate) fn under_way(&self) -> Vec<Arc<Flight<K, V, E>>> {
        self.table.collect(|flight, ()| Some(flight.hold()))
    }

    /// The name of what is built.
    pub(crate) fn what(&self) -> &'static str {
        self.what
    }

    /// The name of what is built, and a key of it, for an error.
    pub(crate) fn site(&self, key: &K) -> Site {
        Site::new(self.what, key)
    }

    /// Whether a flight for what was asked is under way.
    pub(crate) fn is_flying<Q: Lookup<K>>(&self, hash: u64, asked: &Q) -> bool {
        let is_asked = |known: &Lent<Flight<K, V, E>>| asked.is(known.key());
        self.table.read(hash, is_asked, |()| ()).is_some()
    }

    /// How many calls have joined a flight so far.
    pub(crate) fn joins(&self) -> u64 {
        self.joins.load(Ordering::Relaxed)
    }

    /// How many flights are under way.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    type Of = Flights<u32, u32, ()>;

    fn lead(flights: &Of, key: u32) -> Lead<'_, u32, u32, ()> {
        match flights.join(0, key) {
            Ticket::Leads(lead) => lead,
            Ticket::Joined(_) => panic!("nobody leads one yet"),
        }
    }

    /// Any of the keys.
    #[derive(Hash)]
    struct Any;

    impl Lookup<u32> for Any {
        fn is(&self, _: &u32) -> bool {
            true
        }

        fn to_key(&self) -> u32 {
            0
        }
    }

    /// Of two flights one is publishing. Who removes both, and gives up waiting for that
    /// one, has voided the other all the same.
    fn all_are_voided(removal: impl AsyncFn(&Of)) {
        // Whichever of the two comes first out of the table.
        for publishing in [1, 2] {
            let flights = Of::new("", Leaders::Unnamed);
            let [one, other] = [publishing, 3 - publishing].map(|key| lead(&flights, key));
            one.publish(|_| ()).expect("nothing has voided it");
            let mut context = Context::from_waker(Waker::noop());
            let is_over = pin!(removal(&flights)).poll(&mut context).is_ready();
            assert!(!is_over, "it waits for the one that is publishing");
            assert_eq!(other.publish(|_| ()), None, "the other is voided");
            assert_eq!(flights.len(), 1, "the one is found until it has landed");
        }
    }

    #[test]
    fn who_gives_up_a_removal_has_voided_what_was_asked_for() {
        all_are_voided(async |flights| flights.void(0, &Any).await);
    }

    #[test]
    fn who_gives_up_a_removal_has_voided_what_goes() {
        all_are_voided(async |flights| flights.void_all().await);
    }
}
