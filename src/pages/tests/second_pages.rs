//! Every page of second factors, with a text wherever something can be put.

use crate::config::OfferedFactor;
use crate::pages::second::list::{self, OwnFactors};
use crate::pages::second::totp::{self, NewApp};
use crate::pages::second::verify::{self, Asked};
use crate::pages::second::{Before, CodeFault, ToldChanges, codes};
use crate::pages::{HtmlPage, View};
use crate::secret::Secret;
use crate::session::second::changes::{ChangeKind, FactorChange};
use crate::session::second::{FactorKind, FactorList, ListedFactor, Passkey, SecondMethod, SecondProof};
use crate::time::{Seconds, Timestamp};

const AT: Timestamp = Timestamp::from_unix(1_795_328_454);

/// Those without a script.
pub(super) fn quiet(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    let (uri, secret) = (Secret::new("otpauth://totp/x".to_owned()), Secret::new("0000".to_owned()));
    let app = |fault| NewApp { uri: &uri, secret: &secret, pending: text, name: text, back: Some(text), fault };
    vec![
        codes::render(view, &["0000"], text),
        totp::render(view, &app(None)),
        totp::render(view, &app(Some(CodeFault::Wrong))),
        totp::render(view, &app(Some(CodeFault::Locked(Seconds::new(60))))),
    ]
}

/// Those with one.
pub(super) fn scripted(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    let some = FactorList {
        factors: vec![
            factor("00aa", FactorKind::Totp, text),
            factor("00bb", FactorKind::Passkey, text),
            ListedFactor { usable: false, ..factor("00cc", FactorKind::Unknown, "") },
            synced(factor("00dd", FactorKind::Passkey, "")),
        ],
        recovery_left: 9,
        recovery_made_at: Some(AT),
        ..FactorList::default()
    };
    let last = FactorList { factors: vec![factor("00aa", FactorKind::Totp, text)], ..FactorList::default() };
    let none = FactorList::default();
    let by = |by| SecondProof { factor: Some("00aa".to_owned()), ..SecondProof::new(AT, by) };
    let (proof, recovered) = (by(SecondMethod::Totp), by(SecondMethod::Recovery));
    let changes = changes(text);
    let changed = |began_at| ToldChanges { all: changes.iter().collect(), left_out: 5, began_at };
    let own = |list, adding, changing, proof| OwnFactors {
        list,
        offered: &[OfferedFactor::Passkey, OfferedFactor::Totp],
        rp_id: text,
        user_handle: text,
        adding,
        changing,
        proof,
        changes: changed(Timestamp::EPOCH),
        back: Some(text),
        verify: text,
    };
    let (nothing, prove) = (Before::Nothing, Before::Proof(text));
    let wait = || Some(Some(Seconds::new(60)));
    let mut pages = vec![
        verify::render(view, &Asked { totp: Some(None), recovery: Some(None), back: Some(text), ..Asked::default() }),
        verify::render(view, &Asked { totp: wait(), recovery: wait(), ..Asked::default() }),
        list::render(view, &OwnFactors { changes: changed(AT), ..own(&none, nothing, prove, None) }),
        verify::render(view, &Asked { passkey: true, back: Some(text), ..Asked::default() }),
        verify::render(view, &Asked { passkey: true, fault: Some(CodeFault::Wrong), ..Asked::default() }),
    ];
    for own in [
        own(&some, nothing, nothing, Some(&proof)),
        own(&some, prove, prove, None),
        own(&some, nothing, prove, Some(&recovered)),
        own(&last, nothing, nothing, Some(&proof)),
        own(&none, nothing, prove, None),
        own(&none, Before::SignIn(text), prove, None),
    ] {
        pages.push(list::render(view, &own));
    }
    pages
}

/// One of each.
pub(super) fn changes(text: &str) -> Vec<FactorChange> {
    use ChangeKind::{Added, CodesMade, RecoveryUsed, Removed, Reset};
    let (began_at, device) = (Some(AT), "Firefox on Linux".to_owned());
    let one = |what| FactorChange {
        at: AT,
        what,
        kind: Some(FactorKind::Totp),
        name: text.to_owned(),
        began_at,
        device: device.clone(),
    };
    [Added, Removed, RecoveryUsed, CodesMade, Reset].map(one).to_vec()
}

/// Those by another session.
pub(super) fn elsewhere(changes: &[FactorChange]) -> ToldChanges<'_> {
    ToldChanges { all: changes.iter().collect(), left_out: 5, began_at: Timestamp::EPOCH }
}

fn factor(id: &str, kind: FactorKind, text: &str) -> ListedFactor {
    let passkey = (kind == FactorKind::Passkey).then(|| Passkey { id: text.to_owned(), ..Passkey::default() });
    let used_at = (kind == FactorKind::Totp).then_some(AT);
    ListedFactor { id: id.to_owned(), kind, name: text.to_owned(), made_at: AT, used_at, usable: true, passkey }
}

fn synced(mut factor: ListedFactor) -> ListedFactor {
    if let Some(passkey) = &mut factor.passkey {
        passkey.backup_eligible = true;
    }
    factor
}
