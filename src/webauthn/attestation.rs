//! The attestation object of a new credential (§6.5.4). No attestation is asked for, so none is read but the two that name no
//! maker: `none`, and that of the credential itself, which says no more than that its key is there.

use super::authenticator_data::AuthenticatorData;
use super::cbor::{self, Item, ItemMap, Key};
use super::cose::CredentialKey;
use super::error::CeremonyError;
use super::response::signature_verifies;
use crate::jose::Signatures;

/// An attestation object as read.
#[derive(Clone, Debug)]
pub(super) struct AttestationObject<'a> {
    format: &'a str,
    statement: ItemMap<'a>,
    /// As it was signed.
    pub(super) raw_data: &'a [u8],
    pub(super) data: AuthenticatorData<'a>,
}

impl<'a> AttestationObject<'a> {
    /// Reads an attestation object: its three members, and no other.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, CeremonyError> {
        let map = cbor::whole_map(bytes)?;
        let (format, statement, data) =
            (map.get(Key::Text("fmt")), map.get(Key::Text("attStmt")), map.get(Key::Text("authData")));
        let (Some(Item::Text(format)), Some(Item::Map(statement)), Some(Item::Bytes(raw_data)), 3) =
            (format, statement, data, map.len())
        else {
            return Err(CeremonyError::AttestationObject);
        };
        let data = AuthenticatorData::parse(raw_data)?;
        Ok(Self { format, statement: statement.clone(), raw_data, data })
    }

    /// §7.1 steps 20 to 23: `none` says nothing (§8.7), and a `packed` one without certificates is signed by the key that it is
    /// about (§8.2). All others are refused: they would be trusted, or be there for nothing.
    pub(super) async fn check_statement(
        &self,
        key: &CredentialKey,
        client_data_hash: &[u8],
        signatures: &impl Signatures,
    ) -> Result<(), CeremonyError> {
        match self.format {
            "none" if self.statement.len() == 0 => Ok(()),
            "packed" => {
                let (alg, sig) = (self.statement.get(Key::Text("alg")), self.statement.get(Key::Text("sig")));
                let (Some(alg), Some(Item::Bytes(sig)), 2) = (alg, sig, self.statement.len()) else {
                    return Err(CeremonyError::Attestation);
                };
                if alg.number() != Some(key.cose_algorithm) {
                    return Err(CeremonyError::Attestation);
                }
                let message = [self.raw_data, client_data_hash].concat();
                let verified = signature_verifies(&key.key, key.algorithm, &message, sig, signatures).await;
                if verified { Ok(()) } else { Err(CeremonyError::Attestation) }
            }
            _ => Err(CeremonyError::Attestation),
        }
    }
}
