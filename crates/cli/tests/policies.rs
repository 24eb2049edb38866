//! `postern policy` against recorded answers. `POSTERN_BLESS=1` records them anew.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/policy");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");

/// The native program, or another that has to say the same: `POSTERN_PROGRAM` names the one that runs in Node.
fn program() -> OsString {
    std::env::var_os("POSTERN_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_postern").into())
}

fn postern(folder: &str, args: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(program()).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (format!("{}{}", text(output.stdout), text(output.stderr)), output.status.code())
}

/// Runs a command and compares what it says with `fixtures/policy/NAME.golden`.
#[track_caller]
fn answers_as_recorded(name: &str, args: &[&str], code: i32) {
    let (said, ended) = postern(FIXTURES, args);
    let golden = Path::new(FIXTURES).join(format!("{name}.golden"));
    if std::env::var_os("POSTERN_BLESS").is_some() {
        std::fs::write(&golden, &said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&golden).unwrap(), "postern {}", args.join(" "));
    assert_eq!(ended, Some(code), "{said}");
}

fn folders(folder: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

#[test]
fn the_examples_decide_as_they_say() {
    let folders = folders(EXAMPLES);
    assert!(folders.len() >= 4, "{folders:?}");
    for folder in folders {
        let (said, code) =
            postern(folder.to_str().unwrap(), &["policy", "check", ".", "--decisions", "decisions.json"]);
        assert!(code == Some(0) && said.contains("decisions as expected"), "{}\n{said}", folder.display());
    }
}

#[test]
fn every_policy_of_the_examples_decides_a_case() {
    for folder in folders(EXAMPLES) {
        let decisions = std::fs::read_to_string(folder.join("decisions.json")).unwrap();
        let decisions: serde_json::Value = serde_json::from_str(&decisions).unwrap();
        let deciding = decisions["decisions"].to_string();
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let text = std::fs::read_to_string(&file).unwrap();
            for id in text.split("@id(").skip(1).filter_map(|rest| rest.split(')').next()) {
                assert!(deciding.contains(id), "{}: {id} decides nothing", file.display());
            }
        }
    }
}

#[test]
fn every_problem_is_listed_with_its_place() {
    answers_as_recorded("wrong", &["policy", "check", "wrong"], 1);
}

#[test]
fn decisions_that_come_out_otherwise_are_listed() {
    answers_as_recorded("otherwise", &["policy", "check", "good.cedar", "--decisions", "otherwise.json"], 1);
}

#[test]
fn a_case_is_explained() {
    for (name, case) in [("allow", "allow.json"), ("step-up", "step_up.json"), ("failed", "failed.json")] {
        answers_as_recorded(name, &["policy", "explain", "--case", case, "good.cedar"], 0);
    }
}

#[test]
fn a_version_is_packed_for_the_store_and_one_that_does_not_hold_up_is_not() {
    let (said, code) = postern(FIXTURES, &["policy", "pack", "--serial", "1795428000", "good.cedar"]);
    let entries: serde_json::Value = serde_json::from_str(&said).unwrap();
    let text = |entry: usize, member: &str| entries[entry][member].as_str().unwrap().to_owned();
    let bundle = postern::policy::Bundle::from_text(&text(0, "value")).unwrap();
    let pointer = postern::policy::Pointer::from_text(&text(1, "value")).unwrap();
    assert_eq!((code, pointer.serial, &pointer.live), (Some(0), 1_795_428_000, &bundle.version()));
    assert_eq!(text(0, "key"), postern::policy::version_key(&pointer.live));
    assert_eq!(text(1, "key"), postern::policy::pointer_key());
    let of_site = ["policy", "pack", "--serial", "1795428000", "--site", "shop", "good.cedar"];
    let of_site: serde_json::Value = serde_json::from_str(&postern(FIXTURES, &of_site).0).unwrap();
    for entry in 0..2 {
        assert_eq!(of_site[entry]["key"], format!("shop.{}", text(entry, "key")));
        assert_eq!(of_site[entry]["value"], entries[entry]["value"]);
    }
    assert_eq!(postern(FIXTURES, &["policy", "pack", "--site", "no site", "good.cedar"]).1, Some(2));
    assert_eq!(postern(FIXTURES, &["policy", "pack", "wrong"]).1, Some(1));
    assert_eq!(postern(FIXTURES, &["policy", "pack"]).1, Some(2));
}

#[test]
fn the_serial_of_the_command_is_the_time_as_it_is_over_http() {
    // Over HTTP a serial is the time, in seconds.
    let serial = |args: &[&str]| {
        let (said, code) = postern(FIXTURES, args);
        assert_eq!(code, Some(0), "{said}");
        let entries: serde_json::Value = serde_json::from_str(&said).unwrap();
        postern::policy::Pointer::from_text(entries[1]["value"].as_str().unwrap()).unwrap().serial
    };
    let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let before = now();
    let packed = serial(&["policy", "pack", "good.cedar"]);
    assert!((before..=now()).contains(&packed), "{packed}");
    for counted in ["8", "0", "999999999"] {
        let (said, code) = postern(FIXTURES, &["policy", "pack", "--serial", counted, "good.cedar"]);
        assert!(code == Some(2) && said.contains("expected seconds since 1970"), "{said}");
    }
}

#[test]
fn the_schema_is_there_to_be_read() {
    let (said, code) = postern(FIXTURES, &["policy", "schema"]);
    assert!(code == Some(0) && said.contains("entity Human, Service, Agent in [Role]"), "{said}");
}

#[test]
fn what_cannot_be_read_is_said_and_ends_in_2() {
    for args in [
        &["policy"][..],
        &["policy", "check"],
        &["policy", "check", "absent.cedar"],
        &["policy", "check", "good.cedar", "--decisions", "absent.json"],
        &["policy", "check", "good.cedar", "--decisions", "good.cedar"],
        &["policy", "explain", "good.cedar"],
        &["policy", "explain", "--case", "otherwise.json", "good.cedar"],
        &["policy", "publish"],
    ] {
        let (said, code) = postern(FIXTURES, args);
        assert!(code == Some(2) && !said.is_empty(), "{args:?}: {said}");
    }
}

/// What is said about the examples as a whole deployment.
fn of_the_examples(args: &[&str]) -> (String, Option<i32>) {
    postern(EXAMPLES, &[&args[..1], &["--config", "wrangler.toml", "--secrets", "none"], &args[1..]].concat())
}

#[test]
fn a_configuration_and_its_policies_decide_together_as_the_examples_say() {
    let (said, code) = of_the_examples(&["check", "--policies", ".", "--decisions", "decisions.json"]);
    assert!(code == Some(0) && said.contains("decisions.json: 13 decisions as expected"), "{said}");
    assert!(said.contains(", if the policies permit it\n"), "{said}");
    // Without the policies it is only known that they are to be asked.
    let (said, code) = of_the_examples(&["check", "--decisions", "decisions.json"]);
    let expected = "viewer, GET /api/orders/7: expected allow because policy.permitted by viewers-read, \
        found allow because policy.to_be_asked by none";
    assert!(code == Some(1) && said.contains(expected), "{said}");
}

#[test]
fn one_file_has_people_as_the_configuration_and_as_policies_see_them_and_what_services_ask() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("decisions.json");
    let text = serde_json::json!({
        "who": {
            "told": { "provider": "corp", "claims": { "sub": "vera", "realm_access": { "roles": ["viewer"] } } },
            "seen": { "issuer": "https://login.example.com", "subject": "vera", "roles": ["viewer"] },
        },
        "decisions": [
            { "who": "told", "request": "GET /api/orders/7", "expect": "allow", "by": ["viewers-read"] },
            { "who": "seen", "request": "GET /api/orders/7", "expect": "allow", "because": "policy.permitted" },
            { "who": "nobody", "request": "GET /api/orders/7", "expect": "401" },
            { "evaluation": { "subject": { "type": "x", "id": "a" }, "action": { "name": "b" },
                "resource": { "type": "y", "id": "c" } }, "expect": "deny" },
        ],
    });
    std::fs::write(&file, text.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let known = ["--config", "wrangler.toml", "--secrets", "none", "--decisions", file];
    for args in [[&["policy", "check", "."][..], &known].concat(), [&["check", "--policies", "."][..], &known].concat()]
    {
        let (said, code) = postern(EXAMPLES, &args);
        assert!(code == Some(0) && said.contains("4 decisions as expected"), "{args:?}: {said}");
    }
    // Who is told of by a provider is known to a configuration alone.
    let (said, code) = postern(EXAMPLES, &["policy", "check", ".", "--decisions", file]);
    assert!(code == Some(2) && said.contains("expected `--config`"), "{said}");
}

#[test]
fn what_is_decided_about_a_request_is_explained_by_the_policies_too() {
    let explain = |who: &str, context: &str, request: &str| {
        let args = ["explain", "--policies", ".", "--who", who, "--context", context, request];
        let (said, code) = of_the_examples(&args);
        assert_eq!(code, Some(0), "{said}");
        said
    };
    let sales = r#"{"provider": "corp", "claims": {"department": "sales"}}"#;
    let said = explain(sales, r#"{"time": "2026-11-23T10:00:00Z"}"#, "GET /api/departments/sales/orders/7");
    let policy = "  policy  own-department-in-business-hours\n  version ";
    assert!(said.starts_with("allow\n") && said.contains(policy), "{said}");
    let said = explain(sales, r#"{"time": "2026-11-23T20:00:00Z"}"#, "GET /api/departments/sales/orders/7");
    assert!(said.starts_with("deny\n") && said.contains("reason  policy.nothing_permits"), "{said}");
    let near = "  nearest own-department-in-business-hours: at 14:58 this does not hold: context.utc.hour < 18\n";
    assert!(said.contains(near), "{said}");
    let said = explain("nobody", "{}", "GET /api/news");
    assert!(said.starts_with("401\n") && !said.contains("version"), "{said}");
}

#[test]
fn a_policy_that_names_a_route_that_is_not_there_or_does_not_ask_is_refused() {
    let text = "@id(\"a\") permit(principal, action, resource in Route::\"/api/order/{*rest}\");\n\
        @id(\"b\") forbid(principal, action, resource) when { resource in Route::\"/api/news\" };\n\
        @id(\"c\") permit(principal, action, resource in Route::\"/api/orders/{*rest}\");\n";
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("strangers.cedar");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let expected = "2 problems\n\n  strangers.cedar:1:48: the configuration has no route `/api/order/{*rest}`, did \
        you mean `/api/orders/{*rest}`?\n  strangers.cedar:2:65: the route `/api/news` does not ask the policies, it has no `policy = true`\n";
    for args in [
        &["policy", "check", "--config", "wrangler.toml", file][..],
        &["policy", "pack", "--config", "wrangler.toml", file],
        &["check", "--config", "wrangler.toml", "--secrets", "none", "--policies", file],
    ] {
        assert_eq!(postern(EXAMPLES, args), (expected.to_owned(), Some(1)), "{args:?}");
    }
    // By themselves they hold up.
    assert_eq!(postern(EXAMPLES, &["policy", "check", file]).1, Some(0));
}

#[test]
fn a_deployment_that_asks_policies_has_somewhere_to_publish_them() {
    let config = std::fs::read_to_string(Path::new(EXAMPLES).join("wrangler.toml")).unwrap();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unbound.toml");
    std::fs::write(&file, config.replace("[[kv_namespaces]]\nbinding = \"POSTERN_POLICIES\"\n", "")).unwrap();
    let (said, code) = postern(EXAMPLES, &["check", "--config", file.to_str().unwrap(), "--secrets", "none"]);
    let expected = "kv_namespaces: expected a namespace with `binding = \"POSTERN_POLICIES\"`, the route `/api/customers/{id}` asks the policies";
    assert!(code == Some(1) && said.contains(expected), "{said}");
}
