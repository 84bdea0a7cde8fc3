//! receive: sockets become `Frame`s. Authentication and size bounds, nothing else. HTTP is received in Python, MQTT here.

mod frame;
mod intake;
pub mod mqtt;

pub use frame::{CONTEXT_BYTES_MAX, FRAME_HEAD_BYTES, Frame, FrameRef, PRINCIPAL_BYTES_MAX, Source};
pub use intake::Intake;

/// The receipt time of a frame, microseconds since 1970-01-01 UTC, by the operating system's clock: where that is set back, so are
/// receipts (see `pipeline::step_back`). Only doors, the tick writer and supervision ask.
pub(crate) fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
