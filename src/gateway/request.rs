//! What a request says, read once.

use crate::http::fetch_metadata::{Reader, RequestKind};
use crate::http::{Method, RequestHead, RequestTarget, essence, header};
use crate::refusal::Reason;
use crate::time::Timestamp;

/// The request at hand.
pub(super) struct Request<'a> {
    pub(super) head: &'a RequestHead,
    pub(super) target: RequestTarget<'a>,
    pub(super) request_kind: RequestKind,
    /// Who reads what is answered.
    pub(super) reader: Reader,
    /// When it came.
    pub(super) now: Timestamp,
    /// The id by which the log tells of it.
    pub(super) id: String,
}

impl<'a> Request<'a> {
    pub(super) fn new(head: &'a RequestHead, now: Timestamp, id: String) -> Self {
        let (request_kind, reader) = (RequestKind::of(head), Reader::of(head));
        Self { head, target: head.target(), request_kind, reader, now, id }
    }

    /// # Errors
    /// When the request's method is none of these.
    pub(super) fn allow_methods(&self, methods: &[Method]) -> Result<(), Reason> {
        if methods.contains(&self.head.method) {
            return Ok(());
        }
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        Err(Reason::MethodNotAllowed(names.join(", ")))
    }

    /// Whether the body says that it is a form. Parameters of the media type are ignored.
    pub(super) fn is_form(&self) -> bool {
        let kind = self.head.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        essence(kind).eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// Whether a browser asks, and no person goes there: for an image, a script or a frame of some page.
    pub(super) fn is_subresource(&self) -> bool {
        const FRAMES: [&str; 5] = ["iframe", "frame", "fencedframe", "embed", "object"];
        let is_framed = self.head.header("sec-fetch-dest").is_some_and(|dest| FRAMES.contains(&dest));
        let navigates = self.head.header("sec-fetch-mode") == Some("navigate") && !is_framed;
        self.head.headers.contains_key("sec-fetch-mode") && !navigates
    }

    /// Whether a person may be led to this address once more: it only reads, and is no end of a login.
    pub(super) fn may_be_asked_again(&self) -> bool {
        let is_end_of_login = self.target.path.starts_with("/auth/callback");
        self.head.method == Method::GET && self.reader != Reader::Program && !is_end_of_login
    }

    /// The path and query of this request, as a link on our own origin.
    pub(super) fn here(&self) -> String {
        self.target.to_string()
    }
}
