//! [`ServiceTokens`] by one Durable Object an entry of `SERVICES`.

use crate::bindings::Bindings;
use postern::config::bindings;
use postern::outward::{ServiceTokenReply, ServiceTokenRequest, ServiceTokens};
use postern::ports::StoreError;

/// The binding of the namespace.
pub const BINDING: &str = bindings::SERVICE_TOKENS;

/// Asks the entry's own `ServiceTokenObject`. It may have to ask the authorization server first, and for its metadata before.
impl ServiceTokens for Bindings {
    async fn service_token(&self, wanted: &ServiceTokenRequest) -> Result<ServiceTokenReply, StoreError> {
        let name = format!("service-{}", wanted.service);
        let answer = self.objects().read(BINDING, &name, &wanted.to_json()).await?;
        ServiceTokenReply::parse(&answer).ok_or(StoreError::Malformed)
    }

    async fn reach(&self) -> Result<(), StoreError> {
        // Of an entry that there cannot be.
        let message = ServiceTokenRequest::new("", String::new(), None).to_json();
        let answer = self.objects().read(BINDING, "service-", &message).await?;
        ServiceTokenReply::parse(&answer).map(drop).ok_or(StoreError::Malformed)
    }
}
