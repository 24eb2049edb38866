//! What an isolate keeps between requests: the gateways of its sites, and nothing of any request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use worker::Env;

use crate::environment::Environment;
use crate::js::Exception;
use crate::log;
use postern::config::{self, Build, Purpose};
use postern::gateway::Sites;
use postern::policy::PolicyEngine;

thread_local! {
    static DEPLOYMENT: RefCell<Option<Rc<Sites>>> = const { RefCell::new(None) };
    static POLICY_ENGINE: Cell<Option<&'static dyn PolicyEngine>> = const { Cell::new(None) };
}

/// Hands in the engine for policies, and warms it up. A Worker that links one calls this once, where the runtime starts
/// the isolate (`#[event(start)]`): no request waits then. Without an engine the isolate has no policies.
pub fn set_policy_engine(engine: &'static dyn PolicyEngine) {
    POLICY_ENGINE.set(Some(engine));
    engine.warm_up();
}

/// The isolate's deployment, built when it is first needed, by a request or by an object. Then the log says once what
/// is wrong with it.
///
/// # Errors
/// When the bindings cannot be read.
pub fn deployment(env: &Env) -> Result<Rc<Sites>, Exception> {
    deployment_for(Purpose::Gateway, env)
}

/// The same for a Worker that guards its own routes.
///
/// # Errors
/// The same.
pub fn guard(env: &Env) -> Result<Rc<Sites>, Exception> {
    deployment_for(Purpose::Guard, env)
}

fn deployment_for(purpose: Purpose, env: &Env) -> Result<Rc<Sites>, Exception> {
    if let Some(deployment) = DEPLOYMENT.with_borrow(Clone::clone) {
        return Ok(deployment);
    }
    let environment = Environment::read(env)?;
    let engine = POLICY_ENGINE.get();
    let build = Build { purpose, policies: engine.is_some() };
    let read = config::Deployment::parse_for(build, &environment.vars, &|name| environment.secret(name));
    let deployment = Rc::new(Sites::new(read, engine));
    for trouble in deployment.troubles() {
        log::failure("misconfigured", None, &trouble);
    }
    DEPLOYMENT.with_borrow_mut(|slot| *slot = Some(Rc::clone(&deployment)));
    Ok(deployment)
}
