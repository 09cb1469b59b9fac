use super::deadline::Deadline;
use std::time::{Duration, Instant};

/// Up to when all that has changed has been heard of.
///
/// The server tells what changes, and answers what it is asked, on one connection and
/// in order. So once it answers, all has been told that had changed when it was asked:
///
/// ```text
///   this process       asks                               hears the change, then the answer
///   another                    changes a key
///   the server                                answers
/// ```
///
/// It is asked again and again, however much it tells meanwhile: what comes may have
/// been on its way for long.
pub(super) struct Pulse {
    limit: Duration,
    /// What had changed by then has been heard of.
    sure: Instant,
    /// When the server was asked, if it has not answered yet.
    asked: Option<Instant>,
}

impl Pulse {
    /// All that has changed by now has been heard of, and that is not to be longer ago
    /// than `limit`.
    pub(super) fn within(limit: Duration) -> Self {
        Pulse {
            limit,
            sure: Instant::now(),
            asked: None,
        }
    }

    /// Whether it is time to ask the server.
    pub(super) fn is_due(&self) -> bool {
        self.asked.is_none() && Instant::now() >= self.due()
    }

    /// The server is about to be asked.
    pub(super) fn asks(&mut self) {
        self.asked = Some(Instant::now());
    }

    /// The server has answered.
    pub(super) fn answered(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.sure = asked;
        }
    }

    /// When there is something to do, if nothing is heard.
    pub(super) fn next(&self) -> Deadline {
        match self.asked {
            None => Deadline::until(self.due()),
            Some(_) => self.end(),
        }
    }

    /// When the server is given up. An eighth of the limit is left for this thread to be
    /// woken, and to say so.
    pub(super) fn end(&self) -> Deadline {
        Deadline::until(self.sure + self.limit / 8 * 7)
    }

    fn due(&self) -> Instant {
        self.sure + self.limit / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(3600);

    #[test]
    fn an_answer_speaks_of_what_was_when_it_was_asked_for() {
        let mut pulse = Pulse::within(LIMIT);
        let began = pulse.end().at();
        pulse.asks();
        let asked = Instant::now();
        assert_eq!(pulse.end().at(), began, "nothing is known yet");
        while Instant::now() <= asked {}
        pulse.answered();
        assert!(pulse.end().at() > began);
        assert!(pulse.end().at() <= asked + LIMIT / 8 * 7);
    }
}
