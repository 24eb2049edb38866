//! Where work goes on that does not end with the event that started it.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use worker::{Context, ScheduleContext};

/// What keeps the runtime alive for it.
#[derive(Clone, Debug)]
pub enum Background {
    /// A request: up to 30 seconds after its answer, and after its client has gone.
    Request(Rc<Context>),
    /// A timer.
    Schedule(ScheduleContext),
    /// A Durable Object, which lives as long as it has something to do.
    Object,
}

impl Background {
    /// Starts `work`.
    pub fn run(&self, work: impl Future<Output = ()> + 'static) {
        match self {
            Self::Request(context) => context.wait_until(work),
            Self::Schedule(context) => context.wait_until(work),
            Self::Object => spawn_local(work),
        }
    }
}
