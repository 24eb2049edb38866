//! The bindings of one event, as one site uses them. Each is looked up where it is used: most requests need one or none.

use std::rc::Rc;

use worker::Env;

use crate::background::Background;
use crate::js::property;
use crate::objects::Objects;
use postern::gateway::Gateway;
use postern::ids::site::Site;

/// The stores of one site: the ports that reach Durable Objects, KV or the platform's rate limiting are its own.
#[derive(Clone, Debug)]
pub struct Bindings {
    env: Env,
    gateway: Rc<Gateway>,
    background: Background,
}

impl Bindings {
    /// Those that `env` has for the site of `gateway`, for an event whose work goes on in `background`.
    #[must_use]
    pub fn new(env: &Env, gateway: &Rc<Gateway>, background: Background) -> Self {
        Self { env: env.clone(), gateway: Rc::clone(gateway), background }
    }

    /// Where work goes on beside the event.
    #[must_use]
    pub const fn background(&self) -> &Background {
        &self.background
    }

    /// The site at work.
    #[must_use]
    pub const fn gateway(&self) -> &Rc<Gateway> {
        &self.gateway
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.gateway.config().site
    }

    /// The site's Durable Objects.
    pub fn objects(&self) -> Objects<'_> {
        let config = self.gateway.config();
        Objects { env: &self.env, site: &config.site, place: &config.place }
    }

    /// What the runtime binds.
    pub(crate) const fn env(&self) -> &Env {
        &self.env
    }

    /// Whether anything is bound by this name.
    pub(crate) fn has(&self, binding: &str) -> bool {
        property(&self.env, binding).is_ok_and(|bound| !bound.is_undefined())
    }
}
