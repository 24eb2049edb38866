//! How grants are used and end, as the model has it, and what never happens to them.

use super::*;

impl Run {
    pub(super) fn use_grant(&mut self, back: usize, spend: bool) {
        let Some(index) = self.grant(back) else { return };
        let known = &self.grants[index];
        let is_usable = self.lives(index) && known.code_until.is_none() && known.uses_left != Some(0);
        let check = CheckGrant { digest: known.digest.clone(), spend, clocks: clocks() };
        match self.run(&Command::CheckGrant(check)) {
            Reply::LiveGrant(session) => {
                assert!(is_usable, "what is over is used");
                let grant = session.grant.unwrap();
                assert_eq!((&grant.scopes, grant.actors.len()), (&known.scopes, known.actors), "scopes never grow");
                assert!(grant.expires_at <= at(known.ends_at), "nothing lives longer than it was granted");
                let known = &mut self.grants[index];
                if spend {
                    known.uses_left = known.uses_left.map(|left| left - 1);
                }
                assert_eq!(grant.uses_left, known.uses_left, "a use was not counted (R-326)");
            }
            Reply::Gone => assert!(!is_usable, "a grant was lost"),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn end_grant(&mut self, back: usize, own: bool) {
        let Some(index) = self.grant(back) else { return };
        let client = if own { CLIENT } else { "https://other.example/" };
        let command = Command::EndGrant { digest: self.grants[index].digest.clone(), client: client.into() };
        let reply = self.run(&command);
        assert!(matches!(reply, Reply::Gone | Reply::EndedMany { count: 1 }), "{reply:?}");
        self.grants[index].ended |= own;
        self.bury();
    }

    pub(super) fn end_listed(&mut self, back: usize) {
        let Some(index) = self.grant(back) else { return };
        self.run(&Command::EndListed { id: self.grants[index].digest.public_id() });
        self.grants[index].ended = true;
        self.bury();
    }

    /// All that the client has ends, and what it is yet to have by what was asked for before.
    pub(super) fn end_client(&mut self, own: bool) {
        let client = if own { CLIENT } else { "https://other.example/" };
        let Reply::GrantsTo(told) = self.run(&Command::EndGrantsTo { client: client.into() }) else { panic!() };
        assert!(if own { told.ended as usize >= self.living() } else { told.ended == 0 }, "{told:?}");
        if own {
            self.client_ended = Some(self.now);
            self.grants.iter_mut().for_each(|grant| grant.ended = true);
        }
        let command = Command::ListGrantsTo { client: client.into(), clocks: clocks() };
        let Reply::GrantsTo(found) = self.run(&command) else { panic!() };
        assert!(found.grants.is_empty(), "{found:?}");
    }

    fn living(&self) -> usize {
        (0..self.grants.len()).filter(|index| self.lives(*index)).count()
    }

    pub(super) fn end_session(&mut self, back: usize) {
        let Some(index) = self.session(back) else { return };
        self.run(&Command::End { digest: self.sessions[index].digest.clone() });
        self.sessions[index].ended = true;
        self.bury();
    }

    pub(super) fn end_others(&mut self, back: usize) {
        let Some(index) = self.session(back) else { return };
        self.run(&Command::EndOthers { keep: self.sessions[index].digest.clone() });
        let others = self.sessions.iter_mut().enumerate().filter(|(other, _)| *other != index);
        others.for_each(|(_, session)| session.ended = true);
        self.grants.iter_mut().for_each(|grant| grant.ended = true);
    }

    pub(super) fn end_all(&mut self, ago: Option<i64>) {
        let before = self.now - ago.unwrap_or(0);
        self.run(&Command::EndAll { before: ago.map(|_| at(before)) });
        self.cutoff = Some(self.cutoff.unwrap_or(i64::MIN).max(before));
        let is_meant = |created_at: i64| ago.is_none() || created_at <= before;
        self.sessions.iter_mut().for_each(|session| session.ended |= is_meant(session.created_at));
        self.grants.iter_mut().for_each(|grant| grant.ended |= is_meant(grant.created_at));
        self.bury();
    }

    pub(super) fn assert_always(&self) {
        for index in (0..self.grants.len()).filter(|index| self.grants[*index].ended) {
            let digest = self.grants[index].digest.clone();
            let check = CheckGrant { digest, spend: false, clocks: clocks() };
            let answer = self.run(&Command::CheckGrant(check));
            assert!(matches!(answer, Reply::Gone), "what ended came back: {answer:?}");
        }
    }

    /// What is stored goes by itself in the end.
    pub(super) fn everybody_leaves(&mut self) {
        self.end_all(None);
        self.assert_always();
        assert_eq!(self.table.all().unwrap().len(), 0);
        self.now += 10 * 86_400;
        self.subject().sweep(at(self.now)).unwrap();
        for revocation in self.subject().revocations_due(at(self.now)).unwrap() {
            self.subject().revocation_tried(revocation, true, at(self.now)).unwrap();
        }
        assert_eq!(self.table.next_event().unwrap(), None, "storage cleans itself");
    }
}
