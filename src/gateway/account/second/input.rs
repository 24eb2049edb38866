//! What a person sends: a form of ours, or JSON.

use serde_json::Value;

use super::way::Way;
use crate::gateway::context::RequestContext;
use crate::http::{essence, header};
use crate::json;
use crate::ports::RequestBody;
use crate::refusal::Reason;
use crate::secret::Secret;

/// Enough for a passkey with a long certificate chain of its maker, which nobody asks for.
const MAX_BYTES: usize = 64 * 1024;

/// The members; each may be left out.
#[derive(Default)]
pub(super) struct Input {
    /// A code, as typed.
    pub(super) code: Option<Secret<String>>,
    /// What a factor is to be called.
    pub(super) name: Option<String>,
    /// A secret that nobody has confirmed, sealed.
    pub(super) pending: Option<String>,
    /// What an authenticator made: JSON.
    pub(super) credential: Option<String>,
    /// Where to go on.
    pub(super) back: Way,
}

impl Input {
    /// Reads the body; one that is empty says nothing.
    ///
    /// # Errors
    /// When it is neither form nor JSON, or has a member that nobody knows, or one twice.
    pub(super) async fn read<P>(ctx: &RequestContext<'_, P>, body: impl RequestBody) -> Result<Self, Reason> {
        let text = body.text(MAX_BYTES).await.map_err(|_| Reason::BadInput("body"))?;
        let text = Secret::new(text);
        let media_type = ctx.request.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let mut input = Written::default();
        if text.expose().is_empty() {
        } else if ctx.request.is_form() {
            for (name, value) in form_urlencoded::parse(text.expose().as_bytes()) {
                input.take(&name, value.into_owned())?;
            }
        } else if essence(media_type).eq_ignore_ascii_case("application/json") {
            let members =
                json::parse_object(text.expose().as_bytes(), MAX_BYTES).map_err(|_| Reason::BadInput("body"))?;
            for (name, value) in members {
                match value {
                    Value::String(text) => input.take(&name, text)?,
                    value @ Value::Object(_) if name == CREDENTIAL => input.take(&name, value.to_string())?,
                    _ => return Err(Reason::BadInput("body")),
                }
            }
        } else {
            return Err(Reason::BadInput("content-type"));
        }
        Ok(input.checked(ctx))
    }
}

const CREDENTIAL: &str = "credential";

#[derive(Default)]
struct Written {
    code: Option<String>,
    name: Option<String>,
    pending: Option<String>,
    credential: Option<String>,
    return_to: Option<String>,
}

impl Written {
    fn take(&mut self, name: &str, value: String) -> Result<(), Reason> {
        let place = match name {
            "code" => &mut self.code,
            "name" => &mut self.name,
            "pending" => &mut self.pending,
            CREDENTIAL => &mut self.credential,
            "return_to" => &mut self.return_to,
            _ => return Err(Reason::BadInput("body")),
        };
        if place.replace(value).is_some() { Err(Reason::BadInput("body")) } else { Ok(()) }
    }

    fn checked<P>(self, ctx: &RequestContext<'_, P>) -> Input {
        let Self { code, name, pending, credential, return_to } = self;
        let back = Way::parse(return_to.as_deref(), &ctx.site.config.public_url);
        Input { code: code.map(Secret::new), name, pending, credential, back }
    }
}
