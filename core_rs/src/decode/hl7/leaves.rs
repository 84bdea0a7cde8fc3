//! Every leaf of a message with its place, for tools and for comparison with other parsers. Not on the hot path.

use super::charset::open;
use super::header::Header;
use super::patient::Leaves;
use super::scan::first_line;
use super::separators::Separators;
use crate::error::Refusal;

/// One leaf: its place, numbered from 1 as HL7 does, and its text with escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Segment id.
    pub segment: String,
    /// Which line of the message, from 0.
    pub line: usize,
    /// Field, repetition, component, subcomponent.
    pub place: [usize; 4],
    /// The text; what its character set cannot read is U+FFFD.
    pub text: String,
}

/// All non-empty leaves of a message, MSH from its third field on.
///
/// # Errors
/// `Malformed` or `UnsupportedCharset`.
pub fn leaves(payload: &[u8], charset: &str) -> Result<Vec<Leaf>, Refusal> {
    let body = open(payload, charset)?;
    let header = Header::read(first_line(&body.bytes))?;
    let mut separators = Separators::default();
    let reader = Leaves { index: separators.find(&body.bytes, header.delimiters), charset: body.charset };
    let mut all = Vec::new();
    for (line, segment) in reader.index.segments().enumerate() {
        let mut fields = segment.split(|byte| *byte == reader.index.delimiters.field);
        let id = String::from_utf8_lossy(fields.next().unwrap_or_default()).into_owned();
        let (first, skipped) = if id == "MSH" { (3, 1) } else { (1, 0) };
        for (field, text) in (first..).zip(fields.skip(skipped)) {
            field_leaves(&reader, text, |place, text| {
                all.push(Leaf { segment: id.clone(), line, place: [field, place[0], place[1], place[2]], text });
            });
        }
    }
    Ok(all)
}

fn field_leaves(reader: &Leaves<'_>, field: &[u8], mut found: impl FnMut([usize; 3], String)) {
    let delimiters = reader.index.delimiters;
    for (repetition, text) in (1..).zip(field.split(|byte| *byte == delimiters.repetition)) {
        for (component, text) in (1..).zip(text.split(|byte| *byte == delimiters.component)) {
            for (subcomponent, text) in (1..).zip(text.split(|byte| *byte == delimiters.subcomponent)) {
                if !text.is_empty() {
                    found([repetition, component, subcomponent], reader.text(text).0.into_string());
                }
            }
        }
    }
}
