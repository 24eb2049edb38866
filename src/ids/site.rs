//! Whose things they are, where one deployment serves several sites.
//!
//! Everything that a site makes or stores is bound to its id: its keys ([`crate::keyring::KeyRing::of_site`]), the
//! names of its objects and of its cached documents ([`Site::scoped`]), its variables and secrets ([`Site::binding`]).

use std::fmt;

/// Longest id: it stands in front of names.
const MAX_BYTES: usize = 16;

/// The short name of one of several sites: `[a-z][a-z0-9]{0,15}`. Without `-` and `_`, so that of a variable's or
/// secret's name everything before the first `_` is the site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId(String);

/// One of several sites, or the only one of a deployment, which has no name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Site(Option<SiteId>);

impl SiteId {
    /// Reads an id; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let begins = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        let valid = begins
            && text.len() <= MAX_BYTES
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        valid.then(|| Self(text.to_owned()))
    }

    /// The id as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Site {
    /// The only site of a deployment.
    pub const SOLE: Self = Self(None);

    /// One of several.
    #[must_use]
    pub const fn named(id: SiteId) -> Self {
        Self(Some(id))
    }

    /// Its id, where it has one.
    #[must_use]
    pub const fn id(&self) -> Option<&SiteId> {
        self.0.as_ref()
    }

    /// Whether it is the only one.
    #[must_use]
    pub const fn is_sole(&self) -> bool {
        self.0.is_none()
    }

    /// The name under which it keeps what it calls `name` in a store that it shares with other sites: `shop.name`. No
    /// id holds a `.`, so no two sites share a name; the only site's is `name` itself.
    #[must_use]
    pub fn scoped(&self, name: &str) -> String {
        self.id().map_or_else(|| name.to_owned(), |id| format!("{id}.{name}"))
    }

    /// Whose thing it is that is kept under this name. What the only site calls its things holds no `.`.
    #[must_use]
    pub fn of_scoped(name: &str) -> Self {
        Self(name.split_once('.').and_then(|(id, _)| SiteId::parse(id)))
    }

    /// The name of the binding (variable or secret) that it calls `name`: `SHOP_NAME`, or `name` itself.
    #[must_use]
    pub fn binding(&self, name: &str) -> String {
        self.id().map_or_else(|| name.to_owned(), |id| format!("{}_{name}", id.as_str().to_ascii_uppercase()))
    }

    /// What it calls the binding of this name; `None` when that is not its.
    #[must_use]
    pub fn own_name<'a>(&self, binding: &'a str) -> Option<&'a str> {
        let Some(id) = self.id() else { return Some(binding) };
        let (before, name) = binding.split_once('_')?;
        (before == id.as_str().to_ascii_uppercase()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(id: &str) -> Site {
        Site::named(SiteId::parse(id).unwrap())
    }

    #[test]
    fn an_id_is_short_and_has_no_sign_that_separates() {
        for good in ["shop", "a", "a1", &"a".repeat(16)] {
            assert_eq!(SiteId::parse(good).map(|id| id.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "Shop", "1a", "a-b", "a_b", "a.b", "é", "a b", &"a".repeat(17)] {
            assert_eq!(SiteId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_are_a_sites_own_and_the_only_sites_are_what_they_were() {
        assert_eq!((Site::SOLE.scoped("once-ab"), Site::SOLE.binding("ROUTES")), ("once-ab".into(), "ROUTES".into()));
        assert_eq!(site("shop").scoped("once-ab"), "shop.once-ab");
        assert_eq!(site("shop").binding("PROVIDER_CORP_CLIENT_SECRET"), "SHOP_PROVIDER_CORP_CLIENT_SECRET");
    }

    #[test]
    fn a_binding_belongs_to_one_site_at_most() {
        assert_eq!(Site::SOLE.own_name("SHOP_ROUTES"), Some("SHOP_ROUTES"));
        assert_eq!(site("shop").own_name("SHOP_PROVIDER_A_B_CLIENT_SECRET"), Some("PROVIDER_A_B_CLIENT_SECRET"));
        for other in ["ROUTES", "SHOP", "SHOPS_ROUTES", "shop_ROUTES", "SHO_P_ROUTES", "XSHOP_ROUTES", ""] {
            assert_eq!(site("shop").own_name(other), None, "{other}");
        }
    }

    #[test]
    fn a_thing_is_known_by_its_name_to_be_a_sites() {
        for whose in [Site::SOLE, site("shop"), site("a")] {
            for name in ["once-ab", "sid-00", "x-_9"] {
                assert_eq!(Site::of_scoped(&whose.scoped(name)), whose);
            }
        }
        assert_ne!(site("a").scoped("b"), site("ab").scoped("b"));
    }
}
