//! What is wrong with what others ask of us, or answer: parts of a [`Reason`](super::Reason).

use super::problem::Refusal;

/// What is wrong with a provider's logout request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutRequestError {
    /// Its body is no form.
    NotAForm,
    /// It is too long, or cannot be read.
    Unreadable,
    /// Not exactly one `logout_token`.
    NotOneToken,
    /// This token was received before.
    AlreadyUsed,
    /// A parameter stands twice.
    Repeated,
    /// One of `iss` and `sid` without the other.
    Incomplete,
    /// `iss` is not this provider's.
    IssMismatch,
    /// The browser's session is not the one named.
    NotThisSession,
}

impl LogoutRequestError {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::NotAForm => "logout_request.not_a_form",
            Self::Unreadable => "logout_request.unreadable",
            Self::NotOneToken => "logout_request.not_one_token",
            Self::AlreadyUsed => "logout_request.already_used",
            Self::Repeated => "logout_request.repeated_parameter",
            Self::Incomplete => "logout_request.iss_or_sid_missing",
            Self::IssMismatch => "logout_request.iss_mismatch",
            Self::NotThisSession => "logout_request.not_this_session",
        }
    }
}

/// Why a proxy's question about a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardAuthError {
    /// It shows no secret.
    NoSecret,
    /// It shows a secret that is not the one.
    WrongSecret,
    /// It does not say in this header, or not once, what the request is.
    Unsaid(&'static str),
    /// It says by this header what another header says too: which one holds?
    SaidTwice(&'static str),
    /// What it says in this header is none of a request.
    Unusable(&'static str),
}

impl ForwardAuthError {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::NoSecret => "verify.no_secret",
            Self::WrongSecret => "verify.wrong_secret",
            Self::Unsaid(_) => "verify.unsaid",
            Self::SaidTwice(_) => "verify.said_twice",
            Self::Unusable(_) => "verify.unusable",
        }
    }

    pub(super) const fn header(self) -> Option<&'static str> {
        match self {
            Self::NoSecret | Self::WrongSecret => None,
            Self::Unsaid(name) | Self::SaidTwice(name) | Self::Unusable(name) => Some(name),
        }
    }
}

/// Why a key is not made, rotated or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRequestError {
    /// The person's roles do not allow any.
    NotAllowed,
    /// A scope is none that they may give a key.
    ScopeNotGranted,
    /// There are as many as there may be.
    TooMany,
    /// There is no such live key, or it is another's.
    NoSuchKey,
}

impl KeyRequestError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAllowed => "key_request.not_allowed",
            Self::ScopeNotGranted => "key_request.scope_not_granted",
            Self::TooMany => "key_request.too_many",
            Self::NoSuchKey => "key_request.no_such_key",
        }
    }

    pub(super) const fn refusal(self) -> Refusal {
        match self {
            Self::NotAllowed | Self::ScopeNotGranted => Refusal::Forbidden(Vec::new()),
            Self::TooMany => Refusal::Conflict,
            Self::NoSuchKey => Refusal::NotFound,
        }
    }
}

/// Why a message of the Model Context Protocol is not let through, though its caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum McpDenial {
    /// No rule of the route is for what it asks for.
    Unlisted,
    /// The question came without the body that says what is asked for.
    Unseen,
}

impl McpDenial {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Unlisted => "mcp.unlisted",
            Self::Unseen => "mcp.unseen",
        }
    }
}

/// Which of a provider's answers a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// Its metadata.
    Metadata,
    /// Its keys.
    Keys,
    /// The token response.
    Token,
    /// The `UserInfo` response.
    UserInfo,
    /// The answer about an opaque token.
    Introspection,
    /// The answer to a pushed authorization request.
    PushedRequest,
}

impl Document {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Keys => "keys",
            Self::Token => "token",
            Self::UserInfo => "userinfo",
            Self::Introspection => "introspection",
            Self::PushedRequest => "pushed_request",
        }
    }
}

/// Why what an administrator, or a service that shares, asked for is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// The decision is not kept, or not any more.
    NoSuchDecision,
    /// There is no such version of the policies.
    NoSuchVersion,
    /// What was to be changed is no longer what the caller takes it to be.
    Outdated,
    /// The store showed an older copy of what was to be changed than is known here: a moment later it may not.
    StaleCopy,
    /// The caller is trusted with no tuples of that type.
    UntrustedType,
    /// The caller came by a person's API key, and only services of their own may do this.
    PersonalKey,
    /// The caller is no administrator.
    NotAdministrator,
}

impl OrderError {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::NoSuchDecision => "decision.unknown",
            Self::NoSuchVersion => "admin.no_such_version",
            Self::Outdated => "admin.outdated",
            Self::StaleCopy => "admin.stale_copy",
            Self::UntrustedType => "sharing.type_not_trusted",
            Self::PersonalKey => "sharing.key_of_a_person",
            Self::NotAdministrator => "admin.not_an_administrator",
        }
    }

    pub(super) const fn refusal(self) -> Refusal {
        match self {
            Self::NoSuchDecision | Self::NoSuchVersion => Refusal::NotFound,
            Self::Outdated => Refusal::Conflict,
            Self::StaleCopy => Refusal::Unavailable,
            Self::UntrustedType | Self::PersonalKey | Self::NotAdministrator => Refusal::Forbidden(Vec::new()),
        }
    }
}
