//! Tuples of all objects, place by place: for backups, and for what is kept of one subject.

use serde_json::{Value, json};

use super::names::texts;
use crate::audit;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::refusal::Reason;
use crate::relation::message::{PAGE, SHARDS};
use crate::relation::{Name, Subject, Tuple, TupleFilter, TupleStore};

/// The most places that one request looks at: so many calls of objects, and no more.
const MAX_PLACES: usize = 16;

/// Where a page begins: a place, and the tuple in it that came last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Cursor {
    place: u8,
    after: Option<Tuple>,
}

impl Cursor {
    pub(in crate::gateway) const FIRST: Self = Self { place: 0, after: None };

    /// `1f`, or `1f document:7#viewer@user:…`: no tuple holds a space.
    pub(in crate::gateway) fn parse(text: &str) -> Option<Self> {
        let (place, after) = match text.split_once(' ') {
            Some((place, after)) => (place, Some(Tuple::parse(after)?)),
            None => (text, None),
        };
        let is_hex = place.len() == 2 && place.bytes().all(|digit| digit.is_ascii_hexdigit());
        let place = u8::from_str_radix(place, 16).ok().filter(|number| is_hex && *number < SHARDS)?;
        Some(Self { place, after })
    }

    /// What a caller was told, or the beginning.
    ///
    /// # Errors
    /// When they were told no such thing.
    pub(in crate::gateway) fn of(text: Option<&str>) -> Result<Self, Reason> {
        text.map_or(Some(Self::FIRST), Self::parse).ok_or(Reason::BadInput("after"))
    }

    fn to_text(&self) -> String {
        let after = self.after.as_ref().map(|after| format!(" {after}")).unwrap_or_default();
        format!("{:02x}{after}", self.place)
    }

    /// The beginning of the next place; `None` behind the last.
    fn next_place(&self) -> Option<Self> {
        let place = self.place + 1;
        (place < SHARDS).then_some(Self { place, after: None })
    }
}

/// The tuples that are meant, a page of one place, which may be empty. A tuple that is written meanwhile may or may not be
/// among them; one that was there before and stays is.
///
/// # Errors
/// When the store does not answer.
pub(in crate::gateway) async fn page<P: Platform>(
    ctx: &RequestContext<'_, P>,
    cursor: Cursor,
    filter: &TupleFilter,
) -> Result<(Vec<Tuple>, Option<Cursor>), Reason> {
    let page = ctx.platform.tuples().dump_tuples(cursor.place, cursor.after.as_ref(), filter).await;
    let page = page.map_err(Reason::Store)?;
    let next = match page.tuples.last().filter(|_| page.more) {
        Some(last) => Some(Cursor { after: Some(last.clone()), ..cursor }),
        None => cursor.next_place(),
    };
    Ok((page.tuples, next))
}

/// The same, of several places, until about a page is full.
///
/// # Errors
/// The same.
pub(in crate::gateway) async fn pages<P: Platform>(
    ctx: &RequestContext<'_, P>,
    cursor: Cursor,
    filter: &TupleFilter,
) -> Result<Value, Reason> {
    let (mut found, mut next, mut looked) = (Vec::new(), Some(cursor), 0);
    while let Some(cursor) = next.take_if(|_| looked < MAX_PLACES && found.len() < PAGE) {
        let (tuples, then) = page(ctx, cursor, filter).await?;
        found.extend(tuples);
        (next, looked) = (then, looked + 1);
    }
    Ok(told("tuples", &found, next.as_ref()))
}

/// A page, as callers are told of it.
pub(in crate::gateway) fn told(name: &str, tuples: &[Tuple], next: Option<&Cursor>) -> Value {
    json!({ name: texts(tuples), "next": next.map(Cursor::to_text) })
}

/// Removes tuples of one subject, of objects of these types or of all, from several places: about a page of them. They are
/// noted as they are removed.
///
/// # Errors
/// When the store does not answer: some may be gone.
pub(in crate::gateway) async fn remove<P: Platform>(
    ctx: &RequestContext<'_, P>,
    cursor: Cursor,
    (subject, kinds): (&Subject, Option<&[Name]>),
    parts: &mut ResponseParts,
) -> Result<(Vec<Tuple>, Option<Cursor>), Reason> {
    parts.event.target = Some(audit::short(&subject.to_string()));
    let (mut removed, mut next, mut looked) = (Vec::new(), Some(cursor), 0);
    while let Some(cursor) = next.take_if(|_| looked < MAX_PLACES && removed.len() < PAGE) {
        let page = ctx.platform.tuples().remove_subject(cursor.place, subject, kinds).await.map_err(Reason::Store)?;
        parts.event.tuples_removed.extend(page.tuples.iter().map(|tuple| audit::short(&tuple.to_string())));
        removed.extend(page.tuples);
        let here = Cursor { after: None, ..cursor };
        (next, looked) = (if page.more { Some(here) } else { here.next_place() }, looked + 1);
    }
    Ok((removed, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let tuple = Tuple::parse("document:7#viewer@user:https://a.example|b").unwrap();
        for cursor in [Cursor::FIRST, Cursor { place: 63, after: None }, Cursor { place: 9, after: Some(tuple) }] {
            assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }
        for text in ["", "0", "40", "ff", "+1", "000", "00 ", "00 document:7", " document:7#viewer@user:a", "zz"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
        assert_eq!(Cursor { place: 63, after: None }.next_place(), None);
    }
}
