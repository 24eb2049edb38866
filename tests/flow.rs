//! Whole flows through [`postern::gateway::Gateway`], every port answered in memory.
#![cfg(not(target_arch = "wasm32"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test stops where it meets what it did not expect; the lints know #[test] functions only"
)]

use postern::policy::{EngineService, RemoteEngine};

#[path = "support/authenticator.rs"]
#[expect(dead_code, reason = "shared with the unit tests")]
mod authenticator;
mod support;

#[path = "flow/admin_services.rs"]
mod admin_services;
#[path = "flow/administration.rs"]
mod administration;
#[path = "flow/admission.rs"]
mod admission;
#[path = "flow/agents.rs"]
mod agents;
#[path = "flow/agents_admin.rs"]
mod agents_admin;
#[path = "flow/agents_approvals.rs"]
mod agents_approvals;
#[path = "flow/agents_bounds.rs"]
mod agents_bounds;
#[path = "flow/agents_by_client.rs"]
mod agents_by_client;
#[path = "flow/agents_calls.rs"]
mod agents_calls;
#[path = "flow/agents_ending.rs"]
mod agents_ending;
#[path = "flow/agents_enterprise.rs"]
mod agents_enterprise;
#[path = "flow/agents_exchange.rs"]
mod agents_exchange;
#[path = "flow/agents_registration.rs"]
mod agents_registration;
#[path = "flow/agents_remembered.rs"]
mod agents_remembered;
#[path = "flow/agents_second.rs"]
mod agents_second;
#[path = "flow/agents_server.rs"]
mod agents_server;
#[path = "flow/agents_tokens.rs"]
mod agents_tokens;
#[path = "flow/agents_words.rs"]
mod agents_words;
#[path = "flow/api_key_life.rs"]
mod api_key_life;
#[path = "flow/api_keys.rs"]
mod api_keys;
#[path = "flow/apple.rs"]
mod apple;
#[path = "flow/assertion.rs"]
mod assertion;
#[path = "flow/assertion_keys.rs"]
mod assertion_keys;
#[path = "flow/authzen.rs"]
mod authzen;
#[path = "flow/backchannel.rs"]
mod backchannel;
#[path = "flow/background.rs"]
mod background;
#[path = "flow/base_path.rs"]
mod base_path;
#[path = "flow/bearer.rs"]
mod bearer;
#[path = "flow/block_costs.rs"]
mod block_costs;
#[path = "flow/block_model.rs"]
mod block_model;
#[path = "flow/block_reach.rs"]
mod block_reach;
#[path = "flow/blocked_keys.rs"]
mod blocked_keys;
#[path = "flow/blocks.rs"]
mod blocks;
#[path = "flow/bound_tokens.rs"]
mod bound_tokens;
#[path = "flow/callback.rs"]
mod callback;
#[path = "flow/certificates.rs"]
mod certificates;
#[path = "flow/claim_headers.rs"]
mod claim_headers;
#[path = "flow/cors.rs"]
mod cors;
#[path = "flow/cost.rs"]
mod cost;
#[path = "flow/decisions.rs"]
mod decisions;
#[path = "flow/device.rs"]
mod device;
#[path = "flow/device_bound.rs"]
mod device_bound;
#[path = "flow/device_now.rs"]
mod device_now;
#[path = "flow/device_theft.rs"]
mod device_theft;
#[path = "flow/documents.rs"]
mod documents;
#[path = "flow/encrypted_tokens.rs"]
mod encrypted_tokens;
#[path = "flow/explain.rs"]
mod explain;
#[path = "flow/fapi_suite.rs"]
mod fapi_suite;
#[path = "flow/front_end.rs"]
mod front_end;
#[path = "flow/frontchannel.rs"]
mod frontchannel;
#[path = "flow/global_revocation.rs"]
mod global_revocation;
#[path = "flow/guard.rs"]
mod guard;
#[path = "flow/health.rs"]
mod health;
#[path = "flow/introspection.rs"]
mod introspection;
#[path = "flow/issuer_tenants.rs"]
mod issuer_tenants;
#[path = "flow/jarm.rs"]
mod jarm;
#[path = "flow/key_issuer.rs"]
mod key_issuer;
#[path = "flow/key_search.rs"]
mod key_search;
#[path = "flow/leak_reports.rs"]
mod leak_reports;
#[path = "flow/limits.rs"]
mod limits;
#[path = "flow/login.rs"]
mod login;
#[path = "flow/login_links.rs"]
mod login_links;
#[path = "flow/logout.rs"]
mod logout;
#[path = "flow/management.rs"]
mod management;
#[path = "flow/management_policies.rs"]
mod management_policies;
#[path = "flow/mcp.rs"]
mod mcp;
#[path = "flow/oauth2.rs"]
mod oauth2;
#[path = "flow/own_keys.rs"]
mod own_keys;
#[path = "flow/own_sessions.rs"]
mod own_sessions;
#[path = "flow/pages.rs"]
mod pages;
#[path = "flow/passkeys.rs"]
mod passkeys;
#[path = "flow/policies.rs"]
mod policies;
#[path = "flow/policy_explain.rs"]
mod policy_explain;
#[path = "flow/policy_names.rs"]
mod policy_names;
#[path = "flow/provider_differences.rs"]
mod provider_differences;
#[path = "flow/provider_errors.rs"]
mod provider_errors;
#[path = "flow/provider_gone.rs"]
mod provider_gone;
#[path = "flow/pushed.rs"]
mod pushed;
#[path = "flow/refresh.rs"]
mod refresh;
#[path = "flow/relations.rs"]
mod relations;
#[path = "flow/renewal.rs"]
mod renewal;
#[path = "flow/renewal_failures.rs"]
mod renewal_failures;
#[path = "flow/requirements.rs"]
mod requirements;
#[path = "flow/resources.rs"]
mod resources;
#[path = "flow/revocation.rs"]
mod revocation;
#[path = "flow/saml.rs"]
mod saml;
#[path = "flow/saml_encrypted.rs"]
mod saml_encrypted;
#[path = "flow/saml_logout.rs"]
mod saml_logout;
#[path = "flow/second.rs"]
mod second;
#[path = "flow/second_admin.rs"]
mod second_admin;
#[path = "flow/second_changes.rs"]
mod second_changes;
#[path = "flow/second_doors.rs"]
mod second_doors;
#[path = "flow/second_managing.rs"]
mod second_managing;
#[path = "flow/sender.rs"]
mod sender;
#[path = "flow/sender_rules.rs"]
mod sender_rules;
#[path = "flow/service_tokens.rs"]
mod service_tokens;
#[path = "flow/session.rs"]
mod session;
#[path = "flow/sharing.rs"]
mod sharing;
#[path = "flow/sign_out.rs"]
mod sign_out;
#[path = "flow/silent_members.rs"]
mod silent_members;
#[path = "flow/sites.rs"]
mod sites;
#[path = "flow/spellings.rs"]
mod spellings;
#[path = "flow/staleness.rs"]
mod staleness;
#[path = "flow/step_up.rs"]
mod step_up;
#[path = "flow/stores.rs"]
mod stores;
#[path = "flow/strangers.rs"]
mod strangers;
#[path = "flow/strength.rs"]
mod strength;
#[path = "flow/tenant.rs"]
mod tenant;
#[path = "flow/token_cache.rs"]
mod token_cache;
#[path = "flow/tokens.rs"]
mod tokens;
#[path = "flow/told.rs"]
mod told;
#[path = "flow/transactions.rs"]
mod transactions;
#[path = "flow/transport.rs"]
mod transport;
#[path = "flow/userinfo.rs"]
mod userinfo;
#[path = "flow/verify.rs"]
mod verify;
#[path = "flow/verify_attacks.rs"]
mod verify_attacks;
#[path = "flow/verify_secrets.rs"]
mod verify_secrets;
#[path = "flow/way_back.rs"]
mod way_back;
#[path = "flow/without_policies.rs"]
mod without_policies;
#[path = "flow/workload.rs"]
mod workload;
#[path = "flow/workload_explain.rs"]
mod workload_explain;

/// All flows have policies, but those that say otherwise; and an engine that is asked by messages, as in a deployment.
fn engine() -> Option<&'static dyn postern::policy::PolicyEngine> {
    let service = Box::leak(Box::new(EngineService::new(postern_policy_cedar::engine())));
    Some(Box::leak(Box::new(RemoteEngine::new(service))))
}
