//! What a search for the highest sustainable rate found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ending::Percentiles;
use super::head::Head;

/// What `search` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// `SCHEMA` of the writer.
    pub schema: u32,
    /// As of a run.
    pub head: Head,
    /// Every rate tried, in order.
    pub steps: Vec<Step>,
    /// Highest rate that held, observations a second; `None` where not even the first did.
    pub best_observations_per_s: Option<f64>,
    /// The same in messages a second.
    pub best_messages_per_s: Option<f64>,
}

/// One rate tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Multiple of the scenario's own rate.
    pub factor: f64,
    /// Offered, messages a second.
    pub messages_per_s: f64,
    /// Offered, observations a second.
    pub observations_per_s: f64,
    /// Acknowledged, messages a second.
    pub acknowledged_per_s: f64,
    /// Percentiles by stage.
    pub stages: BTreeMap<String, Percentiles>,
    /// Frames behind, at the step's end and before it (their difference is what grew).
    pub lag_grew_frames: i64,
    /// Cores of nightlamp itself.
    pub server_cpu_cores: Option<f64>,
    /// Cores of the generator.
    pub generator_cpu_cores: f64,
    /// Whether it held.
    pub held: bool,
    /// Why not.
    pub why: String,
}
