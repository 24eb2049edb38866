use super::*;
use crate::http::HeaderValue;

fn headers(values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect()
}

fn read(values: &[&str]) -> Result<Option<(Scheme, String)>, PresentationError> {
    let presented = presented(&headers(values), None)?;
    Ok(presented.map(|presented| (presented.scheme, presented.token.expose().clone())))
}

// R-132, the server's half
#[test]
fn a_token_follows_its_scheme_whose_case_does_not_matter() {
    // R-109, RFC 9110 §11.1, §11.4
    for value in ["Bearer a.b-c_d~e+f/g==", "bearer a.b-c_d~e+f/g==", "BEARER   a.b-c_d~e+f/g=="] {
        assert_eq!(read(&[value]), Ok(Some((Scheme::Bearer, "a.b-c_d~e+f/g==".to_owned()))), "{value}");
    }
    for value in ["DPoP x", "dpop x"] {
        assert_eq!(read(&[value]), Ok(Some((Scheme::Dpop, "x".to_owned()))), "{value}");
    }
}

#[test]
fn other_schemes_are_none_of_ours() {
    //
    assert_eq!(read(&[]), Ok(None));
    for value in ["Basic YTpi", "Digest username=\"a, b\", realm=\"c\"", "Negotiate x", "Bearers x", "a.b.c"] {
        assert_eq!(read(&[value]), Ok(None), "{value}");
    }
}

#[test]
fn exactly_one_token_stands_after_the_scheme() {
    //
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer\ta",
        "Bearer \ta",
        "Bearer a b",
        "Bearer a\tb",
        "Bearer a b, c",
        "Bearer a, Bearer",
        "Bearer a, b",
        "Bearer a;b",
        "Bearer \"a\"",
        "Bearer =",
        "Bearer a=b",
        "Bearer é",
        "Bearer realm=\"x\"",
        "Bearer:a",
        " Bearer a",
    ] {
        assert_eq!(read(&[value]), Err(PresentationError::Malformed), "{value:?}");
    }
}

#[test]
fn two_credentials_are_refused_whichever_would_be_good() {
    //
    for values in [
        &["Bearer a", "Bearer a"][..],
        &["Bearer a", "Basic YTpi"],
        &["Basic YTpi", "Bearer a"],
        &["Basic YTpi", "Basic YTpi"],
        &["Bearer a, Bearer b"],
        &["Bearer a, Basic YTpi"],
        &["Bearer a, DPoP b"],
        &["Bearer a,bearer b"],
        &["Basic YTpi, Bearer a"],
        &["Basic YTpi,\tDPoP a"],
    ] {
        assert_eq!(read(values), Err(PresentationError::Repeated), "{values:?}");
    }
}

#[test]
fn a_token_in_the_url_is_refused_however_its_name_is_spelt() {
    //
    for query in ["access_token=a", "b=c&access_token=a", "access%5Ftoken=a", "access_token", "%61ccess_token="] {
        for header in [&[][..], &["Bearer a"]] {
            let refused = presented(&headers(header), Some(query)).map(|_| ());
            assert_eq!(refused, Err(PresentationError::InQuery), "{query}");
        }
    }
    for query in ["", "a=access_token", "access-token=a", "Access_Token=a", "x_access_token=a"] {
        assert!(presented(&headers(&["Bearer a"]), Some(query)).unwrap().is_some(), "{query}");
    }
}

#[test]
fn size_is_looked_at_before_anything_else() {
    //
    let long = |length: usize| read(&[&format!("Bearer {}", "a".repeat(length))]).map(|_| ());
    assert_eq!(long(MAX_TOKEN_BYTES), Ok(()));
    assert_eq!(long(MAX_TOKEN_BYTES + 100), Err(PresentationError::TooLarge));
    let others = read(&[&format!("Basic {}", "a,Bearer".repeat(MAX_TOKEN_BYTES))]);
    assert_eq!(others, Err(PresentationError::TooLarge));
}

#[test]
fn a_presented_token_prints_without_itself() {
    let presented = presented(&headers(&["Bearer canary"]), None).unwrap().unwrap();
    assert!(!format!("{presented:?}").contains("canary"));
}
