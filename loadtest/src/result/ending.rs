//! What a run comes to: stages, counts that add up, costs, events, service levels, the verdict.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::histogram::Latencies;

/// One stage over the whole run, without the warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// `acknowledged`, `scored`, `stored`, `seen`, `consoles`.
    pub name: String,
    /// How it was measured, in a sentence.
    pub how: String,
    /// A latency here may be too long by this much, never too short (polling), microseconds.
    pub resolution_us: u64,
    /// From the intended time of the send.
    pub latencies: Latencies,
    /// For the reader without a histogram library.
    pub percentiles: Percentiles,
}

/// The usual percentiles, microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many.
    pub count: u64,
    /// Mean.
    pub mean_us: f64,
    /// Shortest.
    pub min_us: u64,
    /// Median.
    pub p50_us: u64,
    /// 90 %.
    pub p90_us: u64,
    /// 95 %.
    pub p95_us: u64,
    /// 99 %.
    pub p99_us: u64,
    /// 99.9 %.
    pub p999_us: u64,
    /// 99.99 %.
    pub p9999_us: u64,
    /// Longest.
    pub max_us: u64,
}

/// Where every message ended. `due = sent + unsent`; `sent = acknowledged + refused + unanswered`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conservation {
    /// Messages the schedule asked for.
    pub due: u64,
    /// Messages never written, because the server took none before the drain ended.
    pub unsent: u64,
    /// Messages written (each once, however often again).
    pub sent: u64,
    /// Observations in them.
    pub observations_sent: u64,
    /// Observations in the acknowledged messages; `None` in results of schema 1 before 2026-11-21.
    #[serde(default)]
    pub observations_acknowledged: Option<u64>,
    /// Answered as taken.
    pub acknowledged: u64,
    /// Answered as not taken.
    pub refused: u64,
    /// Never answered.
    pub unanswered: u64,
    /// Written again after a lost connection; not part of `sent`.
    pub resent: u64,
    /// Frames the server made durable and that came in by a door: its own ticks are not counted.
    pub journalled: Option<u64>,
    /// Of those, frames recognised as copies of earlier ones.
    pub repeated: Option<u64>,
    /// Of those, frames that ended as dead letters.
    pub dead_lettered: Option<u64>,
    /// Frames behind the store's cursor, its own ticks not counted.
    pub stored: Option<u64>,
    /// Observations the pipeline took in: new, changed, or the same once more. `None` as above.
    #[serde(default)]
    pub observations_taken: Option<u64>,
    /// Observations refused one by one, each a dead letter: implausible, such as a recording holds some. `None` as above.
    #[serde(default)]
    pub observations_refused: Option<u64>,
    /// Of those taken in, new or changed ones: one row each.
    pub observations_kept: Option<u64>,
    /// Readings that a console was to see.
    pub seen_expected: Option<u64>,
    /// Readings that became visible, each once (a newer state shows all older readings of its bed).
    pub seen: Option<u64>,
    /// What does not add up; empty where everything does.
    pub differences: Vec<Difference>,
    /// Counts that the server did not tell, without which nothing is known to add up.
    #[serde(default)]
    pub unknown: Vec<String>,
}

/// Two counts that should be equal and are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What was compared, such as `acknowledged = journalled`.
    pub name: String,
    /// The first count.
    pub expected: u64,
    /// The second.
    pub found: u64,
    /// What it means, and whether a fault step explains it.
    pub why: String,
    /// A difference that a fault step of the scenario explains does not fail the run.
    pub explained: bool,
}

/// The generator over the whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// CPU seconds by thread name, set-up left out.
    pub cpu_s: BTreeMap<String, f64>,
    /// Seconds each thread was runnable and had no core: of a machine whose cores the server had.
    #[serde(default)]
    pub waited_s: BTreeMap<String, f64>,
    /// Threads that in so many seconds ran or waited for a core all the time.
    #[serde(default)]
    pub saturated_s: BTreeMap<String, u32>,
    /// Mean cores used while sends were due.
    pub cores_mean: f64,
    /// Messages for each CPU second of the sending threads.
    pub messages_per_cpu_s: f64,
    /// How late sends were by the generator's own fault, microseconds.
    pub late: Percentiles,
    /// It did not keep its schedule, so the figures are of the generator, not of the server.
    pub bottleneck: bool,
}

/// The server over the whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerTotals {
    /// Mean cores of nightlamp itself while sends were due.
    pub cpu_cores_mean: Option<f64>,
    /// Mean cores of PostgreSQL and Redis beneath it.
    pub children_cpu_cores_mean: Option<f64>,
    /// Largest resident memory of nightlamp itself.
    pub rss_bytes_max: Option<u64>,
    /// Bytes written to disk by the tree.
    pub disk_written_bytes: Option<u64>,
    /// CPU microseconds of nightlamp itself for each observation sent.
    pub cpu_us_per_observation: Option<f64>,
}

/// Something that happened at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since the schedule began.
    pub t_s: f64,
    /// `kill`, `pause`, `disconnect`, `storm`, `stall`: fault steps. `note`: anything else, such as a server that came back.
    pub kind: String,
    /// A sentence.
    pub text: String,
}

/// A service level, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Its key in the scenario, such as `seen_p99_ms`.
    pub name: String,
    /// What it allows.
    pub limit: f64,
    /// What was measured; `None` (then not met) where nothing was.
    pub measured: Option<f64>,
    /// Whether it was kept.
    pub met: bool,
}

/// What the run comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Every service level met and every count conserved.
    pub passed: bool,
    /// What the process ends with: 0 passed, 3 a service level broken, 4 counts that do not add up.
    pub exit_code: u8,
    /// Why not, one sentence each.
    pub reasons: Vec<String>,
    /// What a reader must know before trusting the figures, such as a generator that was the bottleneck.
    pub warnings: Vec<String>,
}
