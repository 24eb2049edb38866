//! `postern policy` against recorded answers. `POSTERN_BLESS=1` records them anew.

use std::path::{Path, PathBuf};
use std::process::Command;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/policy");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policies");

fn postern(folder: &str, args: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_postern")).args(args).current_dir(folder).output().unwrap();
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
    assert!(folders.len() >= 3, "{folders:?}");
    for folder in folders {
        let (said, code) =
            postern(folder.to_str().unwrap(), &["policy", "check", ".", "--decisions", "decisions.json"]);
        assert!(code == Some(0) && said.contains("all as expected"), "{}\n{said}", folder.display());
    }
}

#[test]
fn every_policy_of_the_examples_decides_a_case() {
    for folder in folders(EXAMPLES) {
        let decisions = std::fs::read_to_string(folder.join("decisions.json")).unwrap();
        let decisions: serde_json::Value = serde_json::from_str(&decisions).unwrap();
        let deciding = decisions["cases"].to_string();
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
    let (said, code) = postern(FIXTURES, &["policy", "pack", "--serial", "7", "good.cedar"]);
    let entries: serde_json::Value = serde_json::from_str(&said).unwrap();
    let text = |entry: usize, member: &str| entries[entry][member].as_str().unwrap().to_owned();
    let bundle = postern::policy::Bundle::from_text(&text(0, "value")).unwrap();
    let pointer = postern::policy::Pointer::from_text(&text(1, "value")).unwrap();
    assert_eq!((code, pointer.serial, &pointer.live), (Some(0), 7, &bundle.version()));
    assert_eq!(text(0, "key"), postern::policy::version_key(&pointer.live));
    assert_eq!(text(1, "key"), postern::policy::pointer_key());
    assert_eq!(postern(FIXTURES, &["policy", "pack", "--serial", "7", "wrong"]).1, Some(1));
    assert_eq!(postern(FIXTURES, &["policy", "pack", "good.cedar"]).1, Some(2));
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
