//! Events about what goes on beside requests.

use crate::audit::{Effect, Event, What};
use crate::config::Config;
use crate::gateway::refused::explain;
use crate::gateway::{Platform, request_id};
use crate::http::Peer;
use crate::ports::Clock;
use crate::refusal::Reason;

/// An event about something that is nobody's request.
pub(crate) fn background_event<P: Platform>(config: &Config, platform: &P, what: What) -> Event {
    let id = request_id::request_id(platform.random());
    let mut event = Event::about(&id, "-", "-", &Peer::default(), platform.clock().now());
    event.event = what;
    event.decided_by(config);
    event
}

/// Notes why it came to nothing.
pub(crate) fn note_failure(event: &mut Event, reason: &Reason) {
    event.end(Effect::Deny, reason.code(), reason.refusal().status());
    explain(event, reason);
}
