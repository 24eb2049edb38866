//! `require.email_domain`: a verified address in one of the named domains.

use super::Denial;

/// `email`: the address, if it is verified. A domain below a named one is another domain.
///
/// # Errors
/// When domains are named and the address is in none of them.
pub fn decide(email: Option<&str>, accepted: &[String]) -> Result<(), Denial> {
    let domain = email.and_then(|email| email.rsplit_once('@')).filter(|(local, _)| !local.is_empty());
    let named = domain.is_some_and(|(_, domain)| accepted.iter().any(|known| known.eq_ignore_ascii_case(domain)));
    if accepted.is_empty() || named { Ok(()) } else { Err(Denial::EmailDomain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_what_stands_behind_the_last_at() {
        //
        let accepted = ["example.com".to_owned(), "example.org".to_owned()];
        for good in ["a@example.com", "a@EXAMPLE.org", "\"a@b\"@example.com"] {
            assert_eq!(decide(Some(good), &accepted), Ok(()), "{good}");
        }
        for bad in [
            "a@evil.com",
            "a@example.com.evil.com",
            "a@sub.example.com",
            "a@example.com@evil.com",
            "a@notexample.com",
            "a@example.com.",
            "a@example.com ",
            "@example.com",
            "example.com",
            "a@",
            "",
        ] {
            assert_eq!(decide(Some(bad), &accepted), Err(Denial::EmailDomain), "{bad}");
        }
        assert_eq!(decide(None, &accepted), Err(Denial::EmailDomain));
        assert_eq!(decide(None, &[]), Ok(()));
    }
}
