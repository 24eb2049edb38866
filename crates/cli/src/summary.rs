//! A checked configuration in a few lines for people: what to register where, and who gets through which door.

use postern::VERSION;
use postern::config::{
    AdminCredential, AdminService, AdminServices, Administrators, AgentRules, AssertionAudience, ClientAssertion,
    ClientAuth, Config, Constraint, DecisionRetention, DeviceMode, Inability, Issuer, KEY_RING, Logout, ObjectPlace,
    Provider, SHARING_PREFIX, SameSite, ServiceClient, TokenIssuer, spelled,
};
use postern::jose::Algorithm;
use postern::limit::{Counter, Limit, LimitKind};
use postern::mcp::{McpRules, ScopeRule};
use postern::route::{
    Access, BrowserCache, ClaimHeader, ClaimRule, ClaimTest, DeviceRequirement, Guard, HeaderEncoding, Operand, Paths,
    Permission, Requirements, Route, Token, Upstream, WEBSOCKET_BUFFER,
};

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
    if config.routes.routes().iter().any(Route::asserts) {
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
    if let Some(verify) = &config.verify {
        let host = verify.host.as_deref().unwrap_or(config.public_url.host());
        text.push_str(&format!("\nAnother proxy asks at {host}/auth/verify, with its secret in X-Postern-Secret\n"));
    }
    if config.monitor.is_some() {
        let url = config.public_url.join("/auth/health");
        text.push_str(&format!("\nA monitor asks at {url}, with its secret as a bearer token\n"));
    }
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
    text.push_str(&of(rules.register, "may register themselves"));
    text.push_str(&of(rules.remember, "who has consented is not asked again for the same"));
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
    let has_frames = config.providers.iter().any(|provider| provider.frontchannel_logout);
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
    let mut text = format!(
        "  {} ({})\n    redirect URI              {}\n",
        provider.id,
        provider.issuer.as_str(),
        config.callback_url(&provider.id)
    );
    if provider.oauth2.is_none() && provider.sign_out.logout == Logout::Provider {
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
    if provider.frontchannel_logout {
        text.push_str(&format!("    front-channel logout URI  {}\n", config.frontchannel_logout_url(&provider.id)));
    }
    if let Some(trusted) = &provider.trusted_audiences {
        let named = if trusted.is_empty() { "nobody".to_owned() } else { trusted.join(" and ") };
        text.push_str(&format!("    its tokens may also be for {named}\n"));
    }
    if let ClientAuth::PrivateKeyJwt(how) = &provider.client_auth {
        text.push_str(&assertion(how));
        text.push_str(&format!("    our public keys           {}\n", config.client_keys_url(provider.id.as_str())));
    }
    if let Some(binding) = provider.client_auth.certificate() {
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

/// Aligned columns: methods, path, upstream, who.
fn routes(routes: &[Route]) -> String {
    let rows: Vec<[String; 4]> = routes.iter().map(row).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let (methods_width, path_width, upstream_width) = (width(0), width(1), width(2));
    rows.iter()
        .map(|[methods, path, upstream, who]| {
            format!("  {methods:methods_width$}  {path:path_width$}  {upstream:upstream_width$}  {who}\n")
        })
        .collect()
}

fn row(route: &Route) -> [String; 4] {
    let mut who = match &route.access {
        Access::Public => "everyone".to_owned(),
        Access::Guarded(guard) => guarded(guard),
    };
    if let Some(cors) = &route.cors {
        let cookies = if cors.credentials { ", cookies included" } else { "" };
        who.push_str(&format!(", from pages of {} too{cookies}", cors.origins.join(" and ")));
    }
    if route.security_headers.is_some() {
        who.push_str(", adds security headers");
    }
    if let Some(prefix) = &route.strip_prefix {
        who.push_str(&format!(", takes {prefix} off the path"));
    }
    if route.paths == Paths::Exact {
        who.push_str(", paths exact");
    }
    if let Some(rules) = &route.mcp {
        who.push_str(&messages(rules));
    }
    if route.websocket_buffer != WEBSOCKET_BUFFER {
        who.push_str(&format!(", holds {} MiB in each direction of a WebSocket", route.websocket_buffer));
    }
    who.extend(headers_of_callers(route));
    for (kind, limit) in route.limits.all().filter(|_| !route.limits.shared) {
        who.push_str(&format!("; {}", counted(kind, limit)));
    }
    let upstream = route.upstream.as_ref().map_or_else(|| "none".to_owned(), Upstream::to_string);
    let methods: Vec<&str> = route.methods.iter().map(postern::http::Method::as_str).collect();
    [methods.join(" "), route.pattern.as_str().to_owned(), upstream, who]
}

/// What is let through of the messages of a protocol.
fn messages(rules: &McpRules) -> String {
    let mut text = ", by messages of MCP".to_owned();
    if rules.legacy {
        text.push_str(" and of its earlier revisions");
    }
    for ScopeRule { operation, scopes } in &rules.scopes {
        let needs = if scopes.is_empty() { "nothing more".to_owned() } else { scopes.join(" ") };
        text.push_str(&format!("; {} needs {needs}", operation.as_str()));
    }
    if !rules.scopes.is_empty() {
        text.push_str(if rules.filters_lists { "; lists have what they may use" } else { "; lists are whole" });
    }
    for operation in &rules.approve {
        let by = rules.approvers.as_ref().map_or_else(|| "the person".to_owned(), |roles| roles.join(" or "));
        text.push_str(&format!("; {} after approval by {by}", operation.as_str()));
    }
    text
}

/// What the route does with a caller's headers that others do not.
fn headers_of_callers(route: &Route) -> Vec<String> {
    let settings = &route.request_headers;
    let removed: Vec<String> = settings.remove.iter().map(ToString::to_string).collect();
    let kept: Vec<&str> = settings.keep.iter().map(postern::http::HeaderName::as_str).collect();
    let lists = [("removes", removed.join(" ")), ("keeps", kept.join(" "))];
    lists.into_iter().filter(|(_, names)| !names.is_empty()).map(|(word, names)| format!(", {word} {names}")).collect()
}

fn guarded(guard: &Guard) -> String {
    let requirements = &guard.requirements;
    let mut ways = Vec::new();
    if guard.takes_sessions() {
        ways.push(format!("signed in{}", one_of(" at ", &requirements.providers)));
    }
    if guard.takes_tokens() {
        ways.push(format!("with an access token{}", one_of(" of ", &requirements.issuers)));
    }
    if guard.takes_workloads() {
        ways.push(format!("as a program on a platform{}", one_of(" of ", &requirements.issuers)));
    }
    if guard.takes_keys() {
        ways.push("with an API key".to_owned());
    }
    if guard.takes_agents() {
        ways.push(format!("as an agent for somebody{}", one_of(" at ", &requirements.providers)));
    }
    if guard.takes_certificates() {
        ways.push(format!("with a client certificate{}", one_of(" of ", &requirements.certificates)));
    }
    let mut who = ways.join(" or ");
    who.extend(required(requirements));
    if guard.policy {
        who.push_str(", if the policies permit it");
    }
    if !guard.facts.is_empty() {
        let facts: Vec<String> = guard.facts.iter().map(ToString::to_string).collect();
        who.push_str(&format!(" (told of {})", facts.join(" ")));
    }
    match &guard.token {
        Token::None => {}
        Token::Relay => who.push_str(", gets the access token"),
        Token::Assertion => who.push_str(", gets an assertion"),
        Token::Txn => who.push_str(", gets a transaction token"),
        Token::Service(id) => who.push_str(&format!(", gets Postern's own token by SERVICES.{id}")),
    }
    if !guard.headers.is_empty() {
        let shown = |header: &ClaimHeader| match header.encoding {
            HeaderEncoding::Plain => header.name.to_string(),
            HeaderEncoding::Percent => format!("{} (percent-encoded)", header.name),
        };
        let names: Vec<String> = guard.headers.iter().map(shown).collect();
        who.push_str(&format!(", tells {}", names.join(" ")));
    }
    if !guard.touch {
        who.push_str(", extends no session");
    }
    if let Some(staleness) = guard.revocation {
        who.push_str(&format!(", may notice the end of a session {} late", spelled(staleness)));
    }
    if let BrowserCache::Unchecked(longest) = guard.cache {
        who.push_str(&format!(", stays in browsers for {} without a look at the session", spelled(longest)));
    }
    who
}

/// What is required beyond being from somewhere, each with a comma before it.
fn required(requirements: &Requirements) -> Vec<String> {
    let kinds: Vec<&str> = requirements.kinds.iter().map(|kind| kind.as_str()).collect();
    let permissions: Vec<String> = requirements.permissions.iter().map(permission).collect();
    let claims: Vec<String> = requirements.claims.iter().map(claim).collect();
    let relations: Vec<String> = requirements.relations.iter().map(ToString::to_string).collect();
    let lists = [
        (", ", kinds.join(" or "), " only"),
        (", ", if requirements.in_person { "in person" } else { "" }.to_owned(), ""),
        (", tenant ", requirements.tenant.as_ref().map(operand).unwrap_or_default(), ""),
        (", role ", requirements.roles.join(" or "), ""),
        (", may ", permissions.join(" and "), ""),
        (", scopes ", requirements.scopes.join(" "), ""),
        (", scope ", requirements.any_scope.join(" or "), ""),
        (", claim ", claims.join(" and "), ""),
        (", is ", relations.join(" and "), ""),
        (", e-mail at ", requirements.email_domain.join(" or "), ""),
        (", acr ", requirements.acr.join(" or "), ""),
        (", amr ", requirements.amr.join(" and "), ""),
        (", signed in at most ", requirements.max_age.map(spelled).unwrap_or_default(), " ago"),
        (", second factor proven at most ", requirements.second.map(spelled).unwrap_or_default(), " ago"),
        (", device ", requirements.device.map(device).unwrap_or_default(), ""),
    ];
    let named = lists.into_iter().filter(|(_, names, _)| !names.is_empty());
    named.map(|(before, names, after)| format!("{before}{names}{after}")).collect()
}

fn device(required: DeviceRequirement) -> String {
    match required {
        DeviceRequirement::Bound => "bound".to_owned(),
        DeviceRequirement::Now => "proven now".to_owned(),
    }
}

/// With the roles that grant it: what the table of roles comes to.
fn permission(permission: &Permission) -> String {
    let roles = one_of(" as ", &permission.roles);
    format!("{}{roles}", permission.name)
}

fn claim(rule: &ClaimRule) -> String {
    let (word, other) = match &rule.test {
        ClaimTest::Equals(other) => ("=", other),
        ClaimTest::Contains(other) => ("has", other),
    };
    format!("{} {word} {}", rule.path.as_str(), operand(other))
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Value(value) => value.to_string(),
        Operand::Parameter(name) => format!("{{{name}}}"),
    }
}

/// `prefix` and the names, if there are any.
fn one_of<T: std::fmt::Display>(prefix: &str, names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(T::to_string).collect();
    if names.is_empty() { String::new() } else { format!("{prefix}{}", names.join(" or ")) }
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
