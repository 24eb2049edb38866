//! The schema that every policy meets, and its names, read once: ours, with what the version declares beside it.

use std::cell::RefCell;
use std::net::IpAddr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema, SchemaFragment};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::json_schema::Fragment;
use postern::bounded_cache::{BoundedCache, Bounds};
use postern::http::Method;
use postern::ids::principal_kind::PrincipalKind;
use postern::policy::{PolicyProblem, Version};

use super::schema_limits::{self, Declared};
use super::{limits, problem};

/// The schema, in Cedar's own notation.
pub const SCHEMA: &str = include_str!("base.cedarschema");

/// The schema of management; it goes on where [`SCHEMA`] ends.
pub const MANAGEMENT_SCHEMA: &str = include_str!("management.cedarschema");

/// How the names of files end that declare types and actions.
const EXTENSION: &str = ".cedarschema";

/// Whether a file of this name declares types and actions; every other one has policies.
pub(super) fn is_schema(file: &str) -> bool {
    file.ends_with(EXTENSION)
}

/// Our schema together with these files, name and text of each. None may declare again what another does, or ours.
///
/// # Errors
/// Everything that is wrong with them.
pub(super) fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Schema, Vec<PolicyProblem>> {
    let files: Vec<(&str, &str)> = files.into_iter().collect();
    let mut problems: Vec<PolicyProblem> = files.iter().filter_map(|(file, text)| excess(file, text)).collect();
    let texts: Vec<&str> = files.iter().map(|(_, text)| *text).collect();
    problems.extend(limits::swollen(SCHEMA, &texts).map(PolicyProblem::of_all));
    if !problems.is_empty() {
        return Err(problems);
    }
    declared(&files)?;
    // The text of our own is right, a test would tell.
    let mut fragments = Vec::new();
    for (file, text) in std::iter::once(("", SCHEMA)).chain(files) {
        match SchemaFragment::from_cedarschema_str(text) {
            Ok((fragment, _warnings)) => fragments.push(fragment),
            Err(error) => problems.push(problem::found(file, text, 0, &error)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if fragments.len() > 1 {
        // Names of management's too: a policy that speaks of them would be taken for one about management.
        let (management, _warnings) =
            SchemaFragment::from_cedarschema_str(MANAGEMENT_SCHEMA).map_err(|error| refused(&error))?;
        Schema::from_schema_fragments(fragments.iter().cloned().chain([management]))
            .map_err(|error| refused(&error))?;
    }
    Schema::from_schema_fragments(fragments).map_err(|error| refused(&error))
}

/// What the files declare, as they are written: read before Cedar puts it together.
fn declared(files: &[(&str, &str)]) -> Result<Declared, Vec<PolicyProblem>> {
    let mut declared = Declared::new();
    let mut problems = Vec::new();
    for (file, text) in files {
        match Fragment::from_cedarschema_str(text, Extensions::all_available()) {
            Ok((fragment, _warnings)) => declared.push(fragment),
            Err(error) => problems.push(problem::found(file, text, 0, &error)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    schema_limits::excess(&declared).map_or(Ok(declared), |why| Err(vec![PolicyProblem::of_all(why)]))
}

/// How many combinations there are of an action, a type of principals and one of resources, ours among them.
pub(super) fn combinations(files: &[(&str, &str)]) -> Result<usize, Vec<PolicyProblem>> {
    Ok(schema_limits::combinations(&declared(files)?) + schema_limits::OURS)
}

fn refused(error: &impl std::fmt::Display) -> Vec<PolicyProblem> {
    vec![PolicyProblem::of_all(format!("schema: {error}"))]
}

fn excess(file: &str, text: &str) -> Option<PolicyProblem> {
    limits::schema_excess(text).map(|(at, why)| PolicyProblem::at(file, text, at, why))
}

/// The same with what management adds.
pub(super) fn read_with_management() -> Result<Schema, String> {
    let text = format!("{SCHEMA}\n{}", MANAGEMENT_SCHEMA);
    let (schema, _warnings) = Schema::from_cedarschema_str(&text).map_err(|error| error.to_string())?;
    Ok(schema)
}

/// The name of all that policies are checked by here: the schema, and the release of Cedar.
pub(super) fn version() -> Version {
    Version::of(&format!("{}\n{SCHEMA}\n{}", cedar_policy::get_sdk_version(), MANAGEMENT_SCHEMA))
}

/// Whether an action of this name is ours: a method that a route answers, or a group of them.
pub(super) fn is_action(name: &str) -> bool {
    let method = Method::from_bytes(name.as_bytes());
    let is_of_mcp = name == MCP || MCP_ACTIONS.iter().any(|own| own.action == name);
    matches!(name, "read" | "write") || is_of_mcp || method.is_ok_and(|method| group(&method).is_some())
}

/// The group of all actions of the Model Context Protocol.
const MCP: &str = "mcp";

/// A method of the protocol that names what it is for.
struct McpAction {
    method: &'static str,
    action: &'static str,
    group: &'static str,
}

const MCP_ACTIONS: [McpAction; 3] = [
    McpAction { method: "tools/call", action: "mcp.tools/call", group: "write" },
    McpAction { method: "prompts/get", action: "mcp.prompts/get", group: "read" },
    McpAction { method: "resources/read", action: "mcp.resources/read", group: "read" },
];

/// The group of actions that a method is in; `None` for one that no route answers.
const fn group(method: &Method) -> Option<&'static str> {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Some("read"),
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE => Some("write"),
        _ => None,
    }
}

/// How many addresses of callers are kept as expressions.
const ADDRESSES: Bounds = Bounds { entries: 512, weight: 512 };

/// The types of entities, parsed: that costs more than all else in a question. So does an address, of which Cedar parses
/// the name of the type every time; those of the last callers are kept.
#[derive(Debug)]
pub(super) struct Names {
    addresses: RefCell<BoundedCache<IpAddr, RestrictedExpression>>,
    human: EntityTypeName,
    service: EntityTypeName,
    agent: EntityTypeName,
    role: EntityTypeName,
    numbers: EntityTypeName,
    route: EntityTypeName,
    resource: EntityTypeName,
    action: EntityTypeName,
    management: EntityTypeName,
    tool: EntityTypeName,
    prompt: EntityTypeName,
    server_resource: EntityTypeName,
    arguments: EntityTypeName,
    local: EntityTypeName,
}

impl Names {
    pub(super) fn new() -> Result<Self, String> {
        let name = |text: &str| text.parse::<EntityTypeName>().map_err(|error| error.to_string());
        Ok(Self {
            addresses: RefCell::new(BoundedCache::new(ADDRESSES)),
            human: name("Human")?,
            service: name("Service")?,
            agent: name("Agent")?,
            role: name("Role")?,
            numbers: name("Numbers")?,
            route: name("Route")?,
            resource: name("Resource")?,
            action: name("Action")?,
            management: name("Management")?,
            tool: name("Tool")?,
            prompt: name("Prompt")?,
            server_resource: name("ServerResource")?,
            arguments: name("Arguments")?,
            local: name("Local")?,
        })
    }

    pub(super) fn principal(&self, kind: PrincipalKind, id: &str) -> EntityUid {
        let name = match kind {
            PrincipalKind::Human => &self.human,
            PrincipalKind::Service => &self.service,
            PrincipalKind::Agent => &self.agent,
        };
        uid(name, id)
    }

    /// An address of IPv4 is one however it is written; Cedar reads none of IPv6 with a point in it.
    pub(super) fn address(&self, address: IpAddr) -> RestrictedExpression {
        let address = address.to_canonical();
        let mut known = self.addresses.borrow_mut();
        if let Some(expression) = known.get(&address) {
            return expression.clone();
        }
        let expression = RestrictedExpression::new_ip(match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => address.segments().map(|segment| format!("{segment:x}")).join(":"),
        });
        known.insert(address, expression.clone(), 1);
        expression
    }

    pub(super) fn role(&self, name: &str) -> EntityUid {
        uid(&self.role, name)
    }

    pub(super) fn numbers(&self, id: &str) -> EntityUid {
        uid(&self.numbers, id)
    }

    pub(super) fn route(&self, name: &str) -> EntityUid {
        uid(&self.route, name)
    }

    /// The name of the role, where it is one.
    pub(super) fn as_role<'a>(&self, uid: &'a EntityUid) -> Option<&'a str> {
        (uid.type_name() == &self.role).then(|| uid.id().unescaped())
    }

    /// The name of the route, where it is one.
    pub(super) fn as_route<'a>(&self, uid: &'a EntityUid) -> Option<&'a str> {
        (uid.type_name() == &self.route).then(|| uid.id().unescaped())
    }

    pub(super) fn resource(&self, path: &str) -> EntityUid {
        uid(&self.resource, path)
    }

    /// The action of a method and the group it is in; `None` for one that no route answers.
    pub(super) fn action(&self, method: &Method) -> Option<(EntityUid, EntityUid)> {
        let group = group(method)?;
        Some((uid(&self.action, method.as_str()), uid(&self.action, group)))
    }

    /// The action of a message and the groups it is in; `None` where it names nothing that it is for.
    pub(super) fn mcp_action(&self, method: &str) -> Option<(EntityUid, [EntityUid; 2])> {
        let found = MCP_ACTIONS.iter().find(|own| own.method == method)?;
        Some((uid(&self.action, found.action), [uid(&self.action, MCP), uid(&self.action, found.group)]))
    }

    /// What a message of this method is for.
    pub(super) fn mcp_resource(&self, method: &str, path: &str, name: &str) -> EntityUid {
        let kind = match method {
            "tools/call" => &self.tool,
            "prompts/get" => &self.prompt,
            _ => &self.server_resource,
        };
        uid(kind, &format!("{path}/{name}"))
    }

    pub(super) fn arguments(&self) -> EntityUid {
        uid(&self.arguments, "these")
    }

    /// An action of management, and all of them.
    pub(super) fn management_action(&self, name: &str) -> (EntityUid, EntityUid) {
        (uid(&self.action, name), uid(&self.action, "administer"))
    }

    pub(super) fn local(&self) -> EntityUid {
        uid(&self.local, "now")
    }

    pub(super) fn management(&self) -> EntityUid {
        uid(&self.management, "postern")
    }
}

fn uid(name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id))
}
