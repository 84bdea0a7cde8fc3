//! Scenarios: what is sent, when, over what, to how many consoles, what goes wrong meanwhile, and what counts as good enough.
//!
//! A TOML file (docs/loadtest.md describes every key). Unknown keys are refused; every number has a range, and what is outside
//! it is refused by name with the range. Limits: 20,000 patients, 4,000 MQTT and 256 HTTP connections, 256 consoles, a day.

mod check;
mod levels;
mod shipped;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use levels::{Bound, LEVELS, Measure, STAGES, level};
pub use shipped::{SHIPPED, load};

/// A scenario as it stands in its file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// One sentence: what it shows.
    #[serde(default)]
    pub about: String,
    /// Seed of everything that is random.
    #[serde(default = "seven")]
    pub seed: u64,
    /// Seconds during which sends are due; the phases' sum where there are phases.
    #[serde(default)]
    pub duration_s: Option<f64>,
    /// The first seconds, left out of the percentiles.
    #[serde(default)]
    pub warmup_s: f64,
    /// How long answers are awaited after the last intended send.
    #[serde(default = "thirty")]
    pub drain_s: f64,
    /// Who lies where.
    pub ward: Ward,
    /// The monitors and their signals.
    #[serde(default)]
    pub monitors: Monitors,
    /// Which share of the monitors comes by another door than MQTT.
    #[serde(default)]
    pub shares: Shares,
    /// HTTP: posters, and HL7 messages beside the monitors.
    #[serde(default)]
    pub http: Http,
    /// Who watches.
    #[serde(default)]
    pub consoles: Consoles,
    /// The rate over time; one `hold` at factor 1 where there is none.
    #[serde(default, rename = "phase")]
    pub phases: Vec<Phase>,
    /// What goes wrong meanwhile.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    /// Recordings instead of made-up values.
    #[serde(default)]
    pub replay: Option<Replay>,
    /// Service levels: name -> limit (`nightlamp-loadtest scenarios --levels` lists the names).
    #[serde(default)]
    pub levels: BTreeMap<String, f64>,
    /// Settings of a server that the harness starts, as in its environment without `NIGHTLAMP_`.
    #[serde(default)]
    pub server: BTreeMap<String, String>,
    /// The text this was read from.
    #[serde(skip)]
    pub text: String,
    /// What the command line changed.
    #[serde(skip)]
    pub overrides: Vec<String>,
}

/// Patients, units, hospitals.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ward {
    /// Patients over all hospitals, each in a bed of its own.
    pub patients: u32,
    /// Units of one hospital.
    #[serde(default = "one_u32")]
    pub units: u32,
    /// Hospitals; a unit's name begins with its hospital's.
    #[serde(default = "one_u32")]
    pub hospitals: u32,
    /// Share of the patients whose values worsen over the run, 0 to 1.
    #[serde(default = "a_tenth")]
    pub deteriorating: f64,
}

/// The monitors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Monitors {
    /// Signal -> readings a second. A monitor sends at the highest of them; slower signals are in every so many-th message.
    pub signals: BTreeMap<String, f64>,
    /// Smallest payload: a shorter one is padded by a key that the server ignores. Device JSON only.
    pub payload_bytes_min: usize,
    /// MQTT quality of service: 0 or 1.
    pub qos: u8,
    /// MQTT connections the monitors share; 0 is one each.
    pub connections: u32,
    /// Unacknowledged publishes a connection may have before the next ones wait (and are counted as unsent).
    pub in_flight_max: u16,
}

/// Shares of the monitors, 0 to 1 together; the others send device JSON by MQTT.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shares {
    /// Device JSON by HTTP.
    pub json: f64,
    /// HL7 v2 ORU^R01 by HTTP.
    pub hl7: f64,
    /// FHIR: the server has no such door yet, so anything but 0 is refused.
    pub fhir: f64,
}

/// HTTP posters.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Keep-alive connections; each has one request under way.
    pub connections: u32,
    /// HL7 ORU^R01 with laboratory results a second over all patients, beside the monitors.
    pub hl7_per_s: f64,
    /// OBX segments in each of them, 1 to 12.
    pub hl7_observations: u32,
    /// Smallest HL7 message: a shorter one is padded by an NTE segment.
    pub hl7_bytes_min: usize,
}

/// Consoles on `/v1/stream`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Consoles {
    /// How many.
    pub count: u32,
    /// Units each watches (round robin); 0 is all.
    pub units_each: u32,
}

/// A stretch of the schedule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// What kind.
    pub kind: PhaseKind,
    /// How long.
    pub duration_s: f64,
    /// `hold`, `burst`, `soak`: multiple of the scenario's rate.
    #[serde(default)]
    pub factor: Option<f64>,
    /// `ramp`: multiple at its beginning.
    #[serde(default)]
    pub from: Option<f64>,
    /// `ramp`: multiple at its end.
    #[serde(default)]
    pub to: Option<f64>,
}

/// Kinds of phases. `burst` and `soak` are holds by another name, for the reader of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseKind {
    /// The rate changes evenly.
    Ramp,
    /// The rate stays.
    Hold,
    /// The rate jumps.
    Burst,
    /// The rate stays for long.
    Soak,
}

/// A fault step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// When, seconds since the schedule began.
    pub at_s: f64,
    /// `pause`, `stall`: how long; `kill`: how long until the server is started again.
    #[serde(default)]
    pub for_s: f64,
    /// `stall`, `storm`: share of the consoles, 0 to 1.
    #[serde(default = "one")]
    pub share: f64,
    /// Again every so many seconds until the schedule ends; 0 is once.
    #[serde(default)]
    pub every_s: f64,
}

/// Kinds of fault steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// kill -9, then a start on the same data folder. Only a server the harness started.
    Kill,
    /// SIGSTOP, then SIGCONT. Only a server on this machine whose process is known.
    Pause,
    /// Every MQTT connection is reset and every console reconnects.
    Disconnect,
    /// Consoles reconnect all at once.
    Storm,
    /// Consoles read nothing for a while.
    Stall,
}

impl FaultKind {
    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Disconnect => "disconnect",
            Self::Storm => "storm",
            Self::Stall => "stall",
        }
    }
}

/// A recording in long format.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// CSV with the columns patient, time (seconds), signal, value, unit; or a folder of PhysioNet .psv files. A relative path
    /// is taken from the working folder; `--recording` on the command line goes first.
    pub recording: String,
    /// How much faster than it was recorded.
    #[serde(default = "one")]
    pub speed: f64,
}

impl Default for Monitors {
    fn default() -> Self {
        let all = ["HR", "Resp", "O2Sat", "SBP", "DBP", "MAP", "Temp", "EtCO2"];
        Self {
            signals: all.iter().map(|name| ((*name).to_owned(), 1.0)).collect(),
            payload_bytes_min: 0,
            qos: 1,
            connections: 16,
            in_flight_max: 1_000,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { connections: 8, hl7_per_s: 0.0, hl7_observations: 8, hl7_bytes_min: 0 }
    }
}

fn seven() -> u64 {
    7
}
fn thirty() -> f64 {
    30.0
}
fn one() -> f64 {
    1.0
}
fn one_u32() -> u32 {
    1
}
fn a_tenth() -> f64 {
    0.1
}

#[cfg(test)]
mod tests;
