//! What of wrangler's settings the Worker relies on beside its bindings: the addresses that lead to it, the classes of its
//! objects, and how the platform runs it.

use postern::config::{Config, Constraint, Names, Problem, TokenIssuer};
use serde_json::{Map, Value};

use super::Wrangler;

/// The day whose platform the Worker is tested on.
const COMPATIBILITY_DATE: &str = "2026-11-17";
/// The oldest one, for tools that bring an older runtime such as the plugin for Vite. It needs a flag: without it, an upstream
/// is not told that the browser went away.
const OLDEST_DATE: &str = "2026-10-12";
const REQUEST_SIGNAL: &str = "enable_request_signal";
const STRICTLY_PUBLIC: &str = "global_fetch_strictly_public";
const WORKERS_DEV: &str = ".workers.dev";

impl Wrangler {
    /// What the platform would do otherwise than the Worker expects.
    pub(super) fn platform_problems(&self, sites: &[&Config]) -> Vec<Problem> {
        let mut problems = self.side_doors();
        problems.extend(self.compatibility());
        problems.extend(self.classes());
        problems.extend(self.unreached(sites));
        problems.extend(self.without_certificates(sites));
        problems
    }

    /// Variables of Postern's that are not below `vars`, where nothing reads them: a rule among them would not be there.
    pub(super) fn misplaced(&self) -> Vec<Problem> {
        let names = Names::of(self.variables().find(|(name, _)| *name == Names::SITES).map(|(_, sites)| sites));
        let told = |prefix: &str, place: &str, table: &Map<String, Value>| -> Vec<Problem> {
            let stray = table.keys().filter(|key| names.is_variable(key) || *key == "SITES");
            let told = |key: &String| Problem {
                path: format!("{prefix}{key}"),
                message: format!("expected below `{place}`, as `{place}.{key}`: here nothing reads it"),
            };
            stray.map(told).collect()
        };
        let mut problems = told("", "vars", &self.top);
        if let Some((name, table)) = &self.environment {
            problems.extend(told(&format!("env.{name}."), &format!("env.{name}.vars"), table));
        }
        problems
    }

    /// Other addresses of the same code, without the zone's protection.
    fn side_doors(&self) -> Vec<Problem> {
        let told =
            |key: &str, why: String| (self.inherited(key) != Some(&Value::Bool(false))).then(|| self.problem(key, why));
        let door = || "expected `false`: it would be a door past the one at `PUBLIC_URL`".to_owned();
        let workers_dev = if self.public_hosts().any(|host| self.is_at_workers_dev(host)) {
            (self.inherited("workers_dev") != Some(&Value::Bool(true)))
                .then(|| self.problem("workers_dev", "expected `true`: `PUBLIC_URL` is the address at workers.dev"))
        } else {
            let named = self.name().map_or_else(String::new, |name| {
                let own = self.public_hosts().any(|host| host.ends_with(WORKERS_DEV));
                if own { format!(", which is not `https://{name}.SUBDOMAIN{WORKERS_DEV}`") } else { String::new() }
            });
            told("workers_dev", door() + &named)
        };
        workers_dev.into_iter().chain(told("preview_urls", door())).collect()
    }

    /// The host of each `PUBLIC_URL` with `https`, whatever else is wrong.
    fn public_hosts(&self) -> impl Iterator<Item = &str> {
        let urls =
            self.variables().filter(|(name, _)| name.ends_with("PUBLIC_URL")).filter_map(|(_, url)| url.as_str());
        urls.filter_map(|url| Some(url.strip_prefix("https://")?.trim_end_matches('/')))
    }

    /// Whether the host is the one that this Worker has at workers.dev. As a public URL's it is no side door: it is the
    /// one host that is answered.
    fn is_at_workers_dev(&self, host: &str) -> bool {
        let labels = host.strip_suffix(WORKERS_DEV).and_then(|rest| rest.split_once('.'));
        let is_ours = |(name, subdomain): (&str, &str)| {
            self.name().is_some_and(|own| own == name) && !subdomain.is_empty() && !subdomain.contains('.')
        };
        labels.is_some_and(is_ours)
    }

    /// The name by which this environment is deployed.
    fn name(&self) -> Option<String> {
        let of = |table: &Map<String, Value>| table.get("name").and_then(Value::as_str).map(str::to_owned);
        let Some((environment, table)) = &self.environment else { return of(&self.top) };
        of(table).or_else(|| Some(format!("{}-{environment}", of(&self.top)?)))
    }

    fn compatibility(&self) -> Vec<Problem> {
        let date = self.inherited("compatibility_date").and_then(Value::as_str);
        let flags = self.inherited("compatibility_flags").and_then(Value::as_array);
        let has = |name: &str| flags.is_some_and(|flags| flags.iter().any(|flag| flag == name));
        let oldest = if has(REQUEST_SIGNAL) { OLDEST_DATE } else { COMPATIBILITY_DATE };
        let is_strict = has(STRICTLY_PUBLIC);
        let date = date.is_none_or(|date| date < oldest).then(|| {
            let found = date.map_or_else(|| "nothing".to_owned(), |date| format!("`{date}`"));
            let expected = format!(
                "expected `{COMPATIBILITY_DATE}` or later, the platform that the Worker is tested on, or `{OLDEST_DATE}` or later \
                 with the compatibility flag `{REQUEST_SIGNAL}`"
            );
            self.problem("compatibility_date", format!("{expected}; found {found}"))
        });
        let flags = (!is_strict).then(|| {
            let why = "without it, a request to a host of your own zone goes past that host's guards";
            self.problem("compatibility_flags", format!("expected `{STRICTLY_PUBLIC}` among them: {why}"))
        });
        date.into_iter().chain(flags).collect()
    }

    /// A class that is bound and has no storage: `exports` declares it, or `migrations` does.
    fn classes(&self) -> Vec<Problem> {
        let bindings = self.own("durable_objects").and_then(|table| table.get("bindings")).and_then(Value::as_array);
        let own = bindings.into_iter().flatten().filter(|binding| binding.get("script_name").is_none());
        let bound: Vec<&str> = own.filter_map(|binding| binding.get("class_name")?.as_str()).collect();
        let known = super::classes().filter(|class| bound.contains(class));
        let storage = self.syntax.shown(&[("type", "durable-object"), ("storage", "sqlite")]);
        let told = |class: &str| {
            self.problem(
                &format!("exports.{class}"),
                format!("expected `{storage}`: without it the class has no storage"),
            )
        };
        known.filter(|class| !self.is_exported(class) && !self.is_migrated(class)).map(told).collect()
    }

    fn is_exported(&self, class: &str) -> bool {
        let export = self.inherited("exports").and_then(|exports| exports.get(class));
        let is = |key: &str, value: &str| export.and_then(|export| export.get(key)).is_some_and(|found| found == value);
        is("type", "durable-object") && is("storage", "sqlite")
    }

    fn is_migrated(&self, class: &str) -> bool {
        let steps = self.inherited("migrations").and_then(Value::as_array).into_iter().flatten();
        let created = steps.filter_map(|step| step.get("new_sqlite_classes")?.as_array()).flatten();
        created.into_iter().any(|name| name == class)
    }

    /// A host that is a site's, and that none of the Worker's routes is for. Without any, they are set elsewhere.
    fn unreached(&self, sites: &[&Config]) -> Vec<Problem> {
        let routed = self.routed();
        if routed.is_empty() {
            return Vec::new();
        }
        let hosts = sites.iter().filter(|site| !site.public_url.is_loopback_development());
        let is_reached =
            |host: &str| self.is_at_workers_dev(host) || routed.iter().any(|pattern| covers(pattern, host));
        let missing = hosts.flat_map(|site| own_hosts(site)).filter(|(host, _)| !is_reached(host));
        let told = |(host, setting): (&str, String)| {
            let found = routed.iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>().join(", ");
            self.problem("routes", format!("expected one for `{host}` (`{setting}`), found {found}"))
        };
        missing.map(told).collect()
    }

    /// Issuers whose tokens are bound to certificates, of sites at workers.dev, where the platform asks for none.
    fn without_certificates(&self, sites: &[&Config]) -> Vec<Problem> {
        let at_workers_dev = sites.iter().filter(|site| self.is_at_workers_dev(site.public_url.host()));
        let bound = at_workers_dev.flat_map(|site| site.issuers.iter().map(move |issuer| (site, issuer)));
        let told = |(site, issuer): (&&Config, &TokenIssuer)| Problem {
            path: site.site.binding(&format!("ISSUERS.{}.sender", issuer.id)),
            message: "expected `dpop` or `any`: client certificates are shown to a zone, not at workers.dev".to_owned(),
        };
        bound.filter(|(_, issuer)| issuer.sender == Constraint::Mtls).map(told).collect()
    }

    /// The hosts that lead to the Worker, as patterns.
    fn routed(&self) -> Vec<&str> {
        let table = [self.own("route"), self.own("routes")].into_iter().flatten().collect::<Vec<_>>();
        let inherited = [self.top.get("route"), self.top.get("routes")].into_iter().flatten().collect();
        let settings: Vec<&Value> = if table.is_empty() { inherited } else { table };
        let all = settings
            .into_iter()
            .flat_map(|setting| setting.as_array().map_or(std::slice::from_ref(setting), Vec::as_slice));
        let patterns = all.filter_map(|route| route.as_str().or_else(|| route.get("pattern")?.as_str()));
        patterns.map(host_of).collect()
    }

    /// What is allowed around the sites and still worth a second look.
    pub(super) fn platform_warnings(&self, sites: &[&Config]) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.public_hosts().any(|host| self.is_at_workers_dev(host)) {
            let text = "`PUBLIC_URL` is at workers.dev: good for a trial; there are no rules of a zone, such as a firewall's, before it";
            warnings.push(text.to_owned());
        }
        let is_known = |pattern: &&str| {
            pattern.contains('*') || sites.iter().any(|site| own_hosts(site).any(|(host, _)| host == *pattern))
        };
        warnings.extend(self.routed().iter().filter(|pattern| !sites.is_empty() && !is_known(pattern)).map(|host| {
            format!("`routes` leads `{host}` here, which is no host of `PUBLIC_URL`: every request there is refused with 421")
        }));
        if self.logs_addresses()
            && self.inherited("observability").and_then(|table| table.get("redact_query_string"))
                != Some(&Value::Bool(true))
        {
            let text = "`observability.redact_query_string` is not `true`: authorization codes in URLs would be logged";
            warnings.push(text.to_owned());
        }
        warnings
    }

    /// Whether the platform keeps the addresses of requests, in logs or traces. Parts that are on without the whole do too.
    fn logs_addresses(&self) -> bool {
        let observability = self.inherited("observability");
        let part = |name: &str| observability.and_then(|table| table.get(name));
        let is_on = |table: Option<&Value>| table.and_then(|table| table.get("enabled")).and_then(Value::as_bool);
        let whole = is_on(observability) == Some(true);
        let logs = is_on(part("logs")).unwrap_or(whole);
        let invocations = part("logs").and_then(|logs| logs.get("invocation_logs")) != Some(&Value::Bool(false));
        (logs && invocations) || is_on(part("traces")) == Some(true)
    }
}

/// The hosts that a site answers at, with the setting of each.
fn own_hosts(site: &Config) -> impl Iterator<Item = (&str, String)> {
    let verify = site.verify.as_ref().and_then(|verify| verify.host.as_deref());
    let verify = verify.map(|host| (host, site.site.binding("VERIFY") + ".host"));
    let host = site.public_url.host();
    // Routes are for every port.
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    std::iter::once((host, site.site.binding("PUBLIC_URL"))).chain(verify)
}

/// The host of a pattern such as `https://*.example.com/*`.
fn host_of(pattern: &str) -> &str {
    let pattern = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    pattern.split('/').next().unwrap_or(pattern)
}

/// A `*` in front stands for anything.
fn covers(pattern: &str, host: &str) -> bool {
    pattern.strip_prefix('*').map_or(pattern == host, |end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::super::super::source::{Source, Syntax};
    use super::*;

    /// The paths of what is wrong with the addresses and the platform, of an environment of a file.
    fn wrong(text: &str, environment: Option<&str>) -> Vec<String> {
        let wrangler = Wrangler::new(&Source::parse(Syntax::Toml, text).unwrap(), environment).unwrap();
        wrangler.platform_problems(&[]).into_iter().map(|problem| problem.path).collect()
    }

    fn platform(text: &str) -> String {
        format!("compatibility_date = \"2026-12-01\"\ncompatibility_flags = [\"global_fetch_strictly_public\"]\n{text}")
    }

    #[test]
    fn an_older_runtime_needs_the_flag_that_tells_it_of_browsers_that_went_away() {
        let with = |date: &str, more: &str| {
            let text = format!(
                "compatibility_date = \"{date}\"\ncompatibility_flags = [\"global_fetch_strictly_public\"{more}]\nworkers_dev = false\npreview_urls = false\n"
            );
            wrong(&text, None)
        };
        let flag = ", \"enable_request_signal\"";
        for (date, more) in [("2026-11-17", ""), ("2026-12-01", ""), ("2026-10-12", flag), ("2026-11-16", flag)] {
            assert!(with(date, more).is_empty(), "{date}{more}");
        }
        for (date, more) in [("2026-11-16", ""), ("2026-10-12", ", \"disable_request_signal\""), ("2026-10-11", flag)] {
            assert_eq!(with(date, more), ["compatibility_date"], "{date}{more}");
        }
    }

    #[test]
    fn workers_dev_is_open_exactly_where_it_is_the_public_url() {
        let with = |name: &str, workers_dev: &str, url: &str| {
            let text = format!(
                "name = \"{name}\"\nworkers_dev = {workers_dev}\npreview_urls = false\n[vars]\nPUBLIC_URL = \"{url}\"\n"
            );
            wrong(&platform(&text), None)
        };
        assert!(with("front", "true", "https://front.example.workers.dev").is_empty());
        assert!(with("front", "true", "https://front.example.workers.dev/").is_empty());
        assert!(with("front", "false", "https://app.example.com").is_empty());
        // Closed, nothing would answer.
        assert_eq!(with("front", "false", "https://front.example.workers.dev"), ["workers_dev"]);
        for url in [
            "https://app.example.com",
            "http://front.example.workers.dev",
            "https://other.example.workers.dev",
            "https://front.workers.dev",
            "https://front..workers.dev",
            "https://a.front.example.workers.dev",
            "https://front.example.more.workers.dev",
            "https://front.example.workers.dev.example.com",
            "https://front.example.workers.dev:8443",
            "https://front.example.workers.dev@evil.example",
            "https://front.exampleworkers.dev",
        ] {
            assert_eq!(with("front", "true", url), ["workers_dev"], "{url}");
        }
    }

    #[test]
    fn previews_are_a_door_past_the_public_url_wherever_that_is() {
        for previews in ["preview_urls = true\n", ""] {
            let text = format!(
                "name = \"front\"\nworkers_dev = true\n{previews}[vars]\nPUBLIC_URL = \"https://front.example.workers.dev\"\n"
            );
            assert_eq!(wrong(&platform(&text), None), ["preview_urls"], "{previews}");
        }
    }

    #[test]
    fn tokens_that_are_bound_to_certificates_need_a_zone() {
        let of = |host: &str, sender: &str| {
            let text = platform(&format!(
                "name = \"front\"\nworkers_dev = {}\npreview_urls = false\n[vars]\nPUBLIC_URL = \"https://{host}\"\n\
                 ISSUERS.machines = {{ issuer = \"https://as.example.com\", audience = \"a\", sender = \"{sender}\" }}\n\
                 ROUTES.\"/\" = {{ upstream = \"https://api.example.com\", authenticate = [\"bearer\"] }}\n",
                host.ends_with(WORKERS_DEV)
            ));
            let wrangler = Wrangler::new(&Source::parse(Syntax::Toml, &text).unwrap(), None).unwrap();
            let vars = wrangler.vars().unwrap();
            let config = Config::parse(&vars, &|name| Some(crate::stand_in::value(name, &vars))).unwrap();
            wrangler.platform_problems(&[&config]).into_iter().map(|problem| problem.path).collect::<Vec<_>>()
        };
        assert_eq!(of("front.example.workers.dev", "mtls"), ["ISSUERS.machines.sender"]);
        assert!(of("front.example.workers.dev", "dpop").is_empty());
        assert!(of("app.example.com", "mtls").is_empty());
    }

    #[test]
    fn an_environment_has_a_name_of_its_own_at_workers_dev() {
        let text = |own: &str, host: &str| {
            platform(&format!(
                "name = \"front\"\nworkers_dev = true\npreview_urls = false\n[env.a]\n{own}\n[env.a.vars]\nPUBLIC_URL = \"https://{host}\"\n"
            ))
        };
        assert!(wrong(&text("", "front-a.example.workers.dev"), Some("a")).is_empty());
        assert!(wrong(&text("name = \"own\"", "own.example.workers.dev"), Some("a")).is_empty());
        for (own, host) in [("", "front.example.workers.dev"), ("name = \"own\"", "front-a.example.workers.dev")] {
            assert_eq!(wrong(&text(own, host), Some("a")), ["env.a.workers_dev"], "{own} {host}");
        }
    }

    #[test]
    fn a_bound_class_has_storage_by_exports_or_by_migrations() {
        let with = |more: &str| {
            let text = format!(
                "workers_dev = false\npreview_urls = false\n{more}\n[[durable_objects.bindings]]\nname = \"ONCE\"\nclass_name = \"OnceObject\"\n"
            );
            wrong(&platform(&text), None)
        };
        let export = |kind: &str, storage: &str| {
            with(&format!("exports.OnceObject = {{ type = \"{kind}\", storage = \"{storage}\" }}"))
        };
        assert!(export("durable-object", "sqlite").is_empty());
        assert!(with("migrations = [{ tag = \"v1\", new_sqlite_classes = [\"OnceObject\"] }]").is_empty());
        for bad in [
            export("durable-object", "legacy-kv"),
            export("worker", "sqlite"),
            with("migrations = [{ tag = \"v1\", new_classes = [\"OnceObject\"] }]"),
            with(""),
        ] {
            assert_eq!(bad, ["exports.OnceObject"]);
        }
        // Another Worker has it.
        let text = "workers_dev = false\npreview_urls = false\n[[durable_objects.bindings]]\nname = \"ONCE\"\n\
            class_name = \"OnceObject\"\nscript_name = \"other\"\n";
        assert!(wrong(&platform(text), None).is_empty());
    }

    #[test]
    fn a_variable_outside_vars_is_found_in_each_environment() {
        let text = "ROUTES = {}\nname = \"a\"\n[vars]\nSITES = [\"shop\"]\n[env.a]\nSHOP_ROUTES = {}\nROUTES = {}\n[env.a.vars]\nSITES = [\"shop\"]\n";
        let wrangler = |environment| Wrangler::new(&Source::parse(Syntax::Toml, text).unwrap(), environment).unwrap();
        let stray = |environment| wrangler(environment).misplaced().into_iter().map(|one| one.path).collect::<Vec<_>>();
        assert_eq!(stray(None), Vec::<String>::new(), "with sites, `ROUTES` is the variable of none");
        assert_eq!(stray(Some("a")), ["env.a.SHOP_ROUTES"]);
    }

    #[test]
    fn a_pattern_covers_what_the_platform_sends_by_it() {
        for (pattern, host, covered) in [
            ("app.example.com", "app.example.com", true),
            ("https://app.example.com/*", "app.example.com", true),
            ("*.example.com/*", "app.example.com", true),
            ("*.example.com/*", "example.com", false),
            ("*example.com/*", "example.com", true),
            ("app.example.com/api/*", "app.example.com", true),
            ("example.com/*", "app.example.com", false),
        ] {
            assert_eq!(covers(host_of(pattern), host), covered, "{pattern} {host}");
        }
    }

    #[test]
    fn addresses_are_logged_by_any_part_that_is_on() {
        let logs = |text: &str| {
            let wrangler = Wrangler::new(&Source::parse(Syntax::Toml, text).unwrap(), None).unwrap();
            wrangler.logs_addresses()
        };
        for on in [
            "observability.enabled = true",
            "observability.logs.enabled = true",
            "observability = { logs = { enabled = true, destinations = [\"a\"] } }",
            "observability.traces.enabled = true",
            "observability = { enabled = true, logs = { invocation_logs = false }, traces = { enabled = true } }",
        ] {
            assert!(logs(on), "{on}");
        }
        for off in [
            "",
            "observability.enabled = false",
            "observability = { enabled = true, logs = { enabled = false } }",
            "observability.logs = { enabled = true, invocation_logs = false }",
        ] {
            assert!(!logs(off), "{off}");
        }
    }
}
