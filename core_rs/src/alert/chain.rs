//! Escalation: whom an alert goes to that nobody answers, and when.
//!
//! A chain has 1 to 8 steps; their times count from when the alert began to wait for an answer (it opened, was raised, its snooze
//! ended) and rise strictly. After the last step it is repeated every `repeat_s`, and `expire_s` after it began to wait it expires.
//! Times are looked at by ticks, once a second: a step is taken by the first tick at or after its time.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Severity;
use super::policy::{Fault, within};

/// Most steps in one chain.
pub const STEPS_MAX: usize = 8;
/// Most chains in one policy.
pub const CHAINS_MAX: usize = 64;
/// Roles somebody may be called in: those of `identity/roles.py` that stand for people.
pub const ROLES: [&str; 6] = ["nurse", "physician", "charge_nurse", "data_scientist", "sre", "admin"];

/// Longest time of a step or between reminders: a day. Shortest: a reminder every second would drown everybody.
const AFTER_S_MAX: u32 = 86_400;
const REPEAT_S_MIN: u32 = 10;
/// Longest life of an unanswered alert: a week.
const EXPIRE_S_MAX: u32 = 7 * 86_400;
const SECOND_US: i64 = 1_000_000;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Seconds since it began to wait.
    pub after_s: u32,
    /// The role.
    pub to: CompactString,
}

/// The chain of one severity, in some units or everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Of these alerts.
    pub severity: Severity,
    /// In these units; empty is everywhere no other chain says otherwise, and where there is no unit.
    pub units: Vec<CompactString>,
    /// In the order of their times.
    pub steps: Vec<Step>,
    /// Seconds between reminders after the last step; None reminds nobody.
    pub repeat_s: Option<u32>,
    /// Seconds until it expires; None waits for ever.
    pub expire_s: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChain {
    severity: Severity,
    #[serde(default)]
    units: Vec<CompactString>,
    steps: Spanned<Vec<Spanned<RawStep>>>,
    repeat_s: Option<Spanned<u32>>,
    expire_s: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    after_s: Spanned<u32>,
    to: Spanned<CompactString>,
}

impl Chain {
    /// The chain for alerts of this severity there: one that names the unit before one for everywhere.
    pub(super) fn of<'a>(chains: &'a [Self], severity: Severity, unit: Option<&str>) -> Option<&'a Self> {
        let of_severity = || chains.iter().filter(|chain| chain.severity == severity);
        let named = unit.and_then(|unit| of_severity().find(|chain| chain.units.iter().any(|one| one == unit)));
        named.or_else(|| of_severity().find(|chain| chain.units.is_empty()))
    }

    /// Microseconds from step `level` to the next one, or to the next reminder; None where nothing follows.
    pub(super) fn gap_us(&self, level: usize) -> Option<i64> {
        let before = level.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(0, |step| step.after_s);
        let gap_s = match self.steps.get(level) {
            Some(step) => step.after_s.saturating_sub(before),
            None => self.repeat_s?,
        };
        Some(i64::from(gap_s) * SECOND_US)
    }

    /// Microseconds an alert may wait.
    pub(super) fn expire_us(&self) -> Option<i64> {
        self.expire_s.map(|seconds| i64::from(seconds) * SECOND_US)
    }

    /// How many steps are taken once this role was told; None where the chain does not know it.
    pub(super) fn level_of(&self, role: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.to == role).map(|at| at + 1)
    }

    /// The role of the step taken last; empty before the first.
    pub(super) fn told(&self, level: usize) -> CompactString {
        let last = level.min(self.steps.len()).checked_sub(1).and_then(|last| self.steps.get(last));
        last.map_or_else(CompactString::default, |step| step.to.clone())
    }

    pub(super) fn check(raw: Vec<Spanned<RawChain>>) -> Result<Vec<Self>, Fault> {
        let mut chains: Vec<Self> = Vec::new();
        for spanned in raw {
            let span = spanned.span();
            if chains.len() == CHAINS_MAX {
                return Err((span, format!("more than {CHAINS_MAX} escalation chains")));
            }
            let chain = Self::check_one(spanned.into_inner())?;
            let same = |other: &Self| {
                let shared = other.units.iter().any(|unit| chain.units.contains(unit));
                other.severity == chain.severity && (shared || other.units.is_empty() && chain.units.is_empty())
            };
            if chains.iter().any(same) {
                return Err((span, "another escalation has this severity in the same units".to_owned()));
            }
            chains.push(chain);
        }
        Ok(chains)
    }

    fn check_one(raw: RawChain) -> Result<Self, Fault> {
        let place = raw.steps.span();
        let mut steps: Vec<Step> = Vec::new();
        for step in raw.steps.into_inner() {
            let RawStep { after_s, to } = step.into_inner();
            let last = steps.last().map_or(0, |step: &Step| step.after_s);
            if !(1..=AFTER_S_MAX).contains(after_s.get_ref()) || *after_s.get_ref() <= last {
                let text = format!("escalation: after_s is 1 to {AFTER_S_MAX} and more than that of the step before");
                return Err((after_s.span(), text));
            }
            if !ROLES.contains(&to.get_ref().as_str()) {
                return Err((to.span(), format!("escalation: {:?} is none of {}", to.get_ref(), ROLES.join(", "))));
            }
            steps.push(Step { after_s: after_s.into_inner(), to: to.into_inner() });
        }
        let Some(last) = steps.last().map(|step| step.after_s).filter(|_| steps.len() <= STEPS_MAX) else {
            return Err((place, format!("escalation: a chain has 1 to {STEPS_MAX} steps")));
        };
        let repeat_s =
            raw.repeat_s.as_ref().map(|_| within(&raw.repeat_s, 0, REPEAT_S_MIN..=AFTER_S_MAX, "escalation: repeat_s"));
        let expire_s = raw.expire_s.as_ref().map(|_| within(&raw.expire_s, 0, last + 1..=EXPIRE_S_MAX, "escalation: expire_s"));
        Ok(Self {
            severity: raw.severity,
            units: raw.units,
            steps,
            repeat_s: repeat_s.transpose()?,
            expire_s: expire_s.transpose()?,
        })
    }
}
