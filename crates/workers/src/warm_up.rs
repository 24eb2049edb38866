//! A made-up request and answer, through what the runtime's go through.

use web_sys::{Request, Response};

use crate::http::{headers, request, response};
use postern::gateway::Sites;

/// Runs the code of every request once, so that it is compiled before the first one (see
/// [`postern::gateway::Gateway::warm_up`]). `None` if it does not get to the answer, which says nothing about requests.
pub fn run(deployment: &Sites, request: &Request, answer: &Response) -> Option<Response> {
    let head = request::head(request).ok()?;
    let answered = headers::answered(answer)?;
    let warm_up = deployment.gateways().next()?.warm_up(&head, &answered.headers)?;
    headers::init(&warm_up.headers).ok()?;
    response::passed_on(answer, &answered, &warm_up.edits).ok()
}
