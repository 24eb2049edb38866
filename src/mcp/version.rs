//! `MCP-Protocol-Version`: which revision a message is of.

use super::McpError;
use crate::http::RequestHead;

/// The header.
pub const HEADER: &str = "mcp-protocol-version";
/// The first revision that repeats in headers what its messages say in their bodies, and has servers compare.
pub const CURRENT: &str = "2026-07-28";

/// Which rules a message falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// Those of [`CURRENT`] and later: headers and body must agree.
    Modern,
    /// Those of earlier revisions: nobody compares, so the body alone counts.
    Legacy,
}

/// The era of a request. Earlier revisions, and no revision at all, are taken where `legacy` is set.
///
/// # Errors
/// When it is of none that is taken.
pub fn era(head: &RequestHead, legacy: bool) -> Result<Era, McpError> {
    let Some(version) = head.header(HEADER).map(str::trim) else {
        return match head.headers.contains_key(HEADER) {
            true => Err(McpError::HeaderMismatch(HEADER)),
            false if legacy => Ok(Era::Legacy),
            false => Err(McpError::HeaderMissing(HEADER)),
        };
    };
    if !is_date(version) {
        return Err(McpError::Version(version.chars().take(CURRENT.len()).collect()));
    }
    match version >= CURRENT {
        true => Ok(Era::Modern),
        false if legacy => Ok(Era::Legacy),
        false => Err(McpError::Version(version.to_owned())),
    }
}

/// Dates of this form have the order of their texts.
fn is_date(text: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| if matches!(place, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == CURRENT.len() && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeaderMap, HeaderValue, Method, Peer};

    fn head(versions: &[&'static str]) -> RequestHead {
        let mut headers = HeaderMap::new();
        for version in versions {
            headers.append(HEADER, HeaderValue::from_static(version));
        }
        RequestHead { method: Method::POST, url: String::new(), headers, peer: Peer::default() }
    }

    #[test]
    fn an_earlier_revision_is_taken_only_where_the_route_says_so() {
        //
        for (versions, modern, legacy) in [
            (&["2026-07-28"][..], Ok(Era::Modern), Ok(Era::Modern)),
            (&[" 2027-01-01"], Ok(Era::Modern), Ok(Era::Modern)),
            (&["2025-11-25"], Err(McpError::Version("2025-11-25".to_owned())), Ok(Era::Legacy)),
            (&["2026-07-27"], Err(McpError::Version("2026-07-27".to_owned())), Ok(Era::Legacy)),
            (&[], Err(McpError::HeaderMissing(HEADER)), Ok(Era::Legacy)),
            (
                &["2026-07-28", "2025-11-25"],
                Err(McpError::HeaderMismatch(HEADER)),
                Err(McpError::HeaderMismatch(HEADER)),
            ),
        ] {
            assert_eq!(era(&head(versions), false), modern, "{versions:?}");
            assert_eq!(era(&head(versions), true), legacy, "{versions:?}");
        }
        for odd in ["", "latest", "2026-7-28", "9999-99-9x", "2026-07-28, 2025-11-25", "DRAFT-2026"] {
            for legacy in [false, true] {
                assert!(matches!(era(&head(&[odd]), legacy), Err(McpError::Version(_))), "{odd}");
            }
        }
    }
}
