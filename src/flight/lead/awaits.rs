//! What a caller does who awaits: the same, but for the waiting.

use super::{Ended, Flown, Followed, Follows, Lead, Made, Plan, Stopped, inside};
use crate::clock::Moment;
use crate::drive::caught;
use crate::error::BuildError;
use crate::flight::flight::Patience;
use crate::flight::flights::{Flights, Ticket};
use crate::key::Key;

/// What a caller does itself, who awaits it.
pub(crate) trait Awaits<K, V, E>: Plan<K, V, E> {
    async fn look(&mut self, key: &K) -> Option<V>;

    async fn build(&mut self, began: Moment) -> Result<Made<V>, Stopped<E>>;
}

impl<K, V, E> Flights<K, V, E>
where
    K: Key,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// As [`fly`](Flights::fly), for a caller that awaits. One that is dropped while it
    /// leads frees the key, and one of those who have joined leads in its place.
    pub(crate) async fn fly_async(
        &self,
        hash: u64,
        key: K,
        plan: &mut impl Awaits<K, V, E>,
    ) -> Result<Flown<V>, BuildError<E>> {
        let lead = match self.join(hash, key) {
            Ticket::Leads(lead) => lead,
            Ticket::Joined(flight) => match self.follow(flight, &mut Awaiting(plan)).await? {
                Followed::Flown(flown) => return Ok(flown),
                Followed::Leads(lead) => lead,
            },
        };
        lead.run_async(plan).await
    }
}

impl<K, V, E> Lead<'_, K, V, E>
where
    K: Key,
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// As [`run`](Lead::run). The flight is on the chain of whichever thread polls.
    async fn run_async<P: Awaits<K, V, E>>(self, plan: &mut P) -> Result<Flown<V>, BuildError<E>> {
        let work = async {
            if let Some(value) = plan.look(self.flight.key()).await {
                return (Ended::Found(value), None);
            }
            let ran = caught(plan.build(self.flight.since())).await;
            let ended = self.end(ran);
            let displaced = match self.to_put(&ended, plan) {
                Some((key, value)) => Some(plan.put(key, value).await),
                None => None,
            };
            (ended, displaced)
        };
        let (ended, displaced) = inside(&self.flight, work).await;
        self.finish(ended, displaced, plan)
    }
}

/// A caller that awaits.
struct Awaiting<'p, P>(&'p mut P);

impl<K, V, E, P: Awaits<K, V, E>> Follows<K, V, E> for Awaiting<'_, P> {
    fn patience(&self) -> Patience {
        self.0.patience()
    }

    async fn accepts(&mut self, landed: Result<&V, &BuildError<E>>) -> bool {
        self.0.accepts(landed).await
    }

    async fn look(&mut self, key: &K) -> Option<V> {
        self.0.look(key).await
    }
}
