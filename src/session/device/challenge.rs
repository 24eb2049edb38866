//! What a browser is to sign: nothing is stored of it.
//!
//! `1.KEY.PURPOSE.ABOUT.GENERATION.END.MAC`: a registration is for one session, by the name of its object and its digest; a
//! refresh for one binding and one generation of it. Nobody makes one but us, and it is over after a minute.
//!
//! That for a registration says by itself which session is meant: after a sign-in, which comes from another site, a browser
//! registers without its `Strict` cookies.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::{DeviceBinding, REGISTER_WITHIN};
use crate::keyring::{KeyPurpose, KeyRing};
use crate::session::handle::{SessionDigest, SubjectKey};
use crate::time::Timestamp;

const VERSION: &str = "1";
const REGISTER: &str = "register";
const REFRESH: &str = "refresh";
const MAX_BYTES: usize = 240;
const MAC_BYTES: usize = 32;

/// What a signature is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChallenge<'a> {
    /// To bind the session of this digest, of this subject's.
    Register(&'a SubjectKey, &'a SessionDigest),
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
        let (purpose, about, generation) = self.parts();
        let (key, end) = (keys.newest_id().as_str(), now.plus(REGISTER_WITHIN));
        let signed = format!("{VERSION}.{key}.{purpose}.{about}.{generation}.{end}");
        let mac = keys.mac(KeyPurpose::DeviceChallenge, signed.as_bytes());
        format!("{signed}.{}", Base64UrlUnpadded::encode_string(&mac))
    }

    /// Whether this text is such a challenge, and counts now.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(self, text: &str, keys: &KeyRing, now: Timestamp) -> Result<(), ChallengeFault> {
        let said = said(text, keys).ok_or(ChallengeFault::Foreign)?;
        let (purpose, about, generation) = self.parts();
        if (said.purpose, said.about) != (purpose, about.as_str()) || said.generation > generation {
            return Err(ChallengeFault::Foreign);
        }
        if said.end <= now || said.generation < generation {
            return Err(ChallengeFault::Old);
        }
        Ok(())
    }

    /// The session that a challenge for a registration is about, where this text is one that counts now.
    ///
    /// # Errors
    /// When it is not.
    pub fn registration(
        text: &str,
        keys: &KeyRing,
        now: Timestamp,
    ) -> Result<(SubjectKey, SessionDigest), ChallengeFault> {
        let said = said(text, keys).filter(|said| said.purpose == REGISTER).ok_or(ChallengeFault::Foreign)?;
        let (subject, digest) = said.about.split_once(':').ok_or(ChallengeFault::Foreign)?;
        let subject = SubjectKey::from_object_name(subject).ok_or(ChallengeFault::Foreign)?;
        if said.end <= now {
            return Err(ChallengeFault::Old);
        }
        Ok((subject, SessionDigest::of_tag(digest.to_owned())))
    }

    fn parts(&self) -> (&'static str, String, u64) {
        match self {
            Self::Register(subject, digest) => (REGISTER, format!("{}:{digest}", subject.object_name()), 0),
            Self::Refresh(binding) => (REFRESH, binding.id.clone(), binding.generation),
        }
    }
}

/// What a challenge of ours says.
struct Said<'a> {
    purpose: &'a str,
    about: &'a str,
    generation: u64,
    end: Timestamp,
}

fn said<'a>(text: &'a str, keys: &KeyRing) -> Option<Said<'a>> {
    let (signed, mac) = text.rsplit_once('.').filter(|_| text.len() <= MAX_BYTES)?;
    let mut parts = signed.split('.');
    let (VERSION, key, purpose, about) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?) else {
        return None;
    };
    let (generation, end, None) = (parts.next()?, parts.next()?, parts.next()) else { return None };
    let mut tag = [0; MAC_BYTES];
    let tag = Base64UrlUnpadded::decode(mac, &mut tag).ok()?;
    let is_ours = keys.mac_is_valid(KeyPurpose::DeviceChallenge, key, signed.as_bytes(), tag);
    let end = Timestamp::from_unix(end.parse().ok()?);
    Some(Said { purpose, about, generation: generation.parse().ok()?, end }).filter(|_| is_ours)
}
