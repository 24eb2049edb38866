//! Why a sign-in or a sign-out by SAML comes to nothing.

/// Why a SAML message is not used, or cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamlError {
    /// The SAML Worker does not answer, or what it sends is not an answer.
    WorkerAway,
    /// The SAML Worker refuses the message: its reason, and more.
    Refused(Box<str>),
    /// The SAML Worker refuses the message, because the provider says that nobody signed in: its status.
    Status(Box<str>),
    /// The provider was to ask the person nothing, and would have to.
    Passive,
    /// What the provider publishes cannot be used: why.
    Metadata(Box<str>),
    /// A form that is no answer of a provider's.
    Malformed,
    /// It answers no login of ours.
    Unsolicited,
    /// The assertion is encrypted, and there is no key for it, or it does not open: which of the two.
    Undecryptable(&'static str),
    /// The assertion is not encrypted, and has to be.
    NotEncrypted,
    /// An assertion that was used before.
    Replayed,
    /// Nothing in it names the person, or something else than one name does.
    NoSubject,
    /// The name is another one at each sign-in.
    TransientName,
    /// The person proved themselves too long ago, or in the future.
    AuthnInstant,
    /// They did not in the way that was asked for.
    AuthnContext,
    /// Their session at the provider is over.
    SessionOver,
    /// Our own key does not sign.
    Key,
    /// A logout message that is not to be believed: the SAML Worker's reason.
    Logout(Box<str>),
}

impl SamlError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WorkerAway => "saml.worker_away",
            Self::Refused(_) => "saml.response_refused",
            Self::Status(_) => "saml.provider_refused",
            Self::Passive => "saml.person_wanted",
            Self::Metadata(_) => "saml.metadata_unusable",
            Self::Malformed => "saml.malformed",
            Self::Unsolicited => "saml.unsolicited",
            Self::Undecryptable(_) => "saml.undecryptable",
            Self::NotEncrypted => "saml.not_encrypted",
            Self::Replayed => "saml.assertion_used",
            Self::NoSubject => "saml.subject_unusable",
            Self::TransientName => "saml.name_transient",
            Self::AuthnInstant => "saml.authn_too_old",
            Self::AuthnContext => "saml.authn_context",
            Self::SessionOver => "saml.session_over",
            Self::Key => "saml.key_unusable",
            Self::Logout(_) => "saml.logout_refused",
        }
    }

    /// What more the log should know: the SAML Worker's words, or ours.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Refused(text) | Self::Status(text) | Self::Metadata(text) | Self::Logout(text) => {
                Some(text.to_string())
            }
            Self::Undecryptable(text) => Some((*text).to_owned()),
            _ => None,
        }
    }
}
