//! `STORAGE`: where the Durable Objects of a site are.

use super::table::Table;
use super::value::choice;

/// The jurisdictions of the platform: objects of one run and store there alone.
const JURISDICTIONS: [(&str, &str); 4] =
    [("eu", "eu"), ("us", "us"), ("fedramp", "fedramp"), ("fedramp-high", "fedramp-high")];
/// The places that the platform takes as a hint.
const LOCATIONS: [(&str, &str); 9] = [
    ("wnam", "wnam"),
    ("enam", "enam"),
    ("sam", "sam"),
    ("weur", "weur"),
    ("eeur", "eeur"),
    ("apac", "apac"),
    ("oc", "oc"),
    ("afr", "afr"),
    ("me", "me"),
];

/// Where the objects of a site are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPlace {
    /// `jurisdiction`: where alone they may be. Those of another jurisdiction, or of none, are other objects.
    pub jurisdiction: Option<&'static str>,
    /// `location`: where new ones are to be, if the platform can.
    pub location: Option<&'static str>,
    spec: String,
}

impl ObjectPlace {
    /// Both in one word: `eu/weur`, `eu/`, `/weur`; empty where the platform decides.
    #[must_use]
    pub fn spec(&self) -> &str {
        &self.spec
    }
}

/// Reads the table.
pub(super) fn read(mut table: Table<'_>) -> ObjectPlace {
    let jurisdiction = table.optional("jurisdiction", choice(&JURISDICTIONS));
    let location = table.optional("location", choice(&LOCATIONS));
    table.finish();
    let spec = match (jurisdiction, location) {
        (None, None) => String::new(),
        (jurisdiction, location) => {
            format!("{}/{}", jurisdiction.unwrap_or_default(), location.unwrap_or_default())
        }
    };
    ObjectPlace { jurisdiction, location, spec }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{parse, problems, small, with};

    fn stored(table: Value) -> Value {
        with(small(), &["STORAGE"], table)
    }

    #[test]
    fn the_platform_decides_where_nothing_is_said() {
        for vars in [small(), stored(json!({}))] {
            let place = parse(&vars).unwrap().place;
            assert_eq!((place.jurisdiction, place.location, place.spec()), (None, None, ""));
        }
    }

    #[test]
    fn a_jurisdiction_and_a_location_each_stand_alone_or_together() {
        for (table, spec) in [
            (json!({ "jurisdiction": "eu" }), "eu/"),
            (json!({ "location": "weur" }), "/weur"),
            (json!({ "jurisdiction": "fedramp-high", "location": "enam" }), "fedramp-high/enam"),
        ] {
            assert_eq!(parse(&stored(table)).unwrap().place.spec(), spec);
        }
    }

    #[test]
    fn a_place_that_the_platform_does_not_have_is_refused() {
        for (table, expected) in [
            (json!({ "jurisdiction": "EU" }), "STORAGE.jurisdiction: expected `eu` or `us` or `fedramp`"),
            (json!({ "jurisdiction": "" }), "STORAGE.jurisdiction: "),
            (json!({ "location": "eu" }), "STORAGE.location: expected `wnam` or "),
            (json!({ "location": "weur/../x" }), "STORAGE.location: "),
            (json!({ "region": "eu" }), "STORAGE.region: unknown key"),
        ] {
            let lines = problems(&stored(table.clone()));
            assert!(lines.len() == 1 && lines[0].starts_with(expected), "{table}: {lines:?}");
        }
    }
}
