//! `PROVIDERS.ID.revocation`: whether a provider may end all that a person has here (Global Token Revocation).

use super::preset::Kind;
use super::provider::Provider;
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

/// Whoever is named by an address is found by what their sessions keep of it.
pub(super) fn refuse_unkept(top: &Table<'_>, providers: &[Provider], claims: &[String]) {
    let goes_by_email = |provider: &&Provider| provider.revocation.is_some_and(|revocation| revocation.email);
    let missing = ["email", "email_verified"].into_iter().find(|name| !claims.iter().any(|claim| claim == name));
    if let (Some(provider), Some(claim)) = (providers.iter().find(goes_by_email), missing) {
        let message =
            format!("expected `{claim}` among `claims`: `PROVIDERS.{}.revocation.email` goes by that", provider.id);
        top.problem("SESSION", message);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    #[test]
    fn without_the_table_no_provider_ends_anything_by_itself() {
        let of =
            |table| parse(&with(small(), &["PROVIDERS", "corp", "revocation"], table)).unwrap().providers[0].revocation;
        assert_eq!(parse(&small()).unwrap().providers[0].revocation, None);
        let default = ProviderRevocation { email: false, keys: false, typ: RevocationTyp::Strict };
        assert_eq!(of(json!({})), Some(default));
        let all = json!({ "email": true, "keys": true, "typ": "legacy" });
        assert_eq!(of(all), Some(ProviderRevocation { email: true, keys: true, typ: RevocationTyp::Legacy }));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        //
        let by_email = || with(small(), &["PROVIDERS", "corp", "revocation"], json!({ "email": true }));
        for (claims, refused) in
            [(json!(["email", "email_verified"]), false), (json!(["email"]), true), (json!([]), true)]
        {
            let vars = with(by_email(), &["SESSION"], json!({ "claims": claims }));
            let lines: Vec<String> = parse(&vars).err().unwrap_or_default().iter().map(ToString::to_string).collect();
            assert_eq!(lines.iter().any(|line| line.starts_with("SESSION: ")), refused, "{claims}: {lines:?}");
        }
        let lines = problems(&with(small(), &["PROVIDERS", "corp", "revocation"], json!({ "typ": "any" })));
        assert!(lines.iter().any(|line| line.starts_with("PROVIDERS.corp.revocation.typ: ")), "{lines:?}");
    }
}
