//! A run beside an earlier one: each figure with its ratio, and whether the change means something.
//!
//! A change means something where it leaves the noise band (see `noise`: the larger of the tolerance and what both runs' own
//! seconds show) and is larger than the figure's floor (0.1 ms of latency and a quarter of the resolution it was seen with, 0.02 cores,
//! 8 MiB, 0.01 % of the messages). Counts of what must not happen get no band: more of them than before is worse.
//! Longest latencies are single events and are shown without judgement.

mod figure;
mod latency;
pub mod noise;
mod search;
mod terminal;

pub use figure::{Figure, Outcome};
pub use search::search;
pub use terminal::table;

use crate::result::Run;

/// Figures beside each other, and what the reader must know.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// In the order of the report.
    pub figures: Vec<Figure>,
    /// Why the two are hard to compare, one sentence each.
    pub cautions: Vec<String>,
    /// The given tolerance, a share.
    pub tolerance: f64,
}

impl Comparison {
    /// How many figures became worse.
    pub fn regressions(&self) -> usize {
        self.figures.iter().filter(|figure| figure.outcome == Outcome::Worse).count()
    }

    /// The result in a sentence.
    pub fn sentence(&self) -> String {
        let better = self.figures.iter().filter(|figure| figure.outcome == Outcome::Better).count();
        let of =
            |count: usize, word: &str| if count == 1 { format!("1 figure {word}") } else { format!("{count} figures {word}") };
        match (self.regressions(), better) {
            (0, 0) => "no change beyond the noise".to_owned(),
            (0, better) => format!("{} beyond the noise, none worse", of(better, "better")),
            (worse, 0) => format!("{} beyond the noise", of(worse, "worse")),
            (worse, better) => format!("{}, {better} better beyond the noise", of(worse, "worse")),
        }
    }
}

/// Two runs; `tolerance` is a share, 0.1 for ten percent.
pub fn runs(old: &Run, new: &Run, tolerance: f64) -> Comparison {
    let mut figures = latency::figures(old, new, tolerance);
    figures.extend(figure::costs(old, new, tolerance));
    figures.extend(figure::losses(old, new));
    figures.extend(figure::levels(old, new));
    Comparison { figures, cautions: cautions(old, new), tolerance }
}

/// A band as it is written; where the figures are so small that any ratio is noise, it says so.
pub fn shown_band(band: f64) -> String {
    if band > 2.0 { "any".to_owned() } else { format!("±{:.0} %", band * 100.0) }
}

fn cautions(old: &Run, new: &Run) -> Vec<String> {
    let mut cautions = Vec::new();
    let (before, now) = (&old.head, &new.head);
    let mut differ = |what: &str, a: &dyn ToString, b: &dyn ToString| {
        let (a, b) = (a.to_string(), b.to_string());
        if a != b {
            cautions.push(format!("{what} differs: {a} before, {b} now"));
        }
    };
    differ("the scenario", &before.scenario.name, &now.scenario.name);
    differ("the rate of observations", &before.scenario.observations_per_s, &now.scenario.observations_per_s);
    differ("the rate of HL7", &before.scenario.hl7_per_s, &now.scenario.hl7_per_s);
    differ("the number of patients", &before.scenario.patients, &now.scenario.patients);
    differ("the number of consoles", &before.scenario.consoles, &now.scenario.consoles);
    differ("the duration (s)", &before.scenario.duration_s, &now.scenario.duration_s);
    differ("the machine's CPU", &before.machine.cpu, &now.machine.cpu);
    differ("the number of cores", &before.machine.cores, &now.machine.cores);
    differ("whether the server shares the machine", &before.target.loopback, &now.target.loopback);
    for (name, run) in [("earlier", old), ("new", new)] {
        if run.generator.bottleneck {
            cautions.push(format!("in the {name} run the generator did not keep its schedule"));
        }
    }
    if (before.machine.load_1m_before - now.machine.load_1m_before).abs() > 1.0 {
        let (a, b) = (before.machine.load_1m_before, now.machine.load_1m_before);
        cautions.push(format!("the machine was not equally busy beforehand: load {a:.1} before, {b:.1} now"));
    }
    cautions
}
