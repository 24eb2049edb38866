//! [`Sessions`] by one Durable Object a subject.

use crate::bindings::Bindings;
use postern::config::bindings;
use postern::ports::StoreError;
use postern::session::message::{Envelope, VERSION};
use postern::session::{Command, KnownAnswers, Reply, Sessions, SubjectKey};

thread_local! {
    static ANSWERS: KnownAnswers = KnownAnswers::default();
}

/// The binding of the namespace.
pub const BINDING: &str = bindings::SUBJECTS;

/// Asks the subject's own `SubjectObject`.
impl Sessions for Bindings {
    async fn call(&self, subject: &SubjectKey, command: &Command) -> Result<Reply, StoreError> {
        let envelope = Envelope { v: VERSION, command };
        let message = serde_json::to_string(&envelope).map_err(|_| StoreError::Malformed)?;
        let (objects, name) = (self.objects(), subject.object_name());
        let answer = if command.may_be_repeated() {
            objects.read(BINDING, &name, &message).await?
        } else {
            self.background().note_effect();
            objects.call(BINDING, &name, &message).await?
        };
        ANSWERS.with(|answers| answers.read(subject, &message, &answer)).ok_or(StoreError::Malformed)
    }
}
