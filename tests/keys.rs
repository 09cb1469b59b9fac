//! `#[derive(Key)]`: structs of arguments, and what makes two of them the same.

#![deny(missing_docs, unused_qualifications, warnings)]
#![cfg(feature = "macros")]

use mementos::key::{Argument, ByFields, Lookup};
use mementos::{Key, Memento, memento};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};
use std::path::Path;
use std::sync::Arc;

/// Whether two values are equal, and hash so.
fn same<T: Hash + Eq>(one: &T, other: &T) -> bool {
    let state = RandomState::new();
    let equal = one == other;
    assert!(
        !equal || state.hash_one(one) == state.hash_one(other),
        "equal, but hashed apart"
    );
    equal
}

/// Whether an argument and its owned form keep the contract of a look-up.
fn stands_for_its_key<A: Argument>(argument: &A) {
    let (state, key) = (RandomState::new(), argument.to_owned_key());
    assert!(argument.is_key(&key));
    assert_eq!(state.hash_one(ByFields(argument)), state.hash_one(&key));
    assert_eq!(ByFields(argument).to_key(), key);
}

#[derive(Clone, Debug, Default, Key)]
struct Window {
    width: f64,
    height: f64,
    title: Option<String>,
}

struct Open(Window);

#[memento]
impl Open {
    fn new(window: Window) -> Self {
        Open(window)
    }
}

#[test]
fn arguments_with_defaults_have_one_key_for_what_means_the_same() {
    let one = Open::memento(Window {
        height: 2.0,
        ..Default::default()
    });
    let two = Open::memento(Window {
        width: 0.0,
        height: 2.0,
        title: None,
    });
    assert!(Arc::ptr_eq(&one, &two));
    let other = Open::memento(Window {
        title: Some("a".to_owned()),
        ..one.0.clone()
    });
    assert!(!Arc::ptr_eq(&one, &other));
}

#[derive(Clone, Debug, Default, Key)]
struct Canonical {
    float: f32,
    floats: Vec<f64>,
    array: [f32; 2],
    boxed: Option<(u8, f64)>,
    map: HashMap<String, u32>,
    sets: (HashSet<u8>, Option<HashSet<u8>>),
    plain: (u8, Option<String>),
}

#[test]
fn what_has_no_equality_of_its_own_has_a_canonical_form() {
    let get = |float: f32, order: &[u8]| Canonical {
        float,
        floats: vec![float.into(), 1.0],
        array: [float; 2],
        boxed: Some((1, float.into())),
        map: order.iter().map(|n| (n.to_string(), 1)).collect(),
        sets: (
            order.iter().copied().collect(),
            Some(order.iter().copied().collect()),
        ),
        plain: (1, None),
    };
    assert!(same(&get(f32::NAN, &[1, 2, 3]), &get(f32::NAN, &[3, 2, 1])));
    assert!(!same(&get(0.0, &[1]), &get(-0.0, &[1])));
    assert!(!same(&get(0.0, &[1]), &get(0.0, &[1, 2])));
    assert!(!same(
        &get(0.0, &[1]),
        &Canonical {
            boxed: None,
            ..get(0.0, &[1])
        }
    ));
    assert!(!same(
        &get(0.0, &[1]),
        &Canonical {
            floats: vec![0.0],
            ..get(0.0, &[1])
        }
    ));
}

type Metres = f64;
type Tags = HashSet<u8>;

#[derive(Clone, Debug, Key)]
struct Optioned {
    #[key(total)]
    length: Metres,
    #[key(content)]
    tags: Tags,
    #[key(address)]
    style: Arc<str>,
    #[key(address)]
    other: Option<Arc<str>>,
    #[key(skip)]
    _comment: fn() -> u8,
}

#[test]
fn an_option_of_a_field_says_how_it_is_compared() {
    let style: Arc<str> = "plain".into();
    let get = |style: &Arc<str>, comment| Optioned {
        length: f64::NAN,
        tags: Tags::from([1, 2]),
        style: style.clone(),
        other: Some(style.clone()),
        _comment: comment,
    };
    assert!(same(&get(&style, || 1), &get(&style, || 2)));
    assert!(!same(&get(&style, || 1), &get(&"plain".into(), || 1)));
}

#[derive(Clone, Debug, Default, Key)]
struct Query<'a, 'b> {
    table: &'a str,
    columns: &'a [u32],
    path: Option<&'b Path>,
    limits: (Option<&'b str>, f64),
    floats: &'b [f64],
    owned: String,
    #[key(skip)]
    comment: &'a str,
}

struct Plan(String);

#[memento]
impl Plan {
    fn new(query: Query<'_, '_>, again: Option<&Query<'_, '_>>) -> Self {
        Plan(format!("{query:?}{}{}", query.comment, again.is_some()))
    }
}

#[test]
fn a_struct_that_borrows_is_looked_up_field_by_field() {
    let table = String::from("users");
    let query = Query {
        table: &table,
        floats: &[f64::NAN],
        ..Default::default()
    };
    stands_for_its_key(&query);
    let one = Plan::memento(query.clone(), None);
    let two = Plan::memento(
        Query {
            comment: "unread",
            ..query.clone()
        },
        None,
    );
    assert!(Arc::ptr_eq(&one, &two));
    assert!(!Arc::ptr_eq(
        &one,
        &Plan::memento(query.clone(), Some(&query))
    ));
    let other = Plan::memento(
        Query {
            columns: &[1],
            ..query.clone()
        },
        None,
    );
    assert!(!Arc::ptr_eq(&one, &other));
    assert!(one.0.contains("users"));
}

#[test]
fn the_owned_twin_has_the_fields_that_are_identity() {
    let key: QueryKey = Query {
        table: "a",
        columns: &[1],
        ..Default::default()
    }
    .to_owned_key();
    assert_eq!(
        (key.table.as_str(), key.columns.as_slice()),
        ("a", &[1][..])
    );
    assert_eq!(key.limits.1, mementos::key::Total(0.0));
    assert!(!format!("{key:?}").contains("comment"));
}

#[derive(Clone, Debug, Key)]
struct Nested<'a> {
    query: Query<'a, 'a>,
    other: Option<&'a Query<'a, 'a>>,
}

#[test]
fn structs_that_borrow_may_hold_each_other() {
    let query = Query {
        table: "a",
        ..Default::default()
    };
    let nested = Nested {
        query: query.clone(),
        other: Some(&query),
    };
    stands_for_its_key(&nested);
    assert!(same(&nested, &nested.clone()));
}

#[derive(Clone, Debug, Key)]
struct Pair<'a>(#[key(skip)] u8, &'a str, f32);

#[test]
fn a_tuple_struct_closes_up_where_a_field_is_skipped() {
    stands_for_its_key(&Pair(1, "a", 2.0));
    assert!(same(&Pair(1, "a", 2.0), &Pair(2, "a", 2.0)));
    let key = Pair(1, "a", 2.0).to_owned_key();
    assert_eq!(key.0, "a");
    assert_eq!(Pair(9, "a", 2.0).0, 9);
}

#[derive(Clone, Debug, Key)]
struct Generic<'a, T: Ord + 'a, U, const N: usize>
where
    U: Default,
{
    one: &'a T,
    many: &'a [T],
    array: [u8; N],
    #[key(skip)]
    _unread: U,
}

#[test]
fn a_generic_struct_that_borrows_has_a_generic_twin() {
    let get = |unread| Generic {
        one: &1_u8,
        many: &[2],
        array: [3],
        _unread: unread,
    };
    stands_for_its_key(&get("a"));
    assert!(same(&get("a"), &get("b")));
    let key: GenericKey<u8, 1> = get("a").to_owned_key();
    assert_eq!(key.many, [2]);
}

#[derive(Clone, Debug, Key)]
struct Owned<T> {
    value: T,
    map: HashMap<T, T>,
}

#[test]
fn a_generic_struct_is_compared_by_its_parameters_equality() {
    let get = |n| Owned {
        value: n,
        map: HashMap::from([(n, n)]),
    };
    assert!(same(&get(1), &get(1)));
    assert!(!same(&get(1), &get(2)));
}

#[derive(Clone, Debug, Key)]
enum Shape {
    Point,
    Circle(f64),
    Line { from: (f64, f64), to: (f64, f64) },
}

#[test]
fn an_enum_is_compared_by_variant_and_fields() {
    let line = |x| Shape::Line {
        from: (0.0, 0.0),
        to: (x, 1.0),
    };
    assert!(same(&Shape::Point, &Shape::Point));
    assert!(same(&Shape::Circle(f64::NAN), &Shape::Circle(f64::NAN)));
    assert!(same(&line(1.0), &line(1.0)));
    assert!(!same(&line(1.0), &line(2.0)));
    assert!(!same(&Shape::Point, &Shape::Circle(0.0)));
}

#[derive(Clone, Debug, Key)]
struct Unit;

#[derive(Clone, Debug, Key)]
enum Never {}

#[test]
fn a_type_without_fields_is_a_key_too() {
    fn is_key<K: Key>() {}
    is_key::<Never>();
    assert!(same(&Unit, &Unit));
}

#[test]
fn a_plain_struct_is_its_own_key() {
    let window = Window::default();
    assert!(same(&<Open as Memento>::key(&window), &window));
}
