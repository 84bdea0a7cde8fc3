//! The alert policy: what opens which alert, read from TOML and checked to the last key.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::chain::{Chain, RawChain};
use super::condition::{Subject, Test};
use super::quiet::{Quiet, RawQuiet, RawStorm, Storm};
use super::rule::{RawRule, Rule};
use super::technical::{RawTechnical, Technical};
use crate::decode::SignalId;

/// Most rules in one policy.
pub const RULES_MAX: usize = 64;

/// Longest rule name, bytes. Names are metric labels: lower-case letters, digits, `-` and `_`.
const NAME_BYTES_MAX: usize = 40;

/// A place in the text and what is wrong there.
pub(super) type Fault = (Range<usize>, String);

/// The policy for a site that has set none.
pub const DEFAULT_POLICY_TOML: &str = include_str!("default_policy.toml");

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

impl Policy {
    /// Reads a policy. `scorer_names` are the loaded scorers in the engine's order: a rule finds its scorer's index there.
    ///
    /// # Errors
    /// The first line that cannot be used: broken TOML, an unknown key, a score that is not loaded (unless the rule is
    /// optional), a signal that is none, `clear` not on the safe side, a number out of range, a name used twice, more than
    /// `RULES_MAX` rules, an escalation chain whose times do not rise or that nobody answers to.
    pub fn parse<S: AsRef<str>>(text: &str, scorer_names: &[S]) -> Result<Self, PolicyError> {
        Self::read(text, scorer_names, false)
    }

    /// As `parse`, but what needs a score that is not loaded is left out with a note: a policy that was checked where it was loaded,
    /// met again with other models.
    ///
    /// # Errors
    /// As `parse`.
    pub fn parse_loaded<S: AsRef<str>>(text: &str, scorer_names: &[S]) -> Result<Self, PolicyError> {
        Self::read(text, scorer_names, true)
    }

    fn read<S: AsRef<str>>(text: &str, scorer_names: &[S], leaves_out: bool) -> Result<Self, PolicyError> {
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
            let notes = leaves_out.then_some(&mut policy.notes);
            policy.technical = Technical::check(technical, |score| find(scorer_names, score), notes).map_err(fail)?;
        }
        for mut rule in raw.rule {
            rule.get_mut().optional |= leaves_out;
            if policy.rules.len() == RULES_MAX {
                return Err(fail((rule.span(), format!("more than {RULES_MAX} rules"))));
            }
            let name = &rule.get_ref().name;
            if policy.rules.iter().any(|known| known.name == *name.get_ref()) {
                return Err(fail((name.span(), format!("the rule name {:?} is used twice", name.get_ref()))));
            }
            match Rule::check(rule, &|score| find(scorer_names, score)).map_err(fail)? {
                Ok(rule) => policy.rules.push(rule),
                Err(note) => policy.notes.push(note),
            }
        }
        Ok(policy)
    }

    /// How long raw values must be kept for its trends, microseconds by signal.
    pub fn looks_back(&self) -> Vec<(SignalId, i64)> {
        let leaves = self.rules.iter().filter_map(|rule| rule.when.as_ref()).flat_map(|when| &when.leaves);
        let trends = leaves.filter_map(|leaf| match (&leaf.subject, leaf.test) {
            (Subject::Signal(signal), Test::Trend { within_us, .. }) => Some((*signal, within_us)),
            _ => None,
        });
        trends.collect()
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

/// A name that is a metric label too.
pub(super) fn plain(name: &Spanned<CompactString>, what: &str) -> Result<(), Fault> {
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
