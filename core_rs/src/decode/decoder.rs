//! The decoder: one frame in, what it says out. Shared by threads, no clock, and no state that content depends on.

use parking_lot::{Mutex, MutexGuard};

use super::catalogue::Catalogue;
use super::config::DecodeConfig;
use super::device;
use super::digest::Digest;
use super::event::{BedKey, Decoded, Rejected};
use super::hl7::known::Known;
use super::hl7::scan::Delimiters;
use super::hl7::{self, Door};
use super::time::SiteZone;
use super::wanted::Wanted;
use crate::error::{Code, Refusal};
use crate::receive::{Frame, Source};

const SECOND_US: i64 = 1_000_000;

/// Everything decoding needs, built once from the settings.
#[derive(Debug)]
pub struct Decoder {
    config: DecodeConfig,
    catalogue: Catalogue,
    digest: Digest,
    zone: SiteZone,
    /// What was understood before, without effect on content.
    known: Mutex<Known>,
}

impl Decoder {
    /// A decoder for a site.
    ///
    /// # Errors
    /// A sentence naming the setting that does not hold: timezone, or an entry of the code map.
    pub fn new(config: DecodeConfig) -> Result<Self, String> {
        let is_same_for_all = config.codes.iter().all(|code| code.principal.is_none());
        Ok(Self {
            known: Mutex::new(Known::new(is_same_for_all)),
            catalogue: Catalogue::new(&config.codes)?,
            digest: Digest::new(&config.site_key.0),
            zone: SiteZone::new(&config.timezone, config.limits.future_s_max)?,
            config,
        })
    }

    /// What a frame says. `out` is cleared first. A frame that cannot be decoded at all gives one rejection of ordinal 0;
    /// ticks, replays and actions are the pipeline's and give nothing.
    pub fn decode(&self, frame: &Frame, out: &mut Decoded) {
        self.decode_wanted(frame, Wanted::default(), out);
    }

    /// As `decode`, but observations of subjects that are not wanted are not read: they give no event, no rejection and no skip,
    /// and their subjects stand in `Decoded::passed`. Message id, ordinals and refusals of the whole frame are as ever.
    pub fn decode_wanted(&self, frame: &Frame, wanted: Wanted<'_>, out: &mut Decoded) {
        out.clear();
        let received_at_us = frame.received_at_us;
        out.at_us = received_at_us;
        let door = Door { principal: &frame.principal, received_at_us, wanted, ..Door::default() };
        let outcome = match frame.source {
            Source::Hl7Http => hl7::decode(self, &frame.payload, Door { charset: &frame.context, ..door }, out),
            Source::Hl7Mqtt => hl7::decode(self, &frame.payload, Door { bed: topic_bed(&frame.context), ..door }, out),
            Source::JsonHttp => device::decode(self, &frame.payload, Door { key: &frame.context, ..door }, out),
            Source::JsonMqtt => device::decode(self, &frame.payload, Door { bed: topic_bed(&frame.context), ..door }, out),
            Source::MqttTooLarge => Err(self.too_large(frame, out)),
            Source::Tick | Source::Replay | Source::Action | Source::Policy => Ok(()),
        };
        if let Err(refusal) = outcome {
            // A copy of what could not be used is a copy all the same: it gives no second dead letter.
            let message_id = out.message_id;
            out.clear();
            (out.at_us, out.message_id) = (received_at_us, message_id);
            out.rejected.push(Rejected { ordinal: 0, refusal });
        }
    }

    /// Whether a payload may be journalled: its envelope, not its content. `context` as in `Frame`.
    ///
    /// # Errors
    /// The refusal its sender is answered with.
    pub fn screen(&self, source: Source, context: &str, payload: &[u8]) -> Result<(), Refusal> {
        match source {
            Source::Hl7Http => hl7::screen(payload, context, &self.config),
            Source::Hl7Mqtt => hl7::screen(payload, "", &self.config),
            Source::JsonHttp | Source::JsonMqtt => self.screen_json(payload).map(|_| ()),
            Source::MqttTooLarge | Source::Tick | Source::Replay | Source::Action | Source::Policy => Ok(()),
        }
    }

    /// What became of a publish whose beginning alone was kept.
    fn too_large(&self, frame: &Frame, out: &mut Decoded) -> Refusal {
        out.message_id = Some(self.digest.message(&frame.principal, &[frame.context.as_bytes()], &frame.payload));
        let bytes = frame.context.split(' ').next().unwrap_or_default();
        let bytes_max = self.config.limits.frame_bytes_max;
        Refusal::new(Code::TooLarge, format!("{bytes} bytes, at most {bytes_max} are taken; the beginning is kept"))
    }

    /// Whether a device JSON body may be journalled; the number of its observations.
    ///
    /// # Errors
    /// `Malformed`, `TooLarge`, `TooManyParts`, `MissingField`.
    pub fn screen_json(&self, payload: &[u8]) -> Result<usize, Refusal> {
        device::screen(payload, &self.config)
    }

    /// The settings in force.
    pub fn config(&self) -> &DecodeConfig {
        &self.config
    }

    /// The catalogue with the site's code map.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The minute of the site's day, 0 to 1,439, at a time in microseconds since 1970-01-01 UTC.
    pub fn minute_of_day(&self, at_us: i64) -> u16 {
        self.zone.minute_of_day(at_us)
    }

    /// Pseudonyms and message ids.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The site's time zone.
    pub(super) fn zone(&self) -> &SiteZone {
        &self.zone
    }

    /// What was understood before between these delimiters. A thread that would have to wait for it does without.
    pub(super) fn known(&self, delimiters: Delimiters) -> Option<MutexGuard<'_, Known>> {
        if delimiters == Delimiters::USUAL { self.known.try_lock() } else { None }
    }

    /// Whether a time lies further ahead of receipt than the limit.
    pub(super) fn is_future(&self, at_us: i64, received_at_us: i64) -> bool {
        at_us.saturating_sub(received_at_us) > self.config.limits.future_s_max.saturating_mul(SECOND_US)
    }

    /// Whether an observation time lies within the limits around receipt.
    pub(super) fn check_observed(&self, at_us: i64, received_at_us: i64) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        if self.is_future(at_us, received_at_us) {
            let detail = format!("more than {} s ahead of receipt", limits.future_s_max);
            return Err(Refusal::new(Code::FutureTime, detail));
        }
        if received_at_us.saturating_sub(at_us) > limits.past_s_max.saturating_mul(SECOND_US) {
            return Err(Refusal::new(Code::AncientTime, format!("more than {} s before receipt", limits.past_s_max)));
        }
        Ok(())
    }
}

/// The bed of a topic context `unit/bed`.
pub fn topic_bed(context: &str) -> Option<BedKey> {
    let (unit, bed) = context.split_once('/')?;
    if unit.is_empty() || bed.is_empty() { None } else { Some(BedKey { unit: unit.into(), bed: bed.into() }) }
}
