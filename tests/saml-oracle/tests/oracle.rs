//! Another implementation's word on the signatures of whatever passes the gate: what passes is so plain that both have to
//! agree.

use bergshamra::keys::loader::load_x509_cert_der;
use bergshamra::{DsigContext, KeysManager, verify_all};

#[path = "../../../crates/saml/tests/verifier/idp.rs"]
#[allow(dead_code, reason = "shared with the tests of the SAML verifier")]
mod idp;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use idp::{Response, Signer, certificate, code, verify};
use postern_saml::gate::{self, Kind};

/// What the SAML verifier says of the signatures. `None` if it refuses for something that it looks at before.
fn ours(xml: &str) -> Option<bool> {
    gate::pass(xml.as_bytes(), Kind::Response).ok()?;
    match code(verify(xml)).as_str() {
        "signature.bad" => Some(false),
        "verified" | "assertion.expired" | "assertion.not_yet" | "assertion.audience" | "assertion.recipient" => {
            Some(true)
        }
        _ => None,
    }
}

fn theirs(xml: &str) -> bool {
    let mut keys = KeysManager::new();
    keys.add_key(load_x509_cert_der(&STANDARD.decode(certificate("idp")).unwrap()).unwrap());
    let context = DsigContext::new(keys).with_trusted_keys_only(true).with_insecure(true);
    verify_all(&context, xml)
        .is_ok_and(|all| !all.is_empty() && all.iter().all(|one| one.all_reference_digests_verified()))
}

fn signed(assertion: bool, response: bool) -> String {
    let signer = |signs: bool| signs.then(|| Signer::new("idp"));
    Response::bent(|one| (one.of_assertion, one.of_response) = (signer(assertion), signer(response))).xml()
}

#[test]
fn both_take_what_is_good_and_refuse_what_is_bent() {
    //
    for xml in [signed(true, false), signed(false, true), signed(true, true)] {
        assert_eq!((ours(&xml), theirs(&xml)), (Some(true), true));
        for (was, is) in [
            (">alice<", ">mallory<"),
            (">alice<", "> alice<"),
            (">alice<", ">&#97;lice<"),
            ("<saml:Subject>", "<saml:Subject >"),
            ("<saml:Subject>", "<saml:Subject><!-- here -->"),
            ("<saml:Subject>", "<saml:Subject a=\"1\">"),
            ("<saml:Subject>", "<saml:Subject xmlns:unused=\"urn:unused\">"),
            ("<saml:Subject>", "<saml:Subject xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">"),
            ("<saml:Subject>", "<saml:Subject>\n"),
            ("<ds:DigestValue>", "<ds:DigestValue>\n"),
            ("<ds:SignatureValue>", "<ds:SignatureValue>\n"),
            ("></saml:SubjectConfirmationData>", "/>"),
            (" NotOnOrAfter=", "  NotOnOrAfter = "),
            ("R&amp;D", "R&#38;D"),
            ("R&amp;D", "R&amp;E"),
        ] {
            let changed = xml.replacen(was, is, 1);
            assert_ne!(changed, xml, "{was}");
            if let Some(verdict) = ours(&changed) {
                assert_eq!(verdict, theirs(&changed), "{is}\n{changed}");
            }
        }
    }
}

#[test]
fn both_agree_about_whatever_passes_the_gate() {
    //
    let samples = [signed(true, false), signed(false, true), signed(true, true)];
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config::with_cases(1500));
    let put = "([ -~]{0,6}|<!--[a-z]{0,3}-->|&#[0-9]{2,3};|\n| xmlns:[a-z]=\"urn:[a-z]\"| [a-z]=\"[a-z]\"|<[a-z]/>)";
    let strategy = (0_usize..3, 0_usize..20_000, 0_usize..4, put);
    let judged = std::cell::Cell::new(0);
    let checked = runner.run(&strategy, |(which, at, cut, put)| {
        let xml = &samples[which];
        let at = at % xml.len();
        let changed = format!("{}{put}{}", &xml[..at], &xml[(at + cut).min(xml.len())..]);
        if let Some(verdict) = ours(&changed) {
            assert_eq!(verdict, theirs(&changed), "{changed}");
            judged.set(judged.get() + 1);
        }
        Ok(())
    });
    checked.unwrap();
    assert!(judged.get() > 100, "only {} of them passed the gate", judged.get());
}
