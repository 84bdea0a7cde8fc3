//! One rule of the policy: what it watches, a score or a condition, and when that counts.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use toml::Spanned;

use super::condition::When;
use super::condition_check::{Checker, RawCondition, Refused};
use super::policy::{Fault, plain, within};
use super::{NO_SCORER, Severity};

/// Longest lock-out: a week.
const LOCKOUT_S_MAX: u32 = 7 * 86_400;

/// Longest run of evaluations a rule may ask for.
const EVALUATIONS_MAX: u32 = 10_000;

/// Longest wait for a lower severity, seconds: a day.
const DOWNGRADE_S_MAX: u32 = 86_400;

/// One rule, with its score found among the loaded scorers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique in the policy.
    pub name: CompactString,
    /// Rules of one cause share one alert per patient; the rule's own name where the policy gives none.
    pub cause: CompactString,
    /// How the score is called in reasons; the scorer's name where the policy gives none. Of a condition: the rule's name.
    pub label: CompactString,
    /// Index of the scorer; `NO_SCORER` where `when` says what is watched.
    pub scorer: u16,
    /// The condition over signals and scores; then `enter` and `clear` mean nothing.
    pub when: Option<When>,
    /// Urgency of its alerts.
    pub severity: Severity,
    /// Opens at or above.
    pub enter: f64,
    /// Clears at or below; always less than `enter`.
    pub clear: f64,
    /// Evaluations running at or above `enter`, or true, before it opens.
    pub enter_evaluations: u32,
    /// Evaluations running at or below `clear`, or false, before it clears.
    pub clear_evaluations: u32,
    /// Seconds of frame time after clearing without a new opening.
    pub lockout_s: u32,
    /// Seconds of frame time after it ceased to hold until the alert goes down to a less severe rule of its cause.
    pub downgrade_s: u32,
    /// Only patients in these units; empty is everybody, also without a bed.
    pub units: Vec<CompactString>,
    /// Scores with fewer inputs present are not evaluated.
    pub min_present: u8,
    /// Scores with fewer inputs present do not count towards clearing.
    pub clear_min_present: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) name: Spanned<CompactString>,
    score: Option<Spanned<CompactString>>,
    when: Option<Spanned<RawCondition>>,
    cause: Option<Spanned<CompactString>>,
    label: Option<CompactString>,
    severity: Severity,
    enter: Option<Spanned<f64>>,
    clear: Option<Spanned<f64>>,
    #[serde(default)]
    enter_evaluations: Option<Spanned<u32>>,
    #[serde(default)]
    clear_evaluations: Option<Spanned<u32>>,
    #[serde(default)]
    lockout_s: Option<Spanned<u32>>,
    #[serde(default)]
    downgrade_s: Option<Spanned<u32>>,
    #[serde(default)]
    units: Vec<CompactString>,
    #[serde(default)]
    min_present: u8,
    #[serde(default)]
    clear_min_present: u8,
    #[serde(default)]
    pub(super) optional: bool,
}

/// What a rule watches, by its words.
enum Watched {
    Score { scorer: u16, label: CompactString, enter: f64, clear: f64 },
    When(When),
}

impl Rule {
    /// The rule if it makes sense, or the note that it is left out because its score is not loaded. The error names the place.
    pub(super) fn check(raw: Spanned<RawRule>, find: &dyn Fn(&str) -> Option<u16>) -> Result<Result<Self, String>, Fault> {
        let span = raw.span();
        let mut raw = raw.into_inner();
        let name = raw.name.get_ref().clone();
        plain(&raw.name, "rule name")?;
        if let Some(cause) = &raw.cause {
            plain(cause, "cause")?;
        }
        let watched = match raw.watched(span, find) {
            Ok(watched) => watched,
            Err(Refused::Fault(fault)) => return Err(fault),
            Err(Refused::NotLoaded(score)) if raw.optional => {
                return Ok(Err(format!("rule {name}: no score {:?} is loaded; the rule is not in force", score.get_ref())));
            }
            Err(Refused::NotLoaded(score)) => {
                return Err((score.span(), format!("rule {name}: no score {:?} is loaded", score.get_ref())));
            }
        };
        let named = |what: &str| format!("rule {name}: {what}");
        let enter_evaluations = within(&raw.enter_evaluations, 1, 1..=EVALUATIONS_MAX, &named("enter_evaluations"))?;
        let clear_evaluations = within(&raw.clear_evaluations, 1, 1..=EVALUATIONS_MAX, &named("clear_evaluations"))?;
        let lockout_s = within(&raw.lockout_s, 0, 0..=LOCKOUT_S_MAX, &named("lockout_s"))?;
        let downgrade_s = within(&raw.downgrade_s, 0, 0..=DOWNGRADE_S_MAX, &named("downgrade_s"))?;
        let (scorer, score, enter, clear, when) = match watched {
            Watched::Score { scorer, label, enter, clear } => (scorer, label, enter, clear, None),
            Watched::When(when) => (NO_SCORER, name.clone(), 0.0, 0.0, Some(when)),
        };
        Ok(Ok(Self {
            cause: raw.cause.map_or_else(|| name.clone(), Spanned::into_inner),
            label: raw.label.unwrap_or(score),
            scorer,
            when,
            severity: raw.severity,
            enter,
            clear,
            enter_evaluations,
            clear_evaluations,
            lockout_s,
            downgrade_s,
            units: raw.units,
            min_present: raw.min_present,
            clear_min_present: raw.clear_min_present.max(raw.min_present),
            name,
        }))
    }
}

impl RawRule {
    fn watched(&mut self, span: std::ops::Range<usize>, find: &dyn Fn(&str) -> Option<u16>) -> Result<Watched, Refused> {
        let name = self.name.get_ref();
        let fault = |span, what: &str| Err(Refused::Fault((span, format!("rule {name}: {what}"))));
        match (&self.score, self.when.take()) {
            (Some(_), Some(when)) => {
                fault(when.span(), "score and when exclude each other; a score may stand in the condition")
            }
            (None, None) => fault(span, "needs score with enter and clear, or when"),
            (None, Some(when)) => match self.enter.as_ref().or(self.clear.as_ref()) {
                Some(threshold) => fault(threshold.span(), "enter and clear go with score; a condition has its own thresholds"),
                None => Checker { rule: name, find, leaves: SmallVec::new() }.check(when).map(Watched::When),
            },
            (Some(score), None) => {
                let (Some(enter), Some(clear)) = (&self.enter, &self.clear) else {
                    return fault(span, "missing field: a score needs enter and clear");
                };
                for threshold in [enter, clear] {
                    if !threshold.get_ref().is_finite() {
                        return fault(threshold.span(), "a threshold is a finite number");
                    }
                }
                let at = (*enter.get_ref(), *clear.get_ref());
                if at.1 >= at.0 {
                    return fault(clear.span(), &format!("clear ({}) must be less than enter ({})", at.1, at.0));
                }
                let Some(scorer) = find(score.get_ref()) else { return Err(Refused::NotLoaded(score.clone())) };
                Ok(Watched::Score { scorer, label: score.get_ref().clone(), enter: at.0, clear: at.1 })
            }
        }
    }
}
