//! The SAML Worker of the tests, as far as Postern sees it: it speaks the same messages, and neither signs nor compresses.
//! What a provider posts is the JSON of what the real SAML verifier would find verified in it; about XML, the real one is asked.

use std::cell::{Cell, RefCell};

use base64ct::{Base64, Encoding};
use postern::ports::{FetchError, OutboundRequest};
use postern_saml_messages::{
    Ask, Attribute, Certificate, LogoutMessage, LogoutRequest, LogoutResponse, Made, MakeRequest, Metadata, NameId,
    Question, Refused, Reply, VERSION, Verified,
};
use serde::{Deserialize, Serialize};

use super::provider::{Answer, answer};

/// The entityID of the provider of the tests.
pub const IDP: &str = "urn:example:idp";
pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// The SAML Worker of the tests.
pub struct SamlWorker {
    /// It does not answer.
    pub away: Cell<bool>,
    /// What the provider says of itself.
    pub metadata: RefCell<Metadata>,
    /// What was asked.
    pub asked: RefCell<Vec<Question>>,
}

/// What a provider posts here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The request that it answers.
    pub in_response_to: String,
    /// By whose certificate it is signed.
    pub signed_by: String,
    /// Who signed in; or why nobody did.
    pub says: Result<Verified, String>,
}

impl Response {
    /// As it is posted.
    pub fn posted(&self) -> String {
        encoded(self)
    }
}

/// What a provider says of a logout here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Logout {
    Request(LogoutRequest),
    Response(LogoutResponse),
    /// Signed by nobody.
    Forged,
}

pub fn encoded(message: &impl Serialize) -> String {
    Base64::encode_string(serde_json::to_string(message).unwrap().as_bytes())
}

/// What was encoded so.
pub fn decoded<T: for<'de> Deserialize<'de>>(message: &str) -> Option<T> {
    serde_json::from_slice(&Base64::decode_vec(message).ok()?).ok()
}

/// What the real SAML verifier (`crates/saml`) answers: what we say of ourselves, and about responses that are XML.
fn is_real(question: &Question) -> bool {
    match question {
        Question::OwnMetadata(_) => true,
        Question::Verify(asked) => {
            Base64::decode_vec(&asked.response).is_ok_and(|message| message.first() == Some(&b'<'))
        }
        _ => false,
    }
}

pub fn name(value: &str) -> NameId {
    NameId { value: value.to_owned(), format: PERSISTENT.to_owned(), name_qualifier: None, sp_name_qualifier: None }
}

impl SamlWorker {
    pub fn new() -> Self {
        let certificate =
            Certificate { der: "idp-1".to_owned(), sha256: "a1".repeat(32), not_after: 4_000_000_000, weak: false };
        let metadata = Metadata {
            entity_id: IDP.to_owned(),
            sso_redirect: Some("https://idp.example.com/sso".to_owned()),
            slo_redirect: Some("https://idp.example.com/slo".to_owned()),
            certificates: vec![certificate],
            ..Metadata::default()
        };
        Self { away: Cell::new(false), metadata: RefCell::new(metadata), asked: RefCell::default() }
    }

    /// Answers one question.
    pub fn answer(&self, request: &OutboundRequest) -> Answer {
        if self.away.get() {
            return Err(FetchError::Network);
        }
        let ask: Ask = serde_json::from_str(&request.body).expect("a question that the SAML Worker cannot read");
        assert_eq!(ask.v, VERSION);
        self.asked.borrow_mut().push(ask.question.clone());
        if is_real(&ask.question) {
            let text = postern_saml::answer(request.body.as_bytes());
            return Ok(answer(200, &serde_json::from_str(&text).unwrap()));
        }
        Ok(answer(200, &serde_json::to_value(self.reply(ask.question)).unwrap()))
    }

    fn reply(&self, question: Question) -> Reply {
        let refused = |reason: &str| Reply::Refused(Refused { reason: reason.to_owned(), detail: String::new() });
        let made = |message: String| Reply::Made(Made { deflated: message.clone(), posted: message });
        match question {
            Question::ReadMetadata(asked) if !asked.xml.starts_with("<EntityDescriptor") => refused("gate.syntax"),
            Question::ReadMetadata(_) => Reply::Metadata(self.metadata.borrow().clone()),
            Question::MakeRequest(wanted) => made(encoded(&wanted)),
            Question::MakeLogoutRequest(wanted) => made(encoded(&wanted)),
            Question::MakeLogoutResponse(wanted) => made(encoded(&wanted)),
            // The real SAML verifier makes it.
            Question::OwnMetadata(_) => refused("gate.syntax"),
            Question::Verify(asked) => match decoded::<Response>(&asked.response) {
                None => refused("gate.syntax"),
                Some(response) if !asked.certificates.contains(&response.signed_by) => refused("signature.bad"),
                Some(response) if response.in_response_to != asked.request_id => refused("response.in_response_to"),
                Some(response) => response.says.map_or_else(|reason| refused(&reason), Reply::Verified),
            },
            Question::ReadLogout(asked) => {
                let message = match &asked.message {
                    LogoutMessage::Redirect(query) => {
                        let mut pairs = form_urlencoded::parse(query.as_bytes());
                        pairs
                            .find(|(name, _)| name.starts_with("SAML"))
                            .map(|(_, value)| value.into_owned())
                            .unwrap_or_default()
                    }
                    LogoutMessage::PostedRequest(text) | LogoutMessage::PostedResponse(text) => text.clone(),
                };
                match decoded(&message) {
                    Some(Logout::Request(request)) => Reply::LogoutRequest(request),
                    Some(Logout::Response(response)) => Reply::LogoutResponse(response),
                    Some(Logout::Forged) => refused("signature.missing"),
                    None => refused("gate.syntax"),
                }
            }
        }
    }

    /// A good answer to a request, about this person in this session.
    pub fn response(&self, request: &MakeRequest, person: &str, session: &str, now: i64) -> Response {
        let mail =
            Attribute { name: "mail".to_owned(), friendly_name: None, values: vec![format!("{person}@example.com")] };
        let groups = Attribute {
            name: "groups".to_owned(),
            friendly_name: None,
            values: vec!["admins".to_owned(), "staff".to_owned()],
        };
        let verified = Verified {
            assertion_id: format!("_a{}", request.id),
            name_id: name(person),
            attributes: vec![mail, groups],
            session_index: Some(session.to_owned()),
            authn_instant: now - 5,
            authn_context: Some(PASSWORD.to_owned()),
            not_on_or_after: now + 300,
            ..Verified::default()
        };
        Response { in_response_to: request.id.clone(), signed_by: "idp-1".to_owned(), says: Ok(verified) }
    }
}
