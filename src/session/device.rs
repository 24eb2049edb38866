//! Sessions that are bound to a device (Device Bound Session Credentials): the browser proves again and again that it has a
//! key that does not leave the device.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What binds a session to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceBinding {
    /// The public key, as a JWK.
    pub jwk: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When the browser last proved that it has the private half.
    pub proved_at: Timestamp,
    /// How often it has: a proof counts for one generation alone.
    pub generation: u64,
}
