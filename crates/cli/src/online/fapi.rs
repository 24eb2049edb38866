//! Whether requests can be pushed and signed, and responses be signed, as the configuration has it.

use postern::config::ClientAuth;
use postern::jose::Algorithm;
use postern::oidc::metadata::Metadata;
use postern::oidc::pushed::{self, PushedError};

use super::provider::Examined;
use super::{listed, shown};

/// Holds what a provider publishes against `par`, `signed_request`, `profile` and `response_mode`.
pub(super) fn examine(one: &mut Examined<'_, '_>, metadata: &Metadata) {
    let provider = one.provider;
    let rules = provider.requests;
    let key = match () {
        () if rules.fapi2 => "profile",
        () if rules.signed => "signed_request",
        () if metadata.requires_pushed || metadata.requires_signed => "issuer",
        () => "par",
    };
    match pushed::wanted(provider, metadata) {
        Err(PushedError::NotOffered) => one.problem(
            key,
            "requests would have to be pushed, and it has no `pushed_authorization_request_endpoint` that can be used"
                .to_owned(),
        ),
        Err(PushedError::NoKey) => one.problem(
            "client_auth",
            "it takes signed requests only (`require_signed_request_object`): expected `private_key_jwt`, by whose key \
             they are signed"
                .to_owned(),
        ),
        Ok(Some(push)) if push.signed => signing(one),
        Err(_) | Ok(_) => {}
    }
    if provider.response_mode.is_signed() {
        responses(one);
    }
    if rules.fapi2 && !metadata.iss_parameter_supported && !provider.response_mode.is_signed() {
        let message =
            "its responses need `iss`, which it does not announce (`authorization_response_iss_parameter_supported`)";
        one.problem("profile", message.to_owned());
    }
}

fn signing(one: &mut Examined<'_, '_>) {
    let ClientAuth::PrivateKeyJwt(how) = &one.provider.client_auth else { return };
    let algorithm = how.algorithm.name();
    if let Some(offered) = one.lacks("request_object_signing_alg_values_supported", algorithm, &[]) {
        let message = format!(
            "it takes requests that are signed by {offered} (`request_object_signing_alg_values_supported`), found `{algorithm}`"
        );
        one.problem("client_assertion.alg", message);
    }
}

fn responses(one: &mut Examined<'_, '_>) {
    let Some(offered) = listed(one.document, "authorization_signing_alg_values_supported") else { return };
    let accepted: Vec<&str> = one.provider.id_token_algs.iter().copied().map(Algorithm::name).collect();
    if !accepted.iter().any(|name| offered.contains(name)) {
        let message = format!(
            "it signs responses by {} (`authorization_signing_alg_values_supported`), found {}",
            shown(&offered),
            shown(&accepted)
        );
        one.problem("id_token_algs", message);
    }
}
