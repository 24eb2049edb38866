//! A person is asked to prove a second factor.

use maud::{Markup, html};

use super::{CodeFault, KEEP_FRAGMENT, PASSKEYS, fault, locked, onward, passkey_fault, without_passkeys};
use crate::pages::{Draft, HtmlPage, View};
use crate::time::Seconds;

/// What they can prove it with.
#[derive(Debug, Default)]
pub struct Asked<'a> {
    /// A passkey.
    pub passkey: bool,
    /// A code from an app; inside, for how long none is looked at.
    pub totp: Option<Option<Seconds>>,
    /// A recovery code; the same.
    pub recovery: Option<Option<Seconds>>,
    /// What was wrong with the code that they typed.
    pub fault: Option<CodeFault>,
    /// Where to go on.
    pub back: Option<&'a str>,
}

/// The page.
#[must_use]
pub fn render(view: &View<'_>, asked: &Asked<'_>) -> HtmlPage {
    let title = view.say("Confirm that it is you");
    let body = html! {
        h1 { (title) }
        @match asked.fault {
            Some(found) => (fault(view, found)),
            None => p { (view.say("What you want to do needs one of your second factors.")) },
        }
        @if asked.passkey { (passkey(view, asked)) }
        @if let Some(wait) = asked.totp {
            @match wait {
                Some(wait) => p.hint { (locked(view, wait)) },
                None => (totp(view, asked)),
            }
        }
        @if let Some(wait) = asked.recovery { (recovery(view, asked, wait)) }
        p.number { a href="/auth/second" { (view.say("Your second factors")) } }
    };
    let draft = Draft::new(title, body).with_form().with_script(KEEP_FRAGMENT);
    view.page(if asked.passkey { draft.with_passkeys(PASSKEYS) } else { draft })
}

fn passkey(view: &View<'_>, asked: &Asked<'_>) -> Markup {
    html! {
        (without_passkeys(view))
        form.question.ask method="post" action="/auth/second/verify/passkey" data-passkey="prove"
            data-begin="/auth/second/verify/passkey/begin" hidden {
            input type="hidden" name="credential";
            (onward(asked.back))
            button { (view.say("Use a passkey")) }
            (passkey_fault(view))
        }
    }
}

fn totp(view: &View<'_>, asked: &Asked<'_>) -> Markup {
    html! {
        form.question.ask method="post" action="/auth/second/verify/totp" {
            (onward(asked.back))
            label for="code" { (view.say("The code that your app shows now")) }
            input #code name="code" required inputmode="numeric" autocomplete="one-time-code" maxlength="12" dir="ltr"
                aria-describedby=[asked.fault.map(|_| "fault")];
            button { (view.say("Continue")) }
        }
    }
}

/// Out of the way: it is for the day on which nothing else is at hand.
fn recovery(view: &View<'_>, asked: &Asked<'_>, wait: Option<Seconds>) -> Markup {
    html! {
        details.more {
            summary { (view.say("I have none of them at hand")) }
            @match wait {
                Some(wait) => p.hint { (locked(view, wait)) },
                None => {
                    form.question method="post" action="/auth/second/verify/recovery" {
                        p.hint {
                            (view.say("A recovery code lets you add a new second factor, and nothing else. It signs you out everywhere else."))
                        }
                        (onward(asked.back))
                        label for="recovery" { (view.say("Recovery code")) }
                        input #recovery name="code" required autocomplete="off" autocapitalize="none" spellcheck="false"
                            maxlength="64" dir="ltr";
                        button { (view.say("Use the recovery code")) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(asked: &Asked<'_>) -> HtmlPage {
        render(&View::plain(), asked)
    }

    #[test]
    fn what_can_be_used_is_asked_for_and_nothing_else() {
        let all = page(&Asked { passkey: true, totp: Some(None), recovery: Some(None), ..Asked::default() });
        let forms = |page: &HtmlPage| page.body.matches("<form").count();
        assert_eq!((forms(&all), forms(&page(&Asked::default()))), (3, 0));
        let totp = page(&Asked { totp: Some(None), ..Asked::default() });
        assert!(totp.body.contains(r#"inputmode="numeric" autocomplete="one-time-code""#));
        // Nothing is loosened where no passkey is.
        assert!(all.uses_passkeys && !totp.uses_passkeys && !totp.content_security_policy.contains("connect-src"));
    }

    #[test]
    fn a_locked_kind_has_no_form() {
        // R-343
        let wait = Some(Some(Seconds::new(60)));
        let page = page(&Asked { passkey: true, totp: wait, recovery: wait, ..Asked::default() });
        assert_eq!(page.body.matches("<form").count(), 1);
        assert_eq!(page.body.matches("in 1 min.").count(), 2);
    }
}
