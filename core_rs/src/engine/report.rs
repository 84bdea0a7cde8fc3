//! The engine's figures as JSON, for `/metrics` and `/readyz`.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use super::{Engine, now_us};
use crate::journal::SYNC_BUCKETS_US;

impl Engine {
    /// Counters and gauges per stage.
    pub fn stats(&self) -> Value {
        let shared = &self.shared;
        let (durable, processed) = (self.durable_seq(), shared.processed_seq.load(Ordering::Acquire));
        let head_age_ms = self.head_age_ms(durable, processed);
        let pipeline: Map<String, Value> = self.counters.all().map(|(name, value)| (name.to_owned(), value.into())).collect();
        json!({
            "receive": {
                "mqtt_listener": self.listener.lock().as_ref().map(|listener| json!(listener.stats())),
                "mqtt_brokers": self.subscribers.lock().iter().map(|broker| json!(broker.stats())).collect::<Vec<_>>(),
            },
            "journal": self.journal_stats(durable),
            "pipeline": pipeline,
            "gauges": *shared.gauges.lock(),
            "lag": {
                "durable_seq": durable,
                "processed_seq": processed,
                "stored_seq": shared.stored_seq.load(Ordering::Acquire),
                "frames": durable.saturating_sub(processed),
                "head_age_ms": head_age_ms,
                "batches_waiting": self.batches.lock().as_ref().map_or(0, crossbeam_channel::Receiver::len),
            },
            "failed": *shared.failed.lock(),
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

    /// How old the oldest frame is that the pipeline has not finished; 0 where there is none.
    fn head_age_ms(&self, durable: u64, processed: u64) -> i64 {
        if processed >= durable {
            return 0;
        }
        match self.shared.journal.read_one(processed + 1) {
            Ok(Some(frame)) => (now_us() - frame.received_at_us).max(0) / 1000,
            _ => 0,
        }
    }
}
