//! Screening for the HTTP doors: the envelope, and what of the content will end as dead letters.
//!
//! A message that came before is read as it was read then (its receipt decides what lies too far in the future or the past), so
//! that a copy gets the answer of the first; one whose id came with other content is told that, and nothing else.

use super::{decode_frame, frame};
use crate::bindings::deliveries::{Deliveries, Known};
use crate::decode::hl7::batch;
use crate::decode::{Decoder, Rejected};
use crate::error::{Code, Refusal};
use crate::pipeline::CONFLICT;
use crate::receive::Source;

/// Who sent what, and when it is looked at.
#[derive(Clone, Copy)]
pub(in crate::bindings) struct Asked<'a> {
    pub payload: &'a [u8],
    /// Charset of an HL7 body, idempotency key of a JSON one.
    pub context: &'a str,
    pub principal: &'a str,
    /// None: the envelope only.
    pub received_at_us: Option<i64>,
    pub deliveries: Option<&'a Deliveries>,
}

/// What will become of a body once it is journalled.
#[derive(Debug, Default)]
pub(super) struct Prospect {
    pub message_id: Option<(u64, u64)>,
    /// The frame that brought it first, if it came before.
    pub first_seq: Option<u64>,
    pub is_conflict: bool,
    pub rejected: Vec<Rejected>,
}

impl Prospect {
    /// Nothing where only the envelope is asked about.
    pub fn of(decoder: &Decoder, asked: &Asked<'_>, source: Source, payload: &[u8]) -> Self {
        let Some(received_at_us) = asked.received_at_us else { return Self::default() };
        let read =
            |received_at_us| decode_frame(decoder, &frame(source, asked.principal, asked.context, received_at_us, payload));
        let mut decoded = read(received_at_us);
        let known = decoded.message_id.zip(asked.deliveries).map_or(Known::New, |(id, deliveries)| deliveries.look(id));
        let (first, is_conflict) = match known {
            Known::New => (None, false),
            Known::Conflict(first) => (first, true),
            Known::Again(first) => {
                decoded = read(first.received_at_us);
                (Some(first), false)
            }
        };
        let message_id = decoded.message_id.map(|message| (message.id, message.content));
        Self { message_id, first_seq: first.map(|first| first.seq), is_conflict, rejected: decoded.rejected }
    }
}

/// One message of an HL7 payload, where it stands.
pub(in crate::bindings) struct Screened<'a> {
    pub payload: &'a [u8],
    pub refusal: Option<Refusal>,
    pub warnings: Vec<Refusal>,
    pub message_id: Option<(u64, u64)>,
}

/// Cuts an HL7 payload into its messages and looks at each; whether it was a batch.
pub(in crate::bindings) fn hl7<'a>(decoder: &Decoder, asked: &Asked<'a>) -> Result<(bool, Vec<Screened<'a>>), Refusal> {
    let limits = &decoder.config().limits;
    if asked.payload.len() > limits.frame_bytes_max {
        return Err(Refusal::new(Code::TooLarge, format!("more than {} bytes", limits.frame_bytes_max)));
    }
    let cut = batch::split(asked.payload, limits.hl7_batch_messages_max)?;
    let messages = cut.messages.iter().map(|&message| {
        let refusal = decoder.screen(Source::Hl7Http, asked.context, message).err();
        let prospect = match &refusal {
            None => Prospect::of(decoder, asked, Source::Hl7Http, message),
            Some(_) => Prospect::default(),
        };
        let warnings = if prospect.is_conflict {
            vec![Refusal::new(Code::DuplicateConflict, CONFLICT).at("MSH^1^10")]
        } else {
            prospect.rejected.into_iter().map(|rejected| rejected.refusal).collect()
        };
        Screened { payload: message, refusal, warnings, message_id: prospect.message_id }
    });
    Ok((cut.is_batch, messages.collect()))
}

/// Looks at a device JSON body: the number of its observations, and what will become of them.
pub(super) fn json(decoder: &Decoder, asked: &Asked<'_>) -> Result<(usize, Prospect), Refusal> {
    let observations = decoder.screen_json(asked.payload)?;
    let mut prospect = Prospect::of(decoder, asked, Source::JsonHttp, asked.payload);
    if prospect.is_conflict {
        let refusal = Refusal::new(Code::DuplicateConflict, CONFLICT);
        let all = 0..u32::try_from(observations).unwrap_or(u32::MAX);
        prospect.rejected = all.map(|ordinal| Rejected { ordinal, refusal: refusal.clone() }).collect();
    }
    Ok((observations, prospect))
}
