//! Every tuple there is, page by page: for backups, and for what is kept of one person.

use serde_json::json;

use super::Done;
use super::relations::{issuer, model, texts};
use super::request::Order;
use crate::audit;
use crate::gateway::Platform;
use crate::gateway::context::RequestContext;
use crate::gateway::response_parts::ResponseParts;
use crate::refusal::Reason;
use crate::relation::message::SHARDS;
use crate::relation::{self, Tuple, TupleStore};

/// Where a page begins: a place, and the tuple in it that came last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    place: u8,
    after: Option<Tuple>,
}

impl Cursor {
    const FIRST: Self = Self { place: 0, after: None };

    /// `1f`, or `1f document:7#viewer@user:…`: no tuple holds a space.
    fn parse(text: &str) -> Option<Self> {
        let (place, after) = match text.split_once(' ') {
            Some((place, after)) => (place, Some(Tuple::parse(after)?)),
            None => (text, None),
        };
        let is_hex = place.len() == 2 && place.bytes().all(|digit| digit.is_ascii_hexdigit());
        let place = u8::from_str_radix(place, 16).ok().filter(|number| is_hex && *number < SHARDS)?;
        Some(Self { place, after })
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

/// `GET /auth/admin/relations/all?subject=user:corp|alice&after=`: the tuples of all objects, a page of one
/// place at a time, which may be empty. A tuple that is written meanwhile may or may not be among them; one that was there
/// before and stays is.
pub(super) async fn dump<P: Platform>(ctx: &RequestContext<'_, P>, parts: &mut ResponseParts) -> Result<Done, Reason> {
    model(ctx)?;
    let order = Order::of_query(ctx, &["subject", "after"])?;
    let subject = match order.text("subject") {
        None => None,
        Some(text) => Some(relation::subject(text, &|id| issuer(ctx, id)).map_err(|_| Reason::BadInput("subject"))?),
    };
    parts.event.target = subject.as_ref().map(|subject| audit::short(&subject.to_string()));
    let cursor = order.text("after").map_or(Some(Cursor::FIRST), Cursor::parse).ok_or(Reason::BadInput("after"))?;
    let page = ctx.platform.tuples().dump_tuples(cursor.place, cursor.after.as_ref(), subject.as_ref()).await;
    let page = page.map_err(Reason::Store)?;
    let next = match page.tuples.last().filter(|_| page.more) {
        Some(last) => Some(Cursor { after: Some(last.clone()), ..cursor }),
        None => cursor.next_place(),
    };
    Ok(Done::read(&json!({ "tuples": texts(&page.tuples), "next": next.map(|next| next.to_text()) })))
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
