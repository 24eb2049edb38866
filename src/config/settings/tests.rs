use serde_json::{Map, Value, json};

use super::super::tests::{secret, small, with};
use super::super::{Build, Config, Deployment};
use super::*;

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// A deployment of one site, with these variables in a file and those as bindings.
fn read(file: &Value, bound: &Value) -> Deployment {
    read_text(&file.to_string(), bound)
}

fn read_text(file: &str, bound: &Value) -> Deployment {
    Deployment::of(Build::PLAIN, &Settings::of_file(file).bind(object(bound)), &secret)
}

fn lines(deployment: &Deployment) -> Vec<String> {
    let of_sites = deployment.sites.iter().filter_map(|one| one.config.as_ref().err()).flatten();
    deployment.problems.iter().chain(of_sites).map(ToString::to_string).collect()
}

/// The configuration of the one site.
fn config(deployment: &Deployment) -> &Config {
    let [one] = &deployment.sites[..] else { panic!("{:?}", lines(deployment)) };
    one.config.as_ref().unwrap()
}

/// Without these variables, and these alone.
fn split(vars: &Value, names: &[&str]) -> (Value, Value) {
    let (file, bound): (Vec<_>, Vec<_>) =
        object(vars).into_iter().partition(|(name, _)| !names.contains(&name.as_str()));
    (Value::Object(file.into_iter().collect()), Value::Object(bound.into_iter().collect()))
}

#[test]
fn it_makes_no_difference_where_a_variable_is() {
    let whole = read(&small(), &json!({}));
    for names in [&[][..], &["PUBLIC_URL"], &["ROUTES", "PROVIDERS"], &["PUBLIC_URL", "ROUTES", "PROVIDERS"]] {
        let (file, bound) = split(&small(), names);
        let deployment = read(&file, &bound);
        assert_eq!(config(&deployment).stamp, config(&whole).stamp, "{names:?}");
        assert_eq!(config(&deployment).routes.routes(), config(&whole).routes.routes());
    }
    assert_eq!(lines(&read(&json!({}), &json!({}))), lines(&Deployment::parse(&Map::new(), &secret)));
}

#[test]
fn a_variable_in_both_places_is_a_problem_even_if_they_say_the_same() {
    let why = "is in the configuration file and among the variables (`[vars]`): keep one of the two";
    let (_, routes) = split(&small(), &["ROUTES"]);
    let deployment = read(&small(), &routes);
    assert_eq!(lines(&deployment), [format!("ROUTES: {why}")]);
    assert!(deployment.sites[0].config.is_err());
}

#[test]
fn what_means_nothing_in_the_file_is_refused_like_any_key() {
    let told = |name: &str, value: Value| lines(&read(&with(small(), &[name], value), &json!({})));
    assert!(told("ROUTS", json!({}))[0].ends_with("unknown key, did you mean `ROUTES`?"));
    for name in ["POSTERN_KEYS", "PROVIDER_CORP_CLIENT_SECRET"] {
        let lines = told(name, json!("k1:hunter2"));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("belongs in a secret") && !lines[0].contains("hunter2"), "{lines:?}");
    }
    assert_eq!(told("$schema", json!("postern.schema.json")), [""; 0]);
    assert_eq!(told("$schemas", json!("postern.schema.json")).len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_opens_nothing_even_if_the_bindings_are_whole() {
    let deep = "[".repeat(40) + &"]".repeat(40);
    for (text, why) in [
        ("", "expected JSON"),
        ("PUBLIC_URL = \"https://app.example.com\"", "`postern json postern.toml`"),
        ("{} {}", "expected JSON"),
        ("[]", "expected a JSON object"),
        ("{\"ROUTES\": {}, \"ROUTES\": {}}", "twice"),
        ("{\"ROUTES\": {\"/a\": {\"upstream\": \"assets\"}, \"/\\u0061\": {}}}", "twice"),
        (&format!("{{\"ROUTES\": {deep}}}"), "levels"),
        (&format!("{{\"$schema\": \"{}\"}}", "x".repeat(MAX_FILE_BYTES)), "bytes"),
    ] {
        let deployment = read_text(text, &small());
        assert!(deployment.sites.is_empty());
        let lines = lines(&deployment);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("configuration file: ") && lines[0].contains(why), "{why}: {lines:?}");
    }
}

/// Two sites; their names without a site's.
fn two() -> Value {
    let mut vars = json!({ "SITES": ["shop", "admin"] });
    for site in ["SHOP", "ADMIN"] {
        for (name, value) in object(&small()) {
            vars[format!("{site}_{name}")] = value;
        }
        vars[format!("{site}_PUBLIC_URL")] = json!(format!("https://{}.example.com", site.to_lowercase()));
        vars[format!("{site}_PROVIDERS")] =
            json!({ "corp": { "issuer": "https://op.example", "client_id": "a", "client_auth": "none" } });
    }
    vars
}

#[test]
fn of_several_sites_each_has_its_variables_in_either_place() {
    for names in [&["SITES"][..], &["SHOP_ROUTES", "ADMIN_PUBLIC_URL"], &[]] {
        let (file, bound) = split(&two(), names);
        let deployment = read(&file, &bound);
        assert_eq!(lines(&deployment), [""; 0], "{names:?}");
        assert_eq!(deployment.sites.len(), 2);
    }
    // One that is in both places is its site's problem alone.
    let (_, bound) = split(&two(), &["SHOP_ROUTES"]);
    let works: Vec<bool> = read(&two(), &bound).sites.iter().map(|one| one.config.is_ok()).collect();
    assert_eq!(works, [false, true]);
    // Which sites there are is not guessed.
    let deployment = read(&two(), &json!({ "SITES": ["shop"] }));
    assert!(deployment.sites.is_empty());
    assert!(lines(&deployment)[0].starts_with("SITES: is in the configuration file and"));
    let stray = read(&with(two(), &["ROUTES"], json!({})), &json!({}));
    assert!(lines(&stray)[0].starts_with("ROUTES: belongs to no site"), "{:?}", lines(&stray));
}

#[test]
fn the_names_of_secrets_are_those_of_the_sites_in_the_file() {
    let settings = Settings::of_file("{\"SITES\": [\"shop\"]}");
    assert!(settings.names(None).is_secret("SHOP_PROVIDER_A_CLIENT_SECRET"));
    assert!(!settings.names(None).is_secret("PROVIDER_A_CLIENT_SECRET"));
    assert!(Settings::default().names(None).is_secret("PROVIDER_A_CLIENT_SECRET"));
}
