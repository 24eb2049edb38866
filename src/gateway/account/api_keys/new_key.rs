//! What a person asks a new key to be: a form of ours, or JSON.

use serde_json::Value;

use super::SECONDS_A_DAY;
use crate::api_key::ApiKeyRules;
use crate::api_key::message::{MAX_NAME_BYTES, MAX_SCOPES};
use crate::gateway::context::RequestContext;
use crate::http::{essence, header};
use crate::json;
use crate::ordered;
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::time::Seconds;

/// Enough for as many scopes as a key may have.
const MAX_BYTES: usize = 16 * 1024;
const NAME: &str = "name";
const DAYS: &str = "expires_in_days";

/// What it is to be.
pub(super) struct NewKey {
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) life: Seconds,
}

/// The same, as it was written.
#[derive(Default)]
struct Written {
    name: Option<String>,
    scopes: Vec<String>,
    days: Option<u32>,
}

impl NewKey {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is none, or names what no key may be.
    pub(super) async fn read<P>(
        ctx: &RequestContext<'_, P>,
        rules: &ApiKeyRules,
        body: impl RequestBody,
    ) -> Result<Self, Reason> {
        let text = body.text(MAX_BYTES).await.map_err(|_| Reason::BadInput("body"))?;
        let media_type = ctx.request.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let written = if ctx.request.is_form() {
            of_form(&text)?
        } else if essence(media_type).eq_ignore_ascii_case("application/json") {
            of_json(&text)?
        } else {
            return Err(Reason::BadInput("content-type"));
        };
        let Written { name, scopes, days } = written;
        let name = name.map(|name| name.trim().to_owned()).filter(|name| is_name(name));
        let scopes = ordered::texts(scopes);
        // A key without any could do nothing.
        if scopes.is_empty() || scopes.len() > MAX_SCOPES {
            return Err(Reason::BadInput("scopes"));
        }
        let life = match days {
            None => rules.default_life,
            Some(days) => life_of_days(rules, days).ok_or(Reason::BadInput(DAYS))?,
        };
        Ok(Self { name: name.ok_or(Reason::BadInput(NAME))?, scopes, life })
    }
}

/// So many days, where a key may live so long.
pub(crate) fn life_of_days(rules: &ApiKeyRules, days: u32) -> Option<Seconds> {
    let life = days.checked_mul(SECONDS_A_DAY).map(Seconds::new)?;
    (days > 0 && life <= rules.max_life).then_some(life)
}

/// Whether a key may be called so.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control)
}

fn of_form(text: &str) -> Result<Written, Reason> {
    let mut written = Written::default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        match &*name {
            NAME if written.name.is_none() => written.name = Some(value.into_owned()),
            "scope" => written.scopes.push(value.into_owned()),
            DAYS if written.days.is_none() => {
                written.days = Some(value.parse().map_err(|_| Reason::BadInput(DAYS))?);
            }
            _ => return Err(Reason::BadInput("body")),
        }
    }
    Ok(written)
}

fn of_json(text: &str) -> Result<Written, Reason> {
    let members = json::parse_object(text.as_bytes(), MAX_BYTES).map_err(|_| Reason::BadInput("body"))?;
    let mut written = Written::default();
    for (name, value) in members {
        match (name.as_str(), value) {
            (NAME, Value::String(text)) => written.name = Some(text),
            ("scopes", Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>();
                written.scopes = texts.ok_or(Reason::BadInput("scopes"))?;
            }
            (DAYS, Value::Number(days)) => {
                let days = days.as_u64().and_then(|days| u32::try_from(days).ok());
                written.days = Some(days.ok_or(Reason::BadInput(DAYS))?);
            }
            // A member that is misspelt must not make a key that lives longer, or may more, than was meant.
            _ => return Err(Reason::BadInput("body")),
        }
    }
    Ok(written)
}
