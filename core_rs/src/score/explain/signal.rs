//! What is said of one signal: its value and age, its course, and what else of it moved the score most.

use super::outline::Said;
use super::{course, spoken};
use crate::decode::{SignalId, catalogue};
use crate::score::boundary::Input;
use crate::window::Stat;

/// One column of the signal in the row that is explained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fact {
    pub stat: Stat,
    /// None is the stay.
    pub window_s: Option<i64>,
    /// Over the means of cells so wide; None is over the values themselves.
    pub cell_s: Option<i64>,
    pub normal: Option<(f64, f64)>,
    /// NaN is missing.
    pub value: f64,
    pub share: f64,
}

/// Everything a sentence may draw on.
struct Subject<'a> {
    id: SignalId,
    row: &'static catalogue::Signal,
    facts: &'a [Fact],
    digits: usize,
    /// The newest value.
    value: f64,
}

/// A signal of a model: `lactate 3.4 mmol/L, 2 h old, rising from 2.1 in 24 h`, or `no lactate measured`.
pub fn say(id: SignalId, facts: &[Fact], input: Option<&Input>) -> Said {
    let Some(row) = catalogue::signal(id) else {
        return Said { missing: true, words: "a signal this version does not know".to_owned() };
    };
    let stay = |stat: Stat| facts.iter().find(|fact| fact.stat == stat && fact.window_s.is_none()).map(|fact| fact.value);
    let value = input.and_then(|input| input.value).or_else(|| stay(Stat::Last)).filter(|value| !value.is_nan());
    let Some(value) = value else {
        return Said { missing: true, words: format!("no {} measured", spoken::title(row)) };
    };
    let age_s = input.and_then(|input| input.age_s).map(f64::from).or_else(|| stay(Stat::Age).map(|hours| hours * 3_600.0));
    let subject = Subject { id, row, facts, digits: course::digits(id), value };
    let mut words = subject.told();
    if let Some(age_s) = age_s.filter(|age_s| !age_s.is_nan()) {
        words += &format!(", {} old", spoken::span(age_s));
    }
    for more in subject.beside() {
        words += ", ";
        words += &more;
    }
    Said { missing: false, words }
}

/// An item of a rule that scored: its signal's name and `respiration rate 28 /min, 1 min old`.
pub fn item(input: &Input) -> Option<(&'static str, String)> {
    let (row, value) = (catalogue::signal(input.signal)?, input.value?);
    let subject = Subject { id: input.signal, row, facts: &[], digits: course::digits(input.signal), value };
    let mut words = subject.told();
    if let Some(age_s) = input.age_s {
        words += &format!(", {} old", spoken::span(f64::from(age_s)));
    }
    Some((row.name, words))
}

/// An input as it is: with its age, missing, or too old to count.
pub fn told(input: &Input) -> String {
    match (item(input), catalogue::signal(input.signal), input.age_s) {
        (Some((_, words)), _, _) => words,
        (None, Some(row), None) => format!("no {} measured", spoken::title(row)),
        (None, Some(row), Some(age_s)) => {
            format!("no {} that is new enough: the last is {} old", spoken::title(row), spoken::span(f64::from(age_s)))
        }
        (None, None, _) => "a signal this version does not know".to_owned(),
    }
}

impl Subject<'_> {
    fn told(&self) -> String {
        match spoken::answer(self.row.kind, self.value) {
            Some(answer) => answer.to_owned(),
            None => format!("{} {}", spoken::title(self.row), spoken::quantity(self.id, self.row, self.value, self.digits)),
        }
    }

    /// What is said beside value and age: the course, and what moved the score most where that says more.
    fn beside(&self) -> impl Iterator<Item = String> {
        let fact = self.facts.iter().max_by(|a, b| a.share.abs().total_cmp(&b.share.abs()));
        if spoken::answer(self.row.kind, self.value).is_some() {
            let counted = fact.filter(|fact| fact.stat == Stat::Count).and_then(counted);
            return [None, counted].into_iter().flatten();
        }
        let course = course::of(self.id, self.facts);
        let more = fact.and_then(|fact| self.weightiest(fact, course.is_some()));
        let course = course.map(|(course, cell_s)| format!("{}{}", self.mean_of(cell_s), course.words(self.id, self.digits)));
        [course, more].into_iter().flatten()
    }

    /// `hourly mean `, where the newest cell's mean is not simply its only value.
    fn mean_of(&self, cell_s: Option<i64>) -> String {
        let last = |fact: &&Fact| fact.stat == Stat::Last && fact.cell_s == cell_s;
        match cell_s {
            Some(s) if !self.facts.iter().find(last).is_some_and(|fact| fact.value as f32 == self.value as f32) => {
                if s == 3_600 { "hourly mean ".to_owned() } else { format!("{} mean ", spoken::window(s)) }
            }
            _ => String::new(),
        }
    }

    /// A column in words, where it says more than the value, its age and its course do.
    fn weightiest(&self, fact: &Fact, has_course: bool) -> Option<String> {
        let bare = |value: f64| spoken::bare(self.id, value, self.digits);
        let (within, mean) = (spoken::within(fact.window_s), self.mean_of(fact.cell_s));
        match (fact.stat, fact.value.is_nan()) {
            (Stat::Count, false) => counted(fact),
            (Stat::Max | Stat::Min, false) if !self.is_extreme(fact) => {
                let which = if fact.stat == Stat::Max { "highest" } else { "lowest" };
                Some(format!("{which} {mean}{} {within}", bare(fact.value)))
            }
            (Stat::Mean, false) => Some(format!("mean {} {within}", bare(fact.value))),
            (Stat::Std, false) => {
                Some(format!("standard deviation {} {within}", spoken::bare(self.id, fact.value, self.digits + 1)))
            }
            (Stat::Delta | Stat::Slope | Stat::First, false) if !has_course => {
                course::steady(self.id, self.facts, fact).map(|steady| format!("{mean}{steady}"))
            }
            (Stat::TimeSinceFirst, false) => Some(format!("first measured {} ago", spoken::span(fact.value * 3_600.0))),
            (Stat::TimeSinceAbnormal, missing) => {
                let (low, high) = fact.normal?;
                let range = format!("{} to {}", bare(low), bare(high));
                Some(match fact.value {
                    _ if missing => format!("always within {range}"),
                    hours if hours * 60.0 < 1.0 => format!("outside {range}"),
                    hours => format!("outside {range} {} ago", spoken::span(hours * 3_600.0)),
                })
            }
            _ => None,
        }
    }

    /// Whether the newest value is this extreme itself, which then adds nothing.
    fn is_extreme(&self, fact: &Fact) -> bool {
        let newest = |other: &&Fact| matches!(other.stat, Stat::Last | Stat::LastIn) && other.cell_s == fact.cell_s;
        self.facts.iter().filter(newest).any(|other| other.value == fact.value)
    }
}

/// `measured 5 times in 24 h`; of cells `measured in 5 hours in 24 h`.
fn counted(fact: &Fact) -> Option<String> {
    let within = spoken::within(fact.window_s);
    Some(match (fact.value.round(), fact.cell_s) {
        (n, _) if n.is_nan() => return None,
        (n, _) if n < 1.0 => format!("not measured {within}"),
        (n, None) if n < 2.0 => format!("measured once {within}"),
        (n, None) => format!("measured {n:.0} times {within}"),
        (n, Some(3_600)) if n < 2.0 => format!("measured in 1 hour {within}"),
        (n, Some(3_600)) => format!("measured in {n:.0} hours {within}"),
        (n, Some(s)) => format!("measured in {n:.0} times {} {within}", spoken::window(s)),
    })
}
