//! A function's output, as it is kept.

#![allow(unsafe_code)]

use super::Memoized;
use std::mem::{ManuallyDrop, needs_drop};
use std::sync::Arc;

/// A function's output, as its table keeps it.
///
/// What has no `Drop` is kept as it is, and copied out while its shard is locked:
/// that is a plain copy. Anything else is kept behind an `Arc`, so that its `Clone`
/// and its `Drop`, which are user code, run with nothing locked.
///
/// Which of the two it is the type says, so nothing has to be written down for it.
/// An `enum` would: eight bytes more for each row, a third of what one with a
/// number for its key and its value takes, and so many more cache misses.
pub(crate) union Output<M: Memoized> {
    inline: ManuallyDrop<M::Output>,
    shared: ManuallyDrop<Arc<M::Output>>,
}

impl<M: Memoized> Output<M> {
    const SHARED: bool = needs_drop::<M::Output>();

    pub(crate) fn new(output: M::Output) -> Self {
        if Self::SHARED {
            let shared = ManuallyDrop::new(Arc::new(output));
            Output { shared }
        } else {
            let inline = ManuallyDrop::new(output);
            Output { inline }
        }
    }

    /// The output.
    #[inline]
    pub(crate) fn get(&self) -> &M::Output {
        if Self::SHARED {
            // SAFETY: `new` and `clone` fill this field when `SHARED` holds.
            unsafe { &self.shared }
        } else {
            // SAFETY: they fill this one when it does not.
            unsafe { &self.inline }
        }
    }

    /// A copy for a caller.
    #[inline]
    pub(crate) fn give(&self) -> Option<M::Output> {
        M::copy(self.get())
    }
}

impl<M: Memoized> Clone for Output<M> {
    /// User code runs where there is no `Drop`: a copy, which only what could be
    /// copied when it was put has to make.
    #[inline]
    fn clone(&self) -> Self {
        if Self::SHARED {
            // SAFETY: as in `get`.
            let shared = unsafe { ManuallyDrop::clone(&self.shared) };
            return Output { shared };
        }
        let copy = M::copy(self.get());
        let inline = ManuallyDrop::new(copy.expect("an output that is kept can be copied"));
        Output { inline }
    }
}

impl<M: Memoized> Drop for Output<M> {
    #[inline]
    fn drop(&mut self) {
        if Self::SHARED {
            // SAFETY: as in `get`, and it is not used after this.
            unsafe { ManuallyDrop::drop(&mut self.shared) }
        }
    }
}

// SAFETY: it is an `M::Output` or an `Arc` of it, which is `Send` if the output is
// both.
unsafe impl<M: Memoized> Send for Output<M> where M::Output: Send + Sync {}
// SAFETY: by reference it gives out references and clones of the same.
unsafe impl<M: Memoized> Sync for Output<M> where M::Output: Send + Sync {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Lookup;

    struct Of<R>(R);

    impl<R: Clone + 'static> Memoized for Of<R> {
        type Args<'a> = ();
        type Key = ();
        type Output = R;
        const NAME: &'static str = "of";

        fn lookup<'r, 'a: 'r>(_: &'r ()) -> impl Lookup<()> {}

        fn run((): ()) -> R {
            unreachable!("only the output is of interest")
        }

        fn copy(output: &R) -> Option<R> {
            Some(output.clone())
        }
    }

    #[test]
    fn a_plain_value_takes_its_own_space_and_is_copied() {
        assert_eq!(size_of::<Output<Of<u64>>>(), size_of::<u64>());
        let output = Output::<Of<u64>>::new(7);
        let again = output.clone();
        drop(output);
        assert_eq!(again.give(), Some(7));
    }

    #[test]
    fn any_other_is_shared_and_dropped_once() {
        let counted = Arc::new(());
        let output = Output::<Of<(Arc<()>, String)>>::new((Arc::clone(&counted), "a".repeat(9)));
        let again = output.clone();
        assert_eq!(Arc::strong_count(&counted), 2, "one output, twice held");
        drop(output);
        assert_eq!(again.give().unwrap().1, "aaaaaaaaa");
        drop(again);
        assert_eq!(Arc::strong_count(&counted), 1);
    }
}
