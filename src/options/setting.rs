/// One field of [`Options`](super::Options): left to who is asked next, set, or
/// explicitly none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Setting<T> {
    /// Whatever the next level says.
    #[default]
    Inherit,
    /// This.
    Set(T),
    /// Nothing, whatever the next level says.
    None,
}

impl<T> Setting<T> {
    /// What is set, if anything is.
    pub fn value(&self) -> Option<&T> {
        match self {
            Setting::Set(value) => Some(value),
            Setting::Inherit | Setting::None => None,
        }
    }

    /// Whether this is left to the next level.
    pub fn inherits(&self) -> bool {
        matches!(self, Setting::Inherit)
    }
}

impl<T: Clone> Setting<T> {
    /// This, or `outer` where this inherits.
    pub(crate) fn over(&self, outer: &Self) -> Self {
        match self {
            Setting::Inherit => outer.clone(),
            own => own.clone(),
        }
    }
}
