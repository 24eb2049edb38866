use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::json;

use super::*;
use crate::config;
use crate::gateway::Sites;
use crate::http::{HeaderName, HeaderValue, Method, Peer, header};

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

fn deployment() -> Sites {
    let vars = json!({
        "PUBLIC_URL": "https://shop.example.com",
        "PROVIDERS": { "corp": { "issuer": "https://login.example.com", "client_id": "app" } },
        "ROUTES": { "POST /{*rest}": { "upstream": "service:SHOP" } },
    });
    let key = format!("k1:{}", Base64UrlUnpadded::encode_string(&[7; 32]));
    let secret = |name: &str| Some(if name == "POSTERN_KEYS" { key.clone() } else { "hunter2".to_owned() });
    Sites::new(config::Deployment::parse(vars.as_object().unwrap(), &secret), None)
}

#[test]
fn a_made_up_request_gets_as_far_as_the_headers_of_its_answer_at_a_site_without_public_routes() {
    let deployment = deployment();
    let gateway = deployment.gateways().next().unwrap();
    let head = RequestHead {
        method: Method::GET,
        url: "https://warm-up.invalid/".to_owned(),
        headers: headers(&[("accept", "*/*"), ("cookie", "__Host-postern=none; a=b")]),
        peer: Peer::default(),
    };
    let answer = headers(&[("content-type", "text/plain"), ("server", "none")]);
    let WarmUp { headers, edits } = gateway.warm_up(&head, &answer).unwrap();
    assert_eq!(headers["x-forwarded-host"], "shop.example.com");
    assert_eq!(headers["x-request-id"], ID);
    assert_eq!(headers[header::COOKIE], "a=b");
    assert_eq!(edits.removed(), [header::SERVER]);
}
