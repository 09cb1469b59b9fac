/// How long instances live: which store of the crate holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keep {
    /// Until removed.
    Strong,
    /// While somebody holds one.
    Weak,
    /// While somebody holds one; and the last `capacity` used in any case.
    Pinned {
        /// How many are kept alive.
        capacity: usize,
    },
    /// For ever.
    Static,
}

impl Keep {
    /// Whether instances are kept for ever.
    pub const fn is_static(self) -> bool {
        matches!(self, Keep::Static)
    }
}
