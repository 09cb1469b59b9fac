//! The sequential model: what is kept, which builds are under way, and what each point
//! of a call does to that.

use super::history::{Answer, Ask, Build, Call, KEYS, Tick, Version};

/// What a target promises beyond the rest of the specification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promises {
    /// A `clear` takes out all keys in one point, and not each in its own.
    pub(crate) clears_at_once: bool,
    /// An expiry that meets a removal may be given up for it, or put back what it has
    /// read, as expired, until the removal is over; and a removal that meets an expiry,
    /// of whatever key, may take out again.
    pub(crate) expires_in_a_flight: bool,
    /// A build is published and can't be joined any more in one point, and not in two.
    pub(crate) lands_at_once: bool,
}

/// What is kept for a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Kept {
    #[default]
    Nothing,
    Fresh(Version),
    /// Of no use to a call. It may be given up at any time.
    Expired,
}

/// One point of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Finds what is kept.
    Hit(Version),
    /// Begins a flight. From here on others join it, and removals void it.
    Enter,
    /// Looks again, finds nothing, and so builds.
    Look,
    /// Publishes what was built, unless it failed or was voided.
    Publish,
    /// Ends the flight.
    Land,
    /// Joins the build of the call with this number.
    Join(usize),
    /// Is handed what that has brought.
    Handed(usize),
    /// Voids the builds under way.
    Void(usize),
    /// Takes out what is kept, the first time.
    Take(usize),
    /// Takes out what is kept, for all keys.
    TakeAll,
    /// Takes out what has come since.
    TakeAgain,
    Expire(usize),
    /// Reads what is to expire.
    Read(usize),
    /// Puts that back, as expired, where a removal has taken it out meanwhile.
    PutBack(usize),
    See(usize),
}

/// The points that a call has had, as bits.
type Done = u8;

/// A clear has taken out all, and is about to do so again.
const AGAIN: Done = 1 << 6;

/// All points of a call have been.
pub(crate) const ALL: Done = 1 << 7;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    kept: [Kept; KEYS],
    /// Which calls' builds have been voided, as bits.
    voided: u32,
    /// What each call has done.
    pub(crate) done: Vec<Done>,
}

impl Call {
    /// The key, of a call that is about one.
    pub(crate) fn key(&self) -> Option<usize> {
        match self.ask {
            Ask::Get(key) | Ask::Fail(key) | Ask::Delete(key) => Some(key),
            Ask::Expire(key) | Ask::See(key) => Some(key),
            Ask::Clear => None,
        }
    }

    /// What its own build has brought.
    fn brought(&self) -> Option<Result<Version, Version>> {
        let Build { version, .. } = self.build?;
        Some(match self.ask {
            Ask::Fail(_) => Err(version),
            _ => Ok(version),
        })
    }

    fn meets(&self, other: &Call) -> bool {
        self.asked < other.answered && other.asked < self.answered
    }

    /// Between which moments a point of this call lies.
    pub(crate) fn window(&self, point: Point) -> (Tick, Tick) {
        match (point, self.build) {
            (Point::Enter | Point::Look, Some(build)) => (self.asked, build.began),
            (Point::Publish | Point::Land, Some(build)) => (build.ended, self.answered),
            _ => (self.asked, self.answered),
        }
    }
}

/// What has been recorded, and what is promised of it.
pub(crate) struct Model<'h> {
    pub(crate) calls: &'h [Call],
    pub(crate) promises: Promises,
}

impl Model<'_> {
    pub(crate) fn start(&self) -> State {
        State {
            kept: [Kept::Nothing; KEYS],
            voided: 0,
            done: vec![0; self.calls.len()],
        }
    }

    /// The points that a call may have next, each with what it has done then.
    pub(crate) fn next(&self, at: usize, done: Done) -> Vec<(Point, Done)> {
        let call = &self.calls[at];
        match (call.ask, done) {
            (_, ALL) => Vec::new(),
            (Ask::Get(_) | Ask::Fail(_), done) => self.next_of_a_get(call, done),
            (Ask::Delete(key), 0) => vec![(Point::Void(key), 1)],
            (Ask::Delete(key), 1) => match self.may_take_again(call) {
                true => vec![(Point::Take(key), ALL), (Point::Take(key), 2)],
                false => vec![(Point::Take(key), ALL)],
            },
            (Ask::Delete(key), 2) => vec![(Point::Void(key), 3)],
            (Ask::Delete(_), _) => vec![(Point::TakeAgain, ALL), (Point::TakeAgain, 2)],
            (Ask::Clear, done) => self.next_of_a_clear(call, done),
            (Ask::Expire(key), 0) if self.promises.expires_in_a_flight => {
                vec![(Point::Expire(key), ALL), (Point::Read(key), 1)]
            }
            (Ask::Expire(key), 0) => vec![(Point::Expire(key), ALL)],
            (Ask::Expire(key), _) => vec![(Point::PutBack(key), ALL)],
            (Ask::See(key), _) => vec![(Point::See(key), ALL)],
        }
    }

    fn next_of_a_get(&self, call: &Call, done: Done) -> Vec<(Point, Done)> {
        let Answer::Got(got) = call.answer else {
            unreachable!("a get is answered by what it got")
        };
        if call.build.is_some() {
            return match done {
                0 => vec![(Point::Enter, 1)],
                1 => vec![(Point::Look, 2)],
                2 if self.promises.lands_at_once => vec![(Point::Publish, ALL)],
                2 => vec![(Point::Publish, 3)],
                _ => vec![(Point::Land, ALL)],
            };
        }
        let mut others = self.calls.iter();
        let whose =
            others.position(|other| other.key() == call.key() && other.brought() == Some(got));
        match (done, got, whose) {
            (0, Ok(version), Some(whose)) => {
                vec![(Point::Hit(version), ALL), (Point::Join(whose), 1)]
            }
            (0, Err(_), Some(whose)) => vec![(Point::Join(whose), 1)],
            (_, _, Some(whose)) => vec![(Point::Handed(whose), ALL)],
            // Nobody has built it.
            (_, _, None) => Vec::new(),
        }
    }

    fn next_of_a_clear(&self, call: &Call, done: Done) -> Vec<(Point, Done)> {
        const VOIDED: Done = (1 << KEYS) - 1;
        let voids = (0..KEYS).filter(|key| done & (1 << key) == 0);
        let mut next: Vec<_> = voids
            .map(|key| (Point::Void(key), done | 1 << key))
            .collect();
        if done & VOIDED != VOIDED {
            return next;
        }
        if self.promises.clears_at_once {
            next.push((Point::TakeAll, ALL));
            if self.may_take_again(call) {
                next.push((Point::TakeAll, AGAIN));
            }
            return next;
        }
        let takes = (0..KEYS).filter(|key| done & (1 << (KEYS + key)) == 0);
        next.extend(takes.map(|key| match done | 1 << (KEYS + key) {
            all if all == (1 << (2 * KEYS)) - 1 => (Point::Take(key), ALL),
            some => (Point::Take(key), some),
        }));
        next
    }

    fn may_take_again(&self, call: &Call) -> bool {
        let mut expiries = self
            .calls
            .iter()
            .filter(|other| matches!(other.ask, Ask::Expire(_)));
        self.promises.expires_in_a_flight && expiries.any(|expiry| expiry.meets(call))
    }

    /// What becomes of the state by a point of a call; nothing if it cannot be there.
    pub(crate) fn apply(&self, state: &State, at: usize, point: Point) -> Option<State> {
        let call = &self.calls[at];
        let mut next = state.clone();
        let may = match point {
            Point::Hit(version) => state.kept[call.key()?] == Kept::Fresh(version),
            Point::Enter => self.open(state, call.key()?).is_none(),
            Point::Look => !matches!(state.kept[call.key()?], Kept::Fresh(_)),
            Point::Publish => {
                if let (true, Some(Ok(version))) = (!state.is_voided(at), call.brought()) {
                    next.kept[call.key()?] = Kept::Fresh(version);
                }
                call.brought().map(Answer::Got) == Some(call.answer)
            }
            Point::Land => true,
            Point::Join(whose) => self.open(state, call.key()?) == Some(whose),
            Point::Handed(whose) => state.done[whose] == ALL,
            Point::Void(key) => {
                if let Some(open) = self.open(state, key) {
                    next.voided |= 1 << open;
                }
                true
            }
            Point::Take(key) => {
                next.kept[key] = Kept::Nothing;
                took(state.kept[key], call.answer)
            }
            Point::TakeAll => {
                next.kept = [Kept::Nothing; KEYS];
                true
            }
            Point::TakeAgain => {
                next.kept[call.key()?] = Kept::Nothing;
                true
            }
            Point::Expire(key) => match (call.answer, state.kept[key]) {
                (Answer::Had(true), Kept::Fresh(_) | Kept::Expired) => {
                    next.kept[key] = Kept::Expired;
                    true
                }
                (Answer::Had(false), Kept::Nothing | Kept::Expired) => true,
                (Answer::Had(false), Kept::Fresh(_)) => self.is_being_removed(state, key),
                _ => false,
            },
            Point::Read(key) => {
                call.answer == Answer::Had(true) && state.kept[key] != Kept::Nothing
            }
            Point::PutBack(key) => {
                next.kept[key] = Kept::Expired;
                state.kept[key] == Kept::Nothing && self.is_being_removed(state, key)
            }
            Point::See(key) => match (call.answer, state.kept[key]) {
                (Answer::Exists(exists), Kept::Fresh(_)) => exists,
                (Answer::Exists(exists), Kept::Nothing | Kept::Expired) => !exists,
                (Answer::Saw(saw), Kept::Fresh(version)) => saw == Some(version),
                (Answer::Saw(saw), Kept::Nothing) => saw.is_none(),
                _ => false,
            },
        };
        may.then_some(next)
    }

    /// Whose build for a key is under way, and can be joined.
    fn open(&self, state: &State, key: usize) -> Option<usize> {
        (0..self.calls.len()).find(|&at| {
            let call = &self.calls[at];
            call.build.is_some()
                && call.key() == Some(key)
                && matches!(state.done[at], 1..=3)
                && !state.is_voided(at)
        })
    }

    /// Whether an expiry for this key may have been given up for a removal.
    fn is_being_removed(&self, state: &State, key: usize) -> bool {
        self.promises.expires_in_a_flight
            && self
                .calls
                .iter()
                .zip(&state.done)
                .any(|(call, &done)| match call.ask {
                    Ask::Delete(removes) => removes == key && done != 0 && done != ALL,
                    Ask::Clear => done != 0 && done != ALL,
                    _ => false,
                })
    }
}

impl State {
    fn is_voided(&self, at: usize) -> bool {
        self.voided & (1 << at) != 0
    }
}

/// Whether that is what a removal says of what it took.
fn took(kept: Kept, answer: Answer) -> bool {
    match (answer, kept) {
        (Answer::Had(had), Kept::Fresh(_)) => had,
        (Answer::Had(had), Kept::Nothing) => !had,
        (Answer::Had(_), Kept::Expired) => true,
        (Answer::Took(took), Kept::Fresh(version)) => took == Some(version),
        (Answer::Took(took), Kept::Nothing) => took.is_none(),
        (Answer::Took(_), Kept::Expired) => false,
        _ => true,
    }
}
