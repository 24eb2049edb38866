//! `upstream` and `strip_prefix` of a route: where its requests go, and which path they have there.

use super::problem::{expected, shown};
use super::routes::Surroundings;
use super::table::Table;
use super::value::text;
use super::{Purpose, binding::is_binding};
use crate::http::public_url::{absolute, is_loopback};
use crate::route::{CanonicalPath, Pattern, Upstream};

const UPSTREAM: &str = "`service:NAME` (a binding of capitals, digits and `_`), a URL such as `https://api.example.com` or `https://api.example.com/base`, `assets`, or `none`";

/// Where a route leads; inside, `None` where Postern sends nothing on.
pub(super) fn of_route(table: &mut Table<'_>, surroundings: &Surroundings<'_>) -> Option<Option<Upstream>> {
    if surroundings.build.purpose == Purpose::Guard && !table.has("upstream") {
        return Some(None);
    }
    table.required("upstream", UPSTREAM, |value| upstream(text(value)?, surroundings))
}

fn upstream(text: &str, surroundings: &Surroundings<'_>) -> Result<Option<Upstream>, String> {
    match text {
        "none" if surroundings.asked => return Ok(None),
        "none" => return Err("`none` is for what another proxy asks about, and there is no `VERIFY`".to_owned()),
        "assets" => return Ok(Some(Upstream::Assets)),
        _ => {}
    }
    if let Some(binding) = text.strip_prefix("service:") {
        return if is_binding(binding) {
            Ok(Some(Upstream::Service(binding.to_owned())))
        } else {
            Err(expected(UPSTREAM, text))
        };
    }
    let url = absolute(text).ok_or_else(|| {
        let meant = if is_binding(text) { format!(", did you mean `service:{text}`?") } else { String::new() };
        expected(UPSTREAM, text) + &meant
    })?;
    if text.contains(['?', '#']) {
        return Err(expected("a URL without query or fragment: those are the request's", text));
    }
    if url.scheme() != "https" && !(surroundings.development && is_loopback(&url)) {
        return Err(expected("an https URL (http only between loopback hosts)", text));
    }
    let origin = url.origin().ascii_serialization();
    if surroundings.public_url.is_some_and(|public| public.origin() == origin) {
        return Err(format!("{} is Postern itself", shown(text)));
    }
    let base_path = base_path(text, url.path())?;
    Ok(Some(Upstream::Url { origin, base_path }))
}

/// What stands after the authority, without the slash at its end. `read`: the same, as the platform reads it.
fn base_path(text: &str, read: &str) -> Result<String, String> {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let written = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/");
    let canonical =
        CanonicalPath::parse(written).map_err(|error| format!("the base path {error}, found {}", shown(text)))?;
    if canonical.as_str() != written || read != written {
        return Err(format!(
            "escapes in the base path are in upper case, and only where one is needed, as in `{canonical}`"
        ));
    }
    Ok(written.strip_suffix('/').unwrap_or(written).to_owned())
}

/// What is taken off the paths of a route's requests: whole literal segments that its pattern begins with.
pub(super) fn strip_prefix(table: &mut Table<'_>, pattern: Option<&Pattern>, is_sent_on: bool) -> Option<String> {
    let prefix = table.optional("strip_prefix", |value| text(value).map(str::to_owned))?;
    if !is_sent_on {
        table.problem("strip_prefix", "is taken off what is sent to an upstream, and here none is named");
    }
    let pattern = pattern?;
    if begins_with(pattern, &prefix) {
        return Some(prefix);
    }
    let literal = pattern.literal_prefix().trim_end_matches('/');
    let beginning = if literal.is_empty() {
        "nothing, the pattern begins with no literal segment".to_owned()
    } else {
        format!("whole segments that the pattern begins with, without a slash at the end, such as `{literal}`")
    };
    table.problem("strip_prefix", expected(&beginning, &prefix));
    None
}

fn begins_with(pattern: &Pattern, prefix: &str) -> bool {
    let is_whole = prefix.len() > 1 && prefix.starts_with('/') && !prefix.ends_with('/');
    let rest = pattern.literal_prefix().strip_prefix(prefix);
    is_whole && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
