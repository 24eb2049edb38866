//! What the configuration says of keys.

use super::holder::OwnerStanding;
use super::text::KeyPrefix;
use crate::http::HeaderName;
use crate::time::{Seconds, Timestamp};

/// How long a key lives where nothing else is said.
pub const DEFAULT_LIFE: Seconds = Seconds::hours(90 * 24);
/// No key lives longer.
pub const LONGEST_LIFE: Seconds = Seconds::hours(365 * 24);
/// No old secret lives longer beside the new one.
pub const LONGEST_OVERLAP: Seconds = Seconds::hours(7 * 24);

/// `KEYS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRules {
    /// `prefix`. Default `pstn`.
    pub prefix: KeyPrefix,
    /// `max_life`: the longest that a key may live. Default [`LONGEST_LIFE`].
    pub max_life: Seconds,
    /// `default_life`: how long one lives that says nothing. Default [`DEFAULT_LIFE`], or `max_life` where that is shorter.
    pub default_life: Seconds,
    /// `overlap`: how long the old secret is good after a rotation. Default 24 h.
    pub overlap: Seconds,
    /// `self_service`: which people may make keys, and what for. `None`: only administrators make any.
    pub self_service: Option<SelfService>,
    /// `max_age`: how recently people must have signed in to make, rotate or delete keys. Default 15 min.
    pub max_age: Seconds,
    /// `header`: the header that keys come in, in place of `Authorization`.
    pub header: Option<HeaderName>,
    /// `github`: where the keys are listed by which GitHub signs its reports of leaked keys. `None`: it may report none.
    pub github: Option<String>,
}

/// `KEYS.self_service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfService {
    /// `roles`: people with one of these may have keys; none named, all may.
    pub roles: Vec<String>,
    /// `scopes`: what keys may be made for.
    pub scopes: Vec<String>,
    /// `per_person`: how many keys each may have. Default 10.
    pub per_person: u32,
    /// `owner_seen_within`: a key counts only while its owner was vouched for so lately. `None`: however long ago.
    pub owner_seen_within: Option<Seconds>,
}

impl ApiKeyRules {
    /// What people's keys may do whose owner stands so: the only thing that a key is ever narrowed to.
    #[must_use]
    pub fn granted(&self, standing: &OwnerStanding) -> &[String] {
        match &self.self_service {
            Some(service) if service.is_open_to(&standing.roles) => &service.scopes,
            _ => &[],
        }
    }

    /// Until when keys count whose owner stands so, if they do not sign in again; `None`: as long as they live.
    #[must_use]
    pub fn owner_counts_until(&self, standing: &OwnerStanding) -> Option<Timestamp> {
        let within = self.self_service.as_ref()?.owner_seen_within?;
        Some(standing.at.plus(within))
    }
}

impl SelfService {
    /// Whether people with these roles may have keys.
    #[must_use]
    pub fn is_open_to(&self, roles: &[String]) -> bool {
        self.roles.is_empty() || self.roles.iter().any(|role| roles.contains(role))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn rules(roles: &[&str], scopes: &[&str]) -> ApiKeyRules {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        ApiKeyRules {
            prefix: KeyPrefix::default(),
            max_life: LONGEST_LIFE,
            default_life: DEFAULT_LIFE,
            overlap: Seconds::hours(24),
            self_service: Some(SelfService {
                roles: texts(roles),
                scopes: texts(scopes),
                per_person: 10,
                owner_seen_within: None,
            }),
            max_age: Seconds::minutes(15),
            header: None,
            github: None,
        }
    }

    #[test]
    fn what_is_granted_goes_by_the_roles_of_now() {
        //
        let standing = |roles: &[&str]| OwnerStanding {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..OwnerStanding::default()
        };
        let rules = rules(&["developer", "lead"], &["orders:read"]);
        assert_eq!(rules.granted(&standing(&["lead"])), ["orders:read"]);
        for roles in [&[][..], &["Developer"], &["develope"], &["other"]] {
            assert!(rules.granted(&standing(roles)).is_empty(), "{roles:?}");
        }
        let nobody = ApiKeyRules { self_service: None, ..rules };
        assert!(nobody.granted(&standing(&["developer"])).is_empty());
    }
}
