//! An approval that was given → our signed word for it: who allowed which call, of which agent, for whom (R-333).
//!
//! It is evidence, not a credential: it opens nothing, and it has no end.

use serde::Serialize;

use crate::session::approval::{Approval, ApprovalState, Party};
use crate::time::Timestamp;

/// `typ` of the JWS: nothing else that Postern signs is taken for a receipt (RFC 8725 §3.11).
pub const TYP: &str = "postern-receipt+jwt";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    jti: &'a str,
    iat: Timestamp,
    /// For whom the agent acts.
    sub_id: Subject<'a>,
    /// Who allowed it.
    approved_by: Subject<'a>,
    client_id: &'a str,
    grant: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    actors: &'a [String],
    call: CallOf<'a>,
    /// The request by which it was allowed.
    decision: &'a str,
    approved_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_at: Option<Timestamp>,
    /// The request that was let through.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
}

/// RFC 9493 §3.2.4.
#[derive(Serialize)]
struct Subject<'a> {
    format: &'static str,
    iss: &'a str,
    sub: &'a str,
}

#[derive(Serialize)]
struct CallOf<'a> {
    route: &'a str,
    method: &'a str,
    name: &'a str,
    /// SHA-256 over grant, route, method, name and parameters.
    hash: &'a str,
}

impl<'a> Subject<'a> {
    fn of(party: &'a Party) -> Self {
        Self { format: "iss_sub", iss: &party.issuer, sub: &party.subject }
    }
}

/// What a receipt says, as a JSON object. `None` where nothing was allowed.
#[must_use]
pub fn claims(approval: &Approval, issuer: &str) -> Option<String> {
    let given = approval.given()?;
    let (used_at, request) = match &approval.state {
        ApprovalState::Used { at, request, .. } => (Some(*at), Some(request.as_str())),
        _ => (None, None),
    };
    let call = &approval.call;
    let claims = Claims {
        iss: issuer,
        jti: &approval.id,
        iat: used_at.unwrap_or(given.at),
        sub_id: Subject::of(&approval.person),
        approved_by: Subject::of(&given.by),
        client_id: &approval.client,
        grant: &approval.grant,
        actors: &approval.actors,
        call: CallOf { route: &call.route, method: &call.method, name: &call.name, hash: &call.hash },
        decision: &given.request,
        approved_at: given.at,
        used_at,
        request,
    };
    serde_json::to_string(&claims).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::session::approval::ApprovalVerdict;
    use crate::session::approval::tests::{by, call, party, pending};
    use crate::time::Seconds;

    const AT: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn a_receipt_says_who_allowed_what_and_nothing_of_what_was_said() {
        // R-333
        let waiting = pending("a1", call(r#"{"secret":"canary"}"#));
        assert_eq!(claims(&waiting, "https://app.example"), None);
        let given = waiting.decided(ApprovalVerdict::Allow, by("bob", AT)).unwrap();
        let used = given.used(AT.plus(Seconds::new(5)), "r2").unwrap();
        let text = claims(&used, "https://app.example").unwrap();
        assert!(!text.contains("canary"), "{text}");
        let said: Value = serde_json::from_str(&text).unwrap();
        let party = |sub: &str| json!({ "format": "iss_sub", "iss": "https://op.example", "sub": sub });
        assert_eq!(said["approved_by"], party("bob"));
        assert_eq!(said["sub_id"], party("alice"));
        assert_eq!(said["call"]["name"], "delete_doc");
        assert_eq!(said["call"]["hash"], given.call.hash.as_str());
        assert_eq!((&said["decision"], &said["request"]), (&json!("r1"), &json!("r2")));
        assert_eq!(said["used_at"], json!(AT.plus(Seconds::new(5))));
    }

    #[test]
    fn of_a_no_there_is_none() {
        let denied = pending("a1", call("{}")).decided(ApprovalVerdict::Deny, by("alice", AT)).unwrap();
        assert_eq!(claims(&denied, "https://app.example"), None);
        assert_eq!(party("alice"), denied.person);
    }
}
