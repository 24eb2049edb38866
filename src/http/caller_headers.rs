//! Headers by which a caller says who or where it is: from outside none of them is to be believed.

use std::borrow::Cow;

use super::HeaderName;

/// Prefixes of headers by which proxies tell upstreams who asks, from where, or for what. `docs/reference/upstreams.md` has them all,
/// and a test compares; so it is with the lists below.
pub const CLAIMING_PREFIXES: [&str; 59] = [
    "cf-",
    "impersonate-",
    "remote-",
    "ssl-client-",
    "tailscale-",
    "x-account-",
    "x-actor",
    "x-admin",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-arr-",
    "x-auth-",
    "x-authenticated-",
    "x-authentik-",
    "x-authz-",
    "x-client-",
    "x-consumer-",
    "x-credential-",
    "x-customer-",
    "x-envoy-",
    "x-forwarded",
    "x-gateway-",
    "x-goog-authenticated-",
    "x-goog-iap-",
    "x-group-",
    "x-hasura-",
    "x-identity",
    "x-impersonat",
    "x-internal-",
    "x-jwt-",
    "x-kong-",
    "x-login",
    "x-member-",
    "x-middleware-",
    "x-ms-client-principal",
    "x-ms-token-",
    "x-oidc-",
    "x-okta-",
    "x-on-behalf-of",
    "x-org-",
    "x-organization-",
    "x-original-",
    "x-permission",
    "x-pomerium-",
    "x-postern-",
    "x-principal",
    "x-proxy",
    "x-remote-",
    "x-rewrite-",
    "x-role",
    "x-scope-",
    "x-ssl-",
    "x-sso-",
    "x-subject",
    "x-tenant",
    "x-tls-",
    "x-user",
    "x-vouch-",
    "x-webauth-",
];
/// The same, by their whole names.
pub const CLAIMING_NAMES: [&str; 29] = [
    "client-cert",
    "client-cert-chain",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "from",
    "proxy",
    "proxy-authorization",
    "true-client-ip",
    "txn-token",
    "via",
    "x-access-token",
    "x-anonymous-consumer",
    "x-cluster-client-ip",
    "x-email",
    "x-group",
    "x-groups",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-id-token",
    "x-method-override",
    "x-real-ip",
    "x-request-id",
    "x-scheme",
    "x-scopes",
    "x-url-scheme",
    "x-username",
];
/// What well-known libraries say of the program, not of the person, under names that begin like a claim: gRPC-Web,
/// Supabase, Firebase.
pub const HARMLESS_NAMES: [&str; 5] =
    ["x-client-info", "x-client-name", "x-client-platform", "x-client-version", "x-user-agent"];

/// What no route can ask to be passed on: it is written anew, tells of the connection, or makes another request of this one.
pub const FOR_NO_ROUTE: [&str; 19] = [
    "cf-",
    "client-",
    "fastly-client-ip",
    "forwarded",
    "proxy",
    "true-client-ip",
    "txn-token",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-host",
    "x-http-",
    "x-method-override",
    "x-original-",
    "x-postern-",
    "x-real-ip",
    "x-request-id",
    "x-rewrite-",
];

/// Whether no route can ask to have this passed on.
#[must_use]
pub fn is_kept_for_no_route(name: &HeaderName) -> bool {
    FOR_NO_ROUTE.iter().any(|prefix| name.as_str().starts_with(prefix))
}

/// From outside such a header is a claim, so none is passed on; those that are true are set anew.
#[must_use]
pub fn says_who_asks(name: &HeaderName) -> bool {
    claims(&folded(name))
}

/// The same of a name that is [`folded`].
#[must_use]
pub fn claims(name: &str) -> bool {
    // In a sorted list of which none begins with another, only the last that comes before a name can be its beginning.
    let before = CLAIMING_PREFIXES.partition_point(|prefix| *prefix <= name);
    let last = before.checked_sub(1).and_then(|last| CLAIMING_PREFIXES.get(last));
    let claims = last.is_some_and(|prefix| name.starts_with(prefix)) || CLAIMING_NAMES.binary_search(&name).is_ok();
    claims && !HARMLESS_NAMES.contains(&name)
}

/// A name as servers read it that hand headers on as variables (RFC 3875 §4.1.18): there `X.User`, `X_User` and `X-User`
/// are one.
#[must_use]
pub fn folded(name: &HeaderName) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = name.as_str();
    if name.chars().all(is_plain) {
        return name.into();
    }
    name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> HeaderName {
        HeaderName::from_static(text)
    }

    #[test]
    fn lists_that_are_searched_are_in_order() {
        for list in [&CLAIMING_PREFIXES[..], &CLAIMING_NAMES[..]] {
            assert!(list.is_sorted(), "{list:?}");
        }
        let begins = |other: &&str, prefix: &str| *other != prefix && other.starts_with(prefix);
        for prefix in CLAIMING_PREFIXES {
            assert!(!CLAIMING_PREFIXES.iter().any(|other| begins(other, prefix)), "{prefix}");
            assert!(claims(prefix) && claims(&format!("{prefix}z")) && claims(&format!("{prefix}-a")), "{prefix}");
        }
        for name in CLAIMING_NAMES {
            assert!(claims(name), "{name}");
        }
    }

    #[test]
    fn what_a_library_says_of_itself_is_no_claim() {
        // the prefix `x-user` is not to cost a gRPC-Web client its `x-user-agent`
        for harmless in HARMLESS_NAMES.into_iter().chain(["user-agent", "x-ms-client-request-id", "x-goog-api-client"])
        {
            assert!(!says_who_asks(&name(harmless)), "{harmless}");
        }
        for claim in [
            "x-user",
            "x-user-agent-id",
            "x-username",
            "x-user-id",
            "x-user-email",
            "x-client-id",
            "x-client-ip",
            "x-client-cert",
            "x-client-dn",
            "x-client-info-subject",
            "x-ms-client-principal",
            "x-ms-client-principal-id",
            "x-ms-token-aad-access-token",
            "x-goog-authenticated-user-id",
            "x-goog-iap-jwt-assertion",
            "x-vouch-user",
            "x.user",
            "x-forwarded~user",
            "x.postern.assertion",
        ] {
            assert!(says_who_asks(&name(claim)), "{claim}");
        }
    }

    #[test]
    fn headers_by_which_gateways_tell_their_upstreams_who_asks_are_claims() {
        //
        for claim in [
            "x-scope-orgid",
            "impersonate-user",
            "impersonate-extra-scopes",
            "x-consumer-username",
            "x-credential-identifier",
            "x-anonymous-consumer",
            "x-tenant-id",
            "x-hasura-role",
            "x-org-id",
            "x-organization-id",
            "x-permissions",
            "x-scopes",
            "x-principal-id",
            "x-on-behalf-of",
            "x-login-name",
            "x-proxyuser-ip",
            "x_tenant_id",
        ] {
            assert!(says_who_asks(&name(claim)), "{claim}");
        }
        for harmless in
            ["accept", "x-requested-with", "x-csrf-token", "x-api-version", "x-api-key", "api_key", "x-trace-id"]
        {
            assert!(!says_who_asks(&name(harmless)), "{harmless}");
        }
    }

    /// Each entry of the lists said a second time, by a name that would go through without it.
    const ONE_OF_EACH: [&str; 87] = [
        "cf-access-user",
        "impersonate-user",
        "remote-id",
        "ssl-client-s-dn",
        "tailscale-id",
        "x-account-id",
        "x-actor-id",
        "x-admin",
        "x-amzn-mtls-clientcert",
        "x-amzn-oidc-id",
        "x-arr-clientcert",
        "x-auth-id",
        "x-authenticated-id",
        "x-authentik-id",
        "x-authz-roles",
        "x-client-id",
        "x-consumer-id",
        "x-credential-id",
        "x-customer-id",
        "x-envoy-id",
        "x-forwarded-user",
        "x-gateway-user",
        "x-goog-authenticated-id",
        "x-goog-iap-id",
        "x-group-id",
        "x-hasura-id",
        "x-identity",
        "x-impersonate-user",
        "x-internal-user",
        "x-jwt-id",
        "x-kong-consumer",
        "x-login-name",
        "x-member-id",
        "x-middleware-subrequest",
        "x-ms-client-principal-id",
        "x-ms-token-id",
        "x-oidc-sub",
        "x-okta-user",
        "x-on-behalf-of",
        "x-org-id",
        "x-organization-id",
        "x-original-url",
        "x-permissions",
        "x-pomerium-id",
        "x-postern-id",
        "x-principal-id",
        "x-proxy-user",
        "x-remote-id",
        "x-rewrite-url",
        "x-roles",
        "x-scope-id",
        "x-ssl-id",
        "x-sso-id",
        "x-subject",
        "x-tenant",
        "x-tls-id",
        "x-user",
        "x-vouch-id",
        "x-webauth-id",
        "client-cert",
        "client-cert-chain",
        "client-ip",
        "fastly-client-ip",
        "forwarded",
        "from",
        "proxy",
        "proxy-authorization",
        "true-client-ip",
        "via",
        "x-access-token",
        "x-anonymous-consumer",
        "x-cluster-client-ip",
        "x-email",
        "x-group",
        "x-groups",
        "x-host",
        "x-http-host-override",
        "x-http-method",
        "x-http-method-override",
        "x-id-token",
        "x-method-override",
        "x-real-ip",
        "x-request-id",
        "x-scheme",
        "x-scopes",
        "x-username",
        "x-url-scheme",
    ];

    #[test]
    fn no_entry_of_the_lists_can_be_left_out() {
        //
        for one in ONE_OF_EACH {
            assert!(claims(one), "{one}");
        }
        for prefix in CLAIMING_PREFIXES {
            let is_told = ONE_OF_EACH.iter().any(|one| one.starts_with(prefix) && !CLAIMING_NAMES.contains(one));
            assert!(is_told, "`{prefix}` wants a name in this list");
        }
        assert!(CLAIMING_NAMES.iter().all(|one| ONE_OF_EACH.contains(one)));
        for harmless in ["x-client-info", "x-client-name", "x-client-platform", "x-client-version", "x-user-agent"] {
            assert!(!claims(harmless), "{harmless}");
        }
    }

    #[test]
    fn what_is_written_anew_is_for_no_route_to_keep() {
        let never = [
            "cf-connecting-ip",
            "client-cert",
            "fastly-client-ip",
            "forwarded",
            "proxy-authorization",
            "true-client-ip",
            "via",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-forwarded-for",
            "x-host",
            "x-http-method",
            "x-method-override",
            "x-original-url",
            "x-postern-subject",
            "x-real-ip",
            "x-request-id",
            "x-rewrite-url",
        ];
        assert!(never.iter().all(|never| is_kept_for_no_route(&name(never))), "{never:?}");
        assert!(FOR_NO_ROUTE.iter().all(|prefix| never.iter().any(|one| one.starts_with(prefix))));
        for possible in ["x-auth-token", "x-tenant-id", "x-user-id", "x-remote-user", "authorization"] {
            assert!(!is_kept_for_no_route(&name(possible)), "{possible}");
        }
    }
}
