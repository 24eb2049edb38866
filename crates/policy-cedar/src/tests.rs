mod domain;
mod properties;
mod remote;
mod second;
mod versions;

use postern::authn::Actor;
use postern::http::{Method, Peer};
use postern::ids::principal_kind::PrincipalKind;
use postern::policy::{Bundle, Cause, PolicyStepUp, PolicyVerdict, difference};
use serde_json::json;

use super::PolicySet;
use super::testing::{Asking, MONDAY, bundle, decide, holds, problems, set};

const ALL: &str = "permit(principal, action, resource);";

fn verdict(text: &str, asking: &Asking) -> PolicyVerdict {
    decide(text, asking).verdict
}

fn claims(claims: &serde_json::Value) -> Asking {
    Asking { claims: claims.as_object().cloned().unwrap(), ..Asking::default() }
}

#[test]
fn nothing_permits_and_so_it_is_denied() {
    // R-193
    let asking = Asking::default();
    assert_eq!(verdict("", &asking), PolicyVerdict::Deny(Cause::NothingPermits));
    assert_eq!(
        verdict(r#"permit(principal, action, resource in Route::"/other");"#, &asking),
        PolicyVerdict::Deny(Cause::NothingPermits)
    );
    assert_eq!(verdict(ALL, &asking), PolicyVerdict::Allow);
}

#[test]
fn what_forbids_wins_and_is_named() {
    let decision =
        decide(&format!("@id(\"all\")\n{ALL}\n@id(\"no\")\nforbid(principal, action, resource);"), &Asking::default());
    assert_eq!((decision.verdict, decision.policies), (PolicyVerdict::Deny(Cause::Forbidden), vec!["no".to_owned()]));
}

#[test]
fn a_policy_that_cannot_be_evaluated_is_a_no_whatever_else_permits() {
    // R-196
    let overflows = "@id(\"sum\")\npermit(principal, action, resource) when { context.now * 9223372036854775807 > 0 };";
    let decision = decide(&format!("{ALL}\n{overflows}"), &Asking::default());
    assert_eq!(decision.verdict, PolicyVerdict::Deny(Cause::Failed));
    assert_eq!(decision.failures.len(), 1);
    assert_eq!(decision.failures[0].policy, "sum");
    assert!(decision.failures[0].message.contains("overflow"), "{:?}", decision.failures);
    // One that is for other requests is not evaluated, and so does not fail.
    let elsewhere = overflows.replace("resource)", "resource in Route::\"/other\")");
    assert_eq!(verdict(&format!("{ALL}\n{elsewhere}"), &Asking::default()), PolicyVerdict::Allow);
}

#[test]
fn policies_may_speak_of_all_that_the_schema_names() {
    let asking = Asking::in_full();
    for condition in [
        r#"principal is Human && principal.issuer == "https://op.example" && principal.subject == "alice""#,
        r#"principal == Human::"https://op.example#alice""#,
        r#"principal has client && principal.client == "app""#,
        r#"principal has tenant && resource has tenant && principal.tenant == resource.tenant"#,
        r#"principal in Role::"viewer" && principal in [Role::"none", Role::"editor"]"#,
        r#"principal.scopes.contains("orders:read")"#,
        r#"principal.scopes.containsAny(["orders:write", "orders:read"])"#,
        r#"principal has email && principal.email.domain == "example.com" && principal.email.address like "*@example.com""#,
        r#"principal has actor && principal.actor.subject == "robot" && !(principal.actor has issuer)"#,
        r#"principal has key_id && principal.key_id == "0011223344556677""#,
        r#"principal has owner && principal.owner.subject == "bob" && principal.owner.issuer == principal.issuer"#,
        r#"principal has owner.provider && principal.owner.provider == "corp""#,
        r#"principal.hasTag("department") && principal.getTag("department").contains("sales")"#,
        r#"principal.hasTag("groups") && principal.getTag("groups").containsAll(["a", "b"])"#,
        r#"principal.hasTag("/realm_access/roles") && principal.getTag("/realm_access/roles").contains("x")"#,
        r#"principal.numbers.hasTag("clearance") && principal.numbers.getTag("clearance") >= 3"#,
        r#"action == Action::"GET" && action in Action::"read""#,
        r#"resource in Route::"/api/orders/{id}" && resource.path == "/api/orders/7""#,
        r#"resource.hasTag("id") && resource.getTag("id") == "7""#,
        r#"context.utc.weekday == 1 && context.utc.hour == 10 && context.utc.minute == 0"#,
        r#"context.utc.year == 2026 && context.utc.month == 11 && context.utc.day == 23"#,
        r#"context.time == datetime("2026-11-23T10:00:00Z") && context.time.toTime() == duration("10h")"#,
        r#"context.time.offset(duration("1d")) > datetime("2026-11-24")"#,
        r#"context.local.hasTag("Europe/Berlin") && context.local.getTag("Europe/Berlin").hour == 11"#,
        r#"context.local.hasTag("Asia/Kolkata") && context.local.getTag("Asia/Kolkata").minute == 30"#,
        r#"context.local.hasTag("Pacific/Auckland") && context.local.getTag("Pacific/Auckland").day == 23"#,
        r#"principal.permissions.contains("orders:refund")"#,
        r#"principal.permissions.containsAll(["orders:refund", "read:orders"])"#,
        r#"["orders:refund", "read:orders"] == principal.permissions"#,
        r#"context has address && context.address.isInRange(ip("203.0.113.0/24")) && context.address.isIpv4()"#,
        r#"context has country && ["DE", "AT"].contains(context.country)"#,
        r#"context has certificate && context.certificate.sha256 like "abab*""#,
        r#"context has certificate.subject && context.certificate.subject like "CN=laptop-*,O=Acme""#,
        r#"context has certificate.issuer && context.certificate.issuer == "CN=Devices,O=Acme""#,
        r#"context has certificate.serial && context.certificate.serial == "1A2B""#,
        r#"context has tls && context.tls.version == "TLSv1.3" && context.tls.cipher like "AEAD-*""#,
        r#"context.device has key && context.device.key == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs""#,
        r#"context.device has user_agent && context.device.user_agent like "*robot*""#,
        r#"context.authentication.means == "dpop" && context.authentication.amr.contains("otp")"#,
        r#"context.authentication has age && context.authentication.age == 60"#,
        r#"context.authentication has acr && context.authentication.acr == "gold""#,
    ] {
        assert!(holds(condition, &asking), "{condition}");
        assert!(!holds(&format!("!({condition})"), &asking), "{condition}");
    }
    assert!(holds(&format!("context.now == {MONDAY}"), &asking));
    let later = Asking { now: MONDAY + 7, ..asking };
    assert!(holds(r#"context.time == datetime("2026-11-23T10:00:07Z")"#, &later));
}

#[test]
fn office_hours_keep_to_the_clock_on_the_wall_the_whole_year() {
    let office = r#"context.local.hasTag("Europe/Berlin") && context.local.getTag("Europe/Berlin").hour >= 8 &&
        context.local.getTag("Europe/Berlin").hour < 17 && context.local.getTag("Europe/Berlin").weekday <= 5"#;
    // In winter it is an hour later than in UTC, in summer two.
    for (now, open) in [
        (1_768_201_199, false),
        (1_768_201_200, true),
        (1_768_233_599, true),
        (1_768_233_600, false),
        (1_783_922_399, false),
        (1_783_922_400, true),
        (1_783_954_799, true),
        (1_783_954_800, false),
    ] {
        assert_eq!(holds(office, &Asking { now, ..Asking::default() }), open, "{now}");
    }
}

#[test]
fn a_permission_is_held_by_name_or_by_a_role_that_grants_it() {
    let asking = Asking::in_full();
    for (condition, held) in [
        (r#"principal.permissions.contains("read:orders")"#, true),
        (r#"principal.permissions.contains("read:orders:own")"#, true),
        (r#"principal.permissions.contains("write:orders")"#, false),
        (r#"principal.permissions.containsAny(["write:orders", "orders:refund"])"#, true),
        (r#"["read:orders", "orders:refund"].containsAll(principal.permissions)"#, true),
        (r#"principal.permissions.isEmpty()"#, false),
        // What nobody names is known only by the word of the issuer.
        (r#"resource.hasTag("id") && principal.permissions.contains(resource.getTag("id"))"#, false),
    ] {
        assert_eq!(holds(condition, &asking), held, "{condition}");
    }
    let stranger = Asking { roles: vec!["stranger".to_owned()], permissions: Vec::new(), ..asking };
    assert!(!holds(r#"principal.permissions.contains("read:orders")"#, &stranger));
    assert!(holds(r#"principal.permissions.contains("write:orders")"#, &stranger));
}

#[test]
fn what_is_not_known_is_not_there() {
    let asking = Asking::default();
    for condition in [
        "principal has client",
        "principal has tenant",
        "principal has email",
        "principal has actor",
        "principal has key_id",
        "principal has owner",
        r#"principal.hasTag("department")"#,
        r#"principal.numbers.hasTag("clearance")"#,
        r#"principal in Role::"viewer""#,
        "resource has tenant",
        "context has address",
        "context has country",
        "context has certificate",
        "context has tls",
        "context.device has key",
        "context.device has user_agent",
        "context.authentication has age",
        "context.authentication has acr",
    ] {
        assert!(!holds(condition, &asking), "{condition}");
    }
}

#[test]
fn kinds_and_issuers_keep_equal_names_apart() {
    // R-118
    let alice = r#"permit(principal == Human::"https://op.example#alice", action, resource);"#;
    assert_eq!(verdict(alice, &Asking::default()), PolicyVerdict::Allow);
    let others = [
        Asking { kind: PrincipalKind::Service, ..Asking::default() },
        Asking { kind: PrincipalKind::Agent, ..Asking::default() },
        Asking { issuer: "https://evil.example".to_owned(), ..Asking::default() },
        Asking { issuer: "https://op.example/".to_owned(), ..Asking::default() },
        Asking { issuer: "https://op".to_owned(), subject: ".example#alice".to_owned(), ..Asking::default() },
        Asking { subject: "Alice".to_owned(), ..Asking::default() },
    ];
    for other in others {
        assert_eq!(verdict(alice, &other), PolicyVerdict::Deny(Cause::NothingPermits), "{other:?}");
    }
    let split = Asking { issuer: "https://op.example#alice".to_owned(), ..Asking::default() };
    assert_eq!(verdict(ALL, &split), PolicyVerdict::Deny(Cause::Unanswerable));
}

#[test]
fn every_method_that_a_route_may_name_is_an_action_and_no_other_is() {
    for (method, group) in [
        (Method::GET, "read"),
        (Method::HEAD, "read"),
        (Method::OPTIONS, "read"),
        (Method::POST, "write"),
        (Method::PUT, "write"),
        (Method::PATCH, "write"),
        (Method::DELETE, "write"),
    ] {
        let asking = Asking { method, ..Asking::default() };
        assert!(holds(&format!(r#"action in Action::"{group}""#), &asking), "{asking:?}");
        let other = if group == "read" { "write" } else { "read" };
        assert!(!holds(&format!(r#"action in Action::"{other}""#), &asking), "{asking:?}");
    }
    let trace = Asking { method: Method::TRACE, ..Asking::default() };
    assert_eq!(verdict(ALL, &trace), PolicyVerdict::Deny(Cause::Unanswerable));
}

#[test]
fn a_message_that_names_something_is_about_that() {
    for (method, member, action, kind, group) in [
        ("tools/call", "name", "mcp.tools/call", "Tool", "write"),
        ("prompts/get", "name", "mcp.prompts/get", "Prompt", "read"),
        ("resources/read", "uri", "mcp.resources/read", "ServerResource", "read"),
    ] {
        let asking = Asking::calling(method, &json!({ member: "delete_doc", "arguments": { "folder": "drafts" } }));
        for condition in [
            format!(r#"action == Action::"{action}" && action in Action::"mcp" && action in Action::"{group}""#),
            format!(r#"resource == {kind}::"/mcp/delete_doc" && resource in Route::"/mcp""#),
            format!(
                r#"context has mcp && context.mcp.method == "{method}" && context.mcp has name && context.mcp.name == "delete_doc""#
            ),
            r#"resource.path == "/mcp" && resource.name like "delete_*""#.to_owned(),
        ] {
            let text = format!(r#"permit(principal, action == Action::"{action}", resource) when {{ {condition} }};"#);
            assert!(decide(&text, &asking).allows(), "{method} {condition}");
        }
        let plain = r#"permit(principal, action == Action::"POST", resource);"#;
        assert!(!decide(plain, &asking).allows(), "{method}");
    }
}

#[test]
fn arguments_are_texts_whatever_they_are_and_what_is_nested_is_none() {
    let arguments = json!({ "text": "a", "count": 7, "dry": true, "list": ["a"], "inner": { "a": "b" }, "ratio": 0.5 });
    let asking = Asking::calling("tools/call", &json!({ "name": "a", "arguments": arguments }));
    let about = |condition: &str| {
        let text = format!(
            r#"permit(principal, action == Action::"mcp.tools/call", resource) when {{ context has mcp && {condition} }};"#
        );
        decide(&text, &asking).allows()
    };
    for (name, value) in [("text", "a"), ("count", "7"), ("dry", "true")] {
        let held =
            format!(r#"context.mcp.arguments.hasTag("{name}") && context.mcp.arguments.getTag("{name}") == "{value}""#);
        assert!(about(&held), "{name}");
    }
    for name in ["list", "inner", "ratio", "else"] {
        assert!(!about(&format!(r#"context.mcp.arguments.hasTag("{name}")"#)), "{name}");
    }
}

#[test]
fn a_claim_has_no_say_in_what_is_known_otherwise() {
    let asking =
        claims(&json!({ "tenant": "acme", "scopes": ["all"], "numbers": { "clearance": 9 }, "email": "a@b.c" }));
    assert!(!holds("principal has tenant", &asking));
    assert!(!holds(r#"principal.scopes.contains("all")"#, &asking));
    assert!(!holds("principal has email", &asking));
    assert!(!holds(r#"principal.numbers.hasTag("clearance")"#, &asking));
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    let from = |address: &str| Asking {
        peer: Peer { address: Some(address.to_owned()), ..Peer::default() },
        ..Asking::default()
    };
    for (address, condition) in [
        ("203.0.113.7", r#"context.address == ip("203.0.113.7") && context.address.isIpv4()"#),
        ("::ffff:203.0.113.7", r#"context.address == ip("203.0.113.7") && context.address.isIpv4()"#),
        ("::203.0.113.7", "context.address.isIpv6()"),
        ("2001:DB8::0:1", r#"context.address.isInRange(ip("2001:db8::/32"))"#),
        ("::1", "context.address.isLoopback()"),
    ] {
        assert!(holds(&format!("context has address && {condition}"), &from(address)), "{address}");
    }
    for none in ["", "fe80::1%eth0", "203.0.113.7/8", "203.0.113.007", "localhost"] {
        assert!(!holds("context has address", &from(none)), "{none}");
    }
}

#[test]
fn the_day_of_the_week_is_right_before_1970_too() {
    for (now, weekday, hour) in [(0, 4, 0), (-1, 3, 23), (86_400 * 3, 7, 0), (86_400 * 4, 1, 0), (951_825_600, 2, 12)] {
        let asking = Asking { now, ..Asking::default() };
        assert!(holds(&format!("context.utc.weekday == {weekday} && context.utc.hour == {hour}"), &asking), "{now}");
    }
}

#[test]
fn problems_say_where_they_are_and_what_is_wrong() {
    // R-196
    let cases = [
        ("@id(\"a\\nb\") permit(principal, action, resource);", "a.cedar:1:1: ", "`@id`"),
        ("permit(principal, action, resource)\nwhen { true ", "a.cedar:2:12: ", "unexpected end of input"),
        (
            "permit(principal, action, resource);\n\n  permit(principal is User, action, resource);",
            "a.cedar:3:",
            "User",
        ),
        (r#"permit(principal, action == Action::"FETCH", resource);"#, "a.cedar:1:", "FETCH"),
        ("permit(principal, action, resource) when { principal.name == \"x\" };", "a.cedar:1:44: ", "name"),
        ("permit(principal, action, resource) when { principal.client == \"x\" };", "a.cedar:1:44: ", "client"),
        (
            r#"permit(principal, action, resource) when { principal.getTag("a").contains("b") };"#,
            "a.cedar:1:44: ",
            "tag",
        ),
        (
            r#"permit(principal, action, resource) when { principal.hasTag("a") && principal.getTag("a") == "b" };"#,
            "a.cedar:1:",
            "String",
        ),
        ("permit(principal, action, resource) when { context.now > \"5\" };", "a.cedar:1:", "Long"),
        ("permit(principal, action, resource) when { 1 == 2 };", "a.cedar:1:", "impossible"),
        ("permit(principal == ?principal, action, resource);", "a.cedar:1:1: ", "template"),
        ("@max_age(\"5m\")\nforbid(principal, action, resource);", "a.cedar:1:1: ", "seconds"),
        ("@second(\"15m\")\nforbid(principal, action, resource);", "a.cedar:1:1: ", "seconds"),
        ("@second(\"59\")\nforbid(principal, action, resource);", "a.cedar:1:1: ", "at least 60"),
        ("@second(\"900\")\npermit(principal, action, resource);", "a.cedar:1:1: ", "forbid"),
        ("\n@acr_values(\"gold\")\npermit(principal, action, resource);", "a.cedar:2:1: ", "forbid"),
        ("@acr_values(\"a\\\"b\")\nforbid(principal, action, resource);", "a.cedar:1:1: ", "acr"),
        (
            "@id(\"x\")\npermit(principal, action, resource);\n@id(\"x\")\nforbid(principal, action, resource);",
            "a.cedar:3:1: ",
            "`x`",
        ),
    ];
    for (text, place, about) in cases {
        let problems = problems(text);
        let first = problems[0].to_string();
        assert!(first.starts_with(place) && first.contains(about), "{text}\n{problems:#?}");
    }
}

#[test]
fn all_problems_of_all_files_are_told_at_once() {
    let files = [
        ("b.cedar", "permit(principal is X, action, resource);"),
        ("a.cedar", "permit(principal is Y, action, resource);"),
    ];
    let bundle = Bundle::new(files.map(|(name, text)| (name.to_owned(), text.to_owned())).into()).unwrap();
    let problems = PolicySet::parse(&bundle).unwrap_err();
    assert!(problems[0].file == "a.cedar" && problems.iter().any(|problem| problem.file == "b.cedar"), "{problems:?}");
}

#[test]
fn policies_without_a_name_go_by_their_place() {
    let decision = decide(
        "// A word ahead.\n\npermit(principal, action, resource);\npermit(principal, action, resource);",
        &Asking::default(),
    );
    assert_eq!(decision.policies, ["a.cedar:3", "a.cedar:4"]);
}

#[test]
fn a_version_goes_by_what_is_in_it() {
    let [one, other] = [ALL, "forbid(principal, action, resource);"].map(bundle);
    assert_ne!(one.version(), other.version());
    assert_eq!(Bundle::from_text(&one.to_text()).unwrap(), one);
    // The same files written otherwise are the same version.
    let rewritten = format!("{{ \"format\": 1, \"files\": {{ \"a.cedar\": {} }} }}", json!(ALL));
    assert_eq!(Bundle::from_text(&rewritten).unwrap().version(), one.version());
    assert_eq!(set(ALL).version(), &one.version());
    assert_eq!(
        one.version().as_str(),
        "8d9f5a22670d040d68b1d0fe3ace3f6882dcb722079ef840b3054e47c0487e37",
        "a stored version goes by this name for ever"
    );
}

#[test]
fn stored_text_that_is_no_version_is_refused() {
    let long = "x".repeat(300 * 1024);
    for bad in [
        "",
        "[]",
        "{}",
        r#"{"format":2,"files":{"a":""}}"#,
        r#"{"format":1,"files":{}}"#,
        r#"{"format":1,"files":{"a":""},"more":1}"#,
        r#"{"format":1,"files":{"a":"","a":"x"}}"#,
        r#"{"format":1,"files":{"a b":""}}"#,
        r#"{"format":1,"files":{"a\n":""}}"#,
        &format!(r#"{{"format":1,"files":{{"a":"{long}"}}}}"#),
    ] {
        assert!(Bundle::from_text(bad).is_err(), "{}", bad.get(..60).unwrap_or(bad));
    }
}

const WANTS_MFA: &str = r#"@id("mfa") @acr_values("mfa phr") @max_age("300") forbid(principal, action, resource)
    unless { context.authentication has acr && context.authentication.acr == "mfa" };"#;

#[test]
fn a_sign_in_is_asked_for_only_where_it_would_help() {
    let asking = Asking::default();
    let wanted =
        PolicyStepUp { acr_values: vec!["mfa".to_owned(), "phr".to_owned()], max_age: Some(300), second: None };
    assert_eq!(verdict(&format!("{ALL}{WANTS_MFA}"), &asking), PolicyVerdict::StepUp(wanted));
    // Nothing permits it anyway.
    assert_eq!(verdict(WANTS_MFA, &asking), PolicyVerdict::Deny(Cause::Forbidden));
    // Something else forbids it as well.
    let no = "forbid(principal, action, resource);";
    assert_eq!(verdict(&format!("{ALL}{WANTS_MFA}{no}"), &asking), PolicyVerdict::Deny(Cause::Forbidden));
    let mut signed_in = Asking::default();
    signed_in.authentication.acr = Some("mfa".to_owned());
    assert_eq!(verdict(&format!("{ALL}{WANTS_MFA}"), &signed_in), PolicyVerdict::Allow);
    // Of several, the shortest age.
    let also = r#"@max_age("60") forbid(principal, action, resource) unless { context.authentication has age };"#;
    let PolicyVerdict::StepUp(both) = verdict(&format!("{ALL}{WANTS_MFA}{also}"), &asking) else { panic!() };
    assert_eq!(both.max_age, Some(60));
}

#[test]
fn the_one_who_acts_may_be_asked_for() {
    let actor = Actor { issuer: Some("https://op.example".to_owned()), subject: "robot".to_owned() };
    let asking = Asking { actor: Some(actor), ..Asking::default() };
    assert!(holds(
        r#"principal has actor && principal.actor has issuer && principal.actor.issuer == principal.issuer"#,
        &asking
    ));
}

#[test]
fn a_version_on_trial_is_told_of_where_it_would_be_noticed() {
    let asking = Asking::default();
    let of = |text: &str| decide(text, &asking);
    let no = of("forbid(principal, action, resource);");
    let fails = of("permit(principal, action, resource) when { context.now * 9223372036854775807 > 0 };");
    assert_eq!(difference(&of(ALL), &of(&format!("@id(\"other\"){ALL}"))), None);
    assert_eq!(difference(&of(""), &no), None);
    let told = difference(&of(ALL), &no).unwrap();
    assert_eq!((told.live, told.shadow), (of(ALL), no.clone()));
    assert!(difference(&no, &of(ALL)).is_some());
    assert!(difference(&no, &fails).is_some(), "what fails is to be known before it is live");
    assert!(difference(&of(&format!("{ALL}{WANTS_MFA}")), &no).is_some());
}

#[test]
fn what_a_device_says_of_itself_is_cut_short() {
    let calls_itself =
        |name: String| Asking { peer: Peer { user_agent: Some(name), ..Peer::default() }, ..Asking::default() };
    let long = "é".repeat(512);
    let condition = format!("context.device has user_agent && context.device.user_agent == \"{long}\"");
    assert!(holds(&condition, &calls_itself(long.clone())));
    assert!(holds(&condition, &calls_itself(format!("{long}and more"))));
}

#[test]
fn what_is_wrong_for_every_method_is_told_once() {
    let text = "permit(principal, action, resource) when { context.tls.version == \"TLSv1.3\" };";
    let [problem] = problems(text).try_into().unwrap();
    assert_eq!(
        problem.to_string(),
        "a.cedar:1:44: unable to guarantee safety of access to optional attribute `tls` in context: \
         try testing for the attribute's presence with `context has tls && ..`"
    );
}
