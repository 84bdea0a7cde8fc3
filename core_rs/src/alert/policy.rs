//! The alert policy: which score opens which alert, read from TOML and checked to the last key.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Severity;
use super::chain::{Chain, RawChain};
use super::quiet::{Quiet, RawQuiet, RawStorm, Storm};
use super::technical::{RawTechnical, Technical};

/// Most rules in one policy.
pub const RULES_MAX: usize = 64;

/// Longest rule name, bytes. Names are metric labels: lower-case letters, digits, `-` and `_`.
const NAME_BYTES_MAX: usize = 40;

/// Longest lock-out: a week.
const LOCKOUT_S_MAX: u32 = 7 * 86_400;

/// Longest run of evaluations a rule may ask for.
const EVALUATIONS_MAX: u32 = 10_000;

/// Longest wait for a lower severity, seconds: a day.
const DOWNGRADE_S_MAX: u32 = 86_400;

/// A place in the text and what is wrong there.
pub(super) type Fault = (Range<usize>, String);

/// The policy for a site that has set none.
pub const DEFAULT_POLICY_TOML: &str = include_str!("default_policy.toml");

/// One rule, with its score found among the loaded scorers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique in the policy.
    pub name: CompactString,
    /// Rules of one cause share one alert per patient; the rule's own name where the policy gives none.
    pub cause: CompactString,
    /// How the score is called in reasons; the scorer's name where the policy gives none.
    pub label: CompactString,
    /// Index of the scorer.
    pub scorer: u16,
    /// Urgency of its alerts.
    pub severity: Severity,
    /// Opens at or above.
    pub enter: f64,
    /// Clears at or below; always less than `enter`.
    pub clear: f64,
    /// Evaluations running at or above `enter` before it opens.
    pub enter_evaluations: u32,
    /// Evaluations running at or below `clear` before it clears.
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

/// The rules of a site.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// In the order of the file: alerts of one score open in this order.
    pub rules: Vec<Rule>,
    /// Whom an alert goes to that nobody answers.
    pub escalation: Vec<Chain>,
    /// How many openings a minute are told in one unit.
    pub storm: Option<Storm>,
    /// When nobody is woken by what is not urgent.
    pub quiet: Option<Quiet>,
    /// What is watched of the system itself.
    pub technical: Technical,
    /// Optional rules that were left out because their score is not loaded: show them to the operator.
    pub notes: Vec<String>,
}

/// A policy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// Line in the TOML, from 1; 0 where no place can be given.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "alert policy, line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for PolicyError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    #[serde(default)]
    rule: Vec<Spanned<RawRule>>,
    #[serde(default)]
    escalation: Vec<Spanned<RawChain>>,
    storm: Option<Spanned<RawStorm>>,
    quiet: Option<Spanned<RawQuiet>>,
    technical: Option<RawTechnical>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: Spanned<CompactString>,
    score: Spanned<CompactString>,
    cause: Option<Spanned<CompactString>>,
    label: Option<CompactString>,
    severity: Severity,
    enter: Spanned<f64>,
    clear: Spanned<f64>,
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
    optional: bool,
}

impl Policy {
    /// Reads a policy. `scorer_names` are the loaded scorers in the engine's order: a rule finds its scorer's index there.
    ///
    /// # Errors
    /// The first line that cannot be used: broken TOML, an unknown key, a score that is not loaded (unless the rule is
    /// optional), `clear` not below `enter`, a number out of range, a name used twice, more than `RULES_MAX` rules, an
    /// escalation chain whose times do not rise or that nobody answers to.
    pub fn parse<S: AsRef<str>>(text: &str, scorer_names: &[S]) -> Result<Self, PolicyError> {
        let raw: RawPolicy = toml::from_str(text).map_err(|error| PolicyError {
            line: error.span().map_or(0, |span| line_of(text, &span)),
            message: error.message().lines().next().unwrap_or_default().to_owned(),
        })?;
        let mut policy = Self::default();
        let fail = |(span, message): Fault| PolicyError { line: line_of(text, &span), message };
        policy.escalation = Chain::check(raw.escalation).map_err(fail)?;
        policy.storm = raw.storm.map(Storm::check).transpose().map_err(fail)?;
        policy.quiet = raw.quiet.map(Quiet::check).transpose().map_err(fail)?;
        if let Some(technical) = raw.technical {
            policy.technical = Technical::check(technical, |score| find(scorer_names, score)).map_err(fail)?;
        }
        for rule in raw.rule {
            let span = rule.span();
            if policy.rules.len() == RULES_MAX {
                return Err(fail((span, format!("more than {RULES_MAX} rules"))));
            }
            let rule = rule.into_inner();
            let (name, score) = (rule.name.get_ref().clone(), rule.score.get_ref().clone());
            if policy.rules.iter().any(|known| known.name == name) {
                return Err(fail((rule.name.span(), format!("the rule name {name:?} is used twice"))));
            }
            let optional = rule.optional;
            let missing_span = rule.score.span();
            match (check(rule, find(scorer_names, &score)).map_err(fail)?, optional) {
                (Some(rule), _) => policy.rules.push(rule),
                (None, true) => {
                    policy.notes.push(format!("rule {name}: no score {score:?} is loaded; the rule is not in force"))
                }
                (None, false) => {
                    return Err(fail((missing_span, format!("rule {name}: no score {score:?} is loaded"))));
                }
            }
        }
        Ok(policy)
    }
}

fn find<S: AsRef<str>>(scorer_names: &[S], score: &str) -> Option<u16> {
    scorer_names.iter().position(|name| name.as_ref() == score).and_then(|index| u16::try_from(index).ok())
}

/// Line, from 1, where a span begins.
fn line_of(text: &str, span: &Range<usize>) -> usize {
    let before = text.as_bytes().get(..span.start).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The rule if its numbers make sense; None if its scorer is not loaded. The error names the place.
fn check(raw: RawRule, scorer: Option<u16>) -> Result<Option<Rule>, Fault> {
    let name = raw.name.get_ref().clone();
    plain(&raw.name, "rule name")?;
    if let Some(cause) = &raw.cause {
        plain(cause, "cause")?;
    }
    for threshold in [&raw.enter, &raw.clear] {
        if !threshold.get_ref().is_finite() {
            return Err((threshold.span(), format!("rule {name}: a threshold is a finite number")));
        }
    }
    let (enter, clear) = (*raw.enter.get_ref(), *raw.clear.get_ref());
    if clear >= enter {
        return Err((raw.clear.span(), format!("rule {name}: clear ({clear}) must be less than enter ({enter})")));
    }
    let named = |what: &str| format!("rule {name}: {what}");
    let enter_evaluations = within(&raw.enter_evaluations, 1, 1..=EVALUATIONS_MAX, &named("enter_evaluations"))?;
    let clear_evaluations = within(&raw.clear_evaluations, 1, 1..=EVALUATIONS_MAX, &named("clear_evaluations"))?;
    let lockout_s = within(&raw.lockout_s, 0, 0..=LOCKOUT_S_MAX, &named("lockout_s"))?;
    let downgrade_s = within(&raw.downgrade_s, 0, 0..=DOWNGRADE_S_MAX, &named("downgrade_s"))?;
    Ok(scorer.map(|scorer| Rule {
        cause: raw.cause.map_or_else(|| name.clone(), Spanned::into_inner),
        label: raw.label.unwrap_or_else(|| raw.score.get_ref().clone()),
        scorer,
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

/// A name that is a metric label too.
fn plain(name: &Spanned<CompactString>, what: &str) -> Result<(), Fault> {
    let text = name.get_ref();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.bytes().all(plain) {
        return Err((name.span(), format!("a {what} has 1 to {NAME_BYTES_MAX} of a-z, 0-9, - and _; {text:?} does not")));
    }
    Ok(())
}

/// The number given, or the default; the error says what it may be.
pub(super) fn within(given: &Option<Spanned<u32>>, default: u32, range: RangeInclusive<u32>, what: &str) -> Result<u32, Fault> {
    match given {
        None => Ok(default),
        Some(number) if range.contains(number.get_ref()) => Ok(*number.get_ref()),
        Some(number) => Err((number.span(), format!("{what} is {} to {}", range.start(), range.end()))),
    }
}
