//! `profile`, `par` and `signed_request`: how carefully a provider's authorization requests are handed over (RFC 9126,
//! RFC 9101, FAPI 2.0 Security Profile).

use serde_json::Value;

use super::client_auth::ClientAuth;
use super::preset::Kind;
use super::provider::ResponseMode;
use super::table::Table;
use super::value::{choice, flag};
use crate::jose::Algorithm;

const PARS: [(&str, Par); 3] = [("auto", Par::Auto), ("always", Par::Always), ("off", Par::Off)];
const PROFILES: [(&str, ()); 1] = [(FAPI2, ())];
const FAPI2: &str = "fapi2";
/// What FAPI 2.0 §5.4.1 lets sign.
const SIGNERS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa];
/// How FAPI 2.0 §5.3.3.1 lets clients prove who they are.
const PROOFS: [&str; 3] = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];
const ASSERTION: &str = "client_assertion";

/// When authorization requests are pushed (RFC 9126) and do not go through the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Par {
    /// Where the provider offers it: the default.
    Auto,
    /// Or nobody signs in.
    Always,
    /// Where the provider requires it alone.
    Off,
}

/// How authorization requests are handed over to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRules {
    /// `par`. Default `auto`; `always` by `profile = "fapi2"`.
    pub par: Par,
    /// `signed_request`: whether they are signed, too (RFC 9101). Default where the provider requires it alone.
    pub signed: bool,
    /// `profile = "fapi2"`: nothing weaker than FAPI 2.0 is asked for or taken.
    pub fapi2: bool,
}

/// Whether the table asks for `profile = "fapi2"`.
pub(super) fn is_asked(table: &mut Table<'_>) -> bool {
    table.optional("profile", choice(&PROFILES)).is_some()
}

/// Reads `par` and `signed_request`. `fapi2`: what [`is_asked`] said.
pub(super) fn read(table: &mut Table<'_>, fapi2: bool, auth: Option<&ClientAuth>, kind: Kind) -> RequestRules {
    let given = table.optional("par", choice(&PARS));
    let signed = table.optional("signed_request", flag).unwrap_or(false);
    let par = given.unwrap_or(if fapi2 { Par::Always } else { Par::Auto });
    if signed {
        if auth.is_some_and(|auth| !matches!(auth, ClientAuth::PrivateKeyJwt(_))) {
            table
                .problem("signed_request", "signs by the key of `client_auth = \"private_key_jwt\"`, which is not set");
        }
        if par == Par::Off {
            table.problem("signed_request", "is sent in pushed requests alone, and `par` is `off`");
        }
    }
    if kind == Kind::OAuth2 {
        for key in ["profile", "par", "signed_request"].into_iter().filter(|key| table.has(key)) {
            table.problem(key, "is for providers of OpenID Connect, which this preset is not of");
        }
        return RequestRules { par: Par::Off, signed: false, fapi2: false };
    }
    RequestRules { par, signed, fapi2 }
}

/// What a provider's ID tokens may be signed with where the table does not say it.
pub(super) fn default_algorithms(fapi2: bool) -> Vec<Algorithm> {
    if fapi2 { SIGNERS.to_vec() } else { vec![Algorithm::Rs256] }
}

/// whatever else the table says and the profile rules out, all of it.
pub(super) fn refuse_contradictions(table: &Table<'_>, rules: RequestRules, algorithms: &[Algorithm]) {
    if !rules.fapi2 {
        return;
    }
    let refuse = |key: &str, wanted: &str| table.problem(key, contradiction(wanted));
    if rules.par != Par::Always {
        refuse("par", "requests are always pushed, leave it out");
    }
    if text_at(table.own("client_auth")).is_some_and(|method| !PROOFS.contains(&method)) {
        refuse("client_auth", &format!("expected {}", listed(&PROOFS)));
    }
    let of_assertion = |name| text_at(table.own(ASSERTION)?.get(name));
    if of_assertion("alg").is_some_and(|alg| !is_signer(Algorithm::from_name(alg))) {
        table.problem_in(
            ASSERTION,
            "alg",
            contradiction(&format!("expected {}", listed(&SIGNERS.map(Algorithm::name)))),
        );
    }
    if of_assertion("audience").is_some_and(|audience| audience != "issuer") {
        table.problem_in(ASSERTION, "audience", contradiction("assertions are for the issuer, leave it out"));
    }
    if !algorithms.iter().all(|algorithm| is_signer(Some(*algorithm))) {
        refuse("id_token_algs", &format!("expected {}", listed(&SIGNERS.map(Algorithm::name))));
    }
}

fn text_at(value: Option<&Value>) -> Option<&str> {
    value?.as_str()
}

fn is_signer(algorithm: Option<Algorithm>) -> bool {
    algorithm.is_some_and(|algorithm| SIGNERS.contains(&algorithm))
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}

fn contradiction(wanted: &str) -> String {
    format!("contradicts `profile = \"{FAPI2}\"`: {wanted}")
}

impl ResponseMode {
    /// The word for it in the configuration and in requests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::Jwt => "jwt",
            Self::QueryJwt => "query.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// Whether the browser posts it.
    #[must_use]
    pub const fn is_posted(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }

    /// Whether it is a JWT that the provider signs (JARM).
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Jwt | Self::QueryJwt | Self::FormPostJwt)
    }
}

#[cfg(test)]
mod tests;
