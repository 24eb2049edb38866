//! Requests, replies, headers, bodies and variables cross the border unharmed, or not at all.

use js_sys::{JSON, Object, Reflect, Uint8Array};
use postern::http::{self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use postern::ports::{BodyError, RequestBody};
use postern_workers::environment::{self, Environment};
use postern_workers::http::body::{self, ReadError};
use postern_workers::http::request::{self, IncomingBody};
use postern_workers::http::{headers, response};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Headers, Request, RequestInit, Response};

fn post(body: &[u8]) -> Request {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&Uint8Array::from(body));
    Request::new_with_str_and_init("https://app.example/form", &init).unwrap()
}

#[wasm_bindgen_test]
fn a_request_keeps_its_method_url_and_headers() {
    let headers = Headers::new().unwrap();
    for (name, value) in [("X-One", "1"), ("x-two", "ü \"quoted\" \\ tab\there"), ("CF-Ray", "8f-FRA")] {
        headers.append(name, value).unwrap();
    }
    let init = RequestInit::new();
    init.set_method("DELETE");
    init.set_headers(&headers);
    let request = Request::new_with_str_and_init("https://app.example/a//%2e?q=%41#part", &init).unwrap();

    let head = request::head(&request).unwrap();
    assert_eq!(head.method, Method::DELETE);
    assert_eq!(head.url, "https://app.example/a//?q=%41", "as the runtime normalised it, without the fragment");
    assert_eq!(head.header("x-one"), Some("1"));
    assert_eq!(head.headers["x-two"].as_bytes(), "ü \"quoted\" \\ tab\there".as_bytes());
    assert_eq!(head.peer.ray.as_deref(), Some("8f-FRA"));
    assert_eq!((head.peer.address, head.peer.country), (None, None));
}

#[wasm_bindgen_test]
async fn a_body_is_read_up_to_its_limit_and_not_beyond() {
    let read = async |body: &[u8], limit| IncomingBody::of(post(body)).text(limit).await;
    assert_eq!(read(b"state=1", 7).await.as_deref(), Ok("state=1"));
    assert_eq!(read(b"state=1", 6).await, Err(BodyError::TooLarge));
    assert_eq!(read(b"", 0).await.as_deref(), Ok(""));
    assert_eq!(read(&[0xff, 0xfe], 10).await, Err(BodyError::Unreadable));
    assert_eq!(read(&vec![b'a'; 300_000], 300_000).await.map(|text| text.len()), Ok(300_000));
    assert_eq!(read(&vec![b'a'; 300_000], 299_999).await, Err(BodyError::TooLarge));
}

#[wasm_bindgen_test]
async fn a_body_read_before_is_an_error_and_not_a_panic() {
    let request = post(b"once");
    assert!(body::read(request.body(), 10).await.is_ok());
    assert!(matches!(body::read(request.body(), 10).await, Err(ReadError::Broken(_))));
}

#[wasm_bindgen_test]
async fn a_reply_keeps_its_cookies_apart() {
    let mut reply = http::Response::empty(StatusCode::FORBIDDEN);
    "no".clone_into(&mut reply.body);
    for cookie in ["a=1; Path=/", "b=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
        reply.headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
    }
    let response: Response = response::build(&reply).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(headers::read_valid(&response.headers()).get_all("set-cookie").iter().count(), 2);
    assert_eq!(body::read(response.body(), 10).await.unwrap(), b"no");
}

#[wasm_bindgen_test]
fn a_reply_without_a_body_status_has_none() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let mut reply = http::Response::empty(status);
        "ignored".clone_into(&mut reply.body);
        assert!(response::build(&reply).unwrap().body().is_none(), "{status}");
    }
}

#[wasm_bindgen_test]
fn a_header_the_runtime_refuses_is_an_error_and_not_a_panic() {
    for value in [&b"\xff\xfe"[..], "snow \u{2603}".as_bytes()] {
        let mut map = HeaderMap::new();
        map.insert(HeaderName::from_static("x-odd"), HeaderValue::from_bytes(value).unwrap());
        let headers = headers::init(&map).map(|init| {
            let init_of = RequestInit::new();
            init_of.set_headers(&init);
            Request::new_with_str_and_init("https://app.example/", &init_of)
        });
        assert!(!matches!(headers, Ok(Ok(_))), "{value:?}");
    }
}

#[wasm_bindgen_test]
fn variables_are_plain_data_and_secrets_go_apart() {
    let env = JSON::parse(
        r#"{"PUBLIC_URL":"https://app.example","N":1,"B":false,"L":[1,"2"],"PROVIDERS":{"corp":{"scopes":["openid"]}},
            "OTHER_SECRET":"o","POSTERN_KEYS":"k1:secret","PROVIDER_CORP_CLIENT_SECRET":"s","PROVIDER_CORP_PRIVATE_KEY":"p",
            "ISSUER_API_CLIENT_SECRET":"i","ISSUER_API_PRIVATE_KEY":"q","ISSUER_API_OTHER":"r"}"#,
    )
    .unwrap();
    Reflect::set(&env, &"KV".into(), &js_sys::Map::new().into()).unwrap();
    Reflect::set(&env, &"SERVICE".into(), &Headers::new().unwrap().into()).unwrap();
    Reflect::set(&env, &"CALL".into(), &js_sys::Function::new_no_args("")).unwrap();
    Reflect::set(&env, &"NOTHING".into(), &JsValue::NULL).unwrap();
    Reflect::set(&env, &"UNDEFINED".into(), &JsValue::UNDEFINED).unwrap();

    let variables =
        ["B", "L", "N", "PROVIDERS", "PUBLIC_URL", "KV", "SERVICE", "CALL", "NOTHING", "UNDEFINED", "ABSENT"];
    let read = environment::variables(&env, |name| variables.contains(&name)).unwrap();
    let mut names: Vec<_> = read.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["B", "L", "N", "PROVIDERS", "PUBLIC_URL"]);
    let environment = Environment::read(&env, None).unwrap();
    assert_eq!(names_of(&environment), ["PROVIDERS", "PUBLIC_URL"]);
    assert_eq!(environment.settings.vars()["PROVIDERS"]["corp"]["scopes"][0], "openid");
    assert_eq!(environment.secret("POSTERN_KEYS").as_deref(), Some("k1:secret"));
    assert_eq!(environment.secret("PROVIDER_CORP_CLIENT_SECRET").as_deref(), Some("s"));
    assert_eq!(environment.secret("PROVIDER_CORP_PRIVATE_KEY").as_deref(), Some("p"));
    assert_eq!(environment.secret("ISSUER_API_CLIENT_SECRET").as_deref(), Some("i"));
    assert_eq!(environment.secret("ISSUER_API_PRIVATE_KEY").as_deref(), Some("q"));
    for name in ["PUBLIC_URL", "OTHER_SECRET", "ISSUER_API_OTHER"] {
        assert_eq!(environment.secret(name), None, "{name}");
    }
    assert!(!format!("{environment:?}").contains("k1:secret"));
}

/// In order, which the map itself keeps only in some builds.
fn names_of(environment: &Environment) -> Vec<&str> {
    let mut names: Vec<_> = environment.settings.vars().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[wasm_bindgen_test]
fn of_several_sites_each_has_its_own_variables_and_secrets() {
    let env = JSON::parse(
        r#"{"SITES":["shop"],"PUBLIC_URL":"u","SHOP_PUBLIC_URL":"https://shop.example","SHOP_OTHER":1,"ADMIN_PUBLIC_URL":"a",
            "POSTERN_KEYS":"k","PROVIDER_A_CLIENT_SECRET":"s","SHOP_PROVIDER_A_CLIENT_SECRET":"t","ADMIN_PROVIDER_A_CLIENT_SECRET":"u"}"#,
    )
    .unwrap();
    let environment = Environment::read(&env, None).unwrap();
    assert_eq!(names_of(&environment), ["SHOP_PUBLIC_URL", "SITES"]);
    assert_eq!(environment.secret("POSTERN_KEYS").as_deref(), Some("k"));
    assert_eq!(environment.secret("SHOP_PROVIDER_A_CLIENT_SECRET").as_deref(), Some("t"));
    for name in ["PROVIDER_A_CLIENT_SECRET", "ADMIN_PROVIDER_A_CLIENT_SECRET"] {
        assert_eq!(environment.secret(name), None, "{name}");
    }
}

#[wasm_bindgen_test]
fn variables_are_those_of_the_file_and_of_the_bindings_and_secrets_are_bindings_alone() {
    let file = r#"{"SITES":["shop"],"SHOP_ROUTES":{},"SHOP_PROVIDER_A_CLIENT_SECRET":"from the file","TYPO":1}"#;
    let env = JSON::parse(r#"{"SHOP_PUBLIC_URL":"u","PUBLIC_URL":"n","SHOP_PROVIDER_B_CLIENT_SECRET":"t"}"#).unwrap();
    let environment = Environment::read(&env, Some(file)).unwrap();
    // All of the file is handed on: what means nothing there is refused when it is read.
    assert_eq!(
        names_of(&environment),
        ["SHOP_PROVIDER_A_CLIENT_SECRET", "SHOP_PUBLIC_URL", "SHOP_ROUTES", "SITES", "TYPO"]
    );
    assert_eq!(environment.secret("SHOP_PROVIDER_A_CLIENT_SECRET"), None);
    assert_eq!(environment.secret("SHOP_PROVIDER_B_CLIENT_SECRET").as_deref(), Some("t"));
}

#[wasm_bindgen_test]
fn a_variable_that_is_no_json_is_an_error() {
    let circle = Object::new();
    Reflect::set(&circle, &"itself".into(), &circle).unwrap();
    let env = Object::new();
    Reflect::set(&env, &"CIRCLE".into(), &circle).unwrap();
    assert!(environment::variables(&env, |name| name == "CIRCLE").is_err());
}
