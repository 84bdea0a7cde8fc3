//! Whom a message is about: PID-3 and PV1-3.
//!
//! Of several identifiers the first of the site's preferred authorities wins, in the order of its settings, then the first of
//! type MR, then the first at all. The authority is PID-3.4.1 (namespace), else PID-3.4.2 (universal id), else the site's
//! default.

use std::borrow::Cow;

use compact_str::CompactString;

use super::charset::Charset;
use super::escape::unescape;
use super::separators::{Index, Separator};
use crate::decode::config::DecodeConfig;
use crate::decode::event::BedKey;
use crate::error::{Code, Refusal};

/// How leaves of one message become text.
#[derive(Debug, Clone, Copy)]
pub struct Leaves<'m> {
    /// Where they end.
    pub index: Index<'m>,
    /// The message's character set.
    pub charset: Charset,
}

impl Leaves<'_> {
    /// A leaf as bytes, escapes resolved.
    pub fn bytes<'a>(&self, leaf: &'a [u8]) -> Cow<'a, [u8]> {
        if self.index.has(leaf, Separator::Escape) { unescape(leaf, &self.index.delimiters) } else { Cow::Borrowed(leaf) }
    }

    /// A leaf as text, and whether all of it could be read.
    pub fn text(&self, leaf: &[u8]) -> (CompactString, bool) {
        let bytes = self.bytes(leaf);
        let (text, is_whole) = self.charset.text(&bytes);
        (CompactString::from(text), is_whole)
    }

    /// A component of the first repetition of a field.
    pub fn component<'a>(&self, field: &'a [u8], n: usize) -> &'a [u8] {
        self.index.piece(self.index.first(field, Separator::Repetition), Separator::Component, n)
    }
}

/// An identifier with its authority.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    /// Assigning authority.
    pub authority: CompactString,
    /// The identifier.
    pub identifier: CompactString,
}

/// The identifier of PID-3 that stands for the patient; None where there is none.
///
/// # Errors
/// `BadCharset`: the identifier cannot be read, and half an identifier is another patient.
pub fn choose(pid_3: &[u8], leaves: &Leaves<'_>, config: &DecodeConfig) -> Result<Option<Identifier>, Refusal> {
    let index = &leaves.index;
    let rank = |cx: &[u8]| {
        let is_named = |name: &String| {
            let hd = index.piece(cx, Separator::Component, 4);
            [1, 2].iter().any(|n| &*leaves.bytes(index.piece(hd, Separator::Subcomponent, *n)) == name.as_bytes())
        };
        let preferred = config.authorities.iter().position(is_named);
        match preferred {
            Some(place) => place,
            None if index.piece(cx, Separator::Component, 5) == b"MR" => config.authorities.len(),
            None => config.authorities.len() + 1,
        }
    };
    let repetitions =
        index.pieces(pid_3, Separator::Repetition).filter(|cx| !index.piece(cx, Separator::Component, 1).is_empty());
    let Some(cx) = repetitions.min_by_key(|cx| rank(cx)) else { return Ok(None) };
    let hd = index.piece(cx, Separator::Component, 4);
    let part = |n: usize| index.piece(hd, Separator::Subcomponent, n);
    let namespace = part(1);
    let (mut authority, is_whole) = leaves.text(if namespace.is_empty() { part(2) } else { namespace });
    let (identifier, is_readable) = leaves.text(index.piece(cx, Separator::Component, 1));
    if !is_whole || !is_readable {
        return Err(Refusal::new(Code::BadCharset, "PID-3 patient identifier").at("PID^1^3"));
    }
    if authority.is_empty() {
        authority = CompactString::from(config.authority_default.as_str());
    }
    Ok(Some(Identifier { authority, identifier }))
}

/// The bed of PV1-3: point of care with bed, or with room where no bed is given; None where either is missing.
///
/// # Errors
/// `BadCharset`.
pub fn bed(pv1_3: &[u8], leaves: &Leaves<'_>) -> Result<Option<BedKey>, Refusal> {
    let index = &leaves.index;
    let location = index.piece(pv1_3, Separator::Repetition, 1);
    let place = |n: usize| index.piece(index.piece(location, Separator::Component, n), Separator::Subcomponent, 1);
    let (unit, bed) = (place(1), place(3));
    let bed = if bed.is_empty() { place(2) } else { bed };
    if unit.is_empty() || bed.is_empty() {
        return Ok(None);
    }
    let ((unit, is_whole), (bed, is_readable)) = (leaves.text(unit), leaves.text(bed));
    if is_whole && is_readable {
        return Ok(Some(BedKey { unit, bed }));
    }
    Err(Refusal::new(Code::BadCharset, "PV1-3 location").at("PV1^1^3"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::hl7::scan::Delimiters;

    const LEAVES: Leaves<'_> = Leaves { index: Index::none(Delimiters::USUAL), charset: Charset::Utf8 };

    fn chosen(pid_3: &str, authorities: &[&str]) -> Option<String> {
        let config = DecodeConfig {
            authorities: authorities.iter().map(|name| (*name).to_owned()).collect(),
            authority_default: "SITE".into(),
            ..DecodeConfig::default()
        };
        let found = choose(pid_3.as_bytes(), &LEAVES, &config).expect("readable")?;
        Some(format!("{}|{}", found.authority, found.identifier))
    }

    #[test]
    fn the_preferred_authority_wins_then_mr_then_the_first() {
        let list = "1^^^SSA^SS~2^^^HOSP^MR~3^^^EPIC^PI~4^^^&1.2.3&ISO^MR";
        assert_eq!(chosen(list, &["NONE", "EPIC"]).as_deref(), Some("EPIC|3"));
        assert_eq!(chosen(list, &["1.2.3"]).as_deref(), Some("1.2.3|4"));
        assert_eq!(chosen(list, &[]).as_deref(), Some("HOSP|2"));
        assert_eq!(chosen("^^^EPIC^MR~7", &["EPIC"]).as_deref(), Some("SITE|7"));
        assert_eq!(chosen("\"\"", &[]), None);
        assert_eq!(chosen("", &[]), None);
        assert_eq!(chosen("a\\T\\b^^^H\\S\\", &[]).as_deref(), Some("H^|a&b"));
    }

    #[test]
    fn half_an_identifier_is_no_identifier() {
        let config = DecodeConfig::default();
        assert!(choose(b"1\xFF2^^^H", &LEAVES, &config).is_err());
        assert!(bed(b"ICU^1^\xFF", &LEAVES).is_err());
    }

    #[test]
    fn a_bed_is_point_of_care_with_bed_or_room() {
        let read = |text: &str| bed(text.as_bytes(), &LEAVES).expect("readable").map(|key| format!("{}/{}", key.unit, key.bed));
        assert_eq!(read("ICU^0248^03^HOSP").as_deref(), Some("ICU/03"));
        assert_eq!(read("ICU^0248").as_deref(), Some("ICU/0248"));
        assert_eq!(read("ICU&x^0248^\"\"").as_deref(), Some("ICU/0248"));
        assert_eq!(read("ICU"), None);
        assert_eq!(read("^^3"), None);
        assert_eq!(read("\"\""), None);
    }
}
