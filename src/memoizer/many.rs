//! Several keys with one call of the function.

use super::by_hand::{Known, Value, among, answer, asked, typed};
use super::path::{Brought, Call, Mode, Run};
use super::shelf::Shelf;
use super::{Event, Memoizer};
use crate::built::Keeping;
use crate::drive::{at_once, block_on};
use crate::entry::{AnyValue, Entry};
use crate::error::{BuildError, Miscounted};
use crate::flight::{
    self, Entered, Flight, Landing, Lead, Stopped, Ticket, message_of, thrown_circle,
};
use crate::key::hash_of;
use crate::memento::Outcome;
use crate::options::{Answer, Options};
use crate::store::{AnyFailure, Caller, Locked};
use std::any::TypeId;
use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

type Leading<'s> = Lead<'s, String, Entry<AnyValue>, AnyFailure>;
type Flying = Arc<Flight<String, Entry<AnyValue>, AnyFailure>>;

impl Memoizer {
    /// The results for several keys: what is kept of them, and with one call of `f`
    /// all that are missing. `f` is given the keys that it is to answer, and answers
    /// with one value for each, in their order.
    ///
    /// Keys that another caller is building are waited for, after `f` has run for
    /// the rest. If such a build fails to bring a value for all, `f` is called once
    /// more. A key that is given twice is asked for once.
    ///
    /// ```
    /// use mementos::{Memoizer, Options};
    ///
    /// let memo = Memoizer::in_memory();
    /// memo.get("a", || 1_usize)?;
    /// let lengths: Vec<usize> = memo.get_many(&["a", "bb", "ccc"], Options::new(), |missing| {
    ///     assert_eq!(missing, ["bb", "ccc"]);
    ///     missing.iter().map(|key| key.len()).collect::<Vec<_>>()
    /// })?;
    /// assert_eq!(lengths, [1, 2, 3]);
    /// # Ok::<(), mementos::BuildError<std::convert::Infallible>>(())
    /// ```
    ///
    /// An error is not kept, whatever [`Options::error_age`] says.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), for whichever key it is; and
    /// [`BuildError::Miscounted`] if `f` answers with another number of values.
    ///
    /// # Panics
    ///
    /// If `f` panics.
    pub fn get_many<'k, V, R>(
        &self,
        keys: &[&'k str],
        options: impl Borrow<Options>,
        mut f: impl FnMut(&[&'k str]) -> R,
    ) -> Result<Vec<V>, BuildError<R::Error>>
    where
        V: Value,
        R: Outcome<Vec<V>>,
    {
        let terms = self.terms(options.borrow())?;
        let store = self.store_of(&terms);
        let known = store.known(TypeId::of::<V>());
        let shelf = among::<V, R::Error>(store, self.holder(&terms), known.as_deref(), &terms)?;
        let groups = asked(&terms);
        let call = self.call(Caller::Blocks, &terms, Mode::Take, groups.as_ref());
        let mut many = Many {
            call: &call,
            shelf: &shelf,
            found: HashMap::new(),
        };
        let mut seen = HashSet::new();
        let asked = keys.iter().filter(|key| seen.insert(**key));
        let asked: Vec<Key<'k>> = asked
            .map(|key| {
                let text = terms.full(key);
                let hash = hash_of(&text);
                Key { key, text, hash }
            })
            .collect();
        let texts: Vec<&String> = asked.iter().map(|key| &key.text).collect();
        let found = at_once(shelf.find_many(Caller::Blocks, &texts, groups.as_ref()));
        let mut open = Vec::new();
        for (key, found) in asked.into_iter().zip(found) {
            let judged = call.judge(shelf.holder(), shelf.recognise(found));
            match at_once(judged).fresh(&call) {
                Some(entry) => _ = many.found.insert(key.key, entry),
                None => open.push(key),
            }
        }
        // In one order for all callers, since each may hold several locks.
        open.sort_by(|one, other| one.text.cmp(&other.text));
        while !open.is_empty() {
            many.round(&open, &mut f).map_err(typed::<R::Error>)?;
            open.retain(|key| !many.found.contains_key(key.key));
        }
        let value = |key: &&'k str| {
            let entry = &many.found[*key];
            answer(&entry.value, || store.flights().site(&terms.full(key)))
        };
        keys.iter().map(value).collect()
    }
}

/// One of the keys that were asked for.
struct Key<'k> {
    key: &'k str,
    text: String,
    hash: u64,
}

/// What there is so far.
struct Many<'c, 'k> {
    call: &'c Call<'c>,
    shelf: &'c Known<'c>,
    found: HashMap<&'k str, Entry<AnyValue>>,
}

/// A key that this call leads.
struct Led<'s, 'o, 'k> {
    key: &'o Key<'k>,
    /// As long as it is led, this thread works for it: whoever asks for it from here,
    /// an observer or a store, gets the circle.
    inside: Option<Entered>,
    /// None, where another caller leads it and takes too long: the value is for this
    /// call alone.
    lead: Option<Leading<'s>>,
    run: Run,
    locked: Option<Locked<'o>>,
}

impl<'k> Many<'_, 'k> {
    /// Leads what nobody else does, and brings it; then waits for the others. First
    /// the one, then the other: so two calls that want the same keys never wait for
    /// each other.
    fn round<V, R>(
        &mut self,
        open: &[Key<'k>],
        f: &mut impl FnMut(&[&'k str]) -> R,
    ) -> Result<(), BuildError<AnyFailure>>
    where
        V: Value,
        R: Outcome<Vec<V>>,
    {
        let (mut led, mut joined) = (Vec::new(), Vec::new());
        for key in open {
            match self.shelf.flights().join(key.hash, key.text.clone()) {
                Ticket::Joined(flight) => joined.push((key, flight)),
                Ticket::Leads(lead) => {
                    if let Some(led_key) = self.lead(key, lead)? {
                        led.push(led_key);
                    }
                }
            }
        }
        self.build(led, f)?;
        let late = self.wait(joined)?;
        self.build(late, f)
    }

    /// Looks again, with the lock if there is one.
    fn lead<'s, 'o>(
        &mut self,
        key: &'o Key<'k>,
        lead: Leading<'s>,
    ) -> Result<Option<Led<'s, 'o, 'k>>, BuildError<AnyFailure>>
    where
        Self: 'o,
    {
        let (call, shelf) = (self.call, self.shelf);
        let run = Run::default();
        let inside = lead.enter();
        if let Some(entry) = at_once(call.look_again(shelf, key.hash, &&key.text)) {
            drop((inside, lead));
            self.find(key, entry);
            return Ok(None);
        }
        let mut held = None;
        if let Some(guards) = call.guards(shelf) {
            held = at_once(call.hold(guards, &key.text, &run)).map_err(stopped)?;
            if held.is_some()
                && let Some(entry) = at_once(call.look_again(shelf, key.hash, &&key.text))
            {
                drop((held, inside, lead));
                self.find(key, entry);
                return Ok(None);
            }
        }
        Ok(Some(Led {
            key,
            inside: Some(inside),
            lead: Some(lead),
            run,
            locked: held,
        }))
    }

    /// What the second look has found.
    fn find(&mut self, key: &Key<'k>, entry: Entry<AnyValue>) {
        self.call.log.tell(Event::Hit);
        self.found.insert(key.key, entry);
    }

    /// Runs the function for the keys that are led, and lands them.
    fn build<V, R>(
        &mut self,
        led: Vec<Led<'_, '_, 'k>>,
        f: &mut impl FnMut(&[&'k str]) -> R,
    ) -> Result<(), BuildError<AnyFailure>>
    where
        V: Value,
        R: Outcome<Vec<V>>,
    {
        if led.is_empty() {
            return Ok(());
        }
        let (call, shelf) = (self.call, self.shelf);
        // All are in the same groups.
        let is_known = at_once(call.begin(shelf));
        led.iter().for_each(|led| led.run.knows_groups(is_known));
        let missing: Vec<&'k str> = led.iter().map(|led| led.key.key).collect();
        let began = call.clock.elapsed();
        // User code. If it fails or panics, all who wait for one of these keys are
        // told; if it asks for one of them, that call gets the circle.
        let catching = flight::catching();
        let ran = catch_unwind(AssertUnwindSafe(|| f(&missing).into_result()));
        drop(catching);
        let took = call.clock.elapsed().saturating_sub(began);
        let values = match ran {
            Ok(Ok(values)) => values,
            Ok(Err(error)) => {
                call.log.tell(Event::Failed);
                let failure = AnyFailure::new(error);
                let site = |led: &Led<'_, '_, '_>| shelf.flights().site(&led.key.text);
                let first = BuildError::failed(site(&led[0]), failure.clone());
                for led in led {
                    let error = BuildError::failed(site(&led), failure.clone());
                    led.fail(&error);
                }
                return Err(first);
            }
            Err(payload) => {
                call.log.tell(Event::Failed);
                let payload = match thrown_circle(payload) {
                    Err(payload) => payload,
                    Ok(circle) => {
                        let error = BuildError::from_circle(circle);
                        led.into_iter().for_each(|led| led.fail(&error));
                        return Err(error);
                    }
                };
                let message = message_of(&*payload);
                for led in led {
                    let site = shelf.flights().site(&led.key.text);
                    led.fail(&BuildError::panicked(site, message));
                }
                resume_unwind(payload)
            }
        };
        if values.len() != missing.len() {
            call.log.tell(Event::Failed);
            return Err(BuildError::Miscounted(Miscounted {
                asked: missing.len(),
                answered: values.len(),
            }));
        }
        // Each is told its share, so that build times add up.
        let took = took / u32::try_from(missing.len()).unwrap_or(u32::MAX);
        for (led, value) in led.into_iter().zip(values) {
            let brought = Brought {
                ages: call.terms.ages_of(&value),
                value: AnyValue::new(value),
                answer: Answer::Value,
                etag: None,
                is_not_modified: false,
                keeping: Keeping::Value,
                told: None,
            };
            let entry = call.entry(led.key.hash, brought, took, &led.run);
            if let Some(lead) = led.lead {
                let lease = led.locked.as_ref().and_then(Locked::lease);
                let put =
                    |key| at_once(call.put(shelf, led.key.hash, key, &entry, lease, &led.run));
                let displaced = (!led.run.drops.get()).then(|| lead.publish(put));
                drop(led.inside);
                lead.bring(&entry);
                drop(displaced);
            }
            call.log.tell(Event::Built { took });
            self.found.insert(led.key.key, entry);
        }
        at_once(call.tidy(shelf));
        Ok(())
    }

    /// Waits for what others build. What they do not bring stays open; what they
    /// bring too late is for this call to build, if the options say so.
    fn wait<'s, 'o>(
        &mut self,
        joined: Vec<(&'o Key<'k>, Flying)>,
    ) -> Result<Vec<Led<'s, 'o, 'k>>, BuildError<AnyFailure>> {
        let (call, shelf) = (self.call, self.shelf);
        let mut late = Vec::new();
        let patience = call.patience(None).started();
        for (key, flight) in joined {
            let landing = match block_on(shelf.flights().wait(&flight, patience)) {
                Ok(landing) => landing,
                Err(BuildError::TimedOut(_)) if call.builds_alone(None) => {
                    late.push(Led {
                        key,
                        inside: None,
                        lead: None,
                        run: Run::default(),
                        locked: None,
                    });
                    continue;
                }
                Err(error) => return Err(error),
            };
            match landing {
                Landing::Built(entry) if at_once(call.accepts(shelf, Ok(entry))) => {
                    call.log.tell(Event::Joined);
                    self.found.insert(key.key, entry.clone());
                }
                Landing::Failed(error) if at_once(call.accepts(shelf, Err(error))) => {
                    call.log.tell(Event::Joined);
                    return Err(error.clone());
                }
                Landing::Built(_) | Landing::Failed(_) | Landing::Again => {}
            }
        }
        call.track.waited.set(true);
        Ok(late)
    }
}

impl Led<'_, '_, '_> {
    fn fail(self, error: &BuildError<AnyFailure>) {
        drop(self.inside);
        if let Some(lead) = self.lead {
            lead.fail(error);
        }
    }
}

fn stopped(stopped: Stopped<AnyFailure>) -> BuildError<AnyFailure> {
    match stopped {
        Stopped::Because(error) => error,
        Stopped::Failed(_) => unreachable!("a lock does not fail by the function's error"),
    }
}
