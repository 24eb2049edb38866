//! What the person granted to one client, for those who look at a client across people.

use super::SubjectSessions;
use super::grants::StoredGrant;
use crate::ports::{Random, StoreError};
use crate::session::grant::Grant;
use crate::session::message::{GrantsTo, Reply};
use crate::session::record::{PersonNamed, Session, SessionTimeouts};
use crate::session::table::{Row, SessionTable};
use crate::time::Timestamp;

impl<Table: SessionTable, Rng: Random> SubjectSessions<'_, Table, Rng> {
    /// The grants to a client that can be used, and whose they are.
    pub(super) fn list_grants_to(
        &self,
        client: &str,
        clocks: SessionTimeouts,
        now: Timestamp,
    ) -> Result<Reply, StoreError> {
        let (mut person, mut grants) = (None, Vec::new());
        for (row, ..) in self.grants_to(client)? {
            let stored = self.load_grant(&row.digest, clocks, now)?;
            if let Some(StoredGrant { session, .. }) = stored.filter(|stored| stored.grant.is_usable()) {
                person = Some(named(&session));
                grants.push(self.listed(&row.digest, session, clocks, now));
            }
        }
        Ok(Reply::GrantsTo(Box::new(GrantsTo { person, grants, ended: 0 })))
    }

    /// Ends all grants to a client, also those whose code was not redeemed. What was asked for by now comes too late.
    pub(super) fn end_grants_to(&self, client: &str, now: Timestamp) -> Result<Reply, StoreError> {
        self.remember_ended_for(client, now)?;
        let person = self.grants_to(client)?.first().map(|(_, session, _)| named(session));
        let is_to = |session: &Session| session.grant.as_ref().is_some_and(|grant| grant.client == client);
        let ended = match self.end_where(now, |_, session| is_to(session))? {
            Reply::EndedMany { count } => count,
            _ => return Err(StoreError::Malformed),
        };
        Ok(Reply::GrantsTo(Box::new(GrantsTo { person, grants: Vec::new(), ended })))
    }

    fn grants_to(&self, client: &str) -> Result<Vec<(Row, Session, Grant)>, StoreError> {
        let mut grants = self.grants()?;
        grants.retain(|(_, _, grant)| grant.client == client);
        Ok(grants)
    }
}

fn named(session: &Session) -> PersonNamed {
    PersonNamed { issuer: session.issuer.clone(), subject: session.subject.clone(), provider: session.provider.clone() }
}
