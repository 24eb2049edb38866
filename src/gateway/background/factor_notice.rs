//! A change of a person's factors is told to `SECOND.notify`.

use super::event::background_event;
use crate::audit::{Effect, What};
use crate::config::FactorNotices;
use crate::gateway::{Gateway, Platform};
use crate::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use crate::oidc::exchange::may_pass;
use crate::ports::{Fetch, Log, OutboundRequest, Timer};
use crate::time::Seconds;

/// `typ` of the JWT (RFC 8417 §2.3): nothing else that Postern signs is taken for a notice.
const TYP: &str = "secevent+jwt";
const TIMEOUT: Seconds = Seconds::new(5);
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// What passes before each try, in milliseconds. The first is right away.
const TRIES: [u32; 3] = [0, 1000, 4000];

impl Gateway {
    /// Sends a notice, and says in one event what became of it.
    pub(super) async fn tell_of_factors<P: Platform>(&self, platform: &P, claims: &str) {
        let Some(to) = self.config.second.as_ref().and_then(|rules| rules.notify.as_ref()) else { return };
        let mut event = background_event(&self.config, platform, What::FactorNotice);
        let status = match self.assertions.sign(platform.signing(), TYP, claims).await {
            Some(notice) => send(platform, to, notice.expose()).await,
            None => None,
        };
        event.provider_status = status.map(|status| status.as_u16());
        match status.filter(StatusCode::is_success) {
            Some(status) => event.end(Effect::Allow, "second.notice_sent", status),
            None => event.end(Effect::Deny, "second.notice_failed", StatusCode::BAD_GATEWAY),
        }
        platform.log().line(&event.to_line());
    }
}

/// The status of the last answer; `None` where there was none. What an answer refuses is not sent again (RFC 8935 §2.4).
async fn send<P: Platform>(platform: &P, to: &FactorNotices, notice: &str) -> Option<StatusCode> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/secevent+jwt"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let request = OutboundRequest {
        method: Method::POST,
        url: to.url.clone(),
        headers,
        body: notice.to_owned(),
        timeout: TIMEOUT,
        max_bytes: MAX_ANSWER_BYTES,
        via: to.via.clone(),
        certificate: None,
    };
    let mut last = None;
    for pause in TRIES {
        if pause > 0 {
            platform.timer().sleep(pause).await;
        }
        last = platform.fetch().send(request.clone()).await.ok().map(|answer| answer.status);
        if last.is_some_and(|status| !may_pass(status)) {
            break;
        }
    }
    last
}
