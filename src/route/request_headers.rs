//! Which of a caller's headers a route's upstream gets, beyond what holds for every route.

use crate::http::HeaderName;

/// `remove` and `keep`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeaders {
    /// `remove`: those that are taken out as well.
    pub remove: Vec<HeaderMask>,
    /// `keep`: those that are passed on, though elsewhere they would be taken out.
    pub keep: Vec<HeaderName>,
}

/// A name of headers, or the beginning of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderMask {
    /// `x-tenant-id`
    Name(HeaderName),
    /// `x-consumer-*`: what stands before the star.
    Prefix(String),
}

impl HeaderMask {
    /// Reads a name, or a beginning with a star behind it; `None` when it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let (name, is_prefix) = text.strip_suffix('*').map_or((text, false), |prefix| (prefix, true));
        match (is_plain(name), is_prefix) {
            (false, _) => None,
            (true, true) => Some(Self::Prefix(name.to_ascii_lowercase())),
            (true, false) => HeaderName::try_from(name).ok().map(Self::Name),
        }
    }

    /// Whether it is for a header of this name, in lower case.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own.as_str() == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }
}

impl std::fmt::Display for HeaderMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name.as_str()),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_name_or_the_beginning_of_names() {
        let covers = |mask: &str, name: &str| HeaderMask::parse(mask).unwrap().covers(name);
        assert!(covers("X-Tenant-ID", "x-tenant-id") && !covers("X-Tenant-ID", "x-tenant-ids"));
        assert!(covers("X-Consumer-*", "x-consumer-username") && !covers("X-Consumer-*", "x-consume"));
        for bad in ["", "*", "x_user", "x user", "x-*-id", "x-user:", "ü"] {
            assert_eq!(HeaderMask::parse(bad), None, "{bad}");
        }
        assert_eq!(HeaderMask::parse("X-Consumer-*").unwrap().to_string(), "x-consumer-*");
    }
}
