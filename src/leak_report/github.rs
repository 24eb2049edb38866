//! GitHub's report: a JSON array of what its scanner found (secret scanning partner program).

use sha2::{Digest, Sha256};
use std::fmt::Write;

use serde_json::{Value, json};

use crate::json;
use crate::secret::Secret;

/// The longest report read.
pub const MAX_GITHUB_BYTES: usize = 256 * 1024;
/// So many findings are taken in one report.
pub const MAX_ITEMS: usize = 1000;
/// What GitHub calls a kind of secret is ours to choose, and short.
const MAX_KIND_BYTES: usize = 100;

/// Why a report is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeakReportError {
    /// It is longer than [`MAX_GITHUB_BYTES`], or cannot be read.
    Unreadable,
    /// It is no JSON array of objects that have a `token` and a `type`.
    Malformed,
    /// It has more than [`MAX_ITEMS`] findings.
    TooMany,
    /// It does not say by one header each which key signed it, and what the signature is.
    Unsigned,
    /// The signature is not by the key that it names, or no such key is published.
    BadSignature,
}

impl LeakReportError {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "leak_report.unreadable",
            Self::Malformed => "leak_report.malformed",
            Self::TooMany => "leak_report.too_many",
            Self::Unsigned => "leak_report.unsigned",
            Self::BadSignature => "leak_report.bad_signature",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedSecret {
    /// The text that was found.
    pub text: Secret<String>,
    /// The kind of secret that GitHub takes it for: the name that was agreed with the pattern.
    pub kind: String,
}

/// Reads a report, all of it or nothing. Where something was found is left out: nobody here goes there.
///
/// # Errors
/// When it is none, or beyond a limit.
pub fn read_github(bytes: &[u8]) -> Result<Vec<ReportedSecret>, LeakReportError> {
    if bytes.len() > MAX_GITHUB_BYTES {
        return Err(LeakReportError::Unreadable);
    }
    let items = json::parse_array(bytes, MAX_GITHUB_BYTES).map_err(|_| LeakReportError::Malformed)?;
    if items.len() > MAX_ITEMS {
        return Err(LeakReportError::TooMany);
    }
    items.iter().map(finding).collect::<Option<_>>().ok_or(LeakReportError::Malformed)
}

fn finding(item: &Value) -> Option<ReportedSecret> {
    let text = item.get("token")?.as_str()?.to_owned();
    let kind = item.get("type")?.as_str().filter(|kind| kind.len() <= MAX_KIND_BYTES)?.to_owned();
    Some(ReportedSecret { text: Secret::new(text), kind })
}

/// What GitHub is told of a finding: whether it was a secret of ours. The text itself is not repeated, and whose it was is
/// not said.
#[must_use]
pub fn feedback(reported: &ReportedSecret, was_real: bool) -> Value {
    json!({
        "token_hash": hex(&Sha256::digest(reported.text.expose())),
        "token_type": reported.kind,
        "label": if was_real { "true_positive" } else { "false_positive" },
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _always = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(report: &Value) -> Result<Vec<ReportedSecret>, LeakReportError> {
        read_github(report.to_string().as_bytes())
    }

    #[test]
    fn a_report_is_read_whole_or_not_at_all() {
        // R-267
        let good = json!({ "token": "acme_x", "type": "acme_key", "url": "", "source": "content", "more": [1] });
        assert_eq!(read(&json!([])), Ok(Vec::new()));
        let found = read(&json!([good, good])).unwrap();
        assert_eq!((found.len(), found[1].text.expose().as_str(), found[1].kind.as_str()), (2, "acme_x", "acme_key"));
        for bad in [
            json!({}),
            json!({ "token": "x", "type": "y" }),
            json!([good, 1]),
            json!([good, { "token": "x" }]),
            json!([{ "type": "x" }]),
            json!([{ "token": 1, "type": "x" }]),
            json!([{ "token": "x", "type": "x".repeat(MAX_KIND_BYTES + 1) }]),
            json!("x"),
        ] {
            assert_eq!(read(&bad), Err(LeakReportError::Malformed), "{bad}");
        }
        let twice = r#"[{"token":"a","token":"b","type":"c"}]"#;
        assert_eq!(read_github(twice.as_bytes()), Err(LeakReportError::Malformed));
    }

    #[test]
    fn a_report_beyond_a_limit_is_none() {
        let small = json!({ "token": "x", "type": "y" });
        assert_eq!(read(&json!(vec![small.clone(); MAX_ITEMS])).unwrap().len(), MAX_ITEMS);
        assert_eq!(read(&json!(vec![small; MAX_ITEMS + 1])), Err(LeakReportError::TooMany));
        let long = json!([{ "token": "x".repeat(MAX_GITHUB_BYTES), "type": "y" }]);
        assert_eq!(read(&long), Err(LeakReportError::Unreadable));
    }

    #[test]
    fn feedback_has_the_hash_and_neither_the_text_nor_an_owner() {
        let reported = ReportedSecret { text: Secret::new("abc".to_owned()), kind: "acme_key".to_owned() };
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let told = feedback(&reported, true);
        assert_eq!(told, json!({ "token_hash": hash, "token_type": "acme_key", "label": "true_positive" }));
        assert_eq!(feedback(&reported, false)["label"], "false_positive");
    }
}
