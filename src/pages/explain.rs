//! Why something was decided, or would be: for those who manage.

use maud::{Markup, html};
use serde_json::Value;

use super::{Draft, HtmlPage, LOCAL_TIMES, View, moment};
use crate::authz::Finding;
use crate::explain::{Explanation, words};
use crate::policy::NearMiss;
use crate::time::Timestamp;

/// What stands in the forms.
#[derive(Debug, Default)]
pub struct ExplainForm<'a> {
    /// The id of a request.
    pub id: &'a str,
    /// A request, such as `GET /api/orders/7`.
    pub request: &'a str,
    /// By what they come: one of [`Choice::value`].
    pub by: &'a str,
    /// Their claims, as JSON.
    pub claims: &'a str,
    /// Their scopes, with spaces between.
    pub scopes: &'a str,
    /// How long ago they signed in.
    pub signed_in: &'a str,
    /// How long ago they proved a second factor.
    pub second: &'a str,
    /// When and from where, as JSON.
    pub context: &'a str,
}

/// By what somebody may come.
#[derive(Debug)]
pub struct Choice {
    /// As the form sends it.
    pub value: String,
    /// In words.
    pub label: String,
}

/// What is to be said.
#[derive(Debug)]
pub enum ExplainAnswer {
    /// Nothing was asked.
    Nothing,
    /// What was asked cannot be answered: why.
    Problem(String),
    /// The event of a request.
    Made(Value),
    /// What would be decided.
    Hypothetical(Explanation),
}

/// The page, in English: what it explains are the words of the configuration and the log. `kept`: whether decisions are
/// kept here.
#[must_use]
pub fn render(
    view: &View<'_>,
    asked: &ExplainForm<'_>,
    choices: &[Choice],
    kept: bool,
    answer: &ExplainAnswer,
) -> HtmlPage {
    let view = &view.in_english();
    let body = html! {
        h1 { "Why was that decided?" }
        p { "Why a request was let through or refused, and what would become of another." }
        @match answer {
            ExplainAnswer::Nothing => {}
            ExplainAnswer::Problem(problem) => section.answer role="status" { h2.no { "No answer" } p { (problem) } },
            ExplainAnswer::Made(event) => (made(view, event)),
            ExplainAnswer::Hypothetical(verdict) => (supposed(verdict, asked.request)),
        }
        (past(asked, kept))
        (hypothetical(asked, choices))
    };
    let draft = Draft::new("Why was that decided?", html! { div.wide { (body) } });
    view.page(draft.with_script(LOCAL_TIMES))
}

fn past(asked: &ExplainForm<'_>, kept: bool) -> Markup {
    html! {
        form.question method="get" action="/auth/admin/explain" {
            h2 { "A request that was made" }
            @if kept {
                label for="id" { "Its number" }
                input #id name="id" value=(asked.id) required maxlength="20" spellcheck="false" autocomplete="off";
                p.hint { "The person who was refused sees it on the page, and programs in " code { "request_id" } "." }
                button { "Explain" }
            } @else {
                p { "Nothing is kept here. " code { "DECISIONS" } " in the configuration says what is." }
            }
        }
    }
}

fn hypothetical(asked: &ExplainForm<'_>, choices: &[Choice]) -> Markup {
    html! {
        form.question method="get" action="/auth/admin/explain" {
            h2 { "What would be decided" }
            label for="request" { "Request" }
            input #request name="request" value=(asked.request) placeholder="GET /api/orders/7" required spellcheck="false";
            label for="by" { "Who asks" }
            select #by name="by" {
                @for choice in choices {
                    option value=(choice.value) selected[choice.value == asked.by] { (choice.label) }
                }
            }
            label for="claims" { "Their claims, as JSON" }
            textarea #claims name="claims" rows="4" spellcheck="false" placeholder=r#"{ "sub": "alice" }"# { (asked.claims) }
            label for="scopes" { "Scopes of their sign-in" }
            input #scopes name="scopes" value=(asked.scopes) placeholder="openid orders:read" spellcheck="false";
            label for="signed_in" { "Signed in how long ago" }
            input #signed_in name="signed_in" value=(asked.signed_in) placeholder="5m";
            label for="second" { "Second factor proven how long ago" }
            input #second name="second" value=(asked.second) placeholder="5m";
            label for="context" { "When and from where, as JSON" }
            input #context name="context" value=(asked.context) spellcheck="false"
                placeholder=r#"{ "time": "2026-11-23T10:00:00Z", "address": "203.0.113.7" }"#;
            p.hint { "Now, and from nowhere in particular, where it is not said. Only policies look at more than the time." }
            button { "Ask" }
        }
    }
}

fn supposed(verdict: &Explanation, request: &str) -> Markup {
    let rows = [
        ("Request", Some(request.to_owned())),
        ("Route", verdict.route.clone()),
        ("Reason", Some(verdict.because.to_owned())),
        ("What is missing", verdict.detail.clone()),
        ("Relations that hold", Some(verdict.facts.join(", "))),
        ("Policies", Some(verdict.policies.join(", "))),
        ("Version", verdict.policy_version.clone()),
    ];
    html! {
        section.answer role="status" {
            (headline(verdict.outcome, true))
            @if let Some(words) = words::of(verdict.because) { p { (words) } }
            (table(&rows))
            @if !verdict.requirements.is_empty() {
                h3 { "What the route requires" }
                ul.checks { @for finding in &verdict.requirements { (check(finding)) } }
            }
            @if !verdict.nearest.is_empty() {
                h3 { "Policies that come near" }
                ul.checks { @for near in &verdict.nearest { (nearest(near)) } }
            }
        }
    }
}

fn nearest(near: &NearMiss) -> Markup {
    let (line, column) = near.at;
    html! {
        li {
            code { (near.policy) } " "
            @match &near.failed {
                Some(condition) => { span.soft { "does not permit it, for this does not hold: " } code { (condition) } }
                None => span.soft { "does not permit it, for what stands there does not hold" },
            }
            span.soft { " (line " (line) ", column " (column) ")" }
        }
    }
}

fn check(finding: &Finding) -> Markup {
    html! {
        li {
            @if finding.is_met() { span.yes { "met" } } @else { span.no { "not met" } }
            " " code { (finding.name) }
            @if let Some(words) = finding.reason.and_then(words::of) {
                " " span.soft {
                    @match &finding.detail {
                        Some(detail) => { (words.trim_end_matches('.')) ": " code { (detail) } }
                        None => (words),
                    }
                }
            }
        }
    }
}

fn made(view: &View<'_>, event: &Value) -> Markup {
    let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    let list = |name: &str| {
        let all = event.get(name).and_then(Value::as_array).into_iter().flatten();
        Some(all.filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
    };
    let both = |a: Option<String>, b: Option<String>| Some(format!("{} {}", a?, b?));
    let reason = text("reason").unwrap_or_default();
    let rows = [
        ("Request", both(text("method"), text("path"))),
        ("Route", text("route")),
        ("Reason", Some(reason.clone())),
        ("Detail", text("detail")),
        ("Who", text("subject")),
        ("At", text("issuer")),
        ("By", text("means")),
        ("Tenant", text("tenant")),
        ("Policies", list("policies")),
        ("Version", text("policy_version")),
        ("On trial", text("policy_trial")),
        ("Done", text("action")),
        ("Before", text("before")),
        ("After", text("after")),
        ("From", text("address")),
        ("Configuration", text("config")),
        ("Number", text("request_id")),
    ];
    html! {
        section.answer role="status" {
            (headline(&text("outcome").unwrap_or_default(), false))
            @if let Some(words) = words::of(&reason) { p { (words) } }
            @if let Some(time) = event.get("time").and_then(Value::as_i64) { p { (moment(view, Timestamp::from_unix(time))) } }
            (table(&rows))
        }
    }
}

fn headline(outcome: &str, is_supposed: bool) -> Markup {
    let (words, is_good) = match (outcome, is_supposed) {
        ("allow", false) => ("Let through", true),
        ("allow", true) => ("Would be let through", true),
        ("401", _) => ("Would have to sign in first", false),
        ("step_up", _) => ("Would have to sign in again, or prove a second factor, first", false),
        ("redirect", _) => ("Sent elsewhere first", false),
        (_, false) => ("Refused", false),
        (_, true) => ("Would be refused", false),
    };
    html! { h2.yes[is_good].no[!is_good] { (words) } }
}

/// What is known, and no more.
fn table(rows: &[(&str, Option<String>)]) -> Markup {
    let known = rows.iter().filter_map(|(name, value)| Some((name, value.as_ref().filter(|value| !value.is_empty())?)));
    html! { dl { @for (name, value) in known { dt { (name) } dd { code { (value) } } } } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn choices() -> Vec<Choice> {
        vec![Choice { value: "nobody".to_owned(), label: "Nobody".to_owned() }]
    }

    #[test]
    fn a_decision_is_told_in_words_and_what_others_sent_is_only_text() {
        let event = json!({
            "time": 1_795_328_454, "outcome": "deny", "reason": "authz.insufficient_scope", "detail": "admin",
            "method": "GET", "path": "/<script>", "subject": "<b>alice</b>", "request_id": "99b3b75e830b70503346",
        });
        let page = render(&View::plain(), &ExplainForm::default(), &choices(), true, &ExplainAnswer::Made(event)).body;
        assert!(page.contains("Refused") && page.contains("These scopes were not granted."), "{page}");
        assert!(page.contains("&lt;b&gt;alice") && !page.contains("<b>"));
        assert!(page.contains("22 November 2026, 06:20 UTC") && !page.contains("Tenant"));
    }

    #[test]
    fn what_was_asked_stands_in_the_form_again() {
        let asked = ExplainForm { request: "GET /\"a", claims: "</textarea>", by: "nobody", ..ExplainForm::default() };
        let page = render(&View::plain(), &asked, &choices(), false, &ExplainAnswer::Problem("<i>".to_owned())).body;
        assert!(page.contains(r#"value="GET /&quot;a""#) && page.contains("&lt;/textarea&gt;"), "{page}");
        assert!(page.contains("&lt;i&gt;") && page.contains("Nothing is kept here") && page.contains("selected"));
    }
}
