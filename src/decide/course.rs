use super::Verdict;
use std::time::Duration;

/// What a call does while a stale value is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhileStale {
    /// It waits so long for the refresh.
    Waits(Duration),
    /// It waits until the build has ended.
    Builds,
}

/// What a call does about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// It answers with it.
    Take,
    /// It answers with it, and has it refreshed meanwhile.
    TakeAndRefresh,
    /// It waits so long for a refresh, and then answers with it.
    WaitFor(Duration),
    /// It builds, and answers with it if that fails.
    BuildOrTake,
    /// It builds.
    Build,
}

/// What a call does about an entry, by the verdict on it. `rests`: a refresh of it has
/// failed, and it is too soon for another.
pub(crate) fn course(verdict: Verdict, while_stale: WhileStale, rests: bool) -> Course {
    match (verdict, while_stale) {
        (Verdict::Fresh, _) => Course::Take,
        (Verdict::Early | Verdict::Stale, _) if rests => Course::Take,
        (Verdict::Early, _) | (Verdict::Stale, WhileStale::Waits(Duration::ZERO)) => {
            Course::TakeAndRefresh
        }
        (Verdict::Stale, WhileStale::Waits(timeout)) => Course::WaitFor(timeout),
        (Verdict::Stale, WhileStale::Builds) => Course::BuildOrTake,
        (Verdict::Expired | Verdict::Changed | Verdict::Missing, _) => Course::Build,
    }
}
