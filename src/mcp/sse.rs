//! Server-sent events (HTML §9.2.6), read whole and written anew.

use std::fmt::Write as _;

use super::UnreadableList;

/// The same events with other data. Data that is empty stays so; comments are left out, and so is an event that is not
/// finished, as every reader leaves it out.
///
/// # Errors
/// When `data` makes nothing of some event's.
pub(super) fn rewrite(
    text: &str,
    data: impl Fn(&str) -> Result<String, UnreadableList>,
) -> Result<String, UnreadableList> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut written, mut event) = (String::with_capacity(text.len()), SseEvent::default());
    for line in lines(text) {
        if !line.is_empty() {
            event.take(line);
            continue;
        }
        std::mem::take(&mut event).write(&mut written, &data)?;
    }
    Ok(written)
}

/// The lines that are ended, by whichever of the three endings.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.find(['\r', '\n'])?;
        let (line, after) = rest.split_at_checked(end)?;
        rest = after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\r', '\n']))?;
        Some(line)
    })
}

#[derive(Default)]
struct SseEvent {
    /// Fields other than `data`, as they came.
    others: Vec<(String, String)>,
    data: Option<String>,
}

impl SseEvent {
    fn take(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            },
            "event" | "id" | "retry" => self.others.push((field.to_owned(), value.to_owned())),
            // Comments, and what no reader knows.
            _ => {}
        }
    }

    fn write(
        self,
        written: &mut String,
        data: &impl Fn(&str) -> Result<String, UnreadableList>,
    ) -> Result<(), UnreadableList> {
        if self.others.is_empty() && self.data.is_none() {
            return Ok(());
        }
        for (field, value) in self.others {
            let _always = writeln!(written, "{field}: {value}");
        }
        match self.data.as_deref() {
            None => {}
            Some(empty) if empty.trim().is_empty() => written.push_str("data:\n"),
            Some(text) => {
                let _always = writeln!(written, "data: {}", data(text)?);
            }
        }
        written.push('\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shout(text: &str) -> Result<String, UnreadableList> {
        if text.contains('!') { Err(UnreadableList) } else { Ok(text.to_uppercase().replace('\n', "|")) }
    }

    #[test]
    fn every_way_to_write_an_event_is_read_alike() {
        // R-298
        for text in [
            "event: message\nid: 7\ndata: a\n\n",
            "event:message\r\nid:7\r\ndata:a\r\n\r\n",
            "\u{feff}event: message\rid: 7\rdata: a\r\r",
            ": comment\nevent: message\nid: 7\nunknown: x\ndata: a\n\n\n",
        ] {
            assert_eq!(rewrite(text, shout).unwrap(), "event: message\nid: 7\ndata: A\n\n", "{text:?}");
        }
        assert_eq!(rewrite("data: a\ndata:b\ndata\n\n", shout).unwrap(), "data: A|B|\n\n");
        assert_eq!(rewrite("id: 1\ndata:\n\ndata: a\n\n", shout).unwrap(), "id: 1\ndata:\n\ndata: A\n\n");
    }

    #[test]
    fn what_is_not_finished_is_nobodys_event() {
        // R-298
        for text in ["data: a", "data: a\n", "", ": only a comment\n\n"] {
            assert_eq!(rewrite(text, shout).unwrap(), "", "{text:?}");
        }
    }

    #[test]
    fn data_that_cannot_be_read_is_never_passed_on() {
        // R-298
        assert_eq!(rewrite("data: a\n\ndata: b!\n\n", shout), Err(UnreadableList));
    }
}
