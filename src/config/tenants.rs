//! An issuer that has one name for each of its tenants, as Microsoft Entra does.

use super::table::Table;
use super::value::{found, list};

/// What stands in the issuer in the place of the tenant.
pub(crate) const PLACE: &str = "{tenantid}";
/// Under which name Entra publishes what holds for the tenants of organisations.
const ORGANIZATIONS: &str = "organizations";
/// Under which name Entra publishes what holds for all accounts, personal ones included.
const COMMON: &str = "common";
/// The tenant that all personal Microsoft accounts are in.
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const ANY: &str = "any";
/// The most tenants that a configuration lists.
const MAX_TENANTS: usize = 500;
const EXPECTED: &str = "a tenant's ID, a GUID in small letters such as `6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10`";

/// Whose people may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tenants {
    /// Those of every organisation; personal accounts are of none.
    Any,
    /// Those of these.
    Listed(Vec<String>),
}

impl Tenants {
    /// Reads `tenants`, which is required: that everybody may sign in has to be written out.
    pub(super) fn read(table: &mut Table<'_>) -> Option<Self> {
        let expected = format!("`{ANY}`, or a list of {EXPECTED}");
        table.required("tenants", &expected, |value| match value.as_str() {
            Some(ANY) => Ok(Self::Any),
            Some(_) => Err(format!("expected {expected}, found {}", found(value))),
            None => {
                let all = list(EXPECTED, |text| is_guid(text).then(|| text.to_owned()))(value)?;
                match all.len() {
                    1..=MAX_TENANTS => Ok(Self::Listed(all)),
                    count => Err(format!("expected 1 to {MAX_TENANTS} tenants, found {count}")),
                }
            }
        })
    }

    /// Whether people of this tenant may sign in. Anything but the usual spelling of a GUID is no tenant.
    pub(super) fn allow(&self, tenant: &str) -> bool {
        match self {
            Self::Any => is_guid(tenant) && tenant != PERSONAL,
            Self::Listed(all) => all.iter().any(|one| one == tenant),
        }
    }

    /// The name under which the metadata is published that holds for them.
    pub(super) fn published_as(&self) -> &'static str {
        if self.allow(PERSONAL) { COMMON } else { ORGANIZATIONS }
    }
}

/// Whether it is a GUID as Entra writes it: 36 characters, small letters.
pub(crate) fn is_guid(text: &str) -> bool {
    let fits = |(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";

    #[test]
    fn a_guid_has_one_spelling() {
        assert!(is_guid(ONE) && is_guid(PERSONAL));
        let upper = ONE.to_uppercase();
        let braced = format!("{{{ONE}}}");
        for bad in [
            "",
            "common",
            "organizations",
            ONE.trim_start_matches('6'),
            &upper,
            &braced,
            &ONE.replace('-', "0"),
            &ONE.replace('6', "g"),
        ] {
            assert!(!is_guid(bad), "{bad}");
        }
    }

    #[test]
    fn any_organisation_is_not_everybody() {
        //
        assert!(Tenants::Any.allow(ONE) && !Tenants::Any.allow(PERSONAL) && !Tenants::Any.allow("common"));
        let listed = Tenants::Listed(vec![ONE.to_owned()]);
        assert!(listed.allow(ONE) && !listed.allow("0f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10"));
        assert_eq!((Tenants::Any.published_as(), listed.published_as()), ("organizations", "organizations"));
        let personal = Tenants::Listed(vec![PERSONAL.to_owned()]);
        assert!(personal.allow(PERSONAL));
        assert_eq!(personal.published_as(), "common");
    }
}
