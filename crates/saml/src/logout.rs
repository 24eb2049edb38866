//! Messages about a logout. SAML Profiles §4.4, Bindings §3.4.4.1.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postern_saml_messages::{LogoutMessage, LogoutRequest, LogoutResponse, ReadLogout, Reply};
use saml::{
    Binding, ConsumeLogoutRequest, ConsumeLogoutResponse, Endpoint, IdpDescriptor, LogoutOutcome, LogoutTracker,
    ServiceProvider, SsoResponseEndpoint,
};

use crate::gate::{self, Document, Kind, MAX_BYTES};
use crate::refusal::{Code, Refusal};
use crate::time::{from_unix, to_unix};
use crate::{failure, verify};

/// A message is not older: it may have no end of its own.
const MAX_AGE: i64 = 300;
/// The parameters that a signed query is made of.
const PARAMETERS: [&str; 5] = ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature"];

/// A message as it came, and what is in it.
struct Message<'a> {
    wire: Cow<'a, str>,
    binding: Binding,
    document: Document,
    is_request: bool,
}

pub(crate) fn read(question: &ReadLogout) -> Result<Reply, Refusal> {
    let message = match &question.message {
        LogoutMessage::Redirect(query) => redirected(query)?,
        LogoutMessage::PostedRequest(text) => posted(text, Kind::LogoutRequest)?,
        LogoutMessage::PostedResponse(text) => posted(text, Kind::LogoutResponse)?,
    };
    let root = &message.document.root;
    if root.attribute("Destination") != Some(question.destination.as_str()) {
        return Err(Code::Destination.because(root.attribute("Destination").unwrap_or("none")));
    }
    let idp = verify::provider(&question.idp_entity_id, &question.certificates)?;
    let provider = ourselves(question, message.binding)?;
    if message.is_request {
        request(question, &message, &provider, &idp).map(Reply::LogoutRequest)
    } else {
        response(question, &message, &provider, &idp).map(Reply::LogoutResponse)
    }
}

/// The signature is over the letters of the query, and each parameter stands in it once, in one spelling.
fn redirected(query: &str) -> Result<Message<'_>, Refusal> {
    if query.len() > MAX_BYTES {
        return Err(Code::Size.into());
    }
    let [request, response, _, Some(_), Some(_)] = parameters(query)? else {
        return Err(Code::SignatureMissing.into());
    };
    let (is_request, kind, value) = match (request, response) {
        (Some(value), None) => (true, Kind::LogoutRequest, value),
        (None, Some(value)) => (false, Kind::LogoutResponse, value),
        _ => return Err(Code::Form.because("not one message")),
    };
    let compressed = gate::base64(&percent_decoded(value)?, MAX_BYTES)?;
    let document = gate::pass(&gate::inflate(&compressed)?, kind)?;
    if document.content.root_is_signed {
        return Err(Code::SignaturePlace.because("in a redirect"));
    }
    Ok(Message { wire: query.into(), binding: Binding::HttpRedirect, document, is_request })
}

/// The values as they are written, in the order of [`PARAMETERS`].
fn parameters(query: &str) -> Result<[Option<&str>; PARAMETERS.len()], Refusal> {
    let mut found = [None; PARAMETERS.len()];
    for pair in query.split('&') {
        let (written, value) = pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value)));
        let key = percent_decoded(written).unwrap_or_default();
        let place = PARAMETERS.iter().zip(&mut found).find_map(|(name, place)| (*name == key).then_some(place));
        let Some(place) = place else { continue };
        if written != key || value.is_none() {
            return Err(Code::Form.because("spelling of a parameter"));
        }
        if place.is_some() {
            return Err(Code::Repeated.because("a parameter"));
        }
        *place = value;
    }
    Ok(found)
}

/// The library gets the very text that passed the gate.
fn posted(text: &str, kind: Kind) -> Result<Message<'static>, Refusal> {
    let document = gate::pass(&gate::base64(text, MAX_BYTES)?, kind)?;
    if !document.content.root_is_signed {
        return Err(Code::SignatureMissing.into());
    }
    let wire = STANDARD.encode(&document.text).into();
    Ok(Message { wire, binding: Binding::HttpPost, document, is_request: kind == Kind::LogoutRequest })
}

/// Decodes `%2B` and the like. A `+` stays as it is: in Base64 it is a letter, and not an encoded space.
fn percent_decoded(text: &str) -> Result<String, Refusal> {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).ok_or(Code::Base64)?;
        let byte = u8::from_str_radix(hex, 16).ok().filter(u8::is_ascii).ok_or(Code::Base64)?;
        out.push(char::from(byte));
        out.push_str(rest);
    }
    Ok(out)
}

fn ourselves(question: &ReadLogout, binding: Binding) -> Result<ServiceProvider, Refusal> {
    let mut config = verify::ourselves("urn:postern", SsoResponseEndpoint::post("https://none.invalid/", 0, true));
    config.slo = vec![Endpoint { url: question.destination.clone(), binding, index: None, is_default: false }];
    ServiceProvider::new(config).map_err(|error| failure::refusal(&error))
}

fn request(
    question: &ReadLogout,
    message: &Message<'_>,
    provider: &ServiceProvider,
    idp: &IdpDescriptor,
) -> Result<LogoutRequest, Refusal> {
    verify::named(&message.document.root)?;
    let consumed = provider.consume_logout_request(
        idp,
        ConsumeLogoutRequest {
            peer_crypto_policy: None,
            body: message.wire.as_bytes(),
            binding: message.binding,
            detached_signature: None,
            expected_destination: &question.destination,
            now: from_unix(question.now),
            clock_skew: Duration::from_secs(question.skew.into()),
        },
    );
    let found = consumed.map_err(|error| failure::refusal(&error))?;
    let issue_instant = to_unix(found.issue_instant);
    is_of_now(issue_instant, question)?;
    Ok(LogoutRequest {
        id: found.id,
        name_id: verify::name(&found.name_id)?,
        session_indexes: found.session_index.iter().map(|index| index.trim().to_owned()).collect(),
        issue_instant,
        not_on_or_after: found.not_on_or_after.map(to_unix),
    })
}

fn response(
    question: &ReadLogout,
    message: &Message<'_>,
    provider: &ServiceProvider,
    idp: &IdpDescriptor,
) -> Result<LogoutResponse, Refusal> {
    let root = &message.document.root;
    // The Worker knows which request it sent; here any is taken that the answer names.
    let in_response_to = root.attribute("InResponseTo").ok_or(Code::InResponseTo)?.to_owned();
    let tracker = LogoutTracker {
        request_id: in_response_to.clone(),
        issued_at: from_unix(question.now),
        peer_entity_id: question.idp_entity_id.clone(),
    };
    let consumed = provider.consume_logout_response(
        idp,
        ConsumeLogoutResponse {
            peer_crypto_policy: None,
            body: message.wire.as_bytes(),
            binding: message.binding,
            detached_signature: None,
            tracker: &tracker,
            expected_destination: &question.destination,
            now: from_unix(question.now),
            clock_skew: Duration::from_secs(question.skew.into()),
        },
    );
    let outcome = consumed.map_err(|error| failure::refusal(&error))?;
    let written =
        root.attribute("IssueInstant").and_then(|text| saml::parse_xs_datetime(text).ok()).ok_or(Code::Form)?;
    is_of_now(to_unix(written), question)?;
    Ok(LogoutResponse { in_response_to, success: matches!(outcome, LogoutOutcome::Success) })
}

fn is_of_now(written: i64, question: &ReadLogout) -> Result<(), Refusal> {
    let skew = i64::from(question.skew);
    let age = question.now.saturating_sub(written);
    (-skew..=MAX_AGE + skew).contains(&age).then_some(()).ok_or_else(|| Code::Time.because(&age.to_string()))
}
