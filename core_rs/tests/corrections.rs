//! Corrections through the whole Rust route: withdrawn values, cancelled events, merged records.

#[path = "as_of/ward.rs"]
#[allow(dead_code)]
mod ward;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use nightlamp_core::alert::DEFAULT_POLICY_TOML;
use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{Batch, Counters, MessageKind, Pipeline, Read, Setup};
use nightlamp_core::receive::Frame;
use nightlamp_core::score::Scorers;

const S: i64 = 1_000_000;

/// The default policy, and rules with conditions.
fn with_conditions(counters: &Arc<Counters>) -> Setup {
    Setup { policy: [DEFAULT_POLICY_TOML, ward::CONDITIONS].concat(), ..setup(counters) }
}

fn setup(counters: &Arc<Counters>) -> Setup {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0");
    Setup {
        counters: Arc::clone(counters),
        ..Setup::new(
            Arc::new(Decoder::new(DecodeConfig::default()).expect("decoder")),
            Arc::new(Scorers::load(&[bundle]).expect("scorers")),
            Limits::default(),
        )
    }
}

fn numbered(frames: Vec<Frame>) -> Vec<Journalled> {
    frames.into_iter().zip(1..).map(|(frame, seq)| Journalled { seq, frame }).collect()
}

/// The tuples of each table; whom a batch speaks of is told once a batch and left out.
fn collect(into: &mut BTreeMap<String, Vec<u8>>, batch: &Batch) {
    for table in batch.tables.iter().filter(|table| table.table != "patients_seen") {
        let tuples = &table.bytes[19..table.bytes.len() - 2];
        into.entry(table.table.to_string()).or_default().extend_from_slice(tuples);
    }
}

#[test]
fn p2_the_same_journal_in_other_batches_and_through_snapshots_gives_the_same_bytes() {
    for seed in 21..=23 {
        let frames = numbered(ward::frames(seed, 1_500));
        let mut told: Vec<BTreeMap<String, Vec<u8>>> = Vec::new();
        for (size, every) in [(1_500, 0), (7, 0), (64, 3)] {
            let counters = Arc::default();
            let mut pipeline = Pipeline::new(with_conditions(&counters)).expect("pipeline");
            let mut tables = BTreeMap::new();
            for (at, chunk) in frames.chunks(size).enumerate() {
                collect(&mut tables, &pipeline.run(chunk, 0).expect("a batch"));
                if every > 0 && at % every == 0 {
                    let bytes = postcard::to_stdvec(&pipeline.state()).expect("written");
                    let read: Read = postcard::from_bytes(&bytes).expect("read");
                    pipeline = Pipeline::resume(with_conditions(&counters), read).expect("resumed");
                }
            }
            let count: BTreeMap<&str, u64> = counters.all().collect();
            let sum = |names: &[&str]| names.iter().map(|name| count[name]).sum::<u64>();
            assert_eq!(count["observations"], sum(&["observations_kept", "observations_repeated", "observations_dead"]));
            told.push(tables);
        }
        assert!(told[0].contains_key("patient_merges") && told[0].contains_key("dead_letters"));
        for (other, tables) in told.iter().enumerate().skip(1) {
            for (name, bytes) in &told[0] {
                assert!(tables.get(name) == Some(bytes), "seed {seed}, cut {other}: {name} differs");
            }
            assert_eq!(tables.len(), told[0].len());
        }
    }
}

/// A short story of one ward, frame by frame.
struct Story {
    pipeline: Pipeline,
    seq: u64,
}

/// What became of a frame: rows by table, alert reasons, whom consoles were told of.
struct Outcome {
    rows: BTreeMap<String, u32>,
    alerts: Vec<String>,
    shown: Vec<(MessageKind, String)>,
}

impl Story {
    fn new() -> Self {
        Self { pipeline: Pipeline::new(setup(&Arc::default())).expect("pipeline"), seq: 0 }
    }

    fn say(&mut self, frame: Frame) -> Outcome {
        self.seq += 1;
        let batch = self.pipeline.run(&[Journalled { seq: self.seq, frame }], 0).expect("a batch");
        let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).expect("json");
        let alerts = batch.messages.iter().filter(|message| message.kind == MessageKind::Alert);
        Outcome {
            rows: batch.tables.iter().map(|table| (table.table.to_string(), table.rows)).collect(),
            alerts: alerts.map(|message| json(&message.json)["reason"].as_str().unwrap_or_default().to_owned()).collect(),
            shown: batch
                .messages
                .iter()
                .map(|message| (message.kind, message.patient.map(|patient| patient.to_string()).unwrap_or_default()))
                .collect(),
        }
    }
}

fn at(s: i64) -> i64 {
    ward::START_US + s * S
}

/// Values of a patient observed at one time, each with this status: one object of device JSON.
fn part(patient: usize, observed_s: i64, at_s: i64, status: &str, values: &[(&str, f64, &str)]) -> String {
    let items: Vec<String> = values
        .iter()
        .map(|(code, value, unit)| format!(r#"{{"code":"{code}","value":{value},"unit":"{unit}","status":"{status}"}}"#))
        .collect();
    format!(
        r#"{{"id":"v{patient}-{at_s}-{status}","device":"d","patient":{{"authority":"HOSP","identifier":"P{patient}"}},"time":{},"observations":[{}]}}"#,
        at(observed_s) / 1_000,
        items.join(",")
    )
}

/// One frame of several such objects.
fn together(at_s: i64, parts: &[String]) -> Frame {
    let like = ward::adt("A01", 1, 1, at(at_s));
    let payload = Bytes::from(format!("[{}]", parts.join(",")));
    Frame { source: nightlamp_core::receive::Source::JsonHttp, payload, ..like }
}

/// All vitals of a patient at one time, each with this status.
fn vitals(patient: usize, observed_s: i64, at_s: i64, status: &str, values: &[(&str, f64, &str)]) -> Frame {
    let part = part(patient, observed_s, at_s, status, values);
    Frame { payload: Bytes::from(part), ..together(at_s, &[]) }
}

const ILL: [(&str, f64, &str); 5] = [
    ("8867-4", 135.0, "/min"),
    ("9279-1", 28.0, "/min"),
    ("59408-5", 88.0, "%"),
    ("8480-6", 84.0, "mm[Hg]"),
    ("8310-5", 39.5, "Cel"),
];

#[test]
fn p7_an_alert_that_rests_on_withdrawn_values_ends_and_no_score_keeps_them() {
    let mut story = Story::new();
    story.say(ward::adt("A01", 1, 1, at(0)));
    let ill = story.say(vitals(1, 10, 10, "F", &ILL));
    assert!(ill.alerts.iter().any(|reason| reason.starts_with("NEWS2")), "{:?}", ill.alerts);
    let gone = story.say(vitals(1, 10, 12, "W", &ILL));
    assert_eq!(gone.alerts, ["the values it rested on were withdrawn"; 1].map(str::to_owned));
    assert_eq!(gone.rows.get("scores"), None, "there is nothing to score");
    // The originals once more, by another way: they stay withdrawn.
    let late = story.say(vitals(1, 10, 14, "F", &ILL));
    assert_eq!((late.rows["dead_letters"], late.rows.get("observations"), late.alerts.len()), (5, None, 0));
    let again = story.say(vitals(1, 20, 20, "F", &ILL));
    assert!(again.rows.contains_key("scores"));
}

#[test]
fn p7_a_correction_is_scored_at_once_whatever_the_interval() {
    let mut story = Story::new();
    story.say(ward::adt("A01", 1, 1, at(0)));
    story.say(vitals(1, 10, 10, "F", &ILL));
    story.say(vitals(1, 11, 11, "F", &ILL)); // alerts that need two evaluations open
    let repeated = story.say(vitals(1, 12, 12, "F", &ILL));
    assert_eq!(repeated.rows.get("scores"), None, "unchanged, and a minute is not over");
    let corrected = story.say(vitals(1, 12, 13, "C", &[("8867-4", 134.0, "/min")]));
    assert!(corrected.rows["scores"] > 3, "{:?}", corrected.rows);
    let unusable = story.say(vitals(1, 12, 14, "C", &[("8867-4", 99.0, "furlong")]));
    assert_eq!((unusable.rows["dead_letters"], unusable.rows["observations"]), (1, 1));
}

#[test]
fn p7_cancelled_events_are_undone_for_scores_alerts_and_consoles() {
    let mut story = Story::new();
    story.say(ward::adt("A01", 1, 1, at(0)));
    story.say(vitals(1, 10, 10, "F", &ILL));
    let left = story.say(ward::adt("A03", 1, 1, at(20)));
    assert!(left.alerts.iter().all(|reason| reason == "the patient left") && !left.alerts.is_empty());
    let back = story.say(ward::adt("A13", 1, 1, at(30)));
    assert!(
        back.rows.contains_key("scores") && back.alerts.iter().any(|reason| reason.starts_with("NEWS2")),
        "{:?}",
        back.alerts
    );
    assert!(back.shown.iter().any(|(kind, _)| *kind == MessageKind::Patient));
    let never = story.say(ward::adt("A11", 1, 1, at(40)));
    assert!(never.alerts.iter().all(|reason| reason == "the admission was cancelled") && !never.alerts.is_empty());
    assert!(never.shown.iter().any(|(kind, _)| *kind == MessageKind::Left));
    assert_eq!(never.rows.get("scores"), None);
    let nothing = story.say(ward::adt("A12", 1, 1, at(50)));
    assert_eq!((nothing.rows["dead_letters"], nothing.rows.get("encounter_events")), (1, None));
}

#[test]
fn p7_merged_records_are_one_patient_at_once_and_the_former_name_stays_theirs() {
    let mut story = Story::new();
    story.say(ward::adt("A01", 1, 1, at(0)));
    story.say(ward::adt("A01", 2, 2, at(1)));
    let ill = story.say(vitals(2, 10, 10, "F", &ILL));
    let former = ill.shown[0].1.clone();
    let merged = story.say(ward::merge(2, 1, at(20)));
    assert_eq!((merged.rows["patient_merges"], merged.rows["encounter_events"]), (1, 1));
    assert!(merged.rows["scores"] > 0 && merged.alerts.contains(&"the record was merged into another".to_owned()));
    assert!(
        merged.alerts.iter().any(|reason| reason.starts_with("NEWS2")),
        "the survivor is scored at once: {:?}",
        merged.alerts
    );
    assert!(merged.shown.contains(&(MessageKind::Left, former.clone())));
    let survivor = merged.shown.iter().find(|(kind, _)| *kind == MessageKind::Patient).expect("shown").1.clone();
    assert_ne!(survivor, former);
    let late = story.say(vitals(2, 30, 30, "F", &ILL));
    assert!(late.shown.iter().all(|(_, patient)| *patient == survivor), "{:?}", late.shown);
    let loops = story.say(ward::merge(1, 2, at(40)));
    assert_eq!((loops.rows["dead_letters"], loops.rows.get("patient_merges")), (1, None));
    let again = story.say(ward::merge(2, 1, at(50)));
    assert_eq!((again.rows.get("dead_letters"), again.rows.get("patient_merges")), (None, None));
}

const HOUR: i64 = 3_600;
const CREATININE: (&str, f64, &str) = ("2160-0", 1.4, "mg/dL");

/// Two patients whose alerts are open, and thirteen hours in which nothing was heard: rules have nothing new enough to speak of.
fn long_silent() -> Story {
    let mut story = Story::new();
    for patient in 1..=2 {
        story.say(ward::adt("A01", patient, patient, at(0)));
        story.say(vitals(patient, 10, 10, "F", &ILL));
        let ill = story.say(vitals(patient, 20, 20, "F", &ILL));
        assert!(ill.alerts.iter().any(|reason| reason.starts_with("qSOFA")), "{:?}", ill.alerts);
    }
    story
}

#[test]
fn p7_what_is_said_of_one_patient_ends_no_alert_of_another_in_the_same_frame() {
    let mut story = long_silent();
    let now = 13 * HOUR;
    let well = part(1, now, now, "F", &[("8867-4", 70.0, "/min"), ("9279-1", 14.0, "/min")]);
    let corrected = part(2, now - 60, now, "C", &[CREATININE]);
    let said = story.say(together(now, &[well, corrected]));
    assert_eq!((said.rows["observations"], said.rows.get("dead_letters")), (3, None));
    assert_eq!(said.alerts, Vec::<String>::new());
}

#[test]
fn p7_a_value_that_nobody_corrected_ends_no_alert_beside_one_that_somebody_did() {
    let mut story = long_silent();
    let now = 13 * HOUR;
    let charted_late = part(2, now - 12 * HOUR - HOUR / 2, now, "F", &[("8867-4", 120.0, "/min")]);
    let corrected = part(2, now - 60, now, "C", &[CREATININE]);
    let said = story.say(together(now, &[charted_late, corrected]));
    assert_eq!((said.rows["observations"], said.alerts.len()), (2, 0), "{:?}", said.alerts);
    // Its own correction does: nothing is left that the score could rest on.
    let own = story.say(vitals(2, 20, now + 1, "C", &[("8867-4", 134.0, "/min")]));
    assert!(own.alerts.contains(&"the values it rested on were withdrawn".to_owned()), "{:?}", own.alerts);
}

#[test]
fn p7_several_patients_in_one_frame_are_scored_and_alerted_as_in_frames_of_their_own() {
    for seed in 1..=8 {
        let mut dice = ward::Dice(seed);
        let (mut one, mut each) = (Story::new(), Story::new());
        for patient in 1..=3 {
            for story in [&mut one, &mut each] {
                story.say(ward::adt("A01", patient, patient, at(0)));
            }
        }
        let (mut scores, mut alerts) = ([0, 0], [Vec::new(), Vec::new()]);
        let mut now = 0;
        for _ in 1..60 {
            now += 600 * (1 + dice.below(12) as i64);
            let parts: Vec<String> = (1..=3)
                .filter(|_| !dice.next().is_multiple_of(3))
                .collect::<Vec<usize>>()
                .into_iter()
                .map(|patient| {
                    let status = ["F", "F", "C", "W"][dice.below(4)];
                    let values: Vec<_> = ILL.into_iter().chain([CREATININE]).filter(|_| dice.one_in(2)).collect();
                    part(patient, now - 60 * dice.below(3) as i64, now, status, &values)
                })
                .collect();
            let said = one.say(together(now, &parts));
            scores[0] += said.rows.get("scores").unwrap_or(&0);
            alerts[0].extend(said.alerts);
            for part in &parts {
                let said = each.say(together(now, std::slice::from_ref(part)));
                scores[1] += said.rows.get("scores").unwrap_or(&0);
                alerts[1].extend(said.alerts);
            }
        }
        assert_eq!((scores[0], &alerts[0]), (scores[1], &alerts[1]), "seed {seed}");
        assert!(!alerts[0].is_empty() && scores[0] > 50, "seed {seed} says something");
    }
}

#[test]
fn p5_a_frame_of_corrections_costs_what_its_patients_cost_one_by_one() {
    // Shares of one run, since a machine may be slow: sixteen times the patients must not cost thirty times as much.
    let cost = |patients: usize| {
        let mut story = Story::new();
        for patient in 0..patients {
            story.say(ward::adt("A01", patient, patient, at(0)));
        }
        (60..63)
            .map(|now| {
                let of = |patient| part(patient, now, now, "C", &[CREATININE]);
                let frame = together(now, &(0..patients).map(of).collect::<Vec<_>>());
                let began = std::time::Instant::now();
                assert_eq!(story.say(frame).rows["observations"] as usize, patients);
                began.elapsed()
            })
            .min()
            .expect("three frames")
    };
    // What else the machine does may fall on the large ones only: one of five tries tells.
    let mut seen = Vec::new();
    let holds = (0..5).any(|_| {
        let (small, large) = (cost(300), cost(4_800));
        seen.push((small, large));
        large < small * 28
    });
    assert!(holds, "for 300 patients and for 4,800: {seen:?}");
}
