//! Exchanges of the model: what is exchanged can do no more than what it came from, and families stay small.

use postern::ids::actor::Actor;
use postern::session::grant::{Grant, MAX_ACTORS, MAX_EXCHANGED};
use postern::session::{Command, Exchange, GrantRefusal, Reply, SessionId};
use postern::time::Timestamp;

use super::{CLIENT, KnownGrant, Run, SCOPES, at, clocks};

fn narrower(expires_at: Timestamp, scopes: Vec<String>, actors: usize) -> Grant {
    Grant {
        client: CLIENT.into(),
        client_name: "Client".into(),
        redirect_uri: "cb".into(),
        resource: "https://app.example/mcp".into(),
        scopes,
        expires_at,
        code: None,
        generation: 9,
        rotated_at: at(0),
        jkt: None,
        with_session: None,
        parent: None,
        actors: vec![Actor { issuer: None, subject: CLIENT.into() }; actors],
        task: None,
        uses_left: None,
        indexed: false,
        seen_at: None,
    }
}

impl Run {
    /// How many live that were exchanged for the grant that this one comes from, however far down.
    fn family_of(&self, index: usize) -> usize {
        let root = |mut index: usize| {
            while let Some(parent) = self.grants[index].parent {
                index = parent;
            }
            index
        };
        let all = 0..self.grants.len();
        all.filter(|one| self.grants[*one].parent.is_some() && root(*one) == root(index) && self.lives(*one)).count()
    }

    pub(super) fn exchange(&mut self, back: usize, scopes: u8, life: i64, uses: Option<u32>) {
        let Some(index) = self.grant(back) else { return };
        let parent = &self.grants[index];
        let scopes: Vec<String> = (0_u8..)
            .zip(SCOPES)
            .filter(|(bit, _)| scopes & (1 << bit) != 0)
            .map(|(_, scope)| scope.to_owned())
            .collect();
        let is_usable = self.lives(index) && parent.code_until.is_none() && parent.uses_left != Some(0);
        let actors = parent.actors + 1;
        let fits = parent.uses_left.is_none()
            && scopes.iter().all(|scope| parent.scopes.contains(scope))
            && actors <= MAX_ACTORS;
        let grant = Grant { uses_left: uses, ..narrower(at(self.now + life), scopes.clone(), actors) };
        let digest = SessionId::generate(&self.random).digest();
        let (parent_digest, ends_at) = (parent.digest.clone(), parent.ends_at.min(self.now + life));
        let exchange = Exchange {
            parent: parent_digest,
            digest: digest.clone(),
            grant,
            asked_at: Some(at(self.now)),
            clocks: clocks(),
        };
        match self.run(&Command::Exchange(Box::new(exchange))) {
            Reply::Granted(_) => {
                assert!(is_usable && fits, "more than there was (R-323)");
                assert!(self.family_of(index) < MAX_EXCHANGED, "more tokens than one grant is good for");
            }
            Reply::Refused(GrantRefusal::TooMuch) => return assert!(is_usable && !fits),
            Reply::Refused(GrantRefusal::TooMany) => {
                return assert!(self.family_of(index) >= MAX_EXCHANGED);
            }
            Reply::Gone => return assert!(!is_usable),
            other => panic!("{other:?}"),
        }
        let tied = self.grants[index].tied;
        self.grants.push(KnownGrant {
            digest,
            created_at: self.now,
            ends_at,
            tied,
            parent: Some(index),
            scopes,
            actors,
            code_until: None,
            generation: 0,
            rotated_at: self.now,
            uses_left: uses,
            ended: false,
        });
    }
}
