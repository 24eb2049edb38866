//! Pages that are the same for everybody.

use serde_json::json;

use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response::{html, json};
use crate::http::{Response, StatusCode};
use crate::pages;

/// `GET /auth/logged-out`: tolerates whatever the provider sends along.
pub(crate) fn signed_out<P: Platform>(_: &RequestContext<'_, P>) -> Response {
    html(StatusCode::OK, pages::signed_out::render())
}

/// `GET /auth/health`: the Worker runs and its configuration is good.
pub(crate) fn healthy<P: Platform>(_: &RequestContext<'_, P>) -> Response {
    json(StatusCode::OK, &json!({ "status": "ok" }))
}
