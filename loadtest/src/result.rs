//! What a run found, as JSON: written by `run --out`, read by the report, by `compare` and by whoever wants the figures.
//!
//! Units: latencies are whole microseconds from the *intended* time of a send, whatever delayed it; times `t_s` are seconds since
//! the schedule began; CPU is in cores (1.0 is one core busy for the whole second). What could not be measured is `null`, never 0.
//! Limits: one `Second` a second, so a day's soak is 86,400 of them; a histogram holds three significant digits from 1 us to 1 h.
//! Fields are only added; a change of meaning raises `SCHEMA`.

use serde::{Deserialize, Serialize};

mod ending;
mod head;
mod histogram;
mod search;
mod second;

pub use ending::{Conservation, Difference, Event, Generator, Level, Percentiles, ServerTotals, Stage, Verdict};
pub use head::{Facts, Head, Machine, PhaseFacts, Target};
pub use histogram::{LONGEST_US, Latencies};
pub use search::{Search, Step};
pub use second::{ConsoleSecond, GeneratorSecond, Lag, Latency, Second, ServerSecond};

/// Version of this file's meaning.
pub const SCHEMA: u32 = 1;

/// One run from its first intended send to the last answer waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// `SCHEMA` of the writer.
    pub schema: u32,
    /// What was run, where, against whom: known before the first send.
    pub head: Head,
    /// Seconds from the first intended send until everything was answered or given up.
    pub took_s: f64,
    /// One a second, without gaps, from `t_s` 0 to the end of the drain (after `head.scenario.duration_s` nothing is due any more).
    pub seconds: Vec<Second>,
    /// Stages in the order of the route; those that were not measured are absent.
    pub stages: Vec<Stage>,
    /// Whether everything sent is accounted for.
    pub conservation: Conservation,
    /// What the generator itself cost, and whether it kept its schedule.
    pub generator: Generator,
    /// What the server cost over the whole run.
    pub server: ServerTotals,
    /// Fault steps and what else happened, in order of time.
    pub events: Vec<Event>,
    /// The scenario's service levels, measured.
    pub slo: Vec<Level>,
    /// What it comes to.
    pub verdict: Verdict,
}

/// Whoever wants to see a run while it lasts; called on the collecting thread, so quickly.
pub trait Live {
    /// Before the first send.
    fn begin(&mut self, head: &Head);
    /// After each second.
    fn second(&mut self, second: &Second);
    /// When something happens.
    fn event(&mut self, event: &Event);
    /// When all is done.
    fn end(&mut self, run: &Run);
}

#[cfg(test)]
mod tests;
