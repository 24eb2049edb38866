//! The bindings of a deployment → variables and secrets as plain values.

use std::collections::BTreeMap;

use js_sys::{Array, JSON, Object, Reflect};
use serde_json::{Map, Value};
use wasm_bindgen::JsValue;

use super::js::{Exception, property};
use crate::config::is_secret;
use crate::json;
use crate::secret::Secret;

/// What a deployment sets. Bindings to services, objects and stores are not in here.
#[derive(Debug, Default)]
pub struct Environment {
    /// The variables that were asked for.
    pub vars: Map<String, Value>,
    secrets: BTreeMap<String, Secret<String>>,
}

impl Environment {
    /// Reads the secrets and, of the rest, `variables`: other entries of `env`, the Worker's bindings, may be
    /// secrets of someone else's or data of the platform's.
    ///
    /// # Errors
    /// When a variable cannot be read as JSON.
    pub fn read(env: &JsValue, variables: &[&str]) -> Result<Self, Exception> {
        let names = Object::keys(&Object::from(env.clone()));
        let vars = Object::new();
        let mut secrets = BTreeMap::new();
        for name in names.iter().filter_map(|name| name.as_string()) {
            let value = property(env, &name)?;
            match value.as_string() {
                Some(text) if is_secret(&name) => {
                    secrets.insert(name, Secret::new(text));
                }
                _ if variables.contains(&name.as_str()) && is_data(&value) => {
                    Reflect::set(&vars, &JsValue::from_str(&name), &value)?;
                }
                _ => {}
            }
        }
        let text: String = JSON::stringify(&vars)?.into();
        let vars = serde_json::from_str(&text).map_err(|error| Exception::new(&json::unread(&error)))?;
        Ok(Self { vars, secrets })
    }

    /// The secret of that name.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<String> {
        self.secrets.get(name).map(|secret| secret.expose().clone())
    }
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
