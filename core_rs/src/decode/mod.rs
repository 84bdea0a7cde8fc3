//! decode: journalled bytes become `Event`s, or a refusal with a reason. Stateless: nothing is assumed (P7).
//!
//! `Decoder::screen` looks at the envelope before the journal takes a frame: what fails is answered to the sender and never
//! stored. `Decoder::decode` reads a journalled frame: what fails there is a dead letter. Which rule is which stands in the
//! error table. Limits: `Limits::frame_bytes_max`, `hl7_segments_max`, `hl7_batch_messages_max`, `frame_observations_max`,
//! `future_s_max`, `past_s_max`.

pub mod catalogue;
mod columns;
mod config;
mod decoder;
mod device;
mod digest;
pub mod encounters;
mod event;
mod facts;
pub mod hl7;
mod lanes;
mod recorded;
mod time;
mod wanted;

pub use columns::{Dropped, NO_SIGNAL, NO_WORD, Recorded, Understood};
pub use config::{DecodeConfig, SiteKey};
pub use decoder::{Decoder, topic_bed};
pub use digest::Digest;
pub use event::{
    BedKey, Decoded, EncounterEvent, EncounterKind, Event, Identity, MessageId, Observation, PatientId, Rejected, SignalId,
    Status, Subject,
};
pub use facts::{CODE_BYTES_MAX, Coding, DIAGNOSES_MAX, Diagnosis, Fact, Facts};
pub use wanted::Wanted;
