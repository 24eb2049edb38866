//! [`Reply`] → the runtime's response.

use web_sys::{Response, ResponseInit};

use super::headers;
use super::js::Exception;
use crate::http::{Reply, StatusCode};

/// An answer of our own.
///
/// # Errors
/// When a header or the status is none the runtime sends.
pub fn build(reply: &Reply) -> Result<Response, Exception> {
    let headers = headers::write(&reply.headers).map_err(|_| Exception::new("a header cannot be sent"))?;
    let init = ResponseInit::new();
    init.set_status(reply.status.as_u16());
    init.set_headers(&headers);
    let body = (!has_no_body(reply.status)).then_some(reply.body.as_str());
    Ok(Response::new_with_opt_str_and_init(body, &init)?)
}

/// The statuses that never have a body (Fetch, "null body status").
pub(super) const fn has_no_body(status: StatusCode) -> bool {
    matches!(status.as_u16(), 101 | 103 | 204 | 205 | 304)
}
