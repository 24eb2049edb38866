use super::*;

const HEX: &str = "d1970e08e4593588be0d6a6aab7d236722461d33747761e0941577ba282e0382";

fn good() -> ClientCertificate {
    let told = |text: &str| Some(text.to_owned());
    ClientCertificate {
        presented: told("1"),
        verified: told("SUCCESS"),
        revoked: told("0"),
        fingerprint_sha256: told(HEX),
        ..ClientCertificate::default()
    }
}

fn hash() -> [u8; 32] {
    unhex(HEX).unwrap()
}

fn verdict(certificate: Option<ClientCertificate>) -> Result<(), CertificateError> {
    check(&Peer { certificate, ..Peer::default() }, &hash())
}

// R-133, RFC 8705 §3
#[test]
fn the_certificate_that_a_token_is_bound_to_is_accepted() {
    assert_eq!(verdict(Some(good())), Ok(()));
    let capitals = ClientCertificate { fingerprint_sha256: Some(HEX.to_uppercase()), ..good() };
    assert_eq!(verdict(Some(capitals)), Ok(()));
}

// each field alone can refuse it, and so does its absence.
#[test]
fn what_the_platform_does_not_vouch_for_is_refused() {
    type Change = fn(&mut ClientCertificate, Option<String>);
    let fields: [(Change, CertificateError, &[&str]); 4] = [
        (|it, to| it.presented = to, CertificateError::Missing, &["0", "", "true", "01", " 1"]),
        (
            |it, to| it.verified = to,
            CertificateError::NotVerified,
            &["NONE", "FAILED", "FAILED:self signed certificate", "success", "SUCCESS ", ""],
        ),
        (|it, to| it.revoked = to, CertificateError::Revoked, &["1", "", "false"]),
        (
            |it, to| it.fingerprint_sha256 = to,
            CertificateError::Unnamed,
            &["", "d1", HEX.split_at(1).1, "g1970e08e4593588be0d6a6aab7d236722461d33747761e0941577ba282e0382", "d1:97"],
        ),
    ];
    for (change, expected, values) in fields {
        for value in values.iter().map(|value| Some((*value).to_owned())).chain([None]) {
            let mut certificate = good();
            change(&mut certificate, value.clone());
            assert_eq!(verdict(Some(certificate)), Err(expected), "{value:?}");
        }
    }
    assert_eq!(verdict(None), Err(CertificateError::Missing));
    assert_eq!(verdict(Some(ClientCertificate::default())), Err(CertificateError::Missing));
}

//
#[test]
fn another_certificate_is_refused() {
    for place in [0, 31, 63] {
        let mut digits = HEX.as_bytes().to_vec();
        digits[place] = if digits[place] == b'0' { b'1' } else { b'0' };
        let other = ClientCertificate { fingerprint_sha256: String::from_utf8(digits).ok(), ..good() };
        assert_eq!(verdict(Some(other)), Err(CertificateError::Mismatch), "{place}");
    }
}
