//! A call of an agent that a person allows, once: what is asked, what is decided, and for how long either counts (R-329…R-334).

mod call;
mod message;

pub use call::{ApprovableCall, CallError, MAX_SHOWN_BYTES, answers_upstream, without_answers};
pub use message::{ApprovalCommand, ApprovalReply, UseApproval};

use serde::{Deserialize, Serialize};

use crate::ids::identifiers::{IssuerIdentifier, SubjectIdentifier};
use crate::time::{Seconds, Timestamp};

/// How long a question may wait, and how long its answer counts: a yes for one call, a no against all like it.
pub const LIFE: Seconds = Seconds::minutes(10);
/// How long a used one is kept, for its receipt.
pub const RECEIPT_KEPT: Seconds = Seconds::hours(24);
/// So many questions of one grant may wait at once (R-334).
pub const MAX_PENDING: usize = 5;
/// So many approvals of one person are kept; the oldest that count no more make room.
pub const MAX_KEPT: usize = 300;

/// One call that waits for a person, or about which one has decided. Its JSON is a stored format: fields are added with
/// defaults, never renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its name: the digest of what its address holds.
    pub id: String,
    /// What its address ends with: only we make such texts.
    pub link: String,
    /// The grant that asks, by the name that it has in lists.
    pub grant: String,
    /// The grant that a person or a provider gave, of which that one is part.
    #[serde(default)]
    pub root: String,
    /// The program that has the grant.
    pub client: String,
    /// What that calls itself.
    pub client_name: String,
    /// For whom it acts: the person whose grant it is.
    pub person: Party,
    /// Who acts for whom, the outermost first.
    #[serde(default)]
    pub actors: Vec<String>,
    /// What is asked for.
    pub call: ApprovableCall,
    /// Who may decide: `None`, the person; else somebody else with one of these roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvers: Option<Vec<String>>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it counts as it stands.
    pub until: Timestamp,
    /// How it stands.
    pub state: ApprovalState,
}

/// Somebody, by whom they signed in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The issuer that vouches for them.
    pub issuer: IssuerIdentifier,
    /// What it calls them.
    pub subject: SubjectIdentifier,
    /// What people know them by, where something is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tenant that they are said to belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

impl Party {
    /// Whether both are one and the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.subject == other.subject
    }
}

/// What was decided, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who did.
    pub by: Party,
    /// When.
    pub at: Timestamp,
    /// The id of the request by which they did.
    pub request: String,
}

/// How an approval stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// It waits.
    Pending,
    /// The call may be made, once.
    Given(Decided),
    /// It may not.
    Denied(Decided),
    /// The call was let through.
    Used {
        /// The decision that let it.
        given: Decided,
        /// When.
        at: Timestamp,
        /// The id of the request that was let through.
        request: String,
    },
}

/// A person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalVerdict {
    /// The call may be made, once.
    Allow,
    /// It may not.
    Deny,
}

impl Approval {
    /// Whether it waits.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.state, ApprovalState::Pending)
    }

    /// Whether it counts no more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// What was decided, where it was a yes.
    #[must_use]
    pub const fn given(&self) -> Option<&Decided> {
        match &self.state {
            ApprovalState::Given(given) | ApprovalState::Used { given, .. } => Some(given),
            ApprovalState::Pending | ApprovalState::Denied(_) => None,
        }
    }

    /// Whether somebody may decide: the person themselves, or another one of their tenant with a role that is named (R-331).
    #[must_use]
    pub fn may_be_decided_by(&self, who: &Party, roles: &[String]) -> bool {
        match &self.approvers {
            None => self.person.is(who),
            Some(named) => {
                let is_another = !self.person.is(who) && self.person.tenant == who.tenant;
                is_another && named.iter().any(|role| roles.contains(role))
            }
        }
    }

    /// The same, once somebody has decided. Only what waits, and has not waited too long, is decided.
    #[must_use]
    pub fn decided(&self, verdict: ApprovalVerdict, decided: Decided) -> Option<Self> {
        if !self.is_pending() || self.is_over(decided.at) {
            return None;
        }
        let until = decided.at.plus(LIFE);
        let state = match verdict {
            ApprovalVerdict::Allow => ApprovalState::Given(decided),
            ApprovalVerdict::Deny => ApprovalState::Denied(decided),
        };
        Some(Self { state, until, ..self.clone() })
    }

    /// The same, once the call is let through (R-332): of what it was about, the hash stays.
    #[must_use]
    pub fn used(&self, at: Timestamp, request: &str) -> Option<Self> {
        let ApprovalState::Given(given) = &self.state else { return None };
        if self.is_over(at) {
            return None;
        }
        let state = ApprovalState::Used { given: given.clone(), at, request: request.to_owned() };
        Some(Self { state, until: at.plus(RECEIPT_KEPT), call: self.call.without_params(), ..self.clone() })
    }
}

/// What becomes of a call that needs an approval, by those that there are.
#[derive(Debug, PartialEq, Eq)]
pub enum ApprovalStanding {
    /// It goes on, and this is used up.
    Use(Box<Approval>),
    /// It waits for this one.
    Waits(Box<Approval>),
    /// It was denied a moment ago.
    Denied(Box<Approval>),
    /// So many wait that no more is asked.
    TooMany,
    /// Somebody is to be asked.
    Ask,
}

/// How a call stands by the approvals of its grant's person. `root`: the grant that a person or a provider gave, of which `grant`
/// is part; to exchange it once more makes nobody ask anew. `request`: the id of the request that makes the call.
#[must_use]
pub fn standing(
    all: &[Approval],
    (grant, root): (&str, &str),
    call: &ApprovableCall,
    (now, request): (Timestamp, &str),
) -> ApprovalStanding {
    let of_root = || all.iter().filter(|one| one.root == root && !one.is_over(now));
    let same = || of_root().filter(|one| one.grant == grant && one.call.hash == call.hash);
    // The answer to this request may have been lost: it is asked once more then.
    let is_used_by_it =
        |one: &&Approval| matches!(&one.state, ApprovalState::Used { request: by, .. } if by == request);
    if let Some(used) = same().find(is_used_by_it) {
        return ApprovalStanding::Use(Box::new(used.clone()));
    }
    if let Some(used) = same().find_map(|one| one.used(now, request)) {
        return ApprovalStanding::Use(Box::new(used));
    }
    if let Some(waits) = same().find(|one| one.is_pending()) {
        return ApprovalStanding::Waits(Box::new(waits.clone()));
    }
    let is_denied = |one: &&Approval| matches!(one.state, ApprovalState::Denied(_)) && one.call.content == call.content;
    if let Some(denied) = of_root().find(is_denied) {
        return ApprovalStanding::Denied(Box::new(denied.clone()));
    }
    if of_root().filter(|one| one.is_pending()).count() >= MAX_PENDING {
        return ApprovalStanding::TooMany;
    }
    ApprovalStanding::Ask
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    pub(crate) fn party(subject: &str) -> Party {
        Party {
            issuer: IssuerIdentifier::new("https://op.example"),
            subject: SubjectIdentifier::new(subject),
            name: None,
            tenant: None,
        }
    }

    pub(crate) fn call(arguments: &str) -> ApprovableCall {
        let body = format!(r#"{{"params":{{"name":"delete_doc","arguments":{arguments}}}}}"#);
        ApprovableCall::new("g1", "/mcp", ("tools/call", "delete_doc"), &body).unwrap()
    }

    pub(crate) fn pending(id: &str, call: ApprovableCall) -> Approval {
        Approval {
            id: id.to_owned(),
            link: format!("link-{id}"),
            grant: "g1".to_owned(),
            root: "g1".to_owned(),
            client: "https://agent.example/client.json".to_owned(),
            client_name: "Agent".to_owned(),
            person: party("alice"),
            actors: Vec::new(),
            call,
            approvers: None,
            asked_at: NOW,
            until: NOW.plus(LIFE),
            state: ApprovalState::Pending,
        }
    }

    pub(crate) fn by(subject: &str, at: Timestamp) -> Decided {
        Decided { by: party(subject), at, request: "r1".to_owned() }
    }

    #[test]
    fn a_yes_is_good_for_one_call_within_ten_minutes() {
        // R-332
        let given = pending("a", call("{}"))
            .decided(ApprovalVerdict::Allow, by("alice", NOW.plus(Seconds::minutes(9))))
            .unwrap();
        let end = NOW.plus(Seconds::minutes(19));
        assert_eq!(given.used(end, "r2"), None);
        let used = given.used(end.minus(Seconds::new(1)), "r2").unwrap();
        assert_eq!((used.call.params.as_deref(), used.call.hash == given.call.hash), (None, true));
        assert!(used.used(end, "r3").is_none() && used.given().is_some());
        let at = |all: &[Approval], now| standing(all, ("g1", "g1"), &call("{}"), (now, "r2"));
        assert!(matches!(at(std::slice::from_ref(&given), end.minus(Seconds::new(1))), ApprovalStanding::Use(_)));
        assert_eq!(at(&[given], end), ApprovalStanding::Ask);
        // The request that used it up may ask once more, and no other.
        assert_eq!(at(std::slice::from_ref(&used), end), ApprovalStanding::Use(Box::new(used.clone())));
        assert_eq!(standing(&[used], ("g1", "g1"), &call("{}"), (end, "r3")), ApprovalStanding::Ask);
    }

    #[test]
    fn what_waited_too_long_or_is_decided_is_not_decided() {
        let one = pending("a", call("{}"));
        assert!(one.decided(ApprovalVerdict::Allow, by("alice", NOW.plus(LIFE))).is_none());
        let denied = one.decided(ApprovalVerdict::Deny, by("alice", NOW)).unwrap();
        assert!(denied.decided(ApprovalVerdict::Allow, by("alice", NOW)).is_none() && denied.used(NOW, "r").is_none());
    }

    #[test]
    fn a_yes_is_for_this_grant_and_this_call() {
        // R-329
        let given = pending("a", call(r#"{"id":1}"#)).decided(ApprovalVerdict::Allow, by("alice", NOW)).unwrap();
        let all = [given];
        let at = |grant, arguments| standing(&all, (grant, grant), &call(arguments), (NOW, "r2"));
        assert!(matches!(at("g1", r#"{"id":1}"#), ApprovalStanding::Use(_)));
        assert_eq!(at("g2", r#"{"id":1}"#), ApprovalStanding::Ask);
        assert_eq!(at("g1", r#"{"id":2}"#), ApprovalStanding::Ask);
    }

    #[test]
    fn a_no_is_remembered_and_few_questions_wait() {
        // R-334
        let denied = pending("a", call("{}")).decided(ApprovalVerdict::Deny, by("alice", NOW)).unwrap();
        let late = NOW.plus(Seconds::new(599));
        assert!(matches!(
            standing(std::slice::from_ref(&denied), ("g1", "g1"), &call("{}"), (late, "r")),
            ApprovalStanding::Denied(_)
        ));
        assert_eq!(standing(&[denied], ("g1", "g1"), &call("{}"), (NOW.plus(LIFE), "r")), ApprovalStanding::Ask);
        let waiting: Vec<_> = (0..5).map(|n| pending("x", call(&n.to_string()))).collect();
        assert_eq!(standing(&waiting, ("g1", "g1"), &call("9"), (NOW, "r")), ApprovalStanding::TooMany);
        assert!(matches!(standing(&waiting, ("g1", "g1"), &call("3"), (NOW, "r")), ApprovalStanding::Waits(_)));
        assert_eq!(standing(&waiting, ("g1", "g1"), &call("9"), (NOW.plus(LIFE), "r")), ApprovalStanding::Ask);
        // To exchange a token once more helps nobody.
        let denied = pending("a", call("{}")).decided(ApprovalVerdict::Deny, by("alice", NOW)).unwrap();
        let by_child = ApprovableCall::new(
            "g3",
            "/mcp",
            ("tools/call", "delete_doc"),
            r#"{"params":{"name":"delete_doc","arguments":{}}}"#,
        );
        let by_child = by_child.unwrap();
        assert!(matches!(standing(&[denied], ("g3", "g1"), &by_child, (late, "r")), ApprovalStanding::Denied(_)));
        assert_eq!(standing(&waiting, ("g3", "g1"), &by_child, (NOW, "r")), ApprovalStanding::TooMany);
        assert_eq!(standing(&waiting, ("g2", "g2"), &call("9"), (NOW, "r")), ApprovalStanding::Ask);
    }

    #[test]
    fn who_decides_is_the_person_or_another_one_with_a_role() {
        // R-331
        let own = pending("a", call("{}"));
        let manager = ["manager".to_owned()];
        assert!(own.may_be_decided_by(&party("alice"), &[]) && !own.may_be_decided_by(&party("bob"), &manager));
        let others = Approval { approvers: Some(manager.to_vec()), ..own };
        assert!(others.may_be_decided_by(&party("bob"), &manager));
        assert!(!others.may_be_decided_by(&party("bob"), &["managers".to_owned()]));
        assert!(!others.may_be_decided_by(&party("alice"), &manager));
        let of = |subject: &str, tenant: &str| Party { tenant: Some(tenant.to_owned()), ..party(subject) };
        assert!(!others.may_be_decided_by(&of("bob", "acme"), &manager));
        let theirs = Approval { person: of("alice", "acme"), ..others.clone() };
        assert!(theirs.may_be_decided_by(&of("bob", "acme"), &manager));
        for stranger in [of("bob", "umbrella"), party("bob"), of("alice", "acme"), of("alice", "umbrella")] {
            assert!(!theirs.may_be_decided_by(&stranger, &manager), "{stranger:?}");
        }
        let elsewhere = Party { issuer: IssuerIdentifier::new("https://other.example"), ..party("alice") };
        assert!(!pending("a", call("{}")).may_be_decided_by(&elsewhere, &[]));
    }
}
