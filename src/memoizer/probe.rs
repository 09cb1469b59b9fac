//! What a function's return type can do, told by type and not by spelling.
//!
//! Where the type is known, as it is to a macro's expansion, the compiler chooses
//! among traits by how often a receiver must be dereferenced. An alias of `Result`
//! is as good as the name. (The technique is David Tolnay's "autoref
//! specialization".)
//!
//! ```
//! use mementos::Answer;
//! use mementos::private::probe::*;
//!
//! let nothing: std::io::Result<Option<u8>> = Ok(None);
//! let probe = Probe::of(&nothing);
//! assert_eq!((&&&&probe).answer(&nothing), Answer::Nothing);
//! assert!((&&&&probe).copy(&nothing).is_some(), "though an io::Error has no Clone");
//! ```

use crate::coding::Coding;
use crate::options::Answer;
use std::marker::PhantomData;

/// Asks about `R`.
#[derive(Debug)]
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    /// Asks about `R`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Probe(PhantomData)
    }

    /// Asks about the type of a value.
    pub const fn of(_: &R) -> Self {
        Probe::new()
    }
}

/// A `Result` of an `Option`.
pub trait AnswersMaybe<R> {
    /// What the output is.
    fn answer(&self, output: &R) -> Answer;
}

impl<T, E> AnswersMaybe<Result<Option<T>, E>> for &&&Probe<Result<Option<T>, E>> {
    fn answer(&self, output: &Result<Option<T>, E>) -> Answer {
        match output {
            Ok(Some(_)) => Answer::Value,
            Ok(None) => Answer::Nothing,
            Err(_) => Answer::Error,
        }
    }
}

/// Any other `Result`.
pub trait AnswersResult<R> {
    /// What the output is.
    fn answer(&self, output: &R) -> Answer;
}

impl<T, E> AnswersResult<Result<T, E>> for &&Probe<Result<T, E>> {
    fn answer(&self, output: &Result<T, E>) -> Answer {
        match output {
            Ok(_) => Answer::Value,
            Err(_) => Answer::Error,
        }
    }
}

/// An `Option`.
pub trait AnswersOption<R> {
    /// What the output is.
    fn answer(&self, output: &R) -> Answer;
}

impl<T> AnswersOption<Option<T>> for &Probe<Option<T>> {
    fn answer(&self, output: &Option<T>) -> Answer {
        match output {
            Some(_) => Answer::Value,
            None => Answer::Nothing,
        }
    }
}

/// Anything else.
pub trait AnswersValue<R> {
    /// What the output is.
    fn answer(&self, output: &R) -> Answer;
}

impl<R> AnswersValue<R> for Probe<R> {
    fn answer(&self, _: &R) -> Answer {
        Answer::Value
    }
}

/// What has a `Clone`.
pub trait CopiesAll<R> {
    /// A copy.
    fn copy(&self, output: &R) -> Option<R>;
}

impl<R: Clone> CopiesAll<R> for &&Probe<R> {
    #[inline]
    fn copy(&self, output: &R) -> Option<R> {
        Some(output.clone())
    }
}

/// A `Result` whose error has none.
pub trait CopiesOk<R> {
    /// A copy, if it is no error.
    fn copy(&self, output: &R) -> Option<R>;
}

impl<T: Clone, E> CopiesOk<Result<T, E>> for &Probe<Result<T, E>> {
    #[inline]
    fn copy(&self, output: &Result<T, E>) -> Option<Result<T, E>> {
        output.as_ref().ok().cloned().map(Ok)
    }
}

/// Anything else: an error, with the remedy.
pub trait CopiesNone<R> {
    /// Never called: nothing without a `Clone` is `Copied`.
    fn copy(&self, output: &R) -> Option<R>
    where
        R: Copied;
}

impl<R> CopiesNone<R> for Probe<R> {
    fn copy(&self, output: &R) -> Option<R>
    where
        R: Copied,
    {
        Some(output.copied())
    }
}

/// What can be handed to several callers.
#[diagnostic::on_unimplemented(
    message = "a memoized function's result is handed to several callers, but `{Self}` has no `Clone`",
    label = "has no `Clone`",
    note = "return an `Arc` of it, or derive `Clone`"
)]
pub trait Copied: Sized {
    /// A copy.
    fn copied(&self) -> Self;
}

impl<R: Clone> Copied for R {
    fn copied(&self) -> Self {
        self.clone()
    }
}

/// What serde makes bytes of, and reads from bytes.
#[cfg(feature = "bytes")]
pub trait CodesAll<R> {
    /// How.
    fn coding(&self) -> Option<Coding<R>>;
}

#[cfg(feature = "bytes")]
impl<R: serde::Serialize + serde::de::DeserializeOwned> CodesAll<R> for &&Probe<R> {
    fn coding(&self) -> Option<Coding<R>> {
        Some(Coding::new())
    }
}

/// A `Result` of which it does so with an `Ok` alone.
#[cfg(feature = "bytes")]
pub trait CodesOk<R> {
    /// How.
    fn coding(&self) -> Option<Coding<R>>;
}

#[cfg(feature = "bytes")]
impl<T: serde::Serialize + serde::de::DeserializeOwned, E> CodesOk<Result<T, E>>
    for &Probe<Result<T, E>>
{
    fn coding(&self) -> Option<Coding<Result<T, E>>> {
        Some(Coding::of_ok())
    }
}

/// Anything else.
pub trait CodesNone<R> {
    /// There is no way.
    fn coding(&self) -> Option<Coding<R>>;
}

impl<R> CodesNone<R> for Probe<R> {
    fn coding(&self) -> Option<Coding<R>> {
        None
    }
}

/// Asks whether the store `S` can keep results of type `R`.
#[derive(Debug)]
pub struct Keeping<R, S>(PhantomData<fn() -> (R, S)>);

impl<R, S> Keeping<R, S> {
    /// Asks about this store.
    pub const fn by(_: &S) -> Self {
        Keeping(PhantomData)
    }
}

/// What borrows, of which the compiler cannot be asked whether it is read from bytes.
#[derive(Debug)]
pub struct Borrowing<R>(PhantomData<fn() -> R>);

/// A store that is known by its type to keep bytes.
#[cfg(feature = "bytes")]
pub trait KeepsBytes {}

#[cfg(feature = "bytes")]
impl KeepsBytes for crate::store::bytes::Encoded {}

#[cfg(feature = "bytes")]
impl KeepsBytes for crate::store::Tiered {}

/// It keeps bytes, and serde makes bytes of all results.
#[cfg(feature = "bytes")]
pub trait KeepsAll {
    /// It can.
    fn check(&self) {}
}

#[cfg(feature = "bytes")]
impl<R, S: KeepsBytes> KeepsAll for &&&Keeping<R, S> where
    R: serde::Serialize + serde::de::DeserializeOwned
{
}

/// It keeps bytes, and serde makes bytes of an `Ok`.
#[cfg(feature = "bytes")]
pub trait KeepsOk {
    /// It can.
    fn check(&self) {}
}

#[cfg(feature = "bytes")]
impl<T, E, S: KeepsBytes> KeepsOk for &&Keeping<Result<T, E>, S> where
    T: serde::Serialize + serde::de::DeserializeOwned
{
}

/// It keeps bytes, and there is no way to make them: an error, with the remedy.
#[cfg(feature = "bytes")]
pub trait KeepsNone<R> {
    /// Never called: nothing is `Coded`.
    fn check(&self)
    where
        R: Coded,
    {
    }
}

#[cfg(feature = "bytes")]
impl<R, S: KeepsBytes> KeepsNone<R> for &Keeping<R, S> {}

/// What else could become bytes: nothing.
#[cfg(feature = "bytes")]
#[diagnostic::on_unimplemented(
    message = "this function's results are to be kept as bytes, but `{Self}` has no `Serialize` and `DeserializeOwned`",
    label = "has no `Serialize` and `DeserializeOwned`",
    note = "derive `Serialize` and `Deserialize` for it, or name a `store` of values",
    note = "a type parameter needs `Serialize + DeserializeOwned`; what borrows is not read from bytes: return `String` for `&str`"
)]
pub trait Coded {}

/// It keeps values, or it is not known before the first use what it keeps.
pub trait KeepsAny {
    /// It may.
    fn check(&self) {}
}

impl<R, S> KeepsAny for Keeping<R, S> {}

#[cfg(test)]
mod tests {
    use super::*;

    type Alias<T> = Result<T, NoClone>;

    #[derive(Debug)]
    struct NoClone;

    macro_rules! probed {
        ($output:expr) => {{
            let output = $output;
            let probe = Probe::of(&output);
            (
                (&&&&probe).answer(&output),
                (&&&&probe).copy(&output).is_some(),
            )
        }};
    }

    #[test]
    fn every_kind_of_output_is_told_by_its_type() {
        assert_eq!(probed!(1), (Answer::Value, true));
        assert_eq!(probed!(Some(1)), (Answer::Value, true));
        assert_eq!(probed!(None::<u8>), (Answer::Nothing, true));
        assert_eq!(probed!(Ok::<u8, u8>(1)), (Answer::Value, true));
        assert_eq!(probed!(Err::<u8, u8>(1)), (Answer::Error, true));
        assert_eq!(probed!(Alias::Ok(1)), (Answer::Value, true));
        assert_eq!(probed!(Alias::<u8>::Err(NoClone)), (Answer::Error, false));
        assert_eq!(probed!(Alias::Ok(None::<u8>)), (Answer::Nothing, true));
        assert_eq!(probed!(Alias::Ok(Some(1))), (Answer::Value, true));
        assert_eq!(probed!(Some(Ok::<u8, u8>(1))), (Answer::Value, true));
    }

    #[cfg(feature = "bytes")]
    #[test]
    fn what_serde_can_do_is_told_by_the_type() {
        macro_rules! coded {
            ($output:ty) => {
                (&&&&Probe::<$output>::new()).coding().is_some()
            };
        }
        assert!(coded!(u8) && coded!(Option<String>) && coded!(Result<u8, u8>));
        assert!(coded!(Alias<u8>), "an error that has no serde is not kept");
        assert!(!coded!(NoClone) && !coded!(Alias<NoClone>));
    }

    #[test]
    fn a_type_parameter_is_a_value() {
        fn of<T: Clone>(output: T) -> (Answer, bool) {
            probed!(output)
        }
        assert_eq!(of(vec![1]), (Answer::Value, true));
    }
}
