use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::super::tests::{small, with};
use super::*;

/// Two sites without a problem.
fn two() -> Value {
    let site = |host: &str| with(small(), &["PUBLIC_URL"], json!(format!("https://{host}")));
    let mut vars = json!({ "SITES": ["shop", "admin"] });
    for (id, host) in [("SHOP", "shop.example.com"), ("ADMIN", "admin.example.com")] {
        for (name, value) in site(host).as_object().unwrap() {
            vars[format!("{id}_{name}")] = value.clone();
        }
    }
    vars
}

fn secret(name: &str) -> Option<String> {
    match name {
        "POSTERN_KEYS" => Some(format!("k1:{}", Base64UrlUnpadded::encode_string(&[7; 32]))),
        name if name.ends_with("_PROVIDER_CORP_CLIENT_SECRET") => Some(format!("{name} & co")),
        _ => None,
    }
}

fn read(vars: &Value) -> Deployment {
    Deployment::parse(vars.as_object().unwrap(), &secret)
}

/// The problems of the deployment, and those of each site.
fn problems(deployment: &Deployment) -> (Vec<String>, Vec<Vec<String>>) {
    let lines = |problems: &[Problem]| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let of_site = |one: &SiteConfig| one.config.as_ref().err().map(|problems| lines(problems)).unwrap_or_default();
    (lines(&deployment.problems), deployment.sites.iter().map(of_site).collect())
}

fn usable(deployment: &Deployment) -> Vec<&str> {
    let works = deployment.sites.iter().filter(|one| one.config.is_ok());
    works.map(|one| one.site.id().map_or("", SiteId::as_str)).collect()
}

#[test]
fn each_site_has_variables_secrets_and_keys_of_its_own() {
    let deployment = read(&two());
    assert_eq!(problems(&deployment), (vec![], vec![vec![]; 2]));
    let [shop, admin] = deployment.sites.as_slice() else { panic!("two sites") };
    assert_eq!(
        (shop.hosts.as_slice(), admin.hosts.as_slice()),
        (&["shop.example.com".to_owned()][..], &["admin.example.com".to_owned()][..])
    );
    let (shop, admin) = (shop.config.as_ref().unwrap(), admin.config.as_ref().unwrap());
    assert_eq!((shop.site.binding("X"), admin.public_url.origin()), ("SHOP_X".into(), "https://admin.example.com"));
    let super::super::ClientAuth::Basic(secret) = &shop.providers[0].client_auth else { panic!("a secret") };
    assert_eq!(secret.expose(), "SHOP_PROVIDER_CORP_CLIENT_SECRET & co");
    let signer = |config: &Config| config.keys.newest_signer().unwrap().kid().to_owned();
    assert_ne!(signer(shop), signer(admin));
}

#[test]
fn a_deployment_without_the_variable_is_one_site_as_ever() {
    let lookup = |name: &str| if name == "POSTERN_KEYS" { secret(name) } else { Some("hunter2".to_owned()) };
    let deployment = Deployment::parse(small().as_object().unwrap(), &lookup);
    let [only] = deployment.sites.as_slice() else { panic!("one site") };
    let alone = Config::parse(small().as_object().unwrap(), &lookup).unwrap();
    let config = only.config.as_ref().unwrap();
    assert!(only.site.is_sole() && config.site.is_sole());
    assert_eq!(config.stamp, alone.stamp);
    let mac = |config: &Config| config.keys.mac(crate::keyring::KeyPurpose::SessionHandle, b"text");
    assert_eq!(mac(config), mac(&alone));
}

#[test]
fn a_sites_stamp_is_what_it_would_be_alone() {
    let shop = with(small(), &["PUBLIC_URL"], json!("https://shop.example.com"));
    let lookup = |name: &str| if name == "POSTERN_KEYS" { secret(name) } else { Some("hunter2".to_owned()) };
    let alone = Config::parse(shop.as_object().unwrap(), &lookup).unwrap();
    let deployment = read(&two());
    let stamps: Vec<&str> = deployment.sites.iter().map(|one| one.config.as_ref().unwrap().stamp.as_str()).collect();
    assert!(stamps[0] == alone.stamp && stamps[1] != stamps[0], "{stamps:?}");
}

#[test]
fn what_is_wrong_with_a_site_is_its_alone_and_told_by_its_names() {
    let cases: [(&str, Value, &str); 5] = [
        ("SHOP_PUBLIC_URL", json!("shop.example.com"), "SHOP_PUBLIC_URL: expected an https origin"),
        ("SHOP_ROUTES", json!({ "/a": { "upstream": "nowhere" } }), "SHOP_ROUTES.\"/a\".upstream: expected"),
        ("SHOP_ROUTS", json!({}), "SHOP_ROUTS: unknown key, did you mean `ROUTES`?"),
        ("SHOP_POSTERN_KEYS", json!("k1:x"), "SHOP_POSTERN_KEYS: belongs in a secret"),
        (
            "SHOP_PROVIDERS",
            json!({ "b": { "issuer": "https://op.example", "client_id": "app" } }),
            "SHOP_PROVIDER_B_CLIENT_SECRET: expected a secret: put it into `.dev.vars` for development, and use `npx wrangler secret put SHOP_PROVIDER_B_CLIENT_SECRET` for a deployment",
        ),
    ];
    for (name, value, expected) in cases {
        let deployment = read(&with(two(), &[name], value));
        let (common, of_sites) = problems(&deployment);
        assert!(common.is_empty() && of_sites[0].len() == 1 && of_sites[1].is_empty(), "{of_sites:?}");
        assert!(of_sites[0][0].starts_with(expected), "{of_sites:?}");
        assert_eq!(usable(&deployment), ["admin"]);
    }
}

#[test]
fn a_site_whose_rules_are_wrong_is_still_known_by_its_hosts() {
    let mut vars = with(two(), &["SHOP_ROUTES"], json!(7));
    vars["SHOP_VERIFY"] = json!({ "host": "Postern.example.net:443", "odd": 1 });
    let deployment = read(&vars);
    assert_eq!(deployment.sites[0].hosts, ["shop.example.com", "postern.example.net"]);
    let mut vars = two();
    vars.as_object_mut().unwrap().remove("SHOP_PUBLIC_URL");
    let deployment = read(&vars);
    assert!(deployment.sites[0].hosts.is_empty());
    assert!(problems(&deployment).1[0][0].starts_with("SHOP_PUBLIC_URL: expected an https origin"));
    assert_eq!(usable(&deployment), ["admin"]);
}

#[test]
fn two_sites_with_a_host_name_in_common_are_both_refused_and_a_third_works() {
    //
    let third = |vars: &mut Value| {
        vars["SITES"] = json!(["shop", "admin", "docs"]);
        for name in ["PROVIDERS", "ROUTES"] {
            vars[format!("DOCS_{name}")] = vars[format!("SHOP_{name}")].clone();
        }
        vars["DOCS_PUBLIC_URL"] = json!("https://docs.example.com");
    };
    for (name, value) in [
        ("ADMIN_PUBLIC_URL", json!("https://shop.example.com")),
        ("ADMIN_PUBLIC_URL", json!("https://shop.example.com:8443")),
        ("ADMIN_VERIFY", json!({ "host": "shop.example.com" })),
    ] {
        let mut vars = with(two(), &[name], value);
        third(&mut vars);
        let lookup = |name: &str| if name.ends_with("VERIFY_SECRET") { Some("x".repeat(32)) } else { secret(name) };
        let deployment = Deployment::parse(vars.as_object().unwrap(), &lookup);
        assert_eq!(usable(&deployment), ["docs"]);
        let (common, of_sites) = problems(&deployment);
        assert_eq!((common.len(), of_sites[0].len(), of_sites[1].len()), (0, 1, 1), "{of_sites:?}");
        assert_eq!(
            of_sites[0][0],
            "SHOP_PUBLIC_URL: expected a host name of the site's own, `shop.example.com` is that of `ADMIN_PUBLIC_URL` too"
        );
    }
    let apart = with(two(), &["ADMIN_PUBLIC_URL"], json!("https://ashop.example.com"));
    assert_eq!(usable(&read(&apart)), ["shop", "admin"]);
}

#[test]
fn what_is_no_single_sites_is_the_deployments() {
    for (sites, expected, left) in [
        (json!("shop"), "SITES: expected a list of ids of sites", &[][..]),
        (json!({ "shop": {} }), "SITES: expected a list of ids of sites", &[]),
        (json!([]), "SITES: expected a list of ids of sites", &[]),
        (
            json!(["Shop"]),
            "SITES: expected ids of sites (a letter of a-z, then up to 15 of a-z and 0-9), found `Shop`",
            &[],
        ),
        (json!(["shop", 1, "admin"]), "SITES: expected a string", &["shop", "admin"]),
        (json!(["shop", "my-wiki", "admin"]), "SITES: expected ids of sites", &["shop", "admin"]),
        (json!(["shop", "admin", "shop"]), "SITES: `shop` stands twice", &["shop", "admin"]),
    ] {
        let deployment = read(&with(two(), &["SITES"], sites));
        let (common, _) = problems(&deployment);
        assert!(common.len() == 1 && common[0].starts_with(expected), "{common:?}");
        assert_eq!(usable(&deployment), left);
    }
    for (name, expected) in [
        ("ROUTES", "ROUTES: belongs to no site in `SITES`, expected a name such as `SHOP_ROUTES`"),
        ("DOCS_ROUTES", "DOCS_ROUTES: belongs to no site in `SITES`, expected a name such as `SHOP_PUBLIC_URL`"),
        ("POSTERN_KEYS", "POSTERN_KEYS: belongs in a secret, take it out"),
    ] {
        let deployment = read(&with(two(), &[name], json!("canary")));
        assert_eq!(usable(&deployment), ["shop", "admin"]);
        let (common, _) = problems(&deployment);
        assert!(common.len() == 1 && common[0].starts_with(expected) && !common[0].contains("canary"), "{common:?}");
    }
}

#[test]
fn without_keys_no_site_works_and_none_is_blamed() {
    let deployment = Deployment::parse(two().as_object().unwrap(), &|name| {
        if name == "POSTERN_KEYS" { None } else { secret(name) }
    });
    let (common, of_sites) = problems(&deployment);
    assert!(common.len() == 1 && common[0].starts_with("POSTERN_KEYS: expected a secret"), "{common:?}");
    assert_eq!((usable(&deployment).len(), of_sites), (0, vec![Vec::<String>::new(); 2]));
}

#[test]
fn at_run_time_a_deployment_sees_its_own_bindings_alone() {
    let (one, several, unread) = (Names::of(None), Names::of(Some(&json!(["shop"]))), Names::of(Some(&json!("shop"))));
    for (name, alone, of_shop) in [
        ("SITES", true, true),
        ("PUBLIC_URL", true, false),
        ("SHOP_PUBLIC_URL", false, true),
        ("ADMIN_PUBLIC_URL", false, false),
        ("SHOP_", false, false),
        ("SHOP_SITES", false, false),
    ] {
        assert_eq!((one.is_variable(name), several.is_variable(name)), (alone, of_shop), "{name}");
        assert_eq!(unread.is_variable(name), name == "SITES", "{name}");
    }
    for (name, alone, of_shop) in [
        ("POSTERN_KEYS", true, true),
        ("PROVIDER_A_CLIENT_SECRET", true, false),
        ("SHOP_PROVIDER_A_CLIENT_SECRET", false, true),
        ("SHOP_POSTERN_VERIFY_SECRET", false, true),
        ("ADMIN_PROVIDER_A_CLIENT_SECRET", false, false),
        ("SHOP_CLIENT_SECRET", false, false),
    ] {
        assert_eq!((one.is_secret(name), several.is_secret(name)), (alone, of_shop), "{name}");
    }
}
