//! Management by policies: the one that is built in, and those published whose scope says that they are about it.

use cedar_policy::{ActionConstraint, EntityTypeName, EntityUid, Policy, ResourceConstraint};
use postern::policy::{Bundle, PolicyProblem};

use super::schema::MANAGEMENT_SCHEMA;

const BUILT_IN: &str = include_str!("management.cedar");

/// The policy that is part of every deployment: those whom the configuration names may do everything.
///
/// # Errors
/// Never: a test reads it.
pub(super) fn built_in() -> Result<Bundle, PolicyProblem> {
    Bundle::new([("management.cedar".to_owned(), BUILT_IN.to_owned())].into())
}

/// Whether the policy's scope says that it is about management. A policy that is about everything is about requests for
/// routes alone: whoever permitted all of those did not mean to hand out the keys.
pub(super) fn is_about(policy: &Policy) -> bool {
    let is_type = |name: &EntityTypeName| name.basename() == "Management";
    let by_resource = match policy.resource_constraint() {
        ResourceConstraint::Any => false,
        ResourceConstraint::In(uid) | ResourceConstraint::Eq(uid) => is_type(uid.type_name()),
        ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => is_type(&name),
    };
    let by_action = match policy.action_constraint() {
        ActionConstraint::Any => false,
        ActionConstraint::Eq(uid) => is_action(&uid),
        ActionConstraint::In(uids) => uids.iter().any(is_action),
    };
    by_resource || by_action
}

/// Whether the policy's scope names actions of both: it would decide of one of them only, and nobody would notice.
pub(super) fn is_of_two_minds(policy: &Policy) -> bool {
    matches!(policy.action_constraint(), ActionConstraint::In(uids) if uids.iter().any(is_action) && !uids.iter().all(is_action))
}

/// Whether it is an action of management, or all of them.
fn is_action(uid: &EntityUid) -> bool {
    uid.id().unescaped() == "administer" || actions().any(|name| name == uid.id().unescaped())
}

/// The actions of management, as the schema lists them.
pub fn actions() -> impl Iterator<Item = &'static str> {
    let listed =
        MANAGEMENT_SCHEMA.split_once("\naction\n").and_then(|(_, rest)| rest.split_once("\nin ")).map(|(list, _)| list);
    listed.unwrap_or_default().split(',').map(|name| name.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use postern::policy::ManagementInput;

    use super::super::set::PolicySet;
    use super::super::testing::{Asking, bundle};
    use super::*;

    fn allows(set: &PolicySet, asking: &Asking, action: &str, administrators: &[(&str, &str)]) -> bool {
        let input = asking.input();
        let input = ManagementInput { principal: input.principal, action, administrators, context: input.context };
        set.decide_management(&input).allows()
    }

    #[test]
    fn the_schema_of_management_knows_every_action_and_no_other() {
        let known: BTreeSet<_> = actions().collect();
        let used: BTreeSet<_> = postern::gateway::MANAGEMENT.iter().map(|endpoint| endpoint.action).collect();
        assert_eq!(known, used);
    }

    #[test]
    fn the_built_in_policy_lets_the_administrators_do_everything_and_nobody_else_anything() {
        let (set, alice) = (PolicySet::parse(&built_in().unwrap()).unwrap(), Asking::default());
        let other = Asking { issuer: "https://other.example".to_owned(), ..Asking::default() };
        let agent = Asking { kind: postern::ids::principal_kind::PrincipalKind::Agent, ..Asking::default() };
        let named = [("https://op.example", "root"), ("https://op.example", "alice")];
        assert!(actions().count() > 5);
        for action in actions() {
            assert!(allows(&set, &alice, action, &named), "{action}");
            assert!(!allows(&set, &alice, action, &[("https://op.example", "root")]), "{action}");
            // The same name at another issuer is another person (R-057), and an agent of that name is none.
            assert!(!allows(&set, &other, action, &named) && !allows(&set, &agent, action, &named), "{action}");
        }
        assert!(!allows(&set, &alice, "sessions.all", &named[..1]));
    }

    #[test]
    fn an_administrator_whose_name_cannot_be_written_is_nobody_and_shuts_out_no_other() {
        // R-057, R-193
        let (set, alice) = (PolicySet::parse(&built_in().unwrap()).unwrap(), Asking::default());
        let root = Asking { issuer: "urn:idp#1".to_owned(), subject: "root".to_owned(), ..Asking::default() };
        let named = [("urn:idp#1", "root"), ("https://op.example", "alice")];
        for action in actions() {
            assert!(allows(&set, &alice, action, &named), "{action}");
            assert!(!allows(&set, &root, action, &named), "{action}");
            assert!(!allows(&set, &alice, action, &named[..1]), "{action}");
        }
        // Who would be alone without them is not.
        let alone = r#"permit(principal, action in Action::"administer", resource)
            when { [Human::"https://op.example#alice"].containsAll(resource.administrators) };"#;
        let set = PolicySet::parse(&bundle(alone)).unwrap();
        assert!(allows(&set, &alice, "sessions.list", &named[1..]));
        assert!(!allows(&set, &alice, "sessions.list", &named));
    }

    #[test]
    fn management_may_keep_office_hours() {
        let berlin = r#"permit(principal, action in Action::"administer", resource) when {
            context.local.hasTag("Europe/Berlin") && context.local.getTag("Europe/Berlin").hour == 11 };"#;
        let set = PolicySet::parse(&bundle(berlin)).unwrap();
        assert!(allows(&set, &Asking::default(), "sessions.list", &[]));
        let later = Asking { now: Asking::default().now + 3600, ..Asking::default() };
        assert!(!allows(&set, &later, "sessions.list", &[]));
    }

    #[test]
    fn a_policy_is_about_management_where_its_scope_says_so_and_about_routes_otherwise() {
        let decides = |text: &str| {
            let set = PolicySet::parse(&bundle(text)).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
            let asking = Asking::default();
            (allows(&set, &asking, "sessions.list", &[]), set.decide(&asking.input()).allows())
        };
        for (text, expected) in [
            ("permit(principal, action, resource);", (false, true)),
            ("permit(principal, action, resource is Resource);", (false, true)),
            (r#"permit(principal, action == Action::"sessions.list", resource);"#, (true, false)),
            (
                r#"permit(principal, action in [Action::"sessions.list", Action::"policies.list"], resource);"#,
                (true, false),
            ),
            (r#"permit(principal, action == Action::"policies.list", resource);"#, (false, false)),
            (r#"permit(principal, action in Action::"administer", resource);"#, (true, false)),
            ("permit(principal, action, resource is Management);", (true, false)),
        ] {
            assert_eq!(decides(text), expected, "{text}");
        }
        let both = r#"permit(principal, action in [Action::"read", Action::"sessions.list"], resource);"#;
        assert!(PolicySet::parse(&bundle(both)).unwrap_err()[0].to_string().contains("write it as two"));
        let forbidden =
            |forbid: &str| decides(&format!("permit(principal, action, resource is Management);\n{forbid}")).0;
        assert!(forbidden("forbid(principal, action, resource);"), "that is about routes");
        assert!(!forbidden("forbid(principal, action, resource is Management);"));
        // A management policy with the marks of another sign-in is a plain no.
        assert!(!forbidden(r#"@max_age("60") forbid(principal, action in Action::"administer", resource);"#));
    }
}
