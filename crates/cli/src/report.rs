//! What `postern check` finds, for people and, with `--json`, for programs.

use postern::config::{Config, Deployment, Problem};
use postern::ids::site::{Site, SiteId};
use postern::route::{Access, Route, Upstream};
use serde_json::{Map, Value, json};

use super::configuration::Configuration;
use super::source::Source;

/// The version of the form that programs read. A new member does not change it.
const FORM: u8 = 1;

/// The configuration that is reported on.
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    pub(super) environment: Option<&'a str>,
    /// What it says, if it can be read at all.
    pub(super) source: Option<&'a Source>,
    /// The configuration file, if there is one.
    pub(super) beside: Option<&'a Configuration>,
}

/// What is allowed and still worth a second look.
pub(super) struct Warning {
    pub(super) site: Site,
    /// Begins with the setting that it is about, in backticks, where it is about one.
    pub(super) text: String,
}

/// All that is wrong: of a deployment that is one site in one list, of several sites each in its own.
pub(super) struct Problems<'a> {
    common: Vec<Problem>,
    sites: Vec<(&'a SiteId, Vec<Problem>)>,
}

impl<'a> Problems<'a> {
    /// Those of the deployment, and those of what is around it.
    pub(super) fn of(deployment: &'a Deployment, around: Vec<Problem>) -> Self {
        let of = |config: &Result<Config, Vec<Problem>>| config.as_ref().err().cloned().unwrap_or_default();
        let (sole, named): (Vec<_>, Vec<_>) = deployment.sites.iter().partition(|one| one.site.is_sole());
        let own = sole.into_iter().flat_map(|one| of(&one.config));
        let common = own.chain(deployment.problems.iter().cloned()).chain(around).collect();
        let sites = named.into_iter().filter_map(|one| Some((one.site.id()?, of(&one.config)))).collect();
        Self { common, sites }
    }

    /// Those of no site in particular.
    pub(super) fn common(common: Vec<Problem>) -> Self {
        Self { common, sites: Vec::new() }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.common.is_empty() && self.sites.iter().all(|(_, problems)| problems.is_empty())
    }

    /// As a list for people.
    pub(super) fn text(&self, place: &Place<'_>) -> String {
        let count = self.common.len() + self.sites.iter().map(|(_, problems)| problems.len()).sum::<usize>();
        let noun = if count == 1 { "problem" } else { "problems" };
        let mut text = format!("{}: {count} {noun}\n", place.files());
        if !self.common.is_empty() {
            text.push_str(&format!("\n{}", list(&self.common)));
        }
        for (id, problems) in &self.sites {
            let none = if problems.is_empty() { ": no problems" } else { "" };
            text.push_str(&format!("\nSite {id}{none}\n{}", list(problems)));
        }
        text
    }

    fn data(&self, place: &Place<'_>) -> Vec<Value> {
        let common = self.common.iter().map(|problem| (None, problem));
        let own = self.sites.iter().flat_map(|(id, problems)| problems.iter().map(move |problem| (Some(*id), problem)));
        let all = common.chain(own);
        all.map(|(site, problem)| place.finding("error", site, Some(&problem.path), &problem.message)).collect()
    }
}

impl Place<'_> {
    /// All of a check. `good`: of a configuration without problems, what there is to do.
    pub(super) fn data(&self, problems: &Problems<'_>, warnings: &[Warning], good: Option<Good<'_>>) -> Value {
        let warnings: Vec<Value> = warnings.iter().map(|warning| self.warning(warning)).collect();
        let mut all = json!({
            "form": FORM,
            "ok": problems.is_empty(),
            "file": self.file,
            "environment": self.environment,
            "problems": problems.data(self),
            "warnings": warnings,
        });
        if let (Some(good), Some(members)) = (good, all.as_object_mut()) {
            members.extend(good.data());
        }
        all
    }

    fn warning(&self, warning: &Warning) -> Value {
        let path = warning.path();
        self.finding("warning", warning.site.id(), path.as_deref(), &warning.text)
    }

    fn finding(&self, level: &str, site: Option<&SiteId>, path: Option<&str>, message: &str) -> Value {
        let path = path.filter(|path| !path.is_empty());
        let (file, line) = path.map_or((self.file, None), |path| self.file_and_line(path));
        let site = site.map(ToString::to_string);
        json!({ "level": level, "file": file, "line": line, "site": site, "path": path, "message": message })
    }

    /// All that was read, for people.
    pub(super) fn files(&self) -> String {
        self.beside.map_or_else(|| self.file.to_owned(), |beside| format!("{} with {}", self.file, beside.name))
    }

    fn file_and_line(&self, path: &str) -> (&str, Option<usize>) {
        let beside = self.beside.and_then(|beside| Some((beside.name.as_str(), beside.source.line(path)?)));
        beside.map_or_else(|| (self.file, self.line(path)), |(file, line)| (file, Some(line)))
    }

    /// Problems name variables as they stand below `vars`.
    fn line(&self, path: &str) -> Option<usize> {
        let source = self.source?;
        let vars = self.environment.map_or_else(|| "vars".to_owned(), |name| format!("env.{name}.vars"));
        let inside = source.line(&format!("{vars}.{path}")).filter(|line| Some(*line) != source.line(&vars));
        inside.or_else(|| source.line(path))
    }
}

impl Warning {
    /// The setting that it is about.
    fn path(&self) -> Option<String> {
        let named = self.text.strip_prefix('`')?.split('`').next()?;
        let is_route = named.rsplit(' ').next().is_some_and(|path| path.starts_with('/'));
        let is_variable = Config::VARIABLES.contains(&named.split('.').next()?);
        Some(match (is_variable, is_route) {
            (true, _) => self.site.binding(named),
            (_, true) => self.site.binding(&format!("ROUTES.{named:?}")),
            _ => named.to_owned(),
        })
    }
}

/// A configuration without problems.
pub(super) struct Good<'a> {
    pub(super) configs: &'a [&'a Config],
    /// The secrets that are set elsewhere.
    pub(super) secrets: &'a [String],
    /// What was read online.
    pub(super) read: &'a [String],
}

impl Good<'_> {
    fn data(&self) -> Map<String, Value> {
        let sites: Vec<Value> = self.configs.iter().map(|config| site(config)).collect();
        let mut members = vec![("sites", json!(sites)), ("secrets", json!(self.secrets))];
        if !self.read.is_empty() {
            members.push(("online", json!(self.read)));
        }
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn site(config: &Config) -> Value {
    let register = |provider: &postern::config::Provider| {
        let frames = provider.frontchannel_logout.then(|| config.frontchannel_logout_url(&provider.id));
        let revocation = provider.revocation.map(|_| config.revocation_url(&provider.id));
        json!({
            "id": provider.id.to_string(),
            "issuer": provider.issuer.as_str(),
            "client_id": provider.client_id,
            "redirect_uri": config.callback_url(&provider.id),
            "post_logout_redirect_uri": config.logged_out_url(),
            "backchannel_logout_uri": config.backchannel_logout_url(&provider.id),
            "frontchannel_logout_uri": frames,
            "global_revocation_uri": revocation,
        })
    };
    let workload = |issuer: &postern::config::WorkloadIssuer| json!({ "id": issuer.id.to_string(), "preset": issuer.preset, "issuer": issuer.issuer, "audience": issuer.audience });
    let issuer = |issuer: &postern::config::TokenIssuer| json!({ "id": issuer.id.to_string(), "issuer": issuer.issuer.as_str(), "audience": issuer.audience });
    json!({
        "site": config.site.id().map(ToString::to_string),
        "public_url": config.public_url.origin(),
        "configuration": config.stamp,
        "providers": config.providers.iter().map(register).collect::<Vec<_>>(),
        "issuers": config.issuers.iter().map(issuer).collect::<Vec<_>>(),
        "workloads": config.workloads.iter().map(workload).collect::<Vec<_>>(),
        "routes": config.routes.routes().iter().map(route).collect::<Vec<_>>(),
    })
}

fn route(route: &Route) -> Value {
    let methods: Vec<&str> = route.methods.iter().map(postern::http::Method::as_str).collect();
    let (public, policy) = match &route.access {
        Access::Public => (true, false),
        Access::Guarded(guard) => (false, guard.policy),
    };
    json!({
        "name": route.name,
        "path": route.pattern.as_str(),
        "methods": methods,
        "upstream": route.upstream.as_ref().map(Upstream::to_string),
        "public": public,
        "policy": policy,
    })
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("  {problem}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Syntax;

    #[test]
    fn a_finding_is_in_its_line_of_the_environment_that_is_checked() {
        let text = "name = \"a\"\n[vars]\nPUBLIC_URL = 1\n[vars.ROUTES.\"/x\"]\nupstream = 1\n\
            [env.a.vars]\nSHOP_PUBLIC_URL = 2\n[env.a.vars.SHOP_ROUTES.\"GET /x\"]\nmethods = []\n";
        let source = Source::parse(Syntax::Toml, text).unwrap();
        let place = |environment| Place { file: "wrangler.toml", environment, source: Some(&source), beside: None };
        let lines =
            |environment, paths: &[&str]| paths.iter().map(|path| place(environment).line(path)).collect::<Vec<_>>();
        let top = lines(None, &["PUBLIC_URL", "ROUTES.\"/x\".upstream", "ROUTES.\"/x\".token", "name", "POSTERN_KEYS"]);
        assert_eq!(top, [Some(3), Some(5), Some(4), Some(1), None]);
        let own =
            lines(Some("a"), &["SHOP_PUBLIC_URL", "SHOP_ROUTES.\"GET /x\".methods", "env.a.services", "POSTERN_KEYS"]);
        assert_eq!(own, [Some(7), Some(9), Some(6), None]);
    }

    #[test]
    fn a_warning_is_about_the_setting_it_begins_with() {
        let path = |site: Site, text: &str| Warning { site, text: text.to_owned() }.path();
        let shop = || Site::named(SiteId::parse("shop").unwrap());
        assert_eq!(path(Site::SOLE, "`LIMITS.login` is `false`").as_deref(), Some("LIMITS.login"));
        assert_eq!(path(shop(), "`LIMITS.login` is `false`").as_deref(), Some("SHOP_LIMITS.login"));
        assert_eq!(path(shop(), "`GET /a` is weaker than `/b`").as_deref(), Some("SHOP_ROUTES.\"GET /a\""));
        assert_eq!(path(shop(), "`triggers.crons` is empty").as_deref(), Some("triggers.crons"));
        assert_eq!(path(shop(), "something"), None);
    }
}
