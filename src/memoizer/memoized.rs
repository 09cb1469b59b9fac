use super::function::{self, Home};
use super::local::{self, LocalHome};
use super::{Memoizer, Rules};
use crate::coding::Coding;
use crate::key::{Key, Lookup};
use crate::options::{Answer, Options};
use std::fmt::Debug;
use std::hash::Hash;
#[cfg(feature = "async")]
use std::pin::Pin;
use std::thread::LocalKey;

/// A function whose results are kept. `#[memoize]` implements it on a type with the
/// function's name.
///
/// By hand it is two lines for the key, two for the value, and the function:
///
/// ```
/// use mementos::{Function, Memoized, key::Lookup};
///
/// struct Length;
///
/// impl Memoized for Length {
///     type Args<'a> = &'a str;
///     type Key = String;
///     type Output = usize;
///     const NAME: &'static str = "app::length";
///     fn lookup<'r, 'a: 'r>(text: &'r &'a str) -> impl Lookup<String> { *text }
///     fn run(text: &str) -> usize { text.len() }
///     fn copy(output: &usize) -> Option<usize> { Some(*output) }
/// }
///
/// assert_eq!(Function::<Length>::new().call("four"), 4);
/// assert!(Function::<Length>::new().exists("four"));
/// ```
pub trait Memoized: Sized + 'static {
    /// The arguments: nothing, the one, or a tuple.
    type Args<'a>;

    /// What makes two calls the same.
    type Key: Hash + Eq + Clone + Debug + 'static;

    /// What the function returns.
    type Output: 'static;

    /// The full name of the function. With the key it makes the text form.
    const NAME: &'static str;

    /// What stands for the key of a call, without owning it.
    fn lookup<'r, 'a: 'r>(args: &'r Self::Args<'a>) -> impl Lookup<Self::Key>;

    /// The function itself.
    fn run(args: Self::Args<'_>) -> Self::Output;

    /// A copy of an output, for a caller. Where there can be none (an error that
    /// has no `Clone`), callers that waited run the function themselves.
    fn copy(output: &Self::Output) -> Option<Self::Output>;

    /// What an output is: a value, an error, or nothing.
    fn answer(_output: &Self::Output) -> Answer {
        Answer::Value
    }

    /// Whether [`from_key`](Self::from_key) runs anything. Then a result can be refreshed
    /// in the background, while its callers go on.
    const FROM_KEY: bool = false;

    /// Runs `run` with the arguments of a call, made anew from its key; nothing, where a
    /// key does not hold all of them.
    ///
    /// Without it, the first caller who finds a result stale refreshes it itself.
    /// `#[memoize]` writes it where all arguments are part of the key, by value or by
    /// reference.
    ///
    /// ```
    /// # use mementos::{Memoized, key::Lookup};
    /// # struct Length;
    /// # impl Memoized for Length {
    /// #     type Args<'a> = &'a str;
    /// #     type Key = String;
    /// #     type Output = usize;
    /// #     const NAME: &'static str = "app::length";
    /// #     fn lookup<'r, 'a: 'r>(text: &'r &'a str) -> impl Lookup<String> { *text }
    /// #     fn run(text: &str) -> usize { text.len() }
    /// #     fn copy(output: &usize) -> Option<usize> { Some(*output) }
    /// const FROM_KEY: bool = true;
    ///
    /// fn from_key<R>(key: &String, run: impl for<'a> FnOnce(&'a str) -> R) -> Option<R> {
    ///     Some(run(key))
    /// }
    /// # }
    /// # assert_eq!(Length::from_key(&"four".to_owned(), Length::run), Some(4));
    /// ```
    fn from_key<R>(_key: &Self::Key, _run: impl for<'a> FnOnce(Self::Args<'a>) -> R) -> Option<R> {
        None
    }

    /// How an output becomes bytes, for a store that keeps bytes: nothing, if there is
    /// no way.
    fn coding() -> Option<Coding<Self::Output>> {
        None
    }

    /// The options that are declared with the function.
    fn options() -> Options {
        Options::new()
    }

    /// Those that are computed from the arguments or the value.
    fn rules() -> Rules<Self> {
        Rules::new()
    }

    /// How many results the function's own table holds, if it has a bound. Without
    /// the feature `bounded` there is none.
    fn capacity() -> Option<usize> {
        None
    }

    /// The memoizer that keeps the results, outside every scope.
    fn memoizer() -> &'static Memoizer {
        Memoizer::global()
    }

    /// The result for these arguments: what is kept, or what the function answers
    /// with. This is what a `#[memoize]` function does.
    ///
    /// A hit hashes the borrowed arguments once and reads one shard; it
    /// allocates nothing of its own, and reads no clock unless an age is asked for.
    ///
    /// # Panics
    ///
    /// If the function panics and this caller leads the build; and where
    /// [`Function::get`](super::Function::get) would answer with an error.
    #[inline]
    #[track_caller]
    fn call(args: Self::Args<'_>) -> Self::Output
    where
        Self: Shareable,
    {
        function::call::<Self>(args)
    }

    /// The same in this thread's own table: nothing is shared with other threads.
    ///
    /// # Panics
    ///
    /// If the function panics, or asks for the very result that it is to bring.
    #[inline]
    #[track_caller]
    fn call_locally(args: Self::Args<'_>) -> Self::Output {
        local::call::<Self>(args)
    }

    /// A static of the function's own, for that memoizer's table of it.
    #[doc(hidden)]
    #[inline]
    fn home() -> Option<&'static Home<Self>> {
        None
    }

    /// A thread local of the function's own, for this thread's table of it.
    #[doc(hidden)]
    #[inline]
    fn local_home() -> Option<&'static LocalKey<LocalHome<Self>>> {
        None
    }
}

/// A memoized function that is `async`. `#[memoize]` implements it.
///
/// Its callers that await and those that block share what is kept, and each build:
/// [`Memoized::run`] of such a function drives it on the calling thread.
#[cfg(feature = "async")]
pub trait MemoizedAsync: for<'x> Memoized<Args<'x>: Send> {
    /// The function itself.
    ///
    /// In a box, so that it may ask for itself: by the plain way its type would be part
    /// of itself.
    fn run_async<'a>(
        args: Self::Args<'a>,
    ) -> Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    /// The function, with the arguments of a call made anew from its key: nothing, where a
    /// key does not hold all of them. As [`Memoized::from_key`], for what is polled
    /// elsewhere.
    fn run_from_key<'k>(
        _key: &'k Self::Key,
    ) -> Option<Pin<Box<dyn Future<Output = Self::Output> + Send + 'k>>> {
        None
    }
}

/// A function whose results can be shared by threads: its key is a
/// [`Key`](crate::Key), and its output is `Send` and `Sync`. Implemented for every
/// function of which that holds.
#[diagnostic::on_unimplemented(
    message = "the results of this function cannot be shared by threads",
    label = "its key must be `Hash`, `Eq`, `Clone`, `Debug`, `Send` and `Sync`, and its output `Send` and `Sync`",
    note = "keep them on their thread by `#[memoize(local)]`, or leave arguments out of the key by `key(..)`"
)]
pub trait Shareable: Memoized<Key: Key, Output: Send + Sync> {}

impl<M: Memoized<Key: Key, Output: Send + Sync>> Shareable for M {}
