//! The bindings of a deployment → variables and secrets as plain values.

use std::collections::BTreeMap;

use js_sys::{Array, JSON, Object, Reflect};
use serde_json::{Map, Value};
use wasm_bindgen::JsValue;

use crate::js::{Exception, property};
use postern::config::{Names, Settings};
use postern::json;
use postern::secret::Secret;

/// The variable whose tables have an order; of several sites, each has one whose name ends so.
const PROVIDERS: &str = "PROVIDERS";

/// The deepest nesting of a variable.
const MAX_DEPTH: usize = 2 * json::MAX_DEPTH;

/// What a deployment sets. Bindings to services, objects and stores are not in here.
#[derive(Debug, Default)]
pub struct Environment {
    /// The variables.
    pub settings: Settings,
    secrets: BTreeMap<String, Secret<String>>,
}

impl Environment {
    /// Reads what is Postern's by its name: other entries of `env`, the Worker's bindings, may be secrets of someone
    /// else's or data of the platform's. `file`: the text of the configuration file, if there is one. No secret is read from
    /// there.
    ///
    /// # Errors
    /// When a variable cannot be read as JSON.
    pub fn read(env: &JsValue, file: Option<&str>) -> Result<Self, Exception> {
        let settings = file.map(Settings::of_file).unwrap_or_default();
        let names = settings.names(variables(env, |name| name == Names::SITES)?.get(Names::SITES));
        let vars = variables(env, |name| names.is_variable(name) && !names.is_secret(name))?;
        let mut secrets = BTreeMap::new();
        for name in names_in(env).filter(|name| names.is_secret(name)) {
            if let Some(text) = property(env, &name)?.as_string() {
                secrets.insert(name, Secret::new(text));
            }
        }
        Ok(Self { settings: settings.bind(vars), secrets })
    }

    /// The secret of that name.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<String> {
        self.secrets.get(name).map(|secret| secret.expose().clone())
    }
}

/// The entries of `env` that are wanted, and are data.
///
/// # Errors
/// When one cannot be read as JSON.
pub fn variables(env: &JsValue, is_wanted: impl Fn(&str) -> bool) -> Result<Map<String, Value>, Exception> {
    let vars = Object::new();
    for name in names_in(env).filter(|name| is_wanted(name)) {
        let value = property(env, &name)?;
        if is_data(&value) {
            let value = if name.ends_with(PROVIDERS) { in_order(value)? } else { value };
            Reflect::set(&vars, &JsValue::from_str(&name), &value)?;
        }
    }
    let text: String = JSON::stringify(&vars)?.into();
    json::parse_object_within(text.as_bytes(), text.len(), MAX_DEPTH)
        .map_err(|error| Exception::new(&error.to_string()))
}

/// The same tables, each with its place among them as `order`, unless it says so itself: JavaScript keeps the order of the
/// file, and the reader of JSON does not.
fn in_order(tables: JsValue) -> Result<JsValue, Exception> {
    if !is_plain_object(&tables) {
        return Ok(tables);
    }
    let ordered = Object::new();
    for (place, name) in Object::keys(&Object::from(tables.clone())).into_iter().enumerate() {
        let table = Reflect::get(&tables, &name)?;
        if is_plain_object(&table) {
            let numbered = Object::new();
            Reflect::set(&numbered, &JsValue::from_str("order"), &(place as f64).into())?;
            Reflect::set(&ordered, &name, &Object::assign(&numbered, &Object::from(table)))?;
        } else {
            Reflect::set(&ordered, &name, &table)?;
        }
    }
    Ok(ordered.into())
}

fn names_in(env: &JsValue) -> impl Iterator<Item = String> {
    Object::keys(&Object::from(env.clone())).into_iter().filter_map(|name| name.as_string())
}

/// One secret of `env`, without a look at anything else.
#[must_use]
pub fn secret(env: &JsValue, name: &str) -> Option<Secret<String>> {
    property(env, name).ok()?.as_string().map(Secret::new)
}

/// Whether it is JSON data rather than a binding, which is an instance of a class.
fn is_data(value: &JsValue) -> bool {
    let scalar = value.is_string() || value.as_f64().is_some() || value.as_bool().is_some();
    scalar || Array::is_array(value) || is_plain_object(value)
}

fn is_plain_object(value: &JsValue) -> bool {
    value.is_object()
        && Reflect::get_prototype_of(value).is_ok_and(|prototype| prototype == Object::get_prototype_of(&Object::new()))
}
