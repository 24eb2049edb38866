//! What happens, and what is known from outside: the rules once more, as plainly as possible.

use postern::session::SessionDigest;
use postern::session::second::TotpSecret;

/// One thing that happens. Sessions, factors and codes are counted from the latest, modulo how many there ever were, so that
/// those that are gone are tried, too. `astray`: what belongs to one person is sent to the object of the other.
#[derive(Clone, Debug)]
pub enum Op {
    /// Somebody signs in, whom the provider has known for so long.
    SignIn { who: usize, known_for: i64 },
    /// A factor is added.
    Enrol { session: usize, app: bool, astray: bool },
    /// The code of a step, counted from now.
    ProveApp { session: usize, factor: usize, step: i64, astray: bool },
    /// A code that is none.
    Guess { session: usize },
    /// A passkey says that it counts so much more.
    ProveKey { session: usize, factor: usize, count: u32, astray: bool },
    /// A recovery code.
    Recover { session: usize, code: usize, astray: bool },
    /// A factor is to go.
    Remove { session: usize, factor: usize },
    /// New recovery codes.
    NewCodes { session: usize },
    /// An administrator takes all away.
    Reset { who: usize },
    /// Somebody signs out.
    End { session: usize },
    /// All of somebody's sessions end.
    EndAll { who: usize },
    /// The object cleans up.
    Sweep,
    /// The clock moves.
    Wait { seconds: i64 },
    /// A key is put in front of the ring.
    NewKey,
}

/// A factor that there is, or was.
#[derive(Clone, Debug)]
pub struct KnownFactor {
    pub who: usize,
    pub id: String,
    pub what: What,
    pub gone: bool,
}

#[derive(Clone, Debug)]
pub enum What {
    App { secret: TotpSecret, last_step: i64 },
    Key { credential: String, count: u32 },
}

/// A session, and what was proven in it: when, and by which factor.
#[derive(Clone, Debug)]
pub struct KnownSession {
    pub who: usize,
    pub digest: SessionDigest,
    /// The ids that it had before.
    pub before: Vec<SessionDigest>,
    pub began: i64,
    pub signed_in: i64,
    pub proof: Option<(i64, Option<usize>)>,
    pub ended: bool,
}

/// A recovery code.
#[derive(Clone, Debug)]
pub struct KnownCode {
    pub who: usize,
    pub text: String,
    pub gone: bool,
}

/// Wrong codes of one kind in a row, and until when none is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wrong {
    pub count: u32,
    pub locked_until: i64,
}

impl Wrong {
    /// One more. The fifth costs a minute, each after it twice as much, up to an hour.
    pub fn note(&mut self, now: i64) {
        self.count += 1;
        if self.count >= 5 {
            let minutes = 2_i64.pow((self.count - 5).min(10)).min(60);
            self.locked_until = now + minutes * 60;
        }
    }
}

/// What is expected of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    Done,
    Gone,
    Wrong,
    Locked,
    Refused,
}

/// The code of an app, by the text of RFC 4226 §5.3.
pub fn code(secret: &TotpSecret, step: i64) -> String {
    use hmac::{Hmac, Mac};
    let text = serde_json::to_value(secret).unwrap();
    let key = base64ct_decode(text.as_str().unwrap());
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&step.to_be_bytes());
    let tag = mac.finalize().into_bytes();
    let offset = usize::from(tag[19] & 15);
    let value = u32::from_be_bytes([tag[offset] & 127, tag[offset + 1], tag[offset + 2], tag[offset + 3]]);
    format!("{:06}", value % 1_000_000)
}

fn base64ct_decode(text: &str) -> Vec<u8> {
    use base64ct::{Base64UrlUnpadded, Encoding};
    Base64UrlUnpadded::decode_vec(text).unwrap()
}
