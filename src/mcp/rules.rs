//! `mcp` of a route: which scopes an operation needs beyond those of the route.

use super::message::is_method;
use super::{McpMessage, MessageTarget};

/// Methods that only tell what there is, begin or end a conversation. They need what the route asks for, and no rule of their
/// own.
const OPEN: [&str; 10] = [
    "",
    "initialize",
    "logging/setLevel",
    "ping",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
    "subscriptions/listen",
    "tools/list",
];
/// The same for notifications.
const OPEN_PREFIX: &str = "notifications/";

/// `mcp` of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpRules {
    /// `scopes`: what operations need. Empty: nothing beyond the route's own requirements.
    pub scopes: Vec<ScopeRule>,
    /// `approve`: the operations for which a person must say yes each time.
    pub approve: Vec<OperationPattern>,
    /// `approvers`: the roles of those who may say it. `None`: the person for whom the agent acts.
    pub approvers: Option<Vec<String>>,
    /// `list = "filter"`: whether lists lose what the caller may not use.
    pub filters_lists: bool,
    /// `legacy`: whether messages of earlier revisions are taken.
    pub legacy: bool,
    /// `max_body`: how long a message may be, in bytes.
    pub max_body: usize,
}

/// An entry of `scopes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeRule {
    /// For which operations.
    pub operation: OperationPattern,
    /// Each of them is needed.
    pub scopes: Vec<String>,
}

/// `tools/call:delete_*`: operations, by their method and the name of what they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationPattern {
    text: String,
    /// `None`: whatever no other rule is for.
    method: Option<String>,
    name: NamePattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NamePattern {
    Any,
    Exactly(String),
    Begins(String),
}

impl NamePattern {
    /// How exactly it says which name is meant, if it means this one. An exact name comes before every beginning.
    fn precision(&self, name: Option<&str>) -> Option<usize> {
        match (self, name) {
            (Self::Any, _) => Some(0),
            (Self::Exactly(own), Some(name)) => (own == name).then_some(usize::MAX),
            (Self::Begins(own), Some(name)) => name.starts_with(own.as_str()).then(|| own.len().saturating_add(1)),
            (Self::Exactly(_) | Self::Begins(_), None) => None,
        }
    }

    /// Whether it could mean a name that begins so.
    fn meets(&self, beginning: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(own) => own.starts_with(beginning),
            Self::Begins(own) => own.starts_with(beginning) || beginning.starts_with(own.as_str()),
        }
    }
}

impl OperationPattern {
    /// What [`OperationPattern::parse`] takes.
    pub const EXPECTED: &str = "an operation such as `tools/call:search`, `tools/call:delete_*`, `tools/list` or `*`";

    /// Reads `METHOD:NAME`, `METHOD:BEGINNING*`, `METHOD` or `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (method, name) = match text.split_once(':') {
            _ if text == "*" => (None, NamePattern::Any),
            None => (Some(text), NamePattern::Any),
            Some((method, "*")) => (Some(method), NamePattern::Any),
            Some((method, name)) => match name.strip_suffix('*') {
                Some(beginning) => (Some(method), NamePattern::Begins(beginning.to_owned())),
                None => (Some(method), NamePattern::Exactly(name.to_owned())),
            },
        };
        let is_plain = match &name {
            NamePattern::Any => true,
            NamePattern::Exactly(name) | NamePattern::Begins(name) => {
                !name.is_empty() && name.len() <= 512 && !name.contains('*') && !name.chars().any(char::is_control)
            }
        };
        let fits = is_plain && method.is_none_or(is_method);
        fits.then(|| Self { text: text.to_owned(), method: method.map(str::to_owned), name })
    }

    fn precision(&self, target: MessageTarget<'_>) -> Option<usize> {
        self.method.as_deref().filter(|method| *method == target.method)?;
        self.name.precision(target.name)
    }

    /// Whether another one is for the very same operations: `tools/call` and `tools/call:*` are.
    #[must_use]
    pub fn means_same(&self, other: &Self) -> bool {
        (&self.method, &self.name) == (&other.method, &other.name)
    }

    /// As the configuration writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl McpRules {
    /// The scopes that this needs beyond those of the route: by the rule that says most exactly what it is for. `None` where
    /// there are rules, and none for it: then nobody may.
    #[must_use]
    pub fn needed(&self, target: MessageTarget<'_>) -> Option<&[String]> {
        if self.scopes.is_empty() {
            return Some(&[]);
        }
        let named = self.scopes.iter().filter_map(|rule| Some((rule.operation.precision(target)?, rule)));
        if let Some((_, rule)) = named.max_by_key(|(precision, _)| *precision) {
            return Some(&rule.scopes);
        }
        if target.name.is_none() && is_open(target.method) {
            return Some(&[]);
        }
        let others = self.scopes.iter().find(|rule| rule.operation.method.is_none());
        others.map(|rule| rule.scopes.as_slice())
    }

    /// The scopes that a message needs beyond those of the route, none of them twice. `None`: nobody may.
    #[must_use]
    pub fn needed_by(&self, message: &McpMessage) -> Option<Vec<String>> {
        let mut all: Vec<String> = Vec::new();
        for target in message.targets().ok()? {
            for scope in self.needed(target)? {
                if !all.contains(scope) {
                    all.push(scope.clone());
                }
            }
        }
        Some(all)
    }

    /// Whether somebody who was granted these scopes may use what has this name.
    #[must_use]
    pub fn may_use(&self, method: &str, name: &str, granted: &[String]) -> bool {
        let needed = self.needed(MessageTarget { method, name: Some(name) });
        needed.is_some_and(|scopes| scopes.iter().all(|scope| granted.contains(scope)))
    }

    /// The same for any name that begins so.
    #[must_use]
    pub fn may_use_some(&self, method: &str, beginning: &str, granted: &[String]) -> bool {
        let is_for = |rule: &&ScopeRule| {
            let of_method = rule.operation.method.as_deref().is_none_or(|own| own == method);
            of_method && rule.operation.name.meets(beginning)
        };
        let is_granted = |rule: &ScopeRule| rule.scopes.iter().all(|scope| granted.contains(scope));
        self.scopes.is_empty() || self.scopes.iter().filter(is_for).any(is_granted)
    }

    /// Whether a person must say yes to this message.
    #[must_use]
    pub fn wants_approval(&self, message: &McpMessage) -> bool {
        let targets = message.targets().unwrap_or_default();
        let is_for = |pattern: &OperationPattern, target: &MessageTarget<'_>| {
            let is_other = pattern.method.is_none() && !is_open(target.method);
            is_other || pattern.precision(*target).is_some()
        };
        targets.iter().any(|target| self.approve.iter().any(|pattern| is_for(pattern, target)))
    }

    /// Every scope that some operation needs.
    pub fn all_scopes(&self) -> impl Iterator<Item = &String> {
        self.scopes.iter().flat_map(|rule| &rule.scopes)
    }
}

fn is_open(method: &str) -> bool {
    OPEN.contains(&method) || method.starts_with(OPEN_PREFIX)
}

#[cfg(test)]
mod tests;
