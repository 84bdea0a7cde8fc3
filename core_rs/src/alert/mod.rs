//! alert: scores, operator actions and time become alert lifecycle events. A sans-I/O state machine: no clock, no randomness, no
//! unordered map; the same scores give the same events, bit for bit.
//!
//! # In numbers
//! - At most one open alert per patient and rule; at most 64 rules (`RULES_MAX`).
//! - Bounded (P5): state only for patients with an open alert, a run of crossings or a lock-out, and for at most
//!   `patients_max` of them. It goes when the patient leaves (a lock-out too), or by the ticks' sweep once nothing of it
//!   matters any more.
//! - An alert's id is `seq << 16 | ordinal` of its opening. A frame opens at most 65,536; what would exceed that opens at the
//!   next evaluation and is counted.
//!
//! # A rule's life, per patient
//! ```text
//!          value >= enter, enter_evaluations times running, no lock-out
//!   idle ---------------------------------------------------------------> open
//!    ^                                                                      |
//!    |  value <= clear, clear_evaluations times running; or the patient     |
//!    |  left, or left the rule's units                                      |
//!    +----------------------------------------------------------------------+
//!       from here no new opening for lockout_s seconds of frame time
//! ```
//! A score that is not a number, or has fewer than `min_present` inputs, is no evaluation: it changes nothing. Fewer than
//! `clear_min_present` inputs never count towards clearing: a missing input is not a normal one (P7).

mod boundary;
mod engine;
mod lifecycle;
mod policy;
mod reason;
mod state;

#[cfg(test)]
mod tests;

pub use boundary::{AlertEvent, AlertKind, Departure, NO_SCORER, Said, Severity, Standing, StandingAlert};
pub use engine::{AlertEngine, Explainer};
pub use policy::{DEFAULT_POLICY_TOML, Policy, PolicyError, RULES_MAX, Rule};
pub use state::{AlertState, RuleCounters};
