//! Seconds since 1970, as the library has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 9999-12-31T23:59:59Z: no time that a message can have is later.
const LAST: i64 = 253_402_300_799;

pub(crate) fn from_unix(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds.clamp(0, LAST)).unwrap_or_default())
}

pub(crate) fn to_unix(time: SystemTime) -> i64 {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).unwrap_or(LAST).min(LAST)
}

pub(crate) fn to_text(seconds: i64) -> String {
    saml::format_xs_datetime(from_unix(seconds)).unwrap_or_default()
}
