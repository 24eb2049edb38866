//! Why something is refused: a fixed code, and more of it for the log.

use std::fmt;

/// A refusal is never longer.
const MAX_DETAIL: usize = 200;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// Why, as `docs/reference/saml-worker.md` explains.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    /// Postern asked in a version of the messages that this SAML Worker does not know.
    Version = "question.version",
    /// Postern's question cannot be read.
    Question = "question.form",
    /// The message is not valid Base64.
    Base64 = "gate.base64",
    /// The compressed message cannot be unpacked, or is too large once unpacked.
    Inflate = "gate.inflate",
    /// The XML is longer than 256 KiB, or the person's attributes are longer than 64 KiB.
    Size = "gate.size",
    /// The message is not UTF-8, or has a character that XML does not allow.
    Characters = "gate.characters",
    /// The message is not well-formed XML.
    Xml = "gate.xml",
    /// The message has a document type definition.
    Doctype = "gate.doctype",
    /// The message has a processing instruction.
    Instruction = "gate.instruction",
    /// The message has a CDATA section.
    Cdata = "gate.cdata",
    /// The message refers to an entity other than the five that XML defines.
    Entity = "gate.entity",
    /// A comment stands beside text.
    Comment = "gate.comment",
    /// An element has both text and elements inside.
    Mixed = "gate.mixed",
    /// The name of an element or attribute has characters other than ASCII letters, digits, `_`, `-` and `.`.
    Name = "gate.name",
    /// A prefix is not declared, or is declared in a way that XML does not allow.
    Namespace = "gate.namespace",
    /// Elements are nested more than 32 deep.
    Depth = "gate.depth",
    /// There are more than 8,192 elements.
    Elements = "gate.elements",
    /// More than 32 declarations of namespaces apply to one element, or more than 65,536 to all elements together.
    Namespaces = "gate.namespaces",
    /// There are more than 4,096 attributes, one element has more than 64, or one element has the same attribute twice.
    Attributes = "gate.attributes",
    /// The value of an attribute has a line break or a tab.
    AttributeSpace = "gate.attribute_space",
    /// There is more than one root element, or text outside it.
    Roots = "gate.roots",
    /// The root element is not the expected message.
    Root = "gate.root",
    /// An ID is missing, is not a valid name, is written as `xml:id`, or is used twice.
    Id = "gate.id",
    /// A response does not have exactly one assertion directly inside it, or another kind of message has one.
    Assertions = "gate.assertions",
    /// Something that may occur once occurs twice, or a message contains another message.
    Repeated = "gate.repeated",
    /// A signature is not directly in the message or its assertion, one of them has two signatures, or a message sent by redirect has one inside.
    SignaturePlace = "gate.signature_place",
    /// A signature lacks a part, has a part that does not belong there, or carries more than four certificates.
    SignatureForm = "gate.signature_form",
    /// A signature covers something other than the element that it is in, or more than that element.
    Reference = "gate.reference",
    /// A signature uses transforms other than `enveloped-signature` and exclusive canonicalisation, or keeps more than 32 prefixes.
    Transforms = "gate.transforms",
    /// A signature or digest uses an algorithm that is not accepted, such as SHA-1 or HMAC.
    Algorithm = "gate.algorithm",
    /// A certificate cannot be read, or its key is neither RSA with at most 4,096 bits nor on P-256 or P-384.
    Certificate = "certificate.form",
    /// The RSA key of a certificate has fewer than 2,048 bits.
    CertificateWeak = "certificate.weak",
    /// There is no certificate to verify with, or there are more than eight.
    Certificates = "certificate.count",
    /// The message is not signed, or a decrypted assertion is not signed itself.
    SignatureMissing = "signature.missing",
    /// A signature does not match its content, or none of the configured keys made it.
    Signature = "signature.bad",
    /// The message lacks a required part, or a part has the wrong form.
    Form = "message.form",
    /// The issuer is not this provider, or its `Format` is not that of an entity.
    Issuer = "message.issuer",
    /// The message names another address as its destination, or no address.
    Destination = "message.destination",
    /// The message answers another request than the one that is under way, or no request.
    InResponseTo = "message.in_response_to",
    /// A logout message is older than five minutes, or its time is in the future.
    Time = "message.time",
    /// The provider would have had to ask the person something, and was told not to (`NoPassive`).
    NoPassive = "status.no_passive",
    /// The person could not sign in (`AuthnFailed`).
    AuthnFailed = "status.authn_failed",
    /// The provider could not authenticate the person in the requested way (`NoAuthnContext`).
    NoAuthnContext = "status.no_authn_context",
    /// The provider does not answer requests like this one (`RequestDenied`).
    RequestDenied = "status.request_denied",
    /// The provider reports another failure.
    Status = "status.other",
    /// The assertion has no conditions, or a condition that is not known.
    Conditions = "assertion.conditions",
    /// The assertion is for another audience, or names no audience.
    Audience = "assertion.audience",
    /// The assertion is not valid yet.
    NotYet = "assertion.not_yet",
    /// The assertion is no longer valid: its conditions, its confirmation or its session has ended.
    Expired = "assertion.expired",
    /// The subject has no confirmation of type `bearer` that can be used here and now.
    Confirmation = "assertion.confirmation",
    /// The confirmation is for another address.
    Recipient = "assertion.recipient",
    /// The subject has no name, an encrypted name, or a name with white space around it.
    Subject = "assertion.subject",
    /// The subject's name was made for another service.
    SubjectQualifier = "assertion.subject_qualifier",
    /// The assertion has no statement of how the person signed in, or more than one.
    AuthnStatement = "assertion.authn_statement",
    /// The assertion is encrypted with something other than RSA-OAEP and AES-GCM.
    Encryption = "encryption.algorithm",
    /// The encrypted assertion lacks a part, or has a part that does not belong there.
    EncryptionForm = "encryption.form",
    /// The decrypted content is not an assertion.
    Decrypted = "encryption.content",
    /// The metadata does not describe exactly one identity provider, or describes one with another entity ID.
    Metadata = "metadata.entity",
    /// The metadata is no longer valid.
    MetadataExpired = "metadata.expired",
    /// The metadata has no address for sign-in requests by redirect or form.
    MetadataAddress = "metadata.address",
    /// The library refused the message for another reason; `detail` has its words.
    Other = "other",
}

impl Code {
    /// This code, and what there is to say about it.
    #[must_use]
    pub fn because(self, detail: &str) -> Refusal {
        Refusal { code: self, detail: detail.chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect() }
    }
}

/// Something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// More, for the log.
    pub detail: String,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, detail: String::new() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Refusal {}
