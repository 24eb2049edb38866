//! An app that makes codes is added: its secret, as a picture and to be typed, and a code to show that the app has it.

use fast_qr::{ECL, QRBuilder};
use maud::{Markup, html};

use super::{CodeFault, fault, onward};
use crate::pages::{Draft, HtmlPage, View};
use crate::secret::Secret;

/// The light border that a reader needs (ISO/IEC 18004 §5.3.8).
const QUIET: usize = 4;
const GROUP: usize = 4;
/// [`factor_name`](crate::session::second::factor_name) takes as many.
pub(super) const MAX_NAME: &str = "64";

/// What is shown.
#[derive(Debug)]
pub struct NewApp<'a> {
    /// What the picture says.
    pub uri: &'a Secret<String>,
    /// The secret in base32.
    pub secret: &'a Secret<String>,
    /// The same, sealed for the form.
    pub pending: &'a str,
    /// What it is called so far.
    pub name: &'a str,
    /// Where to go on.
    pub back: Option<&'a str>,
    /// What was wrong with the code.
    pub fault: Option<CodeFault>,
}

/// The page.
#[must_use]
pub fn render(view: &View<'_>, app: &NewApp<'_>) -> HtmlPage {
    let title = view.say("Add an app that makes codes");
    let body = html! {
        h1 { (title) }
        @if let Some(found) = app.fault { (fault(view, found)) }
        p { (view.say("Scan this with the app on your phone.")) }
        (picture(view, app.uri))
        p #typed { (view.say("Or type this into the app:")) }
        output.secret tabindex="0" aria-describedby="typed" { (grouped(app.secret.expose())) }
        form.question method="post" action="/auth/second/totp/finish" {
            input type="hidden" name="pending" value=(app.pending);
            (onward(app.back))
            label for="code" { (view.say("The code that the app shows now")) }
            input #code name="code" required inputmode="numeric" autocomplete="one-time-code" maxlength="12" dir="ltr"
                aria-describedby=[app.fault.map(|_| "fault")];
            label for="name" { (view.say("Name")) }
            input #name name="name" value=(app.name) maxlength=(MAX_NAME) autocomplete="off" aria-describedby="name-hint";
            p.hint #name-hint { (view.say("Such as the phone that it is on. It may be left empty.")) }
            button { (view.say("Add")) }
        }
        p.number { a href="/auth/second" { (view.say("Back to your second factors")) } }
    };
    view.page(Draft::new(title, body).with_form())
}

/// Four at a time, as people read it out.
fn grouped(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    let groups: Vec<String> = characters.chunks(GROUP).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

/// A QR code, drawn by ourselves: the secret is in no address that anybody fetches (R-344). Always dark on light: some readers
/// know nothing else.
fn picture(view: &View<'_>, uri: &Secret<String>) -> Markup {
    let Ok(code) = QRBuilder::new(uri.expose().as_str()).ecl(ECL::M).build() else { return html! {} };
    let side = code.size + 2 * QUIET;
    let mut path = String::new();
    for (y, row) in code.data.chunks(code.size).take(code.size).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, module)| module.value()) {
            path.push_str(&format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET));
        }
    }
    html! {
        svg.qr viewBox=(format!("0 0 {side} {side}")) role="img" aria-label=(view.say("QR code with the secret")) {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(fault: Option<CodeFault>) -> String {
        let uri = Secret::new("otpauth://totp/a:b?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567&issuer=a".to_owned());
        let secret = Secret::new("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".to_owned());
        let app = NewApp { uri: &uri, secret: &secret, pending: "k.sealed", name: "\"x\"", back: Some("/a?b"), fault };
        render(&View::plain(), &app).body
    }

    #[test]
    fn the_secret_is_a_picture_and_text_and_in_no_address() {
        // R-344
        let page = page(None);
        assert!(page.contains("ABCD EFGH IJKL MNOP QRST UVWX YZ23 4567</output>"), "{page}");
        assert!(page.contains("<svg class=\"qr\"") && !page.contains("otpauth:"));
        assert!(page.contains(r#"value="k.sealed""#) && page.contains(r#"name="return_to" value="/a?b""#));
        assert!(page.contains(r#"value="&quot;x&quot;""#) && !page.contains("role=\"alert\""));
    }

    #[test]
    fn the_picture_has_its_border_and_three_corners() {
        let uri = Secret::new("otpauth://totp/a:b?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567&issuer=a".to_owned());
        let drawn = picture(&View::plain(), &uri).0;
        let side: usize = drawn.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let far = side - QUIET - 1;
        let is_dark = |x: usize, y: usize| drawn.contains(&format!("M{x} {y}h"));
        assert!(is_dark(QUIET, QUIET) && is_dark(far, QUIET) && is_dark(QUIET, far));
        assert!((0..side).all(|at| !is_dark(at, QUIET - 1) && !is_dark(QUIET - 1, at) && !is_dark(far + 1, at)));
    }

    #[test]
    fn what_was_wrong_with_the_code_is_said() {
        use crate::time::Seconds;
        assert!(page(Some(CodeFault::Wrong)).contains("not right"));
        assert!(page(Some(CodeFault::Locked(Seconds::new(61)))).contains("in 2 min."));
    }
}
