//! `userinfo`, `roles`, `permissions`, `tenant`: where a provider says what of a person; and how long that holds.

use super::provider::LONGEST_MAX_AGE;
use super::table::Table;
use super::value::{MOMENT, duration, flag, moment, parsed, paths};
use crate::claims::path::ClaimPath;
use crate::time::{Seconds, Timestamp};

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

/// How long its sessions live, and since when they count.
pub(super) fn ends(table: &mut Table<'_>) -> (Option<Seconds>, Option<Timestamp>) {
    let session_max = table.optional("session_max", duration(Seconds::new(1), LONGEST_MAX_AGE));
    (session_max, table.optional("not_before", parsed(MOMENT, moment)))
}
