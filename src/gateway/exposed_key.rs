//! API keys where none belongs: such a request is refused, and goes nowhere.

use std::borrow::Cow;
use std::cell::Cell;

use super::context::RequestContext;
use crate::api_key::{ApiKeyId, ApiKeyRules, find_exposed};
use crate::http::{RequestHead, header};
use crate::ports::{BodyError, RequestBody};
use crate::refusal::Reason;
use crate::route::CanonicalPath;

/// Where whoever finds a key reports it: there alone one may stand in a body.
const LEAK_REPORTS: &str = "/auth/keys/leaked";

impl<P> RequestContext<'_, P> {
    /// Refuses a request with a key in its address or in a cookie.
    ///
    /// # Errors
    /// When there is one.
    pub(super) fn refuse_exposed_key(&self) -> Result<(), Reason> {
        let Some(rules) = &self.site.config.api_keys else { return Ok(()) };
        exposed(self.request.head, rules).map_or(Ok(()), |id| Err(Reason::KeyExposed(id)))
    }
}

fn exposed(head: &RequestHead, rules: &ApiKeyRules) -> Option<ApiKeyId> {
    let target = head.target();
    let cookies = head.headers.get_all(header::COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let target = [Some(target.path), target.query].into_iter().flatten().map(Cow::Borrowed);
    target.chain(cookies).find_map(|text| find_exposed(&text, &rules.prefix))
}

/// The body of a request to an endpoint of ours. One with a key in it counts as unreadable, and `found` says which.
pub(super) struct WatchedBody<'a, B> {
    body: B,
    rules: Option<&'a ApiKeyRules>,
    found: &'a Cell<Option<ApiKeyId>>,
}

impl<'a, B> WatchedBody<'a, B> {
    /// Watches the body of a request to this path.
    pub(super) fn new<P>(
        ctx: &RequestContext<'a, P>,
        path: &CanonicalPath,
        body: B,
        found: &'a Cell<Option<ApiKeyId>>,
    ) -> Self {
        let rules = ctx.site.config.api_keys.as_ref().filter(|_| !path.is_within(LEAK_REPORTS));
        Self { body, rules, found }
    }
}

impl<B: RequestBody> RequestBody for WatchedBody<'_, B> {
    async fn text(self, max_bytes: usize) -> Result<String, BodyError> {
        let text = self.body.text(max_bytes).await?;
        match self.rules.and_then(|rules| find_exposed(&text, &rules.prefix)) {
            None => Ok(text),
            Some(id) => {
                self.found.set(Some(id));
                Err(BodyError::Unreadable)
            }
        }
    }
}
