//! A posted response → who signed in. SAML Profiles §4.1.4.3.
//!
//! What is refused here is read out of the gate's elements; what is told of the person is the library's [`Identity`], which
//! it read out of the element whose signature it verified. Nothing else can become a [`Verified`].

use std::time::Duration;

use postern_saml_messages::{Attribute, NameId, Reply, Verified, Verify};
use saml::{
    ConsumeResponse, Identity, IdpDescriptor, InMemoryReplayCache, LoginTracker, PeerCryptoPolicy, ReplayMode,
    ServiceProvider, ServiceProviderConfig, SpWantSigned, SsoResponseBinding, SsoResponseEndpoint,
};

use crate::gate::{self, ASSERTION, Content, Document, Element, Kind, MAX_BYTES, PROTOCOL, SIGNATURE};
use crate::refusal::{Code, Refusal};
use crate::time::{from_unix, to_unix};
use crate::{encrypted, failure, keys};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Names and values, all attributes together.
const MAX_ATTRIBUTE_BYTES: usize = 64 * 1024;

pub(crate) fn verify(question: &Verify) -> Result<Reply, Refusal> {
    let xml = gate::base64(&question.response, MAX_BYTES)?;
    let document = gate::pass(&xml, Kind::Response)?;
    addressed(&document.root, question)?;
    succeeded(&document.root)?;
    let document = match (&question.decrypted, document.content) {
        (Some(assertion), Content { is_encrypted: true, .. }) => put_in(&document, assertion)?,
        (None, Content { is_encrypted: true, .. }) => return encrypted::read(&document.root).map(Reply::Encrypted),
        (Some(_), _) => return Err(Code::Decrypted.because("nothing was encrypted")),
        (None, Content { has_assertion: true, .. }) => document,
        (None, _) => return Err(Code::Assertions.because("none")),
    };
    let assertion = document.root.child(ASSERTION, "Assertion").ok_or(Code::Assertions)?;
    if assertion.attribute("Version") != Some("2.0") {
        return Err(Code::Form.because("version of the assertion"));
    }
    issuer(assertion)?;
    conditions(assertion)?;
    statements(assertion)?;
    let identity = consume(question, &document)?;
    told(&identity, question).map(Reply::Verified)
}

/// The response answers our request, at our address. Both are looked at again in what is signed.
fn addressed(response: &Element, question: &Verify) -> Result<(), Refusal> {
    if response.attribute("Destination") != Some(question.acs.as_str()) {
        return Err(Code::Destination.because(response.attribute("Destination").unwrap_or("none")));
    }
    if response.attribute("InResponseTo") != Some(question.request_id.as_str()) {
        return Err(Code::InResponseTo.into());
    }
    let issuer = issuer(response)?;
    (issuer == question.idp_entity_id).then_some(()).ok_or_else(|| Code::Issuer.because(issuer))
}

/// Who issued it: an entity, and nothing else that has a name (SAML Profiles §4.1.4.2).
fn issuer(parent: &Element) -> Result<&str, Refusal> {
    let issuer = parent.child(ASSERTION, "Issuer").ok_or(Code::Issuer)?;
    match issuer.attribute("Format") {
        None | Some(ENTITY) => Ok(issuer.text.trim()),
        Some(format) => Err(Code::Issuer.because(format)),
    }
}

/// The status, and the code within the code, which says more.
fn succeeded(response: &Element) -> Result<(), Refusal> {
    let mut codes = Vec::new();
    let mut next = response.child(PROTOCOL, "Status").and_then(|status| status.child(PROTOCOL, "StatusCode"));
    while let Some(code) = next {
        codes.push(code.attribute("Value").unwrap_or_default());
        next = code.child(PROTOCOL, "StatusCode");
    }
    if codes.first() == Some(&SUCCESS) {
        return Ok(());
    }
    let known =
        |last: &str| codes.iter().any(|code| code.strip_prefix("urn:oasis:names:tc:SAML:2.0:status:") == Some(last));
    let code = match () {
        () if codes.is_empty() => Code::Form,
        () if known("NoPassive") => Code::NoPassive,
        () if known("AuthnFailed") => Code::AuthnFailed,
        () if known("NoAuthnContext") => Code::NoAuthnContext,
        () if known("RequestDenied") => Code::RequestDenied,
        () => Code::Status,
    };
    Err(code.because(&codes.join(" ")))
}

/// The response with the decrypted assertion in the place of the encrypted one. Its own signature was over that, and goes:
/// the assertion has to be signed itself.
fn put_in(document: &Document, assertion: &str) -> Result<Document, Refusal> {
    let inner = gate::pass(assertion.as_bytes(), Kind::Assertion)?;
    if !inner.content.root_is_signed {
        return Err(Code::SignatureMissing.because("of the decrypted assertion"));
    }
    let element = inner.text.get(inner.root.span).ok_or(Code::Decrypted)?;
    let mut text = String::new();
    let mut rest = 0;
    for child in &document.root.children {
        let is_encrypted = child.is(ASSERTION, "EncryptedAssertion");
        if is_encrypted || child.is(SIGNATURE, "Signature") {
            text.push_str(document.text.get(rest..child.span.start).ok_or(Code::Decrypted)?);
            text.push_str(if is_encrypted { element } else { "" });
            rest = child.span.end;
        }
    }
    text.push_str(document.text.get(rest..).ok_or(Code::Decrypted)?);
    gate::pass(text.as_bytes(), Kind::Response)
}

/// SAML Core §2.5.1: who does not know a condition cannot say that it is met.
fn conditions(assertion: &Element) -> Result<(), Refusal> {
    let conditions = assertion.child(ASSERTION, "Conditions").ok_or(Code::Conditions)?;
    let known = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
    let unknown = |one: &&Element| one.namespace != ASSERTION || !known.contains(&one.name.as_str());
    match conditions.children.iter().find(unknown) {
        Some(condition) => Err(Code::Conditions.because(&condition.name)),
        None => Ok(()),
    }
}

/// One statement of how the person signed in, and a confirmation without a beginning (SAML Profiles §4.1.4.2).
fn statements(assertion: &Element) -> Result<(), Refusal> {
    let count = assertion.all(ASSERTION, "AuthnStatement").count();
    if count != 1 {
        return Err(Code::AuthnStatement.because(&count.to_string()));
    }
    let subject = assertion.child(ASSERTION, "Subject").ok_or(Code::Subject)?;
    named(subject)?;
    let mut bearers =
        subject.all(ASSERTION, "SubjectConfirmation").filter(|one| one.attribute("Method") == Some(BEARER));
    let begins = |one: &Element| {
        one.child(ASSERTION, "SubjectConfirmationData").is_some_and(|data| data.attribute("NotBefore").is_some())
    };
    if bearers.any(begins) { Err(Code::Confirmation.because("NotBefore")) } else { Ok(()) }
}

/// The name in a subject, or in a request to log out. The library takes white space off, of every kind: two people could
/// become one.
pub(crate) fn named(parent: &Element) -> Result<(), Refusal> {
    let name = parent.child(ASSERTION, "NameID").ok_or(Code::Subject)?;
    let is_plain = name.children.is_empty() && name.text == name.text.trim() && !name.text.is_empty();
    is_plain.then_some(()).ok_or_else(|| Code::Subject.because("empty, or with white space around it"))
}

fn consume(question: &Verify, document: &Document) -> Result<Identity, Refusal> {
    let idp = provider(&question.idp_entity_id, &question.certificates)?;
    let acs = SsoResponseEndpoint::post(question.acs.as_str(), 0, true);
    // Each signature that is there has to be good.
    let Content { root_is_signed: response, assertion_is_signed: assertions, .. } = document.content;
    if !response && !assertions {
        return Err(Code::SignatureMissing.into());
    }
    let mut config = ourselves(&question.entity_id, acs.clone());
    config.want_signed = SpWantSigned { response, assertions };
    let tracker = tracker(question, &idp, acs)?;
    let provider = ServiceProvider::new(config).map_err(|error| failure::refusal(&error))?;
    let consumed = provider.consume_response(ConsumeResponse {
        idp: &idp,
        peer_crypto_policy: None,
        saml_response: document.text.as_bytes(),
        binding: SsoResponseBinding::HttpPost,
        relay_state: None,
        tracker: Some(&tracker),
        expected_destination: &question.acs,
        now: from_unix(question.now),
        clock_skew: Duration::from_secs(question.skew.into()),
        // It lets assertions for one use pass: the Worker takes each assertion once.
        replay_cache: Some(&InMemoryReplayCache::default()),
        replay_mode: ReplayMode::All,
        holder_of_key_cert: None,
    });
    consumed.map_err(|error| failure::refusal(&error))
}

/// Who may have signed.
pub(crate) fn provider(entity_id: &str, certificates: &[String]) -> Result<IdpDescriptor, Refusal> {
    Ok(IdpDescriptor {
        entity_id: entity_id.to_owned(),
        sso_endpoints: Vec::new(),
        slo_endpoints: Vec::new(),
        artifact_resolution_endpoints: Vec::new(),
        signing_certs: keys::all(certificates)?,
        encryption_certs: Vec::new(),
        supported_name_id_formats: Vec::new(),
        want_authn_requests_signed: false,
        valid_until: None,
        cache_duration: None,
    })
}

/// Whom it has to be for.
pub(crate) fn ourselves(entity_id: &str, acs: SsoResponseEndpoint) -> ServiceProviderConfig {
    ServiceProviderConfig {
        entity_id: entity_id.to_owned(),
        acs: vec![acs],
        slo: Vec::new(),
        name_id_formats: Vec::new(),
        signing_key: None,
        decryption_key: None,
        sign_authn_requests: false,
        want_signed: SpWantSigned { response: true, assertions: true },
        allow_unsolicited: false,
        logout_signing: saml::SpLogoutSigning::default(),
        logout_want_signed: saml::SpLogoutWantSigned { requests: true, responses: true },
        default_peer_crypto_policy: PeerCryptoPolicy::strong_defaults(),
        outbound_signature_algorithm: saml::SignatureAlgorithm::RsaSha256,
        outbound_digest_algorithm: saml::DigestAlgorithm::Sha256,
    }
}

/// The request that is under way. The library hands them out sealed only, so that nobody changes them meanwhile; here
/// there is no meanwhile, and the key protects nothing.
fn tracker(question: &Verify, idp: &IdpDescriptor, acs: SsoResponseEndpoint) -> Result<LoginTracker, Refusal> {
    let payload = saml::sp::LoginTrackerPayload {
        request_id: question.request_id.clone(),
        issued_at: from_unix(question.now),
        idp_entity_id: question.idp_entity_id.clone(),
        acs_endpoint: acs,
        requested_authn_context: None,
        requested_name_id_format: None,
        idp_signing_cert_fingerprints: idp
            .signing_certs
            .iter()
            .map(saml::X509Certificate::fingerprint_sha256)
            .collect(),
        idp_artifact_resolution_services: Vec::new(),
    };
    let key = [0; 32];
    let opened = payload
        .seal(&key)
        .and_then(|sealed| LoginTracker::open(&sealed, &key, from_unix(question.now), Duration::from_secs(1)));
    opened.map_err(|error| failure::refusal(&error))
}

fn told(identity: &Identity, question: &Verify) -> Result<Verified, Refusal> {
    let attributes: Vec<Attribute> = identity
        .attributes()
        .iter()
        .map(|one| Attribute {
            name: one.name.clone(),
            friendly_name: one.friendly_name.clone(),
            values: one.values.clone(),
        })
        .collect();
    let bytes: usize =
        attributes.iter().map(|one| one.name.len() + one.values.iter().map(String::len).sum::<usize>()).sum();
    if bytes > MAX_ATTRIBUTE_BYTES {
        return Err(Code::Size.because("attributes"));
    }
    let last = identity.not_on_or_after().max(identity.subject_confirmation_not_on_or_after());
    Ok(Verified {
        assertion_id: identity.assertion_id().to_owned(),
        name_id: name(identity.name_id())?,
        attributes,
        session_index: identity.session_index().map(|index| index.trim().to_owned()),
        session_not_on_or_after: identity.session_not_on_or_after().map(to_unix),
        authn_instant: to_unix(identity.authn_instant()),
        authn_context: identity.authn_context_class_ref().map(|class| class.trim().to_owned()),
        not_on_or_after: to_unix(last).saturating_add(question.skew.into()),
        certificate_sha256: keys::hex(&identity.verifying_cert_fingerprint()),
    })
}

/// A name as both sign-in and logout tell it.
pub(crate) fn name(name: &saml::NameId) -> Result<NameId, Refusal> {
    if name.value.is_empty() {
        return Err(Code::Subject.because("empty"));
    }
    Ok(NameId {
        value: name.value.clone(),
        format: name.format.as_uri().to_owned(),
        name_qualifier: name.name_qualifier.clone(),
        sp_name_qualifier: name.sp_name_qualifier.clone(),
    })
}
