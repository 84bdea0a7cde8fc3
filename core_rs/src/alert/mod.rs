//! alert: scores, operator actions and time become alert lifecycle events. A sans-I/O state machine.

mod boundary;

pub use boundary::{AlertEvent, AlertKind, Severity};
