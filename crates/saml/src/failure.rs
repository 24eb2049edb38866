//! The library's errors → codes.

use saml::Error;

use crate::refusal::{Code, Refusal};

/// The code of an error, with what it says.
pub(crate) fn refusal(error: &Error) -> Refusal {
    code(error).because(&error.to_string())
}

fn code(error: &Error) -> Code {
    match error {
        Error::XmlParse(_) | Error::InvalidConfiguration { .. } => Code::Form,
        Error::Base64Decode => Code::Base64,
        Error::Inflate => Code::Inflate,
        Error::SignatureVerification { reason: "no bearer SubjectConfirmation" }
        | Error::HolderOfKeyConfirmation { .. } => Code::Confirmation,
        Error::SignatureVerification { .. } => Code::Signature,
        Error::SignatureMissing => Code::SignatureMissing,
        Error::DisallowedAlgorithm { .. } => Code::Algorithm,
        Error::DisallowedTransform { .. } => Code::Transforms,
        Error::ReferenceResolution => Code::Reference,
        Error::X509Parse => Code::Certificate,
        Error::IssuerMismatch { .. } => Code::Issuer,
        Error::DestinationMismatch => Code::Destination,
        Error::InResponseToMismatch | Error::UnsolicitedNotAllowed => Code::InResponseTo,
        Error::AudienceMismatch => Code::Audience,
        Error::NotYetValid => Code::NotYet,
        Error::Expired => Code::Expired,
        Error::RecipientMismatch => Code::Recipient,
        Error::StatusNotSuccess { .. } => Code::Status,
        Error::NameIdSpQualifierMismatch { .. } => Code::SubjectQualifier,
        _ => Code::Other,
    }
}
