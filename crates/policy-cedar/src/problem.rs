//! What Cedar finds wrong with a text, in words for those who write policies.

use miette::Diagnostic;
use postern::policy::PolicyProblem;

/// What Cedar has to say of a text, at the place it points to, or else at this one.
pub(super) fn found(file: &str, text: &str, or_at: usize, diagnostic: &dyn Diagnostic) -> PolicyProblem {
    let label = diagnostic.labels().and_then(|mut labels| labels.next());
    let offset = label.as_ref().map_or(or_at, |label| label.offset());
    let mut message = plain(&one_line(&diagnostic.to_string()));
    for more in [label.as_ref().and_then(|label| label.label()).map(str::to_owned), help(diagnostic)] {
        if let Some(more) = more.map(|text| one_line(&text)).filter(|text| !message.contains(text.as_str())) {
            message = format!("{message}: {more}");
        }
    }
    PolicyProblem::at(file, text, offset, message)
}

fn help(diagnostic: &dyn Diagnostic) -> Option<String> {
    diagnostic.help().map(|help| help.to_string())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without the name of the policy, which the place tells, and without the type of the principal and the action: Cedar
/// says the same of each.
fn plain(message: &str) -> String {
    let named = message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    let message = named.map_or(message, |(_, rest)| rest).to_owned();
    ["Human", "Service", "Agent"]
        .iter()
        .fold(without_actions(&message), |message, name| message.replace(&format!(" on entity type `{name}`"), ""))
}

fn without_actions(message: &str) -> String {
    const ACTION: &str = " for Action::\"";
    let mut parts = message.split(ACTION);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |message, rest| message + rest.split_once('"').map_or(rest, |(_, rest)| rest))
}
