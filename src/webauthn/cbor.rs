//! CBOR (RFC 8949) as authenticators write it (CTAP 2 §8, *canonical form*) → items. One value has one spelling, so that no two
//! readers disagree about it.
//!
//! Refused: lengths that are not said beforehand, numbers longer than they need be, a key twice in one map, nesting deeper than
//! [`MAX_DEPTH`], more than [`MAX_ITEMS`] items, and tags, floating-point numbers and simple values other than `false`, `true`
//! and `null`, which nothing here has. The order of keys is not looked at: §6.5.4 does not ask browsers for it.
//!
//! A reader of our own, because those of others (`ciborium-ll`, `minicbor`) tell numbers by their value: how long they were
//! written is lost.

use std::fmt;

/// The deepest nesting; the outermost map is the first level. An attestation with certificates has three.
pub(super) const MAX_DEPTH: usize = 6;
/// The most items in one text, those in maps and lists counted.
pub(super) const MAX_ITEMS: usize = 256;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A whole number from 0.
    Unsigned(u64),
    /// A whole number below 0: −1 less this.
    Negative(u64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A text.
    Text(&'a str),
    /// A list. Nothing here reads what is in one.
    List,
    /// A map.
    Map(ItemMap<'a>),
    /// `false`, `true` or `null`.
    Simple,
}

/// A map, in the order in which it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ItemMap<'a>(Vec<(Key<'a>, Item<'a>)>);

/// The name of a member of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// A number, as COSE has.
    Number(i64),
    /// A text, as attestation objects have.
    Text(&'a str),
}

/// Why bytes are no CBOR as it is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CborError {
    /// They end too early.
    Truncated,
    /// Something follows.
    Trailing,
    /// A length that is not said beforehand.
    Indefinite,
    /// A number is longer than it needs to be.
    NotShortest,
    /// A map has a key twice.
    DuplicateKey,
    /// A key is neither a text nor a number of 64 bits.
    KeyKind,
    /// Nested deeper than is read.
    TooDeep,
    /// More items than are read.
    TooMany,
    /// A text that is not UTF-8.
    NotUtf8,
    /// A kind of value that is not read.
    Unsupported,
}

impl fmt::Display for CborError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "ends too early",
            Self::Trailing => "something follows",
            Self::Indefinite => "a length is not said beforehand",
            Self::NotShortest => "a number is longer than it needs to be",
            Self::DuplicateKey => "a key is there twice",
            Self::KeyKind => "a key is neither a text nor a number",
            Self::TooDeep => "nested too deep",
            Self::TooMany => "too many items",
            Self::NotUtf8 => "a text is not utf-8",
            Self::Unsupported => "a kind of value that is not read",
        })
    }
}

impl<'a> ItemMap<'a> {
    /// How many members there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The member of that name.
    pub(super) fn get(&self, key: Key<'_>) -> Option<&Item<'a>> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, item)| item)
    }

    /// The member of that number, if it is bytes.
    pub(super) fn bytes(&self, number: i64) -> Option<&'a [u8]> {
        match self.get(Key::Number(number))? {
            Item::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The member of that number, if it is a number.
    pub(super) fn number(&self, number: i64) -> Option<i64> {
        self.get(Key::Number(number))?.number()
    }
}

impl Item<'_> {
    /// The number it is, if it is one of 64 bits.
    pub(super) fn number(&self) -> Option<i64> {
        match *self {
            Self::Unsigned(value) => i64::try_from(value).ok(),
            Self::Negative(value) => i64::try_from(value).ok().map(|value| -1 - value),
            _ => None,
        }
    }
}

/// Reads the map that `bytes` are, and nothing besides.
pub(super) fn whole_map(bytes: &[u8]) -> Result<ItemMap<'_>, CborError> {
    let (map, rest) = leading_map(bytes)?;
    if rest.is_empty() { Ok(map) } else { Err(CborError::Trailing) }
}

/// Reads the map that begins `bytes`, and what follows it.
pub(super) fn leading_map(bytes: &[u8]) -> Result<(ItemMap<'_>, &[u8]), CborError> {
    let mut reader = Reader { rest: bytes, items_left: MAX_ITEMS };
    match reader.item(MAX_DEPTH)? {
        Item::Map(map) => Ok((map, reader.rest)),
        _ => Err(CborError::Unsupported),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    items_left: usize,
}

impl<'a> Reader<'a> {
    fn item(&mut self, levels_left: usize) -> Result<Item<'a>, CborError> {
        self.items_left = self.items_left.checked_sub(1).ok_or(CborError::TooMany)?;
        let (kind, value) = self.head()?;
        match kind {
            0 => Ok(Item::Unsigned(value)),
            1 => Ok(Item::Negative(value)),
            2 => Ok(Item::Bytes(self.take(value)?)),
            3 => Ok(Item::Text(std::str::from_utf8(self.take(value)?).map_err(|_| CborError::NotUtf8)?)),
            4 => {
                let inner = levels_left.checked_sub(1).ok_or(CborError::TooDeep)?;
                (0..self.count(value)?).try_for_each(|_| self.item(inner).map(drop)).map(|()| Item::List)
            }
            5 => self.map(value, levels_left.checked_sub(1).ok_or(CborError::TooDeep)?).map(Item::Map),
            // `false`, `true`, `null`.
            7 if (20..=22).contains(&value) => Ok(Item::Simple),
            _ => Err(CborError::Unsupported),
        }
    }

    fn map(&mut self, members: u64, inner: usize) -> Result<ItemMap<'a>, CborError> {
        let mut map = ItemMap::default();
        for _ in 0..self.count(members)? {
            let key = match self.item(inner)? {
                Item::Text(text) => Key::Text(text),
                other => Key::Number(other.number().ok_or(CborError::KeyKind)?),
            };
            if map.get(key).is_some() {
                return Err(CborError::DuplicateKey);
            }
            map.0.push((key, self.item(inner)?));
        }
        Ok(map)
    }

    /// A number of items that may still come.
    fn count(&self, items: u64) -> Result<usize, CborError> {
        usize::try_from(items).ok().filter(|items| *items <= self.items_left).ok_or(CborError::TooMany)
    }

    /// The major type, and the number that goes with it, in its shortest form (RFC 8949 §3, §4.2.1).
    fn head(&mut self) -> Result<(u8, u64), CborError> {
        let (first, rest) = self.rest.split_first().ok_or(CborError::Truncated)?;
        self.rest = rest;
        let (kind, short) = (first >> 5, first & 0x1f);
        let longer = match short {
            0..=23 => return Ok((kind, u64::from(short))),
            // Behind it would be a simple value or a floating-point number.
            24..=27 if kind == 7 => return Err(CborError::Unsupported),
            24..=27 => 1_u64 << (short - 24),
            31 => return Err(CborError::Indefinite),
            _ => return Err(CborError::Unsupported),
        };
        let value = self.take(longer)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let least = match longer {
            1 => 24,
            2 => 1 << 8,
            4 => 1 << 16,
            _ => 1 << 32,
        };
        if value < least { Err(CborError::NotShortest) } else { Ok((kind, value)) }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> CborError {
        whole_map(bytes).unwrap_err()
    }

    #[test]
    fn a_map_is_read_with_all_that_authenticators_write() {
        // {1: 2, -257: h'0102', "a": "ü", "l": [1, [null]], "m": {}, "t": true, "n": -1}
        let bytes = [
            &[0xa7, 0x01, 0x02, 0x39, 0x01, 0x00, 0x42, 1, 2][..],
            &[0x61, b'a', 0x62, 0xc3, 0xbc, 0x61, b'l', 0x82, 0x01, 0x81, 0xf6],
            &[0x61, b'm', 0xa0, 0x61, b't', 0xf5, 0x61, b'n', 0x20],
        ]
        .concat();
        let map = whole_map(&bytes).unwrap();
        assert_eq!((map.len(), map.number(1), map.bytes(-257)), (7, Some(2), Some(&[1, 2][..])));
        assert_eq!(map.get(Key::Text("a")), Some(&Item::Text("ü")));
        assert_eq!(map.get(Key::Text("l")), Some(&Item::List));
        assert_eq!(map.get(Key::Text("m")), Some(&Item::Map(ItemMap::default())));
        assert_eq!(map.get(Key::Text("t")), Some(&Item::Simple));
        assert_eq!(map.get(Key::Text("n")).and_then(Item::number), Some(-1));
        assert_eq!((map.get(Key::Text("x")), map.bytes(1), map.number(-257)), (None, None, None));
        let longer = [&bytes[..], &[9, 9]].concat();
        assert_eq!(leading_map(&longer).unwrap().1, &[9, 9]);
        assert_eq!(refusal(&longer), CborError::Trailing);
        for at in 0..bytes.len() {
            assert_eq!(refusal(&bytes[..at]), CborError::Truncated, "cut at {at}");
        }
    }

    //
    #[test]
    fn every_rule_refuses_for_its_own_reason() {
        let cases: [(&[u8], CborError); 22] = [
            (&[0xbf, 0xff], CborError::Indefinite),
            (&[0xa1, 0x01, 0x5f, 0x41, 0x00, 0xff], CborError::Indefinite),
            (&[0xa1, 0x01, 0x9f, 0xff], CborError::Indefinite),
            (&[0xb8, 0x01, 0x01, 0x01], CborError::NotShortest),
            (&[0xa1, 0x18, 0x17, 0x01], CborError::NotShortest),
            (&[0xa1, 0x19, 0x00, 0xff, 0x01], CborError::NotShortest),
            (&[0xa1, 0x1a, 0x00, 0x00, 0xff, 0xff, 0x01], CborError::NotShortest),
            (&[0xa1, 0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x01], CborError::NotShortest),
            (&[0xa1, 0x01, 0x58, 0x01, 0x00], CborError::NotShortest),
            (&[0xa2, 0x01, 0x02, 0x01, 0x03], CborError::DuplicateKey),
            (&[0xa2, 0x61, b'a', 0x02, 0x61, b'a', 0x03], CborError::DuplicateKey),
            (&[0xa1, 0x41, 0x00, 0x01], CborError::KeyKind),
            (&[0xa1, 0xf5, 0x01], CborError::KeyKind),
            (&[0xa1, 0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], CborError::KeyKind),
            (&[0xa1, 0x01, 0x61, 0xff], CborError::NotUtf8),
            (&[0xa1, 0x01, 0xc0, 0x00], CborError::Unsupported),
            (&[0xa1, 0x01, 0xf9, 0x3c, 0x00], CborError::Unsupported),
            (&[0xa1, 0x01, 0xf7], CborError::Unsupported),
            (&[0xa1, 0x01, 0xf8, 0x20], CborError::Unsupported),
            (&[0xa1, 0x01, 0x1c], CborError::Unsupported),
            (&[0x80], CborError::Unsupported),
            (&[0x01], CborError::Unsupported),
        ];
        for (bytes, error) in cases {
            assert_eq!(refusal(bytes), error, "{bytes:02x?}");
        }
    }

    #[test]
    fn depth_number_and_length_have_limits() {
        let nested = |levels: usize| [vec![0xa1, 0x01].repeat(levels), vec![0x01]].concat();
        assert!(whole_map(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(refusal(&nested(MAX_DEPTH + 1)), CborError::TooDeep);
        assert_eq!(refusal(&nested(100_000)), CborError::TooDeep);
        let lists = |levels: usize| [vec![0xa1, 0x01], vec![0x81; levels], vec![0x01]].concat();
        assert!(whole_map(&lists(MAX_DEPTH - 1)).is_ok());
        assert_eq!(refusal(&lists(MAX_DEPTH)), CborError::TooDeep);
        // The map, its key, its list, and what is in that.
        let many = |items: u8| [vec![0xa1, 0x01, 0x98, items], vec![0x01; usize::from(items)]].concat();
        assert!(whole_map(&many(253)).is_ok());
        assert_eq!(refusal(&many(254)), CborError::TooMany);
        assert_eq!(refusal(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), CborError::TooMany);
        assert_eq!(refusal(&[0xa1, 0x01, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), CborError::Truncated);
    }
}
