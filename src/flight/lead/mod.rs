//! What a caller does who found nothing: join or lead, look again, build,
//! publish, land. The one path that every build takes.

#![allow(unsafe_code)]

#[cfg(feature = "async")]
mod awaits;

#[cfg(feature = "async")]
pub(crate) use awaits::Awaits;

use crate::clock::Moment;
use crate::drive::block_on;
use crate::error::{BuildError, Circle};
use crate::flight::chain::{self, Entered, Leading, Part};
use crate::flight::flight::{Flight, Landing, Patience};
use crate::flight::flights::{Flights, Ticket};
use crate::flight::graph::Node;
use crate::key::Key;
use std::any::Any;
use std::fmt::Debug;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

/// What differs from caller to caller, whether it blocks or awaits.
pub(crate) trait Plan<K, V, E> {
    /// What a value that is put displaces.
    type Displaced;

    /// How long to wait for somebody else's build.
    fn patience(&self) -> Patience;

    /// Whether what somebody else has built, or failed to build, is an answer.
    /// If not, this caller goes on to look and to lead.
    async fn accepts(&mut self, landed: Result<&V, &BuildError<E>>) -> bool;

    /// How a value gets into the store.
    fn publish(&self) -> Publish;

    /// Puts a value into the store, and answers with what that displaces.
    async fn put(&mut self, key: K, value: &V) -> Self::Displaced;

    /// The same where nobody waits: it is put at once, or the caller blocks.
    fn put_at_once(&mut self, key: K, value: &V) -> Self::Displaced;
}

/// What a caller does itself, and blocks meanwhile.
pub(crate) trait Blocks<K, V, E>: Plan<K, V, E> {
    /// Looks into the store.
    fn look(&mut self, key: &K) -> Option<V>;

    /// Runs the user's constructor or function; is told when the flight began. Called
    /// once at most.
    fn build(&mut self, began: Moment) -> Result<Made<V>, Stopped<E>>;
}

/// How a value gets into the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publish {
    /// Under the lock that takes the flight from the table.
    AtOnce,
    /// With nothing locked: the store may be slow, or the user's own.
    InSteps,
}

/// What a leader's work brought.
pub(crate) enum Made<V> {
    /// It was built, and goes to all who joined.
    Built(V),
    /// It was in the store after all, as a look under a lock showed.
    Found(V),
}

/// Why a leader's work brought nothing.
pub(crate) enum Stopped<E> {
    /// The user's own error.
    Failed(E),
    /// It did not come to a build.
    Because(BuildError<E>),
}

/// How a value was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It had landed in between.
    Found,
    /// This caller built it.
    Built,
    /// Another caller built it.
    Joined,
}

/// What a flight brought.
pub(crate) struct Flown<V> {
    pub(crate) value: V,
    pub(crate) how: How,
}

/// The payload of a panic that carries a circle through the constructors that
/// asked by `memento`, up to the flight that can answer with an error.
struct CircleUnwind(Circle);

impl<K, V, E> Flights<K, V, E>
where
    K: Key,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Gets a value for `key` by building it, or by joining who builds it.
    pub(crate) fn fly(
        &self,
        hash: u64,
        key: K,
        plan: &mut impl Blocks<K, V, E>,
    ) -> Result<Flown<V>, BuildError<E>> {
        match self.join(hash, key) {
            Ticket::Leads(lead) => lead.run(plan),
            Ticket::Joined(flight) => self.follow_and_lead(flight, plan),
        }
    }

    /// A function of its own, as is all that builds need not have on the stack while
    /// they nest.
    #[inline(never)]
    fn follow_and_lead(
        &self,
        joined: Arc<Flight<K, V, E>>,
        plan: &mut impl Blocks<K, V, E>,
    ) -> Result<Flown<V>, BuildError<E>> {
        match block_on(self.follow(joined, &mut Blocking(plan)))? {
            Followed::Flown(flown) => Ok(flown),
            Followed::Leads(lead) => lead.run(plan),
        }
    }

    /// Waits for who builds, until that brings something, or there is nobody who does.
    async fn follow(
        &self,
        first: Arc<Flight<K, V, E>>,
        plan: &mut impl Follows<K, V, E>,
    ) -> Result<Followed<'_, K, V, E>, BuildError<E>> {
        let patience = plan.patience().started();
        let mut joined = first;
        loop {
            match self.wait(&joined, patience).await? {
                Landing::Built(value) if plan.accepts(Ok(value)).await => {
                    let (value, how) = (value.clone(), How::Joined);
                    return Ok(Followed::Flown(Flown { value, how }));
                }
                Landing::Failed(error) if plan.accepts(Err(error)).await => {
                    return Err(error.clone());
                }
                Landing::Built(_) | Landing::Failed(_) | Landing::Again => {}
            }
            if let Some(value) = plan.look(joined.key()).await {
                let how = How::Found;
                return Ok(Followed::Flown(Flown { value, how }));
            }
            match self.join(joined.hash(), joined.key().clone()) {
                Ticket::Joined(flight) => joined = flight,
                Ticket::Leads(lead) => return Ok(Followed::Leads(lead)),
            }
        }
    }

    /// Leads a flight for `key`, after any that is under way: whoever comes meanwhile
    /// waits, and then looks again.
    pub(crate) async fn alone(
        &self,
        hash: u64,
        key: K,
    ) -> Result<Lead<'_, K, V, E>, BuildError<E>> {
        let mut key = key;
        loop {
            match self.join(hash, key) {
                Ticket::Leads(lead) => return Ok(lead),
                Ticket::Joined(flight) => {
                    self.wait(&flight, Patience::Endless).await?;
                    key = flight.key().clone();
                }
            }
        }
    }
}

/// What it takes to follow who builds.
trait Follows<K, V, E> {
    fn patience(&self) -> Patience;
    async fn accepts(&mut self, landed: Result<&V, &BuildError<E>>) -> bool;
    async fn look(&mut self, key: &K) -> Option<V>;
}

/// A caller that blocks.
struct Blocking<'p, P>(&'p mut P);

impl<K, V, E, P: Blocks<K, V, E>> Follows<K, V, E> for Blocking<'_, P> {
    fn patience(&self) -> Patience {
        self.0.patience()
    }

    async fn accepts(&mut self, landed: Result<&V, &BuildError<E>>) -> bool {
        self.0.accepts(landed).await
    }

    async fn look(&mut self, key: &K) -> Option<V> {
        self.0.look(key)
    }
}

/// What came of waiting for who builds.
enum Followed<'f, K: Key, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    Flown(Flown<V>),
    /// Nobody does any more.
    Leads(Lead<'f, K, V, E>),
}

/// A flight that this caller leads. Dropped before it has landed, it frees the
/// key, and those who had joined look again.
pub(crate) struct Lead<'f, K: Key, V, E>
where
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    flights: &'f Flights<K, V, E>,
    flight: Arc<Flight<K, V, E>>,
    has_landed: bool,
}

impl<'f, K, V, E> Lead<'f, K, V, E>
where
    K: Key,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// The leader's part in a flight that is in the table.
    pub(super) fn new(flights: &'f Flights<K, V, E>, flight: Arc<Flight<K, V, E>>) -> Self {
        Lead {
            flights,
            flight,
            has_landed: false,
        }
    }

    /// The flight, for a caller that lands it by [`Flights::land`], and holds it until
    /// then.
    pub(crate) fn release(mut self) -> Arc<Flight<K, V, E>> {
        self.has_landed = true;
        Arc::clone(&self.flight)
    }

    pub(crate) fn key(&self) -> &K {
        self.flight.key()
    }

    /// Has this thread work for the flight, which it leads beside others.
    pub(crate) fn enter(&self) -> Entered {
        chain::enter(Arc::clone(&self.flight) as _, Part::Helps)
    }

    /// Hands a value to all who have joined.
    pub(crate) fn bring(mut self, value: &V) {
        self.land(|| Landing::Built(value.clone()));
    }

    /// Hands an error to all who have joined.
    pub(crate) fn fail(mut self, error: &BuildError<E>) {
        self.land(|| Landing::Failed(error.clone()));
    }

    /// Polls `work` inside of the flight.
    pub(crate) async fn inside<F: Future>(&self, work: F) -> F::Output {
        inside(&self.flight, work).await
    }

    /// Whether a value may be put: the key was not removed meanwhile. The answer stands
    /// until the flight lands.
    pub(crate) fn may_publish(&self) -> bool {
        self.flights.may_publish(&self.flight).is_some()
    }

    /// Puts a value by `put`, unless the key was removed meanwhile.
    pub(crate) fn publish<D>(&self, put: impl FnOnce(K) -> D) -> Option<D> {
        self.flights.publish(&self.flight, put)
    }

    fn run(self, plan: &mut impl Blocks<K, V, E>) -> Result<Flown<V>, BuildError<E>> {
        // Look again. Between this caller's look and its lead, another may have
        // landed:
        //
        //   this caller                another
        //   looks: nothing
        //                              puts the value
        //                              lands; its flight is gone
        //   leads a new flight
        //   looks: there it is
        //
        // What is found is not handed to those who joined (`Again`): a removal
        // may come between this look and their joining, and they would get what
        // was removed before they asked.
        //
        // Inside the flight, since a store of the user's own, or an observer that is
        // told of its failure, may ask for this very key.
        // SAFETY: it goes before `self`, which has the handle: it is the younger of the
        // two here, and the later parameter below.
        let inside = unsafe { chain::lead(&self.flight) };
        if let Some(value) = plan.look(self.flight.key()) {
            return Ok(Flown {
                value,
                how: How::Found,
            });
        }
        // User code. An error goes to all who joined. A panic is caught so that
        // they get an error, and goes on below. If it asks for this key again, or
        // closes a circle, that call gets the error. The same holds for the key's
        // `Debug`, and for a store of the user's own: so the flight stays on the
        // chain until just before it lands.
        let since = self.flight.since();
        let ran = catch_unwind(AssertUnwindSafe(|| plan.build(since)));
        self.conclude(ran, inside, plan)
    }

    /// What comes after the user's code. A function of its own: builds nest, and
    /// what is in here need not be on the stack while they do.
    #[inline(never)]
    fn conclude<P: Plan<K, V, E>>(
        self,
        ran: thread::Result<Result<Made<V>, Stopped<E>>>,
        inside: Leading,
        plan: &mut P,
    ) -> Result<Flown<V>, BuildError<E>> {
        let ended = self.end(ran);
        let displaced = match self.to_put(&ended, plan) {
            Some((key, value)) => Some(plan.put_at_once(key, value)),
            None => None,
        };
        drop(inside);
        self.finish(ended, displaced, plan)
    }

    /// What the user's code has come to.
    #[inline]
    fn end(&self, ran: thread::Result<Result<Made<V>, Stopped<E>>>) -> Ended<V, E> {
        match ran {
            Ok(Ok(Made::Built(value))) => Ended::Built(value),
            // Not handed on to the joined, for the reason above.
            Ok(Ok(Made::Found(value))) => Ended::Found(value),
            Ok(Err(Stopped::Failed(error))) => {
                Ended::Failed(BuildError::failed(self.flight.what_and_key(), error))
            }
            Ok(Err(Stopped::Because(error))) => Ended::Failed(error),
            Err(payload) => match thrown_circle(payload) {
                Ok(circle) => Ended::Failed(BuildError::from_circle(circle)),
                Err(payload) => {
                    let site = self.flight.what_and_key();
                    let shared = BuildError::panicked(site, message_of(&*payload));
                    Ended::Panicked(payload, shared)
                }
            },
        }
    }

    /// What is to be put before the flight lands, unless the key was removed meanwhile.
    #[inline]
    fn to_put<'v>(&self, ended: &'v Ended<V, E>, plan: &impl Plan<K, V, E>) -> Option<(K, &'v V)> {
        match (ended, plan.publish()) {
            (Ended::Built(value), Publish::InSteps) => {
                Some((self.flights.may_publish(&self.flight)?, value))
            }
            _ => None,
        }
    }

    /// Lands.
    #[inline(always)] // it is handed much
    fn finish<P: Plan<K, V, E>>(
        mut self,
        ended: Ended<V, E>,
        displaced: Option<P::Displaced>,
        plan: &mut P,
    ) -> Result<Flown<V>, BuildError<E>> {
        match ended {
            Ended::Built(value) => {
                match plan.publish() {
                    Publish::AtOnce => drop(self.land_at_once(&value, plan)),
                    Publish::InSteps => self.land(|| Landing::Built(value.clone())),
                }
                drop(displaced);
                let how = How::Built;
                Ok(Flown { value, how })
            }
            Ended::Found(value) => {
                self.land(|| Landing::Again);
                let how = How::Found;
                Ok(Flown { value, how })
            }
            Ended::Failed(error) => {
                self.land(|| Landing::Failed(error.clone()));
                Err(error)
            }
            Ended::Panicked(payload, shared) => {
                self.land(|| Landing::Failed(shared));
                resume_unwind(payload)
            }
        }
    }

    fn land_at_once<P: Plan<K, V, E>>(&mut self, value: &V, plan: &mut P) -> Option<P::Displaced> {
        let displaced = self.flights.land_at_once(
            &mut self.flight,
            |key| plan.put_at_once(key, value),
            || Landing::Built(value.clone()),
        );
        self.has_landed = true;
        displaced
    }

    fn land(&mut self, landing: impl FnOnce() -> Landing<V, E>) {
        self.flights.land(&mut self.flight, landing);
        // Not before: the key's `Eq` or the value's `Clone` may have panicked, and
        // then this is dropped, and lands for those who have joined.
        self.has_landed = true;
    }
}

impl<K, V, E> Drop for Lead<'_, K, V, E>
where
    K: Key,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn drop(&mut self) {
        if !self.has_landed {
            self.land(|| Landing::Again);
        }
    }
}

/// Polls `work` inside of a flight: it is on the chain of whichever thread does so, or
/// drops it.
async fn inside<N: Node + 'static, F: Future>(flight: &Arc<N>, work: F) -> F::Output {
    let work = pin!(Some(work));
    let mut inside = Inside { flight, work };
    poll_fn(|context| inside.poll(context)).await
}

/// Work inside of a flight, until it is done.
struct Inside<'i, N: Node + 'static, F> {
    flight: &'i Arc<N>,
    work: Pin<&'i mut Option<F>>,
}

impl<N: Node + 'static, F: Future> Inside<'_, N, F> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: it goes at the end of the poll, and the handle is borrowed for longer.
        let _inside = unsafe { chain::lead(self.flight) };
        let work = self.work.as_mut().as_pin_mut();
        let polled = work.expect("nobody polls what is done").poll(context);
        if polled.is_ready() {
            self.work.set(None);
        }
        polled
    }
}

impl<N: Node + 'static, F> Drop for Inside<'_, N, F> {
    fn drop(&mut self) {
        if self.work.is_none() {
            return;
        }
        // It was given up. User code: what it drops may ask for this very key, and would
        // wait for a build that nobody polls any more.
        // SAFETY: it goes at the end, and the handle is borrowed for longer.
        let _inside = unsafe { chain::lead(self.flight) };
        self.work.set(None);
    }
}

/// The circle that was thrown, if that is what the payload of a panic is.
pub(crate) fn thrown_circle(payload: Box<dyn Any + Send>) -> Result<Circle, Box<dyn Any + Send>> {
    payload.downcast().map(|thrown: Box<CircleUnwind>| thrown.0)
}

/// Panics with the error's message.
///
/// Just inside a build, a circle goes up as an unwinding of its own to the leader
/// of that build, who answers with the error; the panic hook is not run for that.
/// So the outermost `try_memento` gives an error, even where the constructors
/// between it and the circle ask by `memento`.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn raise<E: Debug>(error: &BuildError<E>) -> ! {
    if let Some(circle) = error.circle()
        && chain::leads()
        && cfg!(panic = "unwind")
    {
        resume_unwind(Box::new(CircleUnwind(circle.clone())));
    }
    panic!("{error:?}")
}

/// How a leader's work ended.
enum Ended<V, E> {
    Built(V),
    Found(V),
    Failed(BuildError<E>),
    /// What the leader gets, and what the joined get.
    Panicked(Box<dyn Any + Send>, BuildError<E>),
}

/// What a panic said.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("the panic had no message")
}
