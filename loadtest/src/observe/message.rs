//! What a console is told (docs/messages.md), as far as the harness needs it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// One message of the stream; other fields are passed over.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// `patient`, `alert`, `beat`, ...
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// Where the patient lies.
    #[serde(default, borrow)]
    pub unit: Cow<'a, str>,
    /// Where the patient lies.
    #[serde(default, borrow)]
    pub bed: Cow<'a, str>,
    /// Where to resume.
    #[serde(default, borrow)]
    pub cursor: Option<Cow<'a, str>>,
    /// The journal's name.
    #[serde(default, borrow)]
    pub stream: Option<Cow<'a, str>>,
    /// Last values.
    #[serde(default)]
    pub vitals: Vitals,
}

thread_local! {
    /// The signal whose time is read: set once by the thread that runs the consoles.
    static MARKER: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

/// Chooses the signal whose time `Vitals` reads, for this thread.
pub fn choose_marker(name: &str) {
    MARKER.with_borrow_mut(|marker| name.clone_into(marker));
}

/// The time of the marker's last value, milliseconds since 1970-01-01 UTC; all other signals are passed over.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Vitals(pub Option<i64>);

impl<'de> Deserialize<'de> for Vitals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(VitalsVisitor)
    }
}

struct VitalsVisitor;

impl<'de> Visitor<'de> for VitalsVisitor {
    type Value = Vitals;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of signals")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vitals, A::Error> {
        #[derive(Deserialize)]
        struct Value {
            at_ms: Option<i64>,
        }
        let mut found = Vitals(None);
        while let Some(wanted) = map.next_key_seed(IsMarker)? {
            if wanted {
                found.0 = map.next_value::<Value>()?.at_ms;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct IsMarker;

impl<'de> DeserializeSeed<'de> for IsMarker {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        let name: Cow<'de, str> = Deserialize::deserialize(deserializer)?;
        Ok(MARKER.with_borrow(|marker| *marker == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_gives_its_place_and_the_marker_s_time() {
        choose_marker("HR");
        let text = r#"[{"type":"beat","at_ms":1,"cursor":"9"},
            {"type":"patient","patient":"x","unit":"U","bed":"7","at_ms":5,"cursor":"65536",
             "vitals":{"Resp":{"value":1.0,"unit":"/min","at_ms":3},"HR":{"value":null,"unit":"/min","at_ms":4}},"spark":{}}]"#;
        let all: Vec<Message<'_>> = serde_json::from_str(text).unwrap();
        assert_eq!((all[0].cursor.as_deref(), all[0].vitals), (Some("9"), Vitals(None)));
        assert_eq!((all[1].unit.as_ref(), all[1].bed.as_ref(), all[1].vitals), ("U", "7", Vitals(Some(4))));
    }
}
