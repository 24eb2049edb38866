//! What a route that takes access tokens says with a refusal (RFC 6750 §3, RFC 9728 §5.1).

use super::resource::metadata_url;
use crate::config::PublicUrl;
use crate::http::{HeaderMap, HeaderValue, header};
use crate::refusal::Refusal;
use crate::route::{Guard, Route};

/// The challenge of one route.
#[derive(Debug)]
pub(super) struct Challenge {
    parameters: Vec<String>,
}

impl Challenge {
    /// For a client that knows nothing yet: where to read about this resource, and what to ask a token for.
    pub(super) fn of(route: &Route, guard: &Guard, public_url: &PublicUrl) -> Self {
        let scopes = &guard.requirements.scopes;
        let scope = (!scopes.is_empty()).then(|| format!(r#"scope="{}""#, scopes.join(" ")));
        let metadata = format!(r#"resource_metadata="{}""#, metadata_url(route, public_url));
        Self { parameters: scope.into_iter().chain([metadata]).collect() }
    }

    /// Adds the challenge to a refusal that a token could turn into something better, before those of other schemes:
    /// many clients read the first one only.
    pub(super) fn add_to(&self, refusal: &Refusal, headers: &mut HeaderMap) {
        let error = match refusal {
            // R-112
            Refusal::Unauthenticated | Refusal::TokenRequired => None,
            Refusal::TokenMalformed => Some("invalid_request"),
            Refusal::TokenRefused => Some("invalid_token"),
            Refusal::Forbidden(scopes) if !scopes.is_empty() => Some("insufficient_scope"),
            _ => return,
        };
        let error = error.map(|error| format!(r#"error="{error}""#));
        let parameters: Vec<String> = error.into_iter().chain(self.parameters.iter().cloned()).collect();
        headers.insert(header::VARY, HeaderValue::from_static("Authorization, Cookie"));
        let others: Vec<HeaderValue> = headers.get_all(header::WWW_AUTHENTICATE).iter().cloned().collect();
        if let Ok(value) = HeaderValue::try_from(format!("Bearer {}", parameters.join(", "))) {
            headers.insert(header::WWW_AUTHENTICATE, value);
            for other in others {
                headers.append(header::WWW_AUTHENTICATE, other);
            }
        }
    }
}
