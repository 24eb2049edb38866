//! What a provider says of a person → what their session keeps of it.

use serde_json::{Map, Value};

use crate::claims::left_out;
use crate::claims::path::ClaimPath;
use crate::config::Provider;

/// What a session keeps of a person.
#[derive(Clone, Debug, Default)]
pub struct SessionClaims {
    /// The claims that `SESSION.claims` names.
    pub claims: Map<String, Value>,
    /// What stands where the provider's `roles` say.
    pub roles: Vec<String>,
    /// What stands where its `permissions` say.
    pub permissions: Vec<String>,
    /// What stands where its `tenant` says.
    pub tenant: Option<String>,
    /// Those of the claims in which it stands that the provider has and left out.
    pub left_out: Vec<String>,
}

impl SessionClaims {
    /// The names of the claims in which it stands, as far as the configuration names them.
    #[must_use]
    pub fn names(provider: &Provider, claims: &[String]) -> Vec<String> {
        let wanted = provider.roles.iter().chain(&provider.permissions).chain(&provider.tenant);
        let wanted = wanted.map(|path| path.claim().into_owned()).filter(|name| !claims.contains(name));
        claims.iter().cloned().chain(wanted).collect()
    }

    /// Of all that is told, what is kept. `claims`: the names in `SESSION.claims`.
    #[must_use]
    pub fn of(mut told: Map<String, Value>, provider: &Provider, claims: &[String]) -> Self {
        let names = Self::names(provider, claims);
        let left_out = left_out(&told).into_iter().filter(|name| names.contains(name)).collect();
        let roles = ClaimPath::all_texts(&provider.roles, &told);
        let permissions = ClaimPath::all_texts(&provider.permissions, &told);
        let tenant = provider.tenant.clone().unwrap_or_else(ClaimPath::organization);
        let tenant = tenant.name(&told);
        told.retain(|name, _| claims.contains(name));
        Self { claims: told, roles, permissions, tenant, left_out }
    }
}
