//! A checked configuration in a few lines for people: what to register where, and who gets through which door.

mod fapi;
mod routes;
mod saml;

use postern::VERSION;
use postern::config::{
    AdminCredential, AdminService, AdminServices, Administrators, AgentRules, AssertionAudience, ClientAssertion,
    ClientAuth, Config, Constraint, DecisionRetention, DeviceMode, Inability, Issuer, KEY_RING, Logout, ObjectPlace,
    Provider, SHARING_PREFIX, SameSite, ServiceClient, TokenIssuer, spelled,
};
use postern::jose::Algorithm;
use postern::limit::{Counter, Limit, LimitKind};
use postern::route::Route;

use self::routes::{guarded, routes};
use super::report::{Place, Warning};
use super::{api_keys, certificates};
use super::{rules, second, workloads};

/// The summary of all sites, one after the other.
pub(super) fn write(
    configs: &[&Config],
    place: &Place<'_>,
    (secret_names, warnings): (&[String], &[Warning]),
) -> String {
    let environment = place.environment.map_or_else(String::new, |name| format!(" (env {name})"));
    let mut text = format!("{}{environment}: no problems\n", place.files());
    text.extend(configs.iter().map(|config| site(config)));
    text.push_str(&secrets(place, secret_names));
    if !warnings.is_empty() {
        text.push_str("\nWarnings\n");
        text.extend(warnings.iter().map(|warning| format!("  {}\n", told(warning))));
    }
    text
}

/// Says of which site, where there are several.
fn told(warning: &Warning) -> String {
    warning.site.id().map_or_else(|| warning.text.clone(), |id| format!("site {id}: {}", warning.text))
}

fn site(config: &Config) -> String {
    let mut text = "\n".to_owned();
    if let Some(id) = config.site.id() {
        text.push_str(&format!("Site {id}\n\n"));
    }
    text.push_str(&format!("Public URL: {}\n{}\n", config.public_url.origin(), sessions(config)));
    text.push_str(&format!("Configuration: {}, as `config` in the log\n", config.stamp));
    text.push_str(&format!("Release: {VERSION}, as `version` in the log\n"));
    if config.publishes_assertion_keys() {
        text.push_str(&format!("Keys of assertions: {}\n", config.public_url.join("/.well-known/jwks.json")));
    }
    if !config.providers.is_empty() {
        text.push_str("\nProviders, with what to register there\n");
    }
    for provider in &config.providers {
        text.push_str(&describe(config, provider));
    }
    if !config.issuers.is_empty() {
        text.push_str("\nIssuers of access tokens, with what they know this deployment as\n");
        text.extend(config.issuers.iter().map(issuer));
        text.push_str("\nResources, as clients that go by their metadata (RFC 9728) ask for tokens\n");
        text.extend(resources(config).iter().map(|resource| describe_resource(config, resource)));
    }
    text.push_str(&workloads::describe(config));
    text.push_str(&certificates::told(config));
    if !config.services.is_empty() {
        text.push_str("\nTokens of Postern's own, for upstreams\n");
        text.extend(config.services.iter().map(|one| service(config, one)));
    }
    text.push_str(&limits(config));
    text.push_str(&askers(config));
    text.push_str(&place(config));
    if let Some(decisions) = &config.decisions {
        let which = if decisions.of == DecisionRetention::All { "All decisions" } else { "Decisions that refuse" };
        text.push_str(&format!("\n{which} are kept for {}\n", spelled(decisions.keep)));
    }
    if let Some(rules) = &config.api_keys {
        text.push_str(&api_keys::summary(rules));
    }
    if let Some(rules) = &config.agents {
        text.push_str(&agents(rules));
    }
    if let Some(rules) = &config.second {
        text.push_str(&second::summary(rules));
    }
    if let Some(admin) = &config.admin {
        text.push_str(&administrators(admin));
    }
    if let Some(authzen) = &config.authzen {
        let url = config.public_url.join(postern::authzen::EVALUATION);
        text.push_str(&format!("\nDecisions (AuthZEN) at {url}\n{}", routes(std::slice::from_ref(&authzen.route))));
    }
    text.push_str(&sharing(config));
    text.push_str("\nRoutes\n");
    text.push_str(&routes(config.routes.routes()));
    text.push_str(&rules::refused_spellings(config));
    text
}

/// Who asks about requests, and about how things are.
fn askers(config: &Config) -> String {
    let mut text = String::new();
    if let Some(verify) = &config.verify {
        let host = verify.host.as_deref().unwrap_or(config.public_url.host());
        text.push_str(&format!("\nAnother proxy asks at {host}/auth/verify, with its secret in X-Postern-Secret\n"));
    }
    if config.monitor.is_some() {
        let url = config.public_url.join("/auth/health");
        text.push_str(&format!("\nA monitor asks at {url}, with its secret as a bearer token\n"));
    }
    text
}

/// Which programs may act for people, and for how long.
fn agents(rules: &AgentRules) -> String {
    let (access, grant) = (spelled(rules.access), spelled(rules.grant));
    let ends = if rules.with_session { "with the session" } else { "by itself" };
    let mut text = format!("\nAgents: tokens for {access}, grants for {grant} at most, each ends {ends}\n");
    let patterns: Vec<String> = rules.clients.written().collect();
    let who = if patterns.is_empty() { "any, with a person's consent".to_owned() } else { patterns.join(" ") };
    text.push_str(&format!("  clients {who}\n"));
    let of = |on: bool, words: &str| if on { format!("  {words}\n") } else { String::new() };
    text.push_str(&of(
        rules.clients.same_host,
        "their redirect URIs are on their own host, or on the person's computer",
    ));
    let seen = rules.owner_seen_within.map(spelled).unwrap_or_default();
    let seen_words = format!("act only for who signed in, or allowed them, within {seen}");
    text.push_str(&of(rules.owner_seen_within.is_some(), &seen_words));
    text.push_str(&of(rules.register, "may register themselves"));
    text.push_str(&of(rules.remember, "who has consented is not asked again for the same"));
    for one in &rules.scopes {
        text.push_str(&format!("  {} is shown as: {}\n", one.scope, one.words));
    }
    for rule in &rules.enterprise {
        for client in &rule.clients {
            text.push_str(&format!("  {} vouches to {}: {}\n", rule.provider, client.client, client.scopes.join(" ")));
        }
    }
    text
}

/// The people and programs that administer, and whether they can block others.
fn administrators(admin: &Administrators) -> String {
    let mut text = "\nAdministrators\n".to_owned();
    text.extend(admin.all().iter().map(|one| format!("  {}|{}\n", one.provider, one.subject)));
    for service in admin.services().into_iter().flat_map(AdminServices::all) {
        let (name, actions) = (&service.name, service.actions.join(", "));
        text.push_str(&format!("  {name}, by {}: {actions}\n", credential(service)));
    }
    if admin.blocks {
        text.push_str("  They can block users, services, clients and keys: each request by a token asks `BLOCKS`\n");
    }
    text
}

/// What a service that administers comes with.
fn credential(service: &AdminService) -> String {
    let scope = service.scope.as_ref().map(|scope| format!(", scope `{scope}`")).unwrap_or_default();
    let by = match &service.by {
        AdminCredential::Token { issuer, subject, client_id } => {
            let bound = if service.bearer { "any token" } else { "a token bound to a key or certificate" };
            let named = [("subject", subject), ("client", client_id)];
            let named = named.iter().filter_map(|(name, value)| Some(format!(", {name} `{}`", value.as_deref()?)));
            format!("{bound} of {issuer}{}", named.collect::<String>())
        }
        AdminCredential::Certificate(id) => format!("certificate {id}"),
        AdminCredential::Key(name) => format!("an API key of `{name}`"),
    };
    format!("{by}{scope}")
}

/// Which services may write tuples of which types.
fn sharing(config: &Config) -> String {
    let Some(sharing) = &config.sharing else { return String::new() };
    let who = |route: &Route| route.guard().map(guarded).unwrap_or_default();
    let mut text = format!("\nSharing at {}\n", config.public_url.join(SHARING_PREFIX));
    text.push_str(&format!("  every type  {}\n", who(&sharing.route)));
    text.extend(sharing.types.iter().map(|one| format!("  {}  {}\n", one.kind, who(&one.route))));
    for (kind, limit) in sharing.route.limits.all().filter(|_| !sharing.route.limits.shared) {
        text.push_str(&format!("  {}\n", counted(kind, limit)));
    }
    text
}

/// Where objects are, if the configuration says so.
fn place(config: &Config) -> String {
    let ObjectPlace { jurisdiction, location, .. } = &config.place;
    let mut text = String::new();
    if let Some(jurisdiction) = jurisdiction {
        text.push_str(&format!(
            "\nObjects: jurisdiction `{jurisdiction}`. A change of it leaves sessions, relations and kept decisions behind\n"
        ));
    }
    if let Some(location) = location {
        text.push_str(&format!("\nNew objects begin in `{location}`, if the platform can\n"));
    }
    text
}

fn sessions(config: &Config) -> String {
    let session = &config.session;
    let same_site = match session.same_site {
        SameSite::Strict => "Strict",
        SameSite::Lax => "Lax",
    };
    let life = spelled(session.device_life);
    let device = match session.device {
        DeviceMode::Off => String::new(),
        DeviceMode::Offer => format!(", bound to the device where the browser can, proven every {life}"),
        DeviceMode::Require => format!(", bound to the device, proven every {life}"),
    };
    format!(
        "Sessions: end after {} without a request and {} at most, SameSite={same_site}, up to {} a person{device}",
        spelled(session.idle),
        spelled(session.absolute),
        session.max_per_subject
    )
}

/// Those of our own endpoints, and those of every route that has none of its own.
fn limits(config: &Config) -> String {
    let has_frames = config.providers.iter().any(|provider| provider.frontchannel_logout || provider.saml.is_some());
    let own = config.limits.own().filter(|(name, _)| *name != "frontchannel_logout" || has_frames);
    let own = own.map(|(name, limit)| format!("  {name:8}  for an address {}\n", limited(limit)));
    let shared = config.limits.routes.all();
    let shared =
        shared.map(|(kind, limit)| format!("  routes    {}, unless they have their own\n", counted(kind, limit)));
    let all: String = own.chain(shared).collect();
    if all.is_empty() { String::new() } else { format!("\nLimits\n{all}") }
}

fn counted(kind: LimitKind, limit: &Limit) -> String {
    let whose = match kind {
        LimitKind::Subject => "for a subject",
        LimitKind::Route => "in all",
        _ => "for an address",
    };
    format!("{whose} {}", limited(limit))
}

/// `100 in 1m (20 at once), counted by each isolate`
fn limited(limit: &Limit) -> String {
    let allowance = &limit.allowance;
    let (requests, burst) = (allowance.requests(), allowance.burst());
    let at_once = if burst == requests { String::new() } else { format!(" ({burst} at once)") };
    let counter = match &limit.counter {
        Counter::Object => "exactly".to_owned(),
        Counter::Isolate => "by each isolate".to_owned(),
        Counter::Binding(name) => format!("by {name}"),
    };
    format!("{requests} in {}{at_once}, counted {counter}", spelled(allowance.period()))
}

fn describe(config: &Config, provider: &Provider) -> String {
    let mut text = format!("  {} ({})\n", provider.id, provider.issuer.as_str());
    match &provider.saml {
        Some(saml) => text.push_str(&saml::describe(config, provider, saml)),
        None => text.push_str(&format!("    redirect URI              {}\n", config.callback_url(&provider.id))),
    }
    if provider.is_openid() && provider.sign_out.logout == Logout::Provider {
        text.push_str(&format!("    post-logout redirect URI  {}\n", config.logged_out_url()));
    }
    if !provider.cannot.contains(&Inability::BackchannelLogout) {
        text.push_str(&format!("    back-channel logout URI   {}\n", config.backchannel_logout_url(&provider.id)));
    }
    if provider.revocation.is_some() {
        text.push_str(&format!("    global revocation URI     {}\n", config.revocation_url(&provider.id)));
    }
    if provider.choice.hidden {
        text.push_str("    is not shown where people choose\n");
    }
    if !provider.choice.domains.is_empty() {
        text.push_str(&format!("    people with addresses at  {}\n", provider.choice.domains.join(" ")));
    }
    text.push_str(&fapi::told(provider));
    if provider.frontchannel_logout {
        text.push_str(&format!("    front-channel logout URI  {}\n", config.frontchannel_logout_url(&provider.id)));
    }
    if let Some(trusted) = &provider.trusted_audiences {
        let named = if trusted.is_empty() { "nobody".to_owned() } else { trusted.join(" and ") };
        text.push_str(&format!("    its tokens may also be for {named}\n"));
    }
    if let ClientAuth::PrivateKeyJwt(how) = &provider.client_auth {
        text.push_str(&assertion(how));
    }
    if matches!(provider.client_auth, ClientAuth::PrivateKeyJwt(_)) || provider.encrypted_id_token.is_some() {
        text.push_str(&format!("    our public keys           {}\n", config.client_keys_url(provider.id.as_str())));
    }
    if provider.binds_by_dpop() {
        text.push_str("    its tokens are bound to   a key of each session's own (DPoP)\n");
    }
    if let Some(binding) = provider.certificate() {
        text.push_str(&format!("    our certificate           that of {binding}\n"));
    }
    if provider.sign_out.logout == Logout::Local {
        text.push_str("    sign-out                  here only, the provider's own session goes on\n");
    }
    if provider.sign_out.logout == Logout::Provider && !provider.sign_out.params.is_empty() {
        let params: Vec<String> =
            provider.sign_out.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        text.push_str(&format!("    sign-out also sends       {}\n", params.join(", ")));
    }
    text
}

/// What is got, and where.
fn service(config: &Config, service: &ServiceClient) -> String {
    let server = service.token_endpoint.as_deref().or(service.issuer.as_ref().map(Issuer::as_str)).unwrap_or_default();
    let mut text = format!("  {} ({server})\n    as        {}\n", service.id, service.client_id);
    let scopes = Some(service.scopes.join(" ")).filter(|scopes| !scopes.is_empty());
    let said =
        [("scopes", scopes.as_ref()), ("audience", service.audience.as_ref()), ("resource", service.resource.as_ref())];
    text.extend(said.into_iter().filter_map(|(name, value)| Some(format!("    {name:8}  {}\n", value?))));
    if let ClientAuth::PrivateKeyJwt(_) = &service.client_auth {
        text.push_str(&format!("    our keys  {}\n", config.client_keys_url(service.id.as_str())));
    }
    if let Some(binding) = service.client_auth.certificate() {
        text.push_str(&format!("    shows     the certificate of {binding}\n"));
    }
    text
}

/// How we prove who we are, where that is not the usual way.
fn assertion(how: &ClientAssertion) -> String {
    let audience = match &how.audience {
        AssertionAudience::Issuer if how.algorithm == Algorithm::Es256 => return String::new(),
        AssertionAudience::Issuer => "the issuer",
        AssertionAudience::Endpoint => "the endpoint that is asked",
        AssertionAudience::Fixed(audience) => audience,
    };
    format!("    our assertions            {} for {audience}\n", how.algorithm.name())
}

fn issuer(issuer: &TokenIssuer) -> String {
    let mut audience = issuer.audience.join(" or ");
    if issuer.audience_claim != "aud" {
        audience.push_str(&format!(" (in `{}`, and no `aud`)", issuer.audience_claim));
    }
    if !issuer.issuer.is_reachable() {
        audience.push_str("\n    its name  is no https URL: only compared, never asked");
    }
    let (id, name, asked, sender) = (&issuer.id, issuer.issuer.as_str(), asked(issuer), sender(issuer));
    format!("  {id} ({name})\n    audience  {audience}\n{asked}{sender}")
}

/// As whom and how often it is asked about its tokens.
fn asked(issuer: &TokenIssuer) -> String {
    let Some(how) = issuer.introspection() else { return String::new() };
    let often = if how.cache.get() == 0 { "every time".to_owned() } else { format!("every {}", spelled(how.cache)) };
    format!("    opaque    asked about as {}, {often}\n", how.client_id)
}

fn sender(issuer: &TokenIssuer) -> &'static str {
    match (issuer.sender, issuer.dpop_nonce) {
        (Constraint::Any, false) => "",
        (Constraint::Any, true) => {
            "    sender    whoever has the token; if it is bound to a key, with proof and nonce\n"
        }
        (Constraint::Dpop, false) => "    sender    proves the key of the token (DPoP)\n",
        (Constraint::Dpop, true) => "    sender    proves the key of the token (DPoP), with a nonce\n",
        (Constraint::Mtls, _) => "    sender    shows the certificate of the token (mTLS)\n",
    }
}

/// Every resource that takes tokens, once.
fn resources(config: &Config) -> Vec<&str> {
    let mut all: Vec<&str> = config.all_routes().filter_map(Route::resource).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn describe_resource(config: &Config, resource: &str) -> String {
    let url = config.public_url.join(resource);
    let known = config.issuers.iter().any(|issuer| issuer.audience.contains(&url));
    format!("  {url}{}\n", if known { "" } else { "  (no `audience` says so)" })
}

fn secrets(place: &Place<'_>, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let place = place.environment.map_or_else(String::new, |name| format!(" --env {name}"));
    let mut text = "\nSecrets to set, if not done yet\n".to_owned();
    for name in names {
        let hint = if name == KEY_RING { "  (make it with `postern keys new`)" } else { "" };
        text.push_str(&format!("  npx wrangler secret put {name}{place}{hint}\n"));
    }
    text
}
