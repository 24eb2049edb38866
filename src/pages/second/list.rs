//! The second factors of a person, and a way to add, rename and remove them.

use maud::{Markup, html};

use super::{Before, KEEP_FRAGMENT, PASSKEYS, ToldChanges, notice, onward, passkey_fault, without_passkeys};
use crate::config::OfferedFactor;
use crate::pages::sessions::facts;
use crate::pages::{Draft, HtmlPage, LOCAL_TIMES, View, moment};
use crate::session::second::{FactorKind, FactorList, ListedFactor, SecondMethod, SecondProof};

/// What the page is about.
#[derive(Debug)]
pub struct OwnFactors<'a> {
    /// What they have.
    pub list: &'a FactorList,
    /// What they can add here.
    pub offered: &'a [OfferedFactor],
    /// The domain that passkeys are made for.
    pub rp_id: &'a str,
    /// The user handle of their passkeys.
    pub user_handle: &'a str,
    /// What has to be done before a factor is added.
    pub adding: Before<'a>,
    /// The same for all other changes.
    pub changing: Before<'a>,
    /// What was proven last in this session.
    pub proof: Option<&'a SecondProof>,
    /// What was changed, in this session too.
    pub changes: ToldChanges<'a>,
    /// Where they were on the way to.
    pub back: Option<&'a str>,
    /// Where to prove another factor than the last one, and come back.
    pub verify: &'a str,
}

impl OwnFactors<'_> {
    fn is_recovering(&self) -> bool {
        self.proof.is_some_and(|proof| proof.by == SecondMethod::Recovery) && self.adding == Before::Nothing
    }

    /// A passkey that can be made here or used here needs the script.
    fn has_passkeys(&self) -> bool {
        self.offered.contains(&OfferedFactor::Passkey) || self.list.factors.iter().any(|one| one.passkey.is_some())
    }
}

/// The page.
#[must_use]
pub fn render(view: &View<'_>, own: &OwnFactors<'_>) -> HtmlPage {
    let title = view.say("Your second factors");
    let factors = &own.list.factors;
    let body = html! {
        h1 { (title) }
        p { (view.say("With one of these you show that it is you, beside your sign-in. A thief who has only your password does not get far.")) }
        (notice(view, &own.changes))
        (first_things(view, own))
        @if own.has_passkeys() { (accepted(own)) }
        @if factors.is_empty() { p { (view.say("You have none yet.")) } }
        @else { (all(view, own)) }
        @if own.adding == Before::Nothing { (add(view, own)) }
        @if !factors.is_empty() { (recovery_codes(view, own)) }
        p.number {
            a href="/" { (view.say("Start page")) } " · "
            a href="/auth/sessions" { (view.say("Where you are signed in")) }
        }
    };
    let draft = Draft::new(title, body).with_script(LOCAL_TIMES).with_script(KEEP_FRAGMENT).with_form();
    view.page(if own.has_passkeys() { draft.with_passkeys(PASSKEYS) } else { draft })
}

/// What comes before all else on this page.
fn first_things(view: &View<'_>, own: &OwnFactors<'_>) -> Markup {
    let is_proven = own.changing == Before::Nothing;
    html! {
        @if own.is_recovering() {
            div.answer role="status" {
                p { (view.say("You have used a recovery code. Add a new second factor now: for 15 minutes you can.")) }
            }
        } @else if let (Some(back), true) = (own.back, is_proven) {
            div.answer role="status" {
                p { (view.say("It is confirmed that it is you.")) }
                a.button href=(back) data-way { (view.say("Go on")) }
            }
        } @else if own.back.is_some() && own.list.factors.is_empty() {
            div.answer role="status" {
                p { (view.say("The page that you want to open needs a second factor. Add one, then you go on there.")) }
            }
        }
        @match (own.adding, own.changing) {
            (Before::SignIn(link), _) => {
                div.answer role="status" {
                    p { (view.say("To add your first one, sign in once more.")) }
                    a.button href=(link) { (view.say("Sign in")) }
                }
            }
            (Before::Proof(link), _) => {
                div.answer role="status" {
                    p { (view.say("To change anything here, confirm first that it is you.")) }
                    a.button href=(link) { (view.say("Confirm that it is you")) }
                }
            }
            _ => {}
        }
    }
}

fn all(view: &View<'_>, own: &OwnFactors<'_>) -> Markup {
    html! { ul { @for factor in &own.list.factors { (one(view, factor, own)) } } }
}

/// For the script: what a browser that keeps passkeys is told of those that are still accepted, also when none is (R-339).
fn accepted(own: &OwnFactors<'_>) -> Markup {
    let passkeys = own.list.factors.iter().filter_map(|factor| factor.passkey.as_ref());
    let ids: Vec<&str> = passkeys.map(|passkey| passkey.id.as_str()).collect();
    html! { div data-rp-id=(own.rp_id) data-user-handle=(own.user_handle) data-credentials=(ids.join(" ")) hidden {} }
}

fn one(view: &View<'_>, factor: &ListedFactor, own: &OwnFactors<'_>) -> Markup {
    let heading = format!("factor-{}", factor.id);
    let kind = view.say(kind(factor.kind));
    let is_last_proven = own.proof.is_some_and(|proof| proof.factor.as_ref() == Some(&factor.id));
    let synced = factor.passkey.as_ref().map(|passkey| {
        let place = if passkey.backup_eligible { "Copied to your other devices" } else { "On one device alone" };
        html! { (view.say(place)) }
    });
    html! {
        li.session {
            strong id=(heading) { @if factor.name.is_empty() { (kind) } @else { bdi { (factor.name) } } }
            @if is_last_proven { " " span.mark { (view.say("Used in this session")) } }
            (facts(view, &[
                ("Kind", Some(html! { (kind) })),
                ("Kept", synced),
                ("Added on", Some(moment(view, factor.made_at))),
                ("Last used", Some(match factor.used_at {
                    Some(at) => moment(view, at),
                    None => html! { (view.say("Never")) },
                })),
            ]))
            @if !factor.usable { p.no { (view.say("It cannot be used any more. Remove it, and add another.")) } }
            @if own.changing == Before::Nothing {
                (rename(view, factor, &heading))
                (remove(view, factor, own, (&heading, is_last_proven)))
            }
        }
    }
}

fn rename(view: &View<'_>, factor: &ListedFactor, heading: &str) -> Markup {
    let (id, field) = (format!("rename-{}", factor.id), format!("name-{}", factor.id));
    html! {
        details {
            summary id=(id) aria-labelledby=(format!("{id} {heading}")) { (view.say("Rename")) }
            form.question method="post" action=(format!("/auth/second/{}/name", factor.id)) {
                label for=(field) { (view.say("Name")) }
                input id=(field) name="name" value=(factor.name) maxlength=(super::totp::MAX_NAME) autocomplete="off";
                button.plain { (view.say("Rename")) }
            }
        }
    }
}

/// What is removed is gone: not by one click.
fn remove(view: &View<'_>, factor: &ListedFactor, own: &OwnFactors<'_>, (heading, is_proven): (&str, bool)) -> Markup {
    let id = format!("remove-{}", factor.id);
    let has_others = own.list.factors.len() > 1;
    html! {
        details {
            summary id=(id) aria-labelledby=(format!("{id} {heading}")) { (view.say("Remove")) }
            @if is_proven && has_others {
                p.hint { (view.say("To remove this one, confirm with another one that it is you.")) }
                a href=(own.verify) { (view.say("Confirm that it is you")) }
            } @else {
                @if has_others { p.hint { (view.say("It counts no more then, anywhere.")) } }
                @else { p.hint { (view.say("It is your last one: your recovery codes go too. You may have to sign in once more.")) } }
                form method="post" action=(format!("/auth/second/{}/remove", factor.id)) {
                    button.plain { (view.say("Remove it")) }
                }
            }
        }
    }
}

fn add(view: &View<'_>, own: &OwnFactors<'_>) -> Markup {
    html! {
        section.question {
            h2 { (view.say("Add a second factor")) }
            @for kind in own.offered {
                @match kind {
                    OfferedFactor::Passkey => {
                        (without_passkeys(view))
                        form.question.ask method="post" action="/auth/second/passkey/finish" data-passkey="enrol"
                            data-begin="/auth/second/passkey/begin" hidden {
                            p.hint { (view.say("A passkey is kept by your device or your password manager, and opens as your screen does.")) }
                            input type="hidden" name="credential";
                            (onward(own.back))
                            label for="passkey-name" { (view.say("Name")) }
                            input #passkey-name name="name" maxlength=(super::totp::MAX_NAME) autocomplete="off";
                            button { (view.say("Add a passkey")) }
                            (passkey_fault(view))
                        }
                    }
                    OfferedFactor::Totp => {
                        form.question.ask method="post" action="/auth/second/totp/begin" {
                            p.hint { (view.say("An app on your phone shows a new code every 30 seconds.")) }
                            (onward(own.back))
                            button { (view.say("Add an app that makes codes")) }
                        }
                    }
                }
            }
        }
    }
}

fn recovery_codes(view: &View<'_>, own: &OwnFactors<'_>) -> Markup {
    let list = own.list;
    html! {
        section.question {
            h2 { (view.say("Recovery codes")) }
            @match list.recovery_made_at {
                Some(at) if list.recovery_left > 0 => {
                    p { (view.fill("{count} are left of those that were made on {time}.", &[
                        ("count", html! { (list.recovery_left) }),
                        ("time", moment(view, at)),
                    ])) }
                }
                _ => p { (view.say("You have none. Without your second factors you would not get in any more.")) },
            }
            @if own.changing == Before::Nothing {
                form method="post" action="/auth/second/recovery" {
                    p.hint { (view.say("New ones replace those that you have.")) }
                    button.plain { (view.say("Make new recovery codes")) }
                }
            }
        }
    }
}

pub(super) const fn kind(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Passkey => "Passkey",
        FactorKind::Totp => "App that makes codes",
        FactorKind::Unknown => "Of another kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::second::Passkey;
    use crate::time::Timestamp;

    fn factor(id: &str, kind: FactorKind) -> ListedFactor {
        let passkey = (kind == FactorKind::Passkey).then(|| Passkey {
            id: "cred".to_owned(),
            user_handle: "user".to_owned(),
            ..Passkey::default()
        });
        let made_at = Timestamp::from_unix(1_795_328_454);
        ListedFactor {
            id: id.to_owned(),
            kind,
            name: "Phone <1>".to_owned(),
            made_at,
            used_at: None,
            usable: true,
            passkey,
        }
    }

    fn page<'a>(factors: Vec<ListedFactor>, change: impl FnOnce(&mut OwnFactors<'a>)) -> HtmlPage {
        let recovery_made_at = Some(Timestamp::from_unix(1_795_328_454));
        let list = FactorList { factors, recovery_left: 9, recovery_made_at, ..FactorList::default() };
        let mut own = OwnFactors {
            list: Box::leak(Box::new(list)),
            offered: &[OfferedFactor::Passkey, OfferedFactor::Totp],
            rp_id: "example.com",
            user_handle: "user",
            adding: Before::Nothing,
            changing: Before::Nothing,
            proof: None,
            changes: ToldChanges::default(),
            back: None,
            verify: "/verify",
        };
        change(&mut own);
        render(&View::plain(), &own)
    }

    #[test]
    fn each_factor_has_its_facts_and_forms() {
        let both = vec![factor("00aa", FactorKind::Totp), factor("00bb", FactorKind::Passkey)];
        let page = page(both, |_| {});
        for part in [
            "<bdi>Phone &lt;1&gt;</bdi>",
            r#"action="/auth/second/00aa/remove""#,
            r#"action="/auth/second/00bb/name""#,
            r#"action="/auth/second/totp/begin""#,
            r#"action="/auth/second/recovery""#,
            r#"data-rp-id="example.com" data-user-handle="user" data-credentials="cred""#,
            "On one device alone",
        ] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        assert!(page.uses_passkeys && page.has_form);
    }

    #[test]
    fn nothing_can_be_changed_before_what_has_to_be_done_first() {
        // R-335
        let first = page(vec![], |own| own.adding = Before::SignIn("/in"));
        assert!(first.body.contains(r#"href="/in""#) && !first.body.contains("<form"), "{}", first.body);
        let later = page(vec![factor("00aa", FactorKind::Totp)], |own| {
            (own.adding, own.changing) = (Before::Proof("/prove"), Before::Proof("/prove"));
        });
        assert!(later.body.contains(r#"href="/prove""#) && !later.body.contains("<form"), "{}", later.body);
    }

    #[test]
    fn a_factor_is_removed_under_another_one() {
        // R-216
        let proof =
            SecondProof { factor: Some("00aa".to_owned()), ..SecondProof::new(Timestamp::EPOCH, SecondMethod::Totp) };
        let proof: &'static SecondProof = Box::leak(Box::new(proof));
        let proven = |factors| page(factors, |own| own.proof = Some(proof)).body;
        let two = proven(vec![factor("00aa", FactorKind::Totp), factor("00bb", FactorKind::Totp)]);
        assert!(two.contains("/auth/second/00bb/remove") && !two.contains("/auth/second/00aa/remove"), "{two}");
        assert!(two.contains(r#"href="/verify""#));
        assert!(proven(vec![factor("00aa", FactorKind::Totp)]).contains("/auth/second/00aa/remove"));
    }

    #[test]
    fn after_a_recovery_code_a_factor_can_be_added_and_nothing_changed() {
        // R-342
        let proof: &'static SecondProof =
            Box::leak(Box::new(SecondProof::new(Timestamp::EPOCH, SecondMethod::Recovery)));
        let page = page(vec![factor("00aa", FactorKind::Totp)], |own| {
            (own.proof, own.changing, own.back) = (Some(proof), Before::Proof("/prove"), Some("/a"));
        });
        assert!(page.body.contains("used a recovery code") && page.body.contains("/auth/second/totp/begin"));
        assert!(!page.body.contains("/remove\"") && !page.body.contains(r#"href="/a""#), "{}", page.body);
    }
}
