//! Sign-in by SAML: `/auth/login`, `/auth/saml/acs/{provider}`, `/auth/saml/metadata/{provider}`.

use postern::gateway::Gateway;
use postern_saml_messages::{MakeRequest, Question, Verified};
use serde_json::{Value, json};

use super::blocks::{done, order};
use super::relations::all_pages;
use crate::support::saml_worker::{IDP, PASSWORD, Response, decoded};
use crate::support::{Answered, Asked, Browser, Fault, World, answer, gateway, variables};

pub const ACS: &str = "/auth/saml/acs/idp";

/// A site with one provider, which speaks SAML.
pub fn saml_variables() -> Value {
    let mut variables = variables();
    variables["PROVIDERS"] = json!({ "idp": {
        "issuer": IDP,
        "saml": { "metadata": "<EntityDescriptor/>", "sign_requests": true, "signing_alg": "ES256" },
        "roles": ["groups"],
    } });
    variables["SESSION"] = json!({ "claims": ["mail"] });
    variables["LIMITS"]["frontchannel_logout"] = false.into();
    variables
}

/// What the browser is sent to the provider with: the request, and `RelayState`.
pub fn begun(location: &str) -> (MakeRequest, String) {
    let query = location.strip_prefix("https://idp.example.com/sso?").unwrap();
    let value = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    };
    (decoded(&value("SAMLRequest").unwrap()).unwrap(), value("RelayState").unwrap())
}

pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub fn post(browser: &Browser<'_>, response: &Response, state: &str) -> Answered {
    browser
        .send(&Asked::form_from_elsewhere(ACS, &form(&[("SAMLResponse", &response.posted()), ("RelayState", state)])))
}

/// A login, with the answer bent.
fn login_bent(browser: &Browser<'_>, world: &World, query: &str, bend: impl FnOnce(&mut Response)) -> Answered {
    let (request, state) = begun(&browser.begin(query));
    let mut response = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
    bend(&mut response);
    post(browser, &response, &state)
}

pub fn sign_in<'w>(world: &'w World, gateway: &'w Gateway, person: &str, session: &str) -> Browser<'w> {
    let browser = Browser::new(world, gateway);
    let answered = login_bent(&browser, world, "", |response| {
        let verified = response.says.as_mut().unwrap();
        verified.name_id.value = person.to_owned();
        verified.session_index = Some(session.to_owned());
    });
    assert_eq!(answered.event["reason"], "login.succeeded", "{}", answered.event);
    browser
}

fn bend_verified(bend: impl FnOnce(&mut Verified)) -> impl FnOnce(&mut Response) {
    |response| bend(response.says.as_mut().unwrap())
}

#[test]
fn a_person_signs_in_and_is_somebody_like_any_other() {
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let browser = Browser::new(&world, &gateway);
    let (request, state) = begun(&browser.begin("return_to=/app/reports"));
    // 256 random bits that nobody sees beforehand; R-231: an opaque handle of at most 80 bytes.
    assert!(request.id.starts_with('_') && request.id.len() == 44, "{}", request.id);
    assert!(state.len() <= 80 && !state.contains("reports"), "{state}");
    assert_eq!((request.acs.as_str(), request.force_authn), ("https://app.example.com/auth/saml/acs/idp", false));
    assert_eq!(request.entity_id, "https://app.example.com/auth/saml/metadata/idp");
    let response = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
    let answered = post(&browser, &response, &state);
    assert_eq!(answered.event["reason"], "login.succeeded", "{}", answered.event);
    assert_eq!((&answered.event["event"], &answered.event["provider"]), (&json!("login.finish"), &json!("idp")));
    assert!(answered.reply().body.contains("/app/reports"));
    let me = browser.send(&Asked::script("GET", "/auth/me")).json();
    assert_eq!((&me["subject"], &me["issuer"]), (&json!("persistent!alice"), &json!(IDP)), "{me}");
    assert_eq!(me["claims"]["mail"], "alice@example.com", "{me}");
    assert_eq!(me["roles"], json!(["admins", "staff"]), "{me}");
    browser.go("/app/reports").forwarded();
    let listed = browser.send(&Asked::script("GET", "/auth/sessions")).json();
    assert_eq!(listed["sessions"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[test]
fn what_is_sent_is_signed_with_our_key_and_what_comes_is_asked_of_the_saml_worker_with_theirs() {
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let browser = Browser::new(&world, &gateway);
    let location = browser.begin("");
    assert!(
        location.contains("&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23ecdsa-sha256&Signature="),
        "{location}"
    );
    let (request, state) = begun(&location);
    post(&browser, &world.saml_worker.response(&request, "alice", "s-1", world.now.get()), &state);
    let asked = world.saml_worker.asked.borrow();
    let Some(Question::Verify(asked)) = asked.last() else { panic!("{asked:?}") };
    assert_eq!((asked.certificates.as_slice(), asked.idp_entity_id.as_str()), (&["idp-1".to_owned()][..], IDP));
    assert_eq!((&asked.request_id, asked.now), (&request.id, world.now.get()));
    assert_eq!((asked.acs.as_str(), asked.skew), ("https://app.example.com/auth/saml/acs/idp", 60));
}

#[test]
fn what_the_saml_worker_does_not_verify_signs_nobody_in() {
    // and the log says exactly why.
    let says = |reason: &str| Some(Err(reason.to_owned()));
    for (bent, status, reason, detail) in [
        (None, 400, "saml.response_refused", "response.in_response_to"),
        (says("gate.doctype"), 400, "saml.response_refused", "gate.doctype"),
        (says("status.authn_failed"), 403, "saml.provider_refused", "status.authn_failed"),
        (says("status.no_passive"), 401, "saml.person_wanted", ""),
        (Some(Ok(1)), 400, "saml.session_over", ""),
    ] {
        let (world, gateway) = (World::new(), gateway(&saml_variables()));
        let browser = Browser::new(&world, &gateway);
        let answered = login_bent(&browser, &world, "", |response| match bent {
            None => response.in_response_to = "_other".to_owned(),
            Some(Err(refused)) => response.says = Err(refused),
            Some(Ok(until)) => response.says.as_mut().unwrap().session_not_on_or_after = Some(until),
        });
        answered.assert_refused(status, reason);
        assert_eq!(answered.event["detail"].as_str().unwrap_or_default(), detail);
        assert!(!browser.is_in());
    }
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let browser = Browser::new(&world, &gateway);
    let forged = login_bent(&browser, &world, "", |response| response.signed_by = "idp-2".to_owned());
    forged.assert_refused(400, "saml.response_refused");
    assert_eq!(forged.event["detail"], "signature.bad");
}

#[test]
fn an_answer_counts_once_and_for_the_login_that_it_answers() {
    //
    let (world, gateway, other) = (World::new(), gateway(&saml_variables()), gateway(&saml_variables()));
    let browser = Browser::new(&world, &gateway);
    let (request, state) = begun(&browser.begin(""));
    let response = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
    let jar: Vec<(String, String)> =
        browser.logins_under_way().into_iter().map(|name| (name.clone(), browser.cookie(&name).unwrap())).collect();
    assert_eq!(post(&browser, &response, &state).event["reason"], "login.succeeded");
    // The same once more, with the same cookie, in another isolate.
    let thief = Browser::new(&world, &other);
    let planted =
        Asked::form_from_elsewhere(ACS, &form(&[("SAMLResponse", &response.posted()), ("RelayState", &state)]));
    let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    thief.send(&planted.with("cookie", &cookies.join("; "))).assert_refused(400, "callback.already_used");
    // The same assertion as the answer to another request of ours: as if the SAML Worker had been fooled.
    let (request, state) = begun(&thief.begin(""));
    let mut again = response.clone();
    again.in_response_to = request.id;
    post(&thief, &again, &state).assert_refused(400, "saml.assertion_used");
    // And in a browser that began nothing.
    post(&Browser::new(&world, &gateway), &response, &state).assert_refused(400, "callback.no_transaction");
}

#[test]
fn what_nobody_asked_for_is_refused_before_the_saml_worker_is_asked() {
    //
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let browser = Browser::new(&world, &gateway);
    let (request, state) = begun(&browser.begin(""));
    let posted = world.saml_worker.response(&request, "alice", "s-1", world.now.get()).posted();
    let before = world.saml_worker.asked.borrow().len();
    let (good, evil) = (posted.as_str(), "https://evil.example/");
    for (fields, reason) in [
        (&[("SAMLResponse", good)][..], "saml.unsolicited"),
        (&[("SAMLResponse", good), ("RelayState", evil)], "saml.unsolicited"),
        (&[("SAMLResponse", good), ("RelayState", &state), ("RelayState", &state)], "saml.unsolicited"),
        (&[("RelayState", &state)], "saml.malformed"),
        (&[("SAMLResponse", good), ("SAMLResponse", good), ("RelayState", &state)], "saml.malformed"),
        (&[("SAMLResponse", good), ("RelayState", &"A".repeat(43))], "callback.no_transaction"),
    ] {
        let answered = browser.send(&Asked::form_from_elsewhere(ACS, &form(fields)));
        answered.assert_refused(400, reason);
        assert!(!answered.reply().body.contains("evil"), "{reason}");
    }
    browser
        .send(&Asked::from_elsewhere(&format!("{ACS}?SAMLResponse=a")))
        .assert_refused(405, "route.method_not_allowed");
    let long = Asked::form_from_elsewhere(ACS, "").with_body(Err(postern::ports::BodyError::TooLarge));
    browser.send(&long).assert_refused(400, "saml.malformed");
    assert_eq!(world.saml_worker.asked.borrow().len(), before);
    assert!(!browser.is_in());
}

#[test]
fn the_session_ends_with_the_one_at_the_provider() {
    //
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let browser = Browser::new(&world, &gateway);
    let until = world.now.get() + 1200;
    let ended = bend_verified(|verified| verified.session_not_on_or_after = Some(until));
    assert_eq!(login_bent(&browser, &world, "", ended).event["reason"], "login.succeeded");
    world.wait(1199);
    assert!(browser.is_in());
    world.wait(1);
    assert!(!browser.is_in());
}

/// The link that a person is sent to, without the detour for what is behind `#`.
fn sent_to(answered: &Answered) -> String {
    answered.location().replace("&fragment=keep", "")
}

#[test]
fn a_stricter_sign_in_is_asked_for_and_then_required() {
    let mut variables = saml_variables();
    variables["ROUTES"]["/fresh/{*rest}"] = json!({ "upstream": "assets", "require": { "max_age": "5m" } });
    variables["ROUTES"]["/strong/{*rest}"] = json!({ "upstream": "assets", "require": { "acr": ["urn:mfa"] } });
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = sign_in(&world, &gateway, "alice", "s-1");
    world.wait(600);
    let step_up = sent_to(&browser.go("/fresh/a"));
    let (request, state) = begun(&browser.go(&step_up).location());
    assert!(request.force_authn);
    // The provider lets the person through by its old session: that is not what was asked for.
    let mut old = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
    old.says.as_mut().unwrap().authn_instant = world.now.get() - 600;
    post(&browser, &old, &state).assert_refused(400, "saml.authn_too_old");
    let (request, state) = begun(&browser.go(&step_up).location());
    let fresh = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
    assert_eq!(post(&browser, &fresh, &state).event["reason"], "login.succeeded");
    browser.go("/fresh/a").forwarded();
    let step_up = sent_to(&browser.go("/strong/a"));
    let (request, state) = begun(&browser.go(&step_up).location());
    assert_eq!(request.authn_contexts, ["urn:mfa"]);
    let mut weak = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
    weak.says.as_mut().unwrap().authn_context = Some(PASSWORD.to_owned());
    post(&browser, &weak, &state).assert_refused(400, "saml.authn_context");
    let (request, state) = begun(&browser.go(&step_up).location());
    let mut strong = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
    strong.says.as_mut().unwrap().authn_context = Some("urn:mfa".to_owned());
    assert_eq!(post(&browser, &strong, &state).event["reason"], "login.succeeded");
    browser.go("/strong/a").forwarded();
}

#[test]
fn a_silent_login_asks_nobody_and_goes_on_as_before() {
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let browser = Browser::new(&world, &gateway);
    let (request, state) = begun(&browser.begin("prompt=none&return_to=/app/a"));
    assert!(request.is_passive && !request.force_authn);
    let mut response = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
    response.says = Err("status.no_passive".to_owned());
    let answered = post(&browser, &response, &state);
    assert_eq!((&answered.event["reason"], answered.reply().status.as_u16()), (&json!("saml.person_wanted"), 200));
    assert!(answered.reply().body.contains("/app/a") && !browser.is_in());
    let (request, _) = begun(&browser.begin("prompt=login"));
    assert!(request.force_authn && !request.is_passive);
}

#[test]
fn without_the_saml_worker_nobody_signs_in_and_nothing_else_is_touched() {
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    let signed_in = sign_in(&world, &gateway, "alice", "s-1");
    let browser = Browser::new(&world, &gateway);
    let (request, state) = begun(&browser.begin(""));
    world.saml_worker.away.set(true);
    browser.go("/auth/login").assert_refused(503, "saml.worker_away");
    let response = world.saml_worker.response(&request, "bob", "s-2", world.now.get());
    post(&browser, &response, &state).assert_refused(503, "saml.worker_away");
    assert!(signed_in.is_in());
}

#[test]
fn metadata_at_an_address_is_fetched_once_and_its_keys_count_by_their_fingerprints() {
    //
    let url = "https://idp.example.com/metadata";
    let pinned = |pin: &str| {
        let mut variables = saml_variables();
        let saml = &mut variables["PROVIDERS"]["idp"]["saml"];
        saml["metadata"] = url.into();
        saml["certificates"] = json!([pin]);
        variables
    };
    let (world, good, other) = (World::new(), gateway(&pinned(&"a1".repeat(32))), gateway(&pinned(&"b2".repeat(32))));
    let mut document = answer(200, &json!(null));
    document.body = b"<EntityDescriptor/>".to_vec();
    world.clients.borrow_mut().insert(url.to_owned(), Some(document));
    sign_in(&world, &good, "alice", "s-1");
    assert_eq!(world.sent.borrow().iter().filter(|request| request.url == url).count(), 1);
    let refused = Browser::new(&world, &other).go("/auth/login");
    refused.assert_refused(503, "saml.metadata_unusable");
    assert_eq!(refused.event["detail"], "no certificate that counts is in it");
}

#[test]
fn a_provider_that_takes_signed_requests_alone_gets_no_other() {
    let mut variables = saml_variables();
    variables["PROVIDERS"]["idp"]["saml"] = json!({ "metadata": "<EntityDescriptor/>" });
    let (world, gateway) = (World::new(), gateway(&variables));
    let location = Browser::new(&world, &gateway).begin("");
    assert!(!location.contains("Signature"), "{location}");
    // The SAML Worker is not asked about the same document again and again, and not for ever.
    let read =
        || world.saml_worker.asked.borrow().iter().filter(|one| matches!(one, Question::ReadMetadata(_))).count();
    Browser::new(&world, &gateway).begin("");
    assert_eq!(read(), 1);
    world.saml_worker.metadata.borrow_mut().wants_signed_requests = true;
    world.wait(600);
    Browser::new(&world, &gateway).go("/auth/login").assert_refused(503, "saml.metadata_unusable");
}

#[test]
fn our_metadata_is_there_for_providers_of_saml_alone() {
    let mut variables = saml_variables();
    variables["PROVIDERS"]["corp"] = crate::support::variables()["PROVIDERS"]["corp"].clone();
    let (world, gateway) = (World::new(), gateway(&variables));
    let browser = Browser::new(&world, &gateway);
    let answered = browser.go("/auth/saml/metadata/idp");
    let reply = answered.reply();
    assert_eq!(reply.headers["content-type"], "application/samlmetadata+xml");
    assert!(reply.body.contains("entityID=\"https://app.example.com/auth/saml/metadata/idp\""), "{}", reply.body);
    for path in ["/auth/saml/metadata/corp", "/auth/saml/metadata/none", "/auth/saml/other/idp", "/auth/callback/idp"] {
        assert_ne!(browser.go(path).event["outcome"], "allow", "{path}");
    }
    let notice =
        Asked::new("POST", "/auth/backchannel-logout/idp").with("content-type", "application/x-www-form-urlencoded");
    browser.send(&notice).assert_refused(404, "route.none");
}

#[test]
fn a_store_that_does_not_answer_lets_nobody_in() {
    let (world, gateway) = (World::new(), gateway(&saml_variables()));
    for fault in [Fault::Once, Fault::Sessions, Fault::SidIndex] {
        world.fault.set(Fault::None);
        let browser = Browser::new(&world, &gateway);
        let (request, state) = begun(&browser.begin(""));
        world.fault.set(fault);
        let response = world.saml_worker.response(&request, "alice", "s-1", world.now.get());
        post(&browser, &response, &state).assert_refused(503, "store.unavailable");
    }
}

/// A site with documents that are shared, and an administrator who writes with whom.
fn with_documents() -> Value {
    let mut variables = saml_variables();
    variables["ADMIN"] = json!({ "principals": ["idp|persistent!root"] });
    variables["RELATIONS"] = json!({ "document": { "viewer": "[user]" } });
    let require = json!({ "relations": ["document:{id}#viewer"] });
    variables["ROUTES"]["/documents/{id}"] = json!({ "upstream": "service:API", "require": require });
    variables
}

#[test]
fn a_stored_tuple_of_somebody_whose_provider_is_a_urn_is_read_as_it_is_shown() {
    //
    let (world, gateway) = (World::new(), gateway(&with_documents()));
    let root = sign_in(&world, &gateway, "root", "s-root");
    let change = |body: &Value| done(&root.send(&order("/auth/admin/relations", body)));
    let stored = format!("document:7#viewer@user:{IDP}|persistent!a");
    let added = change(&json!({ "add": ["document:7#viewer@user:idp|persistent!a"] }));
    assert_eq!(added, json!({ "added": [stored], "removed": [] }));
    assert_eq!(all_pages(&root, &format!("subject=user:{IDP}%7Cpersistent!a")), [stored.as_str()]);
    let checked = done(&root.send(&order("/auth/admin/relations/check", &json!({ "tuple": stored }))));
    assert_eq!(checked["holds"], true);
    let there = change(&json!({ "add": [stored], "expect": [stored] }));
    assert_eq!(there, json!({ "added": [], "removed": [] }));
    assert_eq!(change(&json!({ "remove": [stored] }))["removed"], json!([stored]));
}

#[test]
fn in_a_tuple_the_escapes_of_a_name_are_escaped_once_more() {
    //
    let (world, gateway) = (World::new(), gateway(&with_documents()));
    let root = sign_in(&world, &gateway, "root", "s-root");
    let jane = sign_in(&world, &gateway, "Jane Doe", "s-jane");
    let me = jane.send(&Asked::script("GET", "/auth/me")).json();
    assert_eq!(me["subject"], "persistent!Jane%20Doe");
    let share = |id: &str, name: &str| {
        let tuple = format!("document:{id}#viewer@user:idp|{name}");
        root.send(&order("/auth/admin/relations", &json!({ "add": [tuple] })))
    };
    assert_eq!(share("1", "persistent!Jane Doe").event["reason"], "admin.unacceptable");
    // This is somebody whose name has a space in it, as none by SAML has.
    done(&share("2", "persistent!Jane%20Doe"));
    done(&share("3", "persistent!Jane%2520Doe"));
    for (id, opens) in [("1", false), ("2", false), ("3", true)] {
        let answered = jane.send(&Asked::script("GET", &format!("/documents/{id}")));
        assert_eq!(answered.event["outcome"] == "allow", opens, "{id}: {}", answered.event);
    }
}
