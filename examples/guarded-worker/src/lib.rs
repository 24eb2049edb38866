//! A Worker of your own that lets in whom its `ROUTES` let in, and answers them itself.

use postern_workers::{Admitted, Guard};
use serde_json::json;
use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let admitted = match Guard::new(&env, &context).check(&request).await {
        Ok(admitted) => admitted,
        Err(refusal) => return Ok(refusal),
    };
    admitted.answer(handle(&request, &admitted)?)
}

/// What the Worker is for. Both doors are behind us.
fn handle(request: &Request, admitted: &Admitted) -> Result<Response> {
    let Some(caller) = admitted.principal() else { return Response::ok("open to everybody\n") };
    Response::from_json(&json!({
        "path": request.path(),
        "issuer": caller.issuer(),
        "subject": caller.subject(),
        "kind": caller.kind().as_str(),
        "scopes": caller.scopes(),
    }))
}
