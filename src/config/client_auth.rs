//! `client_auth`: how Postern proves to an authorization server that it is the client, with the secret for it.

use super::secrets::{Owner, Secrets};
use super::table::Table;
use super::value::choice;
use crate::secret::Secret;

/// How Postern proves to an authorization server that it is the client.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// `client_secret_basic` (RFC 6749 §2.3.1): the default.
    Basic(Secret<String>),
    /// `client_secret_post` (RFC 6749 §2.3.1).
    Post(Secret<String>),
    /// `private_key_jwt` (RFC 7523): an ES256 key as a private JWK, perhaps with a `kid`.
    PrivateKeyJwt(Secret<String>),
}

/// Reads `client_auth` of a table, and the secret of its owner.
pub(super) fn read(table: &mut Table<'_>, secrets: &Secrets<'_>, owner: &Owner<'_>) -> Option<ClientAuth> {
    type Make = fn(Secret<String>) -> ClientAuth;
    let methods: [(&str, Make); 3] = [
        ("client_secret_basic", ClientAuth::Basic),
        ("client_secret_post", ClientAuth::Post),
        ("private_key_jwt", ClientAuth::PrivateKeyJwt),
    ];
    let given = table.optional("client_auth", choice(&methods.map(|(word, make)| (word, (word, make)))));
    let (word, make) = match given {
        Some(given) => given,
        None if table.has("client_auth") => return None,
        None => ("client_secret_basic", ClientAuth::Basic as Make),
    };
    let secret = if word == "private_key_jwt" {
        secrets.private_key(&owner.private_key_name())
    } else {
        secrets.required(&owner.client_secret_name())
    };
    secret.map(make)
}
