//! What a browser is to sign: nothing is stored of it.
//!
//! `1.KEY.PURPOSE.SUBJECT.GENERATION.END.MAC`: a registration is for one session, by its digest; a refresh for one binding and
//! one generation of it. Nobody makes one but us, and it is over after a minute.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{DeviceBinding, REGISTER_WITHIN};
use crate::keyring::{KeyPurpose, KeyRing};
use crate::session::handle::SessionDigest;
use crate::time::Timestamp;

const VERSION: &str = "1";
const MAX_BYTES: usize = 240;
const MAC_BYTES: usize = 32;

/// What a signature is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChallenge<'a> {
    /// To bind the session of this digest.
    Register(&'a SessionDigest),
    /// To go on with this binding.
    Refresh(&'a DeviceBinding),
}

/// Why a challenge does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeFault {
    /// It is not ours, or for something else.
    Foreign,
    /// It is ours, and too old, or the key was proved since: another one will do.
    Old,
}

impl DeviceChallenge<'_> {
    /// The text to sign, good for a minute from now.
    #[must_use]
    pub fn issue(self, keys: &KeyRing, now: Timestamp) -> String {
        let (purpose, subject, generation) = self.parts();
        let (key, end) = (keys.newest_id().as_str(), now.plus(REGISTER_WITHIN));
        let signed = format!("{VERSION}.{key}.{purpose}.{subject}.{generation}.{end}");
        let mac = keys.mac(KeyPurpose::DeviceChallenge, signed.as_bytes());
        format!("{signed}.{}", Base64UrlUnpadded::encode_string(&mac))
    }

    /// Whether this text is such a challenge, and counts now.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(self, text: &str, keys: &KeyRing, now: Timestamp) -> Result<(), ChallengeFault> {
        let said = said(text, keys).ok_or(ChallengeFault::Foreign)?;
        let (purpose, subject, generation) = self.parts();
        if (said.purpose, said.subject) != (purpose, subject) || said.generation > generation {
            return Err(ChallengeFault::Foreign);
        }
        if said.end <= now || said.generation < generation {
            return Err(ChallengeFault::Old);
        }
        Ok(())
    }

    fn parts(&self) -> (&'static str, &str, u64) {
        match self {
            Self::Register(digest) => ("register", digest.as_str(), 0),
            Self::Refresh(binding) => ("refresh", &binding.id, binding.generation),
        }
    }
}

/// What a challenge of ours says.
struct Said<'a> {
    purpose: &'a str,
    subject: &'a str,
    generation: u64,
    end: Timestamp,
}

fn said<'a>(text: &'a str, keys: &KeyRing) -> Option<Said<'a>> {
    let (signed, mac) = text.rsplit_once('.').filter(|_| text.len() <= MAX_BYTES)?;
    let mut parts = signed.split('.');
    let (VERSION, key, purpose, subject) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    let (generation, end, None) = (parts.next()?, parts.next()?, parts.next()) else { return None };
    let mut tag = [0; MAC_BYTES];
    let tag = Base64UrlUnpadded::decode(mac, &mut tag).ok()?;
    let is_ours = keys.mac_is_valid(KeyPurpose::DeviceChallenge, key, signed.as_bytes(), tag);
    let end = Timestamp::from_unix(end.parse().ok()?);
    Some(Said { purpose, subject, generation: generation.parse().ok()?, end }).filter(|_| is_ours)
}
