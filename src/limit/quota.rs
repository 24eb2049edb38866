//! What callers are told of limits: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).

use super::{Allowance, Drawn, LimitKind};
use crate::http::{HeaderName, HeaderValue};

/// The field that says what is left (§4).
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The field that says what is allowed (§3).
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What one limit allows, and what is left of it where that is known for all isolates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Which limit.
    pub kind: LimitKind,
    /// What it allows.
    pub allowance: Allowance,
    /// What is left.
    pub drawn: Option<Drawn>,
}

/// Everything that limits have to say with one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas(Vec<Quota>);

impl Quotas {
    /// One more limit was asked.
    pub fn push(&mut self, quota: Quota) {
        self.0.push(quota);
    }

    /// What an answer says of them, beside what an upstream says of limits of its own (§6: who passes fields on does not take
    /// out a limit that somebody else enforces).
    #[must_use]
    pub fn lines(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut lines = Vec::new();
        for (name, items) in [(RATE_LIMIT_POLICY, self.policies()), (RATE_LIMIT, self.left())] {
            if let Some(value) = HeaderValue::try_from(items.join(", ")).ok().filter(|value| !value.is_empty()) {
                lines.push((name, value));
            }
        }
        lines
    }

    /// The fields of [`Quotas::lines`].
    #[must_use]
    pub fn names(&self) -> Vec<HeaderName> {
        if self.0.is_empty() { Vec::new() } else { vec![RATE_LIMIT, RATE_LIMIT_POLICY] }
    }

    /// As a quota in a window: a bucket's burst, and the time in which it fills. It is the same rate, and what is left
    /// is never more than the quota.
    fn policies(&self) -> Vec<String> {
        let policy = |Quota { kind, allowance, .. }: &Quota| {
            format!(r#""{}";q={};w={}"#, kind.name(), allowance.burst(), allowance.refill().get())
        };
        self.0.iter().map(policy).collect()
    }

    fn left(&self) -> Vec<String> {
        let left = |Quota { kind, drawn, .. }: &Quota| {
            drawn.map(|drawn| format!(r#""{}";r={};t={}"#, kind.name(), drawn.remaining, drawn.next.get()))
        };
        self.0.iter().filter_map(left).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Seconds;

    #[test]
    fn an_answer_says_what_is_allowed_and_where_it_is_known_what_is_left() {
        let allowance = |requests, burst| Allowance::new(requests, Seconds::minutes(1), burst).unwrap();
        let drawn = Drawn { admitted: true, remaining: 7, next: Seconds::new(2) };
        let mut quotas = Quotas::default();
        assert!(quotas.lines().is_empty() && quotas.names().is_empty());
        quotas.push(Quota { kind: LimitKind::Address, allowance: allowance(100, 100), drawn: None });
        assert_eq!(quotas.lines(), [(RATE_LIMIT_POLICY, HeaderValue::from_static(r#""address";q=100;w=60"#))]);
        quotas.push(Quota { kind: LimitKind::Subject, allowance: allowance(100, 20), drawn: Some(drawn) });
        let lines = quotas.lines();
        let policy = HeaderValue::from_static(r#""address";q=100;w=60, "subject";q=20;w=12"#);
        assert_eq!(
            lines,
            [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, HeaderValue::from_static(r#""subject";r=7;t=2"#))]
        );
        assert_eq!(quotas.names().len(), 2);
    }
}
