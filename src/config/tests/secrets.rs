use super::*;

#[test]
fn a_client_proves_itself_as_its_provider_wants_it() {
    //
    let read = |more: Value| {
        let mut vars = with(small(), &["PROVIDERS", "corp", "client_auth"], json!("private_key_jwt"));
        vars["PROVIDERS"]["corp"]["client_assertion"] = more;
        match parse(&vars).unwrap().providers.remove(0).client_auth {
            ClientAuth::PrivateKeyJwt(how) => (how.algorithm, how.audience),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(json!({})), (Algorithm::Es256, AssertionAudience::Issuer));
    assert_eq!(read(json!({ "alg": "ES256", "audience": "endpoint" })).1, AssertionAudience::Endpoint);
    let fixed = "https://login.example.com/aud";
    assert_eq!(read(json!({ "audience": fixed })).1, AssertionAudience::Fixed(fixed.to_owned()));
    let how = |more: Value| {
        let vars = with(small(), &["PROVIDERS", "corp", "client_auth"], json!("private_key_jwt"));
        problems(&with(vars, &["PROVIDERS", "corp", "client_assertion"], more))
    };
    for bad in
        [json!({ "alg": "HS256" }), json!({ "alg": "none" }), json!({ "alg": "ES384" }), json!({ "aud": "issuer" })]
    {
        assert!(how(bad.clone())[0].starts_with("PROVIDERS.corp.client_assertion."), "{bad}");
    }
    for bad in [json!("token_endpoint"), json!(["issuer"]), json!("http://login.example.com"), json!("")] {
        let lines = how(json!({ "audience": bad }));
        assert!(lines[0].starts_with("PROVIDERS.corp.client_assertion.audience: "), "{lines:?}");
    }
    // The key that the tests have is none of RSA.
    let lines = how(json!({ "alg": "PS256" }));
    assert!(lines[0].starts_with("PROVIDER_CORP_PRIVATE_KEY: expected a private key for PS256"), "{lines:?}");
    let line = problem(&["PROVIDERS", "corp", "client_assertion"], json!({ "alg": "ES256" }));
    assert!(line.ends_with("is about `private_key_jwt`, and `client_auth` is `client_secret_basic`"), "{line}");
}

#[test]
fn a_public_client_has_no_secret() {
    let vars = with(small(), &["PROVIDERS", "corp", "client_auth"], json!("none"));
    let keys = |name: &str| (name == "POSTERN_KEYS").then(|| secret(name)).flatten();
    let config = Config::parse(vars.as_object().unwrap(), &keys).unwrap();
    assert!(matches!(config.providers[0].client_auth, ClientAuth::None));
}

#[test]
fn a_missing_secret_is_named_with_the_way_to_set_it() {
    let told = Config::parse(small().as_object().unwrap(), &|_| None).map(|_| ()).unwrap_err();
    let lines: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "PROVIDER_CORP_CLIENT_SECRET: expected a secret: put it into `.dev.vars` for development, and use `npx wrangler secret put PROVIDER_CORP_CLIENT_SECRET` for a deployment",
            "POSTERN_KEYS: expected a secret: put it into `.dev.vars` for development, and use `npx wrangler secret put POSTERN_KEYS` for a deployment",
        ]
    );
}

#[test]
fn no_message_and_no_debug_output_repeats_a_secret() {
    let canary = "canary-5f1c";
    let vars = json!({
        "PUBLIC_URL": format!("https://user:{canary}@app.example.com"),
        "POSTERN_KEYS": canary,
        "PROVIDER_CORP_CLIENT_SECRET": canary,
        "PROVIDERS": { "corp": {
            "issuer": format!("https://user:{canary}@login.example.com"), "client_id": "a",
            "client_auth": "private_key_jwt", "client_secret": canary, "private_key": canary,
        } },
        "ROUTES": { "/a": { "upstream": format!("https://user:{canary}@api.example.com"), "secret": canary } },
    });
    let told = Config::parse(vars.as_object().unwrap(), &|_| Some(format!(" {canary}"))).map(|_| ()).unwrap_err();
    assert!(!format!("{told:?}").contains(canary), "{told:?}");
    for path in ["POSTERN_KEYS", "PROVIDER_CORP_CLIENT_SECRET", "PROVIDERS.corp.client_secret"] {
        let moved = |problem: &&Problem| problem.path == path && problem.message.contains("wrangler secret put");
        assert!(told.iter().any(|problem| moved(&problem)), "{path}");
    }
    assert!(!format!("{:?}", parse(&small()).unwrap()).contains("hunter2"));
}

#[test]
fn a_private_key_is_a_p256_jwk_whose_halves_belong_together() {
    //
    let vars = with(small(), &["PROVIDERS", "corp", "client_auth"], json!("private_key_jwt"));
    let accepted = |key: String| {
        let lookup =
            move |name: &str| if name == "PROVIDER_CORP_PRIVATE_KEY" { Some(key.clone()) } else { secret(name) };
        Config::parse(vars.as_object().unwrap(), &lookup).is_ok()
    };
    assert!(accepted(private_key().to_string()));
    for (member, value) in [
        ("d", json!(null)),
        ("d", json!("AAAA")),
        ("x", private_key()["y"].clone()),
        ("kty", json!("RSA")),
        ("crv", json!("P-384")),
        ("alg", json!("ES384")),
        ("use", json!("enc")),
    ] {
        assert!(!accepted(with(private_key(), &[member], value.clone()).to_string()), "{member} {value}");
    }
    for text in ["x", "{}", "[]", "-----BEGIN PRIVATE KEY-----"] {
        assert!(!accepted(text.to_owned()), "{text}");
    }
}

#[test]
fn no_two_ids_share_a_secret() {
    let id = |text: &str| ProviderId::parse(text).unwrap();
    assert_eq!(SecretOwner::Provider(&id("a-b")).client_secret_name(), "PROVIDER_A_B_CLIENT_SECRET");
    assert_eq!(SecretOwner::Provider(&id("ab")).private_key_name(), "PROVIDER_AB_PRIVATE_KEY");
    // The one character that could collide with `-` is none of an id.
    assert!(ProviderId::parse("a_b").is_none() && ProviderId::parse("A-b").is_none());
}
