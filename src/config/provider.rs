//! `PROVIDERS`: who signs people in, and how Postern asks them to.

mod exchange;
mod parameters;

pub(super) use parameters::parameters;

use exchange::ProviderExchange;
use parameters::{OWN_PARAMETERS, pass_through};

use super::address::Issuer;
use super::client_auth::ClientAuth;
use super::fapi::{self, RequestRules};
use super::id_token_encryption::IdTokenEncryption;
use super::oauth2::{self, OAuth2};
use super::preset::{self, Kind};
use super::problem::expected;
use super::provider_choice::{self, OtherAccount, ProviderChoice};
use super::revocation::{self, ProviderRevocation};
use super::saml::{self, Saml};
use super::secrets::Secrets;
use super::sender_constrained::SenderConstrained;
use super::sign_out::SignOut;
use super::table::Table;
use super::tenants::Tenants;
use super::value::{MOMENT, choice, duration, flag, label, list, moment, one_of, parsed, paths, scope, text, word};
use crate::claims::OwnAudience;
use crate::claims::path::ClaimPath;
use crate::ids::ProviderId;
use crate::jose::Algorithm;
use crate::time::{Seconds, Timestamp};

const OPENID: &str = "openid";
const DEFAULT_SCOPES: [&str; 3] = [OPENID, "profile", "email"];
const LONGEST_MAX_AGE: Seconds = Seconds::hours(30 * 24);

const RESPONSE_MODES: [(&str, ResponseMode); 5] = [
    ("query", ResponseMode::Query),
    ("form_post", ResponseMode::FormPost),
    ("jwt", ResponseMode::Jwt),
    ("query.jwt", ResponseMode::QueryJwt),
    ("form_post.jwt", ResponseMode::FormPostJwt),
];

const INABILITIES: [(&str, Inability); 3] =
    [("acr", Inability::Acr), ("max_age", Inability::MaxAge), ("backchannel_logout", Inability::BackchannelLogout)];

/// One OpenID provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The key of its table.
    pub id: ProviderId,
    /// `name`: what people read on the chooser; the id when absent.
    pub name: String,
    /// `issuer`.
    pub issuer: Issuer,
    /// `client_id`.
    pub client_id: String,
    /// `client_auth`, with its secret.
    pub client_auth: ClientAuth,
    /// `sender_constrained`: what its access tokens are bound to. `None`: nothing.
    pub sender_constrained: Option<SenderConstrained>,
    /// `encrypted_id_token`: whether its ID tokens are encrypted for us. `None`: they are not.
    pub encrypted_id_token: Option<IdTokenEncryption>,
    /// `scopes`; contains `openid`. Default `["openid", "profile", "email"]`.
    pub scopes: Vec<String>,
    /// `response_mode`. Default `query`.
    pub response_mode: ResponseMode,
    /// `profile`, `par`, `signed_request`: how it gets authorization requests.
    pub requests: RequestRules,
    /// `id_token_algs`: what its ID tokens may be signed with. Default `["RS256"]`.
    pub id_token_algs: Vec<Algorithm>,
    /// `trusted_audiences`: for whom its tokens may be besides. `None`: not named, and then for anybody, as long as `azp`
    /// says that they were issued to us.
    pub trusted_audiences: Option<Vec<String>>,
    /// `pass_through`: which of `prompt`, `login_hint`, `acr_values`, `max_age` a login link may set. Default all.
    pub pass_through: Vec<LoginParameter>,
    /// `pass_through`: which parameters of the provider's own a login link may set besides. Default none.
    pub pass_through_own: Vec<String>,
    /// `prompt`, sent on every login unless a login link sets one.
    pub prompt: Option<String>,
    /// `acr_values`, asked for on every login and then required of the ID token.
    pub acr_values: Vec<String>,
    /// `max_age`, asked for on every login and then required; a login link can only lower it.
    pub max_age: Option<Seconds>,
    /// `resource` (RFC 8707): which API the access token is for.
    pub resource: Option<String>,
    /// `authorization_params`: fixed extra parameters (for example `audience`); none that Postern itself sends.
    pub authorization_params: Vec<(String, String)>,
    /// How a person signs out there too.
    pub sign_out: SignOut,
    /// `revocation`: whether it may end all that a person has here. `None`: it may not.
    pub revocation: Option<ProviderRevocation>,
    /// `session_max`: how long a session by this provider may live, where that is less than `SESSION.absolute`.
    pub session_max: Option<Seconds>,
    /// `not_before`: every session by this provider that began before this time is over, from then on. Default none.
    pub not_before: Option<Timestamp>,
    /// `cannot`: what it cannot do, and so what no route can ask of it. Default nothing.
    pub cannot: Vec<Inability>,
    /// Where it is asked, if it is a provider of OAuth 2 without OpenID Connect: by presets alone.
    pub oauth2: Option<OAuth2>,
    /// `saml`: how it is asked, if it speaks SAML. Then `client_id`, `client_auth` and all that is about codes and tokens mean
    /// nothing: the configuration cannot say them.
    pub saml: Option<Box<Saml>>,
    /// `frontchannel_logout`: whether a frame of the provider's may end sessions. It proves nothing: who learns a
    /// `sid` can sign that person out. Default false.
    pub frontchannel_logout: bool,
    /// `userinfo`: whether claims that the ID token lacks are asked for at its UserInfo endpoint. Default false.
    pub userinfo: bool,
    /// `roles`: where its ID tokens, or UserInfo, say what a person is. Default nowhere.
    pub roles: Vec<ClaimPath>,
    /// `permissions`: where they say what the person may do. Default nowhere.
    pub permissions: Vec<ClaimPath>,
    /// `tenant`: where they say to which tenant the person belongs. `None`: not named, and then it is `org_id`.
    pub tenant: Option<ClaimPath>,
    /// Its place among the others.
    pub choice: ProviderChoice,
}

impl Provider {
    /// Whether it speaks OpenID Connect: it has metadata and keys as that has them, and signs what it says by them.
    #[must_use]
    pub const fn is_openid(&self) -> bool {
        self.oauth2.is_none() && self.saml.is_none()
    }

    /// Who we are to it, and who else its tokens may be for.
    #[must_use]
    pub fn own_audience(&self) -> OwnAudience<'_> {
        OwnAudience { client_id: &self.client_id, trusted: self.trusted_audiences.as_deref() }
    }

    /// What to ask it for, so that a sign-in is of one of these classes: of those that it is always asked for, where there
    /// are any. `None` where it cannot be asked. Of no class in particular when `required` is empty.
    #[must_use]
    pub fn acr_values_for(&self, required: &[String]) -> Option<Vec<String>> {
        let always = &self.acr_values;
        let wanted: Vec<String> = match (always.is_empty(), required.is_empty()) {
            (_, true) => always.clone(),
            (true, false) => required.to_vec(),
            (false, false) => always.iter().filter(|value| required.contains(value)).cloned().collect(),
        };
        let is_met = required.is_empty() || !wanted.is_empty() && !self.cannot.contains(&Inability::Acr);
        let is_asked = wanted == *always || self.pass_through.contains(&LoginParameter::AcrValues);
        (is_met && is_asked).then_some(wanted)
    }

    /// Whether a login link can have it offer another account.
    #[must_use]
    pub fn may_be_asked_for_other_account(&self) -> bool {
        self.choice.other_account != OtherAccount::None && self.pass_through.contains(&LoginParameter::Prompt)
    }

    /// What to ask it for, so that a sign-in is no longer ago than that; `None` where it cannot be asked.
    #[must_use]
    pub fn max_age_for(&self, required: Option<Seconds>) -> Option<Option<Seconds>> {
        let wanted = required.into_iter().chain(self.max_age).min();
        let is_asked = wanted == self.max_age || self.pass_through.contains(&LoginParameter::MaxAge);
        let is_met = required.is_none() || !self.cannot.contains(&Inability::MaxAge);
        (is_met && is_asked).then_some(wanted)
    }
}

/// How the provider hands over the authorization response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the redirect's query.
    Query,
    /// In a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// As a signed JWT, in the provider's usual way for codes, which is the query (JARM §2.3.4).
    Jwt,
    /// As a signed JWT in the redirect's query.
    QueryJwt,
    /// As a signed JWT in a form that the browser posts.
    FormPostJwt,
}

/// What a provider cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inability {
    /// It says nothing that can be relied on about how a person signed in.
    Acr,
    /// It says nothing that can be relied on about when a person signed in.
    MaxAge,
    /// It does not tell when it ends a session.
    BackchannelLogout,
}

/// A parameter that `/auth/login` may hand on to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginParameter {
    /// `prompt`
    Prompt,
    /// `login_hint`
    LoginHint,
    /// `acr_values`
    AcrValues,
    /// `max_age`
    MaxAge,
}

/// Everything below `PROVIDERS`: all ids that are well formed, and the providers without a problem.
#[derive(Default)]
pub(super) struct Providers {
    pub(super) ids: Vec<ProviderId>,
    pub(super) all: Vec<Provider>,
}

/// Reads `PROVIDERS`. `development`: whether providers on loopback hosts are allowed; `takes_tokens`: whether there are
/// `ISSUERS`, and so need not be providers.
pub(super) fn read_all(table: &Table<'_>, secrets: &Secrets<'_>, development: bool, takes_tokens: bool) -> Providers {
    let mut providers = Providers::default();
    let tables = table.tables();
    if tables.is_empty() {
        table.problem_here(if takes_tokens {
            "expected at least one provider; if only tokens of `ISSUERS` are taken, leave `PROVIDERS` out"
        } else {
            "expected at least one provider"
        });
    }
    for (key, mut inner) in tables {
        let Some(id) = ProviderId::parse(key) else {
            inner.problem_here("expected a provider id of 1 to 32 characters of a-z, 0-9 and `-`");
            continue;
        };
        providers.ids.push(id.clone());
        let expanded = preset::expand(&mut inner);
        let (inner, kind) = match &expanded {
            Some(expanded) => (inner.holding(&expanded.entries), expanded.kind),
            // One that is wrong has its own problem.
            None if inner.has("preset") => continue,
            None => (inner, Kind::OpenId),
        };
        let provider = if expanded.is_none() && inner.has("saml") {
            saml::read(id, inner, secrets, development)
        } else {
            read(id, inner, secrets, (kind, development))
        };
        if let Some(provider) = provider {
            // What stands in for something that is wrong is nobody's.
            if expanded.as_ref().is_none_or(|expanded| !expanded.is_wrong) {
                refuse_same_issuer(table, &providers.all, &provider);
                providers.all.push(provider);
            }
        }
    }
    provider_choice::refuse_contradictions(table, &providers.all);
    providers
}

fn refuse_same_issuer(table: &Table<'_>, others: &[Provider], provider: &Provider) {
    let is_same = |one: &Issuer, other: &Issuer| one.as_str() == other.as_str() || one.is(other.as_str());
    let same = |other: &&Provider| is_same(&other.issuer, &provider.issuer) || is_same(&provider.issuer, &other.issuer);
    if let Some(other) = others.iter().find(same) {
        table.problem(provider.id.as_str(), format!("has the same issuer as provider `{}`", other.id));
    }
}

fn read(
    id: ProviderId,
    mut table: Table<'_>,
    secrets: &Secrets<'_>,
    (kind, development): (Kind, bool),
) -> Option<Provider> {
    let issuer = issuer(&mut table, kind, development);
    let client_id = client_id(&mut table);
    let exchange = ProviderExchange::read(&mut table, secrets, &id, kind);
    let oauth2 = (kind == Kind::OAuth2).then(|| oauth2::read(&mut table, issuer.as_ref()));
    let name = table.optional("name", parsed("a name of 1 to 80 characters", label));
    let scopes = scopes(&mut table, kind);
    let response_mode = table.optional("response_mode", choice(&RESPONSE_MODES));
    let id_token_algs = exchange.algorithms(&mut table);
    let trusted_audiences = table.optional("trusted_audiences", list("visible ASCII characters", word));
    let authorization_params = parameters(&mut table, "authorization_params", &OWN_PARAMETERS);
    let (pass_through, pass_through_own) = pass_through(&mut table, &authorization_params);
    let prompt = table.optional("prompt", prompt);
    let (acr_values, max_age, cannot) = strength(&mut table, kind);
    let resource = table.optional("resource", parsed("an absolute URI without fragment", resource));
    let sign_out = exchange.sign_out(&mut table, issuer.as_ref());
    let revocation = table.section("revocation", |table| revocation::read(table, kind));
    let (session_max, not_before) = ends(&mut table);
    let frontchannel_logout = frontchannel_logout(&mut table, kind);
    let userinfo = table.optional("userinfo", flag);
    let roles = paths(&mut table, "roles");
    let permissions = paths(&mut table, "permissions");
    let tenant = table.optional("tenant", parsed(ClaimPath::EXPECTED, ClaimPath::parse));
    let choice = provider_choice::read(&mut table);
    fapi::refuse_contradictions(&table, exchange.requests, &id_token_algs);
    table.finish();
    let (issuer, client_id) = issuer.zip(client_id)?;
    Some(Provider {
        name: name.unwrap_or_else(|| id.to_string()),
        id,
        issuer,
        client_id,
        client_auth: exchange.client_auth?,
        sender_constrained: exchange.sender_constrained,
        encrypted_id_token: exchange.encrypted_id_token,
        scopes,
        response_mode: response_mode.unwrap_or(ResponseMode::Query),
        id_token_algs,
        requests: exchange.requests,
        trusted_audiences,
        pass_through,
        pass_through_own,
        prompt,
        acr_values,
        max_age,
        resource,
        authorization_params,
        sign_out,
        revocation,
        session_max,
        not_before,
        cannot,
        // One that is wrong has a problem, and so no configuration comes of it.
        oauth2: oauth2.flatten(),
        saml: None,
        frontchannel_logout,
        userinfo: userinfo.unwrap_or(false),
        roles: roles.unwrap_or_default(),
        permissions: permissions.unwrap_or_default(),
        tenant,
        choice,
    })
}

fn client_id(table: &mut Table<'_>) -> Option<String> {
    table.required("client_id", "the client id that the provider gave", parsed("visible ASCII characters", word))
}

/// How long its sessions live, and since when they count.
pub(super) fn ends(table: &mut Table<'_>) -> (Option<Seconds>, Option<Timestamp>) {
    let session_max = table.optional("session_max", duration(Seconds::new(1), LONGEST_MAX_AGE));
    (session_max, table.optional("not_before", parsed(MOMENT, moment)))
}

fn frontchannel_logout(table: &mut Table<'_>, kind: Kind) -> bool {
    let is_on = table.optional("frontchannel_logout", flag).unwrap_or(false);
    if kind == Kind::Tenants && is_on {
        table.problem("frontchannel_logout", "does not say of which tenant a session is, so it could end none");
    }
    is_on
}

fn issuer(table: &mut Table<'_>, kind: Kind, development: bool) -> Option<Issuer> {
    if kind == Kind::Tenants {
        let Some(tenants) = Tenants::read(table) else {
            table.peek("issuer");
            return None;
        };
        let issuer = |text: &str| Issuer::parse_template(text, tenants.clone(), development);
        return table.required("issuer", Issuer::EXPECTED_TEMPLATE, parsed(Issuer::EXPECTED_TEMPLATE, issuer));
    }
    // A template is for the preset alone that says whose tenants count.
    let issuer = |text: &str| Issuer::parse(text, development).filter(|_| !text.contains(['{', '}']));
    table.required("issuer", Issuer::EXPECTED, parsed(Issuer::EXPECTED, issuer))
}

/// How strongly, and how lately, people have to sign in there; and what of that it cannot tell.
pub(super) fn strength(table: &mut Table<'_>, kind: Kind) -> (Vec<String>, Option<Seconds>, Vec<Inability>) {
    let acr_values = table.optional("acr_values", list("a value without spaces", word));
    let max_age = table.optional("max_age", duration(Seconds::new(0), LONGEST_MAX_AGE));
    let known = |word: &str| INABILITIES.iter().find(|(name, _)| *name == word).map(|(_, inability)| *inability);
    let cannot = table.optional("cannot", list(&one_of(&INABILITIES), known)).unwrap_or_default();
    // Without an ID token nothing says so, whatever the configuration has.
    let cannot = if kind == Kind::OAuth2 { INABILITIES.map(|(_, inability)| inability).to_vec() } else { cannot };
    for (key, inability, is_set) in
        [("acr_values", Inability::Acr, acr_values.is_some()), ("max_age", Inability::MaxAge, max_age.is_some())]
    {
        if is_set && cannot.contains(&inability) {
            table.problem(key, "is asked of a provider that cannot tell, by its `cannot`: nobody could sign in");
        }
    }
    (acr_values.unwrap_or_default(), max_age, cannot)
}

fn scopes(table: &mut Table<'_>, kind: Kind) -> Vec<String> {
    let given = table.optional("scopes", list("a scope without spaces, quotes or backslashes", scope));
    let scopes = given.unwrap_or_else(|| DEFAULT_SCOPES.map(str::to_owned).to_vec());
    //
    if kind != Kind::OAuth2 && !scopes.iter().any(|scope| scope == OPENID) {
        table.problem("scopes", format!("expected `{OPENID}` among them, without it there is no ID token"));
    }
    scopes
}

/// `none` would let nobody in who is not signed in at the provider already.
fn prompt(value: &serde_json::Value) -> Result<String, String> {
    const KNOWN: [&str; 4] = ["login", "consent", "select_account", "create"];
    let text = text(value)?;
    let known = !text.is_empty() && text.split(' ').all(|word| KNOWN.contains(&word));
    if known {
        return Ok(text.to_owned());
    }
    Err(expected("some of `login`, `consent`, `select_account`, `create`, separated by a space", text))
}

/// RFC 8707 §2.
pub(super) fn resource(text: &str) -> Option<String> {
    let url = url::Url::parse(&word(text)?).ok()?;
    url.fragment().is_none().then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
