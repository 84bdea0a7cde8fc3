//! Recorded time: what a message itself says its time is, for a server that replays a recording.
//!
//! With `DecodeConfig::recorded_time` a frame's time is not its receipt but MSH-7, else EVN-6 or EVN-2, else the newest
//! observation time; of device JSON the newest observation time. It is a function of the frame and the settings alone, so a
//! replay of the journal gives it again. Whatever decode, window, score and alert measure from receipt they then measure from it.
//! One frame has one time: hours that are to be scored apart are sent apart.
//!
//! A recording that lies ahead of its receipt by more than `future_s_max` is none: the whole frame is a dead letter.

use super::Decoder;
use super::hl7::Said;
use super::time::Written;
use crate::error::{Code, Refusal};

/// The time of an HL7 message.
///
/// # Errors
/// `MissingTime`: it says none. `BadTime`: MSH-7 is no time to the minute. `FutureTime`: it lies ahead of receipt.
pub(super) fn of_message(decoder: &Decoder, said: &Said<'_>, received_at_us: i64) -> Result<i64, Refusal> {
    let read = |text: &[u8]| Written::hl7(text).and_then(|time| decoder.zone().instant(&time, received_at_us));
    let at_us = if said.msh_7.is_empty() {
        let event = said.events.iter().find_map(|text| read(text).ok());
        let newest = || said.observed.iter().filter_map(|text| read(text).ok()).max();
        event.or_else(newest).ok_or_else(|| {
            Refusal::new(Code::MissingTime, "recorded time: neither MSH-7, EVN nor an observation gives one").at("MSH^1^7")
        })?
    } else {
        read(said.msh_7).map_err(|fault| Refusal::new(Code::BadTime, fault.text()).at("MSH^1^7"))?
    };
    not_ahead(decoder, at_us, received_at_us)
}

/// The time of device JSON, given the newest time its observations state; without any its receipt, which nothing will use: an
/// observation without a time is rejected.
///
/// # Errors
/// `FutureTime`: it lies ahead of receipt.
pub(super) fn of_readings(decoder: &Decoder, newest_us: Option<i64>, received_at_us: i64) -> Result<i64, Refusal> {
    not_ahead(decoder, newest_us.unwrap_or(received_at_us), received_at_us)
}

fn not_ahead(decoder: &Decoder, at_us: i64, received_at_us: i64) -> Result<i64, Refusal> {
    if decoder.is_future(at_us, received_at_us) {
        return Err(Refusal::new(Code::FutureTime, "recorded time: the message lies ahead of its receipt"));
    }
    Ok(at_us)
}
