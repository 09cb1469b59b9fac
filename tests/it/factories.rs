//! Key functions shared by several types.

use mementos::{Keep, MementoFactory, Registry, memento, memento_factory};
use std::any::TypeId;
use std::sync::Arc;

struct Plain(u32);

#[memento]
impl Plain {
    fn new(_name: &str, weight: u32) -> Self {
        Plain(weight)
    }
}

struct Other;

#[memento]
impl Other {
    fn new(_name: &str, _weight: u32) -> Self {
        Other
    }
}

type ByName = fn(TypeId, &(&str, u32)) -> String;

/// Forgets the type.
static BY_NAME: MementoFactory<ByName> =
    memento_factory("ByName").key(|_, args| args.0.to_lowercase());

struct Declared(u32);

#[memento(factory = BY_NAME)]
impl Declared {
    fn new(_name: &str, weight: u32) -> Self {
        Declared(weight)
    }
}

#[test]
fn a_factory_can_be_used_directly() {
    let by_name =
        memento_factory("ByName").key(|cls: TypeId, args: &(&str, u32)| (cls, args.0.to_owned()));
    let one = by_name.memento::<Plain>(("one", 1));
    assert!(Arc::ptr_eq(&one, &by_name.memento::<Plain>(("one", 2))));
    assert_eq!(one.0, 1);
    let inferred: Arc<Plain> = by_name.memento(("one", 3));
    assert!(Arc::ptr_eq(&one, &inferred));
}

#[test]
fn a_key_function_that_forgets_the_type_does_not_make_two_types_meet() {
    let by_name = memento_factory("ByName").key(|_: TypeId, args: &(&str, u32)| args.0.to_owned());
    let plain = by_name.memento::<Plain>(("one", 1));
    let _other: Arc<Other> = by_name.memento::<Other>(("one", 1));
    assert!(Arc::ptr_eq(&plain, &by_name.memento::<Plain>(("one", 1))));
}

#[test]
fn two_factories_of_one_name_do_not_meet() {
    fn by_name(_: TypeId, args: &(&str, u32)) -> String {
        args.0.to_owned()
    }
    let one = memento_factory("ByName").key(by_name);
    let other = memento_factory("ByName").key(by_name);
    assert_ne!(one.id(), other.id());
    assert!(!Arc::ptr_eq(
        &one.memento::<Plain>(("x", 1)),
        &other.memento::<Plain>(("x", 1))
    ));
    assert!(!Arc::ptr_eq(
        &one.memento::<Plain>(("x", 1)),
        &Plain::memento("x", 1)
    ));
}

#[test]
fn a_declared_factory_used_directly_is_the_types_own() {
    let declared = Declared::memento("ONE", 1);
    assert!(Arc::ptr_eq(&declared, &Declared::memento("one", 2)));
    assert!(Arc::ptr_eq(
        &declared,
        &BY_NAME.memento::<Declared>(("One", 3))
    ));
    assert_eq!(declared.0, 1);
}

#[test]
fn a_factory_can_say_how_long_instances_live() {
    let fleeting = memento_factory("Fleeting")
        .keep(Keep::Weak)
        .key(|_: TypeId, args: &(&str, u32)| args.0.to_owned());
    let held = fleeting.memento::<Plain>(("one", 1));
    assert!(Arc::ptr_eq(&held, &fleeting.memento::<Plain>(("one", 2))));
    drop(held);
    assert_eq!(fleeting.memento::<Plain>(("one", 3)).0, 3);
}

#[test]
fn a_failing_constructor_fails_through_a_factory() {
    #[derive(Debug)]
    struct Port;

    #[memento]
    impl Port {
        fn new(text: &str) -> Result<Self, std::num::ParseIntError> {
            text.parse::<u16>().map(|_| Port)
        }
    }

    let by_text = memento_factory("ByText").key(|_: TypeId, text: &&str| (*text).to_owned());
    assert!(by_text.try_memento::<Port, _>("80").is_ok());
    assert!(
        by_text
            .try_memento::<Port, _>("http")
            .unwrap_err()
            .failure()
            .is_some()
    );
}

#[test]
fn a_snapshot_names_the_factory() {
    Registry::new().scope(|| {
        Declared::memento("one", 1);
        let snapshot = Registry::current().snapshot();
        assert_eq!(snapshot.rows.len(), 1);
        assert_eq!(snapshot.rows[0].factory, Some("ByName"));
    });
}
