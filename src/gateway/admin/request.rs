//! What an endpoint is asked to do: known members, and no others.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::gateway::context::RequestContext;
use crate::http::{essence, header};
use crate::json;
use crate::ports::RequestBody;
use crate::refusal::Reason;

/// Enough for an order that holds no files.
pub(in crate::gateway) const MAX_BYTES: usize = 4096;

/// The members of an order.
pub(in crate::gateway) struct Order(Map<String, Value>);

impl Order {
    /// The body: one JSON object of at most `max_bytes`.
    ///
    /// # Errors
    /// When it is none, or has a member that is not `known`: one that is misspelt must not do more than was meant.
    pub(in crate::gateway) async fn of_body<P>(
        ctx: &RequestContext<'_, P>,
        body: impl RequestBody,
        known: &[&str],
        max_bytes: usize,
    ) -> Result<Self, Reason> {
        let media_type = ctx.request.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        if !essence(media_type).eq_ignore_ascii_case("application/json") {
            return Err(Reason::BadInput("content-type"));
        }
        let text = body.text(max_bytes).await.map_err(|_| Reason::BadInput("body"))?;
        let members = json::parse_object(text.as_bytes(), max_bytes).map_err(|_| Reason::BadInput("body"))?;
        if members.keys().all(|name| known.contains(&name.as_str())) {
            Ok(Self(members))
        } else {
            Err(Reason::BadInput("body"))
        }
    }

    /// The query: each of the `known` at most once.
    ///
    /// # Errors
    /// When there is anything else.
    pub(in crate::gateway) fn of_query<P>(ctx: &RequestContext<'_, P>, known: &[&'static str]) -> Result<Self, Reason> {
        let mut members = Map::new();
        for (name, value) in form_urlencoded::parse(ctx.request.target.query.unwrap_or_default().as_bytes()) {
            let known = known.iter().find(|known| **known == name).ok_or(Reason::BadInput("query"))?;
            if members.insert(name.into_owned(), Cow::into_owned(value).into()).is_some() {
                return Err(Reason::BadInput(known));
            }
        }
        Ok(Self(members))
    }

    /// A member, whatever it is.
    pub(in crate::gateway) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A member that is a text.
    pub(in crate::gateway) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A member that is a text, or not there, or `null`.
    ///
    /// # Errors
    /// When it is something else.
    pub(in crate::gateway) fn optional_text(&self, name: &'static str) -> Result<Option<&str>, Reason> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Reason::BadInput(name)),
        }
    }
}
