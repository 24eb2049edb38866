//! Proofs by an app, a passkey or a recovery code.

use postern::session::second::{Presented, Prove, SecondCommand, SecondReply};
use postern::session::subject::Rotation;

use super::{Run, kind, pick, typed};
use crate::model::{Expected, What, Wrong, code};

impl Run {
    pub(super) fn prove(&self, who: usize, rotation: &Rotation, presented: Presented) -> SecondReply {
        self.second(who, SecondCommand::Prove(Box::new(Prove { rotation: rotation.clone(), presented })))
    }

    /// What comes before any code is looked at.
    pub(super) fn before_codes(&self, who: usize, session: usize, wrong: Wrong, has_any: bool) -> Option<Expected> {
        if !self.lives_at(who, session) {
            return Some(Expected::Gone);
        }
        if self.now < wrong.locked_until {
            return Some(Expected::Locked);
        }
        (!has_any).then_some(Expected::Refused)
    }

    pub(super) fn prove_app(&mut self, back: usize, factor: usize, step: i64, astray: bool) {
        let apps: Vec<_> =
            (0..self.factors.len()).filter(|at| matches!(self.factors[*at].what, What::App { .. })).collect();
        let (Some(session), Some(at)) = (self.session(back), pick(apps.len(), factor)) else { return };
        let What::App { secret, .. } = self.factors[apps[at]].what.clone() else { return };
        let who = self.sessions[session].who ^ usize::from(astray);
        self.try_code(who, session, &code(&secret, self.now / 30 + step));
    }

    pub(super) fn guess(&mut self, back: usize) {
        let Some(session) = self.session(back) else { return };
        self.try_code(self.sessions[session].who, session, "000000");
    }

    /// The factor whose code this is now, and its step.
    pub(super) fn meant_by(&self, who: usize, typed: &str) -> Option<(usize, i64)> {
        let current = self.now / 30;
        self.of(who).into_iter().find_map(|at| {
            let What::App { secret, last_step } = &self.factors[at].what else { return None };
            let is_it = |step: &i64| step > last_step && code(secret, *step) == typed;
            Some((at, (current - 1..=current + 1).rev().find(is_it)?))
        })
    }

    pub(super) fn try_code(&mut self, who: usize, session: usize, text: &str) {
        let meant = self.meant_by(who, text);
        let before = self.before_codes(who, session, self.wrong_app[who], self.apps_of(who) > 0);
        let expected = before.unwrap_or(if meant.is_some() { Expected::Done } else { Expected::Wrong });
        let rotation = self.rotation(session);
        let reply = self.prove(who, &rotation, Presented::Totp { code: typed(text) });
        assert_eq!(kind(&reply), expected, "{reply:?}");
        match (expected, meant) {
            (Expected::Done, Some((at, step))) => {
                let What::App { last_step, .. } = &mut self.factors[at].what else { return };
                *last_step = step;
                self.wrong_app[who] = Wrong::default();
                self.moved(session, rotation, Some(at));
            }
            (Expected::Wrong, _) => self.wrong_app[who].note(self.now),
            _ => {}
        }
    }

    pub(super) fn prove_key(&mut self, back: usize, factor: usize, more: u32, astray: bool) {
        let keys: Vec<_> =
            (0..self.factors.len()).filter(|at| matches!(self.factors[*at].what, What::Key { .. })).collect();
        let (Some(session), Some(at)) = (self.session(back), pick(keys.len(), factor)) else { return };
        let known = self.factors[keys[at]].clone();
        let What::Key { credential, count } = known.what else { return };
        let who = self.sessions[session].who ^ usize::from(astray);
        let sign_count = count + more;
        let counts_on = more > 0 || sign_count == 0;
        let expected = if !self.lives_at(who, session) {
            Expected::Gone
        } else if known.who == who && !known.gone && counts_on {
            Expected::Done
        } else {
            Expected::Refused
        };
        let rotation = self.rotation(session);
        let presented =
            Presented::Passkey { credential: credential.clone(), sign_count, backup_eligible: false, backed_up: false };
        let reply = self.prove(who, &rotation, presented);
        assert_eq!(kind(&reply), expected, "{reply:?}");
        if expected == Expected::Done {
            self.factors[keys[at]].what = What::Key { credential, count: sign_count };
            self.moved(session, rotation, Some(keys[at]));
        }
    }

    pub(super) fn recover(&mut self, back: usize, code: usize, astray: bool) {
        let (Some(session), Some(at)) = (self.session(back), pick(self.codes.len(), code)) else { return };
        let known = self.codes[at].clone();
        let who = self.sessions[session].who ^ usize::from(astray);
        let has_any = self.codes.iter().any(|code| code.who == who && !code.gone);
        let before = self.before_codes(who, session, self.wrong_recovery[who], has_any);
        let is_good = known.who == who && !known.gone;
        let expected = before.unwrap_or(if is_good { Expected::Done } else { Expected::Wrong });
        let rotation = self.rotation(session);
        let reply = self.prove(who, &rotation, Presented::Recovery { code: typed(&known.text) });
        assert_eq!(kind(&reply), expected, "{reply:?}");
        match expected {
            Expected::Done => {
                self.codes[at].gone = true;
                self.wrong_recovery[who] = Wrong::default();
                self.wrong_app[who] = Wrong::default();
                self.moved(session, rotation, None);
                for other in (0..self.sessions.len()).filter(|other| *other != session) {
                    self.sessions[other].ended |= self.sessions[other].who == who;
                }
            }
            Expected::Wrong => self.wrong_recovery[who].note(self.now),
            _ => {}
        }
    }
}
