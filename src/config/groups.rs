//! `ROUTE_GROUPS`: what several routes have in common.
//!
//! A route that is in a group has the group's keys where it has none of its own. A key of the route takes the place of the
//! group's whole key: lists and tables are not joined, so what holds at a route can be seen at one of two places.

use serde_json::Value;

use super::problem::shown;
use super::table::Table;
use super::value::text;

/// All groups.
pub(super) struct Groups<'a>(Vec<(&'a str, Table<'a>)>);

impl<'a> Groups<'a> {
    /// Reads the variable, if it is there.
    pub(super) fn read(table: Option<&Table<'a>>) -> Self {
        let groups = table.map(Table::tables).unwrap_or_default();
        for (_, group) in groups.iter().filter(|(_, group)| group.has("group")) {
            group.problem("group", "a group is in no other group");
        }
        Self(groups)
    }

    /// Puts a route into the group that it names. `None` when there is no such group: then it is not known what the route asks
    /// for.
    pub(super) fn join(&self, name: &str, route: &mut Table<'a>) -> Option<()> {
        let is_in_one = route.has("group");
        let group = route.optional("group", |value| self.find(value));
        if let Some(group) = group {
            route.join(group, name);
        }
        (group.is_some() || !is_in_one).then_some(())
    }

    /// Reports what is wrong with the value at `key` of the route `name` in the table of all routes, once they are all read.
    pub(super) fn problem_at(&self, routes: &Table<'_>, name: &str, key: &str, message: String) {
        let Some(Value::Object(route)) = routes.own(name) else { return };
        let group = route.get("group").filter(|_| !route.contains_key(key)).and_then(|group| self.find(group).ok());
        match group {
            Some(group) => group.problem_for(name, key, message),
            None => routes.problem_in(name, key, message),
        }
    }

    fn find(&self, value: &Value) -> Result<&Table<'a>, String> {
        let name = text(value)?;
        let found = self.0.iter().find(|(known, _)| *known == name).map(|(_, group)| group);
        found.ok_or_else(|| {
            let known: Vec<String> = self.0.iter().map(|(known, _)| shown(known)).collect();
            let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
            format!("expected the name of a group in `ROUTE_GROUPS` ({known}), found {}", shown(name))
        })
    }

    /// Refuses the groups that none of these routes is in: a guard that no request would meet.
    pub(super) fn refuse_unused(&self, routes: &[(&str, Table<'a>)]) {
        for (name, group) in &self.0 {
            if !routes.iter().any(|(_, route)| route.own("group").and_then(Value::as_str) == Some(name)) {
                group.problem_here(format!("no route is in it: write `group = {name:?}` there, or take it out"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
