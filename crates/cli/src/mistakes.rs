//! What the Worker would take and what is a mistake all the same: it shows at the first sign-in, or never.

use postern::claims::path::ClaimPath;
use postern::config::{CertificateRule, Config, Problem, Provider};
use postern::route::{Access, Guard, Route};
use serde_json::{Map, Value};

const WELL_KNOWN: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
const ENTRA: &str = "https://login.microsoftonline.com/";
/// What stands in an address of Entra's in place of a tenant. Its tokens name the tenant in their issuer.
const ENTRA_ANY_TENANT: [&str; 3] = ["common", "organizations", "consumers"];
/// Scopes that ask for claims or a refresh token, and for no API.
const SCOPES_OF_SIGN_IN: [&str; 8] =
    ["openid", "profile", "email", "address", "phone", "offline_access", "groups", "roles"];
/// The most edits at which a name is taken for a misspelt other one.
pub(super) const MISSPELT: usize = 2;

/// What cannot work.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let providers = config.providers.iter().map(|one| (format!("PROVIDERS.{}", one.id), one.issuer.as_str()));
    let issuers = config.issuers.iter().map(|one| (format!("ISSUERS.{}", one.id), one.issuer.as_str()));
    let told = |(table, issuer): (String, &str)| {
        Some(Problem { path: config.site.binding(&format!("{table}.issuer")), message: no_issuer(issuer)? })
    };
    providers.chain(issuers).filter_map(told).collect()
}

/// Why this is not the issuer of any token.
fn no_issuer(issuer: &str) -> Option<String> {
    if let Some(own) = WELL_KNOWN.iter().find_map(|end| issuer.strip_suffix(end)) {
        return Some(format!(
            "expected the issuer alone, found the address of its metadata: `{own}`, perhaps with a `/` at the end, as `issuer` says there"
        ));
    }
    let tenant = issuer.strip_prefix(ENTRA)?.split('/').next().filter(|tenant| ENTRA_ANY_TENANT.contains(tenant))?;
    Some(format!(
        "expected a tenant's own issuer, `{ENTRA}TENANT-ID/v2.0`, found `{tenant}`: tokens name the tenant in their issuer, so none would be accepted. For several tenants: `preset = \"entra-multitenant\"` with `tenants`"
    ))
}

/// What is a mistake by all appearances.
pub(super) fn warnings(config: &Config, vars: &Map<String, Value>) -> Vec<String> {
    let mut warnings = dotted(config);
    warnings.extend(misspelt_roles(config, vars));
    warnings.extend(placeholders(config));
    warnings.extend(config.providers.iter().filter_map(|provider| relayed_for_nothing(config, provider)));
    warnings.extend(two_kinds_of_subject(config));
    warnings
}

/// Entries of one authority that tell a certificate by different attributes: one certificate may have both, and is refused then.
fn two_kinds_of_subject(config: &Config) -> impl Iterator<Item = String> {
    let kind = |rule: &CertificateRule| std::mem::discriminant(&rule.subject);
    let all = config.certificates.iter().enumerate();
    all.filter_map(move |(place, rule)| {
        let mut before = config.certificates.iter().take(place);
        let other = before.find(|one| one.authority == rule.authority && kind(one) != kind(rule))?;
        let (id, other) = (&rule.id, &other.id);
        Some(format!(
            "`CERTIFICATES.{id}`: tells certificates by another attribute than `{other}` of the same authority. A certificate that fits both is refused"
        ))
    })
}

/// What `create-postern` writes where nobody knew the client id yet.
fn placeholders(config: &Config) -> impl Iterator<Item = String> {
    let left = config.providers.iter().filter(|provider| provider.client_id == "CLIENT_ID");
    left.map(|provider| {
        format!(
            "`PROVIDERS.{}.client_id` is still `CLIENT_ID`: put the client id there that the provider shows",
            provider.id
        )
    })
}

/// Claims that are named as other products name a member of an object.
fn dotted(config: &Config) -> Vec<String> {
    let of_provider = config.providers.iter().flat_map(|one| {
        let lists =
            [("roles", one.roles.as_slice()), ("permissions", &one.permissions), ("tenant", one.tenant.as_slice())];
        lists.map(|(key, paths)| (format!("PROVIDERS.{}.{key}", one.id), paths))
    });
    let of_issuer = config.issuers.iter().flat_map(|one| {
        let lists = [
            ("roles", one.roles.as_slice()),
            ("permissions", &one.permissions),
            ("tenant", std::slice::from_ref(&one.tenant)),
        ];
        lists.map(|(key, paths)| (format!("ISSUERS.{}.{key}", one.id), paths))
    });
    let all = of_provider.chain(of_issuer);
    all.flat_map(|(place, paths)| paths.iter().filter_map(move |path| dotted_path(&place, path))).collect()
}

/// A name with a `/` or `:` is that of a namespace: `https://example.com/roles`.
fn dotted_path(place: &str, path: &ClaimPath) -> Option<String> {
    let path = path.as_str();
    if !path.contains('.') || path.contains(['/', ':']) {
        return None;
    }
    let pointer = path.replace('.', "/");
    Some(format!(
        "`{place}` is `{path}`: that is one claim with dots in its name. A claim inside another is `/{pointer}`"
    ))
}

/// Roles that are asked for, or whose bearers are asked for more, and that differ from one of `ROLES` by a letter or two.
fn misspelt_roles(config: &Config, vars: &Map<String, Value>) -> Vec<String> {
    let table = vars.get(&config.site.binding("ROLES")).and_then(Value::as_object);
    let known: Vec<&String> = table.into_iter().flat_map(Map::keys).collect();
    let told = |place: String, role: &String| {
        let distance = |name: &&&String| strsim::osa_distance(&name.to_lowercase(), &role.to_lowercase());
        let nearest = known.iter().min_by_key(distance).filter(|name| distance(name) <= MISSPELT)?;
        Some(format!("`{place}`: `ROLES` has no `{role}`, did you mean `{nearest}`?"))
    };
    let by_routes = guarded(config).flat_map(|(route, guard)| {
        let place = format!("ROUTES.{:?}.require.roles", route.name);
        guard.requirements.roles.iter().map(move |role| (place.clone(), role))
    });
    let second = config.second.iter().flat_map(|rules| &rules.required_for);
    let asked = by_routes.chain(second.map(|role| (config.site.binding("SECOND.required_for.roles"), role)));
    asked.filter(|(_, role)| !known.contains(role)).filter_map(|(place, role)| told(place, role)).collect()
}

/// A provider whose access tokens are relayed, though nothing asks it for one that an API could take.
fn relayed_for_nothing(config: &Config, provider: &Provider) -> Option<String> {
    let is_for_an_api = provider.resource.is_some()
        || provider.authorization_params.iter().any(|(name, _)| name == "audience")
        || provider.scopes.iter().any(|scope| !SCOPES_OF_SIGN_IN.contains(&scope.as_str()));
    if is_for_an_api {
        return None;
    }
    let relays = |(_, guard): &(&Route, &Guard)| {
        let providers = &guard.requirements.providers;
        guard.token.is_of_session()
            && guard.takes_sessions()
            && (providers.is_empty() || providers.contains(&provider.id))
    };
    let (route, _) = guarded(config).find(relays)?;
    Some(format!(
        "`PROVIDERS.{}`: `{}` passes its access token on, and nothing says for which API that is: many providers then give one for themselves alone. Ask for `resource`, an `audience` in `authorization_params`, or a scope of the API; or use `token = \"assertion\"`",
        provider.id, route.name
    ))
}

fn guarded(config: &Config) -> impl Iterator<Item = (&Route, &Guard)> {
    config.routes.routes().iter().filter_map(|route| match &route.access {
        Access::Guarded(guard) => Some((route, guard.as_ref())),
        Access::Public => None,
    })
}
