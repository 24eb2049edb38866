//! A path that is accepted has one meaning: the strictest and the most careless reader see the same one.

use percent_encoding::percent_decode_str;
use postern::route::CanonicalPath;
use url::Url;

const ORIGIN: &str = "https://app.example";

pub fn check(data: &[u8]) {
    let Ok(raw) = std::str::from_utf8(data) else { return };
    let Ok(path) = CanonicalPath::parse(raw) else { return };
    let path = path.as_str();
    assert!(decoded(path) == decoded(raw), "{raw} became {path}");
    assert_eq!(CanonicalPath::parse(path).unwrap().as_str(), path, "not a fixed point");
    // The platform, and every client.
    assert_eq!(Url::parse(ORIGIN).unwrap().join(path).unwrap().as_str(), format!("{ORIGIN}{path}"));
    assert!(!path.contains(';') && carelessly(path) == decoded(path), "{path}");
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8().unwrap().into_owned()
}

/// As an upstream reads it that decodes twice, takes `\` for `/`, merges slashes and walks dots. Parameters it
/// has none to cut off: an escaped `;` is a character of a name (RFC 3986 §2.2).
fn carelessly(path: &str) -> String {
    let text = decoded(&decoded(path)).replace('\\', "/");
    let ends_open = text.ends_with('/');
    let mut walked: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(walked.pop()),
            name if name.starts_with(".;") || name.starts_with("..;") => panic!("dots in disguise: {path}"),
            name => walked.push(name),
        }
    }
    let rest = walked.join("/");
    if rest.is_empty() || !ends_open { format!("/{rest}") } else { format!("/{rest}/") }
}
