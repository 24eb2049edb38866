//! The programs that act for a person, on the page of their sessions.

use maud::{Markup, html};

use super::sessions::facts;
use super::{View, moment};
use crate::config::WordedScope;
use crate::session::{Listed, ListedGrant};

/// The grants among these, each with a way to end it. Nothing where there are none.
pub(super) fn section(view: &View<'_>, sessions: &[Listed], words: &[WordedScope]) -> Markup {
    let granted: Vec<(&Listed, &ListedGrant)> =
        sessions.iter().filter_map(|listed| Some((listed, listed.grant.as_ref()?))).collect();
    html! {
        @if !granted.is_empty() {
            h2 { (view.say("Programs that act for you")) }
            ul { @for (listed, grant) in granted { (one(view, listed, grant, words)) } }
        }
    }
}

fn one(view: &View<'_>, listed: &Listed, grant: &ListedGrant, words: &[WordedScope]) -> Markup {
    let (heading, button) = (format!("program-{}", listed.id), format!("end-{}", listed.id));
    let may = (!grant.scopes.is_empty()).then(|| {
        html! {
            bdi {
                @for (n, name) in grant.scopes.iter().enumerate() {
                    @if n > 0 { ", " }
                    (scope(words, name, &html! { (name) }))
                }
            }
        }
    });
    html! {
        li.session {
            strong id=(heading) { bdi { (grant.client_name) } }
            (facts(view, &[
                // The name is the program's own word; whose it is, its address says.
                ("Address", Some(html! { bdi { (host(&grant.client)) } })),
                ("For", Some(html! { bdi { (grant.resource) } })),
                ("May", may),
                ("Allowed on", Some(moment(view, listed.created_at))),
                ("Last used", Some(moment(view, listed.last_seen))),
                ("Ends", Some(ends(view, listed, grant))),
            ]))
            form method="post" action=(format!("/auth/sessions/{}/end", listed.id)) {
                button.plain id=(button) aria-labelledby=(format!("{button} {heading}")) { (view.say("End")) }
            }
        }
    }
}

/// A scope: by its words, its name small beside them; by its name alone where it has none.
pub(super) fn scope(words: &[WordedScope], scope: &str, name: &Markup) -> Markup {
    html! {
        @match WordedScope::find(words, scope) {
            Some(words) => { bdi { (words) } " " small { "(" (name) ")" } }
            None => (name),
        }
    }
}

fn ends(view: &View<'_>, listed: &Listed, grant: &ListedGrant) -> Markup {
    if grant.with_session {
        html! { (view.say("When you sign out")) }
    } else {
        moment(view, listed.expires_at)
    }
}

/// The host of a client's id, which is a URL.
fn host(client: &str) -> &str {
    let rest = client.split_once("://").map_or(client, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_program_is_shown_with_its_host_and_what_it_may_and_can_be_ended() {
        let listed = Listed {
            id: "AAAAAAAAAAAAAAAA".to_owned(),
            device: "Firefox on Linux".to_owned(),
            place: None,
            created_at: Timestamp::from_unix(1_795_328_454),
            last_seen: Timestamp::from_unix(1_795_328_454),
            expires_at: Timestamp::from_unix(1_797_920_454),
            provider: None,
            bound_at: None,
            grant: Some(ListedGrant {
                client: "https://claude.ai/oauth/client.json".to_owned(),
                client_name: "<b>Claude</b>".to_owned(),
                redirect_uri: String::new(),
                with_session: false,
                parent: None,
                resource: "https://app.example.com/mcp".to_owned(),
                scopes: vec!["docs:read".to_owned(), "docs:write".to_owned()],
            }),
        };
        let shown = section(&View::plain(), std::slice::from_ref(&listed), &[]).into_string();
        for text in ["&lt;b&gt;Claude", ">claude.ai<", "docs:read, docs:write", "https://app.example.com/mcp"] {
            assert!(shown.contains(text), "{text}: {shown}");
        }
        assert!(shown.contains(r#"action="/auth/sessions/AAAAAAAAAAAAAAAA/end""#) && !shown.contains("<b>"));
        let with_session = listed.grant.clone().map(|grant| ListedGrant { with_session: true, ..grant });
        let here = Listed { grant: with_session, ..listed.clone() };
        assert!(section(&View::plain(), &[here], &[]).into_string().contains("When you sign out"));
        assert!(section(&View::plain(), &[Listed { grant: None, ..listed }], &[]).into_string().is_empty());
    }
}
