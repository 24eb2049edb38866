//! A file of wrangler's → the variables of one environment, and what around them Postern cannot do without.

mod platform;

use serde_json::{Map, Value};

use postern::config::{Config, Problem, PublishedKeys, SAML_WORKER, WorkloadKeys};
use postern::limit::{Counter, Limit};
use postern::route::{Access, Route, Upstream};

use super::configuration::Configuration;
use super::source::{Source, Syntax};

/// What one variable may take up as JSON, in bytes.
const MAX_VARIABLE_BYTES: usize = 5 * 1024;
const CACHE: &str = "POSTERN_CACHE";
/// Only where a route asks the policies.
const POLICIES: &str = "POSTERN_POLICIES";
const OBJECTS: [(&str, &str); 3] =
    [("SUBJECTS", "SubjectObject"), ("ONCE", "OnceObject"), ("SID_INDEX", "SidIndexObject")];
/// Only where a limit is counted exactly.
const BUCKETS: (&str, &str) = ("BUCKETS", "BucketObject");
/// Only where there are relations.
const TUPLES: (&str, &str) = ("TUPLES", "TupleObject");
/// Only where decisions are kept.
const DECISIONS: (&str, &str) = ("DECISION_LOG", "DecisionObject");
/// Only where there is a block list.
const BLOCKS: (&str, &str) = ("BLOCKS", "BlockObject");
/// Only where there are API keys.
const API_KEYS: (&str, &str) = ("API_KEYS", "KeyObject");
/// Only where a route sends a token of our own.
const SERVICE_TOKENS: (&str, &str) = ("SERVICE_TOKENS", "ServiceTokenObject");
const ASSETS: &str = "ASSETS";

/// The classes of all objects.
fn classes() -> impl Iterator<Item = &'static str> {
    OBJECTS.into_iter().chain([BUCKETS, TUPLES, DECISIONS, BLOCKS, API_KEYS, SERVICE_TOKENS]).map(|(_, class)| class)
}

/// The settings of one environment.
pub(super) struct Wrangler {
    top: Map<String, Value>,
    environment: Option<(String, Map<String, Value>)>,
    syntax: Syntax,
    /// The variables of a configuration file.
    bundled: Option<Map<String, Value>>,
}

impl Wrangler {
    /// The settings of the file for one environment.
    ///
    /// # Errors
    /// When it has no such environment.
    pub(super) fn new(source: &Source, environment: Option<&str>) -> Result<Self, String> {
        let (top, syntax) = (source.values.clone(), source.syntax);
        let Some(name) = environment else { return Ok(Self { top, environment: None, syntax, bundled: None }) };
        let table = top.get("env").and_then(|all| all.get(name)).and_then(Value::as_object);
        let table = table.ok_or_else(|| format!("expected a table `env.{name}`, found nothing"))?;
        let environment = Some((name.to_owned(), table.clone()));
        Ok(Self { top, environment, syntax, bundled: None })
    }

    /// With a configuration file beside it, `vars` may be missing.
    pub(super) fn beside(mut self, file: Option<&Configuration>) -> Self {
        self.bundled = file.map(|file| file.vars().clone());
        self
    }

    /// `[vars]`. An environment has its own and inherits none.
    ///
    /// # Errors
    /// When there is no such table; with whatever should be in it and is elsewhere.
    pub(super) fn vars(&self) -> Result<Map<String, Value>, Vec<Problem>> {
        let missing = match self.own("vars") {
            Some(Value::Object(vars)) => return Ok(vars.clone()),
            Some(_) => self.problem("vars", "expected a table"),
            None if self.bundled.is_some() => return Ok(Map::new()),
            None => self.problem("vars", "expected the table of Postern's variables, found nothing"),
        };
        Err(std::iter::once(missing).chain(self.misplaced()).collect())
    }

    /// What is missing or open around the variables. The routes of the sites say which bindings are needed.
    pub(super) fn problems(&self, vars: &Map<String, Value>, sites: &[&Config]) -> Vec<Problem> {
        let mut problems = self.misplaced();
        problems.extend(self.platform_problems(sites));
        problems.extend(self.objects());
        problems.extend(self.namespaces(sites));
        if sites.iter().any(|site| site.decisions.is_some()) {
            problems.extend(self.missing_objects(&[DECISIONS]));
        }
        if sites.iter().any(|config| config.admin.as_ref().is_some_and(|admin| admin.blocks)) {
            problems.extend(self.missing_objects(&[BLOCKS]));
        }
        if sites.iter().any(|config| config.api_keys.is_some()) {
            problems.extend(self.missing_objects(&[API_KEYS]));
        }
        problems.extend(self.upstreams(sites));
        if sites.iter().any(|config| !config.relations.names(None).is_empty()) {
            problems.extend(self.missing_objects(&[TUPLES]));
        }
        if sites.iter().any(|site| site.uses_service_tokens()) {
            problems.extend(self.missing_objects(&[SERVICE_TOKENS]));
        }
        problems.extend(self.certificates(sites));
        problems.extend(too_large(vars));
        problems
    }

    /// What limits count by, and is not there.
    pub(super) fn limit_problems(&self, limits: &[(String, &Limit)]) -> Vec<Problem> {
        let (own, bindings): (Vec<_>, Vec<_>) = limits
            .iter()
            .filter(|(_, limit)| limit.counter != Counter::Isolate)
            .partition(|(_, limit)| limit.counter == Counter::Object);
        let objects = if own.is_empty() { Vec::new() } else { self.missing_objects(&[BUCKETS]) };
        let unbound = bindings.into_iter().filter_map(|(place, limit)| self.platform_limit_problem(place, limit));
        objects.into_iter().chain(unbound).collect()
    }

    /// The platform's limit says the same as ours: callers are told ours.
    fn platform_limit_problem(&self, place: &str, limit: &Limit) -> Option<Problem> {
        let Counter::Binding(name) = &limit.counter else { return None };
        let (requests, period) = (limit.allowance.requests(), limit.allowance.period().get());
        let tables = self.own("ratelimits").and_then(Value::as_array).into_iter().flatten();
        let same = |table: &Value| {
            let number = |key: &str| table.get("simple").and_then(|simple| simple.get(key)).and_then(Value::as_u64);
            table.get("name").is_some_and(|bound| bound == name)
                && (number("limit"), number("period")) == (Some(requests.into()), Some(period.into()))
        };
        let told = || {
            let (limit, period) = (requests.to_string(), period.to_string());
            let simple = [self.syntax.raw_entry("limit", &limit), self.syntax.raw_entry("period", &period)].join(", ");
            let message = format!(
                "expected `{}` with `{}`, `{place}` is counted there",
                self.syntax.entry("name", name),
                self.syntax.raw_entry("simple", &format!("{{ {simple} }}"))
            );
            self.problem("ratelimits", message)
        };
        if tables.into_iter().any(same) { None } else { Some(told()) }
    }

    /// What is allowed and still worth a second look.
    pub(super) fn warnings(&self, sites: &[&Config]) -> Vec<String> {
        let mut warnings = self.platform_warnings(sites);
        let timed = self.inherited("triggers").and_then(|triggers| triggers.get("crons")).and_then(Value::as_array);
        if timed.is_none_or(Vec::is_empty) {
            warnings.push(
                "`triggers.crons` is empty: without the timed refresh, people wait for their provider's documents"
                    .to_owned(),
            );
        }
        warnings
    }

    fn namespaces(&self, sites: &[&Config]) -> Vec<Problem> {
        let bound = self.names("kv_namespaces", "binding");
        let missing = |name: &str| !bound.contains(&name);
        let told = |message: String| self.problem("kv_namespaces", message);
        let cache = missing(CACHE)
            .then(|| told(format!("expected a namespace with `{}`", self.syntax.entry("binding", CACHE))));
        let asks = |route: &&Route| matches!(&route.access, Access::Guarded(guard) if guard.policy);
        let asking = sites.iter().flat_map(|config| config.routes.routes()).find(asks);
        let policies = asking.filter(|_| missing(POLICIES)).map(|route| {
            told(format!(
                "expected a namespace with `{}`, the route `{}` asks the policies",
                self.syntax.entry("binding", POLICIES),
                route.name
            ))
        });
        cache.into_iter().chain(policies).collect()
    }

    /// The certificates that authorization servers are shown, where they are not bound.
    fn certificates(&self, sites: &[&Config]) -> Vec<Problem> {
        let bound = self.names("mtls_certificates", "binding");
        let missing = sites.iter().flat_map(|site| site.certificates_shown()).filter(|name| !bound.contains(name));
        let told = |name: &str| {
            let entry = self.syntax.entry("binding", name);
            self.problem("mtls_certificates", format!("expected one with `{entry}`, a client proves itself by it"))
        };
        missing.map(told).collect()
    }

    fn objects(&self) -> Vec<Problem> {
        self.missing_objects(&OBJECTS)
    }

    fn missing_objects(&self, objects: &[(&str, &str)]) -> Vec<Problem> {
        let bindings = self.own("durable_objects").and_then(|table| table.get("bindings"));
        let bindings: Vec<&Value> = bindings.and_then(Value::as_array).into_iter().flatten().collect();
        let declared = |(name, class): &(&str, &str)| {
            bindings.iter().any(|binding| {
                binding.get("name").is_some_and(|value| value == name)
                    && binding.get("class_name").is_some_and(|value| value == class)
            })
        };
        let missing = objects.iter().filter(|object| !declared(object));
        missing
            .map(|(name, class)| {
                let binding = self.syntax.shown(&[("name", name), ("class_name", class)]);
                let message = format!("expected `{binding}` among them");
                self.problem("durable_objects.bindings", message)
            })
            .collect()
    }

    /// The Worker that reads SAML.
    fn saml_worker(&self, config: &Config, services: &[&str]) -> Option<Problem> {
        let provider = config.providers.iter().find(|provider| provider.saml.is_some())?;
        let (table, entry) = (config.site.binding("PROVIDERS"), self.syntax.entry("binding", SAML_WORKER));
        let message = format!("expected a service with `{entry}`, `{table}.{}` speaks SAML", provider.id);
        (!services.contains(&SAML_WORKER)).then(|| self.problem("services", message))
    }

    fn upstreams(&self, sites: &[&Config]) -> Vec<Problem> {
        let services = self.names("services", "binding");
        let routes = || sites.iter().flat_map(|config| config.routes.routes().iter().map(move |route| (config, route)));
        let mut problems = Vec::new();
        for (config, route) in routes() {
            if let Some(Upstream::Service(binding)) = &route.upstream
                && !services.contains(&binding.as_str())
            {
                let of_site = config.site.id().map_or_else(String::new, |id| format!(" of site {id}"));
                let message = format!(
                    "expected a service with `{}`, the route `{}`{of_site} leads there",
                    self.syntax.entry("binding", binding),
                    route.name
                );
                problems.push(self.problem("services", message));
            }
        }
        for (config, issuer) in sites.iter().flat_map(|config| config.workloads.iter().map(move |one| (config, one))) {
            if let WorkloadKeys::Published(PublishedKeys { via: Some(binding), .. }) = &issuer.keys
                && !services.contains(&binding.as_str())
            {
                let table = config.site.binding("ISSUERS");
                let entry = self.syntax.entry("binding", binding);
                let message =
                    format!("expected a service with `{entry}`, the keys of `{table}.{}` are there", issuer.id);
                problems.push(self.problem("services", message));
            }
        }
        problems.extend(sites.iter().filter_map(|config| self.saml_worker(config, &services)));
        if routes().any(|(_, route)| route.upstream == Some(Upstream::Assets)) {
            problems.extend(self.assets());
        }
        problems
    }

    fn assets(&self) -> Vec<Problem> {
        let assets = self.inherited("assets");
        let setting = |key: &str| assets.and_then(|table| table.get(key));
        let mut problems = Vec::new();
        if setting("binding").and_then(Value::as_str) != Some(ASSETS) {
            problems.push(self.problem("assets.binding", format!("expected `{ASSETS}`, a route leads to `assets`")));
        }
        if setting("run_worker_first") != Some(&Value::Bool(true)) {
            let message = "expected `true`: files would be served past every guard";
            problems.push(self.problem("assets.run_worker_first", message));
        }
        problems
    }

    /// The value of `key` in every table of the list at `section`.
    fn names(&self, section: &str, key: &str) -> Vec<&str> {
        let tables = self.own(section).and_then(Value::as_array).into_iter().flatten();
        tables.filter_map(|table| table.get(key)?.as_str()).collect()
    }

    /// The variables, of the file and of `vars`.
    fn variables(&self) -> impl Iterator<Item = (&String, &Value)> {
        let bound = self.own("vars").and_then(Value::as_object);
        bound.into_iter().chain(&self.bundled).flatten()
    }

    /// A setting that an environment must have itself.
    fn own(&self, key: &str) -> Option<&Value> {
        match &self.environment {
            Some((_, table)) => table.get(key),
            None => self.top.get(key),
        }
    }

    /// A setting that an environment takes from the top level unless it has its own.
    fn inherited(&self, key: &str) -> Option<&Value> {
        self.own(key).or_else(|| self.top.get(key))
    }

    fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        let path = match &self.environment {
            Some((name, _)) => format!("env.{name}.{key}"),
            None => key.to_owned(),
        };
        Problem { path, message: message.into() }
    }
}

fn too_large(vars: &Map<String, Value>) -> Vec<Problem> {
    let sizes = vars.iter().map(|(name, value)| (name, value.to_string().len()));
    sizes
        .filter(|(_, size)| *size > MAX_VARIABLE_BYTES)
        .map(|(name, size)| {
            let message =
                format!("expected at most {MAX_VARIABLE_BYTES} bytes as JSON, the platform's limit, found {size}: put it into a configuration file, which has no such limit");
            Problem { path: name.clone(), message }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_larger_than_the_platform_takes_is_a_problem() {
        let wrangler = Wrangler::new(&Source::parse(Syntax::Toml, "").unwrap(), None).unwrap();
        let told = |length: usize| {
            let vars = Map::from_iter([("ROUTES".to_owned(), Value::String("x".repeat(length)))]);
            wrangler.problems(&vars, &[]).iter().filter(|problem| problem.path == "ROUTES").count()
        };
        // The two quotes count too.
        assert_eq!((told(MAX_VARIABLE_BYTES - 2), told(MAX_VARIABLE_BYTES - 1)), (0, 1));
    }

    #[test]
    fn an_environment_inherits_switches_and_no_bindings() {
        let text = "workers_dev = false\npreview_urls = false\ncompatibility_date = \"2026-11-17\"\n\
            compatibility_flags = [\"global_fetch_strictly_public\"]\n\
            kv_namespaces = [{ binding = \"POSTERN_CACHE\" }]\n[env.a]\n";
        let paths = |environment| {
            let problems = Wrangler::new(&Source::parse(Syntax::Toml, text).unwrap(), environment)
                .unwrap()
                .problems(&Map::new(), &[]);
            problems.into_iter().map(|problem| problem.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(None), ["durable_objects.bindings"; 3]);
        let own = "env.a.durable_objects.bindings";
        assert_eq!(paths(Some("a")), [own, own, own, "env.a.kv_namespaces"]);
    }
}
