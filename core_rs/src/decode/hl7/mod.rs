//! HL7 v2: from the bytes of one message to events, without copying what nobody reads.
//!
//! Limits: a message has at most `hl7_segments_max` segments and `frame_observations_max` OBX rows; a control id at most 199
//! characters. Every line must be a segment: a broken line means that text spilled over its segment, and what it belongs to
//! can no longer be told.

pub mod ack;
mod adt;
pub mod batch;
mod charset;
mod escape;
mod facts;
mod header;
pub(super) mod known;
pub mod leaves;
mod oru;
mod patient;
pub(super) mod scan;
mod separators;
#[cfg(test)]
mod tests;
mod value;

use charset::{Body, open};
use header::{Header, Kind};
use patient::Leaves;
use scan::{first_line, is_segment};
use separators::{Index, Segments, Separators};

use super::Decoder;
use super::config::DecodeConfig;
use super::digest::{CONTENT_SEED, Digest};
use super::event::{BedKey, Decoded, MessageId};
use super::recorded;
use super::time::Written;
use super::wanted::Wanted;
use crate::error::{Code, Refusal};
use crate::limits::Limits;

/// What the door knew besides the bytes.
#[derive(Debug, Clone, Default)]
pub struct Door<'a> {
    /// The id of the credential.
    pub principal: &'a str,
    /// The charset of the Content-Type, or empty.
    pub charset: &'a str,
    /// What stands for the Idempotency-Key of the request, or empty.
    pub key: &'a str,
    /// The bed of the topic.
    pub bed: Option<BedKey>,
    /// Receipt, microseconds since 1970-01-01 UTC; behind `decode` the frame's time, which is the same but for recorded time.
    pub received_at_us: i64,
    /// Whose observations to read.
    pub wanted: Wanted<'a>,
}

/// Where a message may say its own time.
#[derive(Debug, Default)]
pub struct Said<'a> {
    /// MSH-7.
    pub msh_7: &'a [u8],
    /// EVN-6 and EVN-2, in this order.
    pub events: Vec<&'a [u8]>,
    /// OBX-14, else OBR-7, of each OBX.
    pub observed: Vec<&'a [u8]>,
}

impl<'a> Said<'a> {
    /// The rest is read only where MSH-7 is empty.
    fn read(header: &Header<'a>, leaves: &Leaves<'_>, segments: Checked<'a>) -> Result<Self, Refusal> {
        let mut said = Self { msh_7: header.component(7, 1), ..Self::default() };
        let mut obr_7: &[u8] = b"";
        if !said.msh_7.is_empty() {
            return Ok(said);
        }
        for segment in segments {
            let segment = segment?;
            let cut = leaves.index.fields::<15>(segment);
            let first = |n: usize| leaves.component(cut.get(n), 1);
            match segment.get(..3).unwrap_or_default() {
                b"EVN" => said.events.extend([first(6), first(2)]),
                b"OBR" => obr_7 = first(7),
                b"OBX" => said.observed.push(if cut.get(14).is_empty() { obr_7 } else { first(14) }),
                _ => {}
            }
        }
        Ok(said)
    }
}

/// The envelope of one message: everything that is checked before it is journalled.
///
/// # Errors
/// `Malformed`, `TooLarge`, `TooManyParts`, `UnsupportedCharset`, `UnsupportedVersion`, `UnsupportedType`,
/// `UnsupportedEvent`, `MissingField`, `ProcessingId`, each with its place.
pub fn screen(payload: &[u8], charset: &str, config: &DecodeConfig) -> Result<(), Refusal> {
    check_size(payload, config)?;
    let body = open(payload, charset)?;
    let header = first(&body)?;
    header.check(config)?;
    let mut separators = Separators::default();
    Checked::new(separators.find(&body.bytes, header.delimiters), &header, config, None)
        .try_for_each(|segment| segment.map(|_| ()))
}

/// Decode one message into `out`.
///
/// # Errors
/// What `screen` refuses, and what makes the message unusable as a whole.
pub fn decode(decoder: &Decoder, payload: &[u8], door: Door<'_>, out: &mut Decoded) -> Result<(), Refusal> {
    let config = decoder.config();
    check_size(payload, config)?;
    let body = open(payload, door.charset)?;
    let header = first(&body)?;
    let kind = header.check(config)?;
    let principal = door.principal;
    let mut separators = Separators::default();
    let leaves = Leaves { index: separators.find(&body.bytes, header.delimiters), charset: body.charset };
    let mut segments = Checked::new(leaves.index, &header, config, Some(decoder.digest()));
    let read = read(decoder, leaves, (&header, kind), &mut segments, door, out);
    let topic = read.as_ref().ok().and_then(Option::as_ref);
    out.message_id = Some(segments.message_id(decoder.digest(), principal, &header.identity(), topic));
    read.map(|_| ())
}

/// Gives back the bed of the topic where it says whose observations these are.
fn read<'a>(
    decoder: &'a Decoder,
    leaves: Leaves<'a>,
    (header, kind): (&'a Header<'a>, Kind),
    segments: &mut Checked<'a>,
    mut door: Door<'a>,
    out: &mut Decoded,
) -> Result<Option<BedKey>, Refusal> {
    let config = decoder.config();
    if config.recorded_time {
        let said = Said::read(header, &leaves, Checked::new(leaves.index, header, config, None))?;
        door.received_at_us = recorded::of_message(decoder, &said, door.received_at_us)?;
        out.at_us = door.received_at_us;
    }
    match kind {
        Kind::Adt(kind) => adt::decode(decoder, header, kind, leaves, segments, door.received_at_us, out).map(|()| None),
        Kind::Oru => oru::decode(decoder, door, leaves, segments, out),
    }
}

/// MSH-7, when the sender says the message was made; None where that cannot be read as a time.
pub fn sent_at_us(decoder: &Decoder, payload: &[u8]) -> Option<i64> {
    let body = open(payload, "").ok()?;
    let written = Written::hl7(first(&body).ok()?.component(7, 1)).ok()?;
    decoder.zone().instant(&written, i64::MAX).ok()
}

fn check_size(payload: &[u8], config: &DecodeConfig) -> Result<(), Refusal> {
    let bytes_max = config.limits.frame_bytes_max;
    if payload.len() > bytes_max {
        return Err(Refusal::new(Code::TooLarge, format!("more than {bytes_max} bytes")));
    }
    Ok(())
}

#[inline]
fn first<'a>(body: &'a Body<'_>) -> Result<Header<'a>, Refusal> {
    Header::read(first_line(&body.bytes))
}

/// The segments of a message, each checked as it comes: every line a segment, one MSH, no more than the limits allow. Each goes into
/// the hash of the content as it comes too: line ends, framing and blank lines are not content.
struct Checked<'a> {
    segments: Segments<'a>,
    header: &'a Header<'a>,
    limits: &'a Limits,
    digest: Option<&'a Digest>,
    content: u64,
    lines: usize,
    observations: usize,
}

impl<'a> Checked<'a> {
    /// With a digest where a message id will be asked for.
    fn new(index: Index<'a>, header: &'a Header<'a>, config: &'a DecodeConfig, digest: Option<&'a Digest>) -> Self {
        Self {
            segments: index.segments(),
            header,
            limits: &config.limits,
            digest,
            content: CONTENT_SEED,
            lines: 0,
            observations: 0,
        }
    }

    #[inline]
    fn check(&mut self, segment: &[u8]) -> Result<(), Refusal> {
        self.lines += 1;
        if self.lines > self.limits.hl7_segments_max {
            return Err(Refusal::new(Code::TooManyParts, format!("more than {} segments", self.limits.hl7_segments_max)));
        }
        if !is_segment(segment, self.header.delimiters.field) {
            return Err(Refusal::new(Code::Malformed, format!("line {} is not a segment", self.lines)));
        }
        match segment.get(..3).unwrap_or_default() {
            b"OBX" => self.observations += 1,
            b"MSH" | b"BHS" | b"FHS" | b"BTS" | b"FTS" if self.lines > 1 => {
                return Err(Refusal::new(Code::Malformed, "one message at a time; a batch is cut at the door"));
            }
            _ => {}
        }
        if self.observations > self.limits.frame_observations_max {
            let detail = format!("more than {} observations", self.limits.frame_observations_max);
            return Err(Refusal::new(Code::TooManyParts, detail));
        }
        Ok(())
    }

    #[inline]
    fn hash(&mut self, segment: &'a [u8]) {
        let Some(digest) = self.digest else { return };
        self.content = if self.lines == 0 {
            self.header.content().into_iter().fold(self.content, |content, part| digest.bytes(part, content))
        } else {
            digest.bytes(segment, self.content)
        };
    }

    /// What a redelivery is recognised by: every segment counts, also those behind one that was refused. Where the bed of the topic
    /// says whose it is, it counts too: monitors of one make that share a key count alike from when they were switched on.
    fn message_id(&mut self, digest: &Digest, principal: &str, identity: &[&[u8]; 3], topic: Option<&BedKey>) -> MessageId {
        while let Some(segment) = self.segments.next() {
            self.hash(segment);
            self.lines += 1;
        }
        let [application, facility, control_id] = *identity;
        let id = match topic {
            Some(bed) => digest.id_of(principal, &[application, facility, control_id, bed.unit.as_bytes(), bed.bed.as_bytes()]),
            None => digest.id_of(principal, identity),
        };
        MessageId { id, content: self.content }
    }
}

impl<'a> Iterator for Checked<'a> {
    type Item = Result<&'a [u8], Refusal>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let segment = self.segments.next()?;
        self.hash(segment);
        Some(self.check(segment).map(|()| segment))
    }
}
