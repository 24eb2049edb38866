//! What a provider says of itself: its addresses, and the certificates that count.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::SamlParty;
use crate::config::{Issuer, SamlMetadata};
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::json::{is_true, said};
use crate::refusal::Reason;
use crate::saml::error::SamlError;
use crate::time::{Seconds, Timestamp};

/// One, and the one that comes after it.
const MAX_CERTIFICATES: usize = 2;
/// So long before its end a certificate is told of.
const NOTICE: Seconds = Seconds::hours(30 * 24);

/// For so long the SAML Worker is not asked again about the same document. Not longer, for its answer depends on the time.
const REMEMBERED: Seconds = Seconds::minutes(10);

/// What the SAML Worker made of a document, of which digest, and when.
type Understood = ([u8; 32], Timestamp, Rc<Map<String, Value>>);

/// What the SAML Worker made of the metadata of each provider: public data only. There are as many as providers.
#[derive(Debug, Default)]
pub(in crate::gateway) struct UnderstoodMetadata(RefCell<HashMap<String, Understood>>);

impl UnderstoodMetadata {
    fn known(&self, id: &str, digest: &[u8; 32], now: Timestamp) -> Option<Rc<Map<String, Value>>> {
        let all = self.0.borrow();
        let (known, at, metadata) = all.get(id)?;
        (known == digest && now < at.plus(REMEMBERED)).then(|| Rc::clone(metadata))
    }

    fn keep(&self, id: &str, understood: Understood) {
        self.0.borrow_mut().insert(id.to_owned(), understood);
    }
}

/// A provider, as far as it is needed.
pub(super) struct IdentityProvider {
    /// Where requests go.
    pub(super) sso: Option<String>,
    /// Where requests to sign out go.
    pub(super) slo: Option<String>,
    /// Where answers to such requests go.
    pub(super) slo_response: Option<String>,
    /// The certificates by whose keys it signs: DER in Base64.
    pub(super) certificates: Vec<String>,
    /// Whether it takes signed requests alone.
    pub(super) wants_signed: bool,
    /// Which certificate ends soon, if one does.
    pub(super) notice: Option<String>,
}

impl IdentityProvider {
    /// Has its metadata read.
    ///
    /// # Errors
    /// When there is no metadata, or it cannot be used.
    pub(super) async fn of<P: Platform>(ctx: &RequestContext<'_, P>, party: SamlParty<'_>) -> Result<Self, Reason> {
        let fetched: Rc<String>;
        let (xml, pins) = match &party.saml.metadata {
            SamlMetadata::Given(xml) => (xml.as_str(), None),
            SamlMetadata::Published { at, pins } => {
                fetched = ctx.site.documents.saml_metadata(ctx.platform, at).await?;
                (fetched.as_str(), Some(pins.as_slice()))
            }
        };
        let now = ctx.request.now;
        let digest: [u8; 32] = Sha256::digest(xml).into();
        let id = party.provider.id.as_str();
        let metadata = match ctx.site.saml_metadata.known(id, &digest, now) {
            Some(metadata) => metadata,
            None => {
                let question = json!({ "xml": xml, "entity_id": party.entity_id(), "now": now });
                let answer = ctx.ask_saml_worker_for("read_metadata", question, "metadata").await;
                let metadata = Rc::new(answer.map_err(|error| match error {
                    SamlError::Refused(why) => Reason::Saml(SamlError::Metadata(why)),
                    other => Reason::Saml(other),
                })?);
                ctx.site.saml_metadata.keep(id, (digest, now, Rc::clone(&metadata)));
                metadata
            }
        };
        let development = ctx.site.config.public_url.is_loopback_development();
        Self::read(&metadata, pins, (now, development)).map_err(|why| Reason::Saml(SamlError::Metadata(why.into())))
    }

    fn read(
        metadata: &Map<String, Value>,
        pins: Option<&[String]>,
        (now, development): (Timestamp, bool),
    ) -> Result<Self, &'static str> {
        let address = |name: &str| {
            let url = said(metadata, name).and_then(Value::as_str)?;
            Issuer::allows(url, development).then(|| url.to_owned())
        };
        if crate::claims::time(metadata, "valid_until").is_some_and(|until| until <= now) {
            return Err("it is not valid any more");
        }
        let all = said(metadata, "certificates").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        let counts = |one: &&Value| {
            let is_pinned = |pins: &[String]| text(one, "sha256").is_some_and(|hash| pins.contains(&hash));
            !one.get("weak").is_some_and(is_true) && pins.is_none_or(is_pinned)
        };
        let counting: Vec<&Value> = all.iter().filter(counts).collect();
        if counting.is_empty() {
            return Err("no certificate that counts is in it");
        }
        if counting.len() > MAX_CERTIFICATES {
            return Err("more than two certificates are in it");
        }
        let ends = |one: &&&Value| {
            let end = one.get("not_after").and_then(Value::as_i64).map(Timestamp::from_unix);
            end.is_some_and(|end| end <= now.plus(NOTICE))
        };
        let notice = counting.iter().find(ends).and_then(|one| text(one, "sha256"));
        let slo = address("slo_redirect");
        Ok(Self {
            sso: address("sso_redirect"),
            slo_response: address("slo_redirect_response").or_else(|| slo.clone()),
            slo,
            certificates: counting.iter().filter_map(|one| text(one, "der")).collect(),
            wants_signed: metadata.get("wants_signed_requests").is_some_and(is_true),
            notice: notice.map(|hash| format!("the certificate {hash} of the provider ends soon, or has ended")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn certificate(name: &str, weak: bool, days: i64) -> Value {
        json!({ "der": name, "sha256": name.repeat(2), "not_after": NOW + days * 86_400, "weak": weak })
    }

    fn read(metadata: &Value, pins: Option<&[String]>) -> Result<IdentityProvider, &'static str> {
        IdentityProvider::read(metadata.as_object().unwrap(), pins, (Timestamp::from_unix(NOW), false))
    }

    #[test]
    fn of_published_certificates_only_pinned_ones_count() {
        //
        let metadata = json!({ "certificates": [certificate("a", false, 99), certificate("b", false, 99), certificate("c", true, 99)] });
        let pins = ["aa".to_owned(), "cc".to_owned()];
        assert_eq!(read(&metadata, Some(&pins)).unwrap().certificates, ["a"]);
        assert_eq!(read(&metadata, Some(&["dd".to_owned()])).err(), Some("no certificate that counts is in it"));
        assert_eq!(read(&metadata, Some(&["cc".to_owned()])).err(), Some("no certificate that counts is in it"));
        assert_eq!(read(&metadata, None).unwrap().certificates, ["a", "b"]);
        let all = ["a", "b", "c"].map(|name| certificate(name, false, 99));
        let three = json!({ "certificates": all });
        assert_eq!(read(&three, None).err(), Some("more than two certificates are in it"));
    }

    #[test]
    fn the_end_of_a_certificate_is_told_of_and_not_enforced() {
        //
        for (days, is_told) in [(-400, true), (29, true), (31, false)] {
            let metadata = json!({ "certificates": [certificate("a", false, days)] });
            let read = read(&metadata, None).unwrap();
            assert_eq!((read.notice.is_some(), read.certificates.len()), (is_told, 1), "{days}");
        }
    }

    #[test]
    fn addresses_are_of_the_public_internet() {
        let metadata = |url: &str| json!({ "certificates": [certificate("a", false, 99)], "sso_redirect": url });
        assert!(read(&metadata("https://idp.example.com/sso"), None).unwrap().sso.is_some());
        for bad in
            ["http://idp.example.com/sso", "https://10.0.0.1/sso", "https://localhost/", "javascript:alert(1)", ""]
        {
            assert_eq!(read(&metadata(bad), None).unwrap().sso, None, "{bad}");
        }
        let over = json!({ "certificates": [certificate("a", false, 99)], "valid_until": NOW });
        assert_eq!(read(&over, None).err(), Some("it is not valid any more"));
    }
}
