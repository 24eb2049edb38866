//! `GET /auth/postern.js`: the helper for front ends, as it stands in `client/`.

use crate::gateway::context::RequestContext;
use crate::gateway::{Platform, response};
use crate::http::{HeaderValue, Response, header};

const HELPER: &str = include_str!("../../../client/postern.js");

/// The same for everybody, and no secret: the one answer of ours that a browser may store.
pub(crate) fn script<P: Platform>(_: &RequestContext<'_, P>) -> Response {
    let mut response = response::javascript(HELPER);
    response.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=600"));
    response
}
