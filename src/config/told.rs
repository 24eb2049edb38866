//! `userinfo`, `roles`, `permissions`, `tenant`: where a provider says what of a person.

use super::table::Table;
use super::value::{flag, parsed, paths};
use crate::claims::path::ClaimPath;

/// Where it says what of a person.
pub(super) struct Told {
    pub(super) userinfo: bool,
    pub(super) roles: Vec<ClaimPath>,
    pub(super) permissions: Vec<ClaimPath>,
    pub(super) tenant: Option<ClaimPath>,
}

impl Told {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        Self {
            userinfo: table.optional("userinfo", flag).unwrap_or(false),
            roles: paths(table, "roles").unwrap_or_default(),
            permissions: paths(table, "permissions").unwrap_or_default(),
            tenant: table.optional("tenant", parsed(ClaimPath::EXPECTED, ClaimPath::parse)),
        }
    }
}
