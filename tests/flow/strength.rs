//! What we make and hand out is too long to be guessed.

use std::cell::Cell;

use postern::api_key::{ApiKeyId, ApiKeyText, HolderKey, KeyPrefix};
use postern::keyring::KeyRing;
use postern::oidc::login_values::{CodeVerifier, Nonce, State};
use postern::ports::Random;
use postern::session::SessionId;

/// 128 bits.
const LEAST: usize = 16;

/// Chance that is the same each time, but for one byte.
struct Drawn {
    other: Option<usize>,
    count: Cell<usize>,
}

impl Random for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let at = self.count.replace(self.count.get() + 1);
            *byte = u8::from(self.other == Some(at));
        }
    }
}

/// What it is called, and how it is made.
type Kind = (&'static str, fn(&Drawn) -> String);

/// What is made by that chance, and how many bytes of it were drawn.
fn made(make: fn(&Drawn) -> String, other: Option<usize>) -> (String, usize) {
    let chance = Drawn { other, count: Cell::new(0) };
    (make(&chance), chance.count.get())
}

fn key(chance: &Drawn) -> String {
    let keys = KeyRing::parse(&format!("k1:{}A", "C".repeat(42))).unwrap();
    let nothing = Drawn { other: None, count: Cell::new(0) };
    let id = ApiKeyId::generate(&HolderKey::of_person("https://issuer.example", "alice"), &nothing);
    ApiKeyText::generate(id, &keys, chance).expose(&KeyPrefix::default()).expose().clone()
}

#[test]
fn every_secret_that_we_hand_out_has_128_random_bits_or_more_and_each_of_them_counts() {
    // The id of a session is that of a grant, too: codes, access and refresh tokens of agents have it in them.
    let kinds: [Kind; 5] = [
        ("session or grant", |chance| SessionId::generate(chance).digest().as_str().to_owned()),
        ("API key, beside its id", key),
        ("state", |chance| State::random(chance).expose().to_owned()),
        ("nonce", |chance| Nonce::random(chance).expose().to_owned()),
        ("verifier", |chance| CodeVerifier::random(chance).expose().to_owned()),
    ];
    for (what, make) in kinds {
        let (same, drawn) = made(make, None);
        assert!(drawn >= LEAST, "{what}: {drawn} bytes");
        let counting = (0..drawn).filter(|at| made(make, Some(*at)).0 != same).count();
        assert_eq!(counting, drawn, "{what}");
    }
}
