//! That the Worker runs.

use serde_json::json;

use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response::json;
use crate::http::{Response, StatusCode};

/// `GET /auth/health`: the Worker runs and its configuration is good.
pub(crate) fn healthy<P: Platform>(_: &RequestContext<'_, P>) -> Response {
    json(StatusCode::OK, &json!({ "status": "ok" }))
}
