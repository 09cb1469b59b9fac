/// How the caller of an operation waits.
///
/// All rules are futures. For a caller that blocks each of them is ready when it is
/// polled: the thread waits in the poll, on a socket or for a place in a pool. For one
/// that awaits they are polled on a thread of this crate, by what comes on sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// On its thread, with a connection of its own meanwhile.
    Blocking,
    /// As a task, over a connection that all such callers share.
    #[cfg(feature = "async")]
    Awaited,
}
