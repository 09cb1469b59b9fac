use super::inner::Inner;
use once_cell::sync::OnceCell;

/// Where the global registry's partition of one type lives: a static of the
/// type's own, reached without looking its `TypeId` up.
pub struct Home<K: 'static, T: 'static, E: 'static>(OnceCell<Inner<K, T, E>>);

impl<K, T, E> Home<K, T, E> {
    /// Nothing lives there yet.
    #[allow(clippy::new_without_default)] // it is for statics alone
    pub const fn new() -> Self {
        Home(OnceCell::new())
    }

    #[inline]
    pub(crate) fn get(&'static self) -> Option<&'static Inner<K, T, E>> {
        self.0.get()
    }

    pub(super) fn get_or_init(
        &'static self,
        init: impl FnOnce() -> Inner<K, T, E>,
    ) -> &'static Inner<K, T, E> {
        self.0.get_or_init(init)
    }
}
