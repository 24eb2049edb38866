//! The authenticator data: what the authenticator says of itself and of its user (§6.1).

use sha2::{Digest, Sha256};

use super::cbor::{self, ItemMap};
use super::error::CeremonyError;

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;
/// The longest credential id (§7.1 step 25).
const MAX_CREDENTIAL_ID_BYTES: usize = 1023;

/// Authenticator data as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    pub(super) sign_count: u32,
    pub(super) credential: Option<AttestedCredential<'a>>,
}

/// A credential that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AttestedCredential<'a> {
    pub(super) aaguid: [u8; 16],
    pub(super) id: &'a [u8],
    /// Its public key.
    pub(super) key: ItemMap<'a>,
}

impl<'a> AuthenticatorData<'a> {
    /// Reads authenticator data, to its last byte. What extensions say is read over: none is asked for.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, CeremonyError> {
        const MALFORMED: CeremonyError = CeremonyError::AuthenticatorData;
        let (rp_id_hash, rest) = bytes.split_at_checked(32).ok_or(MALFORMED)?;
        let (flags, rest) = rest.split_first().ok_or(MALFORMED)?;
        let (sign_count, rest) = rest.split_first_chunk::<4>().ok_or(MALFORMED)?;
        let (credential, rest) = if flags & ATTESTED == 0 { (None, rest) } else { attested(rest)? };
        let rest = if flags & EXTENSIONS == 0 { rest } else { cbor::leading_map(rest)?.1 };
        if !rest.is_empty() {
            return Err(MALFORMED);
        }
        Ok(Self { rp_id_hash, flags: *flags, sign_count: u32::from_be_bytes(*sign_count), credential })
    }

    /// §7.1 steps 14 to 17, §7.2 steps 15 to 18.
    pub(super) fn check(&self, rp_id: &str) -> Result<(), CeremonyError> {
        //
        if self.rp_id_hash != Sha256::digest(rp_id.as_bytes()).as_slice() {
            return Err(CeremonyError::RpId);
        }
        //
        if !self.has(USER_PRESENT) {
            return Err(CeremonyError::UserAbsent);
        }
        if !self.has(USER_VERIFIED) {
            return Err(CeremonyError::UserUnverified);
        }
        //
        if self.backed_up() && !self.backup_eligible() { Err(CeremonyError::BackupState) } else { Ok(()) }
    }

    pub(super) const fn backup_eligible(&self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    pub(super) const fn backed_up(&self) -> bool {
        self.has(BACKED_UP)
    }

    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The credential that begins `bytes`, and what follows it (§6.5.1).
fn attested(bytes: &[u8]) -> Result<(Option<AttestedCredential<'_>>, &[u8]), CeremonyError> {
    let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or(CeremonyError::AuthenticatorData)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(CeremonyError::AuthenticatorData)?;
    let length = usize::from(u16::from_be_bytes(*length));
    //
    if length == 0 || length > MAX_CREDENTIAL_ID_BYTES {
        return Err(CeremonyError::CredentialId);
    }
    let (id, rest) = rest.split_at_checked(length).ok_or(CeremonyError::AuthenticatorData)?;
    let (key, rest) = cbor::leading_map(rest)?;
    Ok((Some(AttestedCredential { aaguid: *aaguid, id, key }), rest))
}

#[cfg(test)]
mod tests {
    use super::super::cbor::CborError;
    use super::super::testing::{RP_ID, authenticator_data, cose_p256, map, signer};
    use super::*;

    fn credential(id: &[u8]) -> Vec<u8> {
        let length = u16::try_from(id.len()).unwrap().to_be_bytes();
        [&[7; 16][..], &length, id, &map(&cose_p256(&signer())).encode()].concat()
    }

    fn parse(flags: u8, rest: &[u8]) -> Result<(), CeremonyError> {
        let bytes = authenticator_data(RP_ID, flags, 9, rest);
        AuthenticatorData::parse(&bytes)?.check(RP_ID)
    }

    #[test]
    fn its_parts_are_those_that_its_flags_name() {
        let bytes = authenticator_data(RP_ID, 0x1d, 0x0102_0304, &[]);
        let data = AuthenticatorData::parse(&bytes).unwrap();
        assert_eq!((data.sign_count, data.backup_eligible(), data.backed_up()), (0x0102_0304, true, true));
        assert_eq!((data.credential.clone(), data.check(RP_ID)), (None, Ok(())));
        let bytes = authenticator_data(RP_ID, 0xc5, 0, &[&credential(b"id")[..], &[0xa1, 0x61, b'x', 0xf5]].concat());
        let data = AuthenticatorData::parse(&bytes).unwrap();
        let found = data.credential.as_ref().unwrap();
        assert_eq!((found.id, found.aaguid, found.key.len()), (&b"id"[..], [7; 16], 5));
        assert_eq!(parse(0x85, &[0xa0]), Ok(()));
        // Bits that mean nothing yet.
        assert_eq!(parse(0x05 | 0x22, &[]), Ok(()));
    }

    //
    #[test]
    fn it_is_as_long_as_it_says() {
        for (flags, rest) in [(0x05, vec![]), (0x45, credential(b"id")), (0x85, vec![0xa0])] {
            let bytes = authenticator_data(RP_ID, flags, 9, &rest);
            for at in 0..bytes.len() {
                let error = AuthenticatorData::parse(&bytes[..at]).unwrap_err();
                let cut = [CeremonyError::AuthenticatorData, CeremonyError::Cbor(CborError::Truncated)];
                assert!(cut.contains(&error), "cut at {at}: {error}");
            }
            let longer = [&bytes[..], &[0]].concat();
            assert_eq!(AuthenticatorData::parse(&longer).unwrap_err(), CeremonyError::AuthenticatorData);
        }
        assert_eq!(parse(0x05, &credential(b"id")), Err(CeremonyError::AuthenticatorData));
        assert_eq!(parse(0x85, &[0x01]), Err(CeremonyError::Cbor(CborError::Unsupported)));
        assert_eq!(parse(0x85, &[0xa2, 1, 1, 1, 1]), Err(CeremonyError::Cbor(CborError::DuplicateKey)));
    }

    //
    #[test]
    fn a_credential_id_has_1_to_1023_bytes() {
        assert_eq!(parse(0x45, &credential(&[1; 1023])), Ok(()));
        assert_eq!(parse(0x45, &credential(&[1; 1024])), Err(CeremonyError::CredentialId));
        assert_eq!(parse(0x45, &credential(&[])), Err(CeremonyError::CredentialId));
    }

    //
    #[test]
    fn another_rp_id_is_refused() {
        for other in ["other.example", "www.app.example", "example", "APP.example", "https://app.example"] {
            let bytes = authenticator_data(other, 0x05, 9, &[]);
            assert_eq!(AuthenticatorData::parse(&bytes).unwrap().check(RP_ID), Err(CeremonyError::RpId), "{other}");
        }
    }

    //
    #[test]
    fn the_user_is_there_and_verified_and_a_copy_can_be_made_of_what_was_copied() {
        let verdicts = |flags: u8| parse(flags, &[]);
        for flags in [0x00, 0x04, 0x18] {
            assert_eq!(verdicts(flags), Err(CeremonyError::UserAbsent), "{flags:02x}");
        }
        for flags in [0x01, 0x19] {
            assert_eq!(verdicts(flags), Err(CeremonyError::UserUnverified), "{flags:02x}");
        }
        assert_eq!(verdicts(0x15), Err(CeremonyError::BackupState));
        for flags in [0x05, 0x0d, 0x1d] {
            assert_eq!(verdicts(flags), Ok(()), "{flags:02x}");
        }
    }
}
