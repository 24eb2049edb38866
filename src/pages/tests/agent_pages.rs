//! The pages about agents and API keys, with a text wherever something can be put.

use super::*;

/// What a person is asked of programs that are answered at places of every kind.
pub(super) fn consents(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    type Asked<'a> = (Option<&'a str>, &'a str, &'a str, &'a [(&'a str, Vec<&'a str>)]);
    let page = |(host, to, person, scopes): Asked<'_>| {
        let redirect = RedirectUri::parse(to).unwrap();
        let words = [WordedScope { scope: text.to_owned(), words: text.to_owned() }];
        let page = ConsentPage {
            client: text,
            host,
            redirect: &redirect,
            resource: text,
            person,
            scopes,
            words: &words,
            days: &[1, 30],
            question: text,
        };
        consent::render(view, &page)
    };
    let scopes = [(text, vec![text, text]), ("mail.example", Vec::new())];
    [
        (Some("a.example"), "https://a.example/cb", text, &scopes[..]),
        (Some(text), "https://a.example/cb", "", &[]),
        (None, "http://127.0.0.1:33418/cb", text, &scopes),
        (Some(text), "com.example.app:/cb", text, &scopes),
    ]
    .into_iter()
    .map(page)
    .collect()
}

/// Every page of approvals.
pub(super) fn approval_pages(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    let at = Timestamp::from_unix(1_795_328_454);
    let said = Value::from(text).to_string();
    let mut waiting = pending("0", call(&format!("{{{said}:{said}}}")));
    for place in [&mut waiting.link, &mut waiting.client, &mut waiting.client_name, &mut waiting.call.name] {
        text.clone_into(place);
    }
    for place in [&mut waiting.call.route, &mut waiting.call.method] {
        text.clone_into(place);
    }
    waiting.call.params = Some(format!("{{{said}:{said}}}"));
    waiting.person.name = Some(text.to_owned());
    let decided = |verdict| {
        let mut by = by(text, at);
        by.by.name = Some(text.to_owned());
        Approval { until: at.plus(Seconds::hours(1)), ..waiting.clone() }.decided(verdict, by).unwrap()
    };
    let (given, denied) = (decided(ApprovalVerdict::Allow), decided(ApprovalVerdict::Deny));
    let used = given.used(at, "0").unwrap();
    let one = |approval, deciding| approvals::render_one(view, &Shown { approval, deciding });
    vec![
        approvals::render_all(view, &[]),
        approvals::render_all(view, &[waiting.clone(), given.clone(), denied.clone(), used]),
        one(&waiting, Deciding::Yes),
        one(&waiting, Deciding::SignIn(text.to_owned())),
        one(&given, Deciding::No),
        one(&denied, Deciding::No),
    ]
}

/// Every page of API keys.
pub(super) fn key_pages(view: &View<'_>, text: &str) -> Vec<HtmlPage> {
    let at = Timestamp::from_unix(1_795_328_454);
    let listed = |end: Option<KeyEnding>| ListedKey {
        id: ApiKeyId::parse("0011223344556677").unwrap(),
        holder: KeyHolder::Service(text.to_owned()),
        name: text.to_owned(),
        scopes: if end.is_none() { Vec::new() } else { vec![text.to_owned()] },
        created_at: at,
        rotated_at: None,
        expires_at: at.plus(Seconds::hours(1)),
        old_until: end.is_none().then_some(at.plus(Seconds::minutes(1))),
        last_use: end.map(|_| KeyUse::new(at, text, Some(text))),
        ended: end.map(|why| KeyEnd { at, why }),
    };
    let endings = [KeyEnding::Owner, KeyEnding::Administrator, KeyEnding::Leaked];
    let mut keys: Vec<ListedKey> = endings.into_iter().map(|why| listed(Some(why))).collect();
    keys.extend([ListedKey { expires_at: at, ..listed(None) }, listed(None)]);
    let scopes = [text.to_owned()];
    let page = |keys: &[ListedKey], sign_in, making| {
        api_keys::render(view, &OwnKeys { keys, prefix: &KeyPrefix::parse("0000").unwrap(), now: at, sign_in, making })
    };
    vec![
        page(&keys, None, KeyMaking::Open(&scopes, &[30, 90], 90)),
        page(&keys, Some(text), KeyMaking::NotAllowed),
        page(&[], None, KeyMaking::NotAllowed),
        page(&keys, None, KeyMaking::Full),
        api_keys::render_new(view, &listed(None), &Secret::new(text.to_owned())),
    ]
}
