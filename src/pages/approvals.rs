//! What agents want to do and somebody has to allow: the list, and one call with all that it says.

use maud::{Markup, html};

use super::{Draft, HtmlPage, View, moment};
use crate::agent::approval::{Approval, ApprovalState};

/// One call, and what whoever looks may do about it.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The call.
    pub approval: &'a Approval,
    /// What they may do.
    pub deciding: Deciding,
}

/// What somebody may do about a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Deciding {
    /// Look at it.
    No,
    /// Decide, once they have signed in here.
    SignIn(String),
    /// Decide.
    Yes,
}

/// The list.
#[must_use]
pub fn render_all(view: &View<'_>, approvals: &[Approval]) -> HtmlPage {
    let title = view.say("Calls to allow");
    let (waiting, decided): (Vec<&Approval>, Vec<&Approval>) = approvals.iter().partition(|one| one.is_pending());
    let body = html! {
        h1 { (title) }
        p { (view.say("A program that acts for you asks before it does one of these.")) }
        @if waiting.is_empty() { p { (view.say("Nothing waits for you.")) } }
        @else { ul { @for one in &waiting { (item(view, one)) } } }
        @if !decided.is_empty() {
            section.question {
                h2 { (view.say("Decided lately")) }
                ul { @for one in &decided { (item(view, one)) } }
            }
        }
        p.number { a href="/auth/sessions" { (view.say("Where you are signed in")) } }
    };
    view.page(Draft::new(title, body))
}

fn item(view: &View<'_>, approval: &Approval) -> Markup {
    html! {
        li.session {
            strong { a href=(format!("/auth/approvals/{}", approval.link)) { bdi { code { (approval.call.name) } } } } " "
            span.mark { (state(view, approval)) }
            (facts(view, approval))
        }
    }
}

/// One call: who wants it, what it is to all its letters, and the two answers.
#[must_use]
pub fn render_one(view: &View<'_>, shown: &Shown<'_>) -> HtmlPage {
    let approval = shown.approval;
    let title = view.say("Allow this call?");
    let agent = html! { strong { bdi { (approval.client_name) } } };
    let heading = if approval.is_pending() { title } else { view.say("A call that was asked about") };
    let body = html! {
        h1 { (heading) }
        p { (view.fill("{agent} wants to do this, once:", &[("agent", agent)])) }
        p { strong { bdi { code { (approval.call.name) } } } " " span.mark { (state(view, approval)) } }
        @if let Some(params) = approval.call.shown() {
            h2 #says { (view.say("All that the call says")) }
            // Long ones are read by the keyboard, too.
            pre dir="ltr" tabindex="0" role="region" aria-labelledby="says" { code { (params) } }
        }
        (facts(view, approval))
        @match &shown.deciding {
            Deciding::No => {}
            Deciding::SignIn(link) => {
                div.answer role="status" {
                    p { (view.say("To decide, sign in once more.")) }
                    a.button href=(link) { (view.say("Sign in")) }
                }
            }
            Deciding::Yes => (form(view, approval)),
        }
        @if approval.given().is_some() {
            p { a href=(format!("/auth/approvals/{}/receipt", approval.link)) { (view.say("Signed receipt")) } }
        }
        p.number { a href="/auth/approvals" { (view.say("Calls to allow")) } }
    };
    view.page(Draft::new(title, body).with_form())
}

fn form(view: &View<'_>, approval: &Approval) -> Markup {
    html! {
        form.actions method="post" action=(format!("/auth/approvals/{}", approval.link)) {
            button.plain name="decision" value="deny" { (view.say("Do not allow")) }
            button name="decision" value="allow" { (view.say("Allow once")) }
        }
        p.hint { (view.say("It is allowed for this one call, with just these words, within ten minutes.")) }
    }
}

fn facts(view: &View<'_>, approval: &Approval) -> Markup {
    let for_whom = approval.person.name.as_deref().unwrap_or(&approval.person.subject);
    html! {
        dl {
            dt { (view.say("Program")) } dd { bdi { (approval.client_name) } " · " bdi { code { (approval.client) } } }
            dt { (view.say("For")) } dd { bdi { (for_whom) } }
            dt { (view.say("At")) } dd { bdi { code { (approval.call.route) " " (approval.call.method) } } }
            dt { (view.say("Asked")) } dd { (moment(view, approval.asked_at)) }
            @if approval.is_pending() { dt { (view.say("Waits until")) } dd { (moment(view, approval.until)) } }
            @if let Some(given) = approval.given() {
                dt { (view.say("Allowed by")) }
                dd { bdi { (given.by.name.as_deref().unwrap_or(&given.by.subject)) } " · " (moment(view, given.at)) }
            }
        }
    }
}

fn state<'t>(view: &'t View<'_>, approval: &Approval) -> &'t str {
    view.say(match approval.state {
        ApprovalState::Pending => "Waits",
        ApprovalState::Given(_) => "Allowed",
        ApprovalState::Denied(_) => "Not allowed",
        ApprovalState::Used { .. } => "Done",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::approval::ApprovalVerdict;
    use crate::agent::approval::tests::{by, call, pending};
    use crate::time::Timestamp;

    fn page(approval: &Approval, deciding: Deciding) -> String {
        render_one(&View::plain(), &Shown { approval, deciding }).body
    }

    #[test]
    fn what_an_agent_says_is_text_and_nothing_else() {
        // R-331
        let hostile = call(r#"{"to":"<script>alert(1)</script>","x":"\u003cimg src=x onerror=alert(1)>\u202e"}"#);
        let approval = Approval { client_name: "<b>Agent</b>".to_owned(), ..pending("a", hostile) };
        for body in [page(&approval, Deciding::Yes), render_all(&View::plain(), std::slice::from_ref(&approval)).body] {
            assert!(!body.contains("<script>alert") && !body.contains("<img") && !body.contains("<b>Agent"), "{body}");
            assert!(!body.contains('\u{202e}'), "{body}");
        }
        let body = page(&approval, Deciding::Yes);
        assert!(body.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && body.contains("\\u202e"), "{body}");
    }

    #[test]
    fn only_whoever_may_decide_has_buttons() {
        // R-331
        let approval = pending("a", call("{}"));
        assert!(page(&approval, Deciding::Yes).contains(r#"name="decision" value="allow""#));
        assert!(!page(&approval, Deciding::No).contains("<form"));
        let sign_in = page(&approval, Deciding::SignIn("/auth/login?max_age=900".to_owned()));
        assert!(sign_in.contains("/auth/login?max_age=900") && !sign_in.contains("<form"));
    }

    #[test]
    fn one_that_was_given_has_a_receipt() {
        // R-333
        let at = Timestamp::from_unix(1_800_000_000);
        let given = pending("a", call("{}")).decided(ApprovalVerdict::Allow, by("alice", at)).unwrap();
        assert!(page(&given, Deciding::No).contains(r#"href="/auth/approvals/link-a/receipt""#));
        let denied = pending("a", call("{}")).decided(ApprovalVerdict::Deny, by("alice", at)).unwrap();
        assert!(!page(&denied, Deciding::No).contains("/receipt"));
    }
}
