//! What became of what the ward sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Counts that only grow, shared by all senders. Sent = acknowledged + refused + still under way.
#[derive(Debug)]
pub struct Totals {
    /// PUBLISH packets handed to the MQTT client.
    pub mqtt_sent: AtomicU64,
    /// PUBACK packets received.
    pub mqtt_acknowledged: AtomicU64,
    /// Readings not handed over because too many were unacknowledged.
    pub mqtt_held_back: AtomicU64,
    /// Connections lost.
    pub mqtt_reconnects: AtomicU64,
    /// Observations in those PUBLISH packets.
    pub observations_sent: AtomicU64,
    /// HL7 messages posted.
    pub hl7_sent: AtomicU64,
    /// Answers with AA or CA.
    pub hl7_accepted: AtomicU64,
    /// Answers with anything else, and posts that failed.
    pub hl7_refused: AtomicU64,
    latency_us: Mutex<Histogram<u64>>,
}

impl Totals {
    /// All zero.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            mqtt_sent: AtomicU64::new(0),
            mqtt_acknowledged: AtomicU64::new(0),
            mqtt_held_back: AtomicU64::new(0),
            mqtt_reconnects: AtomicU64::new(0),
            observations_sent: AtomicU64::new(0),
            hl7_sent: AtomicU64::new(0),
            hl7_accepted: AtomicU64::new(0),
            hl7_refused: AtomicU64::new(0),
            latency_us: Mutex::new(Histogram::new_with_bounds(1, 60_000_000, 3)?),
        })
    }

    /// One HL7 post, from the moment it was due to its answer.
    pub fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(micros);
    }

    /// Forgets the latencies so far: those of the admissions, which all come at once.
    pub fn clear_latency(&self) {
        self.latency_us.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The totals as JSON; latencies in milliseconds, from the moment a post was due, admissions left out.
    pub fn report(&self) -> serde_json::Value {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let latency = self.latency_us.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |q: f64| latency.value_at_quantile(q) as f64 / 1000.0;
        serde_json::json!({
            "mqtt_sent": get(&self.mqtt_sent),
            "mqtt_acknowledged": get(&self.mqtt_acknowledged),
            "mqtt_held_back": get(&self.mqtt_held_back),
            "mqtt_reconnects": get(&self.mqtt_reconnects),
            "observations_sent": get(&self.observations_sent),
            "hl7_sent": get(&self.hl7_sent),
            "hl7_accepted": get(&self.hl7_accepted),
            "hl7_refused": get(&self.hl7_refused),
            "hl7_ms": {"p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": latency.max() as f64 / 1000.0},
        })
    }
}
