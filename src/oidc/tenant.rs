//! Which of its names an issuer uses that has one for each of its tenants (R-386).

use super::id_token::IdTokenError;
use super::key_issuer::signs_for;
use crate::claims::text;
use crate::config::Issuer;
use crate::jose::VerifiedJwt;

/// What the issuer calls itself in this ID token, if it is for a tenant that counts; for all other issuers, their name. That
/// the token says so itself is left to be checked.
///
/// # Errors
/// When it names no tenant or another, or the key is another issuer's.
pub fn issuer_of(jwt: &VerifiedJwt, issuer: &Issuer) -> Result<String, IdTokenError> {
    if !issuer.has_tenants() {
        let signs = signs_for(jwt.key_issuer(), issuer.as_str());
        return if signs { Ok(issuer.as_str().to_owned()) } else { Err(IdTokenError::KeyIssuerMismatch) };
    }
    let tenant = text(jwt.claims(), "tid").ok_or(IdTokenError::TidMalformed)?;
    let name = issuer.of_tenant(tenant).ok_or(IdTokenError::TidRefused)?;
    // A set of keys for several issuers says which are whose, or that they are for every tenant.
    match jwt.key_issuer() {
        Some(of_key) if of_key != name && of_key != issuer.as_str() => Err(IdTokenError::KeyIssuerMismatch),
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::testing::provider;
    use crate::jose::testing::{jwk, key_set, sign, verify};

    const TENANT: &str = "6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";
    const OTHER: &str = "0f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10";

    fn name(tenant: &str) -> String {
        format!("https://login.microsoftonline.com/{tenant}/v2.0")
    }

    fn found(tenants: &Value, tid: &Value, of_key: Option<&Value>) -> Result<String, IdTokenError> {
        let issuer = provider(|table| {
            *table = json!({ "preset": "entra-multitenant", "tenants": tenants, "client_id": "app" });
        });
        let mut key = jwk();
        if let Some(of_key) = of_key {
            key["issuer"] = of_key.clone();
        }
        let token = sign(r#"{"alg":"EdDSA","kid":"k1"}"#, &json!({ "tid": tid }).to_string());
        issuer_of(&verify(&token, &key_set(&[key])).unwrap(), &issuer.issuer)
    }

    #[test]
    fn a_tenant_that_counts_has_its_own_name() {
        // R-386
        for tenants in [json!("any"), json!([OTHER, TENANT])] {
            assert_eq!(found(&tenants, &json!(TENANT), None), Ok(name(TENANT)));
        }
    }

    #[test]
    fn every_other_tenant_is_refused() {
        // R-386
        for tid in [json!(null), json!([TENANT]), json!(7), json!({})] {
            assert_eq!(found(&json!("any"), &tid, None), Err(IdTokenError::TidMalformed), "{tid}");
        }
        let personal = "9188040d-6c67-4c5b-b112-36a304b66dad";
        for tid in ["", "common", personal, &TENANT.to_uppercase(), "../x", &format!("{TENANT}/v2.0?"), "{tenantid}"] {
            assert_eq!(found(&json!("any"), &json!(tid), None), Err(IdTokenError::TidRefused), "{tid}");
        }
        assert_eq!(found(&json!([TENANT]), &json!(OTHER), None), Err(IdTokenError::TidRefused));
    }

    #[test]
    fn a_key_of_another_issuer_proves_nothing() {
        // R-386
        for of_key in ["https://login.microsoftonline.com/{tenantid}/v2.0", &name(TENANT)] {
            assert_eq!(found(&json!("any"), &json!(TENANT), Some(&json!(of_key))), Ok(name(TENANT)), "{of_key}");
        }
        for of_key in [
            json!(name(OTHER)),
            json!("https://login.microsoftonline.us/{tenantid}/v2.0"),
            json!(7),
            json!([name(TENANT)]),
        ] {
            let refused = Err(IdTokenError::KeyIssuerMismatch);
            assert_eq!(found(&json!("any"), &json!(TENANT), Some(&of_key)), refused, "{of_key}");
        }
    }

    #[test]
    fn an_issuer_without_tenants_has_one_name() {
        let token = sign(r#"{"alg":"EdDSA","kid":"k1"}"#, &json!({ "tid": TENANT }).to_string());
        let issuer = provider(|_| ()).issuer;
        assert_eq!(issuer_of(&verify(&token, &key_set(&[jwk()])).unwrap(), &issuer).as_deref(), Ok(issuer.as_str()));
    }
}
