//! Who may ask something of the deployment itself.

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

/// Who may ask something of the deployment itself, and what it keeps for them.
pub(super) struct Askers {
    pub(super) admin: Option<Administrators>,
    pub(super) decisions: Option<Decisions>,
    pub(super) verify: Option<Verify>,
    pub(super) monitor: Option<Monitor>,
    pub(super) authzen: Option<Authzen>,
    pub(super) sharing: Option<Sharing>,
    pub(super) api_keys: Option<ApiKeyRules>,
}

impl Askers {
    pub(super) fn read<'a>(top: &mut Table<'a>, secrets: &Secrets<'_>, surroundings: &Surroundings<'a>) -> Self {
        let naming = naming(surroundings.known.provider_ids, surroundings.known.providers);
        let verify = |table| verify::read(table, secrets, surroundings.public_url);
        let authzen = top.table("AUTHZEN").and_then(|table| authzen::read(table, surroundings));
        let sharing = top.table("SHARING").and_then(|table| sharing::read(table, surroundings));
        if let Some(sharing) = &sharing {
            sharing::refuse_self_grants(top, sharing, authzen.as_ref(), surroundings.known.relations);
        }
        Self {
            admin: top.table("ADMIN").and_then(|table| admin::read(table, &naming, &surroundings.known)),
            decisions: top.table("DECISIONS").and_then(decisions::read),
            verify: top.table("VERIFY").and_then(verify),
            monitor: top.table("HEALTH").and_then(|table| health::read(table, secrets)),
            authzen,
            sharing,
            api_keys: top
                .table("KEYS")
                .map(|table| api_keys::read(table, surroundings.sessions, surroundings.development)),
        }
    }
}
