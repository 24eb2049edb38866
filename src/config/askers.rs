//! Who may ask something of the deployment itself.

use super::agents::{self, AgentRules, AgentSurroundings};
use super::api_keys;
use super::authzen::{self, Authzen};
use super::decisions::{self, Decisions};
use super::health::{self, Monitor};
use super::routes::Surroundings;
use super::secrets::Secrets;
use super::sharing::{self, Sharing};
use super::table::Table;
use super::verify::{self, Verify};
use super::{Administrators, admin, naming};
use crate::api_key::ApiKeyRules;
use crate::route::Router;

/// Who may ask something of the deployment itself, and what it keeps for them.
pub(super) struct Askers {
    pub(super) admin: Option<Administrators>,
    pub(super) decisions: Option<Decisions>,
    pub(super) verify: Option<Verify>,
    pub(super) monitor: Option<Monitor>,
    pub(super) authzen: Option<Authzen>,
    pub(super) sharing: Option<Sharing>,
    pub(super) api_keys: Option<ApiKeyRules>,
    pub(super) agents: Option<AgentRules>,
}

impl Askers {
    /// `routes`: the site's; `None` when they are wrong themselves.
    pub(super) fn read<'a>(
        top: &mut Table<'a>,
        secrets: &Secrets<'_>,
        surroundings: &Surroundings<'a>,
        routes: Option<&Router>,
    ) -> Self {
        let naming = naming(surroundings.known.provider_ids, surroundings.known.providers);
        let verify = |table| verify::read(table, secrets, surroundings.public_url);
        let authzen = top.section("AUTHZEN", |table| authzen::read(table, surroundings)).flatten();
        let sharing = top.section("SHARING", |table| sharing::read(table, surroundings)).flatten();
        if let Some(sharing) = &sharing {
            sharing::refuse_self_grants(top, sharing, authzen.as_ref(), surroundings.known.relations);
        }
        let (sessions, development) = (surroundings.sessions, surroundings.development);
        let api_keys = top.section("KEYS", |table| api_keys::read(table, sessions, development));
        let prefix = api_keys.as_ref().map(|keys| &keys.prefix);
        let around = AgentSurroundings { providers: &naming, sessions, development, prefix };
        let agents = agents::read(top, routes, &around);
        Self {
            admin: top.section("ADMIN", |table| admin::read(table, &naming, &surroundings.known)).flatten(),
            decisions: top.section("DECISIONS", decisions::read).flatten(),
            verify: top.section("VERIFY", verify).flatten(),
            monitor: top.section("HEALTH", |table| health::read(table, secrets)).flatten(),
            authzen,
            sharing,
            api_keys,
            agents,
        }
    }
}
