//! Programs of platforms whose names change hands: known by their ids.

use serde_json::{Value, json};

use super::{call, platform, site, token, with};
use crate::support::World;

#[test]
fn service_accounts_and_managed_identities_are_known_by_their_ids() {
    //
    let google = platform(
        "google",
        json!({ "trust": [{ "sub": "1075", "email": "ci@p.iam.gserviceaccount.com", "scopes": ["deploy"] }] }),
    );
    let (world, gateway) = (World::new(), site(google));
    let account = |changes: Value| {
        let base =
            json!({ "sub": "1075", "azp": "1075", "email": "ci@p.iam.gserviceaccount.com", "email_verified": true });
        token(&world, Some("JWT"), with(base, changes))
    };
    call(&world, &gateway, "/deploy", &account(json!({}))).forwarded();
    for changes in [
        json!({ "sub": "1076" }),
        json!({ "email_verified": false }),
        json!({ "email": "CI@p.iam.gserviceaccount.com" }),
    ] {
        call(&world, &gateway, "/deploy", &account(changes)).assert_refused(401, "workload.untrusted");
    }

    let azure = json!({ "tenant_id": null, "trust": [{ "oid": "8d5c", "scopes": ["deploy"] }] });
    let mut azure = platform("azure-managed-identity", azure);
    azure.as_object_mut().unwrap().remove("tenant_id");
    let gateway = site(azure);
    let identity = |changes: Value| {
        token(
            &world,
            Some("JWT"),
            with(json!({ "sub": "8d5c", "oid": "8d5c", "tid": "6f1d", "idtyp": "app" }), changes),
        )
    };
    call(&world, &gateway, "/deploy", &identity(json!({}))).forwarded();
    call(&world, &gateway, "/deploy", &identity(json!({ "oid": "8d5d" }))).assert_refused(401, "workload.untrusted");
    // One that a person let a program have.
    call(&world, &gateway, "/deploy", &identity(json!({ "scp": "read" }))).assert_refused(401, "workload.kind_refused");
}

#[test]
fn pipelines_are_known_by_their_project_and_count_by_what_started_them() {
    //
    let gitlab =
        platform("gitlab-ci", json!({ "trust": [{ "project_id": 22, "ref_protected": true, "scopes": ["deploy"] }] }));
    let (world, gateway) = (World::new(), site(gitlab));
    let pipeline = |changes: Value| {
        let base = json!({ "sub": "project_path:g/p:ref_type:branch:ref:main", "project_id": "22", "namespace_id": "72", "ref": "main",
            "ref_protected": "true", "pipeline_source": "push" });
        token(&world, Some("JWT"), with(base, changes))
    };
    let answered = call(&world, &gateway, "/deploy", &pipeline(json!({ "sub": "project_path:h/renamed:ref:main" })));
    answered.forwarded();
    assert_eq!(answered.event["subject"], "project:22");
    for changes in [json!({ "ref_protected": "false" }), json!({ "project_id": "220" })] {
        call(&world, &gateway, "/deploy", &pipeline(changes)).assert_refused(401, "workload.untrusted");
    }
    //
    for (source, good) in [
        ("push", true),
        ("web", true),
        ("schedule", true),
        ("api", true),
        ("trigger", true),
        ("merge_request_event", false),
        ("external_pull_request_event", false),
        ("parent_pipeline", false),
        ("pipeline", false),
        ("chat", false),
        ("a_source_of_next_year", false),
    ] {
        let answered = call(&world, &gateway, "/deploy", &pipeline(json!({ "pipeline_source": source })));
        assert_eq!(answered.event["outcome"] == "allow", good, "{source}");
    }
    let named =
        json!({ "trust": [{ "project_id": 22, "pipeline_source": "merge_request_event", "scopes": ["deploy"] }] });
    let gateway = site(platform("gitlab-ci", named));
    call(&world, &gateway, "/deploy", &pipeline(json!({ "pipeline_source": "merge_request_event" }))).forwarded();
    call(&world, &gateway, "/deploy", &pipeline(json!({}))).assert_refused(401, "workload.untrusted");
}
