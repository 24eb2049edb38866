//! How a provider gets authorization requests and returns responses, where that is not the usual way.

use postern::config::{Par, Provider};
use postern::jose::Algorithm;

/// With a line for all that `profile` has set.
pub(super) fn told(provider: &Provider) -> String {
    let rules = provider.requests;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.push_str(&format!("    {name:24}  {value}\n"));
    if rules.fapi2 {
        let algorithms: Vec<&str> = provider.id_token_algs.iter().copied().map(Algorithm::name).collect();
        line("profile", "FAPI 2.0: requests are pushed, clients prove themselves without a secret");
        line("", &format!("it signs with {}, and its responses have `iss`", algorithms.join(", ")));
    }
    match rules.par {
        Par::Auto => {}
        Par::Always => line("requests", "are pushed, or nobody signs in"),
        Par::Off => line("requests", "go through the browser, unless it requires them to be pushed"),
    }
    if rules.signed {
        line("requests", "are signed");
    }
    if provider.response_mode.is_signed() {
        line("responses", &format!("are signed by it (`{}`)", provider.response_mode.word()));
    }
    text
}
