//! Where a person is signed in, and a way to end it.

use maud::{Markup, html};

use super::{Draft, HtmlPage, LOCAL_TIMES, View, grants, moment, second};
use crate::config::WordedScope;
use crate::session::Listed;

/// So many groups are shown at once; the others are one click away.
const SHOWN: usize = 5;

/// Sessions that look alike: of the same browser, in the same place, by the same provider. The last used one comes first.
struct Group<'a>(Vec<&'a Listed>);

/// Which other pages a person has of their own, and how things are called.
#[derive(Clone, Debug, Default)]
pub struct OwnPages<'a> {
    /// That of their API keys.
    pub keys: bool,
    /// That of their second factors.
    pub second: bool,
    /// What the scopes of programs are called in words.
    pub words: &'a [WordedScope],
    /// What was changed of those in other sessions.
    pub changes: second::ToldChanges<'a>,
}

/// The list; `current` is the id of the session that is looking, `provider` tells the name of one where that says something.
#[must_use]
pub fn render(
    view: &View<'_>,
    sessions: &[Listed],
    current: &str,
    provider: impl Fn(&Listed) -> Option<String>,
    pages: &OwnPages<'_>,
) -> HtmlPage {
    let title = view.say("Where you are signed in");
    let groups = grouped(sessions, current);
    let has_programs = sessions.iter().any(|listed| listed.grant.is_some());
    let (first, more) = groups.split_at(groups.len().min(SHOWN + 1));
    let show = |group: &Group<'_>| one_group(view, group, current, group.newest().and_then(&provider));
    let body = html! {
        h1 { (title) }
        (second::notice(view, &pages.changes))
        p { (view.say("If you do not know one of these, sign it out.")) }
        ul { @for group in first { (show(group)) } }
        @if !more.is_empty() {
            details.more {
                summary {
                    (view.fill("Older ones: {count}", &[("count", html! { (more.len()) })]))
                }
                ul { @for group in more { (show(group)) } }
            }
        }
        (grants::section(view, sessions, pages.words))
        @if sessions.len() > 1 {
            form.apart method="post" action="/auth/sessions/end-others" {
                button { (view.say("Sign out everywhere else")) }
                @if has_programs { p { (view.say("Programs that act for you are ended too.")) } }
            }
        }
        p.number {
            a href="/" { (view.say("Start page")) }
            @if pages.keys { " · " a href="/auth/keys" { (view.say("API keys")) } }
            @if pages.second { " · " a href="/auth/second" { (view.say("Your second factors")) } }
        }
    };
    view.page(Draft::new(title, body).with_script(LOCAL_TIMES).with_form())
}

impl<'a> Group<'a> {
    fn newest(&self) -> Option<&'a Listed> {
        self.0.first().copied()
    }
}

/// The session at hand by itself, first; then the others, those that look alike together, the last used ones first.
fn grouped<'a>(sessions: &'a [Listed], current: &str) -> Vec<Group<'a>> {
    let rank = |listed: &Listed| (listed.id == current, listed.last_seen, listed.created_at);
    let mut sorted: Vec<&Listed> = Vec::new();
    for listed in sessions.iter().filter(|listed| listed.grant.is_none()) {
        // They are few: to sort them would be much code.
        let after = sorted.iter().position(|known| rank(known) < rank(listed));
        sorted.insert(after.unwrap_or(sorted.len()), listed);
    }
    let mut groups: Vec<Group<'a>> = Vec::new();
    for listed in sorted {
        let is_like = |other: &&Listed| {
            other.id != current
                && listed.id != current
                && (&other.device, &other.place, &other.provider) == (&listed.device, &listed.place, &listed.provider)
        };
        match groups.iter_mut().find(|group| group.newest().is_some_and(|newest| is_like(&newest))) {
            Some(group) => group.0.push(listed),
            None => groups.push(Group(vec![listed])),
        }
    }
    groups
}

fn one_group(view: &View<'_>, group: &Group<'_>, current: &str, provider: Option<String>) -> Markup {
    let Some(newest) = group.newest() else { return html! {} };
    let heading = format!("device-{}", newest.id);
    html! {
        li.session {
            strong id=(heading) { bdi { (device(view, &newest.device)) } }
            @if newest.id == current { " " span.mark { (view.say("This browser")) } }
            (facts(view, &[
                ("Place", newest.place.as_ref().map(|place| html! { bdi { (place_of(view, place)) } })),
                ("Account at", provider.map(|provider| html! { bdi { (provider) } })),
                ("Sessions", (group.0.len() > 1).then(|| html! { (group.0.len()) })),
                ("Last used", (group.0.len() > 1).then(|| moment(view, newest.last_seen))),
            ]))
            @if let [listed] = group.0.as_slice() {
                (times_and_button(view, listed, &heading))
            } @else {
                details {
                    summary { (view.say("Show each")) }
                    ol.alike {
                        @for listed in &group.0 { li { (times_and_button(view, listed, &heading)) } }
                    }
                }
            }
        }
    }
}

/// What is known, each with its name.
pub(super) fn facts(view: &View<'_>, facts: &[(&'static str, Option<Markup>)]) -> Markup {
    html! {
        @if facts.iter().any(|(_, fact)| fact.is_some()) {
            dl { @for (name, fact) in facts { @if let Some(fact) = fact { dt { (view.say(name)) } dd { (fact) } } } }
        }
    }
}

fn times_and_button(view: &View<'_>, listed: &Listed, heading: &str) -> Markup {
    let (button, began) = (format!("end-{}", listed.id), format!("began-{}", listed.id));
    html! {
        (facts(view, &[
            ("Signed in on", Some(html! { span id=(began) { (moment(view, listed.created_at)) } })),
            ("Last used", Some(moment(view, listed.last_seen))),
            ("Ends", Some(moment(view, listed.expires_at))),
            ("Bound to its device since", listed.bound_at.map(|at| moment(view, at))),
        ]))
        form method="post" action=(format!("/auth/sessions/{}/end", listed.id)) {
            button.plain id=(button) aria-labelledby=(format!("{button} {heading} {began}")) { (view.say("Sign out")) }
        }
    }
}

/// The words by which a session's device is kept (`session::Origin`), in the language of the page.
pub(super) fn device(view: &View<'_>, device: &str) -> Markup {
    let named = |text: &str| match text {
        "A browser" => view.say("A browser").to_owned(),
        other => other.to_owned(),
    };
    match device.split_once(" on ") {
        Some((browser, system)) => view
            .fill("{browser} on {system}", &[("browser", html! { (named(browser)) }), ("system", html! { (system) })]),
        None if device == "An unknown device" => html! { (view.say("An unknown device")) },
        None => html! { (device) },
    }
}

fn place_of<'t>(view: &'t View<'_>, place: &'t str) -> &'t str {
    if place == "the Tor network" { view.say("the Tor network") } else { place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn listed(id: &str, device: &str) -> Listed {
        Listed {
            id: id.to_owned(),
            device: device.to_owned(),
            place: Some("Lisbon, PT".to_owned()),
            created_at: Timestamp::from_unix(1_795_328_454),
            last_seen: Timestamp::from_unix(1_795_328_454),
            expires_at: Timestamp::from_unix(i64::MAX),
            provider: None,
            grant: None,
            bound_at: None,
        }
    }

    fn page(sessions: &[Listed], current: &str) -> String {
        render(&View::plain(), sessions, current, |_| None, &OwnPages::default()).body
    }

    #[test]
    fn each_session_has_its_words_and_a_button() {
        let page = page(&[listed("a", "Firefox on Linux"), listed("b", "<b>Chrome</b>")], "a");
        let time = r#"<time datetime="2026-11-22T06:20:54Z" dir="auto">22 November 2026, 06:20 UTC</time>"#;
        assert!(page.contains(time), "{page}");
        assert!(page.contains("Lisbon, PT") && page.contains("at an unknown time"));
        assert_eq!(page.matches("This browser").count(), 1);
        assert!(page.contains(r#"action="/auth/sessions/a/end""#) && page.contains(r#"action="/auth/sessions/b/end""#));
        assert!(page.contains("&lt;b&gt;Chrome") && !page.contains("<b>"));
        assert!(page.contains("Sign out everywhere else"));
    }

    #[test]
    fn a_person_with_one_session_is_offered_no_elsewhere() {
        assert!(!page(&[listed("a", "Firefox on Linux")], "a").contains("everywhere else"));
    }

    #[test]
    fn sessions_that_look_alike_are_one_entry_and_the_one_at_hand_is_its_own() {
        let at =
            |id: &str, device: &str, seen: i64| Listed { last_seen: Timestamp::from_unix(seen), ..listed(id, device) };
        let mut sessions: Vec<Listed> =
            (0..9).map(|n| at(&format!("chrome{n}"), "Chrome on Linux", 1_000 + n)).collect();
        sessions.push(at("firefox", "Firefox on Linux", 5_000));
        let groups = grouped(&sessions, "chrome3");
        let ids = |group: &Group<'_>| group.0.iter().map(|listed| listed.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&groups[0]), ["chrome3"]);
        assert_eq!(ids(&groups[1]), ["firefox"]);
        assert_eq!(groups.len(), 3);
        assert_eq!((groups[2].0.len(), ids(&groups[2])[0].as_str()), (8, "chrome8"));
        let page = page(&sessions, "chrome3");
        for id in ["chrome0", "chrome3", "chrome8", "firefox"] {
            assert_eq!(page.matches(&format!(r#"action="/auth/sessions/{id}/end""#)).count(), 1, "{id}");
        }
        assert_eq!(page.matches("<li class=\"session\">").count(), 3);
        // Another place, or another provider, is not alike.
        sessions[0].place = None;
        sessions[1].provider = Some("corp".to_owned());
        assert_eq!(grouped(&sessions, "chrome3").len(), 5);
    }

    #[test]
    fn beyond_five_the_older_ones_are_one_click_away() {
        let sessions: Vec<Listed> = (0..9).map(|n| listed(&format!("id{n}"), &format!("Browser {n}"))).collect();
        let shown = page(&sessions, "id0");
        let (before, folded) = shown.split_once("<details class=\"more\">").unwrap();
        assert_eq!((before.matches("class=\"session\"").count(), folded.matches("class=\"session\"").count()), (6, 3));
        assert!(folded.contains("Older ones: 3"), "{folded}");
        assert!(!page(&sessions[..6], "id0").contains("<details"));
    }
}
