//! What is published of policies.

use postern::ports::{PolicyPublisher, PolicyStore, StoreError};

use super::{Fault, World, breath};

impl PolicyStore for World {
    async fn published(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.spend(0, 0, 1);
        self.policy_reads.set(self.policy_reads.get() + 1);
        breath().await;
        while self.silence.get() {
            breath().await;
        }
        if self.fault.get() == Fault::Policies {
            return Err(StoreError::unavailable("it takes too long"));
        }
        Ok(self.policies.borrow().get(key).cloned())
    }
}

impl PolicyPublisher for World {
    async fn publish(&self, key: &str, text: String) -> Result<(), StoreError> {
        breath().await;
        if self.fault.get() == Fault::Policies {
            return Err(StoreError::unavailable("the store broke"));
        }
        self.policies.borrow_mut().insert(key.to_owned(), text);
        Ok(())
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        breath().await;
        Ok(self.policies.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}
