//! Is a person going somewhere, or a program asking?

use crate::http::{Method, RequestHead, header};

/// How a request came about, as far as the browser tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The top-level page of a browser is going here.
    Navigation {
        /// Sent here by a page of another site, so that `SameSite=Strict` cookies stayed behind.
        cross_site: bool,
    },
    /// Anything else: `fetch`, an image, a frame, a command line.
    Program,
}

impl Caller {
    /// Fetch Metadata decides where the browser sends it (<https://www.w3.org/TR/fetch-metadata/> §2);
    /// an older browser's GET is a navigation when it prefers HTML.
    #[must_use]
    pub fn of(head: &RequestHead) -> Self {
        match head.header("sec-fetch-mode") {
            Some("navigate") if head.header("sec-fetch-dest") == Some("document") => {
                Self::Navigation { cross_site: head.header("sec-fetch-site") == Some("cross-site") }
            }
            Some(_) => Self::Program,
            None if head.headers.contains_key("sec-fetch-mode") => Self::Program,
            None if head.method == Method::GET && prefers_html(head) => Self::Navigation { cross_site: false },
            None => Self::Program,
        }
    }

    /// Whether a person will see the answer.
    #[must_use]
    pub const fn is_navigation(self) -> bool {
        matches!(self, Self::Navigation { .. })
    }
}

/// Whether HTML stands before JSON in `Accept`: browsers name it first, programs do not name it.
fn prefers_html(head: &RequestHead) -> bool {
    let accept = head.header(header::ACCEPT.as_str()).unwrap_or_default();
    let place = |kind: &str| accept.find(kind);
    match (place("text/html"), place("json")) {
        (Some(html), Some(json)) => html < json,
        (Some(_), None) => true,
        (None, _) => false,
    }
}
