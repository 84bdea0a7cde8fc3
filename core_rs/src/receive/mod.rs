//! receive: sockets become `Frame`s. Authentication and size bounds, nothing else. HTTP is received in Python, MQTT here.

mod frame;
mod intake;
pub mod mqtt;

pub use frame::{CONTEXT_BYTES_MAX, FRAME_HEAD_BYTES, Frame, FrameRef, PRINCIPAL_BYTES_MAX, Source};
pub use intake::Intake;
