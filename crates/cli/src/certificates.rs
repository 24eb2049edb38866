//! The programs with a client certificate, for people; and where Cloudflare asks for one at all.

use postern::config::{Authority, CertificateRule, CertificateSubject, Config};

/// Empty where there are none.
pub(super) fn told(config: &Config) -> String {
    if config.certificates.is_empty() {
        return String::new();
    }
    let host = config.public_url.host();
    let mut text = format!(
        "\nClient certificates, asked for by Cloudflare at the hosts alone that the zone's mTLS settings list: add {host}.\n\
         At workers.dev, at other hosts and at other ports no caller can show one\n"
    );
    text.extend(config.certificates.iter().map(entry));
    text
}

fn entry(rule: &CertificateRule) -> String {
    let authority = match &rule.authority {
        Authority::Ski(ski) => format!("the authority with the key {ski}"),
        Authority::Name(name) => format!("the authority {name}"),
    };
    let whose = match &rule.subject {
        CertificateSubject::Fingerprints(all) => format!("{} by fingerprint", all.len()),
        CertificateSubject::Name(name) => format!("subject {name}"),
        CertificateSubject::AltName(..) => format!("name {}", rule.subject),
    };
    let lists = [("scopes", &rule.scopes), ("roles", &rule.roles)];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    let granted: String = lists.map(|(word, names)| format!(", {word} {}", names.join(" "))).collect();
    format!("  {} ({whose}, of {authority}){granted}\n", rule.id)
}
