//! What must hold after everything that happens.

use postern::session::second::{FactorKind, FactorList, SecondCommand, SecondMethod, SecondReply};
use postern::session::table::{NoteKind, SessionTable};
use postern::time::Timestamp;

use crate::model::{What, Wrong};
use crate::run::{DAYS, Run};

impl Run {
    pub fn assert_always(&self) {
        if self.sessions.iter().any(|known| self.now >= known.began + i64::from(DAYS.get())) {
            return;
        }
        for known in &self.sessions {
            let live = self.live(known.who, &known.digest);
            assert_eq!(live.is_some(), !known.ended, "an ended session lives, or one is lost");
            assert!(self.live(1 - known.who, &known.digest).is_none());
            assert!(
                known.before.iter().all(|before| self.live(known.who, before).is_none()),
                "an old id lives (R-177)"
            );
            let Some(live) = live else { continue };
            let proof = live.second.map(|proof| (proof.at.as_unix(), proof.by, proof.factor));
            assert_eq!(
                proof,
                known.proof.map(|(at, by)| (at, self.method(by), by.map(|by| self.factors[by].id.clone())))
            );
        }
        for who in 0..2 {
            self.assert_list(who);
            self.assert_stored(who);
        }
    }

    fn method(&self, by: Option<usize>) -> SecondMethod {
        match by.map(|by| &self.factors[by].what) {
            None => SecondMethod::Recovery,
            Some(What::App { .. }) => SecondMethod::Totp,
            Some(What::Key { .. }) => SecondMethod::Passkey { synced: false },
        }
    }

    fn assert_list(&self, who: usize) {
        let SecondReply::Factors(list) = self.second(who, SecondCommand::Read { session: None }) else {
            panic!("no list")
        };
        let FactorList { factors, recovery_left, totp_locked_until, recovery_locked_until, .. } = list;
        let ids: Vec<_> = factors.iter().map(|factor| factor.id.as_str()).collect();
        assert_eq!(ids, self.of(who).into_iter().map(|at| self.factors[at].id.as_str()).collect::<Vec<_>>());
        assert!(factors.iter().all(|factor| factor.usable && factor.kind != FactorKind::Unknown));
        let left = self.codes.iter().filter(|code| code.who == who && !code.gone).count();
        assert_eq!(recovery_left as usize, left);
        let locked = |wrong: Wrong| (self.now < wrong.locked_until).then_some(wrong.locked_until);
        assert_eq!(totp_locked_until.map(Timestamp::as_unix), locked(self.wrong_app[who]));
        assert_eq!(recovery_locked_until.map(Timestamp::as_unix), locked(self.wrong_recovery[who]));
    }

    /// Nothing stored tells a secret or a code.
    fn assert_stored(&self, who: usize) {
        let notes = self.tables[who].notes(NoteKind::Ended).unwrap();
        let Some(book) = notes.into_iter().find(|note| note.key == "second") else {
            assert!(self.of(who).is_empty());
            return;
        };
        for factor in &self.factors {
            let What::App { secret, .. } = &factor.what else { continue };
            let sent = serde_json::to_string(secret).unwrap();
            assert!(!book.value.contains(sent.trim_matches('"')) && !book.value.contains(secret.to_base32().expose()));
        }
        assert!(self.codes.iter().all(|code| !book.value.contains(&code.text)));
    }
}
