//! `SERVICES`: of whom Postern gets tokens of its own, for the upstreams that it calls in its own name (RFC 6749 §4.4).

use serde_json::json;
use sha2::{Digest, Sha256};

use super::address::Issuer;
use super::client_auth::{self, AssertionAudience, ClientAuth};
use super::problem::expected;
use super::provider::{parameters, resource};
use super::secrets::{SecretOwner, Secrets};
use super::table::Table;
use super::value::{list, parsed, scope, text, word};
use crate::ids::ServiceId;
use crate::keyring::{KeyPurpose, KeyRing};
use crate::ordered;

const ENDPOINT: &str = "the https URL of a token endpoint";
/// What [`ServiceClient::terms`] are made of.
const TERMS_VERSION: u8 = 1;
const RESOURCE: &str = "an absolute URI without fragment";
/// Parameters of the token request that are Postern's to set.
const OWN_PARAMETERS: [&str; 8] = [
    "audience",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "resource",
    "scope",
];

/// One entry: who we are to an authorization server, and what tokens we get there.
#[derive(Clone, Debug)]
pub struct ServiceClient {
    /// The key of its table.
    pub id: ServiceId,
    /// `issuer`: whose metadata says where tokens are; `None` where `token_endpoint` says that alone.
    pub issuer: Option<Issuer>,
    /// `token_endpoint`: in place of what metadata says.
    pub token_endpoint: Option<String>,
    /// `client_id`.
    pub client_id: String,
    /// `client_auth`, with its secret.
    pub client_auth: ClientAuth,
    /// `scopes`. Default none: whatever the server gives.
    pub scopes: Vec<String>,
    /// `audience`: a parameter of that name, as Auth0 and others want it.
    pub audience: Option<String>,
    /// `resource` (RFC 8707).
    pub resource: Option<String>,
    /// `token_params`: fixed extra parameters of the request; none that Postern itself sends.
    pub token_params: Vec<(String, String)>,
}

impl ServiceClient {
    /// Names what is asked for, of whom, and by which secret: the same for the same, another for others. So a token that
    /// was got with one secret ends with it. In hexadecimal; without the key ring it says nothing of the secret.
    #[must_use]
    pub fn terms(&self, keys: &KeyRing) -> String {
        let secret = self.client_auth.secret();
        let secret = secret.map(|secret| keys.mac(KeyPurpose::ServiceSecret, secret.expose().as_bytes()));
        let scopes = ordered::by_key(self.scopes.iter().collect(), |scope| *scope);
        let terms = json!([
            TERMS_VERSION,
            self.id.as_str(),
            self.issuer.as_ref().map(Issuer::as_str),
            self.token_endpoint,
            self.client_id,
            scopes,
            self.audience,
            self.resource,
            self.token_params,
            self.client_auth.certificate(),
            secret,
        ]);
        Sha256::digest(terms.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Everything below `SERVICES`: all ids that are well formed, and the entries without a problem.
#[derive(Default)]
pub(super) struct Services {
    pub(super) ids: Vec<ServiceId>,
    pub(super) all: Vec<ServiceClient>,
}

/// Reads `SERVICES`. `development`: whether servers on loopback hosts are allowed.
pub(super) fn read_all(table: &Table<'_>, secrets: &Secrets<'_>, development: bool) -> Services {
    let mut services = Services::default();
    for (key, inner) in table.tables() {
        let Some(id) = ServiceId::parse(key) else {
            inner.problem_here("expected an id of 1 to 32 characters of a-z, 0-9 and `-`");
            continue;
        };
        services.ids.push(id.clone());
        services.all.extend(read(id, inner, secrets, development));
    }
    services
}

fn read(id: ServiceId, mut table: Table<'_>, secrets: &Secrets<'_>, development: bool) -> Option<ServiceClient> {
    let issuer = |text: &str| Issuer::parse(text, development).filter(|_| !text.contains(['{', '}']));
    let issuer = table.optional("issuer", parsed(Issuer::EXPECTED, issuer));
    let token_endpoint = table.optional("token_endpoint", |value| endpoint(text(value)?, development));
    if !table.has("issuer") && !table.has("token_endpoint") {
        table.problem_here("expected `issuer`, whose metadata says where tokens are, or `token_endpoint`");
    }
    let client_id =
        table.required("client_id", "the client id that the server gave", parsed("visible ASCII characters", word));
    let client_auth = client_auth::read(&mut table, secrets, &SecretOwner::Service(&id));
    if !table.has("issuer") {
        refuse_nameless(&table, client_auth.as_ref());
    }
    let scopes = table.optional("scopes", list("a scope of visible ASCII characters", scope));
    let audience = table.optional("audience", parsed("visible ASCII characters", word));
    let resource = table.optional("resource", parsed(RESOURCE, resource));
    let token_params = parameters(&mut table, "token_params", &OWN_PARAMETERS);
    table.finish();
    (issuer.is_some() || token_endpoint.is_some()).then_some(())?;
    Some(ServiceClient {
        id,
        issuer,
        token_endpoint,
        client_id: client_id?,
        client_auth: client_auth?,
        scopes: scopes.unwrap_or_default(),
        audience,
        resource,
        token_params,
    })
}

/// An assertion is for the issuer, and here none is named.
fn refuse_nameless(table: &Table<'_>, auth: Option<&ClientAuth>) {
    let audience = match auth {
        Some(ClientAuth::PrivateKeyJwt(how)) => &how.audience,
        Some(ClientAuth::SecretJwt(how)) => &how.audience,
        _ => return,
    };
    if *audience == AssertionAudience::Issuer {
        table.problem(
            "client_assertion",
            "expected an `audience`, such as `endpoint`: assertions are for the issuer, and there is no `issuer`",
        );
    }
}

/// an address that the metadata of an issuer could name.
fn endpoint(url: &str, development: bool) -> Result<String, String> {
    if Issuer::may_be_endpoint(url, development) { Ok(url.to_owned()) } else { Err(expected(ENDPOINT, url)) }
}

#[cfg(test)]
mod tests;
