//! Both backends give the same verdict on signatures made here, and on what is left of them when something is changed.

use js_sys::{Array, ArrayBuffer, Function, JSON, Object, Promise, Reflect, Uint8Array};
use postern::jose::{Algorithm, PublicKey};
use postern::ports::Signatures;
use postern_workers::webcrypto::verify::WebCrypto;
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::both::Both;

const MESSAGE: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIn0";

/// A key pair of WebCrypto's, made for one algorithm.
struct Signer {
    algorithm: Algorithm,
    parameters: JsValue,
    private: JsValue,
    public: PublicKey,
}

impl Signer {
    async fn generate(algorithm: Algorithm) -> Self {
        Self::generate_with(algorithm, parameters(algorithm)).await
    }

    async fn generate_with(algorithm: Algorithm, parameters: JsValue) -> Self {
        let usages: JsValue = JSON::parse(r#"["sign","verify"]"#).unwrap();
        let pair = subtle("generateKey", &[parameters.clone(), true.into(), usages]).await;
        let jwk = subtle("exportKey", &["jwk".into(), get(&pair, "publicKey")]).await;
        let mut jwk: Value = serde_json::from_str(&String::from(JSON::stringify(&jwk).unwrap())).unwrap();
        // WebCrypto adds them for itself.
        for name in ["key_ops", "ext"] {
            jwk.as_object_mut().unwrap().remove(name);
        }
        let public = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
        Self { algorithm, parameters, private: get(&pair, "privateKey"), public }
    }

    async fn sign(&self, message: &[u8]) -> Vec<u8> {
        let arguments = [self.parameters.clone(), self.private.clone(), Uint8Array::from(message).into()];
        Uint8Array::new(&subtle("sign", &arguments).await.unchecked_into::<ArrayBuffer>()).to_vec()
    }

    async fn verdict(&self, message: &[u8], signature: &[u8]) -> bool {
        verdict(&self.public, self.algorithm, message, signature).await
    }
}

fn parameters(algorithm: Algorithm) -> JsValue {
    let rsa = |name: &str, bits: u32| {
        format!(r#"{{"name":"{name}","modulusLength":2048,"hash":"SHA-{bits}","saltLength":{}}}"#, bits / 8)
    };
    let json = match algorithm {
        Algorithm::Rs256 => rsa("RSASSA-PKCS1-v1_5", 256),
        Algorithm::Rs384 => rsa("RSASSA-PKCS1-v1_5", 384),
        Algorithm::Rs512 => rsa("RSASSA-PKCS1-v1_5", 512),
        Algorithm::Ps256 => rsa("RSA-PSS", 256),
        Algorithm::Ps384 => rsa("RSA-PSS", 384),
        Algorithm::Ps512 => rsa("RSA-PSS", 512),
        Algorithm::Es256 => r#"{"name":"ECDSA","namedCurve":"P-256","hash":"SHA-256"}"#.to_owned(),
        Algorithm::Es384 => r#"{"name":"ECDSA","namedCurve":"P-384","hash":"SHA-384"}"#.to_owned(),
        Algorithm::Es512 => r#"{"name":"ECDSA","namedCurve":"P-521","hash":"SHA-512"}"#.to_owned(),
        Algorithm::EdDsa => r#"{"name":"Ed25519"}"#.to_owned(),
    };
    let parameters = JSON::parse(&json).unwrap();
    let exponent = Uint8Array::from([1, 0, 1].as_slice());
    Reflect::set(&parameters, &"publicExponent".into(), &exponent).unwrap();
    parameters
}

/// The verdict that both backends share.
async fn verdict(key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    Both::default().verify(key, algorithm, message, signature).await
}

async fn subtle(method: &str, arguments: &[JsValue]) -> JsValue {
    let subtle = get(&get(&js_sys::global(), "crypto"), "subtle");
    let function: Function = get(&subtle, method).unchecked_into();
    let promise = function.apply(&subtle, &arguments.iter().collect::<Array>()).unwrap();
    JsFuture::from(promise.unchecked_into::<Promise>()).await.unwrap()
}

fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of.unchecked_ref::<Object>(), &name.into()).unwrap()
}

pub(crate) fn flipped(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    copy[place] ^= 1 << (place % 8);
    copy
}

#[wasm_bindgen_test]
async fn a_good_signature_is_one_for_both_backends_and_a_mutated_one_for_neither() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::generate(algorithm).await;
        let signature = signer.sign(MESSAGE).await;
        assert!(signer.verdict(MESSAGE, &signature).await, "{algorithm:?}");

        let last = signature.len() - 1;
        for place in [0, 1, last / 2, last / 2 + 1, last - 1, last] {
            assert!(!signer.verdict(MESSAGE, &flipped(&signature, place)).await, "{algorithm:?}, byte {place}");
        }
        for place in [0, MESSAGE.len() - 1] {
            assert!(!signer.verdict(&flipped(MESSAGE, place), &signature).await, "{algorithm:?}");
        }
        for wrong in [
            vec![],
            signature[..last].to_vec(),
            signature[1..].to_vec(),
            [signature.as_slice(), &[0]].concat(),
            [&[0], signature.as_slice()].concat(),
            vec![0; signature.len()],
            vec![0xff; signature.len()],
        ] {
            assert!(!signer.verdict(MESSAGE, &wrong).await, "{algorithm:?}, {} bytes", wrong.len());
        }
    }
}

#[wasm_bindgen_test]
async fn a_signature_of_one_algorithm_or_key_is_none_of_another() {
    let mut signers = Vec::new();
    for algorithm in Algorithm::ALL {
        signers.push((Signer::generate(algorithm).await, Signer::generate(algorithm).await));
    }
    for (signer, stranger) in &signers {
        let signature = signer.sign(MESSAGE).await;
        assert!(!stranger.verdict(MESSAGE, &signature).await, "{:?}", signer.algorithm);
        for algorithm in Algorithm::ALL.into_iter().filter(|other| *other != signer.algorithm) {
            assert!(!verdict(&signer.public, algorithm, MESSAGE, &signature).await, "{:?}", signer.algorithm);
        }
    }
}

/// R-092: a salt that is not as long as the hash is refused by both.
#[wasm_bindgen_test]
async fn a_pss_signature_with_another_salt_length_is_refused() {
    let signer = Signer::generate(Algorithm::Ps256).await;
    for salt in [0, 20, 31, 33] {
        Reflect::set(&signer.parameters, &"saltLength".into(), &salt.into()).unwrap();
        let signature = signer.sign(MESSAGE).await;
        assert!(!signer.verdict(MESSAGE, &signature).await, "salt of {salt}");
    }
}

/// R-092, RFC 8017 §9.1.1: a modulus one bit longer than whole bytes has a signature one byte longer than what it encodes.
#[wasm_bindgen_test]
async fn rsa_keys_of_odd_lengths_and_exponents_have_one_verdict() {
    let odd: [(u32, &[u8], Algorithm); 5] = [
        (2049, &[1, 0, 1], Algorithm::Ps256),
        (2055, &[1, 0, 1], Algorithm::Ps512),
        (2056, &[3], Algorithm::Rs256),
        (2048, &[17], Algorithm::Ps384),
        (3001, &[3], Algorithm::Rs512),
    ];
    for (bits, exponent, algorithm) in odd {
        let parameters = parameters(algorithm);
        Reflect::set(&parameters, &"modulusLength".into(), &bits.into()).unwrap();
        Reflect::set(&parameters, &"publicExponent".into(), &Uint8Array::from(exponent)).unwrap();
        let signer = Signer::generate_with(algorithm, parameters).await;
        let signature = signer.sign(MESSAGE).await;
        assert!(signer.verdict(MESSAGE, &signature).await, "{algorithm:?} {bits}");
        for place in [0, 1, signature.len() - 1] {
            assert!(!signer.verdict(MESSAGE, &flipped(&signature, place)).await, "{algorithm:?} {bits}");
        }
    }
}

#[wasm_bindgen_test]
async fn more_keys_than_the_cache_holds_still_verify() {
    for _ in 0..70 {
        let signer = Signer::generate(Algorithm::EdDsa).await;
        let signature = signer.sign(MESSAGE).await;
        assert!(WebCrypto.verify(&signer.public, Algorithm::EdDsa, MESSAGE, &signature).await);
    }
}

/// R-094: whether the point is on the curve is the backends' to see, and both do.
#[wasm_bindgen_test]
async fn a_key_off_its_curve_verifies_nothing() {
    let signer = Signer::generate(Algorithm::Es384).await;
    let signature = signer.sign(MESSAGE).await;
    let x = signer.public.members().into_iter().find(|(name, _)| *name == "x").unwrap().1;
    for y in ["A".repeat(64), "_".repeat(64), x.clone()] {
        let jwk = serde_json::json!({ "kty": "EC", "crv": "P-384", "x": x, "y": y });
        let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
        assert!(!verdict(&key, Algorithm::Es384, MESSAGE, &signature).await, "{y}");
    }
}
