//! One second of a run: counts of what happened in it, gauges as they stood at its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One second of the run. Counts are of what happened in it; gauges as they stood at its end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Seconds since the schedule began: this is the second from `t_s` to `t_s + 1`.
    pub t_s: u32,
    /// Messages whose intended time lay in this second.
    pub due: u64,
    /// Messages written for the first time (MQTT, JSON, HL7).
    pub sent: u64,
    /// Observations in them.
    pub observations: u64,
    /// PUBACKs, and HTTP answers 2xx or AA/CA. At QoS 0 a message counts here once it is written.
    pub acknowledged: u64,
    /// HTTP answers other than 2xx, and PUBACKs with a reason of 128 or more.
    pub refused: u64,
    /// Messages written again after a connection was lost.
    pub resent: u64,
    /// Connections lost, of any kind.
    pub connections_lost: u64,
    /// Readings that became visible on a console (each once).
    pub seen: u64,
    /// Messages due but not yet written, because the socket or the window was full: gauge.
    pub unsent: u64,
    /// Messages written and not yet answered: gauge.
    pub unanswered: u64,
    /// By stage (`acknowledged`, `scored`, `stored`, `seen`, `consoles`): those that ended in this second.
    pub latency: BTreeMap<String, Latency>,
    /// Frames behind.
    pub lag: Lag,
    /// The server in this second.
    pub server: ServerSecond,
    /// The generator in this second.
    pub generator: GeneratorSecond,
    /// The consoles in this second.
    pub consoles: ConsoleSecond,
}

/// Latencies of one second, microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Median.
    pub p50_us: u64,
    /// 90th percentile.
    pub p90_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// Longest.
    pub max_us: u64,
}

/// Frames between two stages at the end of a second; `None` where /metrics did not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// Due by the schedule and not acknowledged: what stands before the journal.
    pub journal: u64,
    /// Durable and not yet scored.
    pub processed: Option<u64>,
    /// Durable and not yet in the database.
    pub stored: Option<u64>,
}

/// The server's process, from /proc (loopback) and /metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerSecond {
    /// Cores used by nightlamp itself.
    pub cpu_cores: Option<f64>,
    /// Cores used by its children: PostgreSQL, Redis.
    pub children_cpu_cores: Option<f64>,
    /// Resident memory of nightlamp itself.
    pub rss_bytes: Option<u64>,
    /// Proportional memory of its children is not read every second; resident, shared pages counted once for each.
    pub children_rss_bytes: Option<u64>,
    /// Bytes the whole tree caused to be written to disk since the run began (/proc/PID/io).
    pub disk_written_bytes: Option<u64>,
    /// Bytes of the journal on disk.
    pub journal_bytes: Option<u64>,
    /// Batches waiting on disk for the database, bytes.
    pub spool_bytes: Option<u64>,
}

/// The generator's own cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorSecond {
    /// Cores the generator used.
    pub cpu_cores: f64,
    /// Cores its busiest sending thread used; near 1.0 it cannot do more.
    pub busiest_sender_cores: f64,
    /// Share of the second in which its busiest thread, of any kind, ran or waited for a core; at 1.0 it cannot do more.
    #[serde(default)]
    pub busiest_thread_share: Option<f64>,
    /// Cores for which its threads waited.
    #[serde(default)]
    pub waited_cores: Option<f64>,
    /// Longest time between an intended send and its encoding, without what window or socket held it: its own fault.
    pub late_us_max: u64,
}

/// What all consoles received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleSecond {
    /// Connected and subscribed at the end of the second.
    pub open: u64,
    /// WebSocket messages.
    pub frames: u64,
    /// Patient states in them.
    pub patients: u64,
    /// Alert steps in them.
    pub alerts: u64,
    /// Payload bytes.
    pub bytes: u64,
}
