//! Published test vectors: in the folder that `POSTERN_VECTORS` names, else in `../shared/vectors`.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use url::Url;

/// A file of them. When they are not there it says so where everybody sees it, unless the folder was named.
pub fn published(file: &str) -> Option<String> {
    let named = std::env::var_os("POSTERN_VECTORS").map(PathBuf::from);
    let folder = named.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"));
    if named.is_some() || folder.is_dir() {
        let path = folder.join(file);
        return Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    }
    // Written past the capture of the test harness, which would hide it in a test that passes.
    let notice = format!("NOTICE: {file} not checked: set POSTERN_VECTORS to the folder of the vectors\n");
    std::io::stderr().write_all(notice.as_bytes()).unwrap();
    None
}

/// Every path in the web platform's data for URL parsers, as it came in and as the parser leaves it.
pub fn web_platform_paths() -> Option<Vec<String>> {
    let vectors: Vec<Value> = serde_json::from_str(&published("wpt-urltestdata/urltestdata.json")?).unwrap();
    let text = |vector: &Value, key: &str| vector.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut paths = Vec::new();
    for vector in vectors.iter().filter(|vector| vector.is_object()) {
        paths.extend(text(vector, "pathname"));
        paths.extend(text(vector, "input"));
        paths.extend(text(vector, "input").and_then(|input| Url::parse(&input).ok()).map(|url| url.path().to_owned()));
    }
    Some(paths)
}
