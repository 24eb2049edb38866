//! [`Sessions`] by one Durable Object a subject.

use worker::Env;

use super::object;
use crate::ports::StoreError;
use crate::session::message::{Envelope, VERSION};
use crate::session::{Answer, Command, Sessions, SubjectKey};

/// The binding of the namespace.
pub const BINDING: &str = "SUBJECTS";

/// Asks the subject's own `SubjectObject`.
#[derive(Clone, Debug)]
pub struct SubjectObjects(Env);

impl SubjectObjects {
    /// The objects of this deployment.
    #[must_use]
    pub const fn new(env: Env) -> Self {
        Self(env)
    }
}

impl Sessions for SubjectObjects {
    async fn call(&self, subject: &SubjectKey, command: &Command) -> Result<Answer, StoreError> {
        let envelope = Envelope { v: VERSION, command };
        let message = serde_json::to_string(&envelope).map_err(|_| StoreError::Malformed)?;
        let answer = object::call(&self.0, BINDING, &subject.object_name(), &message).await?;
        serde_json::from_str(&answer).map_err(|_| StoreError::Malformed)
    }
}
