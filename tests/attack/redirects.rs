//! Open redirects: whatever a link says, it leads to a page of ours, or to the provider as we wrote it.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use postern::oidc::return_to::ReturnTo;
use url::Url;

use crate::support::{Answered, Asked, Browser, CORP, ORIGIN, World, gateway, two_providers, variables};
use crate::vectors::published;

/// Every line of oauth2-proxy's list, as it is, and decoded once and twice.
fn lines() -> Option<BTreeSet<String>> {
    let text = published("oauth2-proxy-openredirects/openredirects.txt")?;
    let lines: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines.len() > 500, "the list was not what it was taken for");
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some(lines.into_iter().flat_map(|line| [line.to_owned(), decoded(line), decoded(&decoded(line))]).collect())
}

fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Where a browser at `page` reads `link` to lead.
fn read(page: &str, link: &str) -> Url {
    Url::parse(ORIGIN).unwrap().join(page).unwrap().join(link).unwrap()
}

#[track_caller]
fn stays(url: &Url, line: &str) {
    let plain = url.username().is_empty() && url.password().is_none();
    assert!(url.origin().ascii_serialization() == ORIGIN && plain, "{line:?} leads to {url}");
}

/// What every attribute of that name says in a page of ours, which quotes with `"` always.
fn attributes(body: &str, name: &str) -> Vec<String> {
    let unescaped =
        |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let start = format!(" {name}=\"");
    let values = body.split(&start).skip(1);
    values.map(|rest| unescaped(rest.split_once('"').unwrap().0)).collect()
}

/// Wherever an answer to `asked` leads by itself or at a click: only to us. The first of them.
#[track_caller]
fn leads(asked: &str, answered: &Answered, line: &str) -> Option<Url> {
    let reply = answered.reply();
    for header in ["refresh", "link", "content-location"] {
        assert!(!reply.headers.contains_key(header), "{header} for {line:?}");
    }
    let location = reply.headers.get("location").map(|value| value.to_str().unwrap().to_owned());
    let refresh = attributes(&reply.body, "content")
        .into_iter()
        .filter_map(|content| content.strip_prefix("0;url=").map(str::to_owned));
    // The icon that is none.
    let is_icon = |link: &String| link == "data:,";
    let links =
        ["href", "action", "src", "data-with-fragment"].into_iter().flat_map(|name| attributes(&reply.body, name));
    let links = links.filter(|link| !is_icon(link));
    let all: Vec<Url> = location.into_iter().chain(refresh).chain(links).map(|link| read(asked, &link)).collect();
    all.iter().for_each(|url| stays(url, line));
    all.into_iter().next()
}

/// Path and query, as they are asked for.
fn asked_for(url: &Url) -> &str {
    url.as_str().strip_prefix(ORIGIN).unwrap()
}

/// A whole login by this link; where its last page leads: not to an endpoint of ours either.
#[track_caller]
fn ends(browser: &Browser<'_>, link: &str, line: &str) -> Url {
    browser.world.lines.borrow_mut().clear();
    let mut answered = browser.go(link);
    if answered.event["reason"] == "login.fragment_kept" {
        let on = leads(link, &answered, line).expect("the page that keeps the fragment leads nowhere");
        answered = browser.go(asked_for(&on));
    }
    let at_provider = answered.location();
    let begun = Url::parse(&at_provider).unwrap();
    //
    let known = [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ];
    assert!(begun.query_pairs().all(|(name, _)| known.contains(&name.as_ref())), "{begun}");
    let end = browser.come_back(&browser.world.corp.authorize(&at_provider));
    let to = leads("/auth/callback/corp", &end, line).expect("the last page leads nowhere");
    assert!(to.path() != "/auth" && !to.path().starts_with("/auth/"), "{line:?} leads to {to}");
    to
}

#[test]
fn no_published_open_redirect_is_a_way_back_that_leads_away() {
    // field row 6
    let Some(lines) = lines() else { return };
    let deployment = gateway(&variables());
    let origin = &deployment.config().public_url;
    for line in &lines {
        for glued in ["", "/", ".", "@", ":1"] {
            let absolute = ReturnTo::parse_absolute(&format!("{ORIGIN}{glued}{line}"), origin);
            for to in
                absolute.into_iter().chain(ReturnTo::parse(line, origin)).chain(ReturnTo::parse_absolute(line, origin))
            {
                stays(&read("/auth/callback/corp", to.as_str()), line);
                assert!(!to.as_str().starts_with("//") && !to.as_str().contains('\\'), "{line:?}");
            }
        }
    }
}

#[test]
fn no_published_open_redirect_leads_a_login_away() {
    // field row 6
    let Some(lines) = lines() else { return };
    let (world, gateway) = (World::new(), gateway(&variables()));
    let mut elsewhere = BTreeSet::new();
    for line in &lines {
        // Where the first is not taken, the second is looked at.
        let link = format!("/auth/login?{}", query(&[("return_to", line), ("target_link_uri", line)]));
        let to = ends(&Browser::new(&world, &gateway), &link, line);
        elsewhere.extend((to.as_str() != format!("{ORIGIN}/")).then(|| asked_for(&to).to_owned()));
    }
    // A path of our own that is left as it was is plain text: the host in it, if any, is none.
    assert!(elsewhere.iter().all(|path| path.starts_with('/') && !path.starts_with("//")), "{elsewhere:?}");
}

#[test]
fn no_published_open_redirect_leads_away_from_the_steps_before_a_login() {
    // R-035; field row 6
    let Some(lines) = lines() else { return };
    let world = World::new();
    let (one, two) = (gateway(&variables()), gateway(&two_providers()));
    for line in &lines {
        world.lines.borrow_mut().clear();
        let query = query(&[("return_to", line), ("to", line), ("next", line)]);
        for path in ["/auth/login", "/auth/continue", "/app/x", "/auth/logged-out", "/auth/sessions"] {
            let target = format!("{path}?{query}");
            for asked in [Asked::navigation(&target), Asked::from_elsewhere(&target)] {
                for gateway in [&one, &two] {
                    let answered = Browser::new(&world, gateway).send(&asked);
                    if answered.event["reason"] == "login.started" {
                        assert!(answered.location().starts_with(&format!("{CORP}/authorize?")), "{line:?}");
                    } else {
                        leads(&target, &answered, line);
                    }
                }
            }
        }
        for name in ["iss", "provider"] {
            let refused = Browser::new(&world, &one).go(&format!("/auth/login?{}", self::query(&[(name, line)])));
            refused.assert_refused(400, "login.unknown_provider");
            leads("/auth/login", &refused, line);
        }
        let answer = self::query(&[("error", "access_denied"), ("error_uri", line), ("iss", line), ("state", line)]);
        leads(
            "/auth/callback/corp",
            &Browser::new(&world, &one).send(&Asked::from_elsewhere(&format!("/auth/callback/corp?{answer}"))),
            line,
        );
    }
}

#[test]
fn no_published_open_redirect_is_a_page_of_ours_that_leads_away() {
    // a person is sent to sign in at a link that is itself such a line, and then back
    let Some(lines) = lines() else { return };
    let mut variables = variables();
    variables["ROUTES"] = serde_json::json!({ "/{*rest}": { "upstream": "assets" } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let mut signed_in = 0;
    for line in &lines {
        // As a browser asks for it, and as it stands there.
        let browsers =
            Url::parse(ORIGIN).unwrap().join(line).ok().filter(|url| url.origin().ascii_serialization() == ORIGIN);
        let browsers = browsers.map(|url| asked_for(&url).split('#').next().unwrap().to_owned());
        for path in browsers.into_iter().chain([format!("/{line}"), line.clone()]).filter(|path| path.starts_with('/'))
        {
            let browser = Browser::new(&world, &gateway);
            let answered = browser.go(&path);
            let to = leads("/", &answered, line);
            if let Some(to) = to.filter(|to| to.path() == "/auth/login") {
                stays(&ends(&browser, asked_for(&to), line), line);
                signed_in += 1;
            }
        }
    }
    assert!(signed_in > 50, "{signed_in}");
}

#[test]
fn no_published_open_redirect_leads_a_logout_away() {
    // R-069; field row 6: logout has no parameter that says where to go on, whatever it is called
    const NAMES: [&str; 7] =
        ["return_to", "post_logout_redirect_uri", "redirect_uri", "rd", "returnTo", "target_link_uri", "logout_hint"];
    let Some(lines) = lines() else { return };
    let (world, gateway) = (World::new(), gateway(&variables()));
    let signed_in = Browser::new(&world, &gateway).signed_in();
    for some in lines.into_iter().collect::<Vec<_>>().chunks(NAMES.len()) {
        world.lines.borrow_mut().clear();
        for line in some {
            let query = query(&NAMES.map(|name| (name, line.as_str())));
            let form = |path: &str| Asked::form(&format!("{path}?{query}")).with_body(Ok(&query));
            let nobody = Browser::new(&world, &gateway).send(&form("/auth/logout"));
            assert_eq!(nobody.location(), "/auth/logged-out");
            leads("/auth/logout", &nobody, line);
            assert_eq!(signed_in.send(&form("/auth/sessions/end-others")).location(), "/auth/sessions");
        }
        let pairs: Vec<(&str, &str)> = NAMES.into_iter().zip(some.iter().map(String::as_str)).collect();
        let somebody = Browser::new(&world, &gateway).signed_in();
        let answered =
            somebody.send(&Asked::form(&format!("/auth/logout?{}", query(&pairs))).with_body(Ok(&query(&pairs))));
        is_the_providers_own(&Url::parse(&answered.location()).unwrap(), some);
    }
}

/// The provider's endpoint, with nothing of the link in what it is told.
fn is_the_providers_own(logout: &Url, lines: &[String]) {
    assert!(logout.as_str().starts_with(&format!("{CORP}/logout?")), "{logout}");
    for (name, value) in logout.query_pairs() {
        match name.as_ref() {
            "post_logout_redirect_uri" => assert_eq!(value, format!("{ORIGIN}/auth/logged-out")),
            "id_token_hint" | "client_id" | "state" => assert!(!lines.contains(&value.into_owned())),
            other => panic!("`{other}` in {logout}"),
        }
    }
}
