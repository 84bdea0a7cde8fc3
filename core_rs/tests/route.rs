//! The route as a whole, in Rust: frames in, rows and messages out. Tests are named after the promises they hold.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nightlamp_core::alert::DEFAULT_POLICY_TOML;
use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::engine::{Engine, EngineConfig};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{Batch, Counters, MessageKind, Pipeline, Setup};
use nightlamp_core::receive::{Frame, Source};
use nightlamp_core::score::Scorers;

const START_US: i64 = 1_760_000_000_000_000;
/// Seconds in which patient 2's monitor says nothing.
const SILENT: std::ops::Range<i64> = 151..200;

fn setup() -> Setup {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0");
    Setup {
        policy: policy(),
        ..Setup::new(
            Arc::new(Decoder::new(DecodeConfig::default()).expect("decoder")),
            Arc::new(Scorers::load(&[bundle]).expect("scorers")),
            Limits::default(),
        )
    }
}

/// The default policy in a hurry.
fn policy() -> String {
    let faster = [
        ("after_s = 180,", "after_s = 5,"),
        ("after_s = 420,", "after_s = 20,"),
        ("monitor_silent_s = 300", "monitor_silent_s = 10"),
        ("feed_silent_s = 900", "feed_silent_s = 20"),
        ("stale_s = 43200", "stale_s = 30"),
    ];
    faster.iter().fold(DEFAULT_POLICY_TOML.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

fn pipeline() -> (Pipeline, Arc<Counters>) {
    let setup = setup();
    let counters = Arc::clone(&setup.counters);
    (Pipeline::new(setup).expect("pipeline"), counters)
}

fn frame(source: Source, context: &str, at_s: i64, payload: &str) -> Frame {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    let (principal, context) = ("test".into(), context.into());
    Frame { source, principal, context, received_at_us: START_US + at_s * 1_000_000, payload }
}

/// HL7 time of a second of the test.
fn dtm(at_s: i64) -> String {
    // START_US is 2025-10-09 08:53:20 UTC.
    let s = 8 * 3600 + 53 * 60 + 20 + at_s;
    format!("20251009{:02}{:02}{:02}+0000", s / 3600, s / 60 % 60, s % 60)
}

fn adt(event: &str, patient: usize, unit: &str, at_s: i64) -> Frame {
    let time = dtm(at_s);
    let text = format!(
        "MSH|^~\\&|EHR|HOSP|NL|HOSP|{time}||ADT^{event}^ADT_A01|{event}{patient}{at_s}|P|2.5.1\rEVN||{time}\r\
         PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|{unit}^{patient}^{patient}\r"
    );
    frame(Source::Hl7Http, "", at_s, &text)
}

fn admit(patient: usize, at_s: i64) -> Frame {
    adt("A01", patient, "ICU", at_s)
}

fn vitals(patient: usize, at_s: i64, hr: f64, resp: f64, sbp: f64) -> Frame {
    let at_ms = (START_US + at_s * 1_000_000) / 1000;
    let text = format!(
        r#"{{"id":"m{patient}-{at_s}","device":"m{patient}","time":{at_ms},"observations":[
        {{"code":"8867-4","value":{hr},"unit":"/min"}},{{"code":"9279-1","value":{resp},"unit":"/min"}},
        {{"code":"8480-6","value":{sbp},"unit":"mm[Hg]"}},{{"code":"59408-5","value":91,"unit":"%"}},
        {{"code":"8310-5","value":37.0,"unit":"Cel"}}]}}"#
    );
    frame(Source::JsonMqtt, &format!("ICU/{patient}"), at_s, &text)
}

/// Three patients, one of whom deteriorates, is seen to and recovers; one whose monitor is silent for a while; redeliveries; an
/// unknown unit; an empty bed; ticks.
fn feed() -> Vec<Journalled> {
    let mut frames: Vec<Frame> = (0..3).map(|patient| admit(patient, 0)).collect();
    for second in 1..240 {
        for patient in (0..3).filter(|patient| *patient != 2 || !SILENT.contains(&second)) {
            let sick = patient == 1 && (60..120).contains(&second);
            let (hr, resp, sbp) = if sick { (135.0, 28.0, 85.0) } else { (72.0 + (second % 5) as f64, 15.0, 121.0) };
            frames.push(vitals(patient, second, hr, resp, sbp));
            if second % 50 == 0 {
                frames.push(vitals(patient, second, hr, resp, sbp));
            }
        }
        frames.push(frame(Source::Tick, "", second, ""));
        if second == 67 {
            let opened = frames.iter().position(|frame| frame.received_at_us == START_US + 60_000_000).unwrap_or(0) + 2;
            for who in ["k1", "k1"] {
                let alert_id = (opened as u64) << 16;
                let seen =
                    format!(r#"{{"action":"acknowledge","alert_id":"{alert_id}","by":"{who}","role":"nurse","note":"seen"}}"#);
                frames.push(frame(Source::Action, "", second, &seen));
            }
            frames.push(frame(
                Source::Action,
                "",
                second,
                r#"{"action":"acknowledge","alert_id":"1","by":"k1","role":"nurse"}"#,
            ));
        }
        if second == 30 {
            frames.push(adt("A08", 0, "ICU", second));
            let furlong = r#"{"time":1760000030000,"observations":[{"code":"8867-4","value":70,"unit":"furlong"}]}"#;
            frames.push(frame(Source::JsonMqtt, "ICU/0", second, furlong));
            frames.push(vitals(77, second, 70.0, 14.0, 120.0));
            frames.push(frame(Source::JsonMqtt, "ICU/0", second, "not json"));
        }
    }
    // An alert opens in the frame before its patient is moved: it belongs to the old bed wherever a batch ends.
    frames.extend([vitals(2, 240, 140.0, 30.0, 80.0), adt("A02", 2, "WARD", 240), adt("A03", 0, "ICU", 240), admit(0, 240)]);
    frames.push(frame(Source::Tick, "", 241, ""));
    frames.into_iter().zip(1..).map(|(frame, seq)| Journalled { seq, frame }).collect()
}

/// Rows of every table (without header and trailer) and all alert and left messages.
#[derive(Default, PartialEq, Eq, Debug)]
struct Outcome {
    rows: BTreeMap<String, (u32, Vec<u8>)>,
    events: Vec<Vec<u8>>,
}

impl Outcome {
    fn add(&mut self, batch: Batch) {
        for table in batch.tables {
            // patients_seen is one row a patient and batch by design.
            if table.table == "patients_seen" {
                continue;
            }
            let entry = self.rows.entry(table.table.to_owned()).or_default();
            entry.0 += table.rows;
            entry.1.extend_from_slice(&table.bytes[19..table.bytes.len() - 2]);
        }
        let events = batch.messages.into_iter().filter(|message| message.kind != MessageKind::Patient);
        self.events.extend(events.map(|message| message.json));
    }

    fn rows(&self, table: &str) -> u32 {
        self.rows.get(table).map_or(0, |rows| rows.0)
    }
}

fn run(frames: &[Journalled], cut: usize) -> (Outcome, BTreeMap<&'static str, u64>) {
    let (mut pipeline, counters) = pipeline();
    let mut outcome = Outcome::default();
    for chunk in frames.chunks(cut) {
        outcome.add(pipeline.run(chunk, 0).expect("a batch"));
    }
    (outcome, counters.all().collect())
}

#[test]
fn the_same_journal_gives_the_same_rows_bit_for_bit_however_it_is_cut() {
    let frames = feed();
    let whole = run(&frames, frames.len()).0;
    assert!(whole.rows("observations") > 2_000 && whole.rows("scores") > 20 && whole.rows("alert_events") >= 4);
    for cut in [1, 7, 64] {
        assert!(run(&frames, cut).0 == whole, "cut into batches of {cut}");
    }
}

#[test]
fn p4_every_frame_and_observation_is_counted_under_exactly_one_name() {
    let frames = feed();
    let (outcome, count) = run(&frames, 50);
    let sum = |names: &[&str]| names.iter().map(|name| count[name]).sum::<u64>();
    let ends = [
        "frames_tick",
        "frames_action",
        "frames_policy",
        "frames_decoded",
        "frames_dead",
        "frames_repeated",
        "frames_conflicting",
        "frames_internal",
    ];
    assert_eq!((count["frames_action"], count["actions"], count["actions_repeated"], count["actions_late"]), (3, 1, 1, 1));
    assert_eq!(count["frames"], frames.len() as u64);
    assert_eq!(count["frames"], sum(&ends));
    assert_eq!(count["observations"], sum(&["observations_kept", "observations_repeated", "observations_dead"]));
    assert_eq!(u64::from(outcome.rows("observations")), count["observations_kept"]);
    assert_eq!(u64::from(outcome.rows("dead_letters")), count["dead_letters"]);
    assert_eq!(u64::from(outcome.rows("scores")), count["scores_stored"]);
    assert_eq!(count["frames_repeated"], 3 * 4, "each patient's reading came twice every 50 s");
    assert_eq!(count["dead_letters"], 5 + 1 + 1, "five values of an empty bed, one unit, one frame that is no JSON");
}

#[test]
fn silence_and_what_nobody_answers_are_told_at_their_time_and_once() {
    let (outcome, _) = run(&feed(), 50);
    let told: Vec<serde_json::Value> = outcome.events.iter().filter_map(|json| serde_json::from_slice(json).ok()).collect();
    let of = |rule: &str| -> Vec<(String, i64)> {
        let steps = told.iter().filter(|event| event["rule"] == rule);
        let second = |event: &serde_json::Value| event["at_ms"].as_i64().unwrap_or(0) / 1_000 - START_US / 1_000_000;
        steps.map(|event| (event["kind"].as_str().unwrap_or("").to_owned(), second(event))).collect()
    };
    let expected = |steps: &[(&str, i64)]| steps.iter().map(|(kind, at)| ((*kind).to_owned(), *at)).collect::<Vec<_>>();
    assert_eq!(of("monitor-silent"), expected(&[("opened", 160), ("cleared", 200)]));
    assert_eq!(of("score-stale"), expected(&[("opened", 181), ("cleared", 200)]));
    assert_eq!(of("feed-silent"), expected(&[("opened", 50), ("cleared", 241)]));
    let life = of("news2-high");
    assert_eq!(life[..3], expected(&[("opened", 60), ("escalated", 65), ("acknowledged", 67)]), "and no second step at 80");
    assert!(life[3..].iter().all(|(kind, at)| *at >= 120 || kind == "lowered"), "{life:?}");
    let monitor = told.iter().find(|event| event["rule"] == "monitor-silent").expect("told");
    assert_eq!(
        (monitor["unit"].as_str(), monitor["bed"].as_str(), monitor["severity"].as_str()),
        (Some("ICU"), Some("2"), Some("technical"))
    );
    let feed = told.iter().find(|event| event["rule"] == "feed-silent").expect("told");
    assert_eq!((feed["subject"].as_str(), feed["patient"].as_str()), (Some("hl7_http:test"), Some("")));
    assert!(monitor["patient"].as_str().is_some_and(|patient| patient.len() == 36));
}

#[test]
fn p2_frames_at_or_below_the_cursor_give_no_rows_and_the_rest_gives_the_same() {
    let frames = feed();
    let whole = run(&frames, 1).0;
    let cursor = frames.len() as u64 / 2;
    let (mut first, _) = pipeline();
    let mut stored = Outcome::default();
    for chunk in frames[..cursor as usize].chunks(10) {
        stored.add(first.run(chunk, 0).expect("a batch"));
    }
    let (mut restarted, _) = pipeline();
    for chunk in frames.chunks(13) {
        if let Some(batch) = restarted.run(chunk, cursor) {
            assert!(batch.first_seq > cursor);
            stored.add(batch);
        }
    }
    assert!(stored == whole);
}

#[test]
fn p2_a_pipeline_resumed_from_its_snapshot_gives_the_rows_it_would_have_given() {
    let frames = feed();
    let whole = run(&frames, 1).0;
    assert!(whole.rows("scores") > 0);
    // In the middle of the deterioration, with alerts open; and during the lock-out after it.
    for second in [90, 130] {
        let cut = frames.iter().position(|f| f.frame.received_at_us >= START_US + second * 1_000_000).expect("a frame");
        let (mut first, _) = pipeline();
        let mut rows = Outcome::default();
        rows.add(first.run(&frames[..cut], 0).expect("a batch"));
        let bytes = postcard::to_stdvec(&first.state()).expect("written");
        let mut resumed = Pipeline::resume(setup(), postcard::from_bytes(&bytes).expect("read")).expect("resumed");
        rows.add(resumed.run(&frames[cut..], 0).expect("a batch"));
        assert!(rows == whole, "cut after {second} s");
    }
}

#[test]
fn an_alert_belongs_to_the_bed_its_patient_lay_in_when_it_opened() {
    let (outcome, _) = run(&feed(), 10_000);
    let text: Vec<String> = outcome.events.iter().map(|json| String::from_utf8_lossy(json).into_owned()).collect();
    let opened =
        text.iter().filter(|json| json.contains("news2-high") && json.contains("opened") && json.contains("1760000240000"));
    assert!(opened.clone().count() > 0 && opened.clone().all(|json| json.contains("\"unit\":\"ICU\"")), "{text:?}");
}

#[test]
fn a_deterioration_opens_an_alert_that_says_why_and_clears_after_recovery() {
    let (outcome, _) = run(&feed(), 100);
    let text: Vec<String> = outcome.events.iter().map(|json| String::from_utf8_lossy(json).into_owned()).collect();
    let opened = text.iter().find(|json| json.contains("news2-high") && json.contains("opened")).expect("opened");
    assert!(opened.contains("contributions") && opened.contains("Resp"), "{opened}");
    assert!(text.iter().any(|json| json.contains("news2-high") && json.contains("cleared")), "{text:?}");
    assert!(!text.iter().any(|json| json.contains("Doe") || json.contains("P1^")), "P6: no identity in a message");
}

fn engine(data: &Path) -> Engine {
    let config: EngineConfig = serde_json::from_value(serde_json::json!({
        "site_key_hex": "07".repeat(32), "batch_ms": 0, "limits": {"past_s_max": 4_000_000_000_i64},
        "journal": {"snapshot_s": 1},
        "bundles": [Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0")],
    }))
    .expect("config");
    Engine::open(data, config).expect("engine")
}

/// Takes batches until frame `seq` is covered.
fn take_until(engine: &Engine, seq: u64, outcome: &mut Outcome) {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        assert!(Instant::now() < patience, "frame {seq} never came out");
        if let Some(batch) = engine.next_batch(Duration::from_millis(100)) {
            let last = batch.last_seq;
            outcome.add(batch);
            if last >= seq {
                return;
            }
        }
    }
}

#[test]
fn an_observation_from_an_empty_bed_is_dead_lettered_and_replays_once_the_admission_arrived() {
    let data = tempfile::tempdir().expect("folder");
    let engine = engine(data.path());
    engine.start(0).expect("start");
    let mut outcome = Outcome::default();
    let reading = &vitals(9, 100, 80.0, 16.0, 122.0).payload;
    let early = engine.submit(Source::JsonMqtt, "test", "ICU/9", reading).expect("submit").seq;
    take_until(&engine, early, &mut outcome);
    assert_eq!((outcome.rows("dead_letters"), outcome.rows("observations")), (5, 0));
    let admission = engine.submit(Source::Hl7Http, "test", "", &admit(9, 0).payload).expect("submit").seq;
    take_until(&engine, admission, &mut outcome);
    let again = engine.replay_frame(early).expect("replay").seq;
    take_until(&engine, again, &mut outcome);
    assert_eq!((outcome.rows("dead_letters"), outcome.rows("observations"), outcome.rows("dead_letter_replays")), (5, 5, 1));
    let twice = engine.replay_frame(early).expect("replay").seq;
    take_until(&engine, twice, &mut outcome);
    assert_eq!(outcome.rows("observations"), 5, "P2: a second replay changes nothing");
    engine.stop();
}

#[test]
fn a_restart_goes_on_from_the_cursor_and_a_foreign_cursor_is_refused() {
    let data = tempfile::tempdir().expect("folder");
    let last = {
        let (engine, mut outcome, mut last) = (engine(data.path()), Outcome::default(), 0);
        engine.start(0).expect("start");
        for journalled in feed().iter().filter(|journalled| journalled.frame.source != Source::Tick).take(300) {
            let f = &journalled.frame;
            last = engine.submit(f.source, &f.principal, &f.context, &f.payload).expect("submit").seq;
        }
        take_until(&engine, last, &mut outcome);
        assert!(outcome.rows("observations") > 1_000);
        engine.stored(last);
        // Ticks come once a second, and with them a snapshot.
        take_until(&engine, last + 3, &mut outcome);
        engine.stop();
        engine.durable_seq()
    };
    let snapshots = || std::fs::read_dir(data.path().join("snapshots")).expect("folder").count();
    assert!(snapshots() > 0, "a snapshot was written");
    let restarted = engine(data.path());
    assert!(restarted.start(last + 1).is_err(), "the store cannot be ahead of the journal");
    restarted.start(last).expect("start");
    let reading = &vitals(1, 200, 80.0, 16.0, 122.0).payload;
    let seq = restarted.submit(Source::JsonMqtt, "test", "ICU/1", reading).expect("submit").seq;
    let mut after = Outcome::default();
    take_until(&restarted, seq, &mut after);
    assert_eq!(after.rows("observations"), 5, "only the new reading, whose bed is known from before the restart");
    let frames = restarted.stats()["pipeline"]["frames"].as_u64().expect("a count");
    assert!(frames < 100, "the restart replayed {frames} of {last} frames: it did not use the snapshot");
    restarted.stop();
}
