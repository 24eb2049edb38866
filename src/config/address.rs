//! Addresses: the origin Postern is reached at, issuers, and which endpoints an issuer may name.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use url::{Host, Url};

use super::tenants::{PLACE, Tenants};
use crate::http::public_url::{absolute, is_loopback};

/// SAML Metadata §2.2.1.
const MAX_ENTITY_ID_BYTES: usize = 1024;

/// An issuer identifier (OIDC Discovery §3): an `https` URL without query or fragment, compared byte for byte.
/// Loopback hosts, and `http` there, are accepted only when [`PublicUrl`](crate::http::public_url::PublicUrl) is on one too (development).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    text: String,
    development: bool,
    /// Whether something may be fetched there.
    reachable: bool,
    /// Where it has a name for each of its tenants: which of them count. The text is then a template.
    tenants: Option<Rc<Tenants>>,
}

impl Issuer {
    /// What [`Issuer::parse`] accepts.
    pub(super) const EXPECTED: &str = "an https URL without query or fragment";

    /// Reads an issuer, kept byte for byte. `development`: whether loopback hosts are allowed.
    pub(super) fn parse(text: &str, development: bool) -> Option<Self> {
        let url = absolute(text)?;
        let local = is_loopback(&url);
        let reachable = if local { development } else { url.scheme() == "https" && is_public(&url) };
        let plain = url.query().is_none() && url.fragment().is_none();
        (reachable && plain).then(|| Self { text: text.to_owned(), development: local, reachable, tenants: None })
    }

    /// What [`Issuer::parse_template`] accepts.
    pub(super) const EXPECTED_TEMPLATE: &str =
        "an https URL without query or fragment, one segment of which is `{tenantid}`";

    /// Reads the template of an issuer that has a name for each of its tenants.
    pub(super) fn parse_template(text: &str, tenants: Tenants, development: bool) -> Option<Self> {
        let (before, after) = text.split_once(PLACE)?;
        let is_segment = before.ends_with('/') && (after.is_empty() || after.starts_with('/'));
        // The rest has to be a URL by itself: the place is not in its host.
        let whole = is_segment && !after.contains(PLACE) && absolute(before.trim_end_matches('/')).is_some();
        let issuer = Self::parse(text, development).filter(|_| whole)?;
        Some(Self { tenants: Some(Rc::new(tenants)), ..issuer })
    }

    /// Reads an issuer that is only a name: by `http`, as AD FS has it in access tokens. Nothing is ever fetched there, so
    /// whatever is, is at addresses that the configuration names.
    pub(super) fn parse_name(text: &str) -> Option<Self> {
        let url = absolute(text)?;
        let named = url.scheme() == "http" && url.query().is_none() && url.fragment().is_none() && !is_loopback(&url);
        named.then(|| Self { text: text.to_owned(), development: false, reachable: false, tenants: None })
    }

    /// Reads an entityID of SAML (SAML Metadata §2.2.1): any absolute URI. It is only a name; nothing is fetched there.
    pub(super) fn parse_entity(text: &str) -> Option<Self> {
        let is_uri = text.len() <= MAX_ENTITY_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        let (scheme, rest) = text.split_once(':').filter(|_| is_uri)?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
        let named = is_scheme && !rest.is_empty() && !text.contains(['{', '}']);
        named.then(|| Self { text: text.to_owned(), development: false, reachable: false, tenants: None })
    }

    /// Reads the address of a document, which may have a query.
    pub(super) fn parse_address(text: &str, development: bool) -> Option<Self> {
        let local = absolute(text).is_some_and(|url| is_loopback(&url));
        let address = Self { text: text.to_owned(), development: local, reachable: true, tenants: None };
        Self::may_be_endpoint(text, development).then_some(address)
    }

    /// Whether its metadata can be asked for; false for one that is only a name.
    #[must_use]
    pub const fn is_reachable(&self) -> bool {
        self.reachable
    }

    /// The issuer as configured, to be compared byte for byte; a template where it has one name for each tenant.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it calls itself so, byte for byte, be it for one of the tenants that count.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        match &self.tenants {
            None => self.text == name,
            Some(tenants) => self.place(name).is_some_and(|tenant| tenants.allow(tenant)),
        }
    }

    /// Whether it has one name for each of its tenants.
    #[must_use]
    pub const fn has_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// Whether the people of any tenant count.
    #[must_use]
    pub fn takes_any_tenant(&self) -> bool {
        self.tenants.as_deref() == Some(&Tenants::Any)
    }

    /// Its name for this tenant; `None` where people of that tenant do not count here.
    #[must_use]
    pub fn of_tenant(&self, tenant: &str) -> Option<String> {
        self.tenants.as_ref()?.allow(tenant).then(|| self.text.replace(PLACE, tenant))
    }

    /// Where its metadata is found.
    pub(crate) fn published_at(&self) -> Cow<'_, str> {
        match &self.tenants {
            None => Cow::Borrowed(&self.text),
            Some(tenants) => Cow::Owned(self.text.replace(PLACE, tenants.published_as())),
        }
    }

    /// What stands in a name in the place of the tenant.
    fn place<'n>(&self, name: &'n str) -> Option<&'n str> {
        let (before, after) = self.text.split_once(PLACE)?;
        name.strip_prefix(before)?.strip_suffix(after)
    }

    /// Its origin as browsers write it (RFC 6454 §6.2); `None` only for what [`Issuer::parse`] refuses.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        absolute(&self.text).map(|url| url.origin().ascii_serialization())
    }

    /// Whether the configuration may name `url` as an endpoint: as [`Issuer::allows_endpoint`], and on a loopback host in
    /// development only.
    pub(super) fn may_be_endpoint(url: &str, development: bool) -> bool {
        let Some(url) = absolute(url).filter(|url| url.fragment().is_none()) else { return false };
        if is_loopback(&url) { development } else { url.scheme() == "https" && is_public(&url) }
    }

    /// Whether its metadata may name `url` as an endpoint: an `https` URL without user or
    /// fragment whose host is no private, loopback or link-local address. An issuer that is itself on a loopback
    /// host (development) may name others there, by `http` too.
    #[must_use]
    pub fn allows_endpoint(&self, url: &str) -> bool {
        Self::allows(url, self.development)
    }

    /// The same, whoever names it.
    #[must_use]
    pub fn allows(url: &str, development: bool) -> bool {
        let Some(url) = absolute(url).filter(|url| url.fragment().is_none()) else { return false };
        if is_loopback(&url) { development } else { url.scheme() == "https" && is_public(&url) }
    }
}

/// Whether the host is a name or an address of the public internet.
fn is_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => is_public_v4(address),
        Some(Host::Ipv6(address)) => is_public_v6(address),
        None => false,
    }
}

/// RFC 6890, without the blocks nobody routes anyway.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || first == 0
        || first >= 240
        || shared)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // IPv4 in disguise: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
    let inner = match address.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        _ => None,
    };
    inner.is_none_or(is_public_v4)
        && !(address.is_loopback()
            || address.is_unspecified()
            || address.is_unique_local()
            || address.is_unicast_link_local()
            || address.is_multicast())
}

#[cfg(test)]
mod tests;
