use super::backoff::Backoff;
use super::link::Link;
use super::subscription::Subscription;
use super::way::Way;
use crate::drive;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How one caller waits for a lease that another has, between one try to acquire it
/// and the next.
///
/// A build may be over in no time, so it first tries again a few times. Then it has
/// itself told when the lease is released. To try once more after that has begun,
/// and before it waits, is what makes it miss nothing:
///
/// ```text
/// this caller     tries: the lease is held
/// the holder      releases it, and tells those who listen: nobody
/// this caller     begins to listen, tries again, and has it
/// ```
pub(super) struct Waiting<'w> {
    link: &'w Link,
    way: Way,
    lease: &'w str,
    /// When it gives up; never, if that is not within what a clock can count.
    over: Option<Instant>,
    backoff: Backoff,
    pauses: usize,
    listening: Option<Subscription>,
}

/// So many pauses come before it listens, which takes a connection.
const PAUSES: usize = 3;
/// Nobody tells of a lease that expires, since its holder is gone, or of one that
/// goes with all that has some prefix.
const LISTEN: Duration = Duration::from_millis(500);

impl<'w> Waiting<'w> {
    pub(super) fn new(
        link: &'w Link,
        way: Way,
        lease: &'w str,
        timeout: Duration,
        seed: u64,
    ) -> Self {
        Waiting {
            link,
            way,
            lease,
            over: Instant::now().checked_add(timeout),
            backoff: Backoff::new(seed),
            pauses: 0,
            listening: None,
        }
    }

    /// Waits until it is worth another try; answers false once the time is over.
    pub(super) async fn pause(&mut self) -> bool {
        let Some(left) = self.left() else {
            return false;
        };
        if let Some(listening) = self.listening.take() {
            self.listening = listening.heard(left.min(LISTEN)).await;
        } else if !self.listens().await {
            self.pauses += 1;
            sleep(self.backoff.wait().min(left)).await;
        }
        true
    }

    /// Whether it has begun to listen. If not, it goes on with pauses.
    async fn listens(&mut self) -> bool {
        if self.pauses >= PAUSES {
            self.listening = self.link.subscribe(self.way, self.lease).await;
        }
        self.listening.is_some()
    }

    fn left(&self) -> Option<Duration> {
        let Some(over) = self.over else {
            return Some(Duration::MAX);
        };
        let left = over.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

async fn sleep(limit: Duration) {
    let until = Instant::now() + limit;
    poll_fn(|_| {
        if Instant::now() >= until {
            return Poll::Ready(());
        }
        drive::wake_by(Some(until));
        Poll::Pending
    })
    .await;
}
