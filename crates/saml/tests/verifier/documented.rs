//! `docs/reference/saml-worker.md` has each code with what it means, and the limits.

use postern_saml::gate::{MAX_ATTRIBUTES, MAX_ATTRIBUTES_EACH, MAX_BYTES, MAX_DEPTH};
use postern_saml::refusal::Code;

#[test]
fn every_code_is_documented_and_no_other() {
    let page =
        std::fs::read_to_string(format!("{}/../../docs/reference/saml-worker.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_, codes) = page.split_once("## Why it refuses").unwrap();
    let listed: Vec<&str> = codes.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, known);
    let attributes =
        format!("| {},{:03}; {MAX_ATTRIBUTES_EACH} of one element |", MAX_ATTRIBUTES / 1000, MAX_ATTRIBUTES % 1000);
    for limit in [format!("| {} KiB |", MAX_BYTES / 1024), format!("| Nested elements | {MAX_DEPTH} |"), attributes] {
        assert!(page.contains(&limit), "{limit}");
    }
}

#[test]
fn each_code_means_the_same_in_the_code_and_on_the_page() {
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (page, source) = (read("../../docs/reference/saml-worker.md"), read("src/refusal.rs"));
    for code in Code::ALL.iter().map(|code| code.as_str()) {
        let (before, _) = source.split_once(&format!(" = \"{code}\",")).unwrap();
        let (_, meaning) = before.rsplit_once("/// ").unwrap();
        let row = format!("| `{code}` | {} |", meaning.lines().next().unwrap());
        assert!(page.contains(&row), "{row}");
    }
}
