//! What is checked: three ways to get or build, behind one face.

use super::history::{Answer, Version};
use super::model::Promises;
use crate::slow::Slow;
use mementos::clock::FakeClock;
use mementos::store::SharedStore;
use mementos::{
    AnyValue, BuildError, Entry, Function, Memoizer, Options, Registry, memento, memoize,
};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// How a version is built, or fails to be.
pub(crate) type Builder<'b> = dyn Fn() -> Result<Version, Version> + 'b;

pub(crate) trait Target: Clone + Send + Sync + 'static {
    const PROMISES: Promises;

    fn new() -> Self;
    fn get(&self, key: usize, build: &Builder<'_>) -> Result<Version, Version>;
    fn delete(&self, key: usize) -> Answer;
    fn clear(&self);
    /// Has what is kept expire at once; nothing where nothing expires.
    fn expire(&self, key: usize) -> Option<Answer>;
    fn see(&self, key: usize) -> Answer;
}

fn failure<E: Debug>(error: BuildError<E>, own: impl FnOnce(&E) -> Version) -> Version {
    match error.failure() {
        Some(failure) => own(failure),
        None => panic!("{error:?}"),
    }
}

/// A function with a table of its own.
#[derive(Clone)]
pub(crate) struct InATable(Memoizer);

#[memoize(key(key))]
fn built(key: usize, build: &Builder<'_>) -> Result<Version, Version> {
    _ = key;
    build()
}

impl InATable {
    fn function(&self) -> Function<built> {
        Function::of(&self.0)
    }
}

impl Target for InATable {
    const PROMISES: Promises = Promises {
        clears_at_once: false,
        expires_in_a_flight: false,
        lands_at_once: true,
    };

    fn new() -> Self {
        InATable(Memoizer::in_memory().clock(FakeClock::new()))
    }

    fn get(&self, key: usize, build: &Builder<'_>) -> Result<Version, Version> {
        self.function().call((key, build))
    }

    fn delete(&self, key: usize) -> Answer {
        Answer::Had(self.function().delete((key, &|| Ok(0))).unwrap())
    }

    fn clear(&self) {
        self.function().clear().unwrap();
    }

    fn expire(&self, key: usize) -> Option<Answer> {
        let had = self.function().expire(Duration::ZERO, (key, &|| Ok(0)));
        Some(Answer::Had(had.unwrap()))
    }

    fn see(&self, key: usize) -> Answer {
        Answer::Exists(self.function().exists((key, &|| Ok(0))))
    }
}

/// A store that takes its time, with flights of its own.
#[derive(Clone)]
pub(crate) struct InAStore(Memoizer);

const NAMES: [&str; 2] = ["a", "b"];

impl Target for InAStore {
    const PROMISES: Promises = Promises {
        clears_at_once: true,
        expires_in_a_flight: true,
        lands_at_once: false,
    };

    fn new() -> Self {
        let store = SharedStore::new(Slow::<String, Entry<AnyValue>>::default());
        InAStore(Memoizer::new(store).clock(FakeClock::new()))
    }

    fn get(&self, key: usize, build: &Builder<'_>) -> Result<Version, Version> {
        let got = self.0.get_with(NAMES[key], Options::new(), build);
        got.map_err(|error| failure(error, |&own| own))
    }

    fn delete(&self, key: usize) -> Answer {
        Answer::Had(self.0.delete(NAMES[key]).unwrap())
    }

    fn clear(&self) {
        self.0.clear().unwrap();
    }

    fn expire(&self, key: usize) -> Option<Answer> {
        let had = self.0.expire(NAMES[key], Duration::ZERO);
        Some(Answer::Had(had.unwrap()))
    }

    fn see(&self, key: usize) -> Answer {
        Answer::Exists(self.0.exists(NAMES[key]).unwrap())
    }
}

/// Instances of a type.
struct Instance(Version);

#[memento(key(key))]
impl Instance {
    fn new(key: usize, build: &Builder<'_>) -> Result<Self, Version> {
        _ = key;
        build().map(Instance)
    }
}

/// A registry that keeps them itself.
#[derive(Clone)]
pub(crate) struct InARegistry(Registry);

/// A registry that keeps them in a store that takes its time.
#[derive(Clone)]
pub(crate) struct InAStoreOfInstances(InARegistry);

impl Target for InARegistry {
    const PROMISES: Promises = Promises {
        clears_at_once: false,
        expires_in_a_flight: false,
        lands_at_once: true,
    };

    fn new() -> Self {
        InARegistry(Registry::new())
    }

    fn get(&self, key: usize, build: &Builder<'_>) -> Result<Version, Version> {
        let got = self.0.scope(|| Instance::try_memento(key, build));
        match got {
            Ok(instance) => Ok(instance.0),
            Err(error) => Err(failure(error, |&own| own)),
        }
    }

    fn delete(&self, key: usize) -> Answer {
        let removed = self.0.scope(|| Instance::mementos().remove(key));
        Answer::Took(removed.map(|instance| instance.0))
    }

    fn clear(&self) {
        self.0.scope(|| Instance::mementos().clear());
    }

    fn expire(&self, _: usize) -> Option<Answer> {
        None
    }

    fn see(&self, key: usize) -> Answer {
        let kept = self.0.scope(|| Instance::mementos().peek(key));
        Answer::Saw(kept.map(|instance| instance.0))
    }
}

impl Target for InAStoreOfInstances {
    const PROMISES: Promises = Promises {
        clears_at_once: true,
        expires_in_a_flight: false,
        lands_at_once: false,
    };

    fn new() -> Self {
        let registry = Registry::new();
        let store = Slow::<usize, Arc<Instance>>::default();
        registry.keep_in::<Instance, _>(store).unwrap();
        InAStoreOfInstances(InARegistry(registry))
    }

    fn get(&self, key: usize, build: &Builder<'_>) -> Result<Version, Version> {
        self.0.get(key, build)
    }

    fn delete(&self, key: usize) -> Answer {
        self.0.delete(key)
    }

    fn clear(&self) {
        self.0.clear();
    }

    fn expire(&self, key: usize) -> Option<Answer> {
        self.0.expire(key)
    }

    fn see(&self, key: usize) -> Answer {
        self.0.see(key)
    }
}
