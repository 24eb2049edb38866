//! How requests and tokens pass between a provider and us.

use super::super::address::Issuer;
use super::super::client_auth::{self, ClientAuth};
use super::super::fapi::{self, RequestRules};
use super::super::id_token_encryption::{self, IdTokenEncryption};
use super::super::preset::Kind;
use super::super::secrets::Secrets;
use super::super::sender_constrained::{self, SenderConstrained};
use super::super::sign_out::{self, SignOut};
use super::super::table::Table;
use super::super::value::algorithms;
use crate::ids::ProviderId;
use crate::jose::Algorithm;

/// How requests and tokens pass between the provider and us.
pub(super) struct ProviderExchange {
    pub(super) client_auth: Option<ClientAuth>,
    pub(super) requests: RequestRules,
    pub(super) sender_constrained: Option<SenderConstrained>,
    pub(super) encrypted_id_token: Option<IdTokenEncryption>,
}

impl ProviderExchange {
    pub(super) fn read(table: &mut Table<'_>, secrets: &Secrets<'_>, id: &ProviderId, kind: Kind) -> Self {
        let fapi2 = fapi::is_asked(table);
        let client_auth = client_auth::read_of_provider(table, secrets, id, fapi2);
        let requests = fapi::read(table, fapi2, client_auth.as_ref(), kind);
        let sender_constrained = sender_constrained::read(table, client_auth.as_ref());
        //
        let sender_constrained = sender_constrained.or_else(|| fapi2.then_some(SenderConstrained::Dpop));
        let encrypted_id_token = id_token_encryption::read(table, secrets, (id, client_auth.as_ref()));
        Self { client_auth, requests, sender_constrained, encrypted_id_token }
    }

    pub(super) fn algorithms(&self, table: &mut Table<'_>) -> Vec<Algorithm> {
        table.optional("id_token_algs", algorithms).unwrap_or_else(|| fapi::default_algorithms(self.requests.fapi2))
    }

    /// What is encrypted on its way to us is not for the address of a sign-out, unless somebody says so.
    pub(super) fn sign_out(&self, table: &mut Table<'_>, issuer: Option<&Issuer>) -> SignOut {
        let mut sign_out = sign_out::read(table, issuer);
        sign_out.id_token_hint &= self.encrypted_id_token.is_none() || table.has("id_token_hint");
        sign_out
    }
}
