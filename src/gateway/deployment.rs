//! Every site of a deployment: a request's host → the gateway that decides about it.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use super::Gateway;
use crate::config::{self, Problem, SiteConfig};
use crate::http::RequestHead;
use crate::http::public_url::is_this_machine;
use crate::ids::site::Site;
use crate::policy::PolicyEngine;

/// A deployment at work: its sites, each with nothing in common with the others.
#[derive(Debug)]
pub struct Sites {
    sites: Vec<Served>,
    /// Places among `sites`, by `host[:port]`.
    by_host: HashMap<String, usize>,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Served {
    site: Site,
    gateway: Result<Rc<Gateway>, Unusable>,
}

/// Why a site does not work.
#[derive(Clone, Debug)]
pub struct Unusable {
    site: Site,
    problems: Vec<Problem>,
}

/// Where a request belongs.
#[derive(Clone, Copy, Debug)]
pub enum SiteMatch<'a> {
    /// To this site.
    Site(&'a Rc<Gateway>),
    /// To a site that cannot be used.
    Unusable(&'a Unusable),
    /// To none.
    Nowhere,
}

impl Sites {
    /// The deployment with this configuration, and this engine for the policies of its sites.
    #[must_use]
    pub fn new(read: config::Deployment, engine: Option<&'static dyn PolicyEngine>) -> Self {
        let mut by_host = HashMap::new();
        for (place, one) in read.sites.iter().enumerate() {
            for host in &one.hosts {
                // Where two have one in common, neither works.
                by_host.entry(host.clone()).or_insert(place);
            }
        }
        let config::Deployment { sites, problems } = read;
        if sites.is_empty() {
            let gateway = Err(Unusable { site: Site::SOLE, problems });
            return Self { sites: vec![Served { site: Site::SOLE, gateway }], by_host, problems: Vec::new() };
        }
        Self { sites: sites.into_iter().map(|one| Served::new(one, engine)).collect(), by_host, problems }
    }

    /// Where this request belongs, by its host alone, byte for byte. To a site that is the whole deployment belongs
    /// everything: it turns away itself what is not for its host. So it is where nobody can tell which sites there are.
    #[must_use]
    pub fn at(&self, head: &RequestHead) -> SiteMatch<'_> {
        match self.sites.as_slice() {
            [only] if only.site.is_sole() => only.place(),
            sites => {
                let place = head.host().and_then(|host| self.by_host.get(host));
                place.and_then(|place| sites.get(*place)).map_or(SiteMatch::Nowhere, Served::place)
            }
        }
    }

    /// What is wrong with a site that cannot be used, for the developer who asks on their own machine: by plain HTTP, for the
    /// loopback host that the configuration names. `None` for everybody else.
    #[must_use]
    pub fn told_to_developer(&self, head: &RequestHead, why: &Unusable) -> Option<String> {
        let host = head.host().filter(|host| head.is_plain_http() && is_this_machine(host))?;
        let problems = why.problems.iter().chain(&self.problems).map(|problem| format!("{problem}\n"));
        self.by_host.contains_key(host).then(|| problems.collect())
    }

    /// The same for a site whose name is known.
    #[must_use]
    pub fn of(&self, site: &Site) -> SiteMatch<'_> {
        self.sites.iter().find(|one| one.site == *site).map_or(SiteMatch::Nowhere, Served::place)
    }

    /// Every site that works.
    pub fn gateways(&self) -> impl Iterator<Item = &Rc<Gateway>> {
        self.sites.iter().filter_map(|one| one.gateway.as_ref().ok())
    }

    /// What is wrong with it, a text for all that is common to the sites and one for every site that does not work. A
    /// site that is the whole deployment says so with every request instead.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let common = (!self.problems.is_empty()).then(|| format!("configuration: {}", listed(&self.problems)));
        let unusable = self.sites.iter().filter_map(|one| one.gateway.as_ref().err());
        let of_sites = unusable.filter(|why| !why.site.is_sole() && !why.problems.is_empty());
        common.into_iter().chain(of_sites.map(Unusable::told)).collect()
    }
}

impl Served {
    fn new(read: SiteConfig, engine: Option<&'static dyn PolicyEngine>) -> Self {
        let SiteConfig { site, config, .. } = read;
        let gateway = match config {
            Ok(config) => Ok(Rc::new(Gateway::new(config, engine))),
            Err(problems) => Err(Unusable { site: site.clone(), problems }),
        };
        Self { site, gateway }
    }

    const fn place(&self) -> SiteMatch<'_> {
        match &self.gateway {
            Ok(gateway) => SiteMatch::Site(gateway),
            Err(why) => SiteMatch::Unusable(why),
        }
    }
}

impl Unusable {
    fn told(&self) -> String {
        format!("{self}: {}", listed(&self.problems))
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.site.id() {
            Some(id) => write!(f, "configuration of site `{id}` cannot be used"),
            None => write!(f, "configuration: {}", listed(&self.problems)),
        }
    }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
