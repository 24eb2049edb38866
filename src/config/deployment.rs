//! Raw bindings → every site of a deployment: one bad site never takes the others down.
//!
//! A deployment without `SITES` is one site, and its variables and secrets are that site's. With it, each site has
//! its own under the same names, its id in front: `SITES = ["shop"]`, `SHOP_PUBLIC_URL`,
//! `SHOP_PROVIDER_CORP_CLIENT_SECRET`. Only the key ring is common; each site derives its own from it.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::problem::Report;
use super::secrets::{KEY_RING, Secrets, is_secret};
use super::value::{found, parsed};
use super::{Build, Config, Problem, Settings, table, verify};
use crate::http::public_url;
use crate::ids::site::{Site, SiteId};
use crate::json;
use crate::keyring::KeyRing;

/// The variable that names the sites, where there are several.
const SITES: &str = "SITES";
const EXPECTED: &str = "ids of sites (a letter of a-z, then up to 15 of a-z and 0-9)";

/// What was found.
#[derive(Debug)]
pub struct Deployment {
    /// In the order of `SITES`. Without it one, the deployment itself; none where it names none.
    pub sites: Vec<SiteConfig>,
    /// What is wrong, and is no single site's: `SITES` itself, the key ring, a variable that belongs to no site.
    /// Sites that can be used are to be used all the same.
    pub problems: Vec<Problem>,
}

/// One site.
#[derive(Debug)]
pub struct SiteConfig {
    /// Which.
    pub site: Site,
    /// Every `host[:port]` that it says is its, whatever else is wrong with it.
    pub hosts: Vec<String>,
    /// Its configuration, or what is wrong with that alone: nothing, if it lacks only what all lack.
    pub config: Result<Config, Vec<Problem>>,
}

/// The names of a deployment's variables and secrets, among all the bindings that there are at run time.
#[derive(Debug)]
pub struct Names(Vec<Site>);

impl Names {
    /// The variable that says which sites there are: to be read first.
    pub const SITES: &str = SITES;

    /// The names, by the value of `SITES`; `None` where there is no such variable.
    #[must_use]
    pub fn of(sites: Option<&Value>) -> Self {
        Self(sites.map_or_else(|| vec![Site::SOLE], |value| ids(value, drop)))
    }

    /// Whether this is one of the variables handed to [`Deployment::parse`].
    #[must_use]
    pub fn is_variable(&self, name: &str) -> bool {
        name == SITES || self.own(name).any(|name| Config::VARIABLES.contains(&name))
    }

    /// Whether this is a secret: the runtime does not tell secrets from variables, so their names do.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        name == KEY_RING || self.own(name).any(is_secret)
    }

    fn own<'a>(&'a self, binding: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |site| site.own_name(binding))
    }
}

impl Deployment {
    /// Reads the variables for [`Build::PLAIN`], `secrets` by name. Reads to the end, whatever is wrong.
    #[must_use]
    pub fn parse(vars: &Map<String, Value>, secrets: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::parse_for(Build::PLAIN, vars, secrets)
    }

    /// The same, for this build.
    #[must_use]
    pub fn parse_for(build: Build, vars: &Map<String, Value>, secrets: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::of(build, &Settings::from(vars.clone()), secrets)
    }

    /// The same, of variables that may be in a file. One that is in two places is a problem of its site, and a file that
    /// cannot be read is one of the whole deployment.
    #[must_use]
    pub fn of(build: Build, settings: &Settings, secrets: &dyn Fn(&str) -> Option<String>) -> Self {
        if let Some(problem) = settings.unreadable() {
            return Self { sites: Vec::new(), problems: vec![problem] };
        }
        let vars = settings.vars();
        let Some(value) = vars.get(SITES) else {
            let mut config = Config::parse_for(build, vars, secrets);
            refuse(&mut config, settings.problems(|_| true));
            let site = SiteConfig { site: Site::SOLE, hosts: hosts(vars), config };
            return Self { sites: vec![site], problems: Vec::new() };
        };
        let report = Report::default();
        let sites = ids(value, |message| report.add(SITES, message));
        let ring = Secrets { lookup: secrets, report: &report }.key_ring();
        report_strays(vars, &sites, &report);
        let mut sites: Vec<SiteConfig> =
            sites.into_iter().map(|site| read(site, build, vars, secrets, ring.as_ref())).collect();
        for one in &mut sites {
            refuse(&mut one.config, settings.problems(|name| one.site.own_name(name).is_some()));
        }
        keep_apart(&mut sites);
        Self { sites, problems: report.into_problems() }
    }
}

impl Deployment {
    /// Refuses the sites whose client certificates are not bound: none could prove itself, and it is better said now than at
    /// the first sign-in.
    pub fn require_certificates(&mut self, is_bound: &dyn Fn(&str) -> bool) {
        for one in &mut self.sites {
            let Ok(config) = &one.config else { continue };
            let missing = config.certificates_shown().filter(|name| !is_bound(name));
            let told = |name: &str| Problem {
                path: name.to_owned(),
                message: "expected a binding of `mtls_certificates`, `mtls_certificate` names it; found none"
                    .to_owned(),
            };
            let problems = missing.map(told).collect();
            refuse(&mut one.config, problems);
        }
    }
}

/// Adds what is wrong with a site.
fn refuse(config: &mut Result<Config, Vec<Problem>>, problems: Vec<Problem>) {
    match config {
        Err(known) => known.extend(problems),
        Ok(_) if problems.is_empty() => {}
        config @ Ok(_) => *config = Err(problems),
    }
}

/// Every id that is one, once; `report` is told what else there is.
fn ids(value: &Value, report: impl Fn(String)) -> Vec<Site> {
    let Some(items) = value.as_array() else {
        report(format!("expected a list of {EXPECTED}, found {}", found(value)));
        return Vec::new();
    };
    let mut ids: Vec<SiteId> = Vec::new();
    for item in items {
        match parsed(EXPECTED, SiteId::parse)(item) {
            Ok(id) if ids.contains(&id) => report(format!("{} stands twice", found(item))),
            Ok(id) => ids.push(id),
            Err(message) => report(message),
        }
    }
    if items.is_empty() {
        report(format!("expected a list of {EXPECTED}, found none"));
    }
    ids.into_iter().map(Site::named).collect()
}

/// What belongs to no site: a guard that nobody would stand, if it were passed over.
fn report_strays(vars: &Map<String, Value>, sites: &[Site], report: &Report) {
    let is_own = |name: &str| name == SITES || sites.iter().any(|site| site.own_name(name).is_some());
    let Some(first) = sites.first() else { return };
    for name in vars.keys().filter(|name| !is_own(name)) {
        if table::is_secret(&name.to_ascii_lowercase()) {
            report.add(name, table::SECRET);
            continue;
        }
        let example = first.binding(if Config::VARIABLES.contains(&name.as_str()) { name } else { "PUBLIC_URL" });
        report.add(name, format!("belongs to no site in `SITES`, expected a name such as `{example}`"));
    }
}

fn read(
    site: Site,
    build: Build,
    vars: &Map<String, Value>,
    secrets: &dyn Fn(&str) -> Option<String>,
    ring: Option<&KeyRing>,
) -> SiteConfig {
    let own = vars.iter().filter_map(|(name, value)| Some((site.own_name(name)?.to_owned(), value.clone())));
    let own = json::object(own);
    let lookup = |name: &str| secrets(&site.binding(name));
    let keys = ring.zip(site.id()).map(|(ring, id)| Rc::new(ring.of_site(id)));
    let report = Report::of(site.clone());
    let config = Config::read(build, &own, &Secrets { lookup: &lookup, report: &report }, &|_| keys.clone());
    let problems = report.into_problems();
    let config = config.filter(|_| problems.is_empty()).ok_or(problems);
    SiteConfig { hosts: hosts(&own), site, config }
}

/// Where a site says that it is, as far as that can be read.
fn hosts(vars: &Map<String, Value>) -> Vec<String> {
    let public = vars.get("PUBLIC_URL").and_then(Value::as_str).and_then(public_url::PublicUrl::parse);
    let proxys = vars.get("VERIFY").and_then(|table| table.get("host")).and_then(Value::as_str);
    public.map(|url| url.host().to_owned()).into_iter().chain(proxys.and_then(verify::host)).collect()
}

/// No two sites may have a host's name in common, not even on two ports: browsers would send the cookies of one to the
/// other. Which of them is meant is not guessed: the wrong one's rules would stand before the right one's data.
fn keep_apart(sites: &mut [SiteConfig]) {
    let names: Vec<Vec<String>> =
        sites.iter().map(|one| one.hosts.iter().map(|host| without_port(host).to_owned()).collect()).collect();
    let ids: Vec<Site> = sites.iter().map(|one| one.site.clone()).collect();
    for (place, one) in sites.iter_mut().enumerate() {
        let others = names.iter().zip(&ids).enumerate().filter(|(other, _)| *other != place);
        let own = names.get(place).map_or(&[][..], Vec::as_slice);
        let taken = others.filter_map(|(_, (theirs, id))| Some((theirs.iter().find(|name| own.contains(name))?, id)));
        let problems: Vec<Problem> = taken.map(|(name, other)| in_common(&one.site, name, other)).collect();
        refuse(&mut one.config, problems);
    }
}

fn in_common(site: &Site, host: &str, other: &Site) -> Problem {
    let other = other.binding("PUBLIC_URL");
    let message = format!("expected a host name of the site's own, `{host}` is that of `{other}` too");
    Problem { path: site.binding("PUBLIC_URL"), message }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests;
