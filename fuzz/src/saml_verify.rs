//! However a signed response is changed: nobody is told of but the person who was signed, and nothing else of them.
//!
//! The input is a list of edits of the fixture, a line each: where, how much is cut out, what is put in. The key that signed
//! is nowhere in here.

use std::sync::LazyLock;

use base64ct::{Base64, Encoding};
use postern_saml_messages::{Ask, Question, Reply, Verified};

const RESPONSE: &str = include_str!("../../fixtures/saml/response.xml");
const CASES: &str = include_str!("../../fixtures/saml/verifier.json");

static GOOD: LazyLock<(Ask, Verified)> = LazyLock::new(|| {
    let cases: serde_json::Value = serde_json::from_str(CASES).expect("the fixture");
    let ask: Ask = serde_json::from_value(cases[0]["input"].clone()).expect("a question");
    match postern_saml::reply(ask.clone()) {
        Ok(Reply::Verified(told)) => (ask, told),
        other => panic!("{other:?}"),
    }
});

pub fn check(data: &[u8]) {
    let (mut ask, told) = GOOD.clone();
    let Question::Verify(question) = &mut ask.question else { panic!("another question") };
    question.response = Base64::encode_string(&edited(data));
    if let Ok(Reply::Verified(other)) = postern_saml::reply(ask) {
        assert_eq!(other, told);
    }
    // Whatever is asked, the answer is one.
    let answer = postern_saml::answer(data);
    assert!(serde_json::from_str::<Reply>(&answer).is_ok(), "{answer}");
}

fn edited(data: &[u8]) -> Vec<u8> {
    let mut text = RESPONSE.as_bytes().to_vec();
    for edit in data.split(|byte| *byte == b'\n').take(8) {
        let [high, low, cut, put @ ..] = edit else { continue };
        let at = usize::from(u16::from_be_bytes([*high, *low])) % (text.len() + 1);
        let end = (at + usize::from(*cut)).min(text.len());
        text.splice(at..end, put.iter().copied());
    }
    text
}
