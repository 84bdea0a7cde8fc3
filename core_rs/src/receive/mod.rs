//! receive: sockets become `Frame`s. Authentication and size bounds, nothing else. HTTP is received in Python, MQTT here.

mod frame;

pub use frame::{Frame, Source};
