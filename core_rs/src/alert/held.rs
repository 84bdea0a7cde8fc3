//! Conditions in words: each leaf that holds, with its value, unit and age. Values only, no identity (P6).

use super::condition::{Leaf, Side, Subject, Test, Truth, When};
use super::watch::{LeafState, Leaves};
use crate::decode::SignalId;
use crate::decode::catalogue::FIO2;
use crate::score::Input;
use crate::score::explain::{Direction, Reason, short, span, told, window};

const US_PER_S: f64 = 1_000_000.0;

/// Every leaf that holds: `mean arterial pressure 58 mmHg, 40 s old, below 65 for 12 min`.
pub(super) fn holding(when: &When, leaves: &Leaves, at_us: i64) -> Vec<Reason> {
    let pairs = when.leaves.iter().zip(leaves).filter(|(leaf, state)| state.truth(leaf, at_us) == Truth::True);
    pairs.map(|(leaf, state)| reason(leaf, leaf.says(state, at_us))).collect()
}

/// `no longer: mean arterial pressure 72 mmHg, 5 s old, not below 65`.
pub(super) fn ceased(when: &When, leaves: &Leaves, at_us: i64) -> String {
    let pairs = when.leaves.iter().zip(leaves).filter(|(leaf, state)| state.truth(leaf, at_us) == Truth::False);
    let words: Vec<String> = pairs.map(|(leaf, state)| leaf.denies(state, at_us)).collect();
    format!("no longer: {}", words.join("; "))
}

fn reason(leaf: &Leaf, words: String) -> Reason {
    let about = match &leaf.subject {
        Subject::Signal(signal) => crate::decode::catalogue::signal(*signal).map_or("", |row| row.name).into(),
        Subject::Score(_, name) => name.clone(),
    };
    Reason { about, share: 0.0, direction: Direction::Neither, missing: false, words }
}

/// Values since a threshold is on.
enum Stood {
    /// All beyond it.
    Beyond,
    /// The newest is, some lay between it and where it ends.
    Wavering,
    /// The newest lies between the two.
    Returning,
}

impl Leaf {
    fn says(&self, state: &LeafState, at_us: i64) -> String {
        let value = self.value(state, at_us);
        match self.test {
            Test::Threshold { clear, .. } => {
                let (beyond, clear) = (self.threshold(), self.number(clear));
                let (ago, since) =
                    (span(seconds(at_us, state.since_us)), span(state.lasted_us(at_us).max(0) as f64 / US_PER_S));
                match self.stood(state) {
                    Stood::Returning => format!("{value}, {beyond} {ago} ago and not back to {clear}"),
                    _ if self.for_us == 0 => format!("{value}, {beyond}"),
                    Stood::Wavering => format!("{value}, {beyond} and not back to {clear} for {since}"),
                    Stood::Beyond => format!("{value}, {beyond} for {since}"),
                }
            }
            Test::Trend { rising, within_us, .. } => {
                let (from, change) = (self.number(state.from), self.number((state.value - state.from).abs()));
                let way = if rising { "up" } else { "down" };
                format!("{value}, {way} {change} from {from} within {}", window(within_us / 1_000_000))
            }
        }
    }

    fn denies(&self, state: &LeafState, at_us: i64) -> String {
        let value = self.value(state, at_us);
        match self.test {
            Test::Threshold { clear, .. } if state.on => {
                let (beyond, clear) = (self.threshold(), self.number(clear));
                let (ago, since) =
                    (span(seconds(at_us, state.since_us)), span(state.lasted_us(at_us).max(0) as f64 / US_PER_S));
                match self.stood(state) {
                    Stood::Returning => format!("{value}, {beyond} only {ago} ago"),
                    Stood::Wavering => format!("{value}, {beyond} and not back to {clear} for {since} only"),
                    Stood::Beyond => format!("{value}, {beyond} for {since} only"),
                }
            }
            Test::Threshold { .. } => format!("{value}, not {}", self.threshold()),
            Test::Trend { rising, by, within_us } => {
                let way = if rising { "up" } else { "down" };
                format!("{value}, not {way} {} within {}", self.number(by), window(within_us / 1_000_000))
            }
        }
    }

    /// How the values of a threshold that is on have stood to it.
    fn stood(&self, state: &LeafState) -> Stood {
        match (self.test.side(state.value), self.test.side(state.from)) {
            (Side::On, Side::On) => Stood::Beyond,
            (Side::On, _) => Stood::Wavering,
            _ => Stood::Returning,
        }
    }

    /// `lactate 3.4 mmol/L, 2 h old`, `news2 7, 5 s old`.
    fn value(&self, state: &LeafState, at_us: i64) -> String {
        let age_s = seconds(at_us, state.at_us);
        match &self.subject {
            Subject::Signal(signal) => {
                told(&Input { signal: *signal, value: Some(state.value), age_s: Some(age_s as f32), points: None })
            }
            Subject::Score(_, name) => format!("{name} {}, {} old", short(state.value, 3), span(age_s)),
        }
    }

    /// `below 65`.
    fn threshold(&self) -> String {
        let Test::Threshold { high, strict, enter, .. } = self.test else { return String::new() };
        let words = match (high, strict) {
            (true, true) => "above",
            (true, false) => "at least",
            (false, true) => "below",
            (false, false) => "at most",
        };
        format!("{words} {}", self.number(enter))
    }

    /// As the value is shown: FiO2 in per cent.
    fn number(&self, value: f64) -> String {
        const FRACTION: Subject = Subject::Signal(SignalId(FIO2.0));
        if self.subject == FRACTION { format!("{} %", short(value * 100.0, 0)) } else { short(value, 3) }
    }
}

fn seconds(at_us: i64, since_us: i64) -> f64 {
    at_us.saturating_sub(since_us).max(0) as f64 / US_PER_S
}
