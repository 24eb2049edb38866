//! What an isolate keeps between requests: the gateways of its sites, and nothing of any request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use worker::Env;

use crate::environment::Environment;
use crate::js::{Exception, glue, property};
use crate::kv::POLICIES;
use crate::log;
use postern::config::{self, Build, Purpose};
use postern::gateway::Sites;
use postern::policy::PolicyEngine;

/// The most bytes of a configuration file that are read ahead: that takes half a second on a slow machine, of the second that
/// the platform allows a start. A larger one is left to the first request.
const MOST_READ_AHEAD: usize = 512 * 1024;

thread_local! {
    static DEPLOYMENT: RefCell<Option<Rc<Sites>>> = const { RefCell::new(None) };
    static AHEAD: RefCell<Option<ReadAhead>> = const { RefCell::new(None) };
    static LANGUAGES: Cell<Option<LoadLanguage>> = const { Cell::new(None) };
    static POLICY_ENGINE: Cell<Option<&'static dyn PolicyEngine>> = const { Cell::new(None) };
    static CONFIGURATION: Cell<Option<ReadConfiguration>> = const { Cell::new(None) };
}

/// A deployment that no request has asked for yet.
struct ReadAhead {
    /// The bindings that it was read from.
    bindings: JsValue,
    deployment: Rc<Sites>,
}

/// How the text of the configuration file is read, once in an isolate; `None`: there is no such file.
pub type ReadConfiguration = fn() -> Result<Option<String>, Exception>;

/// Says where the configuration file is: variables in JSON that are bundled with the Worker, beside those that are bindings. A
/// Worker that has one calls this once, where the runtime starts the isolate (`#[event(start)]`):
///
/// ```ignore
/// isolate::set_configuration(|| Ok(Some(include_str!("../postern.json").to_owned())));
/// ```
pub fn set_configuration(read: ReadConfiguration) {
    CONFIGURATION.set(Some(read));
}

/// Loads the texts of the language with a tag: a promise of the JSON text, or of nothing.
pub type LoadLanguage = fn(&str) -> Result<Promise, JsValue>;

/// Hands in the way to what pages say in other languages. Without it they are in English.
pub fn set_languages(load: LoadLanguage) {
    LANGUAGES.set(Some(load));
}

/// That way, if there is one.
#[must_use]
pub fn languages() -> Option<LoadLanguage> {
    LANGUAGES.get()
}

/// Hands in the engine for policies. A Worker that has one calls this once, where the runtime starts the isolate
/// (`#[event(start)]`). Without an engine, or where the deployment has no namespace for policies, there are none.
pub fn set_policy_engine(engine: &'static dyn PolicyEngine) {
    POLICY_ENGINE.set(Some(engine));
}

/// Reads the deployment where the runtime starts the isolate, so that no request waits for it. It counts if what first needs it,
/// a request or an object, has the very same bindings. What cannot be read is read again then, for there is somebody to be told.
///
/// Returns it, if it was read.
pub fn read_ahead(env: &Env) -> Option<Rc<Sites>> {
    let read = || -> Result<Option<ReadAhead>, Exception> {
        let file = file()?;
        if file.as_ref().is_some_and(|text| text.len() > MOST_READ_AHEAD) {
            return Ok(None);
        }
        let bindings = glue::bindings_of(env)?;
        let deployment = read(Purpose::Gateway, &bindings, file.as_deref())?;
        Ok(Some(ReadAhead { bindings, deployment }))
    };
    let ahead = read().ok().flatten()?;
    let deployment = Rc::clone(&ahead.deployment);
    AHEAD.set(Some(ahead));
    Some(deployment)
}

/// The isolate's deployment, read ahead or when it is first needed, by a request or by an object. Then the log says once what
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
    let ahead = AHEAD.take().filter(|ahead| glue::are_same(&ahead.bindings, env).unwrap_or(false));
    let deployment = ahead.map_or_else(|| read(purpose, env, file()?.as_deref()), |ahead| Ok(ahead.deployment))?;
    for trouble in deployment.troubles() {
        log::failure("misconfigured", None, &trouble);
    }
    DEPLOYMENT.set(Some(Rc::clone(&deployment)));
    Ok(deployment)
}

fn file() -> Result<Option<String>, Exception> {
    CONFIGURATION.get().map_or(Ok(None), |read| read())
}

fn read(purpose: Purpose, env: &JsValue, file: Option<&str>) -> Result<Rc<Sites>, Exception> {
    let environment = Environment::read(env, file)?;
    let is_bound = property(env, POLICIES)?.is_object();
    let engine = POLICY_ENGINE.get().filter(|_| is_bound);
    let build = Build { purpose, policies: engine.is_some() };
    let mut read = config::Deployment::of(build, &environment.settings, &|name| environment.secret(name));
    read.require_certificates(&|name| property(env, name).is_ok_and(|bound| bound.is_object()));
    Ok(Rc::new(Sites::new(read, engine)))
}
