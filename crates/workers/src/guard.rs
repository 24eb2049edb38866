//! A Worker in Rust guards its own routes: both doors in its own isolate, and what lies behind them is its own affair.
//!
//! ```ignore
//! #[event(fetch)]
//! async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
//!     let admitted = match Guard::new(&env, &context).check(&request).await {
//!         Ok(admitted) => admitted,
//!         Err(refusal) => return Ok(refusal),
//!     };
//!     admitted.answer(Response::ok("hello")?)
//! }
//! ```
//!
//! The variables and secrets are those of Postern itself, read once in an isolate; of a route, `upstream` may be left out.
//! Variables may also be in a file that is compiled in: [`isolate::set_configuration`].
//! Tokens need no other binding; DPoP proofs need `ONCE`, and sessions `SUBJECTS`, both bound to Postern's own Worker
//! (`script_name`). `default-features = false` leaves out what only Postern's own Worker exports.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use worker::{Context, Env, Request, Response};

use crate::background::Background;
use crate::http::headers;
use crate::http::request;
use crate::http::response;
use crate::isolate;
use crate::js::Exception;
use crate::platform::Workers;
use postern::authn::Principal;
use postern::gateway::{Admission, Gateway, SiteMatch, Sites};
use postern::http::{RequestHead, StatusCode};
use postern::refusal::Reason;

/// What stands before the routes of a Worker. To be made anew for every request: what is costly is kept by the isolate.
pub struct Guard {
    /// A configuration that cannot be used lets nobody in.
    deployment: Result<Rc<Sites>, Exception>,
    env: Env,
    background: Background,
}

/// A request that may pass, and what its answer has to say.
#[derive(Debug)]
pub struct Admitted(Admission);

impl Guard {
    /// The guard of the event that `env` and `context` belong to.
    #[must_use]
    pub fn new(env: &Env, context: &Context) -> Self {
        let context: JsValue = AsRef::<JsValue>::as_ref(context.as_ref()).clone();
        let background = Background::Request(Rc::new(Context::new(context.unchecked_into())));
        Self { deployment: isolate::guard(env), env: env.clone(), background }
    }

    /// The site that a request is for, and what it asks of the world.
    fn at(&self, head: &RequestHead) -> Result<(&Rc<Gateway>, Workers), Response> {
        let broken = |why: &Exception| Response::from(response::broken(Some(head), &why.to_string()));
        let deployment = self.deployment.as_ref().map_err(broken)?;
        match deployment.at(head) {
            SiteMatch::Site(gateway) => Ok((gateway, Workers::new(&self.env, gateway, self.background.clone()))),
            SiteMatch::Unusable(why) => Err(response::unusable(head, deployment, why).into()),
            SiteMatch::Nowhere => Err(response::misdirected(head).into()),
        }
    }

    /// Asks both doors about a request, and writes one event about it.
    ///
    /// # Errors
    /// With the answer to give: a refusal as Postern's own, with status, challenge and problem; a redirect to sign in, for
    /// people; the answer to a preflight; the metadata of a resource (RFC 9728).
    pub async fn check(&self, request: &Request) -> Result<Admitted, Response> {
        let head = match request::head(request.inner()) {
            Ok(head) => head,
            Err(request::BadRequest) => return Err(response::unreadable().into()),
        };
        let (gateway, platform) = self.at(&head)?;
        let admission = gateway.admit(&platform, &head).await;
        admission.map(Admitted).map_err(|reply| response::certain(&reply).into())
    }

    /// Door 1 alone: who sends a request with this head, by the rule for its method and path? `None` where that is
    /// public. What the rule requires of them is not asked, and nothing is logged. It is a request's own: what it may use only
    /// once, such as a DPoP proof, is used up.
    ///
    /// # Errors
    /// With why nobody is known to send it.
    pub async fn authenticate(&self, head: &RequestHead) -> Result<Option<Principal>, Reason> {
        let (gateway, platform) = self.at(head).map_err(|_| Reason::Internal("internal.configuration"))?;
        gateway.authenticate(&platform, head).await
    }
}

/// The head of a request, for [`Guard::authenticate`].
///
/// # Errors
/// When a header or the method is not valid by RFC 9110.
pub fn head(request: &Request) -> Result<RequestHead, request::BadRequest> {
    request::head(request.inner())
}

impl Admitted {
    /// Who asks; `None` where the route is public.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.0.principal()
    }

    /// The id under which the log tells of the request.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.0.request_id()
    }

    /// The access token to show to an API, where the route says `token = "relay"`.
    #[must_use]
    pub fn access_token(&self) -> Option<&str> {
        self.0.access_token()
    }

    /// The Worker's answer with the headers that every answer of a guarded route carries: for nobody's cache, `Vary`, what pages
    /// of other origins may read, the session cookie where it was made anew. One that opens a WebSocket stays as it is.
    ///
    /// # Errors
    /// When the runtime cannot build it.
    pub fn answer(&self, response: Response) -> worker::Result<Response> {
        let response: web_sys::Response = response.into();
        match headers::answered(&response) {
            Some(own) if own.status != StatusCode::SWITCHING_PROTOCOLS => {
                let edits = self.0.answer_edits(own.status, &own.headers);
                let passed_on = response::passed_on(&response, &own, &edits).map_err(JsValue::from)?;
                Ok(passed_on.into())
            }
            _ => Ok(response.into()),
        }
    }
}
