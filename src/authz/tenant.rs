//! `require.tenant`: whoever vouches for somebody says that they belong to this tenant. What the request says is
//! only ever held against that.

use serde_json::Value;

use super::Denial;
use crate::route::Operand;

/// # Errors
/// When a tenant is named and the identity belongs to another, or to none.
pub fn decide(tenant: Option<&str>, required: Option<&Operand>, params: &[(String, String)]) -> Result<(), Denial> {
    let Some(required) = required else { return Ok(()) };
    let own = tenant.is_some_and(|tenant| required.is(&Value::from(tenant), params));
    if own { Ok(()) } else { Err(Denial::Tenant) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_compared_whole_and_no_tenant_is_no_tenants() {
        //
        let params = [("org".to_owned(), "acme".to_owned()), ("rest".to_owned(), String::new())];
        let literal = Operand::Value(Value::from("acme"));
        let parameter = |name: &str| Operand::Parameter(name.to_owned());
        for required in [&literal, &parameter("org")] {
            assert_eq!(decide(Some("acme"), Some(required), &params), Ok(()));
            for other in [None, Some(""), Some("Acme"), Some("acme2"), Some("evil"), Some("acme ")] {
                assert_eq!(decide(other, Some(required), &params), Err(Denial::Tenant), "{other:?}");
            }
        }
        assert_eq!(decide(Some(""), Some(&parameter("rest")), &params), Err(Denial::Tenant));
        assert_eq!(decide(None, Some(&parameter("absent")), &params), Err(Denial::Tenant));
        assert_eq!(decide(None, None, &params), Ok(()));
    }
}
