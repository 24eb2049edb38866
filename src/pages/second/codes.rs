//! Recovery codes, once.

use maud::html;

use crate::pages::{Draft, HtmlPage, View};

/// The only page that ever shows them (R-342); `next` is where to go on.
#[must_use]
pub fn render(view: &View<'_>, codes: &[&str], next: &str) -> HtmlPage {
    let title = view.say("Your recovery codes");
    let body = html! {
        h1 { (title) }
        p #once {
            (view.say("Each of them works once, on the day on which you have none of your second factors. Print them, or write them down. They are shown this once and never again."))
        }
        // Read as one, by a click or by the keyboard.
        output.secret.codes tabindex="0" aria-describedby="once" { (codes.join("\n")) }
        a.button href=(next) { (view.say("I have kept them")) }
    };
    view.page(Draft::new(title, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_on_a_line_and_the_way_on_is_a_link() {
        let page = render(&View::plain(), &["0000-1111", "2222-3333"], "/reports?a=1&b=2");
        assert!(page.body.contains("0000-1111\n2222-3333</output>"), "{}", page.body);
        assert!(page.body.contains(r#"href="/reports?a=1&amp;b=2""#) && !page.has_form);
    }
}
