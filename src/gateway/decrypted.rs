//! Tokens that a provider encrypted for us → the signed tokens in them.

use super::Platform;
use crate::config::Provider;
use crate::jose::{EncryptedJwt, JweError, is_encrypted};
use crate::oidc::token::TokenResponse;
use crate::refusal::Reason;
use crate::secret::Secret;

/// What is in a token. `None` when it is not encrypted, or we have no key there: then it is read as it is.
///
/// # Errors
/// When it is encrypted, and does not open.
pub(super) async fn opened<P: Platform>(
    platform: &P,
    provider: &Provider,
    token: &str,
) -> Result<Option<Secret<String>>, Reason> {
    match &provider.encrypted_id_token {
        Some(how) if is_encrypted(token) => {
            let encrypted = EncryptedJwt::parse(token).map_err(Reason::Encryption)?;
            let inner = encrypted.open(&how.keys, platform.decryption()).await;
            inner.map(Some).map_err(Reason::Encryption)
        }
        _ => Ok(None),
    }
}

/// The same for ID tokens and logout tokens, which have to be encrypted where the configuration says so (OpenID Connect Core
/// §3.1.3.7, Back-Channel Logout §2.6).
///
/// # Errors
/// When it does not open, or is not encrypted though it has to be.
pub(super) async fn opened_as_due<P: Platform>(
    platform: &P,
    provider: &Provider,
    token: &str,
) -> Result<Option<Secret<String>>, Reason> {
    let inner = opened(platform, provider, token).await?;
    let is_due = provider.encrypted_id_token.as_ref().is_some_and(|how| how.required);
    if inner.is_none() && is_due { Err(Reason::Encryption(JweError::NotEncrypted)) } else { Ok(inner) }
}

/// Puts the signed ID token in the place of the encrypted one: it alone is checked, and kept.
///
/// # Errors
/// When it does not open, or is not encrypted though it has to be.
pub(super) async fn open_id_token<P: Platform>(
    platform: &P,
    provider: &Provider,
    response: &mut TokenResponse,
) -> Result<(), Reason> {
    let Some(token) = &response.id_token else { return Ok(()) };
    if let Some(inner) = opened_as_due(platform, provider, token.expose()).await? {
        response.id_token = Some(inner);
    }
    Ok(())
}
