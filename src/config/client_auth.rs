//! `client_auth`: how Postern proves to an authorization server that it is the client, with the secret for it.

use super::problem::expected;
use super::secrets::{Owner, Secrets};
use super::table::Table;
use super::value::{choice, parsed, text};
use crate::jose::Algorithm;
use crate::secret::Secret;

const ALGORITHMS: [(&str, Algorithm); 3] =
    [("ES256", Algorithm::Es256), ("RS256", Algorithm::Rs256), ("PS256", Algorithm::Ps256)];
const PRIVATE_KEY_JWT: &str = "private_key_jwt";
const NONE: &str = "none";
const APPLE: &str = "apple";
const APPLE_ID: &str = "an ID of capital letters and digits";

/// How Postern proves to an authorization server that it is the client.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// `client_secret_basic` (RFC 6749 §2.3.1): the default.
    Basic(Secret<String>),
    /// `client_secret_post` (RFC 6749 §2.3.1).
    Post(Secret<String>),
    /// `private_key_jwt` (RFC 7523).
    PrivateKeyJwt(ClientAssertion),
    /// `none` (OpenID Connect Core §9): a public client, whose code PKCE alone protects. Of providers only.
    None,
    /// `apple`: a client secret that is signed for each request, as Apple wants it. Of providers only.
    Apple(AppleKey),
}

/// How client secrets for Apple are made.
#[derive(Clone, Debug)]
pub struct AppleKey {
    /// The private key as a JWK, with the key's ID as its `kid`.
    pub key: Secret<String>,
    /// `team_id`: who signs.
    pub team_id: String,
}

/// How a client's assertions are made.
#[derive(Clone, Debug)]
pub struct ClientAssertion {
    /// The private key as a JWK, perhaps with a `kid` or a certificate.
    pub key: Secret<String>,
    /// `client_assertion.alg`: ES256, RS256 or PS256. Default ES256.
    pub algorithm: Algorithm,
    /// `client_assertion.audience`: whom they are for. Default the issuer.
    pub audience: AssertionAudience,
}

/// Whom a client's assertion is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer (FAPI 2.0 §5.3.3.1).
    Issuer,
    /// The endpoint that it is sent to: the token endpoint in token requests (OpenID Connect Core §9).
    Endpoint,
    /// Always this.
    Fixed(String),
}

/// Reads `client_auth` and `client_assertion` of a table, and the secret of its owner.
pub(super) fn read(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &Owner<'_>) -> Option<ClientAuth> {
    let methods = ["client_secret_basic", "client_secret_post", PRIVATE_KEY_JWT, NONE, APPLE].map(|word| (word, word));
    // RFC 7662 §2.1: who asks about tokens proves who it is.
    let allowed = if matches!(owner, Owner::Provider(_)) { &methods[..] } else { methods.get(..3).unwrap_or_default() };
    let given = table.optional("client_auth", choice(allowed));
    let method = match given {
        Some(given) => given,
        None if table.has("client_auth") => return None,
        None => "client_secret_basic",
    };
    if method == PRIVATE_KEY_JWT {
        return assertion(table, secrets, owner).map(ClientAuth::PrivateKeyJwt);
    }
    if table.peek("client_assertion").is_some() {
        table.problem("client_assertion", format!("is about `{PRIVATE_KEY_JWT}`, and `client_auth` is `{method}`"));
    }
    match method {
        APPLE => apple(table, secrets, owner).map(ClientAuth::Apple),
        NONE => Some(ClientAuth::None),
        "client_secret_post" => secrets.required(&owner.client_secret_name()).map(ClientAuth::Post),
        _ => secrets.required(&owner.client_secret_name()).map(ClientAuth::Basic),
    }
}

fn apple(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &Owner<'_>) -> Option<AppleKey> {
    let id = |text: &str| {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        fits.then(|| text.to_owned())
    };
    let team_id = table.required("team_id", APPLE_ID, parsed(APPLE_ID, id));
    let key_id = table.required("key_id", APPLE_ID, parsed(APPLE_ID, id));
    let key = secrets.apple_key(&owner.private_key_name(), key_id.as_deref());
    Some(AppleKey { key: key?, team_id: team_id? })
}

fn assertion(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &Owner<'_>) -> Option<ClientAssertion> {
    let (mut algorithm, mut audience) = (None, None);
    if let Some(mut inner) = table.table("client_assertion") {
        algorithm = inner.optional("alg", choice(&ALGORITHMS));
        audience = inner.optional("audience", assertion_audience);
        inner.finish();
    }
    let algorithm = algorithm.unwrap_or(Algorithm::Es256);
    let key = secrets.private_key(&owner.private_key_name(), algorithm)?;
    Some(ClientAssertion { key, algorithm, audience: audience.unwrap_or(AssertionAudience::Issuer) })
}

fn assertion_audience(value: &serde_json::Value) -> Result<AssertionAudience, String> {
    match text(value)? {
        "issuer" => Ok(AssertionAudience::Issuer),
        "endpoint" => Ok(AssertionAudience::Endpoint),
        text if text.starts_with("https://") && url::Url::parse(text).is_ok() => {
            Ok(AssertionAudience::Fixed(text.to_owned()))
        }
        other => Err(expected("`issuer`, `endpoint` or an https URL", other)),
    }
}
