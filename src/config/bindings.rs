//! What a site needs of the platform's bindings.

use super::{ClientAuth, Config, Provider, WorkloadKeys};
use crate::limit::{Counter, Limit};
use crate::route::{Route, Upstream};

/// The namespace of the subjects' objects.
pub const SUBJECTS: &str = "SUBJECTS";
/// The namespace of the objects that remember what was used.
pub const ONCE: &str = "ONCE";
/// The namespace of the index by `sid`.
pub const SID_INDEX: &str = "SID_INDEX";
/// The namespace of the objects that count.
pub const BUCKETS: &str = "BUCKETS";
/// The namespace of the objects that keep tuples.
pub const TUPLES: &str = "TUPLES";
/// The namespace of the objects that keep API keys.
pub const API_KEYS: &str = "API_KEYS";
/// The namespace of the objects that keep decisions.
pub const DECISION_LOG: &str = "DECISION_LOG";
/// The namespace of the object that keeps the block list.
pub const BLOCKS: &str = "BLOCKS";
/// The namespace of the objects that get tokens of our own.
pub const SERVICE_TOKENS: &str = "SERVICE_TOKENS";
/// The KV namespace of public documents.
pub const DOCUMENTS: &str = "POSTERN_CACHE";
/// The KV namespace of policies.
pub const POLICIES: &str = "POSTERN_POLICIES";
/// The Worker that reads SAML.
pub const SAML: &str = "SAML";
/// The static files.
pub const ASSETS: &str = "ASSETS";

/// What a binding is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingUse {
    /// Without it, requests that need it are refused.
    Store,
    /// Without it, providers are asked more often.
    Cache,
    /// Without it, requests pass uncounted.
    Counter,
    /// Without it, the routes that lead there do not work.
    Upstream,
    /// Without it, no token is accepted whose keys are there, and nobody signs in who has to be asked about there.
    Keys,
    /// Without it, the site does not work at all: its client cannot prove itself.
    Certificate,
}

/// A binding that the site needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededBinding {
    /// Its name.
    pub name: String,
    /// What for.
    pub used_as: BindingUse,
}

impl Config {
    /// Every binding that the site needs, each once.
    #[must_use]
    pub fn needed_bindings(&self) -> Vec<NeededBinding> {
        let mut needed = Vec::new();
        for name in [SUBJECTS, ONCE, SID_INDEX] {
            need(&mut needed, name, BindingUse::Store);
        }
        for (is_used, name) in [
            (!self.relations.names(None).is_empty(), TUPLES),
            (self.decisions.is_some(), DECISION_LOG),
            (self.admin.as_ref().is_some_and(|admin| admin.blocks), BLOCKS),
            (self.api_keys.is_some(), API_KEYS),
            (self.asks_policies(), POLICIES),
            (self.uses_service_tokens(), SERVICE_TOKENS),
        ] {
            if is_used {
                need(&mut needed, name, BindingUse::Store);
            }
        }
        for name in self.certificates_shown() {
            need(&mut needed, name, BindingUse::Certificate);
        }
        need(&mut needed, DOCUMENTS, BindingUse::Cache);
        self.limits.own().for_each(|(_, limit)| need_counter(&mut needed, limit));
        for route in self.all_routes() {
            route.limits.all().for_each(|(_, limit)| need_counter(&mut needed, limit));
        }
        for route in self.routes.routes() {
            match &route.upstream {
                Some(Upstream::Service(name)) => need(&mut needed, name, BindingUse::Upstream),
                Some(Upstream::Assets) => need(&mut needed, ASSETS, BindingUse::Upstream),
                Some(Upstream::Url { .. }) | None => {}
            }
        }
        let notify = self.second.as_ref().and_then(|rules| rules.notify.as_ref()?.via.as_deref());
        notify.iter().for_each(|name| need(&mut needed, name, BindingUse::Upstream));
        for issuer in &self.workloads {
            if let WorkloadKeys::Published(keys) = &issuer.keys {
                keys.via.iter().for_each(|name| need(&mut needed, name, BindingUse::Keys));
            }
        }
        if self.providers.iter().any(|provider| provider.saml.is_some()) {
            need(&mut needed, SAML, BindingUse::Keys);
        }
        needed
    }
}

impl Config {
    /// Whether any route's upstream gets a token of our own.
    #[must_use]
    pub fn uses_service_tokens(&self) -> bool {
        self.all_routes().any(|route| route.guard().is_some_and(|guard| guard.token.service().is_some()))
    }

    /// Whether anything signed by our keys leaves us: then the keys that verify it are published.
    #[must_use]
    pub fn publishes_assertion_keys(&self) -> bool {
        let notifies = self.second.as_ref().is_some_and(|rules| rules.notify.is_some());
        notifies || self.routes.routes().iter().any(Route::asserts)
    }

    /// The bindings whose certificates are shown to authorization servers.
    pub fn certificates_shown(&self) -> impl Iterator<Item = &str> {
        let providers = self.providers.iter().filter_map(Provider::certificate);
        let issuers = self.issuers.iter().filter_map(|one| Some(&one.introspection()?.client_auth));
        let services = self.services.iter().map(|one| &one.client_auth);
        providers.chain(issuers.chain(services).filter_map(ClientAuth::certificate))
    }
}

fn need_counter(needed: &mut Vec<NeededBinding>, limit: &Limit) {
    match &limit.counter {
        Counter::Object => need(needed, BUCKETS, BindingUse::Counter),
        Counter::Binding(name) => need(needed, name, BindingUse::Counter),
        Counter::Isolate => {}
    }
}

fn need(needed: &mut Vec<NeededBinding>, name: &str, used_as: BindingUse) {
    if !needed.iter().any(|one| one.name == name) {
        needed.push(NeededBinding { name: name.to_owned(), used_as });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{parse, small, with};
    use super::*;

    #[test]
    fn a_site_needs_what_its_tables_use_and_each_once() {
        let names = |vars| {
            let needed = parse(&vars).unwrap().needed_bindings();
            needed.into_iter().map(|one| (one.name, one.used_as)).collect::<Vec<_>>()
        };
        let store = |name: &str| (name.to_owned(), BindingUse::Store);
        let always = [store(SUBJECTS), store(ONCE), store(SID_INDEX)];
        let plain = names(with(small(), &["ROUTES"], json!({ "/a": { "upstream": "https://a.example" } })));
        assert_eq!(plain, [&always[..], &[(DOCUMENTS.to_owned(), BindingUse::Cache)]].concat());
        let mut vars = with(small(), &["RELATIONS"], json!({ "document": { "viewer": "[user]" } }));
        vars = with(vars, &["DECISIONS"], json!({ "keep": "1h" }));
        let limits =
            json!({ "address": { "rate": "9/1m", "counter": "binding:PER_ADDRESS" }, "route": { "rate": "9/1m" } });
        let service = json!({ "upstream": "service:API", "limits": limits });
        let files = json!({ "upstream": "assets", "public": true });
        vars = with(vars, &["ROUTES"], json!({ "/a": service, "/b": service, "/c": files }));
        let all = names(vars);
        let expected = [
            (TUPLES, BindingUse::Store),
            (DECISION_LOG, BindingUse::Store),
            (DOCUMENTS, BindingUse::Cache),
            ("PER_ADDRESS", BindingUse::Counter),
            (BUCKETS, BindingUse::Counter),
            ("API", BindingUse::Upstream),
            (ASSETS, BindingUse::Upstream),
        ];
        let expected = expected.map(|(name, used_as)| (name.to_owned(), used_as));
        assert_eq!(all.iter().take(3).collect::<Vec<_>>(), always.iter().collect::<Vec<_>>());
        for one in &expected {
            assert_eq!(all.iter().filter(|other| *other == one).count(), 1, "{one:?}: {all:?}");
        }
        assert_eq!(all.len(), 3 + expected.len());
    }
}
