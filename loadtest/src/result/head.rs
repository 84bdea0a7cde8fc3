//! What is known of a run before its first send.

use serde::{Deserialize, Serialize};

/// What is known before the first send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Version of nightlamp-loadtest.
    pub harness_version: String,
    /// Seed of everything that is random.
    pub seed: u64,
    /// Whom the load was for.
    pub target: Target,
    /// Where the generator (and a loopback server) ran.
    pub machine: Machine,
    /// What was asked for.
    pub scenario: Facts,
}

/// The server under load. No credential is part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Base URL of HTTP and WebSocket.
    pub http: String,
    /// host:port of MQTT.
    pub mqtt: String,
    /// Whether MQTT is under TLS.
    pub mqtt_tls: bool,
    /// On this machine: then the server's CPU competes with the generator's.
    pub loopback: bool,
    /// Started by the harness in a fresh folder.
    pub spawned: bool,
    /// Process id, where CPU, memory and disk were read from /proc.
    pub pid: Option<u32>,
    /// The server's version as its OpenAPI document says it.
    pub version: Option<String>,
}

/// The generator's machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Model name of the CPU.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: u32,
    /// Memory.
    pub memory_bytes: u64,
    /// Kernel release.
    pub kernel: String,
    /// Load average over one minute before the run: what else the machine had to do.
    pub load_1m_before: f64,
}

/// The scenario: its text and the numbers that follow from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub about: String,
    /// The file as it was read (after overrides of the command line, which are listed in `overrides`).
    pub toml: String,
    /// `--rate 2`, `--duration-s 30` and the like, as given.
    pub overrides: Vec<String>,
    /// Patients admitted, each in a bed of its own.
    pub patients: u64,
    /// Units they lie in.
    pub units: u64,
    /// MQTT connections.
    pub mqtt_connections: u64,
    /// HTTP connections that post.
    pub http_connections: u64,
    /// QoS of the publishes: 0 or 1.
    pub mqtt_qos: u8,
    /// Consoles on WebSocket.
    pub consoles: u64,
    /// Monitors' readings a second at factor 1 (MQTT, JSON and HL7 together).
    pub readings_per_s: f64,
    /// Observations in those readings a second at factor 1.
    pub observations_per_s: f64,
    /// HL7 messages a second beside the readings, at factor 1.
    pub hl7_per_s: f64,
    /// Bytes of a typical reading's payload.
    pub reading_bytes: u64,
    /// Seconds during which sends are due.
    pub duration_s: f64,
    /// The first seconds, left out of `stages` (not of `seconds` and `conservation`).
    pub warmup_s: f64,
    /// The phases in order, for the axis of a chart.
    pub phases: Vec<PhaseFacts>,
}

/// One phase of the schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseFacts {
    /// `ramp`, `hold` or `burst`.
    pub name: String,
    /// When it begins.
    pub from_s: f64,
    /// When it ends.
    pub until_s: f64,
    /// Rate as a multiple of the scenario's own, at its beginning.
    pub factor_from: f64,
    /// And at its end.
    pub factor_to: f64,
}
