//! How WebSockets end (RFC 6455 §7.4), when we stand between their two ends.

/// The longest reason that fits into a close frame (RFC 6455 §5.5).
const MAX_REASON_BYTES: usize = 123;

/// A close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The status code; `None` for a frame without one.
    pub code: Option<u16>,
    /// The reason; empty without a code.
    pub reason: String,
}

impl Close {
    /// The session or token that opened the door has ended. The number is of the range that is for applications
    /// (RFC 6455 §7.4.2), and reads like the 401 that the next request gets.
    pub const ENDED: u16 = 4401;
    /// Try again later (IANA): nobody can tell whether it has ended, or more waits to be read than is held.
    pub const UNKNOWN: u16 = 1013;
    /// The browser went away without a word.
    const GOING_AWAY: u16 = 1001;
    /// The upstream went away without a word (IANA: "Bad Gateway").
    const BAD_GATEWAY: u16 = 1014;

    fn new(code: u16, reason: &str) -> Self {
        Self { code: Some(code), reason: reason.to_owned() }
    }

    /// What both ends are told when the session or token has ended.
    #[must_use]
    pub fn ended() -> Self {
        Self::new(Self::ENDED, "session ended")
    }

    /// What both ends are told when the token has expired.
    #[must_use]
    pub fn expired() -> Self {
        Self::new(Self::ENDED, "token expired")
    }

    /// What both ends are told when one of them does not take what the other sends: try again later.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::new(Self::UNKNOWN, "reader too slow")
    }

    /// What both ends are told when nobody can tell whether the session lives.
    #[must_use]
    pub fn unknown() -> Self {
        Self::new(Self::UNKNOWN, "session cannot be checked")
    }

    /// What the upstream is told, of what the browser said or did.
    #[must_use]
    pub fn of_browser(code: u16, reason: &str) -> Self {
        Self::passed_on(code, reason).unwrap_or_else(|| Self::new(Self::GOING_AWAY, "browser gone"))
    }

    /// What the browser is told, of what the upstream said or did.
    #[must_use]
    pub fn of_upstream(code: u16, reason: &str) -> Self {
        Self::passed_on(code, reason).unwrap_or_else(|| Self::new(Self::BAD_GATEWAY, "upstream gone"))
    }

    /// A frame as it came. `None` for the codes that no frame may carry (RFC 6455 §7.4.1): there was no frame.
    fn passed_on(code: u16, reason: &str) -> Option<Self> {
        match code {
            1005 => Some(Self { code: None, reason: String::new() }),
            1000..=1003 | 1007..=1014 | 1016..=4999 => Some(Self::new(code, cut(reason))),
            _ => None,
        }
    }
}

/// As much of a reason as fits.
fn cut(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_frame_is_passed_on_as_it_came() {
        //
        for code in [1000, 1001, 1003, 1007, 1009, 1011, 1012, 3000, 4000, 4999] {
            let expected = Close { code: Some(code), reason: "why".to_owned() };
            assert_eq!((Close::of_browser(code, "why"), Close::of_upstream(code, "why")), (expected.clone(), expected));
        }
        let silent = Close { code: None, reason: String::new() };
        assert_eq!((Close::of_browser(1005, ""), Close::of_upstream(1005, "x")), (silent.clone(), silent));
    }

    #[test]
    fn an_end_that_went_away_without_a_word_is_told_in_words() {
        for code in [1006, 1015, 1004, 0, 999, 5000, 65535] {
            assert_eq!(Close::of_browser(code, "").code, Some(1001), "{code}");
            assert_eq!(Close::of_upstream(code, "").code, Some(1014), "{code}");
        }
    }

    #[test]
    fn a_reason_is_cut_to_what_a_frame_holds_and_never_inside_a_character() {
        assert_eq!(Close::of_upstream(1000, &"x".repeat(124)).reason.len(), 123);
        assert_eq!(Close::of_upstream(1000, &"é".repeat(100)).reason, "é".repeat(61));
        assert_eq!(Close::of_upstream(1000, "").reason, "");
    }
}
