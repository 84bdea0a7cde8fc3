//! alert: scores, operator actions and time become alert lifecycle events. A sans-I/O state machine: no clock, no randomness, no
//! unordered map; the same scores, actions and ticks give the same events, bit for bit.
//!
//! # In numbers
//! - One alert per patient and cause, however many rules share the cause; at most 64 rules (`RULES_MAX`), 64 escalation chains of 8
//!   steps. Technical alerts: one per trouble and what it is about, at most 50,000 (`TECHNICAL_MAX`).
//! - Bounded (P5): state only for patients with an alert, a run of crossings, a lock-out or a condition partly met, for at most
//!   `patients_max` of them. It goes when the patient leaves (a lock-out too), or by the ticks' sweep once nothing of it
//!   matters any more.
//! - An alert's id is `seq << 16 | ordinal` of its opening. A frame opens at most 65,536; what would exceed that opens at the
//!   next evaluation and is counted.
//! - A score costs the evaluation of its rules; alerts are touched only where one is open. A tick costs nothing before the next time
//!   anything waits for.
//!
//! # A rule, per patient
//! ```text
//!          value >= enter, enter_evaluations times running, no lock-out
//!   idle --------------------------------------------------------------> holds
//!    ^                                                                     |
//!    |  value <= clear, clear_evaluations times running; or the patient    |
//!    |  left, or left the rule's units                                     |
//!    +---------------------------------------------------------------------+
//!       from here it does not begin to hold for lockout_s seconds of frame time
//! ```
//! A rule with a condition (`when`) over signals and scores turns at true and false instead: `condition`; what is read of the signals
//! is read where the frame is scored (`sight`), and weighed here in its turn (`conditions`, `watch`).
//!
//! A score that is not a number, or has fewer than `min_present` inputs, is no evaluation: it changes nothing. Fewer than
//! `clear_min_present` inputs never count towards clearing: a missing input is not a normal one (P7).
//!
//! # An alert
//! It opens when the first rule of its cause holds, is raised when a more severe one does, lowered `downgrade_s` after that one
//! ceased to (while another holds), and clears when none holds. Who answers it and what happens while nobody does: `answer`.

mod action;
mod answer;
mod away;
mod book;
mod boundary;
mod chain;
mod change;
mod condition;
mod condition_check;
mod conditions;
mod engine;
mod held;
mod lifecycle;
mod moves;
mod opening;
mod policy;
mod quiet;
mod reason;
mod rule;
mod sight;
mod state;
mod succession;
mod technical;
mod trouble;
mod watch;

#[cfg(test)]
mod tests;

pub use action::{Action, Deed, Outcome};
pub use book::Book;
pub use boundary::{AlertEvent, AlertKind, Departure, NO_SCORER, Said, Severity, Standing, StandingAlert};
pub use chain::{Chain, ROLES, Step};
pub use change::{BY_FILE, POLICY_BYTES_MAX, PolicyChange, sha256};
pub use condition::{DEPTH_MAX, LEAVES_MAX, Leaf, Node, Subject, Test, Truth, When};
pub use engine::{AlertEngine, Explainer};
pub use policy::{DEFAULT_POLICY_TOML, Policy, PolicyError, RULES_MAX};
pub use quiet::{Quiet, Storm};
pub(crate) use reason::span;
pub use rule::Rule;
pub use sight::{Look, Lookout, Sight, Sights, TakenBack};
pub use state::{AlertState, RuleCounters};
pub use technical::{AWAY_US, About, Finding, Stale, Technical, Trouble};
pub use watch::Scored;
