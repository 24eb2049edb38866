use super::*;

/// The documents are those that each provider publishes (`fixtures/providers`).
#[test]
fn no_preset_has_a_problem_with_what_its_provider_publishes() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let read = |file: String| std::fs::read_to_string(root.join(file)).unwrap();
    let catalog: Map<String, Value> =
        serde_json::from_str(&read("src/config/presets/catalog.json".to_owned())).unwrap();
    let mut count = 0;
    for (name, entry) in catalog.iter().filter(|(_, entry)| entry["kind"] != "oauth2") {
        let mut table = json!({ "preset": name, "client_id": "app" });
        for ask in entry["asks"].as_array().unwrap() {
            let example = &ask["example"];
            table[ask["key"].as_str().unwrap()] =
                if ask["form"] == "guids" { json!([example]) } else { example.clone() };
        }
        let mut vars = vars();
        vars["PROVIDERS"] = json!({ "one": table });
        let wanted = found(&vars, &json!({})).wanted;
        let text = read(format!("fixtures/providers/{name}.json"));
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut all = keys();
        let coordinate = "A".repeat(64);
        let p384 = json!({ "kty": "EC", "crv": "P-384", "kid": "2", "x": coordinate, "y": coordinate });
        all["keys"].as_array_mut().unwrap().push(p384);
        let keys_url = document["jwks_uri"].as_str().unwrap();
        let mut answers = json!({ keys_url: { "status": 200, "body": all.to_string() } });
        for url in &wanted {
            answers[url] = json!({ "status": 200, "body": text });
        }
        let (problems, warnings) = told(&found(&vars, &answers));
        assert_eq!(problems, [""; 0], "{name}");
        let known = |text: &&String| text.contains("back-channel logout");
        assert_eq!(warnings.iter().filter(known).count(), warnings.len(), "{name}: {warnings:?}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}
