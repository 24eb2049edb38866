//! `PROVIDERS.ID.revocation`: whether a provider may end all that a person has here (Global Token Revocation).

use super::preset::Kind;
use super::table::Table;
use super::value::{choice, flag};

const TYPS: [(&str, RevocationTyp); 2] = [("strict", RevocationTyp::Strict), ("legacy", RevocationTyp::Legacy)];

/// What a provider may end by `POST /auth/revocation/{provider}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderRevocation {
    /// `email`: whether it may name a person by their e-mail address. Default false: addresses change hands.
    pub email: bool,
    /// `keys`: whether the person's API keys end too. Default false.
    pub keys: bool,
    /// `typ`: what its tokens say that they are. Default `strict`.
    pub typ: RevocationTyp,
}

/// What the `typ` of a revocation token must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationTyp {
    /// `global-token-revocation+jwt`.
    Strict,
    /// That, `JWT`, or missing.
    Legacy,
}

/// Reads the table.
pub(super) fn read(mut table: Table<'_>, kind: Kind) -> ProviderRevocation {
    if kind != Kind::OpenId {
        table.problem("", "is for providers of OpenID Connect with one issuer: nobody else can sign a revocation");
    }
    let revocation = ProviderRevocation {
        email: table.optional("email", flag).unwrap_or(false),
        keys: table.optional("keys", flag).unwrap_or(false),
        typ: table.optional("typ", choice(&TYPS)).unwrap_or(RevocationTyp::Strict),
    };
    table.finish();
    revocation
}
