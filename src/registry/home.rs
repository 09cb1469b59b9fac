use super::held::Held;
use super::partition::Inner;
use super::{Registry, scope};
use crate::memento::{Memento, Outcome};
use once_cell::sync::OnceCell;

/// The inside of a type's partition.
pub(crate) type InnerOf<T, R> = Inner<<T as Memento<R>>::Key, T, <R as Outcome<T>>::Error>;

/// Where the global registry's partition of one type lives: a static of the
/// type's own, reached without looking its `TypeId` up.
pub struct Home<T: Memento<R>, R: Outcome<T>>(OnceCell<InnerOf<T, R>>);

impl<T: Memento<R>, R: Outcome<T>> Home<T, R> {
    /// Nothing lives there yet.
    #[allow(clippy::new_without_default)] // it is for statics alone
    pub const fn new() -> Self {
        Home(OnceCell::new())
    }

    #[inline]
    pub(super) fn get(&'static self) -> Option<&'static InnerOf<T, R>> {
        self.0.get()
    }

    pub(super) fn get_or_init(
        &'static self,
        init: impl FnOnce() -> InnerOf<T, R>,
    ) -> &'static InnerOf<T, R> {
        self.0.get_or_init(init)
    }
}

/// The partition of `T` in the current registry.
pub(crate) fn current<T: Memento<R>, R: Outcome<T>>() -> Held<InnerOf<T, R>> {
    match scope::innermost() {
        Some(registry) => registry.partition_of::<T, R>(),
        None => Registry::global().partition_of::<T, R>(),
    }
}

/// Hands the partition of `T` in the current registry to `use_it`. This is the
/// way of every call, so while no scope is open it costs two loads.
#[inline]
pub(crate) fn with_current<T: Memento<R>, R: Outcome<T>, O>(
    use_it: impl FnOnce(&InnerOf<T, R>) -> O,
) -> O {
    let held;
    let inner = match global_at_hand::<T, R>() {
        Some(inner) => inner,
        None => {
            held = current_cold::<T, R>();
            &*held
        }
    };
    use_it(inner)
}

/// The global partition, if that is the one that is meant, and if it is there.
#[inline]
fn global_at_hand<T: Memento<R>, R: Outcome<T>>() -> Option<&'static InnerOf<T, R>> {
    if scope::any() {
        return None;
    }
    match T::home() {
        Some(home) => home.get(),
        None => Registry::global().known(T::factory()),
    }
}

#[cold]
#[inline(never)]
fn current_cold<T: Memento<R>, R: Outcome<T>>() -> Held<InnerOf<T, R>> {
    current::<T, R>()
}
