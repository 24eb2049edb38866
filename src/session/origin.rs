//! Where a session is begun, in words its owner will know it by. Nothing a client sends is kept as sent:
//! the words are ours, from small tables, and what is not in them is left out.

use super::record::Origin;
use crate::http::{Peer, RequestHead};

/// More of a `User-Agent` says nothing new.
const MAX_LOOKED_AT: usize = 512;
const MAX_CITY_CHARACTERS: usize = 64;

/// What stands in `User-Agent` → the browser. The first that is found counts: most claim to be others as well.
const BROWSERS: [(&str, &str); 18] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("GSA/", "Google app"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// A brand in `Sec-CH-UA` → the browser.
const BRANDS: [(&str, &str); 6] = [
    ("\"Brave\"", "Brave"),
    ("\"Microsoft Edge\"", "Edge"),
    ("\"Opera\"", "Opera"),
    ("\"Vivaldi\"", "Vivaldi"),
    ("\"YaBrowser\"", "Yandex Browser"),
    ("\"Google Chrome\"", "Chrome"),
];

/// `Sec-CH-UA-Platform` → the system.
const PLATFORMS: [(&str, &str); 7] = [
    ("\"Android\"", "Android"),
    ("\"Chrome OS\"", "ChromeOS"),
    ("\"Chromium OS\"", "ChromeOS"),
    ("\"iOS\"", "iOS"),
    ("\"Linux\"", "Linux"),
    ("\"macOS\"", "macOS"),
    ("\"Windows\"", "Windows"),
];

/// What stands in `User-Agent` → the system.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

impl Origin {
    /// Reads `User-Agent` and the client hints that browsers send unasked (User-Agent Client Hints §3), and what
    /// the platform says of the caller's place.
    #[must_use]
    pub fn of(head: &RequestHead) -> Self {
        Self { device: device(head), place: place(&head.peer) }
    }
}

fn device(head: &RequestHead) -> String {
    let looked_at = |name| shortened(head.header(name).unwrap_or_default());
    let agent = looked_at("user-agent");
    let browser = found(&BRANDS, looked_at("sec-ch-ua")).or_else(|| found(&BROWSERS, agent));
    // The hint knows nothing of iPhone and iPad, which send none; elsewhere it is the clearer word.
    let system = found(&PLATFORMS, looked_at("sec-ch-ua-platform")).or_else(|| found(&SYSTEMS, agent));
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown device".to_owned(),
    }
}

fn found(table: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    table.iter().find(|(sign, _)| text.contains(sign)).map(|(_, word)| *word)
}

/// `RequestHead::header` lets only visible ASCII through, so every byte is a boundary.
fn shortened(text: &str) -> &str {
    text.get(..MAX_LOOKED_AT).unwrap_or(text)
}

fn place(peer: &Peer) -> Option<String> {
    let country =
        peer.country.as_deref().filter(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphanumeric()));
    match (peer.city.as_deref().filter(|city| is_name(city)), country) {
        // What Cloudflare says of Tor, and of what it does not know.
        (_, Some("T1")) => Some("the Tor network".to_owned()),
        (_, None | Some("XX")) => None,
        (Some(city), Some(country)) => Some(format!("{city}, {country}")),
        (None, Some(country)) => Some(country.to_owned()),
    }
}

fn is_name(city: &str) -> bool {
    !city.trim().is_empty() && city.chars().count() <= MAX_CITY_CHARACTERS && !city.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeaderMap, HeaderName, HeaderValue, Method};

    fn head(headers: &[(&str, &str)], peer: Peer) -> RequestHead {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap()))
            .collect();
        RequestHead { method: Method::GET, url: "https://app.example.com/".to_owned(), headers, peer }
    }

    fn device_of(headers: &[(&str, &str)]) -> String {
        Origin::of(&head(headers, Peer::default())).device
    }

    #[test]
    fn common_browsers_are_called_by_their_names() {
        const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let cases = [
            (format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36"), "Chrome on Windows"),
            (format!("Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0"), "Edge on Windows"),
            (format!("Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/142.0 Safari/537.36 OPR/120.0"), "Opera on Linux"),
            (format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/142.0 Safari/537.36"), "Chrome on ChromeOS"),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0 Safari/537.36"), "Samsung Internet on Android"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(), "Firefox on Linux"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15".to_owned(), "Safari on macOS"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/26.0 Mobile/15E148 Safari/604.1".to_owned(), "Safari on iPhone"),
            ("Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 CriOS/142.0 Mobile/15E148 Safari/604.1".to_owned(), "Chrome on iPad"),
            ("curl/8.14.1".to_owned(), "curl"),
            ("Mozilla/5.0 (Windows NT 10.0)".to_owned(), "A browser on Windows"),
        ];
        for (agent, expected) in cases {
            assert_eq!(device_of(&[("user-agent", &agent)]), expected);
        }
    }

    #[test]
    fn client_hints_say_it_more_clearly() {
        let chromium = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36";
        let hints = |brand, platform| {
            device_of(&[("user-agent", chromium), ("sec-ch-ua", brand), ("sec-ch-ua-platform", platform)])
        };
        assert_eq!(hints(r#""Chromium";v="142", "Brave";v="142""#, r#""Windows""#), "Brave on Windows");
        assert_eq!(hints(r#""Chromium";v="142""#, r#""Chrome OS""#), "Chrome on ChromeOS");
        assert_eq!(hints("", r#""Toaster""#), "Chrome on Linux");
    }

    #[test]
    fn nothing_of_what_a_client_sends_is_kept_as_sent() {
        let long = "x".repeat(100_000) + "Firefox/1";
        for agent in ["", "<script>alert(1)</script>", "A\"; DROP TABLE", &long] {
            assert_eq!(device_of(&[("user-agent", agent)]), "An unknown device");
        }
        assert_eq!(device_of(&[("user-agent", "Firefox/1"), ("user-agent", "Chrome/1")]), "An unknown device");
        assert_eq!(device_of(&[]), "An unknown device");
    }

    #[test]
    fn the_place_is_what_the_platform_says() {
        let place_of = |city: Option<&str>, country: Option<&str>| {
            place(&Peer { city: city.map(str::to_owned), country: country.map(str::to_owned), ..Peer::default() })
        };
        assert_eq!(place_of(Some("Lisbon"), Some("PT")).as_deref(), Some("Lisbon, PT"));
        assert_eq!(place_of(Some("São Paulo"), Some("BR")).as_deref(), Some("São Paulo, BR"));
        assert_eq!(place_of(None, Some("PT")).as_deref(), Some("PT"));
        assert_eq!(place_of(None, Some("T1")).as_deref(), Some("the Tor network"));
        for (city, country) in [(Some("Lisbon"), None), (None, Some("XX")), (None, None), (None, Some("<b>"))] {
            assert_eq!(place_of(city, country), None);
        }
        assert_eq!(place_of(Some(&"a".repeat(65)), Some("PT")).as_deref(), Some("PT"));
        assert_eq!(place_of(Some("a\nb"), Some("PT")).as_deref(), Some("PT"));
    }
}
