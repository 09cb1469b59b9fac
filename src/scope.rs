//! Scopes: which registry, and which memoizer, a call means. The innermost one
//! whose scope this thread is in, or else the global one.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a call can mean another of.
pub(crate) trait Scoped: Clone + 'static {
    /// Hands this thread's scopes to `run`. Nothing, while the thread is torn down.
    fn scopes<R>(run: impl FnOnce(&RefCell<Vec<Self>>) -> R) -> Option<R>;

    /// How many scopes there are in the whole process. While there are none, a hit
    /// need not look at its thread's.
    fn open() -> &'static AtomicUsize;
}

/// Makes a type one that has scopes.
macro_rules! scoped {
    ($scoped:ty) => {
        impl crate::scope::Scoped for $scoped {
            fn scopes<R>(run: impl FnOnce(&std::cell::RefCell<Vec<Self>>) -> R) -> Option<R> {
                use std::cell::RefCell;
                crate::sync::thread_local! {
                    static SCOPES: RefCell<Vec<$scoped>> = const { RefCell::new(Vec::new()) };
                }
                SCOPES.try_with(run).ok()
            }

            #[inline]
            fn open() -> &'static std::sync::atomic::AtomicUsize {
                static OPEN: std::sync::atomic::AtomicUsize =
                    std::sync::atomic::AtomicUsize::new(0);
                &OPEN
            }
        }
    };
}

pub(crate) use scoped;

/// Whether any thread is in a scope. A thread that is in one sees so: it has
/// counted itself.
#[inline]
pub(crate) fn any<T: Scoped>() -> bool {
    T::open().load(Ordering::Relaxed) != 0
}

/// The innermost scope of this thread.
pub(crate) fn innermost<T: Scoped>() -> Option<T> {
    T::scopes(|scopes| scopes.borrow().last().cloned()).flatten()
}

/// A scope that ends when this is dropped.
pub(crate) struct Scope<T: Scoped>(std::marker::PhantomData<*const T>);

impl<T: Scoped> Scope<T> {
    pub(crate) fn open(on: &T) -> Self {
        let on = on.clone();
        T::scopes(|scopes| scopes.borrow_mut().push(on));
        T::open().fetch_add(1, Ordering::Relaxed);
        Scope(std::marker::PhantomData)
    }
}

impl<T: Scoped> Drop for Scope<T> {
    fn drop(&mut self) {
        T::open().fetch_sub(1, Ordering::Relaxed);
        let left = T::scopes(|scopes| scopes.borrow_mut().pop());
        // The last handle owns what it keeps, whose `Drop` may ask for more:
        // dropped out here, where the scopes are not borrowed.
        drop(left);
    }
}
