//! What `#[memento]` generates, as a user sees it.

#![deny(missing_docs, unused_qualifications, dead_code, warnings)]
#![cfg(feature = "macros")]

use mementos::{Keep, Memento, memento};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn same<T>(one: &Arc<T>, other: &Arc<T>) -> bool {
    Arc::ptr_eq(one, other)
}

mod arguments {
    use super::*;

    struct Thing {
        name: String,
        weight: u32,
    }

    #[memento]
    impl Thing {
        fn new(name: &str, weight: u32) -> Self {
            Thing {
                name: name.to_owned(),
                weight,
            }
        }
    }

    #[test]
    fn several_arguments_are_the_key_together() {
        let one = Thing::memento("one", 1);
        assert!(same(&one, &Thing::memento("one", 1)));
        assert!(!same(&one, &Thing::memento("one", 2)));
        assert!(!same(&one, &Thing::memento("two", 1)));
        assert_eq!((one.name.as_str(), one.weight), ("one", 1));
    }

    #[test]
    fn every_face_of_the_constructor_leads_to_the_same_instance() {
        let one = Thing::memento("faces", 1);
        assert!(same(&one, &Thing::try_memento("faces", 1).unwrap()));
        let timeout = std::time::Duration::from_secs(1);
        assert!(same(
            &one,
            &Thing::try_memento_for(timeout, "faces", 1).unwrap()
        ));
        assert!(same(&one, &<Thing as Memento>::memento(("faces", 1))));
        assert_eq!(
            <Thing as Memento>::key(&("faces", 1)),
            ("faces".to_owned(), 1)
        );
        assert!(same(&one, &Thing::mementos().peek(("faces", 1)).unwrap()));
    }

    struct Nothing;

    #[memento]
    impl Nothing {
        fn new() -> Self {
            Nothing
        }
    }

    #[test]
    fn no_arguments_make_one_instance() {
        assert!(same(&Nothing::memento(), &Nothing::memento()));
    }

    struct Borrowing(String);

    #[memento]
    impl Borrowing {
        #[expect(clippy::too_many_arguments)]
        fn new<'n>(
            name: &'n str,
            bytes: &[u8],
            path: &Path,
            pair: (&'n str, u8),
            maybe: Option<&str>,
            deep: Option<(&str, Option<&[u32]>)>,
            text: Cow<'_, str>,
            twice: &&str,
        ) -> Self {
            Borrowing(format!(
                "{name}{bytes:?}{path:?}{pair:?}{maybe:?}{deep:?}{text}{twice}"
            ))
        }
    }

    #[test]
    fn borrows_inside_references_tuples_and_options_are_looked_up_as_they_are() {
        let get = |maybe: Option<&str>, last: &[u32]| {
            let deep = Some(("d", Some(last)));
            Borrowing::memento(
                "a",
                &[1],
                Path::new("/"),
                ("b", 2),
                maybe,
                deep,
                "c".into(),
                &"t",
            )
        };
        let one = get(Some("m"), &[3]);
        assert!(same(&one, &get(Some(&String::from("m")), &[3])));
        assert!(!same(&one, &get(None, &[3])));
        assert!(!same(&one, &get(Some("m"), &[4])));
        assert!(one.0.starts_with("a[1]"));
    }

    #[test]
    fn the_key_of_a_borrow_is_its_owner() {
        type Key = <Borrowing as Memento>::Key;
        let key: Key = (
            "a".to_owned(),
            vec![1],
            PathBuf::from("/"),
            ("b".to_owned(), 2),
            None,
            Some(("d".to_owned(), Some(vec![3]))),
            "c".to_owned(),
            "t".to_owned(),
        );
        let deep = Some(("d", Some(&[3][..])));
        let args = (
            "a",
            &[1][..],
            Path::new("/"),
            ("b", 2),
            None,
            deep,
            Cow::Borrowed("c"),
            &"t",
        );
        assert_eq!(<Borrowing as Memento>::key(&args), key);
    }

    struct Owning(String, Vec<u32>);

    #[memento]
    impl Owning {
        fn new(name: String, mut list: Vec<u32>, (a, b): (u32, u32), _: bool) -> Self {
            list.push(a + b);
            Owning(name, list)
        }
    }

    #[test]
    fn owned_arguments_reach_the_constructor_by_value() {
        let one = Owning::memento("a".to_owned(), vec![1], (2, 3), true);
        assert!(same(
            &one,
            &Owning::memento("a".to_owned(), vec![1], (2, 3), true)
        ));
        assert!(!same(
            &one,
            &Owning::memento("a".to_owned(), vec![1], (3, 2), true)
        ));
        assert_eq!((one.0.as_str(), one.1.as_slice()), ("a", &[1, 5][..]));
    }

    struct Clash(u32);

    #[memento]
    impl Clash {
        fn new(args: u32, timeout: u32, key: u32) -> Self {
            Clash(args + timeout + key)
        }
    }

    #[test]
    fn arguments_may_be_called_anything() {
        let second = std::time::Duration::from_secs(1);
        assert_eq!(Clash::try_memento_for(second, 1, 2, 3).unwrap().0, 6);
    }
}

mod keys {
    use super::*;

    struct Subset(String);

    #[memento(key(site, r#type))]
    impl Subset {
        fn new(title: String, site: &str, r#type: u8) -> Self {
            Subset(format!("{title}{site}{}", r#type))
        }
    }

    #[test]
    fn only_the_named_arguments_are_identity() {
        let one = Subset::memento("first".to_owned(), "a", 1);
        assert!(same(&one, &Subset::memento("second".to_owned(), "a", 1)));
        assert!(!same(&one, &Subset::memento("first".to_owned(), "a", 2)));
        assert!(one.0.starts_with("first"));
    }

    struct Alone;

    #[memento(key())]
    impl Alone {
        fn new(_hint: &mut Vec<u8>) -> Self {
            Alone
        }
    }

    #[test]
    fn what_is_no_part_of_the_key_may_be_anything() {
        assert!(same(
            &Alone::memento(&mut vec![1]),
            &Alone::memento(&mut vec![2])
        ));
    }

    struct Lowercase(u32);

    #[memento(key = |name: &str, _weight: u32| name.to_lowercase())]
    impl Lowercase {
        fn new(name: &str, weight: u32) -> Self {
            Lowercase(weight + name.len() as u32)
        }
    }

    #[test]
    fn a_closure_computes_the_key() {
        let one = Lowercase::memento("A", 1);
        assert!(same(&one, &Lowercase::memento("a", 2)));
        assert!(!same(&one, &Lowercase::memento("b", 1)));
        assert_eq!(one.0, 2);
    }

    struct Inferred;

    #[memento(key = |name, weight, list, (a, _)| (name.len(), weight % 2, list.len(), *a))]
    impl Inferred {
        fn new(_name: &str, _weight: u32, _list: Vec<u8>, _pair: (u8, u8)) -> Self {
            Inferred
        }
    }

    #[test]
    fn a_closure_need_not_write_its_types() {
        let one = Inferred::memento("abc", 1, vec![7], (1, 2));
        assert!(same(&one, &Inferred::memento("xyz", 3, vec![8], (1, 9))));
        assert!(!same(&one, &Inferred::memento("xyz", 2, vec![8], (1, 9))));
    }

    struct Typed;

    #[memento(key = |name: String, by_reference: &u8, _: &Vec<u8>| -> (String, u8) { (name, *by_reference) })]
    impl Typed {
        fn new(_name: String, _number: u8, _list: Vec<u8>) -> Self {
            Typed
        }
    }

    #[test]
    fn a_closure_with_a_return_type_makes_a_key_of_that_type() {
        let args = ("a".to_owned(), 1, vec![2]);
        let key: (String, u8) = <Typed as Memento>::key(&args);
        assert_eq!(key, ("a".to_owned(), 1));
        assert!(same(
            &Typed::memento("a".to_owned(), 1, vec![2]),
            &Typed::memento("a".to_owned(), 1, vec![3]),
        ));
    }

    fn parity(number: u32) -> bool {
        number & 1 == 0
    }

    struct Parity;

    #[memento(key = parity)]
    impl Parity {
        fn new(_number: u32) -> Self {
            Parity
        }
    }

    #[test]
    fn a_function_computes_the_key() {
        assert!(same(&Parity::memento(1), &Parity::memento(3)));
        assert!(!same(&Parity::memento(1), &Parity::memento(2)));
    }

    struct Measured;

    #[memento]
    impl Measured {
        fn new(
            _one: f64,
            _many: &[f32],
            _maybe: Option<f64>,
            _pair: (f32, &str),
            _array: [f64; 2],
        ) -> Self {
            Measured
        }
    }

    #[test]
    fn floats_are_compared_by_total_order() {
        let get = |one, x| Measured::memento(one, &[x, 1.0], Some(one), (x, "a"), [0.5, one]);
        let nan = get(f64::NAN, f32::NAN);
        assert!(same(&nan, &get(f64::NAN, f32::NAN)));
        assert!(!same(&get(0.0, 1.0), &get(-0.0, 1.0)));
    }

    type Metres = f64;

    struct Aliased;

    #[memento(key(total(length), total(maybe)))]
    impl Aliased {
        fn new(length: Metres, maybe: Option<Metres>) -> Self {
            let _ = (length, maybe);
            Aliased
        }
    }

    #[test]
    fn total_names_a_float_that_its_type_does_not_show() {
        let get = |length| Aliased::memento(length, Some(length));
        assert!(same(&get(f64::NAN), &get(f64::NAN)));
    }

    struct Collected;

    #[memento]
    impl Collected {
        fn new(
            _map: HashMap<String, u32>,
            _set: &HashSet<u8>,
            _maybe: Option<&HashSet<u8>>,
        ) -> Self {
            Collected
        }
    }

    #[test]
    fn maps_and_sets_are_compared_by_content() {
        let get = |order: &[u8]| {
            let map = order.iter().map(|n| (n.to_string(), 1)).collect();
            let set: HashSet<u8> = order.iter().copied().collect();
            Collected::memento(map, &set, Some(&set))
        };
        assert!(same(&get(&[1, 2, 3]), &get(&[3, 2, 1])));
        assert!(!same(&get(&[1, 2, 3]), &get(&[1, 2])));
    }

    type Set = HashSet<u8>;

    struct Content;

    #[memento(key(content(set)))]
    impl Content {
        fn new(set: Set) -> Self {
            drop(set);
            Content
        }
    }

    #[test]
    fn content_names_a_set_that_its_type_does_not_show() {
        assert!(same(
            &Content::memento(Set::from([1, 2])),
            &Content::memento(Set::from([2, 1]))
        ));
    }

    struct ByAddress;

    #[memento(key(address(one), address(two)))]
    impl ByAddress {
        fn new(one: Arc<dyn Fn() -> u32 + Send + Sync>, two: &Arc<str>) -> Self {
            let _ = (one(), two);
            ByAddress
        }
    }

    #[test]
    fn an_arc_by_address_is_the_same_only_as_itself() {
        let one: Arc<dyn Fn() -> u32 + Send + Sync> = Arc::new(|| 1);
        let two: Arc<str> = "a".into();
        let first = ByAddress::memento(one.clone(), &two);
        assert!(same(&first, &ByAddress::memento(one.clone(), &two)));
        assert!(!same(&first, &ByAddress::memento(one, &"a".into())));
    }
}

mod factories {
    use super::*;
    use mementos::{MementoFactory, memento_factory};
    use std::any::TypeId;

    type ByName = fn(TypeId, &(&str, u32)) -> String;

    static BY_NAME: MementoFactory<ByName> =
        memento_factory("ByName").key(|_, args| args.0.to_lowercase());

    struct One(u32);

    #[memento(factory = BY_NAME)]
    impl One {
        fn new(_name: &str, weight: u32) -> Self {
            One(weight)
        }
    }

    #[derive(Debug)]
    struct Two(u32);

    #[memento(factory = BY_NAME)]
    impl Two {
        fn new(_name: &str, weight: u32) -> Result<Self, String> {
            Ok(Two(weight))
        }
    }

    #[test]
    fn types_share_a_factory_and_do_not_meet() {
        assert_eq!(One::memento("A", 1).0, 1);
        assert_eq!(One::memento("a", 2).0, 1);
        assert_eq!(Two::memento("A", 3).0, 3);
        assert_eq!(Two::try_memento("a", 4).unwrap().0, 3);
        assert_eq!(<One as Memento>::factory(), BY_NAME.id());
        assert!(same(
            &One::memento("A", 1),
            &BY_NAME.memento::<One>(("A", 9))
        ));
    }
}

mod constructors {
    use super::*;
    use mementos::BuildError;

    struct Named(u8);

    #[memento(with = open)]
    impl Named {
        fn open(number: u8) -> Self {
            Named(number)
        }
    }

    #[test]
    fn with_names_the_constructor() {
        assert_eq!(Named::memento(3).0, 3);
    }

    #[derive(Debug)]
    struct Refused(u8);

    struct Fallible(u8);

    #[memento]
    impl Fallible {
        fn new(number: u8) -> Result<Self, Refused> {
            if number > 9 {
                Err(Refused(number))
            } else {
                Ok(Fallible(number))
            }
        }
    }

    #[test]
    fn a_result_is_an_instance_or_an_error() {
        let one = Fallible::try_memento(1).unwrap();
        assert!(same(&one, &Fallible::memento(1)));
        assert_eq!(one.0, 1);
        let error: BuildError<Refused> = Fallible::try_memento(10).err().unwrap();
        assert!(format!("{error:?}").contains("10"));
        let Refused(number) = Refused(10);
        assert_eq!(number, 10);
    }

    type Outcome = Result<Aliased, Refused>;

    struct Aliased;

    #[memento]
    impl Aliased {
        fn new(number: u8) -> Outcome {
            if number > 9 {
                Err(Refused(number))
            } else {
                Ok(Aliased)
            }
        }
    }

    #[test]
    fn a_result_by_another_name_is_one_too() {
        assert!(same(
            &Aliased::memento(1),
            &Aliased::try_memento(1).unwrap()
        ));
        assert!(Aliased::try_memento(10).is_err());
    }

    struct Conditional;

    #[memento]
    impl Conditional {
        #[cfg(any())]
        fn unused() -> Self {
            Conditional
        }

        /// A constructor with all its attributes.
        ///
        /// More.
        #[cfg(not(any()))]
        #[allow(clippy::too_many_arguments)]
        #[deprecated = "for the test"]
        #[must_use]
        #[expect(clippy::get_first, reason = "expectations are the constructor's own")]
        pub(super) fn new(a: &[u8]) -> Self {
            let _ = a.get(0);
            Conditional
        }
    }

    #[test]
    #[allow(deprecated)]
    fn attributes_pass_through() {
        assert!(same(&Conditional::memento(&[]), &Conditional::memento(&[])));
    }
}

mod generics {
    use super::*;
    use mementos::Key;

    struct Boxed<T, const N: usize>(T);

    #[memento]
    impl<T, const N: usize> Boxed<T, N>
    where
        T: Key,
    {
        fn new(value: T, name: &str, slice: &[T]) -> Self {
            let _ = (name, slice);
            Boxed(value)
        }
    }

    #[test]
    fn generic_types_share_by_parameters_and_arguments() {
        let one = Boxed::<_, 1>::memento(7_u8, "a", &[]);
        assert!(same(&one, &Boxed::memento(7, "a", &[])));
        assert!(!same(&one, &Boxed::memento(7, "a", &[1])));
        assert_eq!(Boxed::<_, 2>::memento(7, "a", &[]).0, one.0);
        assert_eq!(Boxed::<_, 1>::memento("text", "a", &[]).0, "text");
    }

    #[derive(Debug)]
    struct Concrete<T>(T);

    #[memento]
    impl Concrete<u8> {
        fn new(value: u8) -> Result<Self, Concrete<String>> {
            if value == 0 {
                Err(Concrete("zero".to_owned()))
            } else {
                Ok(Concrete(value))
            }
        }
    }

    #[test]
    fn one_form_of_a_generic_type_can_have_instances() {
        assert_eq!(Concrete::memento(1).0, 1);
        assert!(Concrete::try_memento(0).is_err());
        let Concrete(text) = Concrete("zero".to_owned());
        assert_eq!(text, "zero");
    }
}

mod visibility {
    mod inner {
        use mementos::memento;

        pub(super) struct Public;

        #[memento]
        impl Public {
            pub(in crate::visibility) fn new(_number: u8) -> Self {
                Public
            }
        }
    }

    #[test]
    fn the_functions_are_as_visible_as_the_constructor() {
        assert!(super::same(
            &inner::Public::memento(1),
            &inner::Public::memento(1)
        ));
    }
}

mod keep {
    use super::*;

    macro_rules! kept {
        ($name:ident, $keep:expr, $($options:tt)*) => {
            struct $name;

            #[memento($($options)*)]
            impl $name {
                fn new(_number: u32) -> Self {
                    $name
                }
            }

            assert_eq!(<$name as Memento>::KEEP, $keep);
            assert!(same(&$name::memento(1), &$name::memento(1)) || $keep == Keep::Weak);
        };
    }

    #[test]
    fn the_option_is_the_policy() {
        const MANY: usize = 10;
        kept!(Strong, Keep::Strong, keep = "strong");
        kept!(Weak, Keep::Weak, keep = "weak");
        kept!(
            Pinned,
            Keep::Pinned { capacity: 20 },
            keep = "pinned",
            capacity = 2 * MANY
        );
        kept!(Static, Keep::Static, keep = "static");
    }

    struct Forever(String);

    #[memento(keep = "static")]
    impl Forever {
        fn new(name: &str) -> Self {
            Forever(name.to_owned())
        }
    }

    #[test]
    fn a_static_instance_is_a_reference() {
        let one: &'static Forever = Forever::memento_ref("one");
        assert!(std::ptr::eq(one, Forever::memento_ref("one")));
        assert_eq!(one.0, "one");
    }
}

mod stamped {
    use super::*;

    macro_rules! stamp {
        ($name:ident: $($argument:ident: $type:ty),*) => {
            struct $name(usize);

            #[memento]
            impl $name {
                fn new(first: &str, $($argument: $type),*) -> Self {
                    let _ = ($($argument,)*);
                    $name(first.len())
                }
            }
        };
    }

    stamp!(Stamped: text: &str, pair: (f64, Cow<'_, str>), maybe: Option<&[u8]>);

    #[test]
    fn the_block_may_come_out_of_another_macro() {
        let get = || Stamped::memento("ab", "a", (1.0, "b".into()), Some(&[1]));
        assert!(same(&get(), &get()));
        assert_eq!(get().0, 2);
    }
}

mod hygiene {
    #![allow(dead_code)]

    struct Option;
    struct Result;
    struct Some;
    struct None;
    struct Ok;
    struct Err;
    struct Arc;
    struct Vec;
    struct String;
    trait ToOwned {}
    trait Clone {}
    trait Hash {}
    mod core {}
    mod std {}
    mod mementos {}

    struct Thing;

    #[::mementos::memento(key = |text: &str, _number| text.len())]
    impl Thing {
        fn new(_text: &str, _number: f64) -> Self {
            Thing
        }
    }

    #[derive(::mementos::Key)]
    struct Args<'a> {
        text: &'a str,
        floats: &'a [f64],
        pair: (f32, u8),
    }

    #[test]
    fn generated_code_does_not_care_what_names_mean_here() {
        assert!(super::same(
            &Thing::memento("ab", 1.0),
            &Thing::memento("cd", 2.0)
        ));
    }

    mod facade {
        pub(super) use ::mementos as inner;
    }

    struct Renamed;

    #[::mementos::memento(crate = facade::inner)]
    impl Renamed {
        fn new(_number: u8) -> Self {
            Renamed
        }
    }

    #[test]
    fn the_crate_can_have_another_name() {
        assert!(super::same(&Renamed::memento(1), &Renamed::memento(1)));
    }
}
