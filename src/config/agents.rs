//! `AGENTS`: how long agents may act for people, and which agents there may be.

use serde_json::Value;

use super::problem::expected;
use super::table::Table;
use super::value::{duration, flag, found, list, parsed, scope};
use super::worded::{self, WordedScope};
use crate::api_key::KeyPrefix;
use crate::http::public_url::{absolute, is_loopback};
use crate::ids::ProviderId;
use crate::route::Router;
use crate::time::Seconds;

const SHORTEST_ACCESS: Seconds = Seconds::minutes(1);
const LONGEST_ACCESS: Seconds = Seconds::hours(1);
const ACCESS: Seconds = Seconds::minutes(10);
const SHORTEST_GRANT: Seconds = Seconds::minutes(1);
/// The longest that a grant can live.
pub const LONGEST_GRANT: Seconds = Seconds::hours(90 * 24);
const GRANT: Seconds = Seconds::hours(30 * 24);
const MAX_PATTERNS: usize = 64;
const MAX_ENTERPRISE_CLIENTS: usize = 64;
/// The longest client id.
pub const MAX_CLIENT_ID_BYTES: usize = 256;
const SHORTEST_UNSEEN: Seconds = Seconds::hours(24);
const SAME_HOST: &str = "same-host";
const CLIENT: &str = "the https URL of a client, or of all below it, such as `https://claude.ai/**`";
const CLIENT_ID: &str = "the https URL of a client's document";

/// `AGENTS`: the rules for programs that act for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRules {
    /// `access`: how long an access token is good. Default 10 m.
    pub access: Seconds,
    /// `grant`: how long a grant lives at most. Default 30 d.
    pub grant: Seconds,
    /// `with_session`: whether each grant ends with the session in which it was given.
    pub with_session: bool,
    /// `owner_seen_within`: a grant counts only while its person signed in, or allowed it, so lately. `None`: however long ago.
    pub owner_seen_within: Option<Seconds>,
    /// `clients`: which clients may ask. Default any.
    pub clients: AdmittedClients,
    /// `register`: whether clients may register themselves (RFC 7591).
    pub register: bool,
    /// `remember`: whether a person is asked only once for the same.
    pub remember: bool,
    /// `delegates`: the clients that may have part of what was granted to another one, by token exchange. Default none.
    pub delegates: AdmittedClients,
    /// `enterprise`: the providers that may vouch for people to clients, by id in alphabetical order.
    pub enterprise: Vec<EnterpriseRule>,
    /// `scopes`: what scopes are called where people read of them.
    pub scopes: Vec<WordedScope>,
    /// What the codes and tokens begin with: the prefix of the site's API keys.
    pub prefix: KeyPrefix,
}

/// Which clients may ask people for grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdmittedClients {
    /// Those with a client id that one of these matches; any, where there is none.
    patterns: Vec<ClientPattern>,
    /// Whether a client's redirect URIs have to be on the host of its id, or on the person's own machine.
    pub same_host: bool,
}

/// Client ids: one, or all that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ClientPattern {
    /// With a slash at the end where it stands for all below.
    text: String,
    below: bool,
}

/// What a provider may vouch for (ID-JAG).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnterpriseRule {
    /// The provider.
    pub provider: ProviderId,
    /// The clients to which it may, and for which scopes.
    pub clients: Vec<EnterpriseClient>,
}

/// A client to which a provider may vouch for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnterpriseClient {
    /// Its id.
    pub client: String,
    /// For which scopes.
    pub scopes: Vec<String>,
}

impl AgentRules {
    /// The rule of this provider, if it may vouch for people.
    #[must_use]
    pub fn enterprise_of(&self, provider: &str) -> Option<&EnterpriseRule> {
        self.enterprise.iter().find(|rule| rule.provider.as_str() == provider)
    }

    /// Whether a client of this id may have grants; `site`: our own origin, below which are those that registered.
    #[must_use]
    pub fn knows(&self, client: &str, site: &str) -> bool {
        let is_registered = || {
            let below = client.strip_prefix(site);
            self.register && below.is_some_and(|below| below.starts_with('/'))
        };
        self.clients.admit(client)
            || is_registered()
            || self.delegates.admit_named(client)
            || self.enterprise.iter().any(|rule| rule.scopes_of(client).is_some())
    }

    /// Where no table says otherwise.
    fn by_default(prefix: KeyPrefix) -> Self {
        Self {
            access: ACCESS,
            grant: GRANT,
            with_session: false,
            owner_seen_within: None,
            clients: AdmittedClients::default(),
            register: false,
            remember: false,
            delegates: AdmittedClients::default(),
            enterprise: Vec::new(),
            scopes: Vec::new(),
            prefix,
        }
    }
}

impl EnterpriseRule {
    /// For which scopes the provider may vouch to this client. `None`: for none.
    #[must_use]
    pub fn scopes_of(&self, client: &str) -> Option<&[String]> {
        self.clients.iter().find(|one| one.client == client).map(|one| one.scopes.as_slice())
    }
}

impl AdmittedClients {
    /// Whether a client of this id may ask, as far as its id goes. The id is known to have no dot segments.
    #[must_use]
    pub fn admit(&self, client: &str) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(client))
    }

    /// Whether a client of this id is named: nobody is where there are no names.
    #[must_use]
    pub fn admit_named(&self, client: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(client))
    }

    /// The patterns as written, for the summary.
    pub fn written(&self) -> impl Iterator<Item = String> {
        self.patterns.iter().map(|pattern| format!("{}{}", pattern.text, if pattern.below { "**" } else { "" }))
    }
}

impl ClientPattern {
    fn parse(pattern: &str, development: bool) -> Option<Self> {
        let (text, below) = pattern.strip_suffix("**").map_or((pattern, false), |text| (text, true));
        let is_whole = !below || text.ends_with('/');
        (is_whole && is_client_url(text, development)).then(|| Self { text: text.to_owned(), below })
    }

    fn matches(&self, client: &str) -> bool {
        if self.below { client.starts_with(&self.text) } else { client == self.text }
    }
}

/// An https URL as a parser writes it, without a user, a query and a fragment; http too, on a developer's machine.
fn is_client_url(text: &str, development: bool) -> bool {
    let Some(url) = absolute(text).filter(|_| text.len() <= MAX_CLIENT_ID_BYTES) else { return false };
    let is_safe = url.scheme() == "https" || (development && is_loopback(&url));
    is_safe && url.as_str() == text && url.query().is_none() && url.fragment().is_none() && !text.contains('*')
}

/// What surrounds the table.
pub(super) struct AgentSurroundings<'a> {
    /// The ids of all providers by which a subject names a person.
    pub(super) providers: &'a [ProviderId],
    /// Whether people can sign in at all.
    pub(super) sessions: bool,
    /// Whether it all runs on the developer's machine.
    pub(super) development: bool,
    /// What the site's API keys begin with.
    pub(super) prefix: Option<&'a KeyPrefix>,
}

/// Reads `AGENTS`. Without the table there are the defaults where a route takes agents, and else none.
pub(super) fn read(
    top: &mut Table<'_>,
    routes: Option<&Router>,
    surroundings: &AgentSurroundings<'_>,
) -> Option<AgentRules> {
    top.section("AGENTS", |table| rules(table, surroundings)).or_else(|| {
        let takes_agents = |router: &Router| router.routes().iter().any(|route| route.takes_agents());
        routes.is_some_and(takes_agents).then(|| by_default(surroundings))
    })
}

fn by_default(surroundings: &AgentSurroundings<'_>) -> AgentRules {
    AgentRules::by_default(surroundings.prefix.cloned().unwrap_or_default())
}

fn rules(mut table: Table<'_>, surroundings: &AgentSurroundings<'_>) -> AgentRules {
    let default = by_default(surroundings);
    if !surroundings.sessions {
        table.problem_here("is about programs that act for people, and without `PROVIDERS` nobody can sign in");
    }
    let development = surroundings.development;
    let rules = AgentRules {
        access: table.optional("access", duration(SHORTEST_ACCESS, LONGEST_ACCESS)).unwrap_or(default.access),
        grant: table.optional("grant", duration(SHORTEST_GRANT, LONGEST_GRANT)).unwrap_or(default.grant),
        with_session: table.optional("with_session", flag).unwrap_or(default.with_session),
        owner_seen_within: table.optional("owner_seen_within", duration(SHORTEST_UNSEEN, LONGEST_GRANT)),
        clients: table.optional("clients", |value| clients(value, development)).unwrap_or_default(),
        register: table.optional("register", flag).unwrap_or(default.register),
        remember: table.optional("remember", flag).unwrap_or(default.remember),
        delegates: table.optional("delegates", |value| delegates(value, development)).unwrap_or_default(),
        enterprise: table.table("enterprise").map(|table| enterprise(&table, surroundings)).unwrap_or_default(),
        scopes: table.table("scopes").map(|table| worded::read(&table)).unwrap_or_default(),
        prefix: default.prefix,
    };
    table.finish();
    rules
}

fn clients(value: &Value, development: bool) -> Result<AdmittedClients, String> {
    let one = |word: &str| match word {
        SAME_HOST => Some(None),
        pattern => ClientPattern::parse(pattern, development).map(Some),
    };
    let expected = format!("{CLIENT}, or `{SAME_HOST}`");
    if let Value::String(word) = value {
        return if word == SAME_HOST {
            Ok(AdmittedClients { same_host: true, ..AdmittedClients::default() })
        } else {
            Err(format!("expected `{SAME_HOST}`, or a list, found {}", found(value)))
        };
    }
    let all = list(&expected, one)(value)?;
    if all.is_empty() {
        return Err("expected at least one, or no `clients`: then any may ask".to_owned());
    }
    if all.len() > MAX_PATTERNS {
        return Err(format!("expected at most {MAX_PATTERNS}, found {}", all.len()));
    }
    Ok(AdmittedClients { same_host: all.contains(&None), patterns: all.into_iter().flatten().collect() })
}

/// Only clients that are named: none is by default.
fn delegates(value: &Value, development: bool) -> Result<AdmittedClients, String> {
    let all = list(CLIENT, |pattern| ClientPattern::parse(pattern, development))(value)?;
    if all.len() > MAX_PATTERNS {
        return Err(format!("expected at most {MAX_PATTERNS}, found {}", all.len()));
    }
    Ok(AdmittedClients { same_host: false, patterns: all })
}

fn enterprise(table: &Table<'_>, surroundings: &AgentSurroundings<'_>) -> Vec<EnterpriseRule> {
    let one = |(id, mut table): (&str, Table<'_>)| {
        let provider = surroundings.providers.iter().find(|known| known.as_str() == id).cloned();
        if provider.is_none() {
            table.problem_here("there is no entry of `PROVIDERS` of this id by which a subject names a person");
        }
        let clients = table.required("clients", "a table of clients and their scopes", |value| {
            enterprise_clients(value, surroundings.development)
        });
        table.finish();
        Some(EnterpriseRule { provider: provider?, clients: clients? })
    };
    table.tables().into_iter().filter_map(one).collect()
}

fn enterprise_clients(value: &Value, development: bool) -> Result<Vec<EnterpriseClient>, String> {
    let clients = value.as_object().ok_or_else(|| expected("a table", &found(value)))?;
    if clients.is_empty() || clients.len() > MAX_ENTERPRISE_CLIENTS {
        return Err(format!("expected 1 to {MAX_ENTERPRISE_CLIENTS} clients, found {}", clients.len()));
    }
    let is_client = |text: &str| is_client_url(text, development).then(|| text.to_owned());
    let one = |(client, scopes): (&String, &Value)| {
        let client = parsed(CLIENT_ID, is_client)(&Value::String(client.clone()))?;
        Ok(EnterpriseClient { client, scopes: list("a scope", scope)(scopes)? })
    };
    clients.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::tests::{parse, problems, small, with};
    use super::*;

    fn rules(table: Value) -> AgentRules {
        parse(&with(small(), &["AGENTS"], table)).unwrap().agents.unwrap()
    }

    #[test]
    fn without_the_table_there_are_rules_where_a_route_takes_agents() {
        assert_eq!(parse(&small()).unwrap().agents, None);
        let route = json!({ "/mcp": { "upstream": "https://a.example", "authenticate": ["agent"] } });
        let config = parse(&with(small(), &["ROUTES"], route)).unwrap();
        assert_eq!(config.agents, Some(AgentRules::by_default(KeyPrefix::default())));
        assert_eq!(config.routes.routes()[0].resource(), Some("/mcp"));
        assert_eq!(rules(json!({})), AgentRules::by_default(KeyPrefix::default()));
    }

    #[test]
    fn what_it_says_counts() {
        let named = rules(json!({ "delegates": ["https://helper.example/**"] }));
        let rules = rules(json!({
            "access": "5m", "grant": "1d", "with_session": true, "register": true, "remember": true,
            "clients": ["https://claude.ai/**", "https://vscode.dev/client.json", "same-host"],
            "enterprise": { "corp": { "clients": { "https://claude.ai/code.json": ["docs:read"] } } },
            "scopes": { "docs:read": "Read <your> documents" },
        }));
        assert_eq!((rules.access, rules.grant), (Seconds::minutes(5), Seconds::hours(24)));
        let words = |scope| WordedScope::find(&rules.scopes, scope);
        assert_eq!((words("docs:read"), words("docs")), (Some("Read <your> documents"), None));
        assert!(rules.with_session && rules.register && rules.remember && rules.clients.same_host);
        for (client, admitted) in [
            ("https://claude.ai/a/b.json", true),
            ("https://claude.ai/", true),
            ("https://vscode.dev/client.json", true),
            ("https://vscode.dev/client.json5", false),
            ("https://claude.ai.evil.example/a", false),
            ("http://claude.ai/a", false),
        ] {
            assert_eq!(rules.clients.admit(client), admitted, "{client}");
        }
        let corp = rules.enterprise_of("corp").unwrap();
        assert_eq!(corp.scopes_of("https://claude.ai/code.json"), Some(&["docs:read".to_owned()][..]));
        assert_eq!((corp.scopes_of("https://other.example/"), rules.enterprise_of("other")), (None, None));
        assert!(AdmittedClients::default().admit("https://any.example/"));
        assert!(!AdmittedClients::default().admit_named("https://any.example/"));
        assert!(named.delegates.admit_named("https://helper.example/a"));
        assert!(!named.delegates.admit_named("https://helper.example.evil/a"));
    }

    #[test]
    fn tokens_begin_as_keys_do() {
        let keys = with(small(), &["KEYS"], json!({ "prefix": "acme" }));
        let rules = parse(&with(keys, &["AGENTS"], json!({}))).unwrap().agents.unwrap();
        assert_eq!(rules.prefix.as_str(), "acme");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (table, place) in [
            (json!({ "access": "59s" }), "AGENTS.access: "),
            (json!({ "access": "61m" }), "AGENTS.access: "),
            (json!({ "grant": "91d" }), "AGENTS.grant: "),
            (json!({ "owner_seen_within": "23h" }), "AGENTS.owner_seen_within: "),
            (json!({ "owner_seen_within": "91d" }), "AGENTS.owner_seen_within: "),
            (json!({ "clients": [] }), "AGENTS.clients: "),
            (json!({ "clients": "any" }), "AGENTS.clients: "),
            (json!({ "clients": ["https://claude.ai**"] }), "AGENTS.clients: "),
            (json!({ "clients": ["https://*.claude.ai/**"] }), "AGENTS.clients: "),
            (json!({ "clients": ["https://claude.ai"] }), "AGENTS.clients: "),
            (json!({ "clients": ["https://claude.ai/a/../b"] }), "AGENTS.clients: "),
            (json!({ "clients": ["https://CLAUDE.ai/**"] }), "AGENTS.clients: "),
            (json!({ "clients": ["http://claude.ai/**"] }), "AGENTS.clients: "),
            (json!({ "clients": ["https://u@claude.ai/**"] }), "AGENTS.clients: "),
            (
                json!({ "enterprise": { "none": { "clients": { "https://a.example/": ["a"] } } } }),
                "AGENTS.enterprise.none",
            ),
            (json!({ "enterprise": { "corp": {} } }), "AGENTS.enterprise.corp.clients: "),
            (json!({ "enterprise": { "corp": { "clients": {} } } }), "AGENTS.enterprise.corp.clients: "),
            (
                json!({ "enterprise": { "corp": { "clients": { "claude": ["a"] } } } }),
                "AGENTS.enterprise.corp.clients: ",
            ),
            (json!({ "scope": ["a"] }), "AGENTS.scope: unknown key"),
            (json!({ "scopes": ["a"] }), "AGENTS.scopes: "),
            (json!({ "scopes": { "a b": "Read" } }), "AGENTS.scopes.\"a b\": "),
            (json!({ "scopes": { "a": "" } }), "AGENTS.scopes.a: "),
            (json!({ "scopes": { "a": 1 } }), "AGENTS.scopes.a: "),
            (json!({ "scopes": { "a": "x".repeat(121) } }), "AGENTS.scopes.a: "),
            (json!({ "scopes": { "a": "Read\nall" } }), "AGENTS.scopes.a: "),
            (json!({ "scopes": { "a": "Read\u{202e}all" } }), "AGENTS.scopes.a: "),
            (
                json!({ "scopes": (0..65).map(|n| (n.to_string(), json!("Read"))).collect::<Map<_, _>>() }),
                "AGENTS.scopes: ",
            ),
        ] {
            let lines = problems(&with(small(), &["AGENTS"], table.clone()));
            assert!(lines.iter().any(|line| line.starts_with(place)), "{table}: {lines:?}");
        }
    }
}
