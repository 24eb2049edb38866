//! What is found in a configuration: providers, issuers, addresses to register.

use super::{
    Config, DeviceMode, IssuerId, Provider, ProviderId, SPIFFE_SCHEME, ServiceClient, Sharing, TokenIssuer,
    WorkloadIssuer,
};
use crate::api_key::KeyPrefix;
use crate::http::HeaderName;
use crate::limit::Limit;
use crate::route::{Requirements, Route};
use crate::time::Timestamp;

impl Config {
    /// Whether sessions that begin now are bound to their device, where the browser can: by TLS alone.
    #[must_use]
    pub fn binds_devices(&self) -> bool {
        self.session.device != DeviceMode::Off && self.public_url.is_https()
    }

    /// What a browser calls the bound session that it has here: one name per origin, for several of one site may have some.
    #[must_use]
    pub fn device_session_id(&self) -> String {
        format!("postern:{}", self.public_url.host())
    }

    /// Every limit, with what it is called here.
    #[must_use]
    pub fn all_limits(&self) -> Vec<(String, &Limit)> {
        let (limits, rules) = (self.site.binding("LIMITS"), self.site.binding("ROUTES"));
        let own = self.limits.own().map(|(name, limit)| (format!("{limits}.{name}"), limit));
        let shared = self.limits.routes.all().map(|(kind, limit)| (format!("{limits}.routes.{}", kind.name()), limit));
        let routes = self.all_routes().filter(|route| !route.limits.shared);
        let routes = routes.flat_map(|route| {
            let table = match &self.authzen {
                Some(authzen) if std::ptr::eq(&authzen.route, route) => self.site.binding("AUTHZEN"),
                _ if self.sharing.as_ref().is_some_and(|sharing| std::ptr::eq(&sharing.route, route)) => {
                    self.site.binding("SHARING")
                }
                _ => format!("{rules}.\"{}\"", route.name),
            };
            route.limits.all().map(move |(kind, limit)| (format!("{table}.limits.{}", kind.name()), limit))
        });
        own.chain(shared).chain(routes).collect()
    }

    /// Every rule: those of `ROUTES`, that of `AUTHZEN`, and those of `SHARING`.
    pub fn all_routes(&self) -> impl Iterator<Item = &Route> {
        let authzen = self.authzen.as_ref().map(|authzen| &authzen.route);
        self.routes.routes().iter().chain(authzen).chain(self.sharing.iter().flat_map(Sharing::routes))
    }

    /// The URL that the tokens for this rule are for (RFC 8707). `None` where it takes none.
    #[must_use]
    pub fn resource_of(&self, route: &Route) -> Option<String> {
        route.resource().map(|path| self.public_url.join(path))
    }

    /// What the API keys of the site, and the tokens of its agents, begin with. `None` where it gives out neither.
    #[must_use]
    pub fn secret_prefix(&self) -> Option<&KeyPrefix> {
        let of_keys = self.api_keys.as_ref().map(|rules| &rules.prefix);
        of_keys.or_else(|| self.agents.as_ref().map(|rules| &rules.prefix))
    }

    /// The header of API keys, where they have one of their own.
    #[must_use]
    pub fn key_header(&self) -> Option<&HeaderName> {
        self.api_keys.as_ref()?.header.as_ref()
    }

    /// Whether any request may be one for the policies to decide.
    #[must_use]
    pub fn asks_policies(&self) -> bool {
        let asks = |route: &Route| route.guard().is_some_and(|guard| guard.policy);
        self.authzen.is_some() || self.routes.routes().iter().any(asks)
    }

    /// The provider of this id.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id.as_str() == id)
    }

    /// The provider of this id, while it is of this issuer: an id can be given to another.
    #[must_use]
    pub fn provider_of(&self, id: &str, issuer: &str) -> Option<&Provider> {
        self.provider(id).filter(|provider| provider.issuer.is(issuer))
    }

    /// The provider of this issuer, compared byte for byte. No two share one.
    #[must_use]
    pub fn provider_by_issuer(&self, issuer: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.issuer.is(issuer))
    }

    /// The entry of `SERVICES` of this id.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&ServiceClient> {
        self.services.iter().find(|service| service.id.as_str() == id)
    }

    /// The issuer of access tokens of this id.
    #[must_use]
    pub fn issuer(&self, id: &IssuerId) -> Option<&TokenIssuer> {
        self.issuers.iter().find(|issuer| issuer.id == *id)
    }

    /// The issuer of opaque tokens that a route with these requirements takes; none takes those of several.
    #[must_use]
    pub fn opaque_issuer(&self, required: &Requirements) -> Option<&TokenIssuer> {
        let taken = |id: &IssuerId| required.issuers.is_empty() || required.issuers.contains(id);
        self.issuers.iter().find(|issuer| issuer.introspection().is_some() && taken(&issuer.id))
    }

    /// The issuer of access tokens that calls itself `issuer`, compared byte for byte. No two share one.
    #[must_use]
    pub fn token_issuer(&self, issuer: &str) -> Option<&TokenIssuer> {
        self.issuers.iter().find(|known| known.issuer.as_str() == issuer)
    }

    /// The platform of this id.
    #[must_use]
    pub fn workload(&self, id: &IssuerId) -> Option<&WorkloadIssuer> {
        self.workloads.iter().find(|issuer| issuer.id == *id)
    }

    /// The platform whose tokens say this in `iss` and `sub`. A SPIFFE ID belongs to its trust domain, whatever `iss` says.
    #[must_use]
    pub fn workload_of(&self, issuer: Option<&str>, subject: Option<&str>) -> Option<&WorkloadIssuer> {
        let domain = subject.and_then(|subject| subject.strip_prefix(SPIFFE_SCHEME)).map(|rest| rest.split('/').next());
        self.workloads.iter().find(|known| match (known.trust_domain(), domain) {
            (Some(own), Some(claimed)) => Some(own) == claimed,
            (None, None) => issuer == Some(known.issuer.as_str()),
            _ => false,
        })
    }

    /// The latest time before which no session of the provider counts any more; `None` when there is none, or
    /// while it still lies ahead: until then people could not sign in at all.
    #[must_use]
    pub fn not_before(&self, provider: &str, now: Timestamp) -> Option<Timestamp> {
        let of_provider = self.provider(provider).and_then(|provider| provider.not_before);
        of_provider.into_iter().chain(self.session.not_before).filter(|moment| *moment <= now).max()
    }

    /// The issuer that goes by this id: as a provider, as an issuer of access tokens, as an entry of client certificates;
    /// `self` is this site, which issues API keys. `None` where it could be either of two.
    #[must_use]
    pub fn named_issuer(&self, id: &str) -> Option<&str> {
        let provider = self.provider(id).filter(|provider| !provider.issuer.has_tenants());
        let provider = provider.map(|provider| provider.issuer.as_str());
        let issuer = self.issuers.iter().map(|issuer| (&issuer.id, issuer.issuer.as_str()));
        let mut issuer = issuer.chain(self.workloads.iter().map(|issuer| (&issuer.id, issuer.issuer.as_str())));
        let issuer = issuer.find(|(known, _)| known.as_str() == id).map(|(_, issuer)| issuer);
        let certificate = self.certificates.iter().find(|rule| rule.id.as_str() == id);
        let certificate = certificate.and_then(|rule| rule.principal_issuer.as_deref());
        let own = (id == Self::SELF).then(|| self.public_url.origin());
        let mut all = [provider, issuer, certificate, own].into_iter().flatten();
        let one = all.next()?;
        all.all(|other| other == one).then_some(one)
    }

    /// The redirect URI to register with a provider; each has its own.
    #[must_use]
    pub fn callback_url(&self, id: &ProviderId) -> String {
        self.public_url.callback_url(id)
    }

    /// The back-channel logout URI to register with a provider that has such a thing.
    #[must_use]
    pub fn backchannel_logout_url(&self, id: &ProviderId) -> String {
        self.public_url.join(&format!("/auth/backchannel-logout/{id}"))
    }

    /// Where a provider ends all that a person has here, if the configuration says that it may.
    #[must_use]
    pub fn revocation_url(&self, id: &ProviderId) -> String {
        self.public_url.join(&format!("/auth/revocation/{id}"))
    }

    /// The front-channel logout URI to register with a provider for which it is turned on.
    #[must_use]
    pub fn frontchannel_logout_url(&self, id: &ProviderId) -> String {
        self.public_url.join(&format!("/auth/frontchannel-logout/{id}"))
    }

    /// Where the public keys of our client are that goes by this id: the `jwks_uri` to register.
    #[must_use]
    pub fn client_keys_url(&self, id: &str) -> String {
        self.public_url.join(&format!("/auth/clients/{id}/jwks.json"))
    }

    /// The post-logout redirect URI to register with every provider.
    #[must_use]
    pub fn logged_out_url(&self) -> String {
        self.public_url.logged_out_url()
    }
}
