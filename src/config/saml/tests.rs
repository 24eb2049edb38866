use serde_json::{Value, json};

use super::super::tests::{parse, problems, small, with};
use super::*;

const PIN_TEXT: &str =
    "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89";

fn table(saml: Value) -> Value {
    let provider = json!({ "issuer": "urn:example:idp", "saml": saml });
    with(small(), &["PROVIDERS", "corp"], provider)
}

fn read(saml: Value) -> Saml {
    let config = parse(&table(saml)).unwrap();
    (**config.provider("corp").unwrap().saml.as_ref().unwrap()).clone()
}

fn published() -> Value {
    json!({ "metadata": "https://idp.example.com/metadata?app=1", "certificates": [PIN_TEXT] })
}

#[test]
fn metadata_is_at_an_address_with_pinned_keys_or_in_the_configuration() {
    //
    let SamlMetadata::Published { at, pins } = read(published()).metadata else { panic!() };
    assert_eq!(at.as_str(), "https://idp.example.com/metadata?app=1");
    assert_eq!(pins, [PIN_TEXT.replace(':', "").to_lowercase()]);
    let SamlMetadata::Given(text) = read(json!({ "metadata": "\n<EntityDescriptor/>\n" })).metadata else { panic!() };
    assert_eq!(text, "<EntityDescriptor/>");
    for (bent, expected) in [
        (
            json!({ "metadata": "https://idp.example.com/m" }),
            "PROVIDERS.corp.saml.certificates: expected the fingerprints",
        ),
        (
            json!({ "metadata": "http://idp.example.com/m", "certificates": [PIN_TEXT] }),
            "PROVIDERS.corp.saml.metadata: expected an https URL",
        ),
        (
            json!({ "metadata": "https://127.0.0.1/m", "certificates": [PIN_TEXT] }),
            "PROVIDERS.corp.saml.metadata: expected an https URL",
        ),
        (
            json!({ "metadata": "<a/>", "certificates": [PIN_TEXT] }),
            "PROVIDERS.corp.saml.certificates: is about metadata at an address",
        ),
        (
            json!({ "metadata": "https://idp.example.com/m", "certificates": ["AB:CD"] }),
            "PROVIDERS.corp.saml.certificates",
        ),
        (
            json!({ "metadata": "https://idp.example.com/m", "certificates": [] }),
            "PROVIDERS.corp.saml.certificates: expected one or 2",
        ),
        (json!({}), "PROVIDER_CORP_METADATA: expected a secret"),
    ] {
        let found = problems(&table(bent.clone()));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{bent}: {found:?}");
    }
    let three: Vec<String> = ["0", "1", "2"].map(|digit| PIN_TEXT.replacen('A', digit, 1)).to_vec();
    let found = problems(&table(json!({ "metadata": "https://idp.example.com/m", "certificates": three })));
    assert_eq!(found, ["PROVIDERS.corp.saml.certificates: expected one or 2, found 3"]);
}

#[test]
fn a_name_that_changes_at_each_sign_in_names_nobody() {
    //
    let with_format = |subject: Option<&str>| {
        let mut saml = published();
        saml["name_id_format"] = "transient".into();
        if let Some(subject) = subject {
            saml["subject"] = subject.into();
        }
        table(saml)
    };
    for subject in [None, Some("nameid")] {
        let found = problems(&with_format(subject));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("PROVIDERS.corp.saml.name_id_format: is another name at each sign-in"),
            "{found:?}"
        );
    }
    let config = parse(&with_format(Some("attr:urn:oid:0.9.2342.19200300.100.1.1"))).unwrap();
    let saml = config.provider("corp").unwrap().saml.as_ref().unwrap();
    assert_eq!(saml.subject, SamlSubject::Attribute("urn:oid:0.9.2342.19200300.100.1.1".to_owned()));
    assert_eq!(saml.name_id_format, Some(NameIdFormat(NameIdFormat::TRANSIENT)));
}

#[test]
fn keys_about_clients_codes_and_tokens_are_mistakes() {
    for (key, value) in [
        ("client_id", json!("app")),
        ("client_auth", json!("none")),
        ("scopes", json!(["openid"])),
        ("response_mode", json!("query")),
        ("userinfo", json!(true)),
        ("id_token_algs", json!(["RS256"])),
        ("frontchannel_logout", json!(true)),
        ("preset", json!("okta")),
    ] {
        let found = problems(&with(table(published()), &["PROVIDERS", "corp", key], value));
        assert!(found.iter().any(|one| one.starts_with("PROVIDERS.corp")), "{key}: {found:?}");
    }
    for (key, value) in [("subject", json!("attr:")), ("subject", json!("email")), ("sign_request", json!(true))] {
        let mut saml = published();
        saml[key] = value;
        assert_eq!(problems(&table(saml)).len(), 1, "{key}");
    }
    for issuer in ["idp", "https://idp.example.com/a b", "1a:b", "urn:"] {
        let found = problems(&with(table(published()), &["PROVIDERS", "corp", "issuer"], json!(issuer)));
        assert!(found[0].starts_with("PROVIDERS.corp.issuer: expected an entityID"), "{issuer}: {found:?}");
    }
}

#[test]
fn an_entity_id_by_which_policies_could_name_nobody_is_refused() {
    //
    for issuer in ["urn:example:idp#1", "https://idp.example.com/#", "https://idp.example.com/saml#idp"] {
        let found = problems(&with(table(published()), &["PROVIDERS", "corp", "issuer"], json!(issuer)));
        let expected = "PROVIDERS.corp.issuer: expected an entityID without `#`: policies name people by \
            `ISSUER#SUBJECT`, and the first `#` ends the issuer";
        assert_eq!(found, [expected], "{issuer}");
    }
    // What we are called there names nobody.
    let mut saml = published();
    saml["entity_id"] = "https://app.example.com/saml#sp".into();
    assert_eq!(read(saml).entity_id.as_deref(), Some("https://app.example.com/saml#sp"));
}

#[test]
fn requests_are_signed_by_a_key_for_that_alone() {
    assert!(read(published()).signing.is_none());
    let mut saml = published();
    saml["sign_requests"] = true.into();
    saml["signing_alg"] = "ES256".into();
    assert_eq!(read(saml.clone()).signing.unwrap().algorithm, Algorithm::Es256);
    saml["sign_requests"] = false.into();
    assert_eq!(problems(&table(saml)), ["PROVIDERS.corp.saml.signing_alg: is about `sign_requests`, which is not on"]);
}

/// What is wrong with a provider that encrypts, with these keys.
fn encrypting(sign_requests: bool, keys: [Option<String>; 2]) -> Result<Saml, Vec<String>> {
    let mut saml = published();
    saml["encrypted"] = "required".into();
    if sign_requests {
        saml["sign_requests"] = true.into();
    }
    let secret = |name: &str| match name {
        "PROVIDER_CORP_DECRYPTION_KEY" => keys[0].clone(),
        "PROVIDER_CORP_DECRYPTION_KEY_NEXT" => keys[1].clone(),
        "PROVIDER_CORP_PRIVATE_KEY" => Some(pem("other")),
        name => super::super::tests::secret(name),
    };
    match super::super::Config::parse(table(saml).as_object().unwrap(), &secret) {
        Ok(config) => Ok((**config.provider("corp").unwrap().saml.as_ref().unwrap()).clone()),
        Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
    }
}

fn pem(name: &str) -> String {
    std::fs::read_to_string(format!("{}/crates/saml/tests/keys/{name}.key", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A key as a JWK, with a certificate.
fn jwk(key: &str, certificate: &str) -> String {
    let key = crate::jose::DecryptionKey::from_text(&Secret::new(pem(key))).unwrap();
    let path = format!("{}/crates/saml/tests/keys/{certificate}.crt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let der: String = text.lines().filter(|line| !line.starts_with("---")).collect();
    let mut jwk: Value = serde_json::from_str(key.jwk().expose()).unwrap();
    jwk["x5c"] = json!([der]);
    jwk.to_string()
}

#[test]
fn assertions_are_encrypted_for_rsa_keys_that_do_nothing_else() {
    //
    assert!(read(published()).encryption.is_none());
    let (one, two) = (Some(pem("spare")), Some(pem("idp")));
    let found = encrypting(true, [one.clone(), two.clone()]).unwrap().encryption.unwrap();
    assert!(found.required && found.keys.len() == 2 && found.keys.iter().all(|key| key.certificate().is_none()));
    let certified = encrypting(false, [Some(jwk("spare", "spare")), None]).unwrap().encryption.unwrap();
    assert!(certified.keys[0].certificate().unwrap().starts_with("MII"));
    let begins = "PROVIDERS.corp.saml.encrypted: ";
    for (signs, keys, expected) in [
        (false, [None, two], "PROVIDER_CORP_DECRYPTION_KEY: expected a secret".to_owned()),
        (false, [Some(pem("ec")), None], format!("{begins}needs RSA keys")),
        (false, [one.clone(), Some(pem("ec"))], format!("{begins}needs RSA keys")),
        (false, [one.clone(), one], format!("{begins}has two keys of one name")),
        (true, [Some(pem("other")), None], format!("{begins}has a key that signs too")),
        (false, [Some(jwk("spare", "idp")), None], format!("{begins}has a key whose `x5c` is no certificate of it")),
        (false, [Some(pem("spare").replace("PRIVATE", "PUBLIC")), None], "PROVIDER_CORP_DECRYPTION_KEY: ".to_owned()),
    ] {
        let found = encrypting(signs, keys).unwrap_err();
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{expected}: {found:?}");
    }
    let mut saml = published();
    saml["encrypted"] = "maybe".into();
    assert!(problems(&table(saml))[0].starts_with(&format!("{begins}expected `required` or `accepted`")));
}

#[test]
fn its_entity_id_is_not_also_an_issuer_of_tokens() {
    //
    let mut vars = with(table(published()), &["PROVIDERS", "corp", "issuer"], json!("https://kc.example.com/realms/a"));
    vars["ISSUERS"] = json!({ "kc": { "issuer": "https://kc.example.com/realms/a", "audience": "urn:api" } });
    let expected = "ISSUERS.kc: is the entityID of provider `corp`, which calls people otherwise by SAML";
    assert_eq!(problems(&vars), [expected]);
    vars["ISSUERS"]["kc"]["issuer"] = "https://kc.example.com/realms/b".into();
    assert!(parse(&vars).is_ok());
}

#[test]
fn a_site_with_a_saml_provider_needs_the_saml_worker() {
    let needs = |vars: &Value| parse(vars).unwrap().needed_bindings().iter().any(|one| one.name == "SAML");
    assert!(needs(&table(published())));
    assert!(!needs(&small()));
}
