//! Raw bindings → [`Config`], or every problem at once.

mod accent;
mod address;
mod admin;
mod admin_services;
mod agents;
mod api_keys;
mod askers;
mod authzen;
mod binding;
pub mod bindings;
mod browser_cache;
mod certificates;
mod claim_headers;
mod client_auth;
mod cors;
mod decisions;
mod deployment;
mod factor_notices;
mod fapi;
mod groups;
mod health;
mod id_token_encryption;
mod introspection;
mod issuer;
mod limits;
mod lookup;
mod mcp;
mod oauth2;
mod pages;
mod preset;
mod problem;
mod provider;
mod provider_choice;
mod relations;
mod request_headers;
mod require;
mod resource;
mod revocation;
mod roles;
mod routes;
pub(crate) mod saml;
mod second;
mod secrets;
mod security_headers;
mod sender_constrained;
mod services;
mod session;
mod settings;
mod sharing;
mod sign_out;
mod storage;
mod table;
mod tenants;
#[cfg(test)]
pub(crate) mod testing;
mod upstream;
mod value;
mod verify;
mod worded;
mod workload;

pub use crate::http::public_url::PublicUrl;
pub use accent::Accent;
pub use address::Issuer;
pub use admin::{Administrator, Administrators};
pub use admin_services::{ADMIN_ACTIONS, AdminCredential, AdminService, AdminServices};
pub use agents::{AdmittedClients, AgentRules, EnterpriseClient, EnterpriseRule, LONGEST_GRANT, MAX_CLIENT_ID_BYTES};
pub use authzen::Authzen;
pub use bindings::{BindingUse, NeededBinding, SAML as SAML_WORKER};
pub use certificates::{Authority, CertificateRule, CertificateSubject, fingerprint, key_identifier, principal_issuer};
pub use client_auth::{AppleKey, AssertionAudience, ClientAssertion, ClientAuth, SecretAssertion, TlsCertificate};
pub use decisions::{DecisionRetention, Decisions};
pub use deployment::{Deployment, Names, SiteConfig};
pub use factor_notices::FactorNotices;
pub use fapi::{Par, RequestRules};
pub use health::Monitor;
pub use id_token_encryption::IdTokenEncryption;
pub use introspection::{Introspection, WithoutAudience};
pub use issuer::{Constraint, Profile, SignedTokens, TokenFormat, TokenIssuer};
pub use limits::Limits;
pub use oauth2::OAuth2;
pub use pages::PageOptions;
pub use problem::Problem;
pub use provider::{Inability, LoginParameter, Provider, ResponseMode};
pub use provider_choice::{Icon, OtherAccount, ProviderChoice};
pub use require::MAX_ACR_VALUES_BYTES;
pub use resource::Resource;
pub use revocation::{ProviderRevocation, RevocationTyp};
pub use roles::Roles;
pub use saml::{NameIdFormat, Saml, SamlMetadata, SamlSigning, SamlSubject};
pub use second::{OfferedFactor, SecondRules};
pub use secrets::{HEALTH, KEY_RING, SecretOwner, VERIFY, is_secret};
pub use sender_constrained::SenderConstrained;
pub use services::ServiceClient;
pub use session::{DeviceMode, SameSite, SessionConfig};
pub use settings::{MAX_FILE_BYTES, SCHEMA, Settings};
pub use sharing::{SHARING_PREFIX, SharedType, Sharing};
pub use sign_out::{Logout, LogoutTokens, SignOut};
pub use storage::ObjectPlace;
pub(crate) use tenants::{PLACE as TENANT_PLACE, is_guid};
pub use value::{MOMENT, is_scope, moment, span, spelled};
pub use verify::Verify;
pub use worded::WordedScope;
pub use workload::{
    PublishedKeys, SPIFFE_SCHEME, TrustRule, TrustedClaim, TrustedValue, WorkloadIssuer, WorkloadKeys, WorkloadProfile,
    WorkloadSubject,
};
pub(crate) use workload::{as_text, is_access_client_id};

use std::rc::Rc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::api_key::ApiKeyRules;
pub use crate::claims::path::ClaimPath;
use crate::http::HeaderName;
use crate::ids::site::Site;
pub use crate::ids::{IssuerId, ProviderId, ServiceId};
use crate::json;
use crate::keyring::KeyRing;
use crate::relation::Model;
use crate::route::Router;
use askers::Askers;
use certificates::Certificates;
use groups::Groups;
use problem::Report;
use provider::Providers;
use relations::Relations;
use require::Known;
use routes::Surroundings;
use secrets::Secrets;
use table::Table;

/// A site, checked: whoever holds one may rely on every value in it.
#[derive(Debug)]
pub struct Config {
    /// Which site of the deployment.
    pub site: Site,
    /// `PUBLIC_URL`: the one origin the browser knows.
    pub public_url: PublicUrl,
    /// `PROVIDERS`, by id in alphabetical order; at least one, unless there are `ISSUERS`.
    pub providers: Vec<Provider>,
    /// `ISSUERS`: who may issue access tokens, by id in alphabetical order.
    pub issuers: Vec<TokenIssuer>,
    /// Those of `ISSUERS` that have a `preset`: platforms that give tokens to the programs that run there.
    pub workloads: Vec<WorkloadIssuer>,
    /// `CERTIFICATES`: the client certificates that name a program, by id in alphabetical order.
    pub certificates: Vec<CertificateRule>,
    /// `SERVICES`: where we get tokens of our own, by id in alphabetical order.
    pub services: Vec<ServiceClient>,
    /// `SESSION`.
    pub session: SessionConfig,
    /// `RELATIONS`; without the table it knows no type.
    pub relations: Model,
    /// `ROLES`: what each grants.
    pub roles: Roles,
    /// `ROUTES`.
    pub routes: Router,
    /// Every header by which any route tells its upstream of the caller: from outside none of them is passed on, anywhere.
    pub claim_headers: Vec<HeaderName>,
    /// `ADMIN`: who may end the sessions of others. `None`: nobody.
    pub admin: Option<Administrators>,
    /// `STORAGE`: where its objects are.
    pub place: ObjectPlace,
    /// `DECISIONS`: which decisions are kept. `None`: none.
    pub decisions: Option<Decisions>,
    /// `VERIFY`: which proxy may ask about requests. `None`: none.
    pub verify: Option<Verify>,
    /// `HEALTH`: which monitor may ask how things are. `None`: none.
    pub monitor: Option<Monitor>,
    /// `AUTHZEN`: which services may ask for decisions. `None`: none.
    pub authzen: Option<Authzen>,
    /// `SHARING`: which services may write tuples. `None`: none.
    pub sharing: Option<Sharing>,
    /// `KEYS`: the API keys that it gives out. `None`: none.
    pub api_keys: Option<ApiKeyRules>,
    /// `AGENTS`: the programs that act for people. `None`: none.
    pub agents: Option<AgentRules>,
    /// `SECOND`: the second factors that people can have here. `None`: none.
    pub second: Option<SecondRules>,
    /// `PAGES`: what our own pages look like.
    pub pages: PageOptions,
    /// `LIMITS`.
    pub limits: Limits,
    /// Secret `POSTERN_KEYS`, or what this site derives from it.
    pub keys: Rc<KeyRing>,
    /// Names these variables: the same for the same, another for others. It says nothing of secrets.
    pub stamp: String,
}

/// What is done with the requests that are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// They are sent on to the route's `upstream`.
    Gateway,
    /// The Worker that asks answers them itself: a route needs no `upstream`.
    Guard,
}

/// The Worker that is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// What it is for.
    pub purpose: Purpose,
    /// Whether it has policies: an engine, and where they are published. Without them no route can ask any.
    pub policies: bool,
}

impl Build {
    /// Postern's own Worker, in a deployment without policies.
    pub const PLAIN: Self = Self { purpose: Purpose::Gateway, policies: false };
}

impl Config {
    /// What the site itself is called where an issuer is named by its id.
    pub const SELF: &str = "self";

    /// The variables a site may set.
    pub const VARIABLES: [&str; 25] = [
        "PUBLIC_URL",
        "PROVIDERS",
        "ISSUERS",
        "CERTIFICATES",
        "SERVICES",
        "SESSION",
        "STORAGE",
        "LIMITS",
        "ROLES",
        "RELATIONS",
        "ROUTE_GROUPS",
        "ROUTES",
        "ADMIN",
        "DECISIONS",
        "VERIFY",
        "HEALTH",
        "AUTHZEN",
        "SHARING",
        "KEYS",
        "AGENTS",
        "SECOND",
        "SECURITY_HEADERS",
        "PATHS",
        "REMOVE",
        "PAGES",
    ];

    /// Reads the variables of a deployment that is one site, for [`Build::PLAIN`]; `secrets` by name. Reads to the end,
    /// whatever is wrong.
    ///
    /// # Errors
    /// Every problem found, in the order of the configuration's sections.
    pub fn parse(vars: &Map<String, Value>, secrets: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        Self::parse_for(Build::PLAIN, vars, secrets)
    }

    /// The same, for this build.
    ///
    /// # Errors
    /// The same.
    pub fn parse_for(
        build: Build,
        vars: &Map<String, Value>,
        secrets: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        let report = Report::default();
        let keys = |secrets: &Secrets<'_>| secrets.key_ring().map(Rc::new);
        let parts = Self::read(build, vars, &Secrets { lookup: secrets, report: &report }, &keys);
        let problems = report.into_problems();
        match parts {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems),
        }
    }

    /// The site's own variables and secrets, by the names that they have without the site's; `keys` finds its keys.
    fn read(
        build: Build,
        vars: &Map<String, Value>,
        secrets: &Secrets<'_>,
        keys: &dyn Fn(&Secrets<'_>) -> Option<Rc<KeyRing>>,
    ) -> Option<Self> {
        let mut top = Table::top(vars, secrets.report);
        let public_url = public_url(&mut top);
        // A public URL that is wrong has its own problem; it is no reason to doubt every other address.
        let development = public_url.as_ref().is_none_or(PublicUrl::is_loopback_development);
        // A deployment for programs only signs nobody in.
        let sessions = top.has("PROVIDERS") || !top.has("ISSUERS");
        let providers = providers(&mut top, secrets, sessions, development);
        let (ids, known) = providers.as_ref().map_or((&[][..], &[][..]), |all| (&all.ids[..], &all.all[..]));
        let issuers = issuers(&mut top, secrets, known, (public_url.as_ref(), development));
        let certificates = Certificates::read(&mut top);
        let services = services(&mut top, secrets, (known, &issuers.all), development);
        let rules = Rules::read(&mut top, sessions.then_some(known), sessions, public_url.as_ref());
        let surroundings = Surroundings {
            public_url: public_url.as_ref(),
            development,
            sessions,
            devices: rules.session.device != DeviceMode::Off,
            known: rules.known((ids, known), (&issuers, &certificates)),
            services: &services.ids,
            authzen: top.has("AUTHZEN"),
            keys: top.has("KEYS"),
            blocks: admin::has_blocks(&mut top),
            asked: top.has("VERIFY") || build.purpose == Purpose::Guard,
            build,
            security_headers: &rules.security_headers,
            limits: &rules.limits.routes,
            groups: Groups::read(top.table("ROUTE_GROUPS").as_ref()),
            paths: top.optional("PATHS", routes::paths).unwrap_or_default(),
            remove: top.optional("REMOVE", request_headers::masks).unwrap_or_default(),
        };
        let routes = router(&mut top, &surroundings);
        let askers = Askers::read(&mut top, secrets, &surroundings, routes.as_ref());
        let (pages, keys) = (pages::read(&mut top, known, routes.as_ref()), keys(secrets));
        top.finish();
        Some(Self {
            site: secrets.report.site().clone(),
            public_url: public_url?,
            providers: providers?.all,
            issuers: issuers.all,
            workloads: issuers.workloads,
            certificates: certificates.all,
            services: services.all,
            session: rules.session,
            relations: rules.relations.into_model(),
            roles: rules.roles,
            claim_headers: claim_headers::names(routes.as_ref(), askers.api_keys.as_ref()),
            routes: routes?,
            admin: askers.admin,
            place: rules.place,
            decisions: askers.decisions,
            verify: askers.verify,
            monitor: askers.monitor,
            authzen: askers.authzen,
            sharing: askers.sharing,
            api_keys: askers.api_keys,
            agents: askers.agents,
            second: rules.second,
            pages,
            limits: rules.limits,
            keys: keys?,
            stamp: stamp(vars),
        })
    }
}

/// What routes may speak of, besides who comes.
struct Rules {
    session: SessionConfig,
    place: ObjectPlace,
    security_headers: security_headers::Defaults,
    limits: Limits,
    roles: Roles,
    relations: Relations,
    /// Whether it is said at all.
    has_second: bool,
    second: Option<SecondRules>,
}

impl Rules {
    /// `providers`: those without a problem, where people can sign in at all.
    fn read(
        top: &mut Table<'_>,
        providers: Option<&[Provider]>,
        sessions: bool,
        public_url: Option<&PublicUrl>,
    ) -> Self {
        let session = session(top);
        revocation::refuse_unkept(top, providers.unwrap_or_default(), &session.claims);
        Self {
            session,
            place: top.section("STORAGE", storage::read).unwrap_or_default(),
            security_headers: security_headers::Defaults::read(top, public_url),
            limits: limits(top, sessions),
            roles: roles(top),
            relations: Relations::read(top),
            second: top.section("SECOND", |table| second::read(table, providers, public_url)).flatten(),
            has_second: top.has("SECOND"),
        }
    }

    fn known<'a>(
        &'a self,
        providers: (&'a [ProviderId], &'a [Provider]),
        identities: (&'a issuer::Issuers, &'a Certificates),
    ) -> Known<'a> {
        let second = (self.has_second, self.second.as_ref());
        Known::of(providers, identities, &self.session.claims, (&self.roles, &self.relations), second)
    }
}

/// The providers without their `order`.
fn without_places(providers: &Value) -> Value {
    let mut providers = providers.clone();
    for table in providers.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        table.remove("order");
    }
    providers
}

/// The first 48 bits of the SHA-256 of the variables as JSON, members in alphabetical order; without the `order` of providers,
/// which the runtime adds by their places in the file, and which decides about nothing.
fn stamp(vars: &Map<String, Value>) -> String {
    let providers = vars.get("PROVIDERS").map(without_places);
    let known = vars.iter().filter(|(name, _)| Config::VARIABLES.contains(&name.as_str()));
    let known = known
        .map(|(name, value)| (name, if name == "PROVIDERS" { providers.as_ref().unwrap_or(value) } else { value }));
    let mut text = Vec::new();
    json::write_object_sorted(known.collect(), &mut text);
    Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The ids of the providers by which a subject names a person. Where each tenant has an issuer, what one of them calls
/// somebody says nothing without it.
fn naming(ids: &[ProviderId], known: &[Provider]) -> Vec<ProviderId> {
    let has_tenants = |id: &ProviderId| known.iter().any(|one| one.id == *id && one.issuer.has_tenants());
    ids.iter().filter(|id| !has_tenants(id)).cloned().collect()
}

fn public_url(top: &mut Table<'_>) -> Option<PublicUrl> {
    let expected = PublicUrl::EXPECTED;
    top.required("PUBLIC_URL", expected, value::parsed(expected, PublicUrl::parse))
}

fn providers(top: &mut Table<'_>, secrets: &Secrets<'_>, sessions: bool, development: bool) -> Option<Providers> {
    if !sessions {
        top.table("PROVIDERS");
        return Some(Providers::default());
    }
    let takes_tokens = top.has("ISSUERS");
    let table = required_table(top, "PROVIDERS", "a table of providers")?;
    Some(provider::read_all(&table, secrets, development, takes_tokens))
}

fn issuers(
    top: &mut Table<'_>,
    secrets: &Secrets<'_>,
    providers: &[Provider],
    at: (Option<&PublicUrl>, bool),
) -> issuer::Issuers {
    top.section("ISSUERS", |table| issuer::read_all(&table, secrets, providers, at)).unwrap_or_default()
}

fn services(
    top: &mut Table<'_>,
    secrets: &Secrets<'_>,
    (providers, issuers): (&[Provider], &[TokenIssuer]),
    development: bool,
) -> services::Services {
    let services = top.section("SERVICES", |table| services::read_all(&table, secrets, development));
    let services = services.unwrap_or_default();
    client_auth::refuse_shared_addresses(top, providers, issuers, &services.all);
    services
}

/// Where only another proxy asks about requests, it counts sign-ins. Keys it cannot tell from forged ones, and each question
/// names the caller's address.
fn limits(top: &mut Table<'_>, sessions: bool) -> Limits {
    let by_default = limits::ByDefault { people: sessions && !top.has("VERIFY"), keys: top.has("KEYS") };
    limits::read(top, by_default)
}

fn session(top: &mut Table<'_>) -> SessionConfig {
    top.section("SESSION", session::read).unwrap_or_default()
}

fn roles(top: &mut Table<'_>) -> Roles {
    top.section("ROLES", |table| roles::read(&table)).unwrap_or_default()
}

fn router<'a>(top: &mut Table<'a>, surroundings: &Surroundings<'a>) -> Option<Router> {
    let table = required_table(top, "ROUTES", "a table of routes")?;
    routes::read_all(&table, surroundings)
}

fn required_table<'a>(top: &mut Table<'a>, key: &'static str, what: &str) -> Option<Table<'a>> {
    if !top.has(key) {
        top.problem(key, format!("expected {what}, found nothing"));
    }
    top.table(key)
}

#[cfg(test)]
mod tests;
