//! The shape of device JSON: objects must be objects, and what is too much is counted without being kept. Nothing of it can be
//! written to a log: it holds identifiers (P6).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value as it stands.
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Raw<'a>(pub &'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(raw.get()))
    }
}

/// One object of the schema, borrowed from the frame; `O` is what becomes of its observations.
#[derive(PartialEq, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(remote = "Self", bound(deserialize = "O: Deserialize<'de>"))]
pub(super) struct Message<'a, O = Vec<Item<'a>>> {
    #[serde(default, borrow)]
    pub id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub device: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub patient: Option<Patient<'a>>,
    #[serde(default, borrow)]
    pub bed: Option<Bed<'a>>,
    #[serde(default, borrow)]
    pub time: Option<Raw<'a>>,
    pub observations: O,
}

#[derive(PartialEq, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(remote = "Self")]
pub(super) struct Patient<'a> {
    #[serde(default, borrow)]
    pub authority: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub identifier: Cow<'a, str>,
}

#[derive(PartialEq, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(remote = "Self")]
pub(super) struct Bed<'a> {
    #[serde(borrow)]
    pub unit: Cow<'a, str>,
    #[serde(borrow)]
    pub bed: Cow<'a, str>,
}

#[derive(Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(remote = "Self")]
pub(super) struct Item<'a> {
    #[serde(default, borrow)]
    pub code: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub system: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub value: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub unit: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub time: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub status: Option<Raw<'a>>,
}

macro_rules! objects {
    ($($name:ident $(<$of:ident>)?),*) => {$(
        impl<'de: 'a, 'a $(, $of: Deserialize<'de>)?> Fields<'de> for $name<'a $(, $of)?> {
            fn fields<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }
        }

        impl<'de: 'a, 'a $(, $of: Deserialize<'de>)?> Deserialize<'de> for $name<'a $(, $of)?> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                object(deserializer)
            }
        }
    )*};
}

objects! { Message<O>, Patient, Bed, Item }

impl<'a, O> Message<'a, O> {
    /// The patient it names; a blank identifier names nobody.
    pub fn patient(&self) -> Option<&Patient<'a>> {
        self.patient.as_ref().filter(|patient| !patient.identifier.trim().is_empty())
    }

    /// The bed it says; one without unit or bed is none.
    pub fn bed(&self) -> Option<&Bed<'a>> {
        self.bed.as_ref().filter(|bed| !bed.unit.is_empty() && !bed.bed.is_empty())
    }
}

impl<T> Count for Message<'_, Tally<T>> {
    fn count(&self) -> usize {
        self.observations.elements
    }
}

impl Count for Item<'_> {
    fn count(&self) -> usize {
        0
    }
}

/// Whether a body is a list of objects.
pub(super) fn is_array(text: &str) -> bool {
    text.trim_start().starts_with('[')
}

/// The objects of a body.
pub(super) fn read(text: &str) -> serde_json::Result<Vec<Message<'_>>> {
    if is_array(text) { serde_json::from_str(text) } else { serde_json::from_str(text).map(|message| vec![message]) }
}

/// How many objects and observations a body has, keeping none of them.
pub(super) fn count(text: &str) -> serde_json::Result<(usize, usize)> {
    type Counted<'a> = Message<'a, Tally<Item<'a>>>;
    if is_array(text) {
        return serde_json::from_str(text).map(|all: Tally<Counted<'_>>| (all.elements, all.held));
    }
    serde_json::from_str(text).map(|one: Counted<'_>| (1, one.count()))
}

/// A struct as serde derives it, which reads arrays too, field by position. No device says that on purpose.
trait Fields<'de>: Sized {
    fn fields<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// A struct that stands there as an object.
fn object<'de, T: Fields<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct OfMap<T>(PhantomData<T>);
    impl<'de, T: Fields<'de>> Visitor<'de> for OfMap<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::fields(MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_map(OfMap(PhantomData))
}

/// What can say how many observations it holds.
trait Count {
    fn count(&self) -> usize;
}

/// The elements of an array, each read as a `T` and let go.
struct Tally<T> {
    /// How many.
    pub elements: usize,
    /// What they hold together.
    pub held: usize,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de> + Count> Deserialize<'de> for Tally<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfSeq<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Count> Visitor<'de> for OfSeq<T> {
            type Value = Tally<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut tally = Tally { elements: 0, held: 0, of: PhantomData };
                while let Some(element) = array.next_element::<T>()? {
                    tally.elements += 1;
                    tally.held += element.count();
                }
                Ok(tally)
            }
        }
        deserializer.deserialize_seq(OfSeq(PhantomData))
    }
}
