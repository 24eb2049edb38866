//! What Postern and the SAML Worker say to each other: one [`Ask`] as JSON, answered by one [`Reply`].
//!
//! The SAML Worker has no state and no secrets, so each question carries all that its answer depends on, the time too.
//! Fields are only ever added, with a default: both Workers are read by the release before and the one after.
//! Times are seconds since 1970. Bytes are Base64 with padding.

use serde::{Deserialize, Serialize};

/// The version of these messages.
pub const VERSION: u32 = 1;

/// The longest question: the SAML Worker answers no longer one.
pub const MAX_QUESTION: usize = 1024 * 1024;

/// One question. The SAML Worker refuses versions that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// [`VERSION`].
    pub v: u32,
    /// What is asked.
    pub question: Question,
}

impl Ask {
    /// A question of this version.
    #[must_use]
    pub fn new(question: Question) -> Self {
        Self { v: VERSION, question }
    }
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// What an identity provider says of itself. Answer: [`Reply::Metadata`].
    ReadMetadata(ReadMetadata),
    /// A request to sign somebody in. Answer: [`Reply::Made`].
    MakeRequest(MakeRequest),
    /// Who signed in. Answer: [`Reply::Verified`], or [`Reply::Encrypted`] if the assertion has to be decrypted first.
    Verify(Verify),
    /// A message about a logout. Answer: [`Reply::LogoutRequest`] or [`Reply::LogoutResponse`].
    ReadLogout(ReadLogout),
    /// A request to sign out at the provider. Answer: [`Reply::Made`].
    MakeLogoutRequest(MakeLogoutRequest),
    /// The answer to the provider's request to sign out. Answer: [`Reply::Made`].
    MakeLogoutResponse(MakeLogoutResponse),
    /// What we say of ourselves. Answer: [`Reply::Xml`].
    OwnMetadata(OwnMetadata),
}

/// An answer. To every question it may be [`Reply::Refused`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Question::ReadMetadata`].
    Metadata(Metadata),
    /// A message to send.
    Made(Made),
    /// Everything that is known of the person, out of what was signed.
    Verified(Verified),
    /// The assertion is encrypted: decrypt it, and ask again with [`Verify::decrypted`].
    Encrypted(Encrypted),
    /// The provider asks to end sessions. Its signature is good.
    LogoutRequest(LogoutRequest),
    /// The provider's answer to our request. Its signature is good.
    LogoutResponse(LogoutResponse),
    /// A whole document.
    Xml(String),
    /// Nothing of it is to be believed.
    Refused(Refused),
}

/// Why the SAML Worker refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// A fixed code of a few words, for example `gate.doctype`.
    pub reason: String,
    /// More, for the log. At most 200 characters.
    #[serde(default)]
    pub detail: String,
}

/// See [`Question::ReadMetadata`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMetadata {
    /// The document.
    pub xml: String,
    /// Whose it has to be.
    pub entity_id: String,
    /// Now.
    pub now: i64,
}

/// What an identity provider says of itself. An address that it does not have, or that is not `https://`, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// As asked for.
    pub entity_id: String,
    /// Where requests go by redirect.
    #[serde(default)]
    pub sso_redirect: Option<String>,
    /// Where requests go by a form.
    #[serde(default)]
    pub sso_post: Option<String>,
    /// Where logout requests go by redirect.
    #[serde(default)]
    pub slo_redirect: Option<String>,
    /// Where logout requests go by a form.
    #[serde(default)]
    pub slo_post: Option<String>,
    /// Where answers to logout requests go by redirect, if elsewhere than requests.
    #[serde(default)]
    pub slo_redirect_response: Option<String>,
    /// Where answers to logout requests go by a form, if elsewhere than requests.
    #[serde(default)]
    pub slo_post_response: Option<String>,
    /// The certificates for signatures, at most eight, each once.
    pub certificates: Vec<Certificate>,
    /// It takes signed requests only.
    #[serde(default)]
    pub wants_signed_requests: bool,
    /// When the document ends to be valid, if it says.
    #[serde(default)]
    pub valid_until: Option<i64>,
}

/// A certificate of the provider. It only carries a key: neither its issuer nor its times count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The DER, in Base64.
    pub der: String,
    /// SHA-256 of the DER, hex in lower case.
    pub sha256: String,
    /// When it expires.
    pub not_after: i64,
    /// Its key is neither RSA of 2048 bits or more nor on P-256 or P-384: the SAML Worker takes no signature of it.
    #[serde(default)]
    pub weak: bool,
}

/// See [`Question::MakeRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeRequest {
    /// The ID: an `NCName` of 128 random bits or more.
    pub id: String,
    /// The address of the provider that the message goes to.
    pub destination: String,
    /// Our address for the answer.
    pub acs: String,
    /// Our name.
    pub entity_id: String,
    /// Now.
    pub now: i64,
    /// The person is to prove themselves anew.
    #[serde(default)]
    pub force_authn: bool,
    /// The person is to be asked nothing.
    #[serde(default)]
    pub is_passive: bool,
    /// The wanted form of the name.
    #[serde(default)]
    pub name_id_format: Option<String>,
    /// The wanted classes of authentication, one of which has to be met exactly.
    #[serde(default)]
    pub authn_contexts: Vec<String>,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// For the redirect binding: compressed, then Base64. What is left is to percent-encode and to sign it.
    pub deflated: String,
    /// For the POST binding: Base64. It is not signed.
    pub posted: String,
}

/// See [`Question::Verify`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// `SAMLResponse` as it was posted: Base64.
    pub response: String,
    /// The certificates whose keys may have signed it: DER, in Base64.
    pub certificates: Vec<String>,
    /// Who has to have issued it.
    pub idp_entity_id: String,
    /// Whom it has to be for.
    pub entity_id: String,
    /// The address where it arrived.
    pub acs: String,
    /// The ID of the one request that it has to answer.
    pub request_id: String,
    /// Now.
    pub now: i64,
    /// How far clocks may differ, in seconds.
    pub skew: u32,
    /// The assertion that was encrypted in it, in the clear. It has to be signed itself.
    #[serde(default)]
    pub decrypted: Option<String>,
}

/// Who signed in. All of it was signed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The assertion's ID: it is used once, until `not_on_or_after`.
    pub assertion_id: String,
    /// The person's name at the provider.
    pub name_id: NameId,
    /// What the provider says of the person.
    #[serde(default)]
    pub attributes: Vec<Attribute>,
    /// The session at the provider.
    #[serde(default)]
    pub session_index: Option<String>,
    /// When the session at the provider ends.
    #[serde(default)]
    pub session_not_on_or_after: Option<i64>,
    /// When the person proved who they are.
    pub authn_instant: i64,
    /// How.
    #[serde(default)]
    pub authn_context: Option<String>,
    /// When the assertion can be used no more, the allowed difference of clocks included.
    pub not_on_or_after: i64,
    /// SHA-256 (hex) of the certificate whose key signed it.
    #[serde(default)]
    pub certificate_sha256: String,
}

/// A name of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameId {
    /// The name, never empty.
    pub value: String,
    /// Its form, a URN; `urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified` if the message names no form.
    pub format: String,
    /// Where the name holds.
    #[serde(default)]
    pub name_qualifier: Option<String>,
    /// For whom the name was made.
    #[serde(default)]
    pub sp_name_qualifier: Option<String>,
}

/// An attribute of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its name for people.
    #[serde(default)]
    pub friendly_name: Option<String>,
    /// Its values, as text.
    #[serde(default)]
    pub values: Vec<String>,
}

/// An encrypted assertion: encrypted by AES-GCM, and the key of that by RSA-OAEP. Nothing else is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encrypted {
    /// The key, encrypted by RSA-OAEP with an empty label.
    pub encrypted_key: String,
    /// The digest of OAEP and of its MGF1: `SHA-1` or `SHA-256`, as WebCrypto has one for both.
    pub oaep_hash: String,
    /// 128 or 256.
    pub aes_bits: u32,
    /// The 12 bytes before the ciphertext.
    pub iv: String,
    /// The ciphertext with its tag of 16 bytes, as WebCrypto takes it.
    pub ciphertext: String,
}

/// See [`Question::ReadLogout`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadLogout {
    /// The message as it came.
    pub message: LogoutMessage,
    /// The certificates whose keys may have signed it: DER, in Base64.
    pub certificates: Vec<String>,
    /// Who has to have issued it.
    pub idp_entity_id: String,
    /// The address where it arrived.
    pub destination: String,
    /// Now.
    pub now: i64,
    /// How far clocks may differ, in seconds.
    pub skew: u32,
}

/// A message about a logout, as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutMessage {
    /// The query as it came, without `?`: the signature is over its letters.
    Redirect(String),
    /// `SAMLRequest` of a form: Base64.
    PostedRequest(String),
    /// `SAMLResponse` of a form: Base64.
    PostedResponse(String),
}

/// The provider asks to end sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutRequest {
    /// Its ID, which the answer names.
    pub id: String,
    /// Whose sessions.
    pub name_id: NameId,
    /// Which of them. If empty, all.
    #[serde(default)]
    pub session_indexes: Vec<String>,
    /// When it was written. It is not older than five minutes.
    pub issue_instant: i64,
    /// When it ends to be valid, if it says.
    #[serde(default)]
    pub not_on_or_after: Option<i64>,
}

/// The provider's answer to our request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutResponse {
    /// The ID of our request.
    pub in_response_to: String,
    /// All sessions ended.
    pub success: bool,
}

/// See [`Question::MakeLogoutRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeLogoutRequest {
    /// The ID: an `NCName` of 128 random bits or more.
    pub id: String,
    /// The address of the provider that the message goes to.
    pub destination: String,
    /// Our name.
    pub entity_id: String,
    /// Now.
    pub now: i64,
    /// When it ends to be valid.
    pub not_on_or_after: i64,
    /// Whose session, as the provider said it.
    pub name_id: NameId,
    /// Which session.
    #[serde(default)]
    pub session_index: Option<String>,
}

/// See [`Question::MakeLogoutResponse`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeLogoutResponse {
    /// The ID: an `NCName` of 128 random bits or more.
    pub id: String,
    /// The address of the provider that the message goes to.
    pub destination: String,
    /// Our name.
    pub entity_id: String,
    /// Now.
    pub now: i64,
    /// The ID of the request.
    pub in_response_to: String,
    /// All sessions ended.
    pub success: bool,
}

/// See [`Question::OwnMetadata`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnMetadata {
    /// Our name.
    pub entity_id: String,
    /// Our address for answers, by a form.
    pub acs: String,
    /// Our address for logout, by redirect and by a form.
    #[serde(default)]
    pub slo: Option<String>,
    /// The certificates that our signatures are checked with: DER, in Base64.
    #[serde(default)]
    pub signing_certificates: Vec<String>,
    /// The certificates that assertions may be encrypted for: DER, in Base64.
    #[serde(default)]
    pub encryption_certificates: Vec<String>,
    /// Our requests are signed.
    #[serde(default)]
    pub signs_requests: bool,
    /// The wanted form of the name.
    #[serde(default)]
    pub name_id_format: Option<String>,
}
