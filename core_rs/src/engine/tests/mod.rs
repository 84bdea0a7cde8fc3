//! The engine under faults of its own stages. The fault point (`UnderWay::fault`) exists in this crate's tests only.

mod clock;
mod faults;
mod recovery;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Engine, EngineConfig};
use crate::alert::{BY_FILE, PolicyChange};
use crate::pipeline::{Batch, Stage};
use crate::receive::{FrameRef, Source};

const START_US: i64 = 1_760_000_000_000_000;

/// An engine on this folder, without MQTT doors; `more` settings over those of a small ward.
fn engine(data: &Path, more: serde_json::Value) -> Engine {
    let mut config = serde_json::json!({
        "site_key_hex": "07".repeat(32),
        "policy": policy(),
        "limits": {"past_s_max": 4_000_000_000_i64, "batch_frames_max": 64, "journal_segment_bytes_max": 65_536},
        "bundles": [Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0")],
        "batch_ms": 0,
    });
    if let (Some(config), serde_json::Value::Object(more)) = (config.as_object_mut(), more) {
        config.extend(more);
    }
    let config: EngineConfig = serde_json::from_value(config).expect("config");
    // A stage of an earlier engine that hung lets go of the folder in its own time.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match Engine::open(data, config.clone()) {
            Ok(engine) => return engine,
            Err(error) => assert!(Instant::now() < until, "open: {error:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Rules only: what ticks tell of silence and of chains would depend on how many came before a run was stopped.
fn policy() -> &'static str {
    crate::alert::DEFAULT_POLICY_TOML.split("[[escalation]]").next().unwrap_or_default()
}

/// Journals three admissions and `seconds` of five signals from each of three patients; frames 4 and later are vitals, one a second
/// and patient, with ticks between; the last is the settings' policy, so that no start adopts it. Returns the number of frames.
fn fill(engine: &Engine, seconds: i64) -> u64 {
    let put = |source, context: &str, at_us: i64, payload: &str| {
        let payload = payload.as_bytes();
        let frame = FrameRef { source, principal: "test", context, received_at_us: at_us, payload };
        engine.shared.journal.submit(&frame).expect("journalled").seq
    };
    for patient in 0..3 {
        let text = format!(
            "MSH|^~\\&|EHR|HOSP|NL|HOSP|20251009085320+0000||ADT^A01^ADT_A01|A{patient}|P|2.5.1\rEVN||20251009085320+0000\r\
             PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|ICU^{patient}^{patient}\r"
        );
        put(Source::Hl7Http, "", START_US, &text);
    }
    for second in 1..=seconds {
        let at_us = START_US + second * 1_000_000;
        for patient in 0..3 {
            let sick = patient == 1 && second % 100 >= 60;
            let (hr, resp, sbp) = if sick { (135, 28, 85) } else { (72 + second % 5, 15, 121) };
            let text = format!(
                r#"{{"id":"m{patient}-{second}","device":"m{patient}","time":{},"observations":[
                {{"code":"8867-4","value":{hr},"unit":"/min"}},{{"code":"9279-1","value":{resp},"unit":"/min"}},
                {{"code":"8480-6","value":{sbp},"unit":"mm[Hg]"}},{{"code":"59408-5","value":95,"unit":"%"}},
                {{"code":"8310-5","value":37.0,"unit":"Cel"}}]}}"#,
                at_us / 1000
            );
            put(Source::JsonMqtt, &format!("ICU/{patient}"), at_us, &text);
        }
    }
    let adopted = PolicyChange { policy: policy().to_owned(), by: BY_FILE.to_owned(), note: String::new() };
    let seq = put(Source::Policy, "", START_US + seconds * 1_000_000, &serde_json::to_string(&adopted).expect("JSON"));
    engine.shared.journal.wait_durable(seq, Duration::from_secs(30));
    seq
}

/// All that was handed over: rows by table without header and trailer, alert messages, and which frames the batches covered.
#[derive(Default, PartialEq, Eq, Debug, Clone)]
struct Outcome {
    rows: BTreeMap<String, (u32, Vec<u8>)>,
    covered: Vec<(u64, u64)>,
}

impl Outcome {
    fn add(&mut self, batch: &Batch) {
        if batch.frames > 0 {
            self.covered.push((batch.first_seq, batch.last_seq));
        }
        for table in &batch.tables {
            // patients_seen is one row a patient and batch by design.
            if table.table != "patients_seen" {
                let entry = self.rows.entry(table.table.to_owned()).or_default();
                entry.0 += table.rows;
                entry.1.extend_from_slice(table.bytes.get(19..table.bytes.len() - 2).unwrap_or_default());
            }
        }
    }

    fn rows(&self, table: &str) -> u32 {
        self.rows.get(table).map_or(0, |rows| rows.0)
    }

    /// Every frame once, in order; ticks follow.
    fn is_without_gap(&self, from: u64, to: u64) -> bool {
        let mut next = from;
        self.covered.iter().all(|(first, last)| std::mem::replace(&mut next, last + 1) == *first) && next > to
    }
}

/// Takes batches until frame `to` is in one of them; what is not there within a minute never comes.
fn take(engine: &Engine, outcome: &mut Outcome, to: u64, mut each: impl FnMut(&Batch)) {
    let until = Instant::now() + Duration::from_secs(60);
    while outcome.covered.last().is_none_or(|(_, last)| *last < to) {
        assert!(Instant::now() < until, "{:?}", engine.stats()["failed"]);
        if let Some(batch) = engine.next_batch(Duration::from_millis(50)) {
            outcome.add(&batch);
            each(&batch);
        }
    }
}

/// What a journal gives an engine without faults, from its beginning: a copy of its folder, list included.
fn undisturbed(data: &Path, to: u64) -> Outcome {
    let copy = tempfile::tempdir().expect("folder");
    std::fs::create_dir(copy.path().join("journal")).expect("folder");
    for file in std::fs::read_dir(data.join("journal")).expect("journal") {
        let file = file.expect("file");
        std::fs::copy(file.path(), copy.path().join("journal").join(file.file_name())).expect("copied");
    }
    let engine = engine(copy.path(), serde_json::json!({}));
    engine.start(0).expect("start");
    let mut outcome = Outcome::default();
    take(&engine, &mut outcome, to, |_| ());
    engine.stop();
    outcome
}

/// A fault that meets frame `seq` in a stage, alone or among its batch.
fn fault(engine: &Engine, seq: u64, at: Stage, meet: impl Fn() + Send + Sync + 'static) {
    let known = Arc::clone(&engine.shared.poison.known);
    let point = move |met: u64, (first, last): (u64, u64), stage: Stage| {
        let all = met == u64::MAX && (first..=last).contains(&seq);
        if stage == at && (met == seq || all) && known.get(seq).is_none() {
            meet();
        }
    };
    *engine.shared.supervision.under_way.fault.0.lock() = Some(Arc::new(point));
}
