//! `GET /.well-known/oauth-authorization-server` (RFC 8414).

use serde_json::{Value, json};

use super::{AUTHORIZE, REGISTER, REVOKE, TOKEN};
use crate::agent::authorize::offer;
use crate::agent::client::assertion;
use crate::agent::{enterprise, exchange};
use crate::audit::{Effect, What};
use crate::authn::dpop;
use crate::config::{AgentRules, Config};
use crate::gateway::context::RequestContext;
use crate::gateway::response;
use crate::gateway::response_parts::ResponseParts;
use crate::http::{Method, Response, StatusCode};
use crate::jose::Algorithm;
use crate::refusal::Reason;
use crate::time::Seconds;

/// How long a copy may be used.
const MAX_AGE: Seconds = Seconds::hours(1);

/// Answers everybody, scripts of other origins included.
pub(super) fn describe<P>(
    ctx: &RequestContext<'_, P>,
    rules: &AgentRules,
    parts: &mut ResponseParts,
) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    ctx.request.allow_methods(&[Method::GET, Method::HEAD, Method::OPTIONS])?;
    let response = if ctx.request.head.method == Method::OPTIONS {
        Response::empty(StatusCode::NO_CONTENT)
    } else {
        response::json(StatusCode::OK, &metadata(&ctx.site.config, rules))
    };
    parts.event.end(Effect::Allow, "own.page", response.status);
    Ok(response::readable_by_all(response::public(response, MAX_AGE)))
}

fn grant_types(rules: &AgentRules) -> Vec<&'static str> {
    let vouched = (!rules.enterprise.is_empty()).then_some(enterprise::GRANT_TYPE);
    ["authorization_code", "refresh_token", exchange::GRANT_TYPE].into_iter().chain(vouched).collect()
}

/// RFC 8414 §2, RFC 9207 §3, RFC 9449 §5.1, Client ID Metadata Document §5.
fn metadata(config: &Config, rules: &AgentRules) -> Value {
    let at = |path: &str| config.public_url.join(path);
    let names = |algorithms: &[Algorithm]| json!(algorithms.iter().map(|one| one.name()).collect::<Vec<_>>());
    let methods = json!(["none", "private_key_jwt"]);
    let mut all = json!({
        "issuer": config.public_url.origin(),
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "revocation_endpoint": at(REVOKE),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grant_types(rules),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": names(&assertion::ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": names(&assertion::ALGORITHMS),
        "dpop_signing_alg_values_supported": names(&dpop::ALGORITHMS),
        "client_id_metadata_document_supported": true,
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": offer::all_scopes(config),
    });
    if let Some(members) = all.as_object_mut().filter(|_| !rules.enterprise.is_empty()) {
        members.insert("authorization_grant_profiles_supported".to_owned(), json!([enterprise::PROFILE]));
    }
    if let Some(members) = all.as_object_mut().filter(|_| rules.register) {
        members.insert("registration_endpoint".to_owned(), at(REGISTER).into());
    }
    all
}
