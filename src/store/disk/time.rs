use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The expiry of what does not expire.
pub(super) const NEVER: u64 = u64::MAX;

/// Nanoseconds since 1970. Times before it are 0, and those after the year 2554 the
/// last but one of a `u64`.
pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).map_or(NEVER - 1, |nanos| nanos.min(NEVER - 1))
}

/// An expiry as it stands in the file.
pub(super) fn expiry(expires: Option<SystemTime>) -> u64 {
    expires.map_or(NEVER, nanos)
}

/// The wall time, which all processes that share the file read alike.
pub(super) fn now() -> u64 {
    nanos(SystemTime::now())
}

/// When something that begins now and lasts for `life` ends.
pub(super) fn ends(life: Duration) -> u64 {
    let life = u64::try_from(life.as_nanos()).unwrap_or(NEVER);
    now().saturating_add(life).min(NEVER - 1)
}
