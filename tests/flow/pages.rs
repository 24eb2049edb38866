//! Our own pages: their language, the ways out of a refusal, and how a provider is chosen.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{Answered, Asked, Browser, CORP, PARTNER, World, gateway, two_providers, variables};

fn asked_of_the_provider(request: &str) -> BTreeMap<String, String> {
    url::Url::parse(request).unwrap().query_pairs().into_owned().collect()
}

fn body(answered: &Answered) -> String {
    answered.reply().body.replace("&amp;", "&")
}

#[test]
fn a_page_speaks_the_browsers_language_and_says_so() {
    // R-175
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    for (accept, tag, words) in [
        ("de-AT,en;q=0.5", "de", "Hier gibt es nichts"),
        ("ar", "ar", "لا يوجد شيء هنا"),
        ("sv", "en", "There is nothing here"),
    ] {
        let page = browser.send(&Asked::navigation("/nothing").with("accept-language", accept));
        page.assert_refused(404, "route.none");
        let headers = &page.reply().headers;
        let expected = [("content-language", tag), ("vary", "Cookie, Accept-Language"), ("x-frame-options", "DENY")];
        for (name, value) in expected {
            assert_eq!(headers[name], value, "{name}");
        }
        assert!(headers["permissions-policy"].to_str().unwrap().contains("camera=()"));
        assert!(body(&page).contains(words) && body(&page).contains(&format!("<html lang=\"{tag}\"")), "{accept}");
    }
    // Programs read English.
    let problem = browser.send(&Asked::script("GET", "/nothing").with("accept-language", "de")).json();
    assert_eq!(problem["title"], "There is nothing here");
}

#[test]
fn the_configuration_says_which_languages_are_spoken_and_what_the_site_is_called() {
    let mut variables = variables();
    variables["PAGES"] = json!({ "name": "Acme <Portal>", "languages": ["fr"], "accent": "#0b6e4f" });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    let page = browser.send(&Asked::navigation("/nothing").with("accept-language", "de"));
    assert_eq!(page.reply().headers["content-language"], "fr");
    assert!(
        body(&page).contains("Il n’y a rien ici · Acme &lt;Portal>") || body(&page).contains("Acme &lt;Portal&gt;")
    );
    // The upstream's failure has the same face.
    let head = Asked::navigation("/").with("accept-language", "de");
    browser.send(&head).forwarded();
}

#[test]
fn a_person_who_may_not_do_this_has_ways_out_and_a_program_learns_nothing_of_them() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let refused = browser.go("/admin/a?b=c");
    refused.assert_refused(403, "authz.insufficient_scope");
    let page = body(&refused);
    for part in [
        r#"href="/auth/login?prompt=select_account&return_to=%2Fadmin%2Fa%3Fb%3Dc""#,
        r#"<form method="post" action="/auth/logout?answer=page""#,
        "You are signed in",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // A form says its origin only under this policy.
    assert_eq!(refused.reply().headers["referrer-policy"], "same-origin");
    let problem = browser.send(&Asked::script("GET", "/admin/a")).json();
    let members: BTreeSet<&String> = problem.as_object().unwrap().keys().collect();
    assert_eq!(members.into_iter().collect::<Vec<_>>(), ["request_id", "scope", "status", "title", "type"]);
}

#[test]
fn another_account_is_asked_for_as_the_provider_understands_it() {
    for (how, prompt) in [("select_account", Some("select_account")), ("login", Some("login")), ("none", None)] {
        let mut variables = variables();
        variables["PROVIDERS"]["corp"]["other_account"] = json!(how);
        let (world, gateway) = (World::new(), gateway(&variables));
        let browser = Browser::new(&world, &gateway).signed_in();
        let is_offered = body(&browser.go("/admin/a")).contains("prompt=select_account");
        assert_eq!(is_offered, prompt.is_some(), "{how}");
        let asked = asked_of_the_provider(&browser.begin("prompt=select_account"));
        assert_eq!(asked.get("prompt").map(String::as_str), prompt, "{how}");
    }
    // A provider that nobody can choose is no way to another account.
    let mut variables = two_providers();
    variables["PROVIDERS"]["corp"]["other_account"] = json!("none");
    variables["PROVIDERS"]["partner"]["hidden"] = json!(true);
    let (world, hidden) = (World::new(), gateway(&variables));
    assert!(!body(&Browser::new(&world, &hidden).signed_in().go("/admin/a")).contains("prompt=select_account"));
    // Where no link may say `prompt`, it is not offered; among several providers there is another one to choose.
    let mut variables = two_providers();
    variables["PROVIDERS"]["corp"]["pass_through"] = json!([]);
    let (world, several) = (World::new(), gateway(&variables));
    assert!(body(&Browser::new(&world, &several).signed_in().go("/admin/a")).contains("prompt=select_account"));
    variables["PROVIDERS"].as_object_mut().unwrap().remove("partner");
    variables["ROUTES"].as_object_mut().unwrap().remove("/partners/{*rest}");
    let (world, one) = (World::new(), gateway(&variables));
    assert!(!body(&Browser::new(&world, &one).signed_in().go("/admin/a")).contains("prompt=select_account"));
}

#[test]
fn a_form_of_our_pages_signs_out_by_a_page_and_any_other_by_a_redirect() {
    // R-037, R-070
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway).signed_in();
    let page = browser.send(&Asked::form("/auth/logout?answer=page"));
    assert_eq!((page.reply().status.as_u16(), &page.event["reason"]), (200, &json!("logout.session_ended")));
    let leads_on = format!("http-equiv=\"refresh\" content=\"0;url={CORP}/logout?");
    assert!(body(&page).contains(&leads_on), "{}", body(&page));
    // R-159: a script of the application may open this page in a window and read it. A redirect it cannot read.
    assert!(!body(&page).contains("id_token_hint"), "{}", body(&page));
    assert_eq!(world.sessions(), 0);
    let browser = Browser::new(&world, &gateway).signed_in();
    let redirect = browser.send(&Asked::form("/auth/logout"));
    assert_eq!(redirect.reply().status.as_u16(), 303);
    assert!(redirect.location().contains("id_token_hint="), "{}", redirect.location());
    // Another site's form signs nobody out, however it asks.
    let browser = Browser::new(&world, &gateway).signed_in();
    let elsewhere = browser.send(&Asked::form_from_elsewhere("/auth/logout?answer=page", ""));
    assert_eq!(elsewhere.reply().status.as_u16(), 403);
    assert_eq!(world.sessions(), 1);
}

fn by_domain() -> Value {
    let mut variables = two_providers();
    variables["PROVIDERS"]["corp"]["domains"] = json!(["example.com"]);
    variables["PROVIDERS"]["partner"]["domains"] = json!(["partner.example"]);
    variables["PROVIDERS"]["partner"]["hidden"] = json!(true);
    variables
}

#[test]
fn an_address_leads_to_the_provider_of_its_domain_and_says_nothing_else() {
    // R-034
    let (world, gateway) = (World::new(), gateway(&by_domain()));
    let browser = Browser::new(&world, &gateway);
    let chooser = browser.go("/auth/login?return_to=%2Fapp%2Fa");
    assert_eq!(chooser.event["reason"], "login.chooser");
    let page = body(&chooser);
    assert!(page.contains("name=\"email\"") && page.contains(r#"name="return_to" value="/app/a""#), "{page}");
    assert!(page.contains("provider=corp") && !page.contains("provider=partner"), "a hidden one is not shown");
    // The answer to the form is a page: the policy for forms lets no redirect lead to a provider.
    let found = browser.go("/auth/login?return_to=%2Fapp%2Fa&email=jane%40PARTNER.example");
    assert_eq!((found.reply().status.as_u16(), &found.event["reason"]), (200, &json!("login.provider_found")));
    let link = "/auth/login?provider=partner&return_to=%2Fapp%2Fa&login_hint=jane%40PARTNER.example";
    assert!(body(&found).contains(&format!("0;url={link}\"")), "{}", body(&found));
    let request = browser.begin(link.split_once('?').unwrap().1);
    assert!(request.starts_with(PARTNER));
    assert_eq!(asked_of_the_provider(&request)["login_hint"], "jane@PARTNER.example");
    // What a link says of the provider is said, whatever the address.
    for named in ["provider=corp".to_owned(), format!("iss={CORP}")] {
        assert!(browser.begin(&format!("{named}&email=jane%40partner.example")).starts_with(CORP), "{named}");
    }
    // A link may say it at once.
    assert!(browser.begin("login_hint=jane%40partner.example").starts_with(PARTNER));
    // Every address of a domain that nobody named is alike.
    let unknown = |email: &str| {
        let page = browser.go(&format!("/auth/login?email={email}"));
        assert_eq!(page.event["reason"], "login.chooser");
        body(&page).replace(email, "")
    };
    assert!(unknown("jane%40evil.example").contains("No sign-in belongs to this address"));
    for other in ["a%40sub.partner.example", "%40partner.example", "partner.example", "a%40partner.example.evil"] {
        assert_eq!(browser.go(&format!("/auth/login?email={other}")).event["reason"], "login.chooser", "{other}");
    }
    let hostile = body(&browser.go("/auth/login?email=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"));
    assert!(!hostile.contains("<script>alert"), "{hostile}");
}

#[test]
fn the_page_has_the_files_order_and_the_last_used_provider_first() {
    let mut variables = two_providers();
    variables["PROVIDERS"]["corp"]["order"] = json!(1);
    variables["PROVIDERS"]["partner"]["order"] = json!(0);
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    let order = |browser: &Browser<'_>| {
        let page = body(&browser.go("/auth/login"));
        let place = |id: &str| page.find(&format!("provider={id}")).unwrap();
        (
            if place("corp") < place("partner") { ["corp", "partner"] } else { ["partner", "corp"] },
            page.contains("Last used"),
        )
    };
    assert_eq!(order(&browser), (["partner", "corp"], false));
    // A login that is only begun is remembered by nobody.
    browser.begin("provider=corp");
    assert_eq!(order(&browser), (["partner", "corp"], false));
    let finished = browser.come_back(&world.corp.authorize(&browser.begin("provider=corp")));
    let last = finished.set_cookies().into_iter().find(|cookie| cookie.starts_with("__Host-postern-last=")).unwrap();
    assert_eq!(last, "__Host-postern-last=corp; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=15552000");
    assert_eq!(order(&browser), (["corp", "partner"], true));
    // What anybody wrote there shows nothing else.
    let planted = Browser::new(&world, &gateway);
    let page = planted.send(&Asked::navigation("/auth/login").with("cookie", "__Host-postern-last=<script>"));
    assert!(!body(&page).contains("Last used") && !body(&page).contains("<script"));
}

#[test]
fn where_there_is_nothing_to_choose_nothing_is_remembered() {
    let (world, gateway) = (World::new(), gateway(&variables()));
    let browser = Browser::new(&world, &gateway);
    let finished = browser.come_back(&world.corp.authorize(&browser.begin("")));
    assert!(!finished.set_cookies().iter().any(|cookie| cookie.starts_with("__Host-postern-last")));
}
