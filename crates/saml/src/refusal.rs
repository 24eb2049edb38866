//! Why something is refused: a fixed code, and more of it for the log.

use std::fmt;

/// A refusal is never longer.
const MAX_DETAIL: usize = 200;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// Why, as `docs/reference/saml-room.md` explains.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As it is told.
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
    /// The question is of a version that this room does not know.
    Version = "question.version",
    /// The question is none.
    Question = "question.form",
    /// The Base64 is none.
    Base64 = "gate.base64",
    /// The compressed message is none, or too large when unpacked.
    Inflate = "gate.inflate",
    /// The XML is longer than 256 KiB.
    Size = "gate.size",
    /// It is not UTF-8, or has a character that XML does not allow.
    Characters = "gate.characters",
    /// It is no well-formed XML.
    Xml = "gate.xml",
    /// It has a document type definition.
    Doctype = "gate.doctype",
    /// It has a processing instruction.
    Instruction = "gate.instruction",
    /// It has a CDATA section.
    Cdata = "gate.cdata",
    /// It refers to an entity other than the five of XML.
    Entity = "gate.entity",
    /// A comment stands beside text.
    Comment = "gate.comment",
    /// Text stands beside elements.
    Mixed = "gate.mixed",
    /// A name is not made of ASCII letters, digits, `_`, `-` and `.`.
    Name = "gate.name",
    /// A prefix is not declared, or declared in a way that XML does not allow.
    Namespace = "gate.namespace",
    /// Elements are nested deeper than 32.
    Depth = "gate.depth",
    /// There are more than 8,192 elements.
    Elements = "gate.elements",
    /// An element has more than 32 declarations of namespaces in its scope.
    Namespaces = "gate.namespaces",
    /// There are more than 4,096 attributes, or more than 64 in one element, or one twice.
    Attributes = "gate.attributes",
    /// A line break or a tab stands in an attribute.
    AttributeSpace = "gate.attribute_space",
    /// There is more than one root.
    Roots = "gate.roots",
    /// The root is another element than the message that was asked about.
    Root = "gate.root",
    /// An ID is missing, no name, written as `xml:id`, or there twice.
    Id = "gate.id",
    /// There is not exactly one assertion, directly in the response.
    Assertions = "gate.assertions",
    /// An element that can be there once is there twice.
    Repeated = "gate.repeated",
    /// A signature stands elsewhere than directly in the response or its assertion, or there are two.
    SignaturePlace = "gate.signature_place",
    /// A signature is not made of what it has to be made of, or has more than four certificates beside it.
    SignatureForm = "gate.signature_form",
    /// A signature refers to something else than the element that it stands in, or to more than that.
    Reference = "gate.reference",
    /// The transforms are not `enveloped-signature` and exclusive canonicalisation alone, or keep more than 32 prefixes.
    Transforms = "gate.transforms",
    /// The algorithm of a signature or digest is none that is taken: SHA-1, HMAC and all that is not known.
    Algorithm = "gate.algorithm",
    /// A certificate is none, or its key none that is taken.
    Certificate = "certificate.form",
    /// A certificate's key is weaker than RSA of 2048 bits, P-256 and P-384.
    CertificateWeak = "certificate.weak",
    /// There is no certificate to verify with, or more than eight.
    Certificates = "certificate.count",
    /// Nothing is signed.
    SignatureMissing = "signature.missing",
    /// A signature is not one of the configured keys over these words.
    Signature = "signature.bad",
    /// The message lacks something that it has to have, or has it in another form.
    Form = "message.form",
    /// The issuer is another.
    Issuer = "message.issuer",
    /// The message is not for this address, or for none.
    Destination = "message.destination",
    /// It does not answer the request that is under way, or answers none.
    InResponseTo = "message.in_response_to",
    /// It is too old, or from the future.
    Time = "message.time",
    /// The provider did not manage without asking the person (`NoPassive`).
    NoPassive = "status.no_passive",
    /// The person could not sign in (`AuthnFailed`).
    AuthnFailed = "status.authn_failed",
    /// The wanted class of authentication was not met (`NoAuthnContext`).
    NoAuthnContext = "status.no_authn_context",
    /// The provider does not answer such requests (`RequestDenied`).
    RequestDenied = "status.request_denied",
    /// Another status that is no success.
    Status = "status.other",
    /// There are no conditions, or one that is not known.
    Conditions = "assertion.conditions",
    /// It is for another audience, or for everybody.
    Audience = "assertion.audience",
    /// It is valid later only.
    NotYet = "assertion.not_yet",
    /// It is valid no more; the confirmation or the session may be what ended.
    Expired = "assertion.expired",
    /// No confirmation is one by bearer that holds here and now.
    Confirmation = "assertion.confirmation",
    /// The confirmation is for another address.
    Recipient = "assertion.recipient",
    /// The subject has no name, an encrypted one, or one with white space around it.
    Subject = "assertion.subject",
    /// The subject's name was made for somebody else.
    SubjectQualifier = "assertion.subject_qualifier",
    /// It does not say exactly once how the person signed in.
    AuthnStatement = "assertion.authn_statement",
    /// The assertion is encrypted in another way than by RSA-OAEP and AES-GCM.
    Encryption = "encryption.algorithm",
    /// The encrypted assertion is not made of what it has to be made of.
    EncryptionForm = "encryption.form",
    /// What was decrypted is no assertion.
    Decrypted = "encryption.content",
    /// The metadata is not of one identity provider, with this name.
    Metadata = "metadata.entity",
    /// The metadata is valid no more.
    MetadataExpired = "metadata.expired",
    /// The metadata names no address for requests by redirect or form.
    MetadataAddress = "metadata.address",
    /// Something else that the library refused.
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
