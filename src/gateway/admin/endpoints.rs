//! The table of management.

use super::Method;
use crate::refusal::Reason;
use crate::route::CanonicalPath;

/// Where all of it is.
pub(in crate::gateway) const PREFIX: &str = "/auth/admin";

/// To see who is blocked, wherever that is asked.
pub(super) const LIST_BLOCKS: &str = "blocks.list";
/// To explain a decision that was made, wherever that is asked.
pub(super) const READ_DECISION: &str = "decisions.read";
/// To say what would be decided, wherever that is asked.
pub(super) const SUPPOSE_DECISION: &str = "decisions.suppose";
/// To show what is in policies, wherever that is asked.
pub(super) const READ_POLICIES: &str = "policies.read";
/// To say whether a relation holds, wherever that is asked.
pub(super) const CHECK_RELATION: &str = "relations.check";

/// One endpoint.
#[derive(Debug)]
pub struct Endpoint {
    /// The one method that it answers.
    pub method: Method,
    /// The path; a last segment in braces stands for one segment.
    pub path: &'static str,
    /// What is done there, as policies and the log call it.
    pub action: &'static str,
    /// The same in words.
    pub does: &'static str,
    pub(super) task: Task,
}

impl Endpoint {
    /// Whether what is done there lasts: all but what reads, and what ends something.
    pub(super) fn lasts(&self) -> bool {
        use Task::{Blocks, CheckRelation, Explain, RevokeGrants, RevokeKeys, RevokeSessions};
        let reads = self.method == Method::GET || matches!(self.task, Explain | CheckRelation);
        !reads && !matches!(self.task, RevokeSessions | RevokeGrants | RevokeKeys | Blocks(BlockTask::Add))
    }
}

/// Who carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Index,
    Health,
    ListSessions,
    RevokeSessions,
    ListFactors,
    ResetFactors,
    ListGrants,
    RevokeGrants,
    ListKeys,
    MakeKey,
    RotateKey,
    RevokeKeys,
    Blocks(BlockTask),
    Explain,
    ListRelations,
    DumpRelations,
    ChangeRelations,
    RemoveRelations,
    CheckRelation,
    Recall,
    ExplainPage,
    Policies(PolicyTask),
}

/// What of it is about the block list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockTask {
    List,
    Add,
    Lift,
    ReadMoments,
    MoveMoment,
    ClearMoment,
}

/// What of it is about policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyTask {
    List,
    Read,
    Publish,
    Point,
}

/// Every endpoint of management. Those about policies are there only where there is an engine, those about the block list
/// only where there is one: see [`Extras`].
pub static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: PREFIX,
        action: "management.list",
        does: "Lists these endpoints.",
        task: Task::Index,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/health",
        action: "management.health",
        does: "Tells the version, and whether bindings, stores and issuers work.",
        task: Task::Health,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/sessions",
        action: "sessions.list",
        does: "Lists someone's sessions: `?provider=&subject=`, or `?issuer=&subject=`.",
        task: Task::ListSessions,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/revoke",
        action: "sessions.revoke",
        does: "Ends sessions of someone: `provider` or `issuer`, `subject`, and `session` or `before`.",
        task: Task::RevokeSessions,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/factors",
        action: "factors.list",
        does: "Lists someone's second factors: `?provider=&subject=`, or `?issuer=&subject=`.",
        task: Task::ListFactors,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/factors/reset",
        action: "factors.reset",
        does: "Takes away all second factors of someone else: `provider` or `issuer`, `subject`.",
        task: Task::ResetFactors,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/agents",
        action: "agents.list",
        does: "Lists grants to agents: someone's, `?provider=&subject=` or `?issuer=&subject=`, or those to a client, `?client=`.",
        task: Task::ListGrants,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/agents/revoke",
        action: "agents.revoke",
        does: "Ends grants to agents: someone's, `provider` or `issuer`, `subject`, and `grant` or `client`, or all; or `client` alone.",
        task: Task::RevokeGrants,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/keys",
        action: "keys.list",
        does: "Lists the API keys of a person or a service: `?provider=&subject=`, `?issuer=&subject=`, or `?service=`.",
        task: Task::ListKeys,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/keys",
        action: "keys.make",
        does: "Makes an API key for a service without an owner: `service`, `name`, `scopes`, `expires_in_days`.",
        task: Task::MakeKey,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/keys/rotate",
        action: "keys.rotate",
        does: "Gives an API key of a service another secret: `service`, `key`.",
        task: Task::RotateKey,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/keys/revoke",
        action: "keys.revoke",
        does: "Revokes API keys: `key`, perhaps its `old_secret` alone, or all of `provider` or `issuer` with `subject`, \
            or of `service`.",
        task: Task::RevokeKeys,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/blocks",
        action: LIST_BLOCKS,
        does: "Lists who is blocked, and from page to page `?after=`.",
        task: Task::Blocks(BlockTask::List),
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/blocks",
        action: "blocks.add",
        does: "Blocks a user, service, client, agent or key: `provider` or `issuer` with `subject` or `client_id`, or `agent`, \
            or `key`; `reason`, `until`.",
        task: Task::Blocks(BlockTask::Add),
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/blocks/lift",
        action: "blocks.lift",
        does: "Lifts a block: `provider` or `issuer` with `subject` or `client_id`, or `agent`, or `key`.",
        task: Task::Blocks(BlockTask::Lift),
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/not-before",
        action: "not_before.read",
        does: "Lists the moments before which sessions and tokens count no more.",
        task: Task::Blocks(BlockTask::ReadMoments),
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/not-before",
        action: "not_before.set",
        does: "Moves such a moment on: `everybody`, or `provider` or `issuer`, perhaps with `subject`; `at`, `tokens`.",
        task: Task::Blocks(BlockTask::MoveMoment),
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/not-before/clear",
        action: "not_before.clear",
        does: "Clears such a moment: `everybody`, or `provider` or `issuer`, perhaps with `subject`.",
        task: Task::Blocks(BlockTask::ClearMoment),
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/decisions/{id}",
        action: READ_DECISION,
        does: "Explains a decision that was made, by the id of its request.",
        task: Task::Recall,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/explain",
        action: "decisions.explain",
        does: "The page that explains decisions: those that were made, and others.",
        task: Task::ExplainPage,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/explain",
        action: SUPPOSE_DECISION,
        does: "Says what would be decided, and why: `who`, `request`.",
        task: Task::Explain,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/relations",
        action: "relations.list",
        does: "Lists the tuples of an object: `?object=`, and from page to page `&after=`.",
        task: Task::ListRelations,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/relations/all",
        action: "relations.dump",
        does: "Lists all tuples, or with `?subject=` someone's, and from page to page `&after=`.",
        task: Task::DumpRelations,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/relations",
        action: "relations.change",
        does: "Adds and removes tuples, those of one object all or none: `add`, `remove`, `expect`, `expect_not`.",
        task: Task::ChangeRelations,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/relations/remove-subject",
        action: "relations.remove",
        does: "Removes all tuples of someone, from page to page: `subject`, `after`.",
        task: Task::RemoveRelations,
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/relations/check",
        action: CHECK_RELATION,
        does: "Says whether somebody stands in a relation: `tuple`.",
        task: Task::CheckRelation,
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/policies",
        action: "policies.list",
        does: "Tells which policies are published, and what this isolate goes by.",
        task: Task::Policies(PolicyTask::List),
    },
    Endpoint {
        method: Method::GET,
        path: "/auth/admin/policies/{version}",
        action: READ_POLICIES,
        does: "Shows the files of a version.",
        task: Task::Policies(PolicyTask::Read),
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/policies",
        action: "policies.publish",
        does: "Publishes a version: `files`, `as` (`live` or `shadow`), `expect`.",
        task: Task::Policies(PolicyTask::Publish),
    },
    Endpoint {
        method: Method::POST,
        path: "/auth/admin/policies/pointer",
        action: "policies.point",
        does: "Goes forward or back to versions: `live`, `shadow`, `expect`.",
        task: Task::Policies(PolicyTask::Point),
    },
];

/// What a deployment has that some endpoints are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extras {
    /// An engine for policies.
    pub(super) policies: bool,
    /// A block list.
    pub(super) blocks: bool,
}

/// The endpoints of a deployment that has these.
pub(super) fn at_hand(extras: Extras) -> impl Iterator<Item = &'static Endpoint> {
    let Extras { policies, blocks } = extras;
    let has = move |endpoint: &&Endpoint| {
        (policies || !endpoint.is_about_policies()) && (blocks || !endpoint.is_about_blocks())
    };
    ENDPOINTS.iter().filter(has)
}

/// The endpoint for this request, and what stands in its path for the segment in braces.
///
/// # Errors
/// When there is none, or none for this method.
pub(super) fn find<'a>(
    method: &Method,
    path: &'a CanonicalPath,
    extras: Extras,
) -> Result<(&'static Endpoint, &'a str), Reason> {
    let here = || at_hand(extras).filter_map(|endpoint| Some((endpoint, endpoint.matches(path.as_str())?)));
    if let Some(found) = here().find(|(endpoint, _)| endpoint.method == *method) {
        return Ok(found);
    }
    let methods: Vec<&str> = here().map(|(endpoint, _)| endpoint.method.as_str()).collect();
    Err(if methods.is_empty() { Reason::NoRoute } else { Reason::MethodNotAllowed(methods.join(", ")) })
}

impl Endpoint {
    /// Whether it is about policies: a gateway without an engine does not have it.
    #[must_use]
    pub const fn is_about_policies(&self) -> bool {
        matches!(self.task, Task::Policies(_))
    }

    /// Whether it is about the block list: a site without one does not have it.
    #[must_use]
    pub const fn is_about_blocks(&self) -> bool {
        matches!(self.task, Task::Blocks(_))
    }

    /// What stands for the segment in braces; empty where there is none.
    fn matches<'a>(&self, path: &'a str) -> Option<&'a str> {
        let Some((before, _)) = self.path.split_once('{') else { return (self.path == path).then_some("") };
        path.strip_prefix(before).filter(|rest| !rest.is_empty() && !rest.contains('/'))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ALL: Extras = Extras { policies: true, blocks: true };

    #[test]
    fn each_endpoint_is_found_by_its_method_and_path_alone() {
        for endpoint in ENDPOINTS {
            assert!(endpoint.path.starts_with(PREFIX), "{endpoint:?}");
            let path = CanonicalPath::parse(&endpoint.path.replace("{id}", "x1").replace("{version}", "x1")).unwrap();
            let (found, _) = find(&endpoint.method, &path, ALL).unwrap();
            assert_eq!(found.action, endpoint.action);
            assert!(matches!(find(&Method::TRACE, &path, ALL), Err(Reason::MethodNotAllowed(_))));
        }
        let nowhere = CanonicalPath::parse("/auth/admin/nowhere").unwrap();
        assert!(matches!(find(&Method::GET, &nowhere, ALL), Err(Reason::NoRoute)));
    }

    #[test]
    fn without_an_engine_or_a_block_list_there_is_no_endpoint_about_it_and_every_other_one() {
        let about_blocks = |action: &str| action.starts_with("blocks.") || action.starts_with("not_before.");
        for (policies, blocks) in [(false, false), (false, true), (true, false), (true, true)] {
            for endpoint in ENDPOINTS {
                let path = endpoint.path.replace("{id}", "x1").replace("{version}", "x1");
                let path = CanonicalPath::parse(&path).unwrap();
                let found = find(&endpoint.method, &path, Extras { policies, blocks }).map(|(found, _)| found.action);
                let is_missing = (endpoint.action.starts_with("policies.") && !policies)
                    || (about_blocks(endpoint.action) && !blocks);
                if is_missing {
                    assert!(matches!(found, Err(Reason::NoRoute)), "{endpoint:?}");
                } else {
                    assert_eq!(found.unwrap(), endpoint.action);
                }
            }
        }
    }

    #[test]
    fn the_configuration_can_name_every_action_that_shows_no_key_and_no_other() {
        //
        let actions = ENDPOINTS.iter().map(|endpoint| endpoint.action);
        let actions: BTreeSet<_> = actions.filter(|action| !["keys.make", "keys.rotate"].contains(action)).collect();
        assert_eq!(actions, crate::config::ADMIN_ACTIONS.into_iter().collect());
    }

    #[test]
    fn every_action_has_a_name_of_its_own() {
        let names: BTreeSet<_> = ENDPOINTS.iter().map(|endpoint| endpoint.action).collect();
        assert_eq!(names.len(), ENDPOINTS.len());
    }
}
