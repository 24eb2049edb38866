//! Cedar as it is built here against Cedar's own tests: those of cedar-policy/cedar-integration-tests, in the folder
//! that `POSTERN_CEDAR_TESTS` names.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, Schema, ValidationMode, Validator,
};
use serde_json::Value;

/// What is left out here: texts with these words ask for types that are not built in.
const LEFT_OUT: [&str; 3] = ["decimal", "datetime", "duration"];

struct Tests {
    folder: PathBuf,
    requests: usize,
    validated_otherwise: usize,
}

#[test]
fn decisions_reasons_and_errors_are_those_of_the_reference() {
    //
    let Some(folder) = std::env::var_os("POSTERN_CEDAR_TESTS").map(PathBuf::from) else {
        let notice =
            "NOTICE: Cedar's own tests not run: set POSTERN_CEDAR_TESTS to a copy of cedar-integration-tests\n";
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        return;
    };
    let mut files = Vec::new();
    json_files(&folder.join("tests"), &mut files);
    json_files(&folder.join("corpus-tests"), &mut files);
    files.retain(|path| !path.to_string_lossy().ends_with(".entities.json"));
    assert!(files.len() > 15, "{}: where are the tests?", folder.display());
    let mut tests = Tests { folder, requests: 0, validated_otherwise: 0 };
    let left_out = files.iter().filter(|file| !tests.run(file)).count();
    let Tests { requests, validated_otherwise, .. } = tests;
    println!(
        "{} files, {left_out} left out, {validated_otherwise} validated otherwise, {requests} requests",
        files.len()
    );
    assert!(requests > 0);
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

impl Tests {
    /// False when it asks for what is not built in.
    fn run(&mut self, file: &Path) -> bool {
        let case: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let read = |key: &str| std::fs::read_to_string(self.folder.join(case[key].as_str().unwrap())).unwrap();
        let (policies, entities, schema) = (read("policies"), read("entities"), read("schema"));
        let texts = [&policies, &entities, &schema, &case["requests"].to_string()];
        if LEFT_OUT.iter().any(|word| texts.iter().any(|text| text.contains(word))) {
            return false;
        }
        let name = file.display();
        let policies: PolicySet = policies.parse().unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let (schema, _) = Schema::from_cedarschema_str(&schema).unwrap();
        let valid = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict).validation_passed();
        if valid != case["shouldValidate"].as_bool().unwrap() {
            // The corpus was made with an earlier release, whose validator differs in a few cases.
            assert!(name.to_string().contains("corpus-tests"), "{name}");
            self.validated_otherwise += 1;
        }
        let entities = Entities::from_json_str(&entities, Some(&schema)).unwrap();
        for asked in case["requests"].as_array().unwrap() {
            decides(asked, &policies, &entities, &schema, &name.to_string());
            self.requests += 1;
        }
        true
    }
}

fn decides(asked: &Value, policies: &PolicySet, entities: &Entities, schema: &Schema, name: &str) {
    let uid = |key: &str| EntityUid::from_json(asked[key].clone()).unwrap();
    let validates = asked.get("validateRequest").is_none_or(|validate| validate == true);
    let schema = Some(schema).filter(|_| validates);
    let action = uid("action");
    let context = Context::from_json_value(asked["context"].clone(), schema.map(|schema| (schema, &action))).unwrap();
    let request = Request::new(uid("principal"), uid("action"), uid("resource"), context, schema).unwrap();
    let response = Authorizer::new().is_authorized(&request, policies, entities);
    let about = format!("{name}: {}", asked["description"]);
    let decision = if response.decision() == Decision::Allow { "allow" } else { "deny" };
    assert_eq!(decision, asked["decision"], "{about}");
    let mut reasons: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
    let mut errors: Vec<String> = response.diagnostics().errors().map(failing).collect();
    reasons.sort();
    errors.sort();
    assert_eq!((reasons, errors), (texts(&asked["reason"]), texts(&asked["errors"])), "{about}");
}

fn failing(error: &cedar_policy::AuthorizationError) -> String {
    let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
    error.policy_id().to_string()
}

fn texts(value: &Value) -> Vec<String> {
    let mut texts: Vec<String> =
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    texts.sort();
    texts
}
