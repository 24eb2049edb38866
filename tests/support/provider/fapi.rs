//! What a provider of FAPI 2.0 does besides: pushed and signed requests, and signed responses.

use std::collections::BTreeMap;

use futures::executor::block_on;
use postern::jose::{Algorithm, Es256Signer, KeySet, Portable, UnverifiedJwt};
use postern::ports::OutboundResponse;
use postern::secret::Secret;
use serde_json::{Value, json};

use super::{AuthorizationResponse, Provider, answer};

impl Provider {
    /// Takes pushed requests from now on.
    pub fn offer_pushed(&self) {
        let endpoint = format!("{}/par", self.issuer);
        self.metadata.borrow_mut()["pushed_authorization_request_endpoint"] = endpoint.into();
    }

    /// RFC 9126 §2.2, from the other side.
    pub(super) fn push(&self, form: BTreeMap<String, String>) -> OutboundResponse {
        self.issued.set(self.issued.get() + 1);
        let uri = format!("urn:ietf:params:oauth:request_uri:{}", self.issued.get());
        self.pushed.borrow_mut().insert(uri.clone(), form);
        answer(201, &json!({ "request_uri": uri, "expires_in": 60 }))
    }

    /// The parameters of a request: its own, or those that were pushed, in a request object or not. Each counts once.
    pub(super) fn asked(&self, query: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let Some(uri) = query.get("request_uri") else { return query };
        assert_eq!(query.keys().collect::<Vec<_>>(), ["client_id", "request_uri"], "more went through the browser");
        let pushed = self.pushed.borrow_mut().remove(uri).expect("a request that was pushed and not used");
        assert_eq!(pushed["client_id"], query["client_id"]);
        let Some(object) = pushed.get("request") else { return pushed };
        let claims = of_request_object(object);
        assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(self.issuer), &json!(pushed["client_id"])));
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        claims.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    /// The same response in a JWT, with these claims changed; `null` takes one away.
    pub fn signed(&self, response: &AuthorizationResponse, now: i64, changes: &Value) -> AuthorizationResponse {
        let mut claims = json!({ "iss": self.issuer, "aud": "app", "exp": now + 60 });
        let parameters = response.parameters.iter().filter(|(name, _)| name != "iss");
        let claims = claims.as_object_mut().unwrap();
        claims.extend(parameters.map(|(name, value)| (name.clone(), value.as_str().into())));
        claims.extend(changes.as_object().unwrap().clone());
        claims.retain(|_, value| !value.is_null());
        let parameters = vec![("response".to_owned(), self.key.borrow().sign(None, claims))];
        AuthorizationResponse { redirect_uri: response.redirect_uri.clone(), parameters }
    }
}

/// The claims of a request object, which our own key signed.
fn of_request_object(object: &str) -> Value {
    let key = Secret::new(include_str!("../../../fixtures/jwk/p256_private.p8").to_owned());
    let public = Es256Signer::from_pkcs8(&key).unwrap().public_jwk();
    let keys = KeySet::parse(json!({ "keys": [public] }).to_string().as_bytes()).unwrap();
    let jwt = UnverifiedJwt::parse(object).unwrap();
    let jwt = block_on(jwt.verify(&keys, &[Algorithm::Es256], &Portable)).unwrap();
    assert_eq!(jwt.header().typ(), Some("oauth-authz-req+jwt"));
    Value::Object(jwt.into_claims())
}
