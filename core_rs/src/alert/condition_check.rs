//! `when` as it stands in the policy's TOML, checked to the last key: every refusal names its place.

use compact_str::CompactString;
use serde::Deserialize;
use smallvec::SmallVec;
use toml::Spanned;

use super::condition::{DEPTH_MAX, LEAVES_MAX, Leaf, Node, Subject, Test, When};
use super::policy::{Fault, within};
use crate::decode::SignalId;
use crate::decode::catalogue::{self, SIGNALS, Signal};
use crate::score::rules::{BLOOD_COUNT_S_MAX, BLOOD_GAS_S_MAX, OXYGEN_S_MAX, VITALS_S_MAX};

/// Longest `for_s`: a day.
const FOR_S_MAX: u32 = 86_400;
/// Longest `within_s` of what a monitor sends, perhaps every second: 6 hours.
const WITHIN_MONITOR_S_MAX: u32 = 6 * 3_600;
/// Longest `within_s` of anything else: a week.
const WITHIN_S_MAX: u32 = 7 * 86_400;
const WITHIN_S_MIN: u32 = 10;
/// Longest `stale_s`: 31 days.
const STALE_S_MAX: u32 = 31 * 86_400;
/// Names offered for one that is unknown.
const OFFERED_MAX: usize = 3;

const SECOND_US: i64 = 1_000_000;

/// One node: `all`, `any`, or a leaf.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCondition {
    all: Option<Spanned<Vec<Spanned<RawCondition>>>>,
    any: Option<Spanned<Vec<Spanned<RawCondition>>>>,
    signal: Option<Spanned<CompactString>>,
    score: Option<Spanned<CompactString>>,
    above: Option<Spanned<f64>>,
    at_least: Option<Spanned<f64>>,
    below: Option<Spanned<f64>>,
    at_most: Option<Spanned<f64>>,
    clear: Option<Spanned<f64>>,
    rising_by: Option<Spanned<f64>>,
    falling_by: Option<Spanned<f64>>,
    within_s: Option<Spanned<u32>>,
    for_s: Option<Spanned<u32>>,
    stale_s: Option<Spanned<u32>>,
}

/// Why a condition cannot be used.
pub(super) enum Refused {
    /// It is wrong.
    Fault(Fault),
    /// It names a score that is not loaded.
    NotLoaded(Spanned<CompactString>),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Checks one rule's tree.
pub(super) struct Checker<'a> {
    /// The rule's name, for messages.
    pub(super) rule: &'a str,
    /// A scorer's index by its name.
    pub(super) find: &'a dyn Fn(&str) -> Option<u16>,
    /// Those found so far.
    pub(super) leaves: SmallVec<[Leaf; 2]>,
}

impl Checker<'_> {
    /// The condition, if it makes sense.
    pub(super) fn check(mut self, raw: Spanned<RawCondition>) -> Result<When, Refused> {
        let tree = self.node(raw, 1)?;
        Ok(When { leaves: self.leaves, tree })
    }

    fn refuse<T>(&self, span: std::ops::Range<usize>, what: &str) -> Result<T, Refused> {
        Err(Refused::Fault((span, format!("rule {}: {what}", self.rule))))
    }

    fn node(&mut self, raw: Spanned<RawCondition>, depth: usize) -> Result<Node, Refused> {
        let span = raw.span();
        let mut raw = raw.into_inner();
        if depth > DEPTH_MAX {
            return self.refuse(span, &format!("a condition is at most {DEPTH_MAX} levels deep"));
        }
        let branches = [raw.all.take().map(|parts| (true, parts)), raw.any.take().map(|parts| (false, parts))];
        let subjects = usize::from(raw.signal.is_some()) + usize::from(raw.score.is_some());
        let mut branches = branches.into_iter().flatten();
        match (branches.next(), branches.next(), subjects) {
            (Some((is_all, parts)), None, 0) => {
                if raw.says_more() {
                    return self
                        .refuse(span, "all and any stand alone; what is asked of a value stands beside its signal or score");
                }
                if parts.get_ref().is_empty() {
                    return self.refuse(parts.span(), "a condition of no parts says nothing");
                }
                let parts = parts.into_inner().into_iter().map(|part| self.node(part, depth + 1));
                let parts = parts.collect::<Result<Vec<Node>, Refused>>()?;
                Ok(if is_all { Node::All(parts) } else { Node::Any(parts) })
            }
            (None, None, 1) => {
                if self.leaves.len() == LEAVES_MAX {
                    return self.refuse(span, &format!("more than {LEAVES_MAX} signals and scores"));
                }
                let leaf = self.leaf(raw, span)?;
                self.leaves.push(leaf);
                Ok(Node::Leaf(u16::try_from(self.leaves.len() - 1).unwrap_or(u16::MAX)))
            }
            _ => self.refuse(span, "a condition is one of all, any, signal and score"),
        }
    }

    fn leaf(&self, raw: RawCondition, span: std::ops::Range<usize>) -> Result<Leaf, Refused> {
        let (subject, row) = self.subject(&raw)?;
        let (mut thresholds, mut trends) = (raw.thresholds(), raw.trends());
        let test = match (thresholds.next(), thresholds.next(), trends.next(), trends.next()) {
            (Some(threshold), None, None, None) => {
                if let Some(within_s) = &raw.within_s {
                    let instead = "within_s goes with rising_by and falling_by; for_s says how long it must hold";
                    return self.refuse(within_s.span(), instead);
                }
                self.threshold(threshold, raw.clear.as_ref(), row)?
            }
            (None, None, Some(trend), None) => self.trend(trend, &raw, &subject, &span)?,
            _ => return self.refuse(span, "asks one of above, at_least, below, at_most, rising_by and falling_by"),
        };
        let named = |what: &str| format!("rule {}: {what}", self.rule);
        let for_s = within(&raw.for_s, 0, 0..=FOR_S_MAX, &named("for_s"))?;
        let stale_s = within(&raw.stale_s, stale_s_of(&subject), 1..=STALE_S_MAX, &named("stale_s"))?;
        Ok(Leaf { subject, test, for_us: i64::from(for_s) * SECOND_US, stale_us: i64::from(stale_s) * SECOND_US })
    }

    fn subject(&self, raw: &RawCondition) -> Result<(Subject, Option<&'static Signal>), Refused> {
        if let Some(name) = &raw.signal {
            let Some(signal) = catalogue::by_name(name.get_ref()) else {
                let near = nearest(name.get_ref());
                return self.refuse(name.span(), &format!("no signal {:?}; nearest are {near}", name.get_ref()));
            };
            return Ok((Subject::Signal(signal), catalogue::signal(signal)));
        }
        let Some(name) = &raw.score else { return self.refuse(0..0, "neither signal nor score") };
        let Some(scorer) = (self.find)(name.get_ref()) else { return Err(Refused::NotLoaded(name.clone())) };
        if let Some(by) = raw.rising_by.as_ref().or(raw.falling_by.as_ref()) {
            return self.refuse(by.span(), "rising_by and falling_by are of signals; of a score only the newest is kept");
        }
        Ok((Subject::Score(scorer, name.get_ref().clone()), None))
    }

    fn threshold(
        &self,
        (high, strict, enter): (bool, bool, &Spanned<f64>),
        clear: Option<&Spanned<f64>>,
        row: Option<&Signal>,
    ) -> Result<Test, Refused> {
        for one in [Some(enter), clear].into_iter().flatten() {
            if !one.get_ref().is_finite() {
                return self.refuse(one.span(), "a threshold is a finite number");
            }
            if let Some(row) = row.filter(|row| !(row.low..=row.high).contains(one.get_ref())) {
                let (value, low, high, unit) = (one.get_ref(), row.low, row.high, row.unit);
                let possible = format!("{value} is no possible {}: it is {low} to {high} {unit}", row.name);
                return self.refuse(one.span(), possible.trim_end());
            }
        }
        let at = *enter.get_ref();
        let Some(clear) = clear else { return Ok(Test::Threshold { high, strict, enter: at, clear: at }) };
        let back = *clear.get_ref();
        let is_safe = if high { back < at } else { back > at } || strict && back == at;
        if !is_safe {
            let side = if high { "below" } else { "above" };
            return self.refuse(clear.span(), &format!("clear ({back}) must be {side} {at}: it ends on the safe side"));
        }
        Ok(Test::Threshold { high, strict, enter: at, clear: back })
    }

    fn trend(
        &self,
        (rising, by): (bool, &Spanned<f64>),
        raw: &RawCondition,
        subject: &Subject,
        span: &std::ops::Range<usize>,
    ) -> Result<Test, Refused> {
        if let Some(clear) = &raw.clear {
            return self.refuse(clear.span(), "clear goes with a threshold, not with rising_by and falling_by");
        }
        if !(by.get_ref().is_finite() && *by.get_ref() > 0.0) {
            return self.refuse(by.span(), "rising_by and falling_by are more than 0");
        }
        if raw.within_s.is_none() {
            return self.refuse(span.clone(), "rising_by and falling_by need within_s");
        }
        let longest = if matches!(subject, Subject::Signal(signal) if is_monitored(*signal)) {
            WITHIN_MONITOR_S_MAX
        } else {
            WITHIN_S_MAX
        };
        let what = format!("rule {}: within_s, as long as values are kept for it,", self.rule);
        let within_s = within(&raw.within_s, 0, WITHIN_S_MIN..=longest, &what)?;
        Ok(Test::Trend { rising, by: *by.get_ref(), within_us: i64::from(within_s) * SECOND_US })
    }
}

impl RawCondition {
    /// Upwards, strictly, from where.
    fn thresholds(&self) -> impl Iterator<Item = (bool, bool, &Spanned<f64>)> {
        let above = [(true, true, &self.above), (true, false, &self.at_least)];
        let below = [(false, true, &self.below), (false, false, &self.at_most)];
        above.into_iter().chain(below).filter_map(|(high, strict, at)| at.as_ref().map(|at| (high, strict, at)))
    }

    /// Upwards, by how much.
    fn trends(&self) -> impl Iterator<Item = (bool, &Spanned<f64>)> {
        [(true, &self.rising_by), (false, &self.falling_by)]
            .into_iter()
            .filter_map(|(rising, by)| by.as_ref().map(|by| (rising, by)))
    }

    /// Whether a branch carries what belongs to a leaf.
    fn says_more(&self) -> bool {
        let spans = self.within_s.is_some() || self.for_s.is_some() || self.stale_s.is_some();
        spans || self.clear.is_some() || self.thresholds().next().is_some() || self.trends().next().is_some()
    }
}

/// What a monitor sends, perhaps every second.
fn is_monitored(signal: SignalId) -> bool {
    signal.0 <= catalogue::ETCO2.0 || signal == catalogue::FIO2
}

/// How long a value counts where the policy does not say: as in the clinical rules (`score::rules`).
fn stale_s_of(subject: &Subject) -> u32 {
    let Subject::Signal(signal) = subject else { return VITALS_S_MAX as u32 };
    let seconds = match *signal {
        catalogue::CONSCIOUSNESS | catalogue::GCS => VITALS_S_MAX,
        catalogue::FIO2 | catalogue::OXYGEN => OXYGEN_S_MAX,
        catalogue::BASE_EXCESS | catalogue::HCO3 | catalogue::PH | catalogue::PACO2 | catalogue::SAO2 | catalogue::PAO2 => {
            BLOOD_GAS_S_MAX
        }
        catalogue::LACTATE => BLOOD_GAS_S_MAX,
        signal if is_monitored(signal) => VITALS_S_MAX,
        // Laboratory values: a daily draw that was missed once. What is known of the stay and of stays before does not age.
        signal if signal.0 < catalogue::PRIOR_INPATIENT.0 => BLOOD_COUNT_S_MAX,
        _ => f64::from(STALE_S_MAX),
    };
    seconds as u32
}

/// The catalogue's names most like this one.
fn nearest(name: &str) -> String {
    let mut names: Vec<(usize, &str)> = SIGNALS.iter().map(|row| (distance(name, row.name), row.name)).collect();
    names.sort_by_key(|(distance, _)| *distance);
    let names: Vec<&str> = names.iter().take(OFFERED_MAX).map(|(_, name)| *name).collect();
    names.join(", ")
}

/// Letters to insert, delete or replace, capitals being no difference (Levenshtein 1966). Of a name as long as a policy may have it.
fn distance(one: &str, other: &str) -> usize {
    let letters = |text: &str| text.chars().take(64).map(|letter| letter.to_ascii_lowercase()).collect::<Vec<char>>();
    let (one, other) = (letters(one), letters(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.iter().enumerate() {
        let mut before = place;
        let mut left = place + 1;
        for (above, against) in row.iter_mut().skip(1).zip(&other) {
            let cost = (before + usize::from(letter != against)).min(left + 1).min(*above + 1);
            (before, left, *above) = (*above, cost, cost);
        }
        if let Some(first) = row.first_mut() {
            *first = place + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
