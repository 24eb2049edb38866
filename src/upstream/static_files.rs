//! Static files of a single-page application: the page stands in for its routes, not for files that are missing.

use super::ForwardPlan;
use crate::http::{HeaderMap, HeaderValue, StatusCode, header};
use crate::route::Upstream;

/// What an answer of the assets binding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetMatch {
    /// What was asked for, as far as anyone can tell.
    It,
    /// The application's page, for a person: one of its routes may be called like a file.
    PageForPerson,
    /// The application's page, where a program asked for a file: there is no such file.
    PageForProgram,
}

/// Tells the page that `not_found_handling = "single-page-application"` answers with from the file it stands for. A
/// browser that kept it under a script's name, for as long as `_headers` says of scripts, would never see the script.
#[must_use]
pub fn found(plan: &ForwardPlan, status: StatusCode, headers: &HeaderMap) -> AssetMatch {
    let path = plan.path_and_query.split('?').next().unwrap_or_default();
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    match plan.upstream {
        Upstream::Assets if status == StatusCode::OK && is_page && names_another_file(path) => {
            if plan.navigation {
                AssetMatch::PageForPerson
            } else {
                AssetMatch::PageForProgram
            }
        }
        _ => AssetMatch::It,
    }
}

/// Whether the last segment ends like a file's name, and not like a page's.
fn names_another_file(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    last.rsplit_once('.').is_some_and(|(_, kind)| !kind.is_empty() && !matches!(kind, "html" | "htm"))
}

/// Nothing that was said of the file holds for the page.
pub fn not_to_be_kept(headers: &mut HeaderMap) {
    if let Some(value) = headers.get_mut(header::CACHE_CONTROL) {
        let private = value.as_bytes().starts_with(b"private");
        *value = HeaderValue::from_static(if private { "private, no-store" } else { "no-cache" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_is_told_from_a_pages_and_a_routes() {
        for file in ["/assets/app-3f2a.js", "/a.b/c.css", "/x.js.map", "/logo.SVG", "/users/jane.doe"] {
            assert!(names_another_file(file), "{file}");
        }
        for page in ["/", "/deep/route", "/v1.2/docs", "/about.html", "/old.htm", "/assets/", "/ends."] {
            assert!(!names_another_file(page), "{page}");
        }
    }

    #[test]
    fn the_page_in_a_files_place_is_not_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        not_to_be_kept(&mut headers);
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        not_to_be_kept(&mut headers);
        assert_eq!(headers[header::CACHE_CONTROL], "private, no-store");
    }
}
