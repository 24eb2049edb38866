use base64ct::{Base64, Encoding};

use super::*;

fn pem(text: &str) -> Vec<u8> {
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    Base64::decode_vec(&body).unwrap()
}

fn partner() -> Vec<u8> {
    pem(include_str!("../../../fixtures/certificates/partner.pem"))
}

#[test]
fn the_names_of_a_certificate_are_those_of_its_extension() {
    //
    let der = partner();
    let expected = [
        (AltNameKind::Dns, "api.partner.example"),
        (AltNameKind::Dns, "*.partner.example"),
        (AltNameKind::Uri, "spiffe://partner.example/billing"),
        (AltNameKind::Email, "billing@partner.example"),
    ];
    assert_eq!(alt_names(&der).unwrap(), expected);
    let other = pem(include_str!("../../../fixtures/certificates/common-name.pem"));
    assert_eq!(alt_names(&other).unwrap(), [(AltNameKind::Dns, "other.example")]);
    // A common name is none of them.
    for none in [
        include_str!("../../../fixtures/certificates/without-names.pem"),
        include_str!("../../../fixtures/certificates/version-1.pem"),
        include_str!("../../../fixtures/certificates/authority.pem"),
    ] {
        assert_eq!(alt_names(&pem(none)).unwrap(), [], "{none}");
    }
}

#[test]
fn a_header_field_is_base64_between_colons() {
    let der = partner();
    let encoded = format!(":{}:", Base64::encode_string(&der));
    assert_eq!(super::der(&encoded).unwrap(), der);
    let inner = encoded.trim_matches(':');
    for bad in [
        "",
        ":",
        "::",
        inner,
        &format!(":{inner}"),
        &format!("{inner}:"),
        &format!(": {inner}:"),
        &format!(":{inner}:, :{inner}:"),
        &format!("::{inner}::"),
        ":MIIB_w==:",
        ":MIIB:x=1",
    ] {
        assert_eq!(super::der(bad), None, "{bad}");
    }
    assert_eq!(super::der(&format!(":{}:", "A".repeat(MAX_BYTES * 2))), None);
}

#[test]
fn what_is_cut_short_or_goes_on_is_no_certificate() {
    let der = partner();
    for length in 0..der.len() {
        assert_eq!(alt_names(&der[..length]), None, "{length}");
    }
    assert_eq!(alt_names(&[&der[..], &[0]].concat()), None);
    assert_eq!(alt_names(&[&der[..], &der[..]].concat()), None);
}

/// A value in DER.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let length = match value.len() {
        0..=0x7f => vec![length[1]],
        0x80..=0xff => vec![0x81, length[1]],
        _ => vec![0x82, length[0], length[1]],
    };
    [&[tag][..], &length, value].concat()
}

/// A certificate whose extensions are these.
fn with_extensions(extensions: &[u8]) -> Vec<u8> {
    let fields = (0..6).flat_map(|_| tlv(SEQUENCE, &[])).collect::<Vec<u8>>();
    let signed = [tlv(VERSION, &[]), fields, tlv(EXTENSIONS, &tlv(SEQUENCE, extensions))].concat();
    tlv(SEQUENCE, &[tlv(SEQUENCE, &signed), tlv(SEQUENCE, &[]), tlv(0x03, &[])].concat())
}

fn extension(id: &[u8], more: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(OBJECT_ID, id)[..], more, &tlv(OCTETS, value)].concat())
}

fn names_of(names: &[u8]) -> Vec<u8> {
    extension(&SUBJECT_ALT_NAME, &[], &tlv(SEQUENCE, names))
}

#[test]
fn an_extension_stands_once_and_in_one_spelling() {
    //
    let name = tlv(0x82, b"a.example");
    let one = names_of(&name);
    assert_eq!(alt_names(&with_extensions(&one)).unwrap(), [(AltNameKind::Dns, "a.example")]);
    let critical = extension(&SUBJECT_ALT_NAME, &tlv(BOOLEAN, &[0xff]), &tlv(SEQUENCE, &name));
    assert_eq!(alt_names(&with_extensions(&critical)).unwrap().len(), 1);
    let other = extension(&[0x55, 0x1d, 0x12], &[], &tlv(SEQUENCE, &name));
    assert_eq!(alt_names(&with_extensions(&other)).unwrap(), []);
    let odd = |name: &[u8]| with_extensions(&names_of(name));
    for (what, bad) in [
        ("twice", with_extensions(&[&one[..], &one].concat())),
        ("a zero byte", odd(&tlv(0x82, b"a.example\0.evil.example"))),
        ("a space", odd(&tlv(0x81, b"a b@example"))),
        ("not ASCII", odd(&tlv(0x86, "https://é.example".as_bytes()))),
        ("a long length that is short", odd(&[0x82, 0x81, 0x01, b'a'])),
        ("a length in two bytes that fits in one", odd(&[0x82, 0x82, 0x00, 0x01, b'a'])),
        ("no end", odd(&[0x82, 0x80, b'a', 0, 0])),
        ("a longer name than there is", odd(&[0x82, 0x05, b'a'])),
        (
            "more after the list",
            with_extensions(&extension(&SUBJECT_ALT_NAME, &[], &[tlv(SEQUENCE, &name), vec![0x05, 0x00]].concat())),
        ),
        ("too many", odd(&name.repeat(MAX_NAMES + 1))),
    ] {
        assert_eq!(alt_names(&bad), None, "{what}");
    }
    let directory = with_extensions(&names_of(&[tlv(0xa4, b"x"), name].concat()));
    assert_eq!(alt_names(&directory).unwrap().len(), 1);
}
