//! `ISSUERS.X` with a `preset`: a platform that gives tokens to the programs that run there, and which of these count.

mod trust;

use std::rc::Rc;

use serde_json::Value;

use super::address::Issuer;
use super::binding::is_binding;
use super::issuer::{AUDIENCE, audience};
use super::preset::{self, is_trust_domain};
use super::problem::expected;
use super::secrets::{SecretOwner, Secrets};
use super::table::Table;
use super::value::{algorithms, duration, parsed, text};
use crate::http::public_url::absolute;
use crate::ids::IssuerId;
use crate::jose::{Algorithm, KeySet};
use crate::json;
use crate::time::Seconds;

pub(crate) use trust::as_text;
pub(crate) use trust::is_access_client_id;
pub use trust::{TrustRule, TrustedClaim, TrustedValue};

/// Before a trust domain.
pub const SPIFFE_SCHEME: &str = "spiffe://";
const KEYS: &str = "`secret`, or `service:NAME` (a binding of capitals, digits and `_`)";
const SHORTEST_LIFE: Seconds = Seconds::minutes(1);
const LONGEST_LIFE: Seconds = Seconds::hours(24 * 31);
const USUAL_LIFE: Seconds = Seconds::hours(24);

/// A platform whose tokens programs may come with.
#[derive(Clone, Debug)]
pub struct WorkloadIssuer {
    /// The key of its table.
    pub id: IssuerId,
    /// `preset`
    pub preset: String,
    /// `issuer`: what `iss` must be; for a trust domain `spiffe://` and its name, which `sub` must begin with.
    pub issuer: String,
    /// `audience`: `aud` may hold nothing else. Never empty.
    pub audience: Vec<String>,
    /// What its tokens are like.
    pub profile: WorkloadProfile,
    /// `algs`: what they may be signed with.
    pub algs: Vec<Algorithm>,
    /// Where its keys are.
    pub keys: WorkloadKeys,
    /// `max_life`: how long they may still be good.
    pub max_life: Seconds,
    /// The claims that only tokens have that are not a program's.
    pub foreign: Vec<String>,
    /// `trust`: which of them count, and for what. Never empty.
    pub trust: Vec<TrustRule>,
    /// Who a program is there.
    pub subject: WorkloadSubject,
    /// The claims of which a rule should name one: without, jobs of every branch count. Empty where there are no branches.
    pub narrow: Vec<String>,
}

/// What names a program at its platform: the subject of its principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkloadSubject {
    /// `sub`, or what stands in for it with this kind of token.
    Sub,
    /// A claim with an id: `sub` there is made of names that change hands, or is what the job's owner says.
    Id {
        /// What stands before it.
        prefix: String,
        /// The claim.
        claim: String,
    },
}

impl WorkloadSubject {
    /// `None`: `sub`. Otherwise a text with one claim at its end, such as `project:{project_id}`.
    fn of(template: Option<&str>) -> Self {
        let parts = template.and_then(|text| text.strip_suffix('}')?.split_once('{'));
        parts.map_or(Self::Sub, |(prefix, claim)| Self::Id { prefix: prefix.to_owned(), claim: claim.to_owned() })
    }
}

/// What the tokens of a platform are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadProfile {
    /// ID tokens, or what is like them: `iss` says whose they are.
    Jwt,
    /// JWT-SVIDs: `sub` says whose they are.
    Spiffe,
    /// The application tokens of Cloudflare Access, in a header of its own.
    CloudflareAccess,
}

/// Where the keys of a platform are.
#[derive(Clone, Debug)]
pub enum WorkloadKeys {
    /// Where its metadata says.
    Discovery(Issuer),
    /// At an address that the configuration names.
    Published(PublishedKeys),
    /// In the secret `ISSUER_X_JWKS`.
    Given(Rc<KeySet>),
}

/// Keys at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKeys {
    /// What tells them from others: the URL, with all that makes a difference.
    pub name: String,
    /// The URL.
    pub url: String,
    /// The service binding that is asked for it. `None`: the network.
    pub via: Option<String>,
    /// Whether they are a trust domain's bundle.
    pub is_bundle: bool,
}

impl PublishedKeys {
    fn new(url: String, via: Option<String>, is_bundle: bool) -> Self {
        let kind = if is_bundle { "bundle:" } else { "" };
        let name = match &via {
            Some(binding) => format!("{kind}service:{binding} {url}"),
            None => format!("{kind}{url}"),
        };
        Self { name, url, via, is_bundle }
    }
}

impl WorkloadIssuer {
    /// Whether a rule takes jobs of every branch.
    #[must_use]
    pub fn is_broad(&self, rule: &TrustRule) -> bool {
        !self.narrow.is_empty()
            && !rule.claims.iter().any(|claim| self.narrow.iter().any(|name| *name == claim.path.claim()))
    }

    /// The trust domain, if it is one.
    #[must_use]
    pub fn trust_domain(&self) -> Option<&str> {
        self.issuer.strip_prefix(SPIFFE_SCHEME)
    }
}

/// Reads the table of an issuer that has a `preset`.
pub(super) fn read(
    id: IssuerId,
    mut table: Table<'_>,
    secrets: &Secrets<'_>,
    development: bool,
) -> Option<WorkloadIssuer> {
    let name = table.own("preset").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (expanded, preset) = preset::expand_workload(&mut table)?;
    let profile = match preset.get("kind").and_then(Value::as_str) {
        Some("spiffe") => WorkloadProfile::Spiffe,
        Some("cloudflare-access") => WorkloadProfile::CloudflareAccess,
        _ => WorkloadProfile::Jwt,
    };
    let mut table = table.holding(&expanded.entries);
    let issuer = table.required("issuer", issuer_expected(profile), text);
    let audience = table.required("audience", AUDIENCE, audience);
    let algs = table.optional("algs", algorithms);
    let keys = keys(&mut table, (&id, secrets), (issuer, profile), &preset, development);
    let max_life = table.optional("max_life", duration(SHORTEST_LIFE, LONGEST_LIFE));
    let rules: trust::Forms = json::from_value(preset.get("rules").cloned().unwrap_or_default()).unwrap_or_default();
    let trust = trust::read(&mut table, &rules);
    table.finish();
    let keys = keys?;
    (!expanded.is_wrong).then_some(())?;
    Some(WorkloadIssuer {
        id,
        preset: name,
        issuer: issuer?.to_owned(),
        audience: audience?,
        profile,
        algs: algs.unwrap_or_else(|| vec![Algorithm::Rs256]),
        keys,
        max_life: max_life.unwrap_or(USUAL_LIFE),
        subject: WorkloadSubject::of(rules.subject.as_deref()),
        foreign: rules.foreign,
        narrow: rules.narrow,
        trust: trust?,
    })
}

const fn issuer_expected(profile: WorkloadProfile) -> &'static str {
    match profile {
        WorkloadProfile::Spiffe => "`spiffe://` and a trust domain",
        _ => Issuer::EXPECTED,
    }
}

/// Where its keys are: in a secret, where `jwks_uri` says (asked over the network or a service binding), or where the metadata
/// of the issuer says.
fn keys(
    table: &mut Table<'_>,
    (id, secrets): (&IssuerId, &Secrets<'_>),
    (issuer, profile): (Option<&str>, WorkloadProfile),
    preset: &Value,
    development: bool,
) -> Option<WorkloadKeys> {
    let is_bundle = profile == WorkloadProfile::Spiffe;
    let place = table.optional("keys", parsed(KEYS, Place::parse));
    let said = table.optional("jwks_uri", |value| text(value).map(str::to_owned));
    let fetched = Issuer::parse(issuer?, development);
    let is_name = match profile {
        WorkloadProfile::Spiffe => issuer?.strip_prefix(SPIFFE_SCHEME).is_some_and(is_trust_domain),
        // With keys from here, it is only a name: that of a cluster may be one that nobody else knows.
        _ => fetched.is_some() || place.is_some() && absolute(issuer?).is_some(),
    };
    if !is_name {
        table.problem("issuer", expected(issuer_expected(profile), issuer?));
        return None;
    }
    match (place, said) {
        (None, _) if table.has("keys") => None,
        (Some(Place::Secret), Some(_)) => {
            table.problem("jwks_uri", "is of no use here: `keys` says that they are in a secret");
            None
        }
        (Some(Place::Secret), None) => {
            let keys = secrets.key_set(&SecretOwner::Issuer(id).jwks_name(), is_bundle)?;
            Some(WorkloadKeys::Given(Rc::new(keys)))
        }
        (Some(Place::Service(binding)), said) => {
            let usual = preset.get("service").and_then(|service| service.get("jwks_uri")).and_then(Value::as_str);
            let url = said.or_else(|| usual.map(str::to_owned)).filter(|url| absolute(url).is_some());
            match url {
                Some(url) => Some(WorkloadKeys::Published(PublishedKeys::new(url, Some(binding), is_bundle))),
                None => {
                    table.problem("jwks_uri", "expected the URL that the service is asked for, such as `https://cluster.internal/openid/v1/jwks`");
                    None
                }
            }
        }
        (None, Some(url)) if Issuer::allows(&url, development) => {
            Some(WorkloadKeys::Published(PublishedKeys::new(url, None, is_bundle)))
        }
        (None, Some(url)) => {
            table.problem("jwks_uri", expected("the https URL of a key set", &url));
            None
        }
        (None, None) if is_bundle => {
            table.problem(
                "jwks_uri",
                "expected the https URL of the trust domain's bundle, or `keys`: a trust domain has no metadata",
            );
            None
        }
        (None, None) => fetched.map(WorkloadKeys::Discovery),
    }
}

/// `keys`
enum Place {
    Secret,
    Service(String),
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("service:") {
            Some(binding) => is_binding(binding).then(|| Self::Service(binding.to_owned())),
            None => (text == "secret").then_some(Self::Secret),
        }
    }
}

#[cfg(test)]
mod tests;
