//! Recorded ADT messages as encounter events: decoded as in service, received when their sender says they were made (MSH-7).

use super::event::{Decoded, EncounterEvent, Event};
use super::{Decoder, hl7};
use crate::receive::{Frame, Source};

/// The encounter events of ADT messages, in order. Parts that service would put among the dead letters beside the event (a
/// time that cannot be read, one ahead of the message) are absent here as there.
///
/// # Errors
/// One sentence with the place of the first message that gives no encounter event, and the code of its refusal; nothing of
/// its content.
pub fn decode(decoder: &Decoder, payloads: &[impl AsRef<[u8]>]) -> Result<Vec<EncounterEvent>, String> {
    let mut out = Decoded::default();
    let mut events = Vec::with_capacity(payloads.len());
    for (at, payload) in payloads.iter().map(AsRef::as_ref).enumerate() {
        let Some(received_at_us) = hl7::sent_at_us(decoder, payload) else {
            return Err(format!("encounter {at} names no time in MSH-7"));
        };
        let frame = Frame {
            source: Source::Hl7Http,
            principal: Default::default(),
            context: Default::default(),
            received_at_us,
            payload: bytes::Bytes::copy_from_slice(payload),
        };
        decoder.decode(&frame, &mut out);
        match out.events.pop() {
            Some(Event::Encounter(event)) if out.events.is_empty() => events.push(*event),
            _ => {
                let code = out.rejected.first().map_or("no ADT message", |rejected| rejected.refusal.code.name());
                return Err(format!("encounter {at} is refused: {code}"));
            }
        }
    }
    Ok(events)
}
