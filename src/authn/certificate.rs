//! A client certificate → the program whose it is, by the one rule that takes it.
//!
//! Everything comes from `request.cf.tlsClientAuth`; no header says anything about it. What the platform does not
//! say is never made up for.

use sha2::{Digest, Sha256};

use super::CertificateFacts;
use super::mtls::{CertificateError, verified};
use crate::config::{Authority, CertificateRule, CertificateSubject, key_identifier};
use crate::http::alt_names::{self, AltNameKind};
use crate::http::{ClientCertificate, Peer};
use crate::ids::CertificateId;
use crate::time::{Seconds, Timestamp};

/// For so long a connection is relied on that was let through by its certificate: nothing tells when that is revoked.
pub const LIFETIME: Seconds = Seconds::hours(1);

/// Why a connection names no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateRefusal {
    /// It proves possession of no certificate.
    Unproven(CertificateError),
    /// The platform does not say who signed it, or not in hexadecimal.
    NoAuthority,
    /// No entry is for it.
    Unlisted,
    /// Several are: these two, and perhaps more. Nobody guesses which was meant.
    Ambiguous(Box<[CertificateId; 2]>),
    /// Rules ask for a name in it, and the platform does not hand it over, or it cannot be read.
    Unreadable,
    /// What the platform hands over is another certificate than the one it verified.
    Contradictory,
}

impl CertificateRefusal {
    /// The name of this reason in the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unproven(error) => error.code(),
            Self::NoAuthority => "certificate.no_authority",
            Self::Unlisted => "certificate.unlisted",
            Self::Ambiguous(..) => "certificate.ambiguous",
            Self::Unreadable => "certificate.unreadable",
            Self::Contradictory => "certificate.contradictory",
        }
    }

    /// What more the log should know.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Ambiguous(ids) => Some(ids.each_ref().map(ToString::to_string).join(" ")),
            _ => None,
        }
    }

    /// Whether there is no certificate at all.
    #[must_use]
    pub const fn is_absence(&self) -> bool {
        matches!(self, Self::Unproven(CertificateError::Missing))
    }
}

/// The program whose certificate this connection has: verified, not revoked, signed by an authority that a rule names, with the
/// one attribute that the same rule names.
///
/// # Errors
/// The first thing that is amiss.
pub fn identify(
    peer: &Peer,
    rules: &[CertificateRule],
    now: Timestamp,
) -> Result<CertificateFacts, CertificateRefusal> {
    let fingerprint = verified(peer).map_err(CertificateRefusal::Unproven)?;
    let certificate = peer.certificate.as_ref().ok_or(CertificateRefusal::Unproven(CertificateError::Missing))?;
    let authority =
        certificate.issuer_ski.as_deref().and_then(key_identifier).ok_or(CertificateRefusal::NoAuthority)?;
    let signed = |rule: &&CertificateRule| match &rule.authority {
        Authority::Ski(listed) => *listed == authority,
        Authority::Name(listed) => certificate.issuer.as_ref() == Some(listed),
    };
    let candidates: Vec<&CertificateRule> = rules.iter().filter(signed).collect();
    let asks_names = candidates.iter().any(|rule| matches!(rule.subject, CertificateSubject::AltName(..)));
    let der = if asks_names { Some(own_der(certificate, &fingerprint)?) } else { None };
    let names = match &der {
        Some(der) => alt_names::alt_names(der).ok_or(CertificateRefusal::Unreadable)?,
        None => Vec::new(),
    };
    let presented = Presented { fingerprint, subject: certificate.subject.as_deref(), names };
    let mut matching = candidates.into_iter().filter_map(|rule| Some((rule, presented.attribute(&rule.subject)?)));
    match (matching.next(), matching.next()) {
        (None, _) => Err(CertificateRefusal::Unlisted),
        (Some((one, _)), Some((other, _))) => {
            Err(CertificateRefusal::Ambiguous(Box::new([one.id.clone(), other.id.clone()])))
        }
        (Some((rule, name)), None) => Ok(CertificateFacts {
            entry: rule.id.clone(),
            authority,
            name,
            scopes: rule.scopes.clone(),
            roles: rule.roles.clone(),
            expires_at: now.plus(LIFETIME),
        }),
    }
}

/// What a certificate says of whose it is.
struct Presented<'a> {
    fingerprint: [u8; 32],
    subject: Option<&'a str>,
    names: Vec<(AltNameKind, &'a str)>,
}

impl Presented<'_> {
    /// The attribute that a rule asks for, written so that none is taken for one of another kind; `None` when it is not
    /// there. Nothing stands in for it: a common name is no name of a host.
    fn attribute(&self, rule: &CertificateSubject) -> Option<String> {
        match rule {
            CertificateSubject::Fingerprints(listed) => {
                let own = || CertificateSubject::Fingerprints(vec![self.fingerprint]);
                listed.contains(&self.fingerprint).then(|| own().to_string())
            }
            CertificateSubject::Name(listed) => (self.subject == Some(listed)).then(|| rule.to_string()),
            CertificateSubject::AltName(kind, listed) => {
                let is_it = |(found, name): &(AltNameKind, &str)| found == kind && same(*kind, name, listed);
                self.names.iter().any(is_it).then(|| rule.to_string())
            }
        }
    }
}

/// Names of hosts compare without case, all else byte for byte.
fn same(kind: AltNameKind, name: &str, listed: &str) -> bool {
    match kind {
        AltNameKind::Dns => name.eq_ignore_ascii_case(listed),
        AltNameKind::Uri | AltNameKind::Email => name == listed,
    }
}

/// The certificate itself, which has to be the one that was verified.
fn own_der(certificate: &ClientCertificate, fingerprint: &[u8; 32]) -> Result<Vec<u8>, CertificateRefusal> {
    let der = certificate.encoded.as_deref().and_then(alt_names::der).ok_or(CertificateRefusal::Unreadable)?;
    if Sha256::digest(&der).as_slice() == fingerprint { Ok(der) } else { Err(CertificateRefusal::Contradictory) }
}

#[cfg(test)]
mod tests;
