//! Text → elements. `quick-xml` cuts the text into tags; all that it is lenient about is checked here.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::{BytesDecl, Event};

use super::text::{referred, unescape};
use super::{Kind, MAX_ATTRIBUTES, MAX_ATTRIBUTES_EACH, MAX_DEPTH, MAX_ELEMENTS, MAX_NAMESPACES, MAX_SCOPES};
use crate::refusal::{Code, Refusal};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// An element.
#[derive(Clone, Debug, Default)]
pub struct Element {
    /// The namespace, or nothing.
    pub namespace: String,
    /// The name without a prefix.
    pub name: String,
    /// Its attributes, without declarations of namespaces.
    pub attributes: Vec<Attribute>,
    /// The elements in it.
    pub children: Vec<Element>,
    /// Its text. Blank, if there are elements in it.
    pub text: String,
    /// Where it stands in the text of the document.
    pub span: Range<usize>,
}

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The namespace, or nothing.
    pub namespace: String,
    /// The name without a prefix.
    pub name: String,
    /// The value, its references replaced.
    pub value: String,
}

impl Element {
    /// Whether it is called so, in this namespace.
    #[must_use]
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// The first element in it that is called so, in this namespace.
    #[must_use]
    pub fn child(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(namespace, name))
    }

    /// The elements in it that are called so, in this namespace.
    pub fn all<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    /// The value of an attribute without a namespace.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|one| one.namespace.is_empty() && one.name == name);
        found.map(|one| one.value.as_str())
    }

    fn is_blank(&self) -> bool {
        self.text.trim_matches([' ', '\t', '\n']).is_empty()
    }
}

/// An element whose end is still to come.
struct Open {
    element: Element,
    /// How many declarations of namespaces were there before it.
    outside: usize,
    has_comment: bool,
}

struct Builder {
    kind: Kind,
    open: Vec<Open>,
    namespaces: Vec<(String, String)>,
    attributes: usize,
    elements: usize,
    scopes: usize,
    root: Option<Element>,
}

pub(super) fn parse(text: &str, kind: Kind) -> Result<Element, Refusal> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    config.check_end_names = true;
    let mut builder =
        Builder { kind, open: Vec::new(), namespaces: Vec::new(), attributes: 0, elements: 0, scopes: 0, root: None };
    loop {
        let start = position(&reader);
        let event = reader.read_event().map_err(|error| Code::Xml.because(&error.to_string()))?;
        match event {
            Event::Eof => break,
            Event::Start(tag) => builder.start(utf8(&tag)?, start)?,
            Event::End(_) => builder.end(position(&reader))?,
            Event::Text(found) => builder.text(utf8(&found)?)?,
            Event::GeneralRef(name) => builder.push(&referred(utf8(&name)?)?.to_string())?,
            Event::Comment(_) => {
                builder.open.iter_mut().next_back().into_iter().for_each(|open| open.has_comment = true)
            }
            Event::Decl(found) if start == 0 => declaration(&found)?,
            Event::DocType(_) => return Err(Code::Doctype.into()),
            Event::PI(_) => return Err(Code::Instruction.into()),
            Event::CData(_) => return Err(Code::Cdata.into()),
            Event::Decl(_) | Event::Empty(_) => return Err(Code::Xml.into()),
        }
    }
    let root = builder.root.filter(|_| builder.open.is_empty()).ok_or(Code::Xml)?;
    spans_are_elements(&root, text).then_some(root).ok_or_else(|| Code::Xml.into())
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    str::from_utf8(bytes).map_err(|_| Code::Characters.into())
}

/// Each span begins with the element's tag and ends with one.
fn spans_are_elements(element: &Element, text: &str) -> bool {
    let whole = text.get(element.span.clone()).is_some_and(|part| part.starts_with('<') && part.ends_with('>'));
    whole && element.children.iter().all(|child| spans_are_elements(child, text))
}

/// `<?xml version="1.0" encoding="UTF-8"?>`
fn declaration(found: &BytesDecl<'_>) -> Result<(), Refusal> {
    let is_version = found.version().is_ok_and(|version| version.as_ref() == b"1.0");
    let is_utf8 = match found.encoding() {
        None => true,
        Some(encoding) => encoding.is_ok_and(|name| name.eq_ignore_ascii_case(b"UTF-8")),
    };
    (is_version && is_utf8).then_some(()).ok_or_else(|| Code::Characters.because("not XML 1.0 in UTF-8"))
}

impl Builder {
    fn start(&mut self, tag: &str, at: usize) -> Result<(), Refusal> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(Code::Roots.into());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Code::Depth.into());
        }
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(Code::Elements.into());
        }
        let (name, written) = read_tag(tag)?;
        self.attributes += written.len();
        if self.attributes > MAX_ATTRIBUTES {
            return Err(Code::Attributes.into());
        }
        let outside = self.namespaces.len();
        let (declared, others): (Vec<_>, Vec<_>) =
            written.into_iter().partition(|(name, _)| *name == "xmlns" || name.starts_with("xmlns:"));
        for (name, value) in declared {
            let prefix = name.strip_prefix("xmlns").unwrap_or_default().trim_start_matches(':');
            self.declare(prefix, value)?;
        }
        self.scopes += self.namespaces.len();
        if self.scopes > MAX_SCOPES {
            return Err(Code::Namespaces.because("all scopes together"));
        }
        let (namespace, local) = self.resolve(name, true)?;
        let mut element = Element { namespace, name: local, span: at..at, ..Element::default() };
        for (name, value) in others {
            element.attributes.push(self.attribute(name, value)?);
        }
        let distinct = |one: &Attribute| {
            element.attributes.iter().filter(|a| a.name == one.name && a.namespace == one.namespace).count() == 1
        };
        if !element.attributes.iter().all(distinct) {
            return Err(Code::Attributes.into());
        }
        self.open.push(Open { element, outside, has_comment: false });
        Ok(())
    }

    /// `xmlns:prefix="value"`
    fn declare(&mut self, prefix: &str, value: &str) -> Result<(), Refusal> {
        let undeclares = value.is_empty() && prefix.is_empty();
        let is_plain = value.contains(':') && value.chars().all(|c| c.is_ascii_graphic() && c != '&');
        let is_reserved = matches!(prefix, "xml" | "xmlns") || value == XML || value == XMLNS;
        if is_reserved || !(undeclares || is_plain) {
            return Err(Code::Namespace.because(prefix));
        }
        if self.namespaces.len() >= MAX_NAMESPACES {
            return Err(Code::Namespaces.into());
        }
        self.namespaces.push((prefix.to_owned(), value.to_owned()));
        Ok(())
    }

    /// The namespace and the name of `prefix:name`.
    fn resolve(&self, written: &str, by_default: bool) -> Result<(String, String), Refusal> {
        let (prefix, name) = written.split_once(':').unwrap_or(("", written));
        let known = self.namespaces.iter().rev().find(|(known, _)| known == prefix).map(|(_, value)| value.as_str());
        let namespace = match (prefix, known) {
            ("xml", _) => XML,
            ("", _) if !by_default => "",
            ("", known) => known.unwrap_or_default(),
            (_, Some(known)) => known,
            (_, None) => return Err(Code::Namespace.because(prefix)),
        };
        Ok((namespace.to_owned(), name.to_owned()))
    }

    fn attribute(&self, name: &str, raw: &str) -> Result<Attribute, Refusal> {
        if !self.kind.is_metadata() && raw.contains(['\n', '\t']) {
            return Err(Code::AttributeSpace.because(name));
        }
        let (namespace, name) = self.resolve(name, false)?;
        if namespace == XML && name == "id" {
            return Err(Code::Id.because("xml:id"));
        }
        Ok(Attribute { namespace, name, value: unescape(raw)? })
    }

    fn end(&mut self, at: usize) -> Result<(), Refusal> {
        let Open { mut element, outside, has_comment } = self.open.pop().ok_or(Code::Xml)?;
        self.namespaces.truncate(outside);
        element.span.end = at;
        if has_comment && (!element.is_blank() || element.children.is_empty()) {
            return Err(Code::Comment.because(&element.name));
        }
        if !element.is_blank() && !element.children.is_empty() {
            return Err(Code::Mixed.because(&element.name));
        }
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, raw: &str) -> Result<(), Refusal> {
        if raw.contains("]]>") {
            return Err(Code::Xml.because("`]]>` in text"));
        }
        self.push(raw)
    }

    fn push(&mut self, text: &str) -> Result<(), Refusal> {
        match self.open.last_mut() {
            Some(open) => open.element.text.push_str(text),
            None if text.trim_matches([' ', '\t', '\n']).is_empty() => {}
            None => return Err(Code::Roots.because("text outside")),
        }
        Ok(())
    }
}

/// The name, and names and values of attributes.
type Tag<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// What stands between `<` and `>`: the name, and the attributes as they are written.
fn read_tag(tag: &str) -> Result<Tag<'_>, Refusal> {
    let end = tag.find([' ', '\t', '\n']).unwrap_or(tag.len());
    let (name, mut rest) = tag.split_at_checked(end).ok_or(Code::Xml)?;
    is_name(name)?;
    let mut attributes = Vec::new();
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t', '\n']);
        if trimmed.is_empty() {
            return Ok((name, attributes));
        }
        if trimmed.len() == rest.len() {
            return Err(Code::Xml.because("no space before an attribute"));
        }
        let (key, after) = trimmed.split_once('=').ok_or(Code::Xml)?;
        let key = key.trim_end_matches([' ', '\t', '\n']);
        is_name(key)?;
        let after = after.trim_start_matches([' ', '\t', '\n']);
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(Code::Xml)?;
        let (value, next) = after.strip_prefix(quote).and_then(|text| text.split_once(quote)).ok_or(Code::Xml)?;
        if value.contains('<') {
            return Err(Code::Xml.because("`<` in an attribute"));
        }
        if attributes.len() >= MAX_ATTRIBUTES_EACH || attributes.iter().any(|(known, _)| *known == key) {
            return Err(Code::Attributes.because(key));
        }
        attributes.push((key, value));
        rest = next;
    }
}

/// `name` or `prefix:name`, in ASCII.
fn is_name(written: &str) -> Result<(), Refusal> {
    let is_one = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    let all = written.split(':').count() <= 2 && written.split(':').all(is_one);
    all.then_some(()).ok_or_else(|| Code::Name.because(written))
}
