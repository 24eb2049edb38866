//! A made-up request goes the way of every request, to the edited answer.

use postern::config;
use postern::gateway::Sites;
use postern_workers::warm_up;
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Headers, Request, Response, ResponseInit};

const KEYS: &str = "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

fn answer() -> Response {
    let headers = Headers::new().unwrap();
    headers.append("server", "none").unwrap();
    headers.append("content-type", "text/plain").unwrap();
    let init = ResponseInit::new();
    init.set_headers(&headers);
    Response::new_with_opt_str_and_init(None, &init).unwrap()
}

#[wasm_bindgen_test]
fn a_made_up_request_comes_to_an_edited_answer() {
    let vars = json!({
        "PUBLIC_URL": "https://shop.example.com",
        "PROVIDERS": { "corp": { "issuer": "https://login.example.com", "client_id": "app" } },
        "ROUTES": { "/{*rest}": { "upstream": "service:SHOP" } },
    });
    let secret = |name: &str| Some(if name == "POSTERN_KEYS" { KEYS } else { "hunter2" }.to_owned());
    let deployment = Sites::new(config::Deployment::parse(vars.as_object().unwrap(), &secret), None);
    let request = Request::new_with_str("https://warm-up.invalid/").unwrap();

    let edited = warm_up::run(&deployment, &request, &answer()).unwrap().headers();
    assert_eq!(edited.get("server").unwrap(), None);
    assert_eq!(edited.get("content-type").unwrap().as_deref(), Some("text/plain"));
}
