//! What `#[memoize]` generates, as a user sees it.

#![deny(missing_docs, unused_qualifications, dead_code, warnings)]
#![cfg(feature = "macros")]

use mementos::{Memoized, memoize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How often something ran. A `static` of it, so that each test has its own.
struct Runs(AtomicUsize);

impl Runs {
    const fn new() -> Self {
        Runs(AtomicUsize::new(0))
    }

    fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn so_far(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

mod arguments {
    use super::*;

    #[test]
    fn several_arguments_are_the_key_together() {
        static RUNS: Runs = Runs::new();

        #[memoize]
        fn adder(a: i32, b: i32) -> i32 {
            RUNS.count();
            a + b
        }

        assert_eq!((adder(1, 2), adder(1, 2), adder(2, 1)), (3, 3, 3));
        assert_eq!(RUNS.so_far(), 2);
        assert!(adder::exists(1, 2));
        assert!(!adder::exists(1, 3));
    }

    #[test]
    fn one_argument_is_the_key_alone() {
        #[memoize]
        fn length(text: &str) -> usize {
            text.len()
        }

        assert_eq!(length("abc"), 3);
        assert!(length::exists("abc"));
        assert!(length::exists(&String::from("abc")));
        assert_eq!(length::function().call("abcd"), 4);
    }

    #[test]
    fn no_arguments_make_one_result() {
        static RUNS: Runs = Runs::new();

        #[memoize]
        fn answer() -> usize {
            RUNS.count()
        }

        assert_eq!((answer(), answer()), (1, 1));
        assert!(answer::exists());
    }

    #[test]
    fn borrows_inside_references_tuples_and_options_are_looked_up_as_they_are() {
        static RUNS: Runs = Runs::new();

        #[memoize]
        #[expect(clippy::too_many_arguments)]
        fn borrowing<'n>(
            name: &'n str,
            bytes: &[u8],
            path: &Path,
            pair: (&'n str, u8),
            maybe: Option<&str>,
            deep: Option<(&str, Option<&[u32]>)>,
            text: Cow<'_, str>,
            twice: &&str,
        ) -> String {
            RUNS.count();
            format!("{name}{bytes:?}{path:?}{pair:?}{maybe:?}{deep:?}{text}{twice}")
        }

        let get = |maybe: Option<&str>, last: &[u32]| {
            let deep = Some(("d", Some(last)));
            let path = Path::new("/");
            borrowing("a", &[1], path, ("b", 2), maybe, deep, "c".into(), &"t")
        };
        assert_eq!(get(Some("m"), &[3]), get(Some(&String::from("m")), &[3]));
        assert_eq!(RUNS.so_far(), 1);
        assert_ne!(get(None, &[3]), get(Some("m"), &[4]));
        assert_eq!(RUNS.so_far(), 3);
    }

    #[test]
    fn arguments_may_be_patterns() {
        #[memoize]
        fn sum((a, b): (u32, u32), [c, d]: [u32; 2], _: &str) -> u32 {
            a + b + c + d
        }

        assert_eq!(sum((1, 2), [3, 4], "x"), 10);
        assert!(sum::exists((1, 2), [3, 4], "x"));
        assert!(!sum::exists((1, 2), [3, 4], "y"));
    }

    #[test]
    fn the_body_may_change_its_arguments() {
        #[memoize]
        fn sorted(mut list: Vec<u32>, mut times: u32) -> Vec<u32> {
            while times > 0 {
                list.sort_unstable();
                times -= 1;
            }
            list
        }

        assert_eq!(sorted(vec![3, 1, 2], 1), [1, 2, 3]);
        assert!(sorted::exists(vec![3, 1, 2], 1));
        assert!(!sorted::exists(vec![1, 2, 3], 1));
    }

    #[test]
    fn floats_and_maps_have_canonical_forms() {
        #[memoize]
        fn area(width: f64, height: Option<f32>, names: HashMap<String, u32>) -> usize {
            _ = (width, height);
            names.len()
        }

        let names = || HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(area(f64::NAN, Some(0.5), names()), 2);
        assert!(area::exists(f64::NAN, Some(0.5), names()));
        assert!(!area::exists(f64::NAN, Some(0.5), HashMap::new()));
    }

    #[test]
    fn recursion_is_linear() {
        static RUNS: Runs = Runs::new();

        #[memoize]
        fn fib(n: u64) -> u64 {
            RUNS.count();
            if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
        }

        assert_eq!(fib(90), 2_880_067_194_370_816_120);
        assert_eq!(RUNS.so_far(), 91);
    }

    #[test]
    fn the_body_may_return_early_and_by_question_mark() {
        #[memoize]
        fn parsed(text: &str) -> Result<u32, std::num::ParseIntError> {
            if text.is_empty() {
                return Ok(0);
            }
            let number: u32 = text.parse()?;
            Ok(number + 1)
        }

        assert_eq!(parsed(""), Ok(0));
        assert_eq!(parsed("1"), Ok(2));
        assert!(parsed("x").is_err());
        assert!(!parsed::exists("x"));
    }
}

mod key {
    use super::*;

    #[test]
    fn arguments_can_be_left_out() {
        #[memoize(key(url))]
        fn page(url: &str, retries: u32) -> String {
            format!("{url} {retries}")
        }

        assert_eq!(page("a", 1), page("a", 2));
        assert_ne!(page("a", 1), page("b", 1));
    }

    #[test]
    fn a_mutable_borrow_can_be_left_out() {
        #[memoize(key(n))]
        fn logged(n: u32, log: &mut Vec<u32>) -> u32 {
            log.push(n);
            n
        }

        let mut log = Vec::new();
        assert_eq!((logged(1, &mut log), logged(1, &mut log)), (1, 1));
        assert_eq!(log, [1]);
    }

    #[test]
    fn a_closure_of_all_arguments_can_make_it() {
        #[memoize(key = |name, _port| name.to_lowercase())]
        fn host(name: &str, port: u16) -> String {
            format!("{name}:{port}")
        }

        assert_eq!(host("Example", 80), "Example:80");
        assert_eq!(host("EXAMPLE", 443), "Example:80");
    }

    #[test]
    fn a_closure_can_say_its_type() {
        #[memoize(key = |name: &str, number: u32| -> (usize, u32) { (name.len(), number) })]
        fn named(name: &str, number: u32) -> String {
            format!("{name}{number}")
        }

        assert_eq!(
            (named("ab", 1), named("cd", 1)),
            ("ab1".into(), "ab1".into())
        );
    }

    #[test]
    fn a_function_can_make_it() {
        fn first(text: &str) -> Option<char> {
            text.chars().next()
        }

        #[memoize(key = first)]
        fn word(text: &str) -> String {
            text.to_owned()
        }

        assert_eq!((word("ab"), word("ac")), ("ab".into(), "ab".into()));
    }

    #[test]
    fn canonical_forms_can_be_asked_for() {
        type Real = f64;

        #[memoize(key(total(width), content(names), address(style)))]
        fn drawn(width: Real, names: &HashMap<u8, u8>, style: &Arc<String>) -> String {
            format!("{width}{names:?}{style}")
        }

        let (names, style) = (HashMap::from([(1, 2)]), Arc::new("s".to_owned()));
        drawn(f64::NAN, &names, &style);
        assert!(drawn::exists(f64::NAN, &names.clone(), &style.clone()));
        assert!(!drawn::exists(f64::NAN, &names, &Arc::new("s".to_owned())));
    }

    #[test]
    fn its_text_begins_with_module_and_name() {
        #[memoize]
        fn adder(a: i32, b: i32) -> i32 {
            a + b
        }

        assert_eq!(adder::NAME, concat!(module_path!(), "::adder"));
        assert!(adder::key(1, 2).contains("key::adder"));
    }

    #[test]
    fn names_may_be_raw() {
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        struct Type;

        #[memoize]
        fn r#match(r#in: u8) -> u8 {
            r#in
        }

        #[memoize]
        impl Type {
            #[memoize(key(r#in))]
            fn r#type(&self, r#in: u8) -> u8 {
                r#in
            }
        }

        assert_eq!((r#match(1), Type.r#type(1)), (1, 1));
        assert!(r#match::key(1).ends_with("::match(1)"));
        let key = Type::type_memo().key((&Type, 1));
        assert!(key.ends_with("::Type::type(1)"), "{key}");
    }

    #[test]
    fn its_prefix_can_be_ones_own() {
        #[memoize(prefix = "sums.v2")]
        fn adder(a: i32, b: i32) -> i32 {
            a + b
        }

        assert_eq!(adder::NAME, "sums.v2");
        assert!(adder::key(1, 2).contains("sums.v2"));
    }
}

mod generics {
    use super::*;
    use mementos::Key;
    use std::fmt::Display;

    #[test]
    fn each_type_has_its_own_results() {
        #[memoize]
        fn twice<T: Key>(x: T) -> Vec<T> {
            vec![x.clone(), x]
        }

        assert_eq!(twice(1), [1, 1]);
        assert_eq!(twice("a"), ["a", "a"]);
        assert!(twice::exists(1));
        assert!(twice::exists("a"));
        assert!(!twice::exists('a'));
    }

    #[test]
    fn bounds_may_stand_in_a_where_clause() {
        #[memoize]
        fn shown<'a, T, U>(x: &'a T, y: U, _: &'a str) -> String
        where
            T: Key + Display,
            U: Key + Into<u64>,
        {
            format!("{x}{}", y.into())
        }

        assert_eq!(shown(&1, 2_u32, "a"), "12");
        assert!(shown::exists(&1, 2_u32, "a"));
        assert!(!shown::exists(&1, 2_u16, "a"));
    }

    #[test]
    fn constants_are_parameters_too() {
        #[memoize]
        fn sum<const N: usize>(list: [u32; N]) -> u32 {
            list.iter().sum::<u32>() + N as u32
        }

        assert_eq!((sum([1, 2]), sum([1, 2, 0])), (5, 6));
        assert!(sum::<2>::exists([1, 2]));
    }

    #[test]
    fn lifetimes_belong_to_the_call() {
        #[memoize]
        fn joined<'a, 'b: 'a, T: Key + 'a>(x: &'a str, y: (&'a str, &'b str), z: &'b T) -> String
        where
            'a: 'a,
        {
            format!("{x}{y:?}{z:?}")
        }

        assert_eq!(joined("x", ("y", "z"), &1), "x(\"y\", \"z\")1");
        assert!(joined::exists("x", ("y", "z"), &1));
    }

    #[test]
    fn a_parameter_may_be_in_the_output_alone() {
        #[memoize]
        fn made<T: Default + Clone + Send + Sync + 'static>(_: u8) -> T {
            T::default()
        }

        assert_eq!(made::<String>(1), "");
        assert_eq!(made::<u8>(1), 0);
        assert!(made::<u8>::exists(1));
        assert!(!made::<u16>::exists(1));
    }
}

mod operations {
    use super::*;
    use mementos::Options;
    use std::time::{Duration, SystemTime};

    /// A sum.
    #[memoize]
    fn adder(a: i32, b: i32) -> i32 {
        a + b
    }

    #[test]
    fn a_result_can_be_deleted() {
        adder(1, 1);
        assert!(adder::delete(1, 1).unwrap());
        assert!(!adder::exists(1, 1));
        assert!(!adder::delete(1, 1).unwrap());
    }

    #[test]
    fn a_result_can_be_expired() {
        adder(2, 1);
        assert_eq!(adder::ttl(2, 1), None);
        assert!(adder::expire(Duration::from_secs(60), 2, 1).unwrap());
        assert!(adder::ttl(2, 1).unwrap() <= Duration::from_secs(60));
        let later = SystemTime::now() + Duration::from_secs(600);
        assert!(adder::expire_at(later, 2, 1).unwrap());
        assert!(adder::ttl(2, 1).unwrap() > Duration::from_secs(60));
    }

    #[test]
    fn a_call_can_have_options_of_its_own() {
        let once = Options::new().etag("a");
        assert_eq!(adder::get(&once, 3, 1).unwrap(), 4);
        assert_eq!(adder::last_etag(3, 1).unwrap().as_str(), "a");
        assert_eq!(adder::get(once, 3, 1).unwrap(), 4);
    }

    #[test]
    fn a_result_can_be_refreshed() {
        static RUNS: Runs = Runs::new();

        #[memoize]
        fn run(_: u8) -> usize {
            RUNS.count()
        }

        assert_eq!(run(1), 1);
        assert_eq!(run::refresh(1).unwrap(), 2);
        assert_eq!(run(1), 2);
        assert_eq!(run::uncached(1), 3);
        assert_eq!(run(1), 2);
    }

    #[test]
    fn an_entry_tells_about_the_result() {
        adder(4, 1);
        let entry = adder::entry(4, 1).unwrap();
        assert_eq!((*entry.value(), entry.etag()), (5, None));
        assert!(adder::entry(4, 2).is_none());
    }

    #[test]
    fn all_results_can_be_cleared() {
        #[memoize]
        fn one(x: u8) -> u8 {
            x
        }

        one(1);
        one::clear().unwrap();
        assert!(!one::exists(1));
    }

    #[test]
    fn options_can_be_set_after_the_declaration() {
        #[memoize]
        fn one(x: u8) -> u8 {
            x
        }

        one::set_options(Options::new().max_age(Duration::from_secs(60)));
        one(1);
        assert!(one::ttl(1).unwrap() <= Duration::from_secs(60));
    }

    #[test]
    fn rules_can_be_set_after_the_declaration() {
        #[memoize]
        fn one(x: u8, _name: &str) -> u8 {
            x
        }

        one::etag_by(|(x, name)| format!("{name}{x}"));
        one::max_age_by(|(x, _)| Some(Duration::from_secs((*x).into())));
        one(9, "n");
        assert_eq!(one::last_etag(9, "n").unwrap().as_str(), "n9");
        assert!(one::ttl(9, "n").unwrap() <= Duration::from_secs(9));
    }

    #[test]
    fn the_handle_takes_the_arguments_together() {
        assert_eq!(adder::function().call((5, 1)), 6);
        assert!(adder::function().exists((5, 1)));
    }

    /// Names of arguments do not meet those of the operations.
    #[memoize]
    pub(crate) fn names(age: u32, options: u32, time: u32, args: u32, rule: u32) -> u32 {
        age + options + time + args + rule
    }

    #[test]
    fn arguments_may_be_named_like_the_operations_own() {
        assert_eq!(names(1, 2, 3, 4, 5), 15);
        assert!(names::expire(Duration::from_secs(60), 1, 2, 3, 4, 5).unwrap());
        assert_eq!(names::get(Options::new(), 1, 2, 3, 4, 5).unwrap(), 15);
    }
}

mod options {
    use super::*;
    use mementos::{Memoizer, OnLockTimeout, Options};
    use std::sync::LazyLock;
    use std::time::{Duration, SystemTime};

    const AGE: Duration = Duration::from_secs(7);

    fn said<M: Memoized>() -> String {
        format!("{:?}", M::options())
    }

    fn declared(options: Options) -> String {
        format!("{options:?}")
    }

    #[test]
    fn every_option_is_one_of_the_builder() {
        #[memoize(
            max_age = "1h 30m",
            expiry = "2030-01-31 12:00:00",
            etag = "v1",
            region = "short",
            namespace = "ns",
            timeout = "10s",
            on_lock_timeout = "error",
            jitter = "250ms",
            error_age = "1s",
            none_age = AGE
        )]
        fn one(x: u8) -> u8 {
            x
        }

        let expected = Options::new()
            .max_age(Duration::from_secs(5400))
            .expiry(SystemTime::UNIX_EPOCH + Duration::from_secs(1_896_091_200))
            .etag("v1")
            .region("short")
            .namespace("ns")
            .timeout(Duration::from_secs(10))
            .on_lock_timeout(OnLockTimeout::Error)
            .jitter(Duration::from_millis(250))
            .error_age(Duration::from_secs(1))
            .none_age(AGE);
        assert_eq!(said::<one>(), declared(expected));
        assert_eq!(one::uncached(1), 1);
        assert!(one as fn(u8) -> u8 as usize != 0);
    }

    #[test]
    fn every_option_can_be_none() {
        #[memoize(
            max_age = "none",
            expiry = "none",
            etag = "none",
            region = "none",
            namespace = "none",
            store = "none",
            lock = "none",
            timeout = "none",
            on_lock_timeout = "none",
            jitter = "none",
            error_age = "none",
            none_age = "none"
        )]
        fn one(x: u8) -> u8 {
            x
        }

        let expected = Options::new()
            .no_max_age()
            .no_expiry()
            .no_etag()
            .no_region()
            .no_namespace()
            .no_store()
            .no_lock()
            .no_timeout()
            .no_on_lock_timeout()
            .no_jitter()
            .no_error_age()
            .no_none_age();
        assert_eq!(said::<one>(), declared(expected));
        assert_eq!(one(1), 1);
    }

    #[test]
    fn an_etag_may_be_made_of_the_arguments() {
        static RUNS: Runs = Runs::new();

        #[memoize(key(name), etag = |_, version| version)]
        fn one(name: &str, version: &str) -> String {
            RUNS.count();
            format!("{name}{version}")
        }

        assert_eq!((one("a", "1"), one("a", "1")), ("a1".into(), "a1".into()));
        assert_eq!(one("a", "2"), "a2");
        assert_eq!(one::last_etag("a", "2").unwrap().as_str(), "2");
        assert_eq!(RUNS.so_far(), 2);
    }

    #[test]
    fn an_age_may_be_made_of_the_arguments() {
        #[memoize(
            max_age = |x| Duration::from_secs(x.into()),
            expiry = |_| SystemTime::now() + AGE
        )]
        fn one(x: u8) -> u8 {
            x
        }

        one(1);
        assert!(one::ttl(1).unwrap() <= Duration::from_secs(1));
        one(100);
        assert!(one::ttl(100).unwrap() < 2 * AGE);
    }

    struct Page {
        age: Duration,
        mark: String,
    }

    #[test]
    fn ages_and_etags_may_be_made_of_the_value() {
        fn age(page: &Arc<Page>) -> Duration {
            page.age
        }

        #[memoize(
            max_age_of = age,
            expiry_of = |_| SystemTime::now() + AGE,
            etag_of = |page| page.mark.as_str()
        )]
        fn page(seconds: u64) -> Arc<Page> {
            let age = Duration::from_secs(seconds);
            let mark = format!("m{seconds}");
            Arc::new(Page { age, mark })
        }

        page(3);
        assert!(page::ttl(3).unwrap() <= Duration::from_secs(3));
        assert_eq!(page::last_etag(3).unwrap().as_str(), "m3");
    }

    static MEMO: LazyLock<Memoizer> = LazyLock::new(Memoizer::in_memory);

    #[test]
    fn a_memoizer_can_be_ones_own() {
        #[memoize(memo = MEMO)]
        fn one(x: u8) -> u8 {
            x
        }

        assert_eq!(one(1), 1);
        assert!(one::exists(1));
        assert!(std::ptr::eq(one::memoizer(), &*MEMO));
    }

    #[test]
    fn a_store_can_be_ones_own() {
        use mementos::AnyValue;
        use std::sync::Mutex;

        type Rows = Mutex<HashMap<String, mementos::Entry<AnyValue>>>;
        static ROWS: LazyLock<Arc<Rows>> = LazyLock::new(Arc::default);

        #[memoize(store = ROWS.clone(), namespace = "ns", prefix = "one")]
        fn one(x: u8) -> u8 {
            x
        }

        assert_eq!((one(1), one(1)), (1, 1));
        let keys: Vec<_> = ROWS.lock().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["ns:one(1)"]);
    }

    /// Says when it was held.
    struct Noted(std::sync::Mutex<Vec<String>>);

    impl mementos::store::Lock for &'static Noted {
        fn acquire(&self, _: &str, timeout: Duration) -> Result<bool, mementos::store::StoreError> {
            self.0.lock().unwrap().push(format!("lock {timeout:?}"));
            Ok(true)
        }

        fn release(&self, _: &str) {
            self.0.lock().unwrap().push("unlock".to_owned());
        }
    }

    #[test]
    fn a_lock_can_be_ones_own() {
        static LOCK: Noted = Noted(std::sync::Mutex::new(Vec::new()));

        #[memoize(lock = &LOCK, timeout = "3s")]
        fn one(x: u8) -> u8 {
            LOCK.0.lock().unwrap().push("call".to_owned());
            x
        }

        assert_eq!((one(1), one(1)), (1, 1));
        assert_eq!(*LOCK.0.lock().unwrap(), ["lock 3s", "call", "unlock"]);
    }

    #[test]
    fn a_table_can_be_local_to_each_thread() {
        static RUNS: Runs = Runs::new();

        #[memoize(local, max_age = "60s")]
        fn one(x: u8) -> std::rc::Rc<usize> {
            _ = x;
            std::rc::Rc::new(RUNS.count())
        }

        assert_eq!((*one(1), *one(1)), (1, 1));
        std::thread::spawn(|| assert_eq!((*one(1), *one(1)), (2, 2)))
            .join()
            .unwrap();
        assert!(one::exists(1));
        one::clear().unwrap();
        assert!(!one::exists(1));
    }

    #[test]
    fn a_local_function_may_be_generic() {
        #[memoize(local)]
        fn one<T: std::hash::Hash + Eq + Clone + std::fmt::Debug + 'static>(x: T) -> T {
            x
        }

        assert_eq!(*one(std::rc::Rc::new(1)), 1);
        assert!(one::exists(std::rc::Rc::new(1)));
        assert!(!one::exists(1));
    }

    #[test]
    #[cfg(feature = "bounded")]
    fn a_table_can_have_a_capacity() {
        #[memoize(capacity = 10)]
        fn one(x: u32) -> u32 {
            x
        }

        (0..1000).for_each(|x| assert_eq!(one(x), x));
        let kept = (0..1000).filter(|x| one::exists(*x)).count();
        assert!((1..=11).contains(&kept), "{kept}");
    }
}

mod results {
    use super::*;

    #[test]
    fn an_error_is_not_kept_and_need_not_be_clone() {
        static RUNS: Runs = Runs::new();

        struct Plain;

        #[memoize]
        fn even(x: u32) -> Result<u32, Plain> {
            RUNS.count();
            if x.is_multiple_of(2) {
                Ok(x)
            } else {
                Err(Plain)
            }
        }

        assert!(matches!(even(1), Err(Plain)));
        assert!(matches!(even(1), Err(Plain)));
        assert!(matches!((even(2), even(2)), (Ok(2), Ok(2))));
        assert_eq!(RUNS.so_far(), 3);
    }

    #[test]
    fn a_none_is_not_kept() {
        static RUNS: Runs = Runs::new();

        #[memoize]
        fn even(x: u32) -> Option<u32> {
            RUNS.count();
            x.is_multiple_of(2).then_some(x)
        }

        assert_eq!(
            (even(1), even(1), even(2), even(2)),
            (None, None, Some(2), Some(2))
        );
        assert_eq!(RUNS.so_far(), 3);
    }

    #[test]
    fn a_result_may_borrow_for_ever() {
        #[memoize]
        fn name(x: u32) -> &'static str {
            if x == 0 { "zero" } else { "many" }
        }

        assert_eq!((name(0), name(1)), ("zero", "many"));
    }
}

mod methods {
    use super::*;
    use mementos::Key;
    use std::time::Duration;

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Shape {
        id: u64,
        name: String,
    }

    static RUNS: [Runs; 3] = [const { Runs::new() }; 3];

    #[memoize]
    impl Shape {
        const AGE: Duration = Duration::from_secs(60);

        fn of(id: u64) -> Self {
            let name = format!("shape {id}");
            Shape { id, name }
        }

        /// By value.
        #[memoize(max_age = Self::AGE)]
        fn area(&self, x: u32) -> u64 {
            RUNS[0].count();
            self.id * u64::from(x)
        }

        #[memoize(key(self.id, x), etag = |shape, _| &shape.name)]
        pub(crate) fn by_field(&self, x: u32) -> String {
            RUNS[1].count();
            format!("{}{x}", self.name)
        }

        #[memoize(key(self.name: String, self.label(), self.label(): &str, self.count(): usize, total(self.half(): f64)))]
        fn by_typed_field(&self) -> String {
            self.name.clone()
        }

        fn label(&self) -> &str {
            &self.name
        }

        fn count(&self) -> usize {
            self.name.len()
        }

        fn half(&self) -> f64 {
            self.id as f64 / 2.0
        }

        #[memoize(key(x))]
        fn without_self(&mut self, x: u32) -> u64 {
            self.id += 1;
            self.id + u64::from(x)
        }

        #[memoize(key = |shape, other| (shape.id, other.id))]
        fn joined(&self, other: &Self) -> Self {
            Self::of(self.id + other.id)
        }

        #[memoize]
        fn found(id: u64) -> Result<Self, String> {
            RUNS[2].count();
            if id == 0 {
                Err("zero".to_owned())
            } else {
                Ok(Self::of(id))
            }
        }

        #[memoize]
        fn renamed(mut self, name: &str) -> Self {
            self.name = name.to_owned();
            self
        }

        #[memoize]
        fn shared(self: Arc<Self>) -> u64 {
            self.id
        }

        #[memoize]
        fn with<T: Key, const N: usize>(&self, value: T, _: [u8; N]) -> (u64, T, usize) {
            (self.id, value, N)
        }

        #[memoize]
        fn fib(&self, n: u64) -> u64 {
            if n < 2 {
                self.id
            } else {
                self.fib(n - 1) + self.fib(n - 2)
            }
        }

        #[memoize(local)]
        fn own(&self) -> std::rc::Rc<u64> {
            std::rc::Rc::new(self.id)
        }
    }

    #[test]
    fn self_is_part_of_the_key_by_value() {
        let before = RUNS[0].so_far();
        assert_eq!((Shape::of(2).area(3), Shape::of(2).area(3)), (6, 6));
        assert_eq!(Shape::of(3).area(3), 9);
        assert_eq!(RUNS[0].so_far() - before, 2);

        // Its handle takes `self` first.
        let shape = Shape::of(20);
        shape.area(1);
        assert!(Shape::area_memo().exists((&shape, 1)));
        assert!(Shape::area_memo().ttl((&shape, 1)).unwrap() <= Shape::AGE);
        assert!(Shape::area_memo().delete((&shape, 1)).unwrap());
        assert!(!Shape::area_memo().exists((&shape, 1)));
        assert_eq!(shape.area_uncached(1), 20);
    }

    #[test]
    fn a_field_can_stand_for_self() {
        let before = RUNS[1].so_far();
        let shape = Shape::of(1);
        shape.by_field(1);
        shape.clone().by_field(1);
        assert_eq!(RUNS[1].so_far() - before, 1);
        let renamed = Shape {
            name: "other".to_owned(),
            ..shape
        };
        assert_eq!(renamed.by_field(1), "other1"); // the same key with another etag
    }

    #[test]
    fn fields_and_methods_can_name_their_types() {
        assert_eq!(Shape::of(5).by_typed_field(), "shape 5");
        assert!(Shape::by_typed_field_memo().exists(&Shape::of(5)));
        assert!(!Shape::by_typed_field_memo().exists(&Shape::of(6)));
    }

    #[test]
    fn self_can_be_left_out() {
        let mut shape = Shape::of(1);
        assert_eq!((shape.without_self(1), shape.without_self(1)), (3, 3));
        assert_eq!(shape.id, 2);
    }

    #[test]
    fn the_key_can_be_a_function_of_self() {
        let (one, two) = (Shape::of(1), Shape::of(2));
        assert_eq!(one.joined(&two).id, 3);
        assert!(Shape::joined_memo().exists((&one, &two)));
    }

    #[test]
    fn a_function_without_self_is_memoized_too() {
        assert_eq!(Shape::found(0), Err("zero".to_owned()));
        assert_eq!(Shape::found(7).unwrap().id, 7);
        assert!(Shape::found_memo().exists(7));
        let before = RUNS[2].so_far();
        assert_eq!(Shape::found(7).unwrap().id, 7);
        assert_eq!(RUNS[2].so_far(), before);
    }

    #[test]
    fn self_may_be_taken_by_value_or_shared() {
        assert_eq!(Shape::of(1).renamed("x").name, "x");
        assert_eq!(Arc::new(Shape::of(8)).shared(), 8);
        assert!(Shape::shared_memo().exists(Arc::new(Shape::of(8))));
    }

    #[test]
    fn a_method_may_be_generic() {
        assert_eq!(Shape::of(1).with("a", [0; 2]), (1, "a", 2));
        assert!(Shape::with_memo::<&str, 2>().exists((&Shape::of(1), "a", [0; 2])));
    }

    #[test]
    fn a_method_may_call_itself() {
        assert_eq!(Shape::of(1).fib(80), 37_889_062_373_143_906);
    }

    #[test]
    fn a_method_may_be_local() {
        assert_eq!(*Shape::of(4).own(), 4);
        assert!(Shape::own_memo().exists(&Shape::of(4)));
    }

    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    struct Pair<T, U>(T, U);

    #[memoize]
    impl<T: Key, U> Pair<T, U>
    where
        U: Key + Clone,
    {
        #[memoize]
        fn swapped(&self) -> Pair<U, T> {
            Pair(self.1.clone(), self.0.clone())
        }

        #[memoize(key(self.0))]
        fn first(&self) -> T {
            self.0.clone()
        }
    }

    #[test]
    fn the_block_may_be_generic() {
        assert_eq!(Pair(1, "a").swapped(), Pair("a", 1));
        assert_eq!(Pair('x', "a").first(), 'x');
        assert!(!Pair::<u8, char>::swapped_memo().exists(&Pair(1, 'a')));
        Pair(1_u8, 'a').swapped();
        assert!(Pair::<u8, char>::swapped_memo().exists(&Pair(1, 'a')));
    }

    #[memoize]
    impl Pair<u8, u8> {
        #[memoize]
        fn sum(self) -> u8 {
            self.0 + self.1
        }
    }

    #[memoize]
    impl Pair<u16, u16> {
        #[memoize]
        fn sum(self) -> u16 {
            self.0 + self.1
        }
    }

    #[test]
    fn forms_of_one_type_can_have_methods_of_one_name() {
        assert_eq!((Pair(1_u8, 2).sum(), Pair(1_u16, 2).sum()), (3, 3));
    }

    struct View<'a> {
        text: &'a str,
    }

    #[memoize]
    impl<'a> View<'a> {
        #[memoize(key(self.text))]
        fn words(&self) -> usize {
            self.text.split(' ').count()
        }

        #[memoize(key(self.text: &str, other))]
        fn same(&self, other: &'a str) -> bool {
            Self::as_is(self.text) == other
        }

        fn as_is(text: &str) -> &str {
            text
        }
    }

    #[test]
    fn a_type_that_borrows_is_known_by_its_fields() {
        let text = "a b c".to_owned();
        let view = View { text: &text };
        assert_eq!((view.words(), view.words()), (3, 3));
        assert!(view.same("a b c"));
    }
}

mod attributes {
    use super::*;

    /// Documented.
    #[memoize]
    #[must_use]
    #[inline(never)]
    #[allow(non_snake_case)]
    pub(crate) fn Shouted(text: &str) -> String {
        text.to_uppercase()
    }

    #[memoize]
    #[cfg(any())]
    fn never_there(x: Missing) -> Missing {
        x
    }

    struct Type;

    #[memoize]
    impl Type {
        #[memoize]
        #[cfg(any())]
        fn never_there(&self, x: Missing) -> Missing {
            x
        }

        /// Documented.
        #[memoize(key(x))]
        #[must_use]
        fn there(&self, x: u8) -> u8 {
            x
        }
    }

    #[memoize]
    #[deprecated = "for the test"]
    fn old(x: u8) -> u8 {
        x
    }

    #[test]
    fn those_of_the_user_stay() {
        assert_eq!(Shouted("a"), "A");
        assert!(Shouted::exists("a"));
        #[allow(deprecated)]
        let both = (old(1), old::exists(1));
        assert_eq!(both, (1, true));
        assert_eq!(Type.there(1), 1);
    }
}

mod visibility {
    mod inner {
        use mementos::memoize;

        #[memoize]
        pub(in crate::visibility) fn one(x: u8) -> u8 {
            x
        }
    }

    #[allow(unreachable_pub)]
    mod unreachable {
        use mementos::{Key, memoize};
        use std::fmt::Debug;

        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub(crate) struct Hidden(pub(crate) u8);

        #[memoize]
        pub fn doubled(x: &Hidden) -> Hidden {
            Hidden(2 * x.0)
        }

        #[memoize(key = |x, _| -> Hidden { x.clone() })]
        pub fn generic<T: Key, const N: usize>(x: &Hidden, _y: [T; N]) -> Vec<Hidden> {
            vec![x.clone(); N]
        }

        #[memoize]
        impl Hidden {
            #[memoize]
            pub fn plus(&self, y: u8) -> Self {
                Hidden(self.0 + y)
            }

            #[memoize(key(self.0, y))]
            pub(in crate::visibility) fn with<T>(self, y: T) -> (Hidden, T)
            where
                Self: Sized,
                T: Key + Debug,
            {
                (self, y)
            }
        }
    }

    #[test]
    fn a_public_function_may_take_what_is_less_visible() {
        use unreachable::{Hidden, doubled, generic};
        assert_eq!(doubled(&Hidden(2)), Hidden(4));
        assert!(doubled::exists(&Hidden(2)));
        assert_eq!(doubled::function().call(&Hidden(3)), Hidden(6));
        assert_eq!(generic(&Hidden(1), ["a"]), [Hidden(1)]);
        assert!(generic::exists(&Hidden(1), ["b"]));
        assert_eq!(Hidden(1).plus(1), Hidden(2));
        assert!(Hidden::plus_memo().exists((&Hidden(1), 1)));
        assert_eq!(Hidden(1).with('x'), (Hidden(1), 'x'));
        assert!(Hidden::with_memo::<char>().exists((Hidden(1), 'x')));
    }

    #[test]
    fn the_operations_are_as_visible_as_the_function() {
        use inner::one;
        assert_eq!(one(1), 1);
        assert!(one::exists(1));
    }
}

mod stamped {
    use super::*;

    macro_rules! stamp {
        ($name:ident: $($argument:ident: $type:ty),* => $age:expr) => {
            #[memoize(max_age = $age)]
            fn $name(first: &str, $($argument: $type),*) -> usize {
                let _ = ($($argument,)*);
                first.len()
            }
        };
    }

    stamp!(stamped: text: &str, pair: (f64, Cow<'_, str>), maybe: Option<&[u8]> => "60s");

    macro_rules! stamp_block {
        ($type:ty: $name:ident($($argument:ident: $of:ty),*) -> $output:ty => $body:expr) => {
            #[memoize]
            impl $type {
                #[memoize(max_age = "60s")]
                fn $name(&self, $($argument: $of),*) -> $output {
                    $body
                }
            }
        };
    }

    #[test]
    fn the_block_may_come_out_of_another_macro_in_a_function() {
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        struct Local(u8);

        stamp_block!(Local: longest(x: &str, y: &[u8]) -> usize => x.len().max(y.len()));
        assert_eq!(Local(1).longest("abc", &[1]), 3);
        assert!(Local::longest_memo().exists((&Local(1), "abc", &[1])));
    }

    #[test]
    fn the_function_may_come_out_of_another_macro() {
        assert_eq!(stamped("ab", "a", (1.0, "b".into()), Some(&[1])), 2);
        assert!(stamped::exists("ab", "a", (1.0, "b".into()), Some(&[1])));
        assert!(stamped::ttl("ab", "a", (1.0, "b".into()), Some(&[1])).is_some());
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
    struct Probe;
    struct Function;
    struct Options;
    trait ToOwned {}
    trait Clone {}
    trait Hash {}
    trait Fn {}
    mod core {}
    mod std {}
    mod mementos {}

    #[::mementos::memoize(
        key = |text: &str, _number| text.len(),
        etag = |_, number| number as u64,
        max_age = "60s"
    )]
    fn thing(_text: &str, number: f64) -> f64 {
        number
    }

    struct Type {
        id: u64,
    }

    #[::mementos::memoize]
    impl Type {
        #[::mementos::memoize(key(self.id))]
        fn id(&self) -> u64 {
            self.id
        }
    }

    #[test]
    fn generated_code_does_not_care_what_names_mean_here() {
        assert_eq!((thing("ab", 1.0), thing("cd", 1.5)), (1.0, 1.0));
        assert_eq!(Type { id: 1 }.id(), 1);
    }

    mod facade {
        pub(super) use ::mementos as inner;
    }

    #[::mementos::memoize(crate = facade::inner, max_age = "60s")]
    fn renamed(x: u8) -> u8 {
        x
    }

    struct Other;

    #[::mementos::memoize(crate = facade::inner)]
    impl Other {
        #[memoize(key(x), max_age = "60s")]
        fn method(&self, x: u8) -> u8 {
            x
        }
    }

    #[test]
    fn the_crate_can_have_another_name() {
        assert_eq!((renamed(1), Other.method(1)), (1, 1));
    }
}
