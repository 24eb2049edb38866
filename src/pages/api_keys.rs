//! The keys of a person's programs: which there are, a way to make one, and a new one, once.

use maud::{Markup, html};

use super::{Draft, HtmlPage, LOCAL_TIMES, View, day, moment};
use crate::api_key::{KeyEnding, KeyPrefix, ListedKey};
use crate::secret::Secret;
use crate::time::Timestamp;

/// The longest name of a key that the form takes, in characters.
const MAX_NAME_CHARACTERS: &str = "40";
/// So many keys that count no more are shown at once; the others are one click away.
const SHOWN_ENDED: usize = 3;

/// What the page is about.
#[derive(Debug)]
pub struct OwnKeys<'a> {
    /// Theirs, the newest first.
    pub keys: &'a [ListedKey],
    /// What keys begin with here.
    pub prefix: &'a KeyPrefix,
    /// When it is looked at.
    pub now: Timestamp,
    /// Where to sign in before anything can be changed; `None`: the sign-in at hand is recent enough.
    pub sign_in: Option<&'a str>,
    /// Whether they may make one more.
    pub making: KeyMaking<'a>,
}

/// Whether a person may make a key.
#[derive(Debug)]
pub enum KeyMaking<'a> {
    /// Their roles do not allow it.
    NotAllowed,
    /// They have as many as they may.
    Full,
    /// For some of these scopes, and for one of these numbers of days; the last is the one that is proposed.
    Open(&'a [String], &'a [u32], u32),
}

/// The list, and the forms.
#[must_use]
pub fn render(view: &View<'_>, own: &OwnKeys<'_>) -> HtmlPage {
    let title = view.say("API keys");
    let (live, ended): (Vec<&ListedKey>, Vec<&ListedKey>) =
        own.keys.iter().partition(|key| key.ended.is_none() && own.now < key.expires_at);
    let (shown, folded) = ended.split_at(ended.len().min(SHOWN_ENDED));
    let body = html! {
        h1 { (title) }
        p { (view.say("A program that has one of these keys acts for you, as far as its scopes go.")) }
        @if let Some(link) = own.sign_in {
            div.answer role="status" {
                p { (view.say("To make, rotate or delete keys, sign in once more.")) }
                a.button href=(link) { (view.say("Sign in")) }
            }
        }
        @if live.is_empty() { p { (view.say("You have no keys.")) } }
        @else { ul { @for key in &live { (one_key(view, key, own)) } } }
        @if own.sign_in.is_none() { (form(view, &own.making)) }
        @if !ended.is_empty() {
            section.question {
                h2 { (view.say("Keys that count no more")) }
                ul { @for key in shown { (ended_key(view, key, own.prefix)) } }
                @if !folded.is_empty() {
                    details.more {
                        summary { (view.fill("Older ones: {count}", &[("count", html! { (folded.len()) })])) }
                        ul { @for key in folded { (ended_key(view, key, own.prefix)) } }
                    }
                }
            }
        }
        p.number { a href="/auth/sessions" { (view.say("Where you are signed in")) } }
    };
    view.page(Draft::new(title, body).with_script(LOCAL_TIMES).with_form())
}

/// A key that was just made, or has a new secret: the only page that ever shows `text`.
#[must_use]
pub fn render_new(view: &View<'_>, key: &ListedKey, text: &Secret<String>) -> HtmlPage {
    let title = view.say("Your new key");
    let body = html! {
        h1 { (title) }
        p { bdi { (key.name) } }
        p #once { (view.say("Copy it now. It is shown this once and never again.")) }
        // Read as one, by a click or by the keyboard.
        output.secret tabindex="0" aria-describedby="once" { (text.expose()) }
        dl {
            dt { (view.say("Expires")) } dd { (moment(view, key.expires_at)) }
            @if let Some(until) = key.old_until {
                dt { (view.say("The key before works until")) } dd { (moment(view, until)) }
            }
        }
        p.number { a href="/auth/keys" { (view.say("Back to your keys")) } }
    };
    view.page(Draft::new(title, body).with_script(LOCAL_TIMES))
}

fn one_key(view: &View<'_>, key: &ListedKey, own: &OwnKeys<'_>) -> Markup {
    let heading = format!("key-{}", key.id);
    html! {
        li.session {
            strong id=(heading) { bdi { (key.name) } }
            (facts(view, key, own.prefix))
            @if own.sign_in.is_none() {
                div.actions {
                    (button(view, key, "rotate", "Rotate"))
                    @if key.old_until.is_some_and(|until| own.now < until) {
                        (button(view, key, "end-old", "End the key before"))
                    }
                    (button(view, key, "delete", "Delete"))
                }
            }
        }
    }
}

fn button(view: &View<'_>, key: &ListedKey, action: &str, text: &'static str) -> Markup {
    let (id, heading) = (format!("{action}-{}", key.id), format!("key-{}", key.id));
    html! {
        form method="post" action=(format!("/auth/keys/{}/{action}", key.id)) {
            button.plain id=(id) aria-labelledby=(format!("{id} {heading}")) { (view.say(text)) }
        }
    }
}

fn ended_key(view: &View<'_>, key: &ListedKey, prefix: &KeyPrefix) -> Markup {
    let why = match key.ended.map(|end| end.why) {
        None => "Expired",
        Some(KeyEnding::Owner) => "Deleted",
        Some(KeyEnding::Administrator) => "Revoked by those who run this site",
        Some(KeyEnding::Leaked) => "Reported as leaked",
    };
    html! {
        li.session {
            strong { bdi { (key.name) } } " "
            span.mark { (view.say(why)) }
            (facts(view, key, prefix))
        }
    }
}

fn facts(view: &View<'_>, key: &ListedKey, prefix: &KeyPrefix) -> Markup {
    let ended_at = key.ended.map(|end| end.at);
    html! {
        dl {
            dt { (view.say("Begins with")) } dd { code { (key.id.start(prefix)) "…" } }
            dt { (view.say("Identifier")) } dd { code { (key.id) } }
            dt { (view.say("Scopes")) }
            dd { @if key.scopes.is_empty() { (view.say("None")) } @else { code { (key.scopes.join(" ")) } } }
            dt { (view.say("Made on")) } dd { (moment(view, key.created_at)) }
            dt { (view.say("Last used")) }
            dd {
                @if let Some(usage) = &key.last_use {
                    (day(usage.day))
                    @if let Some(country) = &usage.country { " · " bdi { (country) } }
                } @else { (view.say("Never")) }
            }
            dt { (view.say(if ended_at.is_some() { "Ended" } else { "Expires" })) }
            dd { (moment(view, ended_at.unwrap_or(key.expires_at))) }
            @if let (Some(until), None) = (key.old_until, ended_at) {
                dt { (view.say("The key before works until")) } dd { (moment(view, until)) }
            }
        }
    }
}

fn form(view: &View<'_>, making: &KeyMaking<'_>) -> Markup {
    let (scopes, lives, proposed) = match making {
        KeyMaking::NotAllowed => return html! { p { (view.say("Your roles do not allow you to make keys.")) } },
        KeyMaking::Full => return html! { p { (view.say("You have as many keys as you may have.")) } },
        KeyMaking::Open(scopes, lives, proposed) => (scopes, lives, proposed),
    };
    html! {
        form.question method="post" action="/auth/keys" {
            h2 { (view.say("Make a key")) }
            label for="name" { (view.say("Name")) }
            input #name name="name" required maxlength=(MAX_NAME_CHARACTERS) autocomplete="off" aria-describedby="name-hint";
            p.hint #name-hint { (view.say("What it is for: you will know it by this name.")) }
            fieldset {
                legend { (view.say("Scopes, at least one")) }
                @for (place, scope) in scopes.iter().enumerate() {
                    label.check for=(format!("scope-{place}")) {
                        input type="checkbox" name="scope" value=(scope) id=(format!("scope-{place}"))
                            checked[scopes.len() == 1];
                        " " code { (scope) }
                    }
                }
            }
            label for="days" { (view.say("Valid for")) }
            select #days name="expires_in_days" {
                @for days in *lives {
                    option value=(days) selected[days == proposed] {
                        (view.fill("{days} days", &[("days", html! { (days) })]))
                    }
                }
            }
            button { (view.say("Make the key")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_key::{ApiKeyId, KeyEnd, KeyHolder, KeyUse};

    fn key(name: &str) -> ListedKey {
        ListedKey {
            id: ApiKeyId::parse("00112233445566ff").unwrap(),
            holder: KeyHolder::Service("x".to_owned()),
            name: name.to_owned(),
            scopes: vec!["orders:read".to_owned()],
            created_at: Timestamp::from_unix(1_795_328_454),
            rotated_at: None,
            expires_at: Timestamp::from_unix(1_800_000_000),
            old_until: None,
            last_use: None,
            ended: None,
        }
    }

    fn page(keys: &[ListedKey], sign_in: Option<&str>, making: KeyMaking<'_>) -> String {
        let now = Timestamp::from_unix(1_799_999_999);
        render(&View::plain(), &OwnKeys { keys, prefix: &KeyPrefix::default(), now, sign_in, making }).body
    }

    #[test]
    fn each_key_has_its_facts_and_buttons() {
        let used = KeyUse::new(Timestamp::from_unix(1_795_328_454), "/api", Some("PT"));
        let keys = [ListedKey { last_use: Some(used), ..key("Build <server>") }, key("other")];
        let scopes = ["orders:read".to_owned()];
        let page = page(&keys, None, KeyMaking::Open(&scopes, &[30, 90], 90));
        for part in [
            "Build &lt;server&gt;",
            "<code>00112233445566ff</code>",
            r#"action="/auth/keys/00112233445566ff/rotate""#,
            r#"action="/auth/keys/00112233445566ff/delete""#,
            "2026-11-22",
            "<bdi>PT</bdi>",
            "Never",
            r#"<option value="90" selected>"#,
            r#"type="checkbox" name="scope" value="orders:read""#,
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[test]
    fn the_secret_before_a_rotation_is_ended_by_a_button_while_it_is_good() {
        // R-266
        let until = |old_until| page(&[ListedKey { old_until, ..key("x") }], None, KeyMaking::NotAllowed);
        let button = r#"action="/auth/keys/00112233445566ff/end-old""#;
        assert!(until(Some(Timestamp::from_unix(1_800_000_000))).contains(button));
        for none in [None, Some(Timestamp::from_unix(1_799_999_999))] {
            assert!(!until(none).contains(button), "{none:?}");
        }
    }

    #[test]
    fn after_an_old_sign_in_nothing_can_be_changed() {
        // R-270
        let page = page(&[key("x")], Some("/auth/login?max_age=900"), KeyMaking::Open(&[], &[90], 90));
        assert!(page.contains(r#"href="/auth/login?max_age=900""#) && !page.contains("<form"), "{page}");
    }

    #[test]
    fn who_may_make_none_sees_why() {
        assert!(page(&[], None, KeyMaking::NotAllowed).contains("Your roles do not allow"));
        let full = page(&[key("x")], None, KeyMaking::Full);
        assert!(full.contains("as many keys as you may") && !full.contains(r#"action="/auth/keys""#));
    }

    #[test]
    fn a_key_that_counts_no_more_says_why_and_has_no_button() {
        let at = Timestamp::from_unix(1_799_999_000);
        let ended = |why| ListedKey { ended: Some(KeyEnd { at, why }), ..key("x") };
        let expired = ListedKey { expires_at: at, ..key("x") };
        for (key, why) in [
            (ended(KeyEnding::Owner), "Deleted"),
            (ended(KeyEnding::Administrator), "Revoked by those who run this site"),
            (ended(KeyEnding::Leaked), "Reported as leaked"),
            (expired, "Expired"),
        ] {
            let page = page(&[key], None, KeyMaking::NotAllowed);
            assert!(page.contains(&format!("<span class=\"mark\">{why}</span>")) && !page.contains("<form"), "{page}");
        }
        let many: Vec<ListedKey> = (0..9).map(|_| ended(KeyEnding::Owner)).collect();
        let shown = page(&many, None, KeyMaking::NotAllowed);
        assert!(shown.contains("Older ones: 6"), "{shown}");
    }

    #[test]
    fn a_new_key_is_shown_whole() {
        let old_until = Some(Timestamp::from_unix(1_795_400_000));
        let text = Secret::new("acme_secret".to_owned());
        let page = render_new(&View::plain(), &ListedKey { old_until, ..key("x") }, &text);
        assert_eq!(page.body.matches("acme_secret").count(), 1);
        assert!(page.body.contains("The key before works until") && !page.has_form);
    }
}
