//! Why a client gets nowhere: what a page of ours has to say, for the client itself could not be answered.

use super::authorize::UnanswerableRequest;
use super::client::{DocumentError, RedirectError};
use super::token::TokenEndpointError;
use crate::http::StatusCode;
use crate::ports::FetchError;

/// Why a client, or what a person was asked for it, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentError {
    /// The request does not say who asks, or where to answer.
    Request(UnanswerableRequest),
    /// `client_id` is no id of a client.
    ClientId,
    /// The client is none of those that may ask here.
    NotAdmitted,
    /// The client's document could not be fetched.
    Unreachable(FetchError),
    /// The client's server answered with this status.
    Status(StatusCode),
    /// The client's document does not say what it is in.
    NotJson,
    /// The client's document says nothing that may be relied on.
    Document(DocumentError),
    /// The redirect URI is not the client's.
    Redirect(RedirectError),
    /// The redirect URI is on another host than the client's document.
    OtherHost,
    /// The question that a form answers was not asked in this session, or too long ago.
    ConsentOver,
    /// It was answered before.
    ConsentUsed,
    /// The form of a consent page does not say what it must.
    ConsentForm,
    /// A client gets no token.
    Token(TokenEndpointError),
}

impl AgentError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Request(error) => error.code(),
            Self::ClientId => "agent.client_id",
            Self::NotAdmitted => "agent.client_not_admitted",
            Self::Unreachable(FetchError::Network) => "agent.document_unreachable",
            Self::Unreachable(FetchError::Timeout) => "agent.document_timeout",
            Self::Unreachable(FetchError::TooLarge) => "agent.document_too_large",
            Self::Status(_) => "agent.document_status",
            Self::NotJson => "agent.document_type",
            Self::Document(error) => error.code(),
            Self::Redirect(RedirectError::Unusable) => "agent.redirect_uri_unusable",
            Self::Redirect(RedirectError::Unlisted) => "agent.redirect_uri_unlisted",
            Self::OtherHost => "agent.redirect_uri_host",
            Self::ConsentOver => "agent.consent_over",
            Self::ConsentUsed => "agent.consent_used",
            Self::ConsentForm => "agent.consent_form",
            Self::Token(error) => error.code(),
        }
    }

    /// What more the log should know.
    #[must_use]
    pub fn detail(self) -> Option<String> {
        match self {
            Self::Status(status) => Some(status.as_u16().to_string()),
            Self::Document(DocumentError::Unusable(name)) => Some(name.to_owned()),
            Self::Token(error) => error.parameter().map(str::to_owned),
            _ => None,
        }
    }

    /// Whether it is about a question that was put to a person, and that is over.
    #[must_use]
    pub const fn is_about_consent(self) -> bool {
        matches!(self, Self::ConsentOver | Self::ConsentUsed | Self::ConsentForm)
    }
}
