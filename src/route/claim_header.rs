//! Headers by which a route tells its upstream who asks, one fact each.

use crate::http::HeaderName;

/// One header and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    /// Its name.
    pub name: HeaderName,
    /// What it tells.
    pub claim: Claim,
    /// How it is written.
    pub encoding: HeaderEncoding,
}

/// How a fact is written into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderEncoding {
    /// As it is: what has another reading there is not sent.
    Plain,
    /// In UTF-8, all but `A-Z a-z 0-9 - . _ ~` as `%XX` (RFC 3986 §2.1), so that every text can be sent.
    Percent,
}

/// A fact about who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `subject`: what the issuer calls them.
    Subject,
    /// `issuer`: who vouches for them.
    Issuer,
    /// `kind`: `human`, `service` or `agent`.
    Kind,
    /// `provider`: the id of the provider that they signed in with.
    Provider,
    /// `client_id`: the program that got the token.
    ClientId,
    /// `actor`: who acts for them.
    Actor,
    /// `key_id`: the public id of the API key.
    KeyId,
    /// `owner`: what their provider calls the person whose API key it is.
    Owner,
    /// `owner_issuer`: that provider's issuer.
    OwnerIssuer,
    /// `scopes`
    Scopes,
    /// `roles`
    Roles,
    /// `tenant`: to which they belong, by word of whoever vouches for them.
    Tenant,
    /// `email`, if the provider has verified it.
    Email,
    /// `auth_time`: when they last proved themselves to the issuer, in UNIX seconds.
    AuthTime,
    /// `acr`
    Acr,
    /// `amr`: that of the sign-in, and that of the second factor of ours that they proved in this session.
    Amr,
    /// `second_at`: when they proved one, in UNIX seconds.
    SecondAt,
    /// `second_by`: `passkey` or `totp`.
    SecondBy,
    /// `session`: the name of their session in lists of sessions.
    Session,
    /// `claims.NAME`: a claim that the session keeps.
    Kept(String),
}

impl Claim {
    /// Their names in the configuration; those that the session keeps have more.
    pub const WORDS: [(&str, Self); 19] = [
        ("subject", Self::Subject),
        ("issuer", Self::Issuer),
        ("kind", Self::Kind),
        ("provider", Self::Provider),
        ("client_id", Self::ClientId),
        ("actor", Self::Actor),
        ("key_id", Self::KeyId),
        ("owner", Self::Owner),
        ("owner_issuer", Self::OwnerIssuer),
        ("scopes", Self::Scopes),
        ("roles", Self::Roles),
        ("tenant", Self::Tenant),
        ("email", Self::Email),
        ("auth_time", Self::AuthTime),
        ("acr", Self::Acr),
        ("amr", Self::Amr),
        ("second_at", Self::SecondAt),
        ("second_by", Self::SecondBy),
        ("session", Self::Session),
    ];

    /// Whether only who came by a session has any, or an agent of theirs.
    #[must_use]
    pub const fn is_of_sessions(&self) -> bool {
        matches!(self, Self::Provider | Self::Email | Self::Session | Self::SecondAt | Self::SecondBy | Self::Kept(_))
    }

    /// Whether only who came by an API key has any.
    #[must_use]
    pub const fn is_of_keys(&self) -> bool {
        matches!(self, Self::KeyId | Self::Owner | Self::OwnerIssuer)
    }

    /// Whether only who came by a token has any.
    #[must_use]
    pub const fn is_of_tokens(&self) -> bool {
        matches!(self, Self::ClientId | Self::Actor)
    }
}
