//! A question to the SAML Worker, and its answer: one JSON object each (`crates/saml-messages`).

use serde_json::{Map, Value, json};

use super::error::SamlError;
use crate::config::SAML_WORKER;
use crate::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use crate::json;
use crate::ports::{OutboundRequest, OutboundResponse};
use crate::time::Seconds;

/// The version of the messages.
const VERSION: u32 = 1;
/// Any address will do: the binding leads to the SAML Worker.
const URL: &str = "https://saml.internal/";
/// The SAML Worker itself has less time (R-361).
const TIMEOUT: Seconds = Seconds::new(5);
/// An assertion of the longest response, as JSON.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// What the status of a response is called that could not be had without asking the person.
const PASSIVE: &str = "status.no_passive";
const STATUS: &str = "status.";

/// The request that asks this.
#[must_use]
pub fn ask(kind: &str, question: Value) -> OutboundRequest {
    let question = json::object(std::iter::once((kind.to_owned(), question)));
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    OutboundRequest {
        method: Method::POST,
        url: URL.to_owned(),
        headers,
        body: json!({ "v": VERSION, "question": question }).to_string(),
        timeout: TIMEOUT,
        max_bytes: MAX_ANSWER_BYTES,
        via: Some(SAML_WORKER.to_owned()),
        certificate: None,
    }
}

/// The kind of its answer, and the answer.
///
/// # Errors
/// When it refuses, or the response is not one answer.
pub fn answer(response: &OutboundResponse) -> Result<(String, Value), SamlError> {
    if response.status != StatusCode::OK {
        return Err(SamlError::WorkerAway);
    }
    let answer = json::parse_object(&response.body, MAX_ANSWER_BYTES).map_err(|_| SamlError::WorkerAway)?;
    let mut members = answer.into_iter();
    match (members.next(), members.next()) {
        (Some((kind, value)), None) if kind == "refused" => Err(refusal(&value)),
        (Some(one), None) => Ok(one),
        _ => Err(SamlError::WorkerAway),
    }
}

fn refusal(refused: &Value) -> SamlError {
    let text = |name: &str| refused.get(name).and_then(Value::as_str).unwrap_or_default();
    let (reason, detail) = (text("reason"), text("detail"));
    let both = if detail.is_empty() { reason.to_owned() } else { format!("{reason}: {detail}") };
    match reason {
        PASSIVE => SamlError::Passive,
        _ if reason.starts_with(STATUS) => SamlError::Status(both.into()),
        _ => SamlError::Refused(both.into()),
    }
}

/// A text of an answer that is there and not empty.
pub(super) fn said<'a>(answer: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    json::said(answer, name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> OutboundResponse {
        let status = StatusCode::from_u16(status).unwrap();
        OutboundResponse { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_question_goes_to_the_saml_worker_and_nowhere_else() {
        let request = ask("verify", json!({ "now": 1 }));
        assert_eq!(request.via.as_deref(), Some("SAML"));
        let body = json::parse_object(request.body.as_bytes(), 100).unwrap();
        assert_eq!(Value::Object(body), json!({ "v": 1, "question": { "verify": { "now": 1 } } }));
    }

    #[test]
    fn anything_but_one_answer_counts_as_no_answer() {
        assert_eq!(answer(&response(200, r#"{"xml":"<a/>"}"#)), Ok(("xml".to_owned(), json!("<a/>"))));
        for (status, body) in
            [(500, r#"{"xml":"<a/>"}"#), (200, ""), (200, "{}"), (200, r#"{"a":1,"b":2}"#), (200, "[]")]
        {
            assert_eq!(answer(&response(status, body)), Err(SamlError::WorkerAway), "{body}");
        }
    }

    #[test]
    fn a_refusal_says_why() {
        // R-357
        for (body, expected) in [
            (r#"{"refused":{"reason":"gate.doctype","detail":""}}"#, SamlError::Refused("gate.doctype".into())),
            (r#"{"refused":{"reason":"gate.depth","detail":"33"}}"#, SamlError::Refused("gate.depth: 33".into())),
            (r#"{"refused":{"reason":"status.no_passive"}}"#, SamlError::Passive),
            (r#"{"refused":{"reason":"status.authn_failed"}}"#, SamlError::Status("status.authn_failed".into())),
            (r#"{"refused":{}}"#, SamlError::Refused("".into())),
        ] {
            assert_eq!(answer(&response(200, body)), Err(expected), "{body}");
        }
    }
}
