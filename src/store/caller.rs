/// How a caller waits for a store. What it asks, and in which order, is the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// It blocks: what is written as a future is ready when it is polled.
    Blocks,
    /// It awaits: what a store may block for is moved off the thread that polls.
    #[cfg(feature = "async")]
    Awaits,
}
