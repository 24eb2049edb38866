//! The command line against recorded answers. `POSTERN_BLESS=1` records them anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use postern::keyring::KeyRing;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/config");

/// The native program, or another that has to say the same: `POSTERN_PROGRAM` names the one that runs in Node.
fn program() -> OsString {
    std::env::var_os("POSTERN_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_postern").into())
}

fn postern(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(program())
        .args(args)
        .current_dir(FIXTURES)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs a command and compares what it says with `fixtures/config/NAME.golden`.
fn answers_as_recorded(name: &str, args: &[&str], code: i32) {
    let output = postern(args, "");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let golden = Path::new(FIXTURES).join(format!("{name}.golden"));
    if std::env::var_os("POSTERN_BLESS").is_some() {
        std::fs::write(&golden, &said).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    assert_eq!(said, expected, "postern {}", args.join(" "));
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("canary"), "a secret is shown: {said}");
}

#[test]
fn a_good_configuration_is_summed_up_with_what_to_register_and_to_set() {
    answers_as_recorded("deployment", &["check", "--config", "deployment.toml"], 0);
    answers_as_recorded("staging", &["check", "--config", "deployment.toml", "--env", "staging"], 0);
}

#[test]
fn a_development_configuration_with_its_secrets_is_warned_about() {
    answers_as_recorded("development", &["check", "-c", "development.toml", "--secrets", "secrets.vars"], 0);
    answers_as_recorded("development-none", &["check", "-c", "development.toml", "--secrets", "none"], 0);
}

#[test]
fn programs_get_the_same_as_data() {
    answers_as_recorded("deployment-json", &["check", "--config", "deployment.toml", "--json"], 0);
    answers_as_recorded(
        "development-json",
        &["check", "-c", "development.toml", "--secrets", "secrets.vars", "--json"],
        0,
    );
    answers_as_recorded("wrong-json", &["check", "--config", "wrong.toml", "--json"], 1);
    answers_as_recorded("sites-wrong-json", &["check", "--config", "sites.toml", "--env", "wrong", "--json"], 1);
    answers_as_recorded("unreadable-json", &["check", "--config", "unreadable.toml", "--json"], 2);
}

#[test]
fn every_problem_is_listed_with_its_path_and_no_secret() {
    answers_as_recorded("wrong", &["check", "--config", "wrong.toml"], 1);
    answers_as_recorded("conflicts", &["check", "--config", "conflicts.toml"], 1);
}

#[test]
fn a_route_is_summed_up_with_the_keys_of_its_group() {
    answers_as_recorded("groups", &["check", "--config", "groups.toml"], 0);
    answers_as_recorded("groups-wrong", &["check", "--config", "groups.toml", "--env", "wrong"], 1);
}

#[test]
fn variables_may_be_in_a_configuration_file_beside_wranglers() {
    answers_as_recorded("file-json", &["check", "--config", "file/json/wrangler.jsonc"], 0);
    answers_as_recorded("file-toml", &["check", "--config", "file/toml/wrangler.jsonc"], 0);
    answers_as_recorded("file-wrong", &["check", "--config", "file/wrong/wrangler.jsonc"], 1);
    answers_as_recorded("file-wrong-json", &["check", "--config", "file/wrong/wrangler.jsonc", "--json"], 1);
    // What is made of the other file is out of date.
    answers_as_recorded("file-both", &["check", "--config", "file/both/wrangler.jsonc"], 2);
    // With a schema for editors, it is up to date all the same.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("both-files");
    std::fs::create_dir_all(&folder).unwrap();
    for file in ["json/postern.json", "toml/postern.toml", "toml/wrangler.jsonc"] {
        let name = file.rsplit('/').next().unwrap();
        std::fs::copy(Path::new(FIXTURES).join("file").join(file), folder.join(name)).unwrap();
    }
    let both = folder.join("wrangler.jsonc");
    assert_eq!(postern(&["check", "--config", both.to_str().unwrap()], "").status.code(), Some(0));
    // No `vars` at all, and no `PUBLIC_URL` in the file either.
    answers_as_recorded("file-bare", &["check", "--config", "file/json/wrangler.jsonc", "--env", "bare"], 1);
    answers_as_recorded("file-none", &["check", "--config", "file/json/wrangler.jsonc", "--file", "none"], 1);
    let named = ["check", "--config", "file/wrong/wrangler.jsonc", "--file", "file/json/postern.json"];
    assert_eq!(postern(&named, "").status.code(), Some(0));
    let absent = ["check", "--config", "file/json/wrangler.jsonc", "--file", "file/json/absent.json"];
    assert_eq!(postern(&absent, "").status.code(), Some(2));
}

#[test]
fn toml_becomes_the_json_that_says_the_same() {
    let output = postern(&["json", "file/toml/postern.toml"], "");
    assert_eq!(output.status.code(), Some(0));
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = std::fs::read_to_string(Path::new(FIXTURES).join("file/json/postern.json")).unwrap();
    let mut written: serde_json::Value = serde_json::from_str(&text).unwrap();
    written.as_object_mut().unwrap().remove("$schema").unwrap();
    assert_eq!(made, written);
    assert_eq!(postern(&["json"], "").status.code(), Some(2));
    assert_eq!(postern(&["json", "unreadable.toml"], "").status.code(), Some(2));
}

/// A file that the Worker would refuse is refused here too, and by the same words.
#[test]
fn a_configuration_file_is_held_to_what_the_worker_reads() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("configuration-file");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(Path::new(FIXTURES).join("file/json/wrangler.jsonc"), folder.join("wrangler.jsonc")).unwrap();
    let config = folder.join("wrangler.jsonc");
    let check = |text: &str| {
        std::fs::write(folder.join("postern.json"), text).unwrap();
        let output = postern(&["check", "--config", config.to_str().unwrap()], "");
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    for (text, said) in [
        ("{ \"ROUTES\": {}, } // the Worker reads no comments", "configuration file: expected JSON"),
        (&format!("{{ \"$schema\": \"{}\" }}", "x".repeat(1 << 21)), "configuration file: expected at most"),
        ("{ \"PUBLIC_URL\": \"https://app.example.com\" }", "PUBLIC_URL: is in the configuration file and among"),
    ] {
        let (code, out) = check(text);
        assert!(code == Some(1) && out.contains(said), "{said}: {out}");
    }
}

#[test]
fn doors_past_the_guard_and_missing_bindings_are_problems() {
    answers_as_recorded("open", &["check", "--config", "deployment.toml", "--env", "open"], 1);
    answers_as_recorded("empty", &["check", "--config", "empty.toml"], 1);
}

#[test]
fn several_sites_are_summed_up_one_by_one_and_each_has_its_own_problems() {
    answers_as_recorded("sites", &["check", "--config", "sites.toml"], 0);
    answers_as_recorded("sites-wrong", &["check", "--config", "sites.toml", "--env", "wrong"], 1);
    answers_as_recorded("sites-unnamed", &["check", "--config", "sites.toml", "--env", "unnamed"], 1);
}

#[test]
fn secrets_missing_from_a_given_file_are_problems() {
    answers_as_recorded("incomplete", &["check", "-c", "development.toml", "--secrets", "incomplete.vars"], 1);
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_place_not_its_content() {
    answers_as_recorded("unreadable", &["check", "--config", "unreadable.toml"], 2);
    answers_as_recorded("unreadable-secrets", &["check", "-c", "development.toml", "--secrets", "unreadable.vars"], 2);
    answers_as_recorded("no-environment", &["check", "--config", "deployment.toml", "--env", "nowhere"], 2);
    for (file, why) in [("absent.toml", "there is no such file"), (".", "it is a folder"), ("empty.toml/a", "")] {
        let output = postern(&["check", "--config", file], "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(said.starts_with(&format!("postern: cannot read `{file}`: {why}")), "{said}");
    }
}

/// Asks in the folder of the examples.
fn decide(args: &[&str]) -> (Option<i32>, String) {
    let all = [args, &["--config", "../../examples/decisions/wrangler.toml", "--secrets", "none"]].concat();
    let output = postern(&all, "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_examples_of_decisions_are_decided_as_they_say() {
    // R-193, R-199
    let files = ["rbac", "pii", "tenant", "second"].map(|name| format!("../../examples/decisions/{name}.json"));
    let asked = files.iter().flat_map(|file| ["--decisions", file]);
    let (code, said) = decide(&["check"].into_iter().chain(asked).collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{said}");
    for (file, count) in files.iter().zip([15, 6, 8, 11]) {
        assert!(said.contains(&format!("{file}: {count} decisions as expected\n")), "{said}");
    }
}

const RELATIONS: [&str; 4] = ["--config", "../../examples/relations/wrangler.toml", "--secrets", "none"];

#[test]
fn the_examples_of_relations_are_decided_as_they_say() {
    // R-197
    let files = ["documents", "acl"].map(|name| format!("../../examples/relations/{name}.json"));
    let asked = ["check", "--decisions", &files[0], "--decisions", &files[1]];
    let output = postern(&[&asked[..], &RELATIONS].concat(), "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    for (file, count) in files.iter().zip([16, 5]) {
        assert!(said.contains(&format!("{file}: {count} decisions as expected\n")), "{said}");
    }
    assert!(said.contains(", is document:{id}#viewer\n"), "{said}");
}

#[test]
fn the_example_of_services_is_summed_up_with_every_way_that_programs_come() {
    // R-460
    let file = "../../examples/services/wrangler.toml";
    answers_as_recorded("services", &["check", "--config", file, "--secrets", "none"], 0);
}

#[test]
fn a_decision_by_relations_is_explained_with_a_file_of_tuples() {
    let file = std::env::temp_dir().join(format!("postern-relations-{}.json", std::process::id()));
    let ask = |tuples: &str, given: bool| {
        std::fs::write(&file, tuples).unwrap();
        let who = r#"{ "provider": "corp", "claims": { "sub": "erin" } }"#;
        let mut asked = vec!["explain", "--who", who, "GET /documents/7"];
        if given {
            asked.extend(["--relations", file.to_str().unwrap()]);
        }
        let output = postern(&[&asked[..], &RELATIONS].concat(), "");
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
    };
    let tuples = r#"["document:7#viewer@group:eng#member", "group:eng#member@user:corp|erin"]"#;
    assert!(ask(tuples, true).1.starts_with("allow\n"));
    let refused = "deny\n  route   GET /documents/{id}\n  reason  authz.relation_missing: document:{id}#viewer\n";
    assert_eq!(ask(tuples, false), (Some(0), refused.to_owned()));
    for (bad, why) in [
        ("{", "expected a sequence"),
        (r#"["document:7"]"#, "expected a tuple"),
        (r#"["document:7#viewer@user:erin"]"#, "by the id of a provider"),
        (r#"["document:7#owner@user:*"]"#, "says nothing in `RELATIONS`"),
    ] {
        let (code, said) = ask(bad, true);
        assert!(code == Some(2) && said.contains(why), "{said}");
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_decision_that_is_not_as_expected_is_named_and_fails_the_check() {
    let file = std::env::temp_dir().join(format!("postern-decisions-{}.json", std::process::id()));
    let ask = |text: &str| {
        std::fs::write(&file, text).unwrap();
        decide(&["check", "--decisions", file.to_str().unwrap()])
    };
    let of =
        |who: &str, decisions: &str| format!(r#"{{ "description": "", "who": {who}, "decisions": [{decisions}] }}"#);
    let good = r#"{ "who": "nobody", "request": "GET /articles/7", "expect": "401" }"#;
    let bad = r#"{ "who": "nobody", "request": "PUT /articles/7", "expect": "allow", "because": "x" }"#;
    let (code, said) = ask(&of("{}", &format!("{good}, {bad}")));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(": 1 of 2 decisions are not as expected\n"), "{said}");
    let line = "  nobody, PUT /articles/7: expected allow because x, found 401 because authn.no_credential\n";
    assert!(said.contains(line), "{said}");
    for unreadable in [
        "{".to_owned(),
        of("{}", r#"{ "who": "somebody", "request": "GET /", "expect": "allow" }"#),
        of("{}", r#"{ "who": "nobody", "request": "GET", "expect": "allow" }"#),
        of(r#"{ "a": { "provider": "crop" } }"#, good),
        of(r#"{ "a": {} }"#, good),
        of(r#"{ "a": { "provider": "corp", "role": "admin" } }"#, good),
        of(r#"{ "a": { "provider": "corp", "signed_in": "soon" } }"#, good),
    ] {
        assert_eq!(ask(&unreadable).0, Some(2), "{unreadable}");
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_token_that_names_its_audience_elsewhere_is_explained_as_well() {
    for issuer in ["cognito", "adfs", "old"] {
        let who = format!(r#"{{ "issuer": "{issuer}" }}"#);
        let asked = ["explain", "--config", "deployment.toml", "--secrets", "none", "--who", &who, "GET /api/stock/a"];
        let output = postern(&asked, "");
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with("allow\n"), "{issuer}: {said}");
    }
}

#[test]
fn a_decision_is_explained_by_its_rule_and_its_reason() {
    let viewer = r#"{ "provider": "corp", "claims": { "realm_access": { "roles": ["viewer"] } } }"#;
    for (who, request, expected) in [
        (viewer, "GET /articles/7", "allow\n  route   GET /articles/{id}\n  reason  authz.requirements_met\n"),
        (
            viewer,
            "PUT /articles/7",
            "deny\n  route   PUT /articles/{id}\n  reason  authz.permission_missing: write:articles\n",
        ),
        ("nobody", "GET /people/7", "401\n  route   /people/{id}\n  reason  authn.no_credential\n"),
        ("nobody", "GET /a//b", "deny\n  route   none\n  reason  path.empty_segment\n"),
    ] {
        assert_eq!(decide(&["explain", "--who", who, request]), (Some(0), expected.to_owned()));
    }
    for args in [&["explain", "GET /"][..], &["explain", "--who", "nobody"], &["explain", "--who", "{", "GET /"]] {
        assert_eq!(decide(args).0, Some(2), "{args:?}");
    }
}

#[test]
fn a_command_that_is_none_gets_the_usage() {
    for args in [
        &[][..],
        &["explain", "--json"],
        &["chekc"],
        &["check", "--bogus"],
        &["check", "extra"],
        &["keys"],
        &["keys", "old"],
        &["keys", "pattern", "--bogus"],
        &["keys", "pattern", "--prefix"],
    ] {
        let output = postern(args, "");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).contains("Usage:"), "{args:?}");
    }
    let help = postern(&["--help"], "");
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("postern check"));
}

#[test]
fn a_new_key_alone_on_standard_output_is_a_ring_and_never_the_same() {
    let ring = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let (one, other) = (postern(&["keys", "new"], ""), postern(&["keys", "new"], ""));
    assert!(one.status.success() && KeyRing::parse(&ring(&one)).is_ok());
    assert_ne!(ring(&one), ring(&other));
    assert!(String::from_utf8_lossy(&one.stderr).contains("wrangler secret put POSTERN_KEYS"));
}

#[test]
fn a_new_key_of_a_client_is_a_private_jwk() {
    for algorithm in ["ES256", "EdDSA"] {
        let made = postern(&["keys", "new", "--client", algorithm], "");
        let jwk: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        assert!(jwk["d"].is_string() && jwk["kid"].is_string() && made.status.success(), "{algorithm}");
    }
    for wrong in [&["--client", "RS256"][..], &["--client", "ES256", "--ring", "-"]] {
        assert_eq!(postern(&[&["keys", "new"], wrong].concat(), "").status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_new_key_goes_in_front_of_the_ring_in_use() {
    let old = format!("old:{}", "E".repeat(43));
    for output in
        [postern(&["keys", "new", "--ring", &old], ""), postern(&["keys", "new", "--ring", "-"], &format!("{old}\n"))]
    {
        let ring = String::from_utf8(output.stdout).unwrap();
        assert!(ring.trim_end().ends_with(&format!(",{old}")), "{ring}");
        assert_ne!(KeyRing::parse(&ring).unwrap().newest_id().as_str(), "old");
    }
    let broken = postern(&["keys", "new", "--ring", "canary-8"], "");
    assert_eq!(broken.status.code(), Some(1));
    assert!(broken.stdout.is_empty() && !String::from_utf8_lossy(&broken.stderr).contains("canary"));
}

#[test]
fn of_several_sites_the_one_that_is_named_is_asked() {
    let ask = |site: &[&str]| {
        let question = ["explain", "--config", "sites.toml", "--secrets", "none", "--who", "nobody", "GET /users/7"];
        let output = postern(&[&question[..], site].concat(), "");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout) + &text(output.stderr))
    };
    let (code, said) = ask(&["--site", "admin"]);
    assert!(code == Some(0) && said.contains("/users/{id}"), "{said}");
    let (code, said) = ask(&["--site", "shop"]);
    assert!(code == Some(0) && said.contains("/{*rest}"), "{said}");
    for (site, why) in
        [(&[][..], "there are several sites, expected --site"), (&["--site", "shed"], "there is no site `shed`")]
    {
        let (code, said) = ask(site);
        assert!(code == Some(2) && said.contains(why), "{said}");
    }
}

#[test]
fn the_release_is_told() {
    let output = postern(&["--version"], "");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), concat!("postern ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// In WebAssembly the standard library takes `/a` for `a`: `files.rs` knows what to do about it.
#[test]
fn files_are_read_in_one_place() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Tests run natively.
            if path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let is_the_place = path.ends_with("src/files.rs");
            assert_eq!(text.contains("fs::"), is_the_place, "{}", path.display());
            assert!(is_the_place || !text.contains(".exists()") && !text.contains(".is_dir()"), "{}", path.display());
            seen += usize::from(is_the_place);
        }
    }
    assert_eq!(seen, 1);
}

#[test]
fn the_pattern_of_api_keys_is_printed_for_a_prefix_and_for_a_configuration() {
    // R-260
    let printed = |args: &[&str]| String::from_utf8(postern(args, "").stdout).unwrap();
    assert_eq!(printed(&["keys", "pattern", "--prefix", "acme"]), "acme_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\n");
    let file = std::env::temp_dir().join(format!("postern-pattern-{}.toml", std::process::id()));
    let text = std::fs::read_to_string(Path::new(FIXTURES).join("deployment.toml")).unwrap();
    let subjects = r#"{ name = "SUBJECTS", class_name = "SubjectObject" }"#;
    let text = text.replace(subjects, &format!(r#"{subjects}, {{ name = "API_KEYS", class_name = "KeyObject" }}"#));
    std::fs::write(&file, format!("{text}\n[exports.KeyObject]\ntype = \"durable-object\"\nstorage = \"sqlite\"\n\n[vars.KEYS]\nprefix = \"corp\"\n")).unwrap();
    let of_file = postern(&["keys", "pattern", "-c", file.to_str().unwrap(), "--secrets", "none"], "");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(String::from_utf8(of_file.stdout).unwrap(), "corp_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\n");
}

#[test]
fn no_pattern_is_printed_for_what_is_no_prefix_or_for_a_site_without_keys() {
    // R-260
    for (args, expected) in [
        (&["--prefix", "Acme"][..], "--prefix: expected "),
        (&["--prefix", ""], "--prefix: expected "),
        (&["--prefix", "thirteenchars"], "--prefix: expected "),
        (&["-c", "deployment.toml", "--secrets", "none"], "has no `KEYS`"),
        (&["-c", "nowhere.toml"], "nowhere.toml"),
    ] {
        let output = postern(&[&["keys", "pattern"], args].concat(), "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() != Some(0) && output.stdout.is_empty(), "{args:?}");
        assert!(!said.is_empty() && said.contains(expected), "{args:?}: {said}");
    }
}
