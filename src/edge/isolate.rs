//! What an isolate keeps between requests: the gateway, and nothing of any request.

use std::cell::RefCell;
use std::rc::Rc;

use worker::Env;

use super::environment::Environment;
use super::js::Exception;
use crate::config::{Config, Purpose};
use crate::gateway::Gateway;

thread_local! {
    static GATEWAY: RefCell<Option<Rc<Gateway>>> = const { RefCell::new(None) };
}

/// The isolate's gateway, built when it is first needed, by a request or by an object.
///
/// # Errors
/// When the configuration cannot be used; every problem is in the message.
pub fn gateway(env: &Env) -> Result<Rc<Gateway>, Exception> {
    gateway_of(env, Purpose::Gateway)
}

/// The same for a Worker that guards its own routes.
///
/// # Errors
/// The same.
pub fn guard(env: &Env) -> Result<Rc<Gateway>, Exception> {
    gateway_of(env, Purpose::Guard)
}

fn gateway_of(env: &Env, purpose: Purpose) -> Result<Rc<Gateway>, Exception> {
    if let Some(gateway) = GATEWAY.with_borrow(Clone::clone) {
        return Ok(gateway);
    }
    let environment = Environment::read(env, &Config::VARIABLES)?;
    let config =
        Config::parse_for(purpose, &environment.vars, &|name| environment.secret(name)).map_err(|problems| {
            let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Exception::new(&format!("configuration: {}", list.join("; ")))
        })?;
    let gateway = Rc::new(Gateway::new(config));
    GATEWAY.with_borrow_mut(|slot| *slot = Some(Rc::clone(&gateway)));
    Ok(gateway)
}
