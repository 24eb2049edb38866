//! What browsers are told to be careful with in an upstream's answer, where the configuration says so.
//!
//! The application knows its pages best: a header that it sets itself stays as it is.

use crate::http::header_edits::HeaderEdits;
use crate::http::{HeaderMap, HeaderName, HeaderValue, header};

const FRAME_ANCESTORS: &str = "frame-ancestors";

/// `security_headers` of a route, ready to be added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityHeaders {
    /// Each is added where the answer has none of that name.
    pub lines: Vec<(HeaderName, HeaderValue)>,
    /// Added where the answer does not say who may frame it.
    pub framing: Option<Framing>,
}

/// Who may show an answer in a frame, in the new words and in the old ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    /// A `Content-Security-Policy` of `frame-ancestors` alone. It stands beside others and takes nothing from them.
    pub policy: HeaderValue,
    /// `X-Frame-Options`
    pub options: HeaderValue,
}

impl SecurityHeaders {
    /// Adds them to an answer.
    pub fn add_to(&self, answer: &mut HeaderEdits<'_>) {
        for (name, value) in &self.lines {
            if !answer.leave(name) {
                answer.append(name.clone(), value.clone());
            }
        }
        if let Some(Framing { policy, options }) = self.framing.as_ref().filter(|_| !says_who_frames(answer.before())) {
            answer.append(header::CONTENT_SECURITY_POLICY, policy.clone());
            answer.insert(header::X_FRAME_OPTIONS, options.clone());
        }
    }
}

fn says_who_frames(headers: &HeaderMap) -> bool {
    let policies = headers.get_all(header::CONTENT_SECURITY_POLICY).iter();
    headers.contains_key(header::X_FRAME_OPTIONS) || policies.filter_map(|value| value.to_str().ok()).any(names_framers)
}

/// Whether a policy has a directive about who may frame (CSP Level 3 §2.2.1: names are compared without case).
#[must_use]
pub fn names_framers(policy: &str) -> bool {
    let directives = policy.split([';', ',']).map(|directive| directive.split_whitespace().next().unwrap_or_default());
    directives.into_iter().any(|name| name.eq_ignore_ascii_case(FRAME_ANCESTORS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deny() -> SecurityHeaders {
        SecurityHeaders {
            lines: vec![
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'")),
            ],
            framing: Some(Framing {
                policy: HeaderValue::from_static("frame-ancestors 'none'"),
                options: HeaderValue::from_static("DENY"),
            }),
        }
    }

    fn added_to(own: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let own: HeaderMap =
            own.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        let mut edits = HeaderEdits::of(&own);
        deny().add_to(&mut edits);
        let mut all: Vec<(String, String)> = edits
            .applied()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        all.sort();
        all
    }

    fn lines(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        lines.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_answer_that_says_nothing_gets_all_of_them() {
        //
        let expected = lines(&[
            ("content-security-policy", "default-src 'self'"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ]);
        assert_eq!(added_to(&[]), expected);
    }

    #[test]
    fn what_the_application_says_itself_stands() {
        //
        let own =
            [("content-security-policy", "script-src x; Frame-Ancestors 'self'"), ("x-content-type-options", "x")];
        assert_eq!(added_to(&own), lines(&own));
        let framed = added_to(&[("x-frame-options", "SAMEORIGIN")]);
        assert!(!framed.iter().any(|(_, value)| value.contains("frame-ancestors") || value == "DENY"), "{framed:?}");
    }

    #[test]
    fn a_policy_that_says_nothing_of_frames_is_kept_and_joined_by_one_that_does() {
        let policy = "default-src 'none'; report-uri /frame-ancestors";
        let policies: Vec<String> = added_to(&[("content-security-policy", policy)])
            .into_iter()
            .filter_map(|(name, value)| (name == "content-security-policy").then_some(value))
            .collect();
        assert_eq!(policies, [policy, "frame-ancestors 'none'"]);
    }
}
