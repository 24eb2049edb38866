//! Relations against `OpenFGA`'s own tests of checks: the files `*_tests.yaml` of openfga/openfga's `assets/tests`, in the
//! folder that `POSTERN_OPENFGA_TESTS` names.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it meets what it did not expect, and says how far it came"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use postern::relation::{
    CheckResult, KnownTuples, MemoryTuples, Model, Name, Rewrite, Subject, Tuple, Unanswerable, Userset, evaluate,
};
use yaml_rust2::{Yaml, YamlLoader};

#[derive(Debug, Default)]
struct Count {
    yes: usize,
    no: usize,
    errors: usize,
    /// Of models with conditions, which there are none of here.
    left_out: usize,
}

#[test]
fn checks_come_out_as_in_the_reference() {
    //
    let Some(folder) = std::env::var_os("POSTERN_OPENFGA_TESTS").map(PathBuf::from) else {
        let notice = "NOTICE: OpenFGA's own tests not run: set POSTERN_OPENFGA_TESTS to a copy of its assets/tests\n";
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        return;
    };
    let mut count = Count::default();
    for file in ["consolidated_1_1_tests.yaml", "abac_tests.yaml"] {
        run(&folder.join(file), &mut count);
    }
    println!("{count:?}");
    assert!(count.yes > 200 && count.no > 130, "{count:?}");
}

fn run(file: &Path, count: &mut Count) {
    let text = std::fs::read_to_string(file).unwrap();
    let documents = YamlLoader::load_from_str(&text).unwrap();
    for test in documents[0]["tests"].as_vec().unwrap() {
        let name = test["name"].as_str().unwrap();
        let mut tuples = Vec::new();
        for stage in test["stages"].as_vec().unwrap() {
            let text = stage["model"].as_str().unwrap();
            let asked: &[Yaml] = stage["checkAssertions"].as_vec().map_or(&[], Vec::as_slice);
            if text.contains(" with ") {
                count.left_out += asked.len();
                continue;
            }
            let model = model(name, text);
            tuples.extend(all(&stage["tuples"]).iter().map(|tuple| read(tuple).unwrap()));
            for assertion in asked {
                decide(name, &model, &tuples, assertion, count);
            }
        }
    }
}

fn all(list: &Yaml) -> &[Yaml] {
    list.as_vec().map_or(&[], Vec::as_slice)
}

/// The definitions are read as they stand.
fn model(name: &str, text: &str) -> Model {
    let mut definitions: BTreeMap<Name, BTreeMap<Name, Rewrite>> = BTreeMap::new();
    let mut kind = None;
    for line in text.lines().map(|line| line.split(" #").next().unwrap().trim()) {
        if let Some(found) = line.strip_prefix("type ") {
            let found = Name::parse(found.trim()).unwrap();
            definitions.insert(found.clone(), BTreeMap::new());
            kind = Some(found);
        } else if let Some((relation, rewrite)) = line.strip_prefix("define ").and_then(|rest| rest.split_once(':')) {
            let rewrite = Rewrite::parse(rewrite).unwrap_or_else(|error| panic!("{name}: {line}: {error}"));
            let own = definitions.get_mut(kind.as_ref().unwrap()).unwrap();
            own.insert(Name::parse(relation.trim()).unwrap(), rewrite);
        }
    }
    Model::new(definitions).unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
}

fn read(tuple: &Yaml) -> Option<Tuple> {
    let part = |key: &str| tuple[key].as_str().unwrap_or_default();
    Tuple::parse(&format!("{}#{}@{}", part("object"), part("relation"), part("user")))
}

/// `None` where the reference has an error: something in the question is not in the model.
fn answer(model: &Model, tuples: &[Tuple], assertion: &Yaml) -> Option<bool> {
    let question = read(&assertion["tuple"])?;
    let Tuple { userset, subject } = &question;
    let more: Vec<Tuple> = all(&assertion["contextualTuples"]).iter().map(read).collect::<Option<_>>()?;
    let known = |userset: &Userset| model.has(userset.object.kind(), &userset.relation);
    let is_subject = match subject {
        Subject::Userset(set) => known(set),
        other => model.has_type(other.kind()),
    };
    if !known(userset) || !is_subject || more.iter().any(|tuple| model.admit(tuple).is_err()) {
        return None;
    }
    let store: MemoryTuples = tuples.iter().cloned().chain(more).collect();
    let mut known = KnownTuples::default();
    loop {
        match evaluate(model, &known, userset, subject) {
            CheckResult::Yes => return Some(true),
            CheckResult::No => return Some(false),
            // The reference calls that a no, we a question without answer: both deny.
            CheckResult::Unanswerable(Unanswerable::Circular) => return Some(false),
            CheckResult::Unanswerable(_) => return None,
            CheckResult::Wants(reads) => {
                for read in reads {
                    let answer = store.answer(&read);
                    known.learn(read, answer);
                }
            }
        }
    }
}

fn decide(name: &str, model: &Model, tuples: &[Tuple], assertion: &Yaml, count: &mut Count) {
    let found = answer(model, tuples, assertion);
    let expected = if assertion["errorCode"].is_badvalue() { assertion["expectation"].as_bool() } else { None };
    assert_eq!(found, expected, "{name}: {assertion:?}");
    match expected {
        Some(true) => count.yes += 1,
        Some(false) => count.no += 1,
        None => count.errors += 1,
    }
}
