//! The methods a rule is for.

use http::Method;

/// What a rule may name: TRACE, CONNECT and invented methods are never forwarded.
const ROUTABLE: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// A set of methods. With GET it always holds HEAD, so both fall under one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Methods(Vec<Method>);

impl Methods {
    /// Every method a rule may name.
    #[must_use]
    pub fn all() -> Self {
        Self(ROUTABLE.to_vec())
    }

    /// Reads names such as `GET`, in capitals; adds HEAD to GET.
    ///
    /// # Errors
    /// The first name that is no routable method.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut named = Vec::new();
        for name in names {
            named.push(ROUTABLE.iter().find(|method| method.as_str() == name).ok_or(name)?);
        }
        let holds =
            |method: &Method| named.contains(&method) || (*method == Method::HEAD && named.contains(&&Method::GET));
        Ok(Self(ROUTABLE.into_iter().filter(holds).collect()))
    }

    /// The same without HEAD: for a protocol that gives GET a meaning of its own.
    #[must_use]
    pub fn without_head(mut self) -> Self {
        self.0.retain(|method| *method != Method::HEAD);
        self
    }

    /// Whether `method` is among them.
    #[must_use]
    pub fn contains(&self, method: &Method) -> bool {
        self.0.contains(method)
    }

    /// Those in order: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS.
    pub fn iter(&self) -> impl Iterator<Item = &Method> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of an `Allow` header (RFC 9110 §10.2.1).
    #[must_use]
    pub fn allow_header(&self) -> String {
        self.0.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
    }

    /// The first method that both hold.
    pub(super) fn first_shared(&self, other: &Self) -> Option<&Method> {
        self.0.iter().find(|method| other.contains(method))
    }

    /// Those of either.
    pub(super) fn union(&self, other: &Self) -> Self {
        Self(ROUTABLE.into_iter().filter(|method| self.contains(method) || other.contains(method)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_brings_head_with_it() {
        //
        let methods = Methods::parse(["POST", "GET"]).unwrap();
        assert_eq!(methods.allow_header(), "GET, HEAD, POST");
        assert!(!Methods::parse(["HEAD"]).unwrap().contains(&Method::GET));
    }

    #[test]
    fn methods_that_are_never_forwarded_have_no_name_here() {
        //
        for bad in ["TRACE", "CONNECT", "get", "PROPFIND", "", " GET"] {
            assert_eq!(Methods::parse(["GET", bad]), Err(bad));
        }
    }
}
