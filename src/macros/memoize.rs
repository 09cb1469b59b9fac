/// Keeps the results of a function by its arguments.
///
/// A call with arguments that were asked before is answered by what is kept. A
/// hit borrows the arguments: it hashes them once, reads one shard,
/// and allocates nothing of its own. If several threads ask for the same result
/// at once, one runs the function and the others get what it brings.
///
/// ```
/// use mementos::memoize;
///
/// #[memoize(max_age = "60s")]
/// fn adder(a: i32, b: i32) -> i32 { a + b }
///
/// assert_eq!(adder(1, 2), 3); // computed
/// assert_eq!(adder(1, 2), 3); // kept
/// assert!(adder::exists(1, 2));
/// ```
///
/// The function keeps its arguments, generics, visibility and documentation. It
/// may call itself:
///
/// ```
/// # use mementos::memoize;
/// #[memoize]
/// fn fib(n: u64) -> u64 {
///     if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
/// }
///
/// assert_eq!(fib(90), 2_880_067_194_370_816_120);
/// ```
///
/// # Operations
///
/// A type of the function's name, which comes along wherever the function is
/// imported, has its operations. They are as visible as the function.
///
/// | operation | what it does |
/// |---|---|
/// | `exists(..)` | whether a fresh result is kept for these arguments |
/// | `ttl(..)` | how long it is still kept; nothing if it is not, or has no end |
/// | `entry(..)` | the result with its time of creation, expiry, etag, time of building |
/// | `last_etag(..)` | its etag |
/// | `key(..)` | the key as text |
/// | `get(options, ..)` | the result, with [`Options`](crate::Options) for this call |
/// | `detailed(options, ..)` | the same, and [how](crate::Answered) the answer came about |
/// | `refresh(..)` | builds it now, and replaces what is kept |
/// | `uncached(..)` | runs the function itself, and keeps nothing |
/// | `expire(age, ..)`, `expire_at(time, ..)` | gives it another end |
/// | `delete(..)` | forgets it |
/// | `clear()` | forgets all results of the function |
/// | `stats()` | what has happened |
/// | `options()`, `set_options(options)` | the function's options |
/// | `etag_by(f)`, `tags_by(f)`, `max_age_by(f)`, `expiry_by(f)`, `stale_for_by(f)` | replace a rule: a function of the arguments, as one value or a tuple |
/// | `function()` | the [`Function`](crate::Function) itself: the same operations, arguments as one value or a tuple |
///
/// ```
/// # use mementos::memoize;
/// use mementos::Options;
/// use std::time::Duration;
///
/// #[memoize]
/// fn adder(a: i32, b: i32) -> i32 { a + b }
///
/// let marked = Options::new().etag("a");
/// assert_eq!(adder::get(&marked, 1, 2)?, 3);
/// assert_eq!(adder::last_etag(1, 2).unwrap().as_str(), "a");
/// assert!(adder::expire(Duration::from_secs(60), 1, 2)?);
/// assert!(adder::delete(1, 2)?);
/// assert!(!adder::exists(1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The key
///
/// By default all arguments together, by value: `&str` stands for `String`,
/// `&[T]` for `Vec<T>`, and so on through tuples and `Option`. Floats are
/// compared by total order, `HashMap` and `HashSet` by content. A struct of
/// arguments that borrows derives [`Key`](derive@crate::Key).
///
/// | option | what the key is |
/// |---|---|
/// | `key(a, c)` | these arguments; the others are left out |
/// | `key(total(a), content(b), address(c))` | with a canonical form where the type's name does not show it: a float by total order, a map by content, an `Arc` by address |
/// | `key = \|a, b\| ..` | what the closure returns; it takes all arguments, references as they are, numbers, `bool` and `char` by value, others by reference |
/// | `key = \|a, b\| -> K { .. }` | the same, and its type is known: a hit makes no box to compare |
/// | `key = function` | what the function returns |
/// | `prefix = "name"` | in text, begins with this in place of the module's path and the function's name |
///
/// ```
/// # use mementos::memoize;
/// #[memoize(key(url))]
/// fn page(url: &str, retries: u32) -> String { format!("{url} at try {retries}") }
///
/// #[memoize(key = |name: &str| -> String { name.to_lowercase() })]
/// fn host(name: &str) -> String { name.to_owned() }
///
/// assert_eq!(page("a.org", 1), page("a.org", 2));
/// assert_eq!(host("A.org"), host("a.ORG"));
/// ```
///
/// Two functions of one name in one module, inside different functions, have the
/// same text: give one a `prefix` if they share a store.
///
/// # Options
///
/// Those of [`Options`](crate::Options), as the function declares them. The
/// options of a call come before them; its region and the memoizer's defaults
/// after. The text `"none"` says explicitly that there is none, whatever comes
/// after.
///
/// | option | value |
/// |---|---|
/// | `max_age` | `"60s"`, `"1h 30m"`, a `Duration`, or `\|arguments..\| ..` with a `Duration` or an `Option` of one |
/// | `max_age_of` | `\|value\| ..`: the age of a fresh value |
/// | `expiry` | `"2030-01-31 12:00:00"` (UTC), a `SystemTime`, or `\|arguments..\| ..` |
/// | `expiry_of` | `\|value\| ..`: when a fresh value expires |
/// | `etag` | anything that [can be an etag](crate::IntoEtag), or `\|arguments..\| ..` |
/// | `etag_of` | `\|value\| ..`: the etag of a fresh value |
/// | `tags` | a list of names, or `\|arguments..\| ..` with one: what results can be [invalidated](crate::Memoizer::invalidate) by |
/// | `grouped` | no value: results in a store can be invalidated by their region, by their namespace, and all together |
/// | `jitter` | a duration: by how much ages are shortened, at random |
/// | `stale_for` | a duration, or `\|arguments..\| ..`: for how long after its age a value may be served, while it is refreshed or when that fails |
/// | `stale_for_of` | `\|value\| ..`: the same by a fresh value |
/// | `soft_timeout` | a duration: how long a caller waits for the refresh of a stale value; if nothing is said, not at all; `"none"`: until it has ended |
/// | `hard_timeout` | a duration: how long a caller waits for a build at most |
/// | `retry_after` | a duration: for how long after a failure no refresh is tried; if nothing is said, 30 seconds |
/// | `only_fresh` | no value: nothing stale is served |
/// | `early_from` | a number: from which part of its age on a value is refreshed, as 0.8 |
/// | `early_beta` | a number: a value is refreshed [at random](crate::Options::early_beta) before it expires |
/// | `error_age`, `none_age` | a duration: how long an `Err`, a `None` is kept; if nothing is said, it is not |
/// | `region`, `namespace` | a name |
/// | `store` | a [store](crate::store::SharedStore), in place of the function's own table |
/// | `lock` | a [lock](crate::store::Lock), to hold during a build |
/// | `timeout` | a duration: how long to wait for the lock, or another's build |
/// | `on_lock_timeout` | `"build"` or `"error"` |
/// | `memo` | a `static` that is, or derefs to, a [`Memoizer`](crate::Memoizer), in place of the global one |
/// | `capacity` | how many results the function's own table holds (feature `bounded`) |
/// | `local` | no value: each thread has a table of its own, and nothing need be `Send` |
/// | `crate` | a path to `mementos`, when it is re-exported or renamed |
///
/// A duration is text with units, read while compiling, or an expression.
///
/// A store of bytes keeps what has `Serialize` and `DeserializeOwned`, and of a
/// `Result` at least the `Ok`. Where the type of the `store` expression shows that it
/// keeps bytes, as that of `Encoded` and `Tiered` does, the compiler asks for them.
/// Where it does not (a [`SharedStore`](crate::store::SharedStore), the store of a
/// region or of the memoizer), the first use is an
/// [error](crate::BuildError::Uncodable) that names the function, the region and what
/// to do.
///
/// ```
/// # use mementos::memoize;
/// use mementos::{Memoizer, Options};
/// use std::sync::LazyLock;
/// use std::time::Duration;
///
/// static MEMO: LazyLock<Memoizer> = LazyLock::new(|| {
///     Memoizer::in_memory().region("short", Options::new().max_age(Duration::from_secs(60)))
/// });
///
/// #[memoize(memo = MEMO, region = "short", key(path), etag = |_, version| version)]
/// fn lines(path: &str, version: u64) -> String { format!("{path} of {version}") }
///
/// assert_eq!(lines("a", 1), "a of 1");
/// assert_eq!(lines("a", 2), "a of 2"); // another etag: built anew
/// assert!(lines::ttl("a", 2).unwrap() <= Duration::from_secs(60));
/// ```
///
/// # Stale values
///
/// With `stale_for` a value that is too old is served at once, and refreshed in the
/// background; and served for as long as refreshes fail. The function is run there from
/// its key, so that has to hold all arguments, by value or by reference. Where it does
/// not (`key(..)` leaves some out, or computes it; a slice of floats; a struct that
/// derives `Key`), the first caller who finds a value stale refreshes it itself, while
/// others are served; and no timeout ends that caller's own build.
///
/// ```
/// # use mementos::memoize;
/// #[memoize(max_age = "60s", stale_for = "1h", early_from = 0.8, jitter = "5s")]
/// fn rate(currency: &str) -> Result<u32, String> { Ok(currency.len() as u32) }
///
/// assert_eq!(rate("chf"), Ok(3));
/// ```
///
/// # Errors and panics of the function
///
/// A `Result` is seen by its type, under whatever name. An `Err` goes to those
/// who asked for it meanwhile and is not kept, unless `error_age` says for how
/// long; likewise a `None`, with `none_age`. An error need not be `Clone`: then
/// each caller runs the function. A panic leaves nothing behind. A function that
/// asks for the very result that it is to bring panics with the circle in the
/// message; `get` gives it as an error.
///
/// # Generic functions
///
/// Each list of type parameters has results of its own. What is part of the key
/// is a [`Key`](trait@crate::Key):
///
/// ```
/// # use mementos::memoize;
/// use mementos::Key;
///
/// #[memoize]
/// fn twice<T: Key>(x: T) -> Vec<T> { vec![x.clone(), x] }
///
/// assert_eq!(twice("a"), ["a", "a"]);
/// assert!(twice::exists("a"));
/// assert!(!twice::exists(1));
/// ```
///
/// # Methods
///
/// Put `#[memoize]` on the `impl` block, and on the methods to memoize, with
/// their options. `self` is the first argument. It is part of the key by value,
/// so its type is a [`Key`](trait@crate::Key), unless `key(..)` says otherwise:
///
/// | option | what stands for `self` |
/// |---|---|
/// | none, or `key(self, x)` | the whole value |
/// | `key(self.id, x)`, `key(self.name(), x)` | a field or what a method returns; it is copied by every call |
/// | `key(self.name: String, x)` | the same with its type: a hit only borrows it |
/// | `key(x)` | nothing: all values share the results |
///
/// A method `area` has two companions, as visible as itself: `area_memo()`, its
/// [`Function`](crate::Function), and `area_uncached(..)`, its body.
///
/// ```
/// # use mementos::memoize;
/// struct Shape { id: u64, sides: Vec<u32> }
///
/// #[memoize]
/// impl Shape {
///     #[memoize(key(self.id: u64, scale), max_age = "60s")]
///     fn area(&self, scale: u32) -> u32 {
///         self.sides.iter().product::<u32>() * scale
///     }
/// }
///
/// let shape = Shape { id: 1, sides: vec![2, 3] };
/// assert_eq!(shape.area(2), 12);
/// assert!(Shape::area_memo().exists((&shape, 2)));
/// Shape::area_memo().delete((&shape, 2))?;
/// # Ok::<(), mementos::MemoError>(())
/// ```
///
/// # Functions that are awaited
///
/// With the feature `async`. The function, and its `get`, `refresh` and `uncached`, are
/// awaited then; `blocking` is for callers that block. All share what is kept, and each
/// run:
///
/// ```
/// # #[cfg(feature = "async")] {
/// # use mementos::memoize;
/// #[memoize(max_age = "60s")]
/// async fn page(url: &str) -> String {
///     format!("the page at {url}") // after some awaiting
/// }
///
/// # mementos::private::block_on(async {
/// assert_eq!(page("home").await, "the page at home"); // fetched
/// assert_eq!(page("home").await, "the page at home"); // kept
/// # });
/// assert_eq!(page::blocking("home"), "the page at home");
/// # }
/// ```
///
/// A call that is dropped while it runs the function frees its arguments, and one of
/// those who wait for them runs it in its place. The future of a call is `Send`, so the
/// function's arguments and its own future have to be.
///
/// What is stale is refreshed where the memoizer's spawner has it polled:
/// `Memoizer::global().clone().spawner(|task| drop(tokio::spawn(task)))`, once. Without one
/// the first caller refreshes it in its own task.
///
/// # Other attributes
///
/// `#[doc]`, `#[must_use]` and `#[deprecated]` are the function's own, lints and
/// `#[cfg]` hold for all of it, and what the macro does not know stays with the
/// body.
///
/// # Limits
///
/// - The function is not `const`, `unsafe` or `extern`, and takes no
///   `impl Trait`. A trait's methods call a memoized function.
/// - It returns a value that owns its data and can be cloned: an `Arc`, where that
///   is expensive. Its key and its results are shared between threads, unless it
///   is `local`.
/// - A key has at most 12 parts. A `&mut` can only be left out of it, and is not
///   written to by a hit. A slice of borrows, `&[&str]`, has no owned form: take
///   `&[String]`, or compute the key.
/// - A bound names no lifetime of the function's own: `T: for<'a> From<&'a str>`.
/// - Only a method that names `self` or `Self` is known as one where its block has
///   no `#[memoize]`: the compiler's own message is about a `struct` then.
/// - Type parameters are not part of the text of a key. Values in a shared store
///   are told apart by their types all the same.
pub use mementos_macros::memoize;
