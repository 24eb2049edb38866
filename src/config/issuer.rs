//! `ISSUERS`: who may issue access tokens for this deployment, and how they are read.

use serde_json::Value;

use super::PublicUrl;
use super::address::Issuer;
use super::introspection::{self, Introspection};
use super::problem::expected;
use super::provider::Provider;
use super::resource::Resource;
use super::secrets::Secrets;
use super::table::Table;
use super::value::{algorithms, choice, flag, list, parsed, paths, text, word};
use super::workload::{self, WorkloadIssuer};
use crate::claims::AUD;
use crate::claims::path::ClaimPath;
use crate::ids::IssuerId;
use crate::ids::principal_kind::PrincipalKind;
use crate::jose::Algorithm;

/// The most audiences.
const MAX_LIST: usize = 16;
pub(super) const AUDIENCE: &str = "a resource identifier of visible ASCII characters such as `https://api.example.com`";
/// RFC 9068 §2.2.3 says `scope`; others say `scp`.
const DEFAULT_SCOPES: [&str; 2] = ["scope", "scp"];

/// `None`: no profile of JWTs at all.
const TOKENS: [(&str, Option<Profile>); 3] =
    [("rfc9068", Some(Profile::Rfc9068)), ("legacy", Some(Profile::Legacy)), ("opaque", None)];
const CONSTRAINTS: [(&str, Constraint); 3] =
    [("any", Constraint::Any), ("dpop", Constraint::Dpop), ("mtls", Constraint::Mtls)];

/// One issuer of access tokens.
#[derive(Clone, Debug)]
pub struct TokenIssuer {
    /// The key of its table.
    pub id: IssuerId,
    /// `issuer`: what `iss` must be.
    pub issuer: Issuer,
    /// `audience`: of which `aud` must contain one. Never empty.
    pub audience: Vec<String>,
    /// Those of `audience` that are addresses of ours.
    pub resources: Vec<Resource>,
    /// `audience_claim`: the claim that must contain one of them. Default `aud`.
    pub audience_claim: String,
    /// `tokens`: what its access tokens are like. Default `rfc9068`.
    pub tokens: TokenFormat,
    /// `kind`: for whom its tokens speak. Under [`PrincipalKind::Human`], a client's own token is a service all the same.
    pub kind: PrincipalKind,
    /// `scopes`: where a token says what it may. Default `["scope", "scp"]`.
    pub scopes: Vec<ClaimPath>,
    /// `roles`: where it says what its subject is. Default nowhere.
    pub roles: Vec<ClaimPath>,
    /// `permissions`: where it says what its subject may do. Default nowhere.
    pub permissions: Vec<ClaimPath>,
    /// `tenant`: where it says to which tenant its subject belongs. Default `org_id`.
    pub tenant: ClaimPath,
    /// `sender`: what its tokens must be bound to. Default `any`.
    pub sender: Constraint,
    /// `dpop_nonce`: whether proofs must hold a nonce of ours. Default no.
    pub dpop_nonce: bool,
}

/// What an issuer's access tokens must be bound to. A token that is bound is never taken without its proof,
/// whatever stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// Nothing, or whatever it is.
    Any,
    /// The sender's key (RFC 9449).
    Dpop,
    /// The sender's certificate (RFC 8705 §3).
    Mtls,
}

/// What an issuer's access tokens are like, and what they are believed on.
#[derive(Clone, Debug)]
pub enum TokenFormat {
    /// JWTs that it signs: believed on the signature.
    Signed(SignedTokens),
    /// Texts that it alone understands: believed on its word.
    Opaque(Introspection),
}

/// How signed tokens are verified and read.
#[derive(Clone, Debug)]
pub struct SignedTokens {
    /// What they must say.
    pub profile: Profile,
    /// `algs`: what they may be signed with. Default `["RS256"]`.
    pub algs: Vec<Algorithm>,
    /// `jwks_uri`: where the keys are; the issuer's metadata says when absent.
    pub jwks_uri: Option<String>,
}

/// What a signed access token must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Every claim that RFC 9068 requires.
    Rfc9068,
    /// As before that: `typ` may be `JWT` or missing, `client_id`, `iat` and `jti` may be missing.
    Legacy,
}

impl TokenIssuer {
    /// Whether its tokens are told from its other tokens by their claims alone.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        self.signed().is_some_and(|how| how.profile == Profile::Legacy)
    }

    /// How its tokens are verified, if it signs them.
    #[must_use]
    pub const fn signed(&self) -> Option<&SignedTokens> {
        match &self.tokens {
            TokenFormat::Signed(how) => Some(how),
            TokenFormat::Opaque(_) => None,
        }
    }

    /// How it is asked about its tokens, if they are opaque.
    #[must_use]
    pub const fn introspection(&self) -> Option<&Introspection> {
        match &self.tokens {
            TokenFormat::Opaque(introspection) => Some(introspection),
            TokenFormat::Signed(_) => None,
        }
    }
}

/// Everything below `ISSUERS`: all ids that are well formed, and the issuers without a problem.
#[derive(Default)]
pub(super) struct Issuers {
    pub(super) ids: Vec<IssuerId>,
    pub(super) all: Vec<TokenIssuer>,
    /// Of `ids`, those of platforms that give tokens to programs.
    pub(super) workload_ids: Vec<IssuerId>,
    pub(super) workloads: Vec<WorkloadIssuer>,
}

impl Issuers {
    /// Whether any of them issues access tokens.
    pub(super) const fn issue_access_tokens(&self) -> bool {
        self.ids.len() > self.workload_ids.len()
    }

    /// Whether one that issues access tokens is wrong itself.
    pub(super) const fn access_issuers_are_known(&self) -> bool {
        self.all.len() + self.workload_ids.len() == self.ids.len()
    }

    /// Whether no platform is wrong itself.
    pub(super) const fn workloads_are_known(&self) -> bool {
        self.workloads.len() == self.workload_ids.len()
    }

    /// Whether this is a platform.
    pub(super) fn is_workload(&self, id: &IssuerId) -> bool {
        self.workload_ids.contains(id)
    }

    fn add_workload(&mut self, table: &Table<'_>, providers: &[Provider], issuer: WorkloadIssuer) {
        let names = self.all.iter().map(|one| (&one.id, one.issuer.as_str()));
        let names = names.chain(self.workloads.iter().map(|one| (&one.id, one.issuer.as_str())));
        refuse_same_issuer(table, names, (&issuer.id, &issuer.issuer));
        refuse_entity_id(table, providers, (&issuer.id, &issuer.issuer));
        refuse_client_of_workload(table, providers, &issuer);
        self.workloads.push(issuer);
    }

    /// Those whose tokens are always bound to their sender.
    pub(super) fn bound(&self) -> Vec<IssuerId> {
        let bound = self.all.iter().filter(|issuer| issuer.sender != Constraint::Any);
        bound.map(|issuer| issuer.id.clone()).collect()
    }
}

/// Reads `ISSUERS`. `development`: whether issuers on loopback hosts are allowed.
pub(super) fn read_all(
    table: &Table<'_>,
    secrets: &Secrets<'_>,
    providers: &[Provider],
    (public_url, development): (Option<&PublicUrl>, bool),
) -> Issuers {
    let mut issuers = Issuers::default();
    for (key, inner) in table.tables() {
        let Some(id) = IssuerId::parse(key) else {
            inner.problem_here("expected an id of 1 to 32 characters of a-z, 0-9 and `-`");
            continue;
        };
        issuers.ids.push(id.clone());
        if inner.has("preset") {
            issuers.workload_ids.push(id.clone());
            if let Some(issuer) = workload::read(id, inner, secrets, development) {
                issuers.add_workload(table, providers, issuer);
            }
        } else if let Some(issuer) = read(id, inner, secrets, (public_url, development)) {
            let names = issuers.all.iter().map(|one| (&one.id, one.issuer.as_str()));
            let names = names.chain(issuers.workloads.iter().map(|one| (&one.id, one.issuer.as_str())));
            refuse_same_issuer(table, names, (&issuer.id, issuer.issuer.as_str()));
            refuse_entity_id(table, providers, (&issuer.id, issuer.issuer.as_str()));
            refuse_clients_name(table, providers, &issuer);
            issuers.all.push(issuer);
        }
    }
    issuers
}

/// `iss` alone selects whose keys a token is held against: it must have one meaning.
fn refuse_same_issuer<'a>(
    table: &Table<'_>,
    mut others: impl Iterator<Item = (&'a IssuerId, &'a str)>,
    (id, issuer): (&IssuerId, &str),
) {
    if let Some((other, _)) = others.find(|(_, name)| *name == issuer) {
        table.problem(id.as_str(), format!("has the same issuer as `{other}`"));
    }
}

/// what a provider calls people by SAML is no `sub`, and an issuer and a subject are one person everywhere.
fn refuse_entity_id(table: &Table<'_>, providers: &[Provider], (id, issuer): (&IssuerId, &str)) {
    let speaks_saml = |provider: &&Provider| provider.saml.is_some() && provider.issuer.is(issuer);
    if let Some(provider) = providers.iter().find(speaks_saml) {
        let message = format!("is the entityID of provider `{}`, which calls people otherwise by SAML", provider.id);
        table.problem(id.as_str(), message);
    }
}

/// an issuer with which people sign in may give tokens to programs too, with the same keys. Only the audience tells
/// those from ID tokens.
fn refuse_client_of_workload(table: &Table<'_>, providers: &[Provider], issuer: &WorkloadIssuer) {
    let own =
        |provider: &&Provider| issuer.audience.contains(&provider.client_id) && provider.issuer.is(&issuer.issuer);
    if let Some(provider) = providers.iter().find(own) {
        table.problem(
            issuer.id.as_str(),
            format!(
                "has the client id of provider `{}` as `audience`: tokens of programs could not be told from ID tokens",
                provider.id
            ),
        );
    }
}

/// without a `typ`, little but the audience tells an access token from an ID token.
fn refuse_clients_name(table: &Table<'_>, providers: &[Provider], issuer: &TokenIssuer) {
    let own = |provider: &&Provider| {
        issuer.audience.contains(&provider.client_id) && provider.issuer.is(issuer.issuer.as_str())
    };
    // Where another claim is looked at, no token with an `aud` is taken, and ID tokens have one.
    let told_by_audience = issuer.is_legacy() && issuer.audience_claim == AUD;
    if let Some(provider) = providers.iter().filter(|_| told_by_audience).find(own) {
        table.problem(
            issuer.id.as_str(),
            format!(
                "has the client id of provider `{}` as `audience`: its legacy access tokens could not be told from ID tokens",
                provider.id
            ),
        );
    }
}

fn read(
    id: IssuerId,
    mut table: Table<'_>,
    secrets: &Secrets<'_>,
    (public_url, development): (Option<&PublicUrl>, bool),
) -> Option<TokenIssuer> {
    // No token names a template: each tenant has an entry of its own.
    let issuer = |text: &str| {
        let issuer = Issuer::parse(text, development).or_else(|| Issuer::parse_name(text));
        issuer.filter(|_| !text.contains(['{', '}']))
    };
    let issuer = table.required("issuer", Issuer::EXPECTED, parsed(Issuer::EXPECTED, issuer));
    let audience = table.required("audience", AUDIENCE, audience);
    let tokens = tokens(&mut table, secrets, &id, issuer.as_ref());
    let audience_claim = table.optional("audience_claim", parsed("the name of a claim such as `client_id`", word));
    if audience_claim.is_some() && matches!(tokens, Some(TokenFormat::Opaque(_))) {
        table.problem("audience_claim", "is about signed tokens, and `tokens` is `opaque`");
    }
    refuse_unreachable(&table, issuer.as_ref(), tokens.as_ref());
    let kind = table.optional("kind", choice(&PrincipalKind::NAMES));
    let scopes = paths(&mut table, "scopes");
    let roles = paths(&mut table, "roles");
    let permissions = paths(&mut table, "permissions");
    let tenant = table.optional("tenant", parsed(ClaimPath::EXPECTED, ClaimPath::parse));
    let sender = table.optional("sender", choice(&CONSTRAINTS));
    let dpop_nonce = table.optional("dpop_nonce", flag);
    if (sender, dpop_nonce) == (Some(Constraint::Mtls), Some(true)) {
        table.problem("dpop_nonce", "is about DPoP, and `sender` is `mtls`");
    }
    table.finish();
    let (audience, resource) = (audience?, |audience: &String| Resource::of(audience, public_url?));
    Some(TokenIssuer {
        id,
        issuer: issuer?,
        resources: audience.iter().filter_map(resource).collect(),
        audience,
        audience_claim: audience_claim.unwrap_or_else(|| AUD.to_owned()),
        tokens: tokens?,
        kind: kind.unwrap_or(PrincipalKind::Human),
        scopes: scopes.unwrap_or_else(|| DEFAULT_SCOPES.into_iter().filter_map(ClaimPath::parse).collect()),
        roles: roles.unwrap_or_default(),
        permissions: permissions.unwrap_or_default(),
        tenant: tenant.unwrap_or_else(ClaimPath::organization),
        sender: sender.unwrap_or(Constraint::Any),
        dpop_nonce: dpop_nonce.unwrap_or(false),
    })
}

/// `tokens`, and the keys that say more of tokens of that kind. Those about the other kind are mistakes.
fn tokens(table: &mut Table<'_>, secrets: &Secrets<'_>, id: &IssuerId, issuer: Option<&Issuer>) -> Option<TokenFormat> {
    let word = table.optional("tokens", choice(&TOKENS));
    match word.unwrap_or(Some(Profile::Rfc9068)) {
        Some(profile) => {
            refuse(table, &introspection::KEYS, "is about opaque tokens, and `tokens` is not `opaque`");
            Some(TokenFormat::Signed(signed(table, profile, issuer)))
        }
        None => {
            refuse(table, &["algs", "jwks_uri"], "is about signed tokens, and `tokens` is `opaque`");
            introspection::read(table, secrets, id, issuer).map(TokenFormat::Opaque)
        }
    }
}

/// AD FS names itself by `http` in access tokens. Such a name is compared, and nothing is ever fetched by it.
fn refuse_unreachable(table: &Table<'_>, issuer: Option<&Issuer>, tokens: Option<&TokenFormat>) {
    let missing = match tokens {
        Some(TokenFormat::Signed(signed)) if signed.jwks_uri.is_none() => "jwks_uri",
        Some(TokenFormat::Opaque(how)) if how.endpoint.is_none() => "introspection_endpoint",
        _ => return,
    };
    if let Some(issuer) = issuer.filter(|issuer| !issuer.is_reachable()) {
        let message = format!("{}; one that is not is only a name, and needs `{missing}`", Issuer::EXPECTED);
        table.problem("issuer", expected(message, issuer.as_str()));
    }
}

fn refuse(table: &mut Table<'_>, keys: &[&'static str], why: &str) {
    for key in keys {
        table.optional(key, |_| Err::<(), _>(why.to_owned()));
    }
}

fn signed(table: &mut Table<'_>, profile: Profile, issuer: Option<&Issuer>) -> SignedTokens {
    let algs = table.optional("algs", algorithms);
    let jwks_uri = table.optional("jwks_uri", |value| jwks_uri(value, issuer));
    SignedTokens { profile, algs: algs.unwrap_or_else(|| vec![Algorithm::Rs256]), jwks_uri }
}

/// One, or a list. A token that names none of them is for somebody else, so there must be one.
pub(super) fn audience(value: &Value) -> Result<Vec<String>, String> {
    if value.is_string() {
        return parsed(AUDIENCE, word)(value).map(|one| vec![one]);
    }
    let all = list(AUDIENCE, word)(value)?;
    if all.is_empty() || all.len() > MAX_LIST {
        return Err(format!("expected 1 to {MAX_LIST} audiences, found {}", all.len()));
    }
    Ok(all)
}

/// an address that this issuer's own metadata could name.
fn jwks_uri(value: &Value, issuer: Option<&Issuer>) -> Result<String, String> {
    let url = text(value)?;
    match issuer {
        Some(issuer) if !issuer.allows_endpoint(url) => Err(expected("the https URL of a key set", url)),
        _ => Ok(url.to_owned()),
    }
}

#[cfg(test)]
mod tests;
