//! Where work goes on that does not end with the event that started it.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use wasm_bindgen_futures::spawn_local;
use worker::{Context, ScheduleContext};

use crate::pending_request::PendingRequest;

/// What keeps the runtime alive for it.
#[derive(Clone, Debug)]
pub enum Background {
    /// A request: up to 30 seconds after its answer, and after its client has gone.
    Request(Rc<Context>),
    /// The same in Postern's own Worker, which may begin a request anew.
    PendingRequest(Rc<Context>, PendingRequest),
    /// A timer.
    Schedule(ScheduleContext),
    /// A Durable Object, which lives as long as it has something to do.
    Object,
}

impl Background {
    /// Starts `work`.
    pub fn run(&self, work: impl Future<Output = ()> + 'static) {
        self.start(Box::pin(work));
    }

    fn start(&self, work: LocalBoxFuture<'static, ()>) {
        match self {
            Self::Request(context) | Self::PendingRequest(context, _) => context.wait_until(work),
            Self::Schedule(context) => context.wait_until(work),
            Self::Object => spawn_local(work),
        }
    }

    /// Keeps a line of the log that is to be written even if this instance ends, or the client goes away, before
    /// [`Background::release`].
    pub fn hold(&self, line: String) {
        if let Self::PendingRequest(_, request) = self {
            request.hold(&line);
        }
    }

    /// What the line would have told has been told.
    pub fn release(&self) {
        if let Self::PendingRequest(_, request) = self {
            request.release();
        }
    }

    /// Notes that something is sent which may have an effect: what belongs to this event is not done over.
    pub fn note_effect(&self) {
        if let Self::PendingRequest(_, request) = self {
            request.note_effect();
        }
    }
}
