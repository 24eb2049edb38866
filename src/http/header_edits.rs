//! What is changed of an answer's headers on its way through.

use super::{HeaderMap, HeaderName, HeaderValue};

/// Changes to the headers of an answer. What they do not name stays as it is, so it need not be written again.
#[derive(Clone, Debug)]
pub struct HeaderEdits<'a> {
    of: &'a HeaderMap,
    removed: Vec<HeaderName>,
    added: Vec<(HeaderName, HeaderValue)>,
}

impl<'a> HeaderEdits<'a> {
    /// None yet, of the headers of an answer.
    #[must_use]
    pub const fn of(answer: &'a HeaderMap) -> Self {
        Self { of: answer, removed: Vec::new(), added: Vec::new() }
    }

    /// The headers as they came.
    #[must_use]
    pub const fn before(&self) -> &'a HeaderMap {
        self.of
    }

    /// The names of those that are taken out, with every line of theirs.
    #[must_use]
    pub fn removed(&self) -> &[HeaderName] {
        &self.removed
    }

    /// The lines that are added after that.
    #[must_use]
    pub fn added(&self) -> &[(HeaderName, HeaderValue)] {
        &self.added
    }

    /// Takes out every line of this name.
    pub fn remove(&mut self, name: &HeaderName) {
        self.added.retain(|(added, _)| added != name);
        if self.of.contains_key(name) && !self.removed.contains(name) {
            self.removed.push(name.clone());
        }
    }

    /// Adds a line, beside those of its name that are there.
    pub fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.added.push((name, value));
    }

    /// Puts a line in the place of those of its name.
    pub fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.append(name, value);
    }

    /// Each line of this name becomes what `change` makes of it. `None` takes it out.
    pub fn rewrite(&mut self, name: &HeaderName, change: &dyn Fn(&HeaderValue) -> Option<HeaderValue>) {
        let before = self.lines(name);
        let mut after = Vec::with_capacity(before.len());
        let mut is_other = false;
        for line in before {
            let changed = change(line);
            is_other |= changed.as_ref() != Some(line);
            after.extend(changed.map(|line| (name.clone(), line)));
        }
        if is_other {
            self.remove(name);
            self.added.append(&mut after);
        }
    }

    /// Whether there is a line of this name after all.
    #[must_use]
    pub fn leave(&self, name: &HeaderName) -> bool {
        !self.lines(name).is_empty()
    }

    /// The headers as they are then.
    #[must_use]
    pub fn applied(&self) -> HeaderMap {
        let mut headers = self.of.clone();
        for name in &self.removed {
            headers.remove(name);
        }
        for (name, value) in &self.added {
            headers.append(name.clone(), value.clone());
        }
        headers
    }

    fn lines(&self, name: &HeaderName) -> Vec<&HeaderValue> {
        let mut lines = Vec::new();
        if !self.removed.contains(name) {
            lines.extend(self.of.get_all(name));
        }
        lines.extend(self.added.iter().filter(|(added, _)| added == name).map(|(_, value)| value));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::header::{CACHE_CONTROL, ETAG, SET_COOKIE, VARY};

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    fn came() -> HeaderMap {
        let lines =
            [(SET_COOKIE, "a=1"), (SET_COOKIE, "b=2"), (ETAG, "x"), (VARY, "Accept"), (CACHE_CONTROL, "public")];
        lines.into_iter().map(|(name, text)| (name, value(text))).collect()
    }

    fn lines(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_no_edit_names_stays_as_it_came() {
        let came = came();
        let mut edits = HeaderEdits::of(&came);
        assert_eq!(edits.applied(), came);
        edits.remove(&ETAG);
        edits.append(VARY, value("Cookie"));
        edits.insert(CACHE_CONTROL, value("no-store"));
        edits.insert(CACHE_CONTROL, value("private"));
        assert_eq!(edits.removed(), [ETAG, CACHE_CONTROL]);
        assert_eq!(edits.added(), [(VARY, value("Cookie")), (CACHE_CONTROL, value("private"))]);
        let after = edits.applied();
        assert_eq!(lines(&after, &SET_COOKIE), ["a=1", "b=2"]);
        assert_eq!(lines(&after, &VARY), ["Accept", "Cookie"]);
        assert_eq!(lines(&after, &CACHE_CONTROL), ["private"]);
        assert!(!after.contains_key(ETAG));
    }

    #[test]
    fn what_is_not_there_is_not_taken_out() {
        let nothing = HeaderMap::new();
        let mut edits = HeaderEdits::of(&nothing);
        edits.remove(&ETAG);
        edits.rewrite(&SET_COOKIE, &|_| None);
        assert!(edits.removed().is_empty() && edits.added().is_empty());
    }

    #[test]
    fn lines_are_rewritten_with_those_that_were_added_and_in_their_order() {
        let came = came();
        let mut edits = HeaderEdits::of(&came);
        edits.append(SET_COOKIE, value("c=3"));
        edits.rewrite(&SET_COOKIE, &|line| Some(line.clone()));
        assert!(edits.removed().is_empty());
        edits.rewrite(&SET_COOKIE, &|line| {
            (line != "a=1").then(|| if line == "c=3" { value("d=4") } else { line.clone() })
        });
        assert_eq!(lines(&edits.applied(), &SET_COOKIE), ["b=2", "d=4"]);
        edits.rewrite(&SET_COOKIE, &|line| (line != "b=2").then(|| line.clone()));
        assert_eq!(lines(&edits.applied(), &SET_COOKIE), ["d=4"]);
        assert!(edits.leave(&SET_COOKIE));
        edits.rewrite(&SET_COOKIE, &|_| None);
        assert!(!edits.leave(&SET_COOKIE) && !edits.applied().contains_key(SET_COOKIE));
    }
}
