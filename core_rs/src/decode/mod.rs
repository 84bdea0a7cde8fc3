//! decode: journalled bytes become `Event`s, or a refusal with a reason. Stateless: nothing is assumed (P7).

pub mod catalogue;
mod event;

pub use event::{
    BedKey, Decoded, EncounterEvent, EncounterKind, Event, Identity, MessageId, Observation, PatientId, Rejected, SignalId,
    Status, Subject,
};
