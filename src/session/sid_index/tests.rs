use super::*;
use crate::config::LONGEST_GRANT;
use crate::json::testing::each_with_one_more;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn entry() -> SidEntry {
    let subject = SubjectKey::of("https://op.example", "alice");
    SidEntry { subject, login_started_at: NOW.minus(Seconds::new(9)), until: NOW.plus(KEPT), suffices: None }
}

fn of_agent() -> SidEntry {
    let ends_at = NOW.plus(LONGEST_GRANT);
    SidEntry { until: ends_at.plus(SPARE), suffices: Some(ends_at), ..entry() }
}

fn page(after: Option<SubjectKey>) -> SidRequest {
    SidRequest::page(&SidKey::of_agent("https://client.example/"), &SidPage { after, limit: 26, ends: true })
}

#[test]
fn requests_and_answers_arrive_as_they_were_sent() {
    let key = SidKey::of("https://op.example", "s-1");
    let subject = entry().subject;
    for request in [
        SidRequest::put(&key, &entry()),
        SidRequest::put(&key, &of_agent()),
        SidRequest::find(&key),
        SidRequest::end(&key),
        page(None),
        page(Some(subject)),
    ] {
        for other in each_with_one_more(&request.to_json()) {
            assert_eq!(SidRequest::parse(&other, NOW), None, "{other}");
        }
        assert_eq!(SidRequest::parse(&request.to_json(), NOW), Some(request));
    }
    for response in [SidReply::Entered, SidReply::Overtaken, SidReply::Subjects(vec![subject.object_name()])] {
        for other in each_with_one_more(&response.to_json()) {
            assert_eq!(SidReply::parse(&other), None, "{other}");
        }
        assert_eq!(SidReply::parse(&response.to_json()), Some(response));
    }
    assert_eq!(SidReply::Subjects(vec![subject.object_name()]).subjects(), Ok(vec![subject]));
    assert_eq!((SidReply::Entered.entered(), SidReply::Overtaken.entered()), (Ok(true), Ok(false)));
}

#[test]
fn a_request_is_sent_as_by_the_first_release() {
    let name = entry().subject.object_name();
    let key = "ab".repeat(32);
    let json = format!(
        r#"{{"v":1,"body":{{"put":{{"key":"{key}","subject":"{name}","login_started_at":1799999991,"until":1802592000}}}}}}"#
    );
    assert_eq!(SidRequest::parse(&json, NOW).unwrap().to_json(), json);
}

#[test]
fn what_is_no_request_is_refused() {
    let good = SidRequest::put(&SidKey::of("https://op.example", "s-1"), &entry()).to_json();
    let name = entry().subject.object_name();
    let until = entry().until.as_unix();
    for bad in [
        String::new(),
        "{}".into(),
        good.replace("\"v\":1", "\"v\":2"),
        good.replace("\"put\"", "\"drop\""),
        good.replace(&name, ""),
        good.replace(&name, "alice"),
        good.replace("\"key\":\"", "\"key\":\"0"),
        good.replace(&until.to_string(), &NOW.as_unix().to_string()),
        good.replace(&until.to_string(), &NOW.plus(LONGEST).plus(Seconds::new(1)).as_unix().to_string()),
        good.replace("\"v\":1", "\"v\":1,\"more\":1"),
    ] {
        assert_ne!(bad, good);
        assert_eq!(SidRequest::parse(&bad, NOW), None, "{bad}");
    }
}

#[test]
fn an_entry_of_an_agent_is_kept_as_long_as_the_longest_grant_and_never_for_ever() {
    let good = SidRequest::put(&SidKey::of_agent("https://client.example/"), &of_agent()).to_json();
    assert!(SidRequest::parse(&good, NOW).is_some());
    let until = of_agent().until.as_unix().to_string();
    let longest = NOW.plus(LONGEST_OF_GRANTS);
    assert!(SidRequest::parse(&good.replace(&until, &longest.as_unix().to_string()), NOW).is_some());
    for bad in [longest.plus(Seconds::new(1)), NOW] {
        assert_eq!(SidRequest::parse(&good.replace(&until, &bad.as_unix().to_string()), NOW), None);
    }
    // A revocation is remembered until no grant can be left that it did not see.
    assert!(agent_remembered_until(NOW) >= of_agent().until);
}

#[test]
fn an_entry_of_a_person_is_kept_as_long_as_what_it_finds_may_live() {
    // R-081, R-366
    let of = |grants_end_at| SidEntry::of_person(entry().subject, entry().login_started_at, NOW, grants_end_at);
    assert_eq!(of(None), entry());
    assert_eq!(of(Some(NOW.plus(Seconds::hours(1)))), entry());
    let longest = NOW.plus(LONGEST_GRANT);
    assert_eq!(of(Some(longest)), of_agent());
    for end in [longest, longest.plus(Seconds::hours(8)), longest.plus(KEPT)] {
        let put = SidRequest::put(&SidKey::of("https://op.example", "s-1"), &of(Some(end))).to_json();
        assert!(SidRequest::parse(&put, NOW).is_some(), "{put}");
    }
}

#[test]
fn what_is_no_page_is_refused() {
    let good = page(Some(entry().subject)).to_json();
    for bad in [
        good.replace("\"limit\":26", "\"limit\":0"),
        good.replace("\"limit\":26", "\"limit\":101"),
        good.replace(&entry().subject.object_name(), "alice"),
        good.replace("\"ends\":true", "\"ends\":1"),
    ] {
        assert_ne!(bad, good);
        assert_eq!(SidRequest::parse(&bad, NOW), None, "{bad}");
    }
}

#[test]
fn a_client_is_no_session_and_no_address_and_is_not_named() {
    let key = SidKey::of_agent("https://client.example/");
    assert_ne!(key, SidKey::of_agent("https://client.example/x"));
    assert_ne!(key, SidKey::of("agent", "https://client.example/x"));
    assert!(!page(None).to_json().contains("example"));
}

#[test]
fn an_answer_to_another_question_is_none() {
    assert_eq!(SidReply::Subjects(Vec::new()).entered(), Err(StoreError::Malformed));
    assert_eq!(SidReply::Entered.subjects(), Err(StoreError::Malformed));
    assert_eq!(SidReply::Subjects(vec!["alice".to_owned()]).subjects(), Err(StoreError::Malformed));
    for json in ["", "{}", r#"{"v":2,"body":"entered"}"#, r#"{"v":1,"body":"yes"}"#] {
        assert_eq!(SidReply::parse(json), None, "{json}");
    }
}

#[test]
fn the_same_name_at_two_providers_is_two_sessions_and_names_nobody() {
    // R-081
    let key = SidKey::of("https://a.example", "s-1");
    assert_ne!(key, SidKey::of("https://b.example", "s-1"));
    assert_ne!(key, SidKey::of("https://a.example", "s-2"));
    let message = SidRequest::put(&key, &entry()).to_json();
    assert!(!message.contains("s-1") && !message.contains("alice") && !message.contains("example"));
}

#[test]
fn cleaning_up_is_neither_too_often_nor_never() {
    assert_eq!(sweep_after(NOW, NOW), SWEEP_INTERVAL);
    assert_eq!(sweep_after(NOW, NOW.plus(Seconds::hours(1))), Seconds::hours(1));
    assert_eq!(sweep_after(NOW, Timestamp::from_unix(i64::MAX)), LONGEST);
    assert_eq!(remembered_until(NOW).since(NOW), REMEMBERED);
}
