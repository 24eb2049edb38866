//! A ring for each of several sites, derived from the deployment's: no further secret to keep, and none to rotate.

use super::{Entry, KeyRing};
use crate::ids::site::SiteId;

/// No purpose's label begins like this.
const LABEL: &[u8] = b"postern/v1/site/";

impl KeyRing {
    /// The ring of one of several sites: each root is derived from the deployment's, so nothing that is made with it,
    /// MAC, seal or signature, means anything at another site.
    #[must_use]
    pub fn of_site(&self, site: &SiteId) -> Self {
        Self { newest: self.newest.of_site(site), older: self.older.iter().map(|entry| entry.of_site(site)).collect() }
    }
}

impl Entry {
    fn of_site(&self, site: &SiteId) -> Self {
        Self::new(self.id.clone(), self.expand(&[LABEL, site.as_str().as_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};

    use super::super::tests::{Counting, ring};
    use super::*;
    use crate::keyring::KeyPurpose;

    #[test]
    fn what_a_site_makes_means_nothing_elsewhere() {
        let deployment = ring(&["b", "a"]);
        let site = |id: &str| deployment.of_site(&SiteId::parse(id).unwrap());
        let (shop, admin) = (site("shop"), site("admin"));
        assert_eq!(shop.newest_id(), deployment.newest_id());
        for purpose in
            [KeyPurpose::LoginTransaction, KeyPurpose::SessionHandle, KeyPurpose::SharedDocument, KeyPurpose::DpopNonce]
        {
            let mac = shop.mac(purpose, b"text");
            let sealed = shop.seal(purpose, b"at", b"text", &Counting).unwrap();
            assert!(site("shop").mac_is_valid(purpose, "b", b"text", &mac));
            assert!(site("shop").open(purpose, b"at", &sealed).is_ok());
            for other in [&admin, &deployment, &site("shops"), &site("sho")] {
                assert!(!other.mac_is_valid(purpose, "b", b"text", &mac));
                assert!(other.open(purpose, b"at", &sealed).is_err());
            }
        }
        let kids = |ring: &KeyRing| ring.signers().map(|signer| signer.kid().to_owned()).collect::<Vec<_>>();
        let all = [kids(&shop), kids(&admin), kids(&deployment)].concat();
        assert!(all.len() == 6 && all.iter().all(|kid| all.iter().filter(|other| *other == kid).count() == 1));
    }

    #[test]
    fn a_sites_ring_rotates_with_the_deployments() {
        let shop = SiteId::parse("shop").unwrap();
        let (old, new) = (ring(&["a"]).of_site(&shop), ring(&["b", "a"]).of_site(&shop));
        let sealed = old.seal(KeyPurpose::StoredTokens, b"at", b"text", &Counting).unwrap();
        assert_eq!(new.open(KeyPurpose::StoredTokens, b"at", &sealed).unwrap().expose(), b"text");
        // Other values here mean that everybody is signed out by the next deployment.
        let mac = |ring: &KeyRing| Base64UrlUnpadded::encode_string(&ring.mac(KeyPurpose::SessionHandle, b"text"));
        assert_eq!(mac(&ring(&["a"])), "0F7uVfDTAtFSMAwBB5aWAz1AaaO7PxF-9hc7p6FQBjI");
        assert_eq!(mac(&old), "GlP1Dw-kULmXO3mYmXGFhwfo9C1el2O4XjaDVr5JEDk");
    }
}
