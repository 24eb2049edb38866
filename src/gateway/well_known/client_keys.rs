//! `GET /auth/clients/ID/jwks.json`: the keys by which an authorization server verifies that a client is ours, and
//! for which it encrypts ID tokens.
//!
//! The server takes the address as the client's `jwks_uri` (OpenID Connect Dynamic Client Registration §2), and keys change
//! without it being told.

use serde_json::{Value, json};

use super::assertion_keys;
use crate::audit::What;
use crate::config::{ClientAssertion, ClientAuth, Config};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::http::{Method, Response};
use crate::jose::{AssertionKey, DecryptionKey};
use crate::refusal::Reason;

/// The end of the path, after the id.
const FILE: &str = "/jwks.json";

/// Publishes the keys of the clients that go by an id. `rest`: what stands after `/auth/clients/`.
pub(crate) fn publish<P: Platform>(
    ctx: &RequestContext<'_, P>,
    rest: &str,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    let id = rest.strip_suffix(FILE).ok_or(Reason::NoRoute)?;
    let keys = keys(&ctx.site.config, id);
    if keys.is_empty() {
        return Err(Reason::NoRoute);
    }
    ctx.request.allow_methods(&[Method::GET, Method::HEAD])?;
    Ok(assertion_keys::key_set(ctx, &json!({ "keys": keys }).to_string(), parts))
}

/// The public halves of the keys that sign now, and of those beside them, each once; and of those that tokens are encrypted for.
fn keys(config: &Config, id: &str) -> Vec<Value> {
    let mut keys: Vec<Value> = Vec::new();
    for how in clients(config, id) {
        for jwk in std::iter::once(&how.key).chain(&how.other_key) {
            if let Ok(key) = AssertionKey::from_jwk(jwk, how.algorithm).map(|key| key.public_jwk())
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
    }
    let encryption = config.provider(id).and_then(|provider| provider.encrypted_id_token.as_ref());
    keys.extend(encryption.iter().flat_map(|how| &how.keys).map(DecryptionKey::public_jwk));
    keys
}

/// The clients that go by an id, as that of a provider, an issuer or an entry of `SERVICES`. Who verifies looks at whom an
/// assertion is by and for, beside the key.
fn clients<'a>(config: &'a Config, id: &'a str) -> impl Iterator<Item = &'a ClientAssertion> {
    let provider = config.provider(id).map(|provider| &provider.client_auth);
    let issuer = config.issuers.iter().find(|issuer| issuer.id.as_str() == id);
    let issuer = issuer.and_then(|issuer| Some(&issuer.introspection()?.client_auth));
    let service = config.service(id).map(|service| &service.client_auth);
    [provider, issuer, service].into_iter().flatten().filter_map(|auth| match auth {
        ClientAuth::PrivateKeyJwt(how) => Some(how),
        _ => None,
    })
}
