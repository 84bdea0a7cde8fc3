//! What the alert stage remembers: small, ordered, serialisable.

use compact_str::CompactString;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Severity;
use crate::decode::{BedKey, PatientId};

/// Everything a snapshot needs. `AlertEngine::restore` takes it back, under the same policy or another.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AlertState {
    /// The rules the positions in `patients` stand for.
    pub(super) rules: Vec<RuleKey>,
    /// Per rule, as in `rules`.
    pub(super) counters: Vec<RuleCounters>,
    /// In order of first crossing: an order that replay repeats.
    pub(super) patients: IndexMap<PatientId, Vec<RuleState>, hashbrown::DefaultHashBuilder>,
    /// Alerts whose rule the policy no longer has: cleared by the next tick.
    pub(super) orphans: Vec<(PatientId, RuleKey, Open)>,
    /// The frame whose alert events are being numbered.
    pub(super) seq: u64,
    /// Number of its next alert event.
    pub(super) ordinal: u32,
    /// Where the next tick goes on looking for state that no longer matters.
    pub(super) sweep: usize,
    /// Alerts that are open.
    pub(super) open: u64,
    /// Evaluations put off because a limit was reached: `patients_max`, or 65,536 events in a frame.
    pub(super) over_limit: u64,
}

/// What outlives a change of policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleKey {
    pub(super) name: CompactString,
    pub(super) severity: Severity,
    pub(super) scorer: u16,
}

/// What a rule has done since the journal began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleCounters {
    /// Alerts opened.
    pub opened: u64,
    /// Alerts cleared.
    pub cleared: u64,
    /// Times it would have opened, had there been no lock-out.
    pub suppressed_lockout: u64,
}

/// One rule and one patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleState {
    /// Evaluations running: at or above `enter` while idle, at or below `clear` while open.
    pub(super) run: u32,
    /// No opening before this frame time; `i64::MIN` without a lock-out.
    pub(super) locked_until_us: i64,
    pub(super) open: Option<Box<Open>>,
}

/// An open alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) alert_id: u64,
    pub(super) bed: Option<BedKey>,
    pub(super) value: f64,
}

impl RuleState {
    pub(super) const IDLE: Self = Self { run: 0, locked_until_us: i64::MIN, open: None };

    /// Whether anything of it can still change an outcome at this time.
    pub(super) fn matters(&self, at_us: i64) -> bool {
        self.open.is_some() || self.run > 0 || self.locked_until_us > at_us
    }
}
