//! The reasons of decisions in plain words, for the people who ask why.

/// By code.
const WORDS: &[(&str, &str)] = &[
    ("route.none", "No route answers for this path, so nobody gets there."),
    ("route.method_not_allowed", "The routes for this path do not take this method."),
    (
        "route.other_spelling",
        "The application could take this path for what a stricter route is for, so nobody gets there.",
    ),
    ("route.public", "The route is public: nobody is asked who they are."),
    ("authn.no_credential", "The route is guarded, and the request shows nothing that the route takes."),
    ("authn.no_token", "The route takes access tokens only, and the request has none."),
    ("access_token.other_resource", "The access token is for another resource of this deployment."),
    ("workload.untrusted", "No rule of `trust` takes the token of this program."),
    ("authz.requirements_met", "Everything that the route requires is met."),
    ("authz.insufficient_scope", "These scopes were not granted."),
    ("authz.provider_not_accepted", "The route takes nobody who signed in with this provider."),
    ("authz.issuer_not_accepted", "The route takes no tokens of this issuer."),
    ("authz.certificate_not_accepted", "The route takes no client certificates of this entry."),
    ("authz.not_a_person", "The route is for people, and the caller is a program."),
    ("authz.kind_not_accepted", "The route does not take this kind of caller: person, service or agent."),
    ("authz.acted_for", "The route takes nobody for whom somebody else acts."),
    ("authz.tenant_not_accepted", "The caller belongs to another tenant, or to none."),
    ("authz.role_missing", "The caller has none of the roles that the route takes."),
    ("authz.permission_missing", "Neither the caller's roles nor their issuer give these permissions."),
    ("authz.claim_not_accepted", "This claim is missing, is not verified, or does not say what it must."),
    ("authz.email_domain_not_accepted", "The caller has no verified e-mail address in an accepted domain."),
    ("authz.amr_missing", "These methods were not used to sign in."),
    ("authz.acr_not_accepted", "The sign-in was of no class that the route takes: another one may do."),
    ("authz.auth_time_unknown", "Nobody says when the caller signed in: another sign-in may do."),
    ("authz.authentication_too_old", "The sign-in was too long ago: another one may do."),
    (
        "authz.second_missing",
        "The route asks for a second factor, and none was proven in this session: a proof may do.",
    ),
    ("authz.second_too_old", "The second factor was proven too long ago: another proof may do."),
    ("authz.device_unbound", "The caller's session is bound to no device, or they have none."),
    (
        "authz.device_proof_too_old",
        "The browser has to prove the key of its device for this request, and will be asked to.",
    ),
    ("authz.relation_missing", "The caller does not stand in this relation."),
    ("relation.no_subject", "The caller's name is too long to stand in any relation."),
    ("relation.no_object", "What the path names can be no object, so nobody stands in a relation to it."),
    ("relation.too_deep", "This relation leads through too many others, which counts as no."),
    ("relation.too_much", "This relation leads to more than is looked at, which counts as no."),
    ("relation.circular", "This relation excludes what it follows from, which counts as no."),
    ("store.unavailable", "The store did not answer, which counts as no."),
    ("mcp.unlisted", "The route's `scopes` for messages have no entry for this operation, so nobody may."),
    ("policy.to_be_asked", "The requirements are met. The policies are asked as well."),
    ("policy.permitted", "A policy permits it and none forbids it."),
    ("policy.nothing_permits", "No policy permits it."),
    ("policy.forbidden", "A policy forbids it."),
    ("policy.failed", "A policy could not be evaluated, which counts as no."),
    ("policy.unanswerable", "The question could not be put to the policies, which counts as no."),
    ("policy.step_up", "A policy wants another sign-in or a second factor."),
    ("policy.none_loaded", "The route asks the policies, and none are loaded."),
    ("policy.none_published", "Nothing is published."),
    ("policy.pointer_outdated", "What the store names is older than what was there before, so it is not followed."),
    ("policy.version_missing", "The version that is named is not in the store, or not yet."),
    ("policy.version_invalid", "The version that is named does not hold up."),
    ("policy.version_mislabelled", "What is stored as the version that is named is something else."),
    ("policy.store_unavailable", "The store of policies did not answer."),
    ("policy.not_loaded_yet", "It is not read here yet: that is done beside the next request that asks the policies."),
    ("block.person", "This person is blocked."),
    ("block.subject", "The caller is blocked."),
    ("block.owner", "The person whose key it is is blocked."),
    ("block.actor", "Somebody who acts for the caller is blocked."),
    ("block.client", "The client that the token was given to is blocked."),
    ("block.key", "The API key is blocked."),
    ("block.token_issued_before_not_before", "The token is from before the moment since which tokens count."),
    ("session.gone", "The session had ended."),
    ("session.began_before_not_before", "The session began before `not_before`, so it does not count any more."),
    ("session.cookie_forged", "The session cookie was not made by this deployment, or its key is gone."),
    (
        "session.device_unproven",
        "The session is bound to a device, and the request does not show that it comes from there.",
    ),
    ("session.device_unbound", "Sessions have to be bound to a device here, and this one is not."),
    ("session.device_mismatch", "The session is bound to a device, and the request came from elsewhere: it has ended."),
    ("admin.done", "Management: done."),
    ("admin.not_an_administrator", "Management: the caller is not allowed to do this."),
];

/// What a reason of the log means. `None` for those that say nothing of whether somebody may: the log's word for
/// them stands.
#[must_use]
pub fn of(reason: &str) -> Option<&'static str> {
    WORDS.iter().find(|(code, _)| *code == reason).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_reason_has_one_sentence_and_another_has_none() {
        assert!(of("authz.insufficient_scope").unwrap().ends_with('.'));
        assert_eq!(of("authz.insufficient"), None);
    }
}
