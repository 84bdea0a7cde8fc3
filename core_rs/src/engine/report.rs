//! The engine's figures as JSON, for `/metrics` and `/readyz`.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use super::Engine;
use super::shared::Recovery;
use crate::journal::SYNC_BUCKETS_US;
use crate::receive::now_us;

impl Engine {
    /// Counters and gauges per stage.
    pub fn stats(&self) -> Value {
        let shared = &self.shared;
        let (durable, processed) = (self.durable_seq(), shared.processed_seq.load(Ordering::Acquire));
        let head_age_ms = self.head_age_ms(durable, processed);
        let pipeline: Map<String, Value> = self.counters.all().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let (mqtt_listener, mqtt_brokers) = self.doors.stats();
        json!({
            "receive": {"mqtt_listener": mqtt_listener, "mqtt_brokers": mqtt_brokers, "doors_dead": self.doors.dead()},
            "journal": self.journal_stats(durable),
            "pipeline": pipeline,
            "gauges": *shared.gauges.lock(),
            "ever": *shared.ever.lock(),
            "lag": {
                "durable_seq": durable,
                "processed_seq": processed,
                "stored_seq": shared.stored_seq.load(Ordering::Acquire),
                "frames": durable.saturating_sub(processed),
                "head_age_ms": head_age_ms,
                "batches_waiting": self.batches.lock().as_ref().map_or(0, crossbeam_channel::Receiver::len),
            },
            "supervision": self.supervision(),
            "recovery": shared.recovery.lock().as_ref().map(Recovery::json),
            "failed": *shared.failed.lock(),
        })
    }

    /// The feeds whose silence is watched, at most 64: `source`, `key`, `first_heard_us`, `last_heard_us`, `silent` of each. At most
    /// some seconds old; empty where the policy watches none.
    pub fn feeds(&self) -> Value {
        json!(*self.shared.feeds.lock())
    }

    /// What is for the log: said once.
    pub fn supervise(&self) -> Value {
        json!({
            "notes": self.take_notes(),
            "recovery": self.shared.recovery.lock().as_ref().map(Recovery::json),
            "fatal": self.fatal().map(|fatal| fatal.reason),
        })
    }

    /// What supervision counted, and what is still.
    fn supervision(&self) -> Value {
        let (shared, counted) = (&self.shared, &self.shared.counted);
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        json!({
            "panics": read(&counted.panics),
            "panics_not_repeated": read(&counted.panics_not_repeated),
            "panics_aside": read(&counted.panics_aside),
            "rebuilds": read(&counted.rebuilds),
            "doors_reopened": read(&counted.doors_reopened),
            "snapshots_written": read(&counted.snapshots_written),
            "snapshots_failed": read(&counted.snapshots_failed),
            "snapshot_seq": read(&counted.snapshot_seq),
            "snapshot_held_ms": read(&counted.snapshot_held_us) as f64 / 1e3,
            "snapshot_encode_ms": read(&counted.snapshot_encode_us) as f64 / 1e3,
            "snapshot_sync_ms": read(&counted.snapshot_sync_us) as f64 / 1e3,
            "poison_frames": shared.poison.known.len(),
            "ticks_silent_ms": shared.ticks_silent_ms.load(Ordering::Acquire),
        })
    }

    fn journal_stats(&self, durable: u64) -> Value {
        let journal = &self.shared.journal;
        let mut stats = json!(journal.stats());
        if let Value::Object(map) = &mut stats {
            map.insert("sync_buckets_us".into(), json!(SYNC_BUCKETS_US));
            map.insert("durable_seq".into(), durable.into());
            map.insert("first_seq".into(), journal.first_seq().into());
            map.insert("bytes_written".into(), journal.stats().bytes.into());
            map.insert("bytes".into(), journal.bytes_on_disk().into());
            map.insert("bytes_waiting".into(), journal.bytes_waiting().into());
            map.insert("bytes_max".into(), self.config.limits.journal_bytes_max.into());
            map.insert("segments".into(), journal.segments().into());
            map.insert("error".into(), json!(journal.failed()));
            if let Value::Object(room) = json!(journal.room()) {
                map.extend(room);
            }
        }
        stats
    }

    /// How old the oldest frame is that the pipeline has not finished; 0 where there is none. Not less than how long frames have
    /// waited without one being finished, which no step of the wall clock can hide.
    fn head_age_ms(&self, durable: u64, processed: u64) -> i64 {
        if processed >= durable {
            return 0;
        }
        let stalled_ms = i64::try_from(self.shared.stalled_ms.load(Ordering::Acquire)).unwrap_or(i64::MAX);
        match self.shared.journal.read_one(processed + 1) {
            Ok(Some(frame)) => ((now_us() - frame.received_at_us) / 1000).max(stalled_ms),
            _ => stalled_ms,
        }
    }
}
