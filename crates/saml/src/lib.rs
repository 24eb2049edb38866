//! The SAML verifier: a question in, a reply out ([`answer`]). No clock, no state, no secrets.
//!
//! Outside text goes one way: [`gate`] refuses all XML that could mean two things, then the crate `saml` verifies and reads
//! it. What a reply says of a person is what that crate read out of the verified element, and nothing else.

mod encrypted;
mod failure;
pub mod gate;
mod keys;
mod logout;
mod make;
mod metadata;
pub mod refusal;
mod time;
mod verify;

use postern_saml_messages::{Ask, MAX_QUESTION, Question, Refused, Reply, VERSION};

use refusal::{Code, Refusal};

/// Answers one question, both as JSON.
#[must_use]
pub fn answer(question: &[u8]) -> String {
    let reply = read(question).and_then(reply).unwrap_or_else(refused);
    serde_json::to_string(&reply).unwrap_or_else(|_| r#"{"refused":{"reason":"other"}}"#.to_owned())
}

/// Answers one question.
///
/// # Errors
/// When nothing of what was sent is to be believed.
pub fn reply(ask: Ask) -> Result<Reply, Refusal> {
    if ask.v != VERSION {
        return Err(Code::Version.into());
    }
    match ask.question {
        Question::ReadMetadata(question) => metadata::read(&question).map(Reply::Metadata),
        Question::MakeRequest(question) => Ok(Reply::Made(make::request(&question))),
        Question::Verify(question) => verify::verify(&question),
        Question::ReadLogout(question) => logout::read(&question),
        Question::MakeLogoutRequest(question) => Ok(Reply::Made(make::logout_request(&question))),
        Question::MakeLogoutResponse(question) => Ok(Reply::Made(make::logout_response(&question))),
        Question::OwnMetadata(question) => Ok(Reply::Xml(make::own_metadata(&question))),
    }
}

fn read(question: &[u8]) -> Result<Ask, Refusal> {
    if question.len() > MAX_QUESTION {
        return Err(Code::Question.because("too long"));
    }
    serde_json::from_slice(question).map_err(|error| Code::Question.because(&error.to_string()))
}

fn refused(refusal: Refusal) -> Reply {
    Reply::Refused(Refused { reason: refusal.code.as_str().to_owned(), detail: refusal.detail })
}
