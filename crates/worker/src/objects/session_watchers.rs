//! The object's side of [`super::watch`]: hibernating WebSockets, each with the digest of its session as tag.

use worker::{State, WebSocket, WebSocketPair};

use crate::http::websocket;
use crate::objects::ObjectError;
use postern::ports::StoreError;
use postern::session::{MAX_WATCHERS, SessionDigest};
use postern::upstream::websocket::Close;

/// Those who wait for sessions of this subject to end.
pub(crate) struct Watchers(pub(crate) State);

impl Watchers {
    /// One more.
    pub(crate) fn admit(&self, digest: &SessionDigest) -> Result<web_sys::WebSocket, ObjectError> {
        if self.0.get_websockets().len() >= MAX_WATCHERS {
            return Err(ObjectError::Failed("too many watch this subject".to_owned()));
        }
        let pair = WebSocketPair::new().map_err(|error| ObjectError::Failed(error.to_string()))?;
        self.0.accept_websocket_with_tags(&pair.server, &[digest.as_str()]);
        Ok(pair.client.as_ref().clone())
    }

    /// Tells those whose session is not there any more.
    pub(crate) fn tell(&self, has: impl Fn(&SessionDigest) -> Result<bool, StoreError>) -> Result<(), StoreError> {
        for line in self.0.get_websockets() {
            let lives = self.watched(&line).map_or(Ok(false), |digest| has(&digest))?;
            if !lives {
                dismiss(&line);
            }
        }
        Ok(())
    }

    /// Which session a line is about.
    pub(crate) fn watched(&self, line: &WebSocket) -> Option<SessionDigest> {
        self.0.get_tags(line).into_iter().next().map(SessionDigest::of_tag)
    }
}

/// Says that the session has ended.
pub(crate) fn dismiss(line: &WebSocket) {
    websocket::shut(line.as_ref().as_ref(), &Close::ended());
}
