//! A token of our own that goes to an upstream, and how the upstream says that it does not take it (RFC 6750 §3).

use crate::http::{HeaderMap, HeaderValue, StatusCode, header};
use crate::ids::ServiceId;
use crate::outward::ServiceToken;

/// The longest challenge that is read.
const MAX_CHALLENGE_BYTES: usize = 4 * 1024;

/// A token of our own, and by which entry of `SERVICES` it is.
#[derive(Clone, Debug)]
pub struct ServiceCredential {
    /// The entry.
    pub id: ServiceId,
    /// The token.
    pub token: ServiceToken,
}

impl ServiceCredential {
    /// Puts it into a request, in place of whatever stood there.
    pub fn add_to(&self, headers: &mut HeaderMap) {
        if let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", self.token.token.expose())) {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
    }
}

/// Whether an answer says that the token is the reason: 401, and a challenge for bearers with `error="invalid_token"`.
#[must_use]
pub fn refuses_token(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::UNAUTHORIZED && headers.get_all(header::WWW_AUTHENTICATE).iter().any(names_invalid_token)
}

fn names_invalid_token(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    let mut of_bearer = false;
    text.len() <= MAX_CHALLENGE_BYTES
        && parts(text).any(|part| {
            // A scheme, if there is one, stands before the first parameter (RFC 9110 §11.6.1).
            let (scheme, parameter) = match part.split_once([' ', '\t']) {
                Some((scheme, rest)) if !scheme.contains('=') && !rest.trim_start().starts_with('=') => {
                    (Some(scheme), rest.trim())
                }
                _ if !part.contains('=') => (Some(part), ""),
                _ => (None, part),
            };
            of_bearer = scheme.map_or(of_bearer, |scheme| scheme.eq_ignore_ascii_case("bearer"));
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            of_bearer && name.trim().eq_ignore_ascii_case("error") && value.trim().trim_matches('"') == "invalid_token"
        })
}

/// What stands between commas, those in quotes apart.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let separates = move |c: char| {
        let after_backslash = escaped;
        escaped = quoted && c == '\\' && !after_backslash;
        quoted ^= c == '"' && !after_backslash;
        c == ',' && !quoted
    };
    text.split(separates).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(status: u16, challenges: &[&str]) -> bool {
        let lines = challenges.iter().map(|line| (header::WWW_AUTHENTICATE, HeaderValue::from_str(line).unwrap()));
        refuses_token(StatusCode::from_u16(status).unwrap(), &lines.collect())
    }

    #[test]
    fn only_a_challenge_for_bearers_with_invalid_token_says_so() {
        // R-274
        for good in [
            r#"Bearer error="invalid_token""#,
            "Bearer error=invalid_token",
            r#"bearer realm="a, b", error="invalid_token", error_description="expired""#,
            r#"Basic realm="x", Bearer realm="y", error="invalid_token""#,
            r#"Bearer realm="a \" error=", ERROR = "invalid_token""#,
        ] {
            assert!(refuses(401, &[good]), "{good}");
            assert!(!refuses(403, &[good]) && !refuses(200, &[good]), "{good}");
        }
        assert!(refuses(401, &["Basic realm=x", "Bearer error=invalid_token"]));
        for bad in [
            "",
            "Bearer",
            r#"Bearer realm="api""#,
            r#"Bearer error="insufficient_scope""#,
            r#"Basic error="invalid_token""#,
            r#"Bearer realm="x", Basic error="invalid_token""#,
            r#"Bearer realm="error=invalid_token""#,
            r#"Bearer realm="x, error=invalid_token""#,
            r#"Bearer error_description="invalid_token""#,
            r#"error="invalid_token""#,
        ] {
            assert!(!refuses(401, &[bad]), "{bad}");
        }
        assert!(!refuses(401, &[&format!("Bearer x=\"{}\", error=invalid_token", "a".repeat(MAX_CHALLENGE_BYTES))]));
    }
}
