//! Whatever certificate the platform hands over: the names that are read stand in it, each in plain ASCII; it ends where it
//! says; and it names no program unless it is the one that the platform verified.

use base64ct::{Base64, Encoding};
use postern::authn::certificate::identify;
use postern::config::{Authority, CertificateRule, CertificateSubject};
use postern::http::alt_names::{self, AltNameKind, MAX_BYTES};
use postern::http::{ClientCertificate, Peer};
use postern::ids::CertificateId;
use postern::time::Timestamp;
use sha2::{Digest, Sha256};

const AUTHORITY: &str = "54be0e0a5200a8bb2ea56cdde712d4441098b597";

pub fn check(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data)
        && let Some(der) = alt_names::der(text)
    {
        assert_eq!(format!(":{}:", Base64::encode_string(&der)), text, "two spellings");
    }
    let found = alt_names::alt_names(data);
    if let Some(names) = &found {
        assert!(data.len() <= MAX_BYTES);
        for (_, name) in names {
            assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}");
            assert!(name.is_empty() || data.windows(name.len()).any(|part| part == name.as_bytes()), "{name:?}");
        }
        assert_eq!(alt_names::alt_names(&[data, &[0]].concat()), None, "it goes on");
        assert_eq!(alt_names::alt_names(&data[..data.len() - 1]), None, "it is cut short");
    }
    identifies(data, found.unwrap_or_default().as_slice());
}

/// The rule takes the certificate where its name stands in it, and only if it is the verified one.
fn identifies(der: &[u8], names: &[(AltNameKind, &str)]) {
    let rule = rule(CertificateSubject::AltName(AltNameKind::Dns, "api.partner.example".to_owned()));
    let is_named = |(kind, name): &(AltNameKind, &str)| {
        *kind == AltNameKind::Dns && name.eq_ignore_ascii_case("api.partner.example")
    };
    let takes = |sha256: [u8; 32]| {
        let told = |text: &str| Some(text.to_owned());
        let certificate = ClientCertificate {
            presented: told("1"),
            verified: told("SUCCESS"),
            revoked: told("0"),
            fingerprint_sha256: Some(sha256.iter().map(|byte| format!("{byte:02x}")).collect()),
            issuer_ski: told(AUTHORITY),
            encoded: Some(format!(":{}:", Base64::encode_string(der))),
            ..ClientCertificate::default()
        };
        let peer = Peer { certificate: Some(certificate), ..Peer::default() };
        identify(&peer, std::slice::from_ref(&rule), Timestamp::from_unix(0)).is_ok()
    };
    assert_eq!(takes(Sha256::digest(der).into()), names.iter().any(is_named));
    assert!(!takes([0; 32]), "another certificate than the verified one");
}

fn rule(subject: CertificateSubject) -> CertificateRule {
    CertificateRule {
        id: CertificateId::parse("partner").unwrap(),
        authority: Authority::Ski(AUTHORITY.to_owned()),
        principal_issuer: None,
        subject,
        scopes: Vec::new(),
        roles: Vec::new(),
    }
}
