//! Observing: consoles that see what was sent, /metrics that tell how far the stages are, /proc that tells what it costs.

pub mod consoles;
pub mod message;
pub mod metrics;
pub mod poller;
pub mod process;
pub mod threads;
