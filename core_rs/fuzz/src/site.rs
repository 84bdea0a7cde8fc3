//! The site the decoders under test belong to: once with the limits a server has, once with limits so small that memory which
//! grows with anything but the input stands out.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use nightlamp_core::decode::catalogue::SiteCode;
use nightlamp_core::decode::{DecodeConfig, Decoded, Decoder, Event, SiteKey};
use nightlamp_core::limits::Limits;
use nightlamp_core::receive::{Frame, Source};

use super::meter::Bound;

/// 2026-03-01T12:30:00Z.
pub const NOON_US: i64 = 1_772_368_200_000_000;

/// What a row given out may cost: an event or a refusal with its two texts.
const ROW_BYTES: usize = 512;

/// A decoder and what it may cost.
#[derive(Debug)]
pub struct Site {
    /// The decoder.
    pub decoder: Decoder,
    /// 4 times the input, 64 KiB, and the rows its limits let out.
    pub bound: Bound,
}

/// With 64 rows a frame at most; as a server has it; as a server has it that replays a recording.
pub static SITES: LazyLock<[Site; 3]> = LazyLock::new(|| {
    let usual = Limits::default();
    [
        Site::new(false, Limits { frame_observations_max: 64, hl7_batch_messages_max: 64, ..usual }),
        Site::new(false, usual),
        Site::new(true, usual),
    ]
});

impl Site {
    fn new(recorded_time: bool, limits: Limits) -> Self {
        let code = SiteCode {
            code: "PULS".into(),
            system: Some("L".into()),
            principal: None,
            signal: "HR".into(),
            unit: Some("/min".into()),
        };
        let config = DecodeConfig {
            site_key: SiteKey([7; 32]),
            timezone: "Europe/Berlin".into(),
            authorities: vec!["HOSP".into()],
            authority_default: "SITE".into(),
            codes: vec![code],
            recorded_time,
            limits,
            ..DecodeConfig::default()
        };
        let decoder = Decoder::new(config).expect("settings of a site");
        let site = Self { decoder, bound: Bound::with_floor((64 << 10) + limits.frame_observations_max * ROW_BYTES) };
        // Time zones and tables are made on first use.
        site.decode(&frame(Source::Hl7Http, "", super::seeds::hl7::ADMISSION.as_bytes()));
        site
    }

    /// What a frame says.
    pub fn decode(&self, frame: &Frame) -> Decoded {
        let mut out = Decoded::default();
        self.decoder.decode(frame, &mut out);
        out
    }
}

/// A frame of a known sender.
pub fn frame(source: Source, context: &str, payload: &[u8]) -> Frame {
    let payload = bytes::Bytes::copy_from_slice(payload);
    Frame { source, principal: "fuzz".into(), context: context.into(), received_at_us: NOON_US, payload }
}

/// Two readings of the same frame say the same, bit for bit.
pub fn assert_same(one: &Decoded, two: &Decoded) {
    let bytes = |decoded: &Decoded| {
        let Decoded { message_id, at_us, events, rejected, skipped, .. } = decoded;
        postcard::to_stdvec(&(message_id, at_us, events, rejected, skipped)).expect("serializable")
    };
    assert_eq!(bytes(one), bytes(two), "decoding is a function of the frame");
}

/// How many rows of a frame are accounted for: a correction that cannot be used is refused and withdraws what it corrects, under
/// one ordinal.
pub fn rows(decoded: &Decoded) -> usize {
    let events = decoded.events.iter().filter_map(|event| match event {
        Event::Observation(observation) => Some(observation.ordinal),
        _ => None,
    });
    let ordinals: BTreeSet<u32> = events.chain(decoded.rejected.iter().map(|rejected| rejected.ordinal)).collect();
    ordinals.len() + decoded.skipped as usize
}
