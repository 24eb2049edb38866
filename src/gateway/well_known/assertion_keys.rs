//! `GET /.well-known/jwks.json`: the keys by which upstreams verify assertions (RFC 7517 §5).

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::audit::{Effect, What};
use crate::config::Config;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::gateway::{Platform, response};
use crate::http::{HeaderValue, Method, Response, StatusCode, header};
use crate::refusal::Reason;
use crate::route::CanonicalPath;
use crate::time::Seconds;

const PATH: &str = "/.well-known/jwks.json";
/// How long a copy may be used: so long before a key signs it should stand here.
const MAX_AGE: Seconds = Seconds::minutes(5);

/// Whether a path of ours asks for the keys; where nothing is signed by them, there are none of ours.
pub(crate) fn is_asked_for(config: &Config, path: &CanonicalPath) -> bool {
    path.as_str() == PATH && config.publishes_assertion_keys()
}

/// Publishes the keys, to everybody, scripts of other origins included.
pub(crate) fn publish<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Response, Reason> {
    parts.event.event = What::Own;
    ctx.request.allow_methods(&[Method::GET, Method::HEAD])?;
    let keys = ctx.site.assertions.key_set();
    Ok(key_set(ctx, keys, parts))
}

/// A key set for everybody, scripts of other origins included; a 304 to those that have it.
pub(super) fn key_set<P: Platform>(ctx: &RequestContext<'_, P>, keys: &str, parts: &mut ResponseParts) -> Response {
    let tag = format!("\"{}\"", Base64UrlUnpadded::encode_string(&Sha256::digest(keys)));
    let mut response = if is_known(ctx, &tag) {
        Response::empty(StatusCode::NOT_MODIFIED)
    } else {
        response::json_text(StatusCode::OK, keys.to_owned())
    };
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers.insert(header::ETAG, tag);
    }
    parts.event.end(Effect::Allow, "own.page", response.status);
    response::readable_by_all(response::public(response, MAX_AGE))
}

/// Whether the caller has this very document (RFC 9110 §13.1.2).
fn is_known<P: Platform>(ctx: &RequestContext<'_, P>, tag: &str) -> bool {
    let lines = ctx.request.head.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
