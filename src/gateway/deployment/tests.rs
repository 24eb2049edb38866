use base64ct::{Base64UrlUnpadded, Encoding};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::http::{HeaderMap, Method, Peer};

const HOSTS: [(&str, &str); 3] =
    [("SHOP", "shop.example.com"), ("ADMIN", "admin.example.com:8443"), ("BROKEN", "broken.example.com")];

fn variables() -> Value {
    let mut vars = json!({ "SITES": ["shop", "admin", "broken"] });
    for (id, host) in HOSTS {
        vars[format!("{id}_PUBLIC_URL")] = json!(format!("https://{host}"));
        vars[format!("{id}_PROVIDERS")] =
            json!({ "corp": { "issuer": "https://login.example.com", "client_id": "app" } });
        vars[format!("{id}_ROUTES")] = json!({ "/{*rest}": { "upstream": "assets" } });
    }
    vars["BROKEN_ROUTES"] = json!({ "/a": { "upstream": "nowhere" } });
    vars
}

fn deployment(vars: &Value) -> Sites {
    let secret = |name: &str| match name {
        "POSTERN_KEYS" => Some(format!("k1:{}", Base64UrlUnpadded::encode_string(&[7; 32]))),
        _ => Some("hunter2".to_owned()),
    };
    Sites::new(config::Deployment::parse(vars.as_object().unwrap(), &secret), None)
}

fn head(url: &str) -> RequestHead {
    RequestHead { method: Method::GET, url: url.to_owned(), headers: HeaderMap::new(), peer: Peer::default() }
}

/// The site's id; `!` for one that does not work, nothing for none.
fn place(deployment: &Sites, url: &str) -> String {
    match deployment.at(&head(url)) {
        SiteMatch::Site(gateway) => gateway.config().site.id().map(ToString::to_string).unwrap_or_default(),
        SiteMatch::Unusable(_) => "!".to_owned(),
        SiteMatch::Nowhere => String::new(),
    }
}

#[test]
fn a_request_belongs_to_the_site_of_its_host() {
    //
    let deployment = deployment(&variables());
    for (url, expected) in [
        ("https://shop.example.com/", "shop"),
        ("https://shop.example.com?q", "shop"),
        ("http://shop.example.com/a?b#c", "shop"),
        ("https://admin.example.com:8443/", "admin"),
        ("https://broken.example.com/a", "!"),
        ("https://admin.example.com/", ""),
        ("https://shop.example.com:8443/", ""),
        ("https://shop.example.com./", ""),
        ("https://shop.example.com@evil.example/", ""),
        ("https://user@shop.example.com/", ""),
        ("https://evil.example/?https://shop.example.com/", ""),
        ("https://shop.example.com.evil.example/", ""),
        ("https://evilshop.example.com/", ""),
        ("shop.example.com", ""),
        ("", ""),
    ] {
        assert_eq!(place(&deployment, url), expected, "{url}");
    }
}

proptest! {
    #[test]
    fn every_host_belongs_to_at_most_the_one_site_that_is_called_so(host in "[a-z.:0-9-]{0,24}", cut in 0_usize..24, which in 0_usize..3) {
        // whatever is put before, behind, or left out
        let deployment = deployment(&variables());
        let (_, known) = HOSTS[which];
        let cut = known.get(cut.min(known.len())..).unwrap_or_default();
        for host in [host.clone(), format!("{host}{known}"), format!("{known}{host}"), format!("{host}.{known}"), cut.to_owned(), format!("{cut}{host}")] {
            let expected = match HOSTS.iter().find(|(_, known)| *known == host) {
                Some(("BROKEN", _)) => "!".to_owned(),
                Some((id, _)) => id.to_lowercase(),
                None => String::new(),
            };
            prop_assert_eq!(place(&deployment, &format!("https://{host}/path")), expected);
        }
    }
}

#[test]
fn everything_belongs_to_a_site_that_is_the_whole_deployment() {
    let mut vars = json!({ "PUBLIC_URL": "https://app.example.com", "ROUTES": { "/": { "upstream": "assets" } } });
    vars["PROVIDERS"] = json!({ "corp": { "issuer": "https://login.example.com", "client_id": "app" } });
    let sole = deployment(&vars);
    for url in ["https://app.example.com/", "https://other.example/"] {
        assert!(matches!(sole.at(&head(url)), SiteMatch::Site(_)));
    }
    assert!(sole.troubles().is_empty());
    vars["PUBLIC_URL"] = json!(7);
    let broken = deployment(&vars);
    let SiteMatch::Unusable(why) = broken.at(&head("https://app.example.com/")) else { panic!("it works") };
    assert!(why.to_string().starts_with("configuration: PUBLIC_URL: expected"), "{why}");
    assert!(broken.troubles().is_empty());
}

#[test]
fn what_is_wrong_with_one_site_is_told_once_and_the_others_work() {
    let all = deployment(&variables());
    let ids: Vec<_> = all.gateways().map(|gateway| gateway.config().site.id().unwrap().to_string()).collect();
    assert_eq!(ids, ["shop", "admin"]);
    let troubles = all.troubles();
    assert!(
        troubles.len() == 1 && troubles[0].starts_with("configuration of site `broken` cannot be used: BROKEN_ROUTES"),
        "{troubles:?}"
    );
    let SiteMatch::Unusable(why) = all.at(&head("https://broken.example.com/")) else { panic!("it works") };
    assert_eq!(why.to_string(), "configuration of site `broken` cannot be used");
    let site = |id: &str| Site::named(crate::ids::site::SiteId::parse(id).unwrap());
    assert!(
        matches!(all.of(&site("shop")), SiteMatch::Site(_))
            && matches!(all.of(&site("broken")), SiteMatch::Unusable(_))
    );
    assert!(matches!(all.of(&site("docs")), SiteMatch::Nowhere) && matches!(all.of(&Site::SOLE), SiteMatch::Nowhere));
}

#[test]
fn where_nobody_can_tell_which_sites_there_are_none_works() {
    let mut vars = variables();
    vars["SITES"] = json!("shop");
    let deployment = deployment(&vars);
    for (_, host) in HOSTS {
        let url = format!("https://{host}/");
        let SiteMatch::Unusable(why) = deployment.at(&head(&url)) else { panic!("{host} works") };
        assert!(why.to_string().starts_with("configuration: SITES: expected a list"), "{why}");
    }
}

#[test]
fn only_a_developer_on_their_own_machine_is_told_what_is_wrong_with_the_configuration() {
    //
    let of = |public_url: &str, url: &str| {
        let mut vars = json!({ "PUBLIC_URL": public_url, "ROUTES": { "/a": { "upstream": "nowhere" } } });
        vars["PROVIDERS"] = json!({ "corp": { "issuer": "https://login.example.com", "client_id": "app" } });
        let deployment = deployment(&vars);
        let head = head(url);
        let SiteMatch::Unusable(why) = deployment.at(&head) else { panic!("{public_url} works") };
        deployment.told_to_developer(&head, why)
    };
    for host in ["localhost:8787", "127.0.0.1:8787", "[::1]:8787", "app.localhost:8787"] {
        let origin = format!("http://{host}");
        assert!(of(&origin, &format!("{origin}/a")).unwrap().contains("ROUTES.\"/a\".upstream: expected"), "{host}");
    }
    for (public_url, url) in [
        ("https://app.example.com", "https://app.example.com/a"),
        ("https://app.example.com", "http://localhost:8787/a"),
        ("https://app.example.com", "http://app.example.com/a"),
        ("http://localhost:8787", "http://localhost:8788/a"),
        ("http://localhost:8787", "https://localhost:8787/a"),
        ("http://localhost:8787", "http://localhost.example.com:8787/a"),
    ] {
        assert_eq!(of(public_url, url), None, "{public_url} {url}");
    }
}
