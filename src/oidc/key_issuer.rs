//! For whose tokens a key is, where its JWK has an `issuer`, as the keys of Microsoft Entra have.

use crate::config::{TENANT_PLACE, is_guid};
use crate::http::public_url::absolute;

/// Whether a key may sign tokens of this issuer. `of_key`: the `issuer` of its JWK, empty where that is no text.
///
/// At the issuer's own origin it is the issuer, or a template of which the issuer is one tenant. At another origin it may be
/// another name of the same issuer: version 1.0 of Entra's tokens has one. It is then refused if it names another tenant:
/// a key for personal accounts alone must not sign for an organisation.
#[must_use]
pub fn signs_for(of_key: Option<&str>, issuer: &str) -> bool {
    let Some(of_key) = of_key else { return true };
    let of_template = tenant_in(of_key, issuer).is_some_and(is_guid);
    of_key == issuer
        || of_template
        || !of_key.is_empty() && !is_same_origin(of_key, issuer) && is_same_tenant(of_key, issuer)
}

/// What the issuer has in the place of the tenant in this template.
fn tenant_in<'i>(template: &str, issuer: &'i str) -> Option<&'i str> {
    let (before, after) = template.split_once(TENANT_PLACE)?;
    issuer.strip_prefix(before)?.strip_suffix(after)
}

fn is_same_origin(one: &str, other: &str) -> bool {
    absolute(one).zip(absolute(other)).is_some_and(|(one, other)| one.origin() == other.origin())
}

fn is_same_tenant(of_key: &str, issuer: &str) -> bool {
    let mut named = of_key.split('/').filter(|segment| is_guid(segment));
    named.all(|tenant| issuer.split('/').any(|segment| segment == tenant))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
    const OTHER: &str = "0f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";

    fn at(origin: &str, tenant: &str) -> String {
        format!("{origin}/{tenant}/v2.0")
    }

    #[test]
    fn a_key_signs_for_the_issuer_that_it_names() {
        //
        let issuer = at("https://login.example", TENANT);
        assert!(signs_for(None, &issuer));
        for good in [
            issuer.clone(),
            at("https://login.example", "{tenantid}"),
            at("https://sts.example", TENANT),
            at("https://sts.example", "{tenantid}"),
            "https://sts.example/".to_owned(),
            "urn:example:keys".to_owned(),
        ] {
            assert!(signs_for(Some(&good), &issuer), "{good}");
        }
        for bad in [
            String::new(),
            "https://login.example".to_owned(),
            at("https://login.example", OTHER),
            at("https://login.example:443", OTHER),
            at("https://login.example", "organizations"),
            at("https://LOGIN.example", "organizations"),
            at("https://login.example", "{tenantid}/{tenantid}"),
            "https://login.example/{tenantid}/v1.0".to_owned(),
            format!("{issuer}/"),
            at("https://sts.example", OTHER),
            at("http://login.example", OTHER),
            format!("https://sts.example/{TENANT}/{OTHER}/"),
            format!("urn/{OTHER}"),
        ] {
            assert!(!signs_for(Some(&bad), &issuer), "{bad}");
        }
    }

    #[test]
    fn the_template_is_for_tenants_alone() {
        //
        let template = at("https://login.example", "{tenantid}");
        for issuer in ["organizations", "common", &TENANT.to_uppercase(), "", "{tenantid}/x", &format!("{TENANT}/x")] {
            assert!(!signs_for(Some(&template), &at("https://login.example", issuer)), "{issuer}");
        }
    }
}
