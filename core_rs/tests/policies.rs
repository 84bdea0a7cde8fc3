//! Changes of the alert policy in the journal: what comes out depends on the frames alone, not on batches, snapshots or starts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use nightlamp_core::alert::{BY_FILE, PolicyChange, sha256};
use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{Batch, MessageKind, Pipeline, Read, Setup};
use nightlamp_core::receive::{Frame, Source};
use nightlamp_core::score::Scorers;

const START_US: i64 = 1_760_000_000_000_000;
const SETTINGS: &str = "[[rule]]\nname = \"high\"\nscore = \"news2\"\nseverity = \"high\"\nenter = 7\nclear = 4\n";
/// Another name for the same, with a chain, an eye on monitors and a trend.
const STRICT: &str = "[[rule]]\nname = \"strict\"\nscore = \"news2\"\nseverity = \"medium\"\nenter = 6\nclear = 2\n\
                      [[escalation]]\nseverity = \"medium\"\nsteps = [{ after_s = 5, to = \"physician\" }]\n\
                      [technical]\nmonitor_silent_s = 5\n\
                      [[rule]]\nname = \"rise\"\nseverity = \"low\"\n\
                      when = { signal = \"HR\", rising_by = 40, within_s = 14400 }\n";

fn setup(bundles: bool) -> Setup {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0");
    Setup {
        decoder: Arc::new(Decoder::new(DecodeConfig::default()).expect("decoder")),
        scorers: Arc::new(Scorers::load(if bundles { std::slice::from_ref(&bundle) } else { &[] }).expect("scorers")),
        limits: Limits::default(),
        policy: SETTINGS.to_owned(),
        counters: Arc::default(),
        supervision: Default::default(),
        seen: Default::default(),
        book: Default::default(),
    }
}

fn frame(source: Source, context: &str, at_s: i64, payload: &[u8]) -> Frame {
    let (principal, context) = ("test".into(), context.into());
    Frame { source, principal, context, received_at_us: START_US + at_s * 1_000_000, payload: Bytes::copy_from_slice(payload) }
}

fn change(at_s: i64, policy: &str, by: &str) -> Frame {
    let change = PolicyChange { policy: policy.to_owned(), by: by.to_owned(), note: format!("at {at_s}") };
    frame(Source::Policy, "", at_s, &serde_json::to_vec(&change).expect("JSON"))
}

fn vitals(patient: usize, at_s: i64, hr: f64) -> Frame {
    let (resp, sbp) = if hr > 100.0 { (28.0, 85.0) } else { (15.0, 121.0) };
    let text = format!(
        r#"{{"time":{},"observations":[{{"code":"8867-4","value":{hr},"unit":"/min"}},
        {{"code":"9279-1","value":{resp},"unit":"/min"}},{{"code":"8480-6","value":{sbp},"unit":"mm[Hg]"}},
        {{"code":"59408-5","value":95,"unit":"%"}},{{"code":"8310-5","value":37.0,"unit":"Cel"}}]}}"#,
        (START_US + at_s * 1_000_000) / 1_000
    );
    frame(Source::JsonMqtt, &format!("ICU/{patient}"), at_s, text.as_bytes())
}

/// Two patients, sick from second 40 to 140; patient 0's monitor falls silent at 90. The policy changes under them at 60, 80, 100
/// and 120, each time between two values of one second, and is once not to be read.
fn feed() -> Vec<Journalled> {
    let admit = |patient: usize| {
        let text = format!(
            "MSH|^~\\&|EHR|HOSP|NL|HOSP|20251009085320+0000||ADT^A01^ADT_A01|A{patient}|P|2.5.1\rEVN||20251009085320+0000\r\
             PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|ICU^{patient}^{patient}\r"
        );
        frame(Source::Hl7Http, "", 0, text.as_bytes())
    };
    let mut frames = vec![change(0, SETTINGS, BY_FILE), admit(0), admit(1)];
    for second in 1..180 {
        let hr = if (40..140).contains(&second) { 135.0 } else { 70.0 + (second % 5) as f64 };
        frames.extend((second < 90).then(|| vitals(0, second, hr)));
        frames.extend(match second {
            60 => Some(change(second, STRICT, "k7")),
            80 => Some(change(second, "[[rule]]\nnonsense = 1\n", "k7")),
            100 => Some(change(second, "[technical]\nmonitor_silent_s = 6\n", "k7")),
            120 => Some(change(second, SETTINGS, "k8")),
            125 => Some(frame(Source::Policy, "", second, b"{}")),
            _ => None,
        });
        frames.extend([vitals(1, second, hr), frame(Source::Tick, "", second, b"")]);
    }
    frames.into_iter().zip(1..).map(|(frame, seq)| Journalled { seq, frame }).collect()
}

/// Rows of every table without header and trailer, and the messages of alerts.
#[derive(Default, PartialEq, Eq)]
struct Outcome {
    rows: BTreeMap<&'static str, (u32, Vec<u8>)>,
    told: Vec<Vec<u8>>,
}

impl Outcome {
    fn add(&mut self, batch: Batch) {
        for table in batch.tables.into_iter().filter(|table| table.table != "patients_seen") {
            let entry = self.rows.entry(table.table).or_default();
            entry.0 += table.rows;
            entry.1.extend_from_slice(&table.bytes[19..table.bytes.len() - 2]);
        }
        self.told.extend(batch.messages.into_iter().filter(|one| one.kind == MessageKind::Alert).map(|one| one.json));
    }

    /// (rule, step, second, reason) of each step of the alerts of one patient, or of all.
    fn steps(&self) -> Vec<(String, String, i64, String)> {
        let text = |event: &serde_json::Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let read = |json: &Vec<u8>| {
            let event: serde_json::Value = serde_json::from_slice(json).expect("JSON");
            let second = event["at_ms"].as_i64().unwrap_or(0) / 1_000 - START_US / 1_000_000;
            (text(&event, "rule"), text(&event, "kind"), second, text(&event, "reason"))
        };
        self.told.iter().map(read).collect()
    }
}

fn run(frames: &[Journalled], cut: usize) -> (Outcome, BTreeMap<&'static str, u64>) {
    let setup = setup(true);
    let counters = Arc::clone(&setup.counters);
    let mut pipeline = Pipeline::new(setup).expect("pipeline");
    let mut outcome = Outcome::default();
    frames.chunks(cut).for_each(|chunk| outcome.add(pipeline.run(chunk, 0).expect("a batch")));
    (outcome, counters.all().collect())
}

#[test]
fn a_policy_holds_from_its_frame_on_and_alerts_of_rules_that_are_gone_end_with_the_reason() {
    let (outcome, count) = run(&feed(), 50);
    let steps = outcome.steps();
    let at = |rule: &str, kind: &str| -> Vec<i64> {
        steps.iter().filter(|step| (step.0.as_str(), step.1.as_str()) == (rule, kind)).map(|step| step.2).collect()
    };
    assert_eq!(at("high", "opened"), [40, 40, 120], "patient 0 is silent since 90: no score of the rule after 120");
    assert_eq!(at("high", "cleared"), [60, 60, 140]);
    assert_eq!(at("strict", "opened"), [60, 61], "patient 0's value came before the change, in the same second");
    assert_eq!(at("strict", "escalated"), [65, 66], "by the chain of the policy that opened them");
    assert_eq!(at("strict", "cleared"), [100, 100], "and the policy that could not be read changed nothing");
    assert_eq!((at("monitor-silent", "opened"), at("monitor-silent", "cleared")), (vec![94], vec![120]), "watched until 120");
    let gone = steps.iter().filter(|step| step.3 == "the policy no longer has this rule").count();
    assert_eq!(at("rise", "opened"), [60, 61], "the trend sees what came before the policy");
    assert_eq!(gone, 7, "{steps:?}");
    let counted = ["frames_policy", "policies_taken", "policies_refused", "frames_dead"].map(|name| count[name]);
    assert_eq!(counted, [5, 4, 1, 1]);
    assert_eq!((outcome.rows["policy_changes"].0, outcome.rows["dead_letters"].0), (5, 1));
}

#[test]
fn p2_changes_of_the_policy_give_the_same_rows_however_the_frames_are_cut_into_batches() {
    let frames = feed();
    let whole = run(&frames, frames.len()).0;
    for cut in [1, 3, 7, 50] {
        assert!(run(&frames, cut).0 == whole, "cut into batches of {cut}");
    }
}

#[test]
fn p2_a_start_from_a_snapshot_goes_on_under_the_policy_in_force_whatever_the_settings_say() {
    let frames = feed();
    let whole = run(&frames, 1).0;
    // Other settings: they count only where the journal has said nothing.
    let other = || Setup { policy: "rule = []\n".to_owned(), ..setup(true) };
    for after in [1, 50, 150, 220, 300, 380, 440] {
        let mut first = Pipeline::new(other()).expect("pipeline");
        let mut stored = Outcome::default();
        stored.add(first.run(&frames[..after], 0).expect("a batch"));
        let snapshot = postcard::to_stdvec(&first.state()).expect("written");
        let read: Read = postcard::from_bytes(&snapshot).expect("read");
        let mut second = Pipeline::resume(other(), read).expect("resumed");
        stored.add(second.run(&frames[after..], 0).expect("a batch"));
        assert!(stored == whole, "a snapshot after frame {after}");
    }
}

#[test]
fn what_was_adopted_from_the_settings_is_known_after_a_start_and_what_the_api_loaded_stays_in_force() {
    let frames = feed();
    let mut pipeline = Pipeline::new(setup(true)).expect("pipeline");
    assert!(!pipeline.policies().has_adopted(SETTINGS) && pipeline.policies().seq() == 0);
    assert_eq!(pipeline.policy_now().text, SETTINGS);
    pipeline.run(&frames[..250], 0);
    let snapshot = postcard::to_stdvec(&pipeline.state()).expect("written");
    let resumed = Pipeline::resume(setup(true), postcard::from_bytes(&snapshot).expect("read")).expect("resumed");
    assert!(resumed.policies().has_adopted(SETTINGS) && !resumed.policies().has_adopted(STRICT));
    let now = resumed.policy_now();
    let since = now.since.as_ref().expect("a frame said it");
    assert_eq!((now.text.as_str(), since.change.by.as_str(), since.change.note.as_str()), (STRICT, "k7", "at 60"));
    assert_eq!((since.at_us, since.change.sha256()), (START_US + 60_000_000, sha256(STRICT)));
}

#[test]
fn a_policy_met_again_without_its_models_keeps_the_rules_whose_scores_are_there_and_says_what_is_left_out() {
    let two =
        format!("{SETTINGS}[[rule]]\nname = \"model\"\nscore = \"sepsis\"\nseverity = \"low\"\nenter = 0.5\nclear = 0.4\n");
    let frames: Vec<Journalled> =
        [change(0, &two, "k7")].into_iter().zip(1..).map(|(frame, seq)| Journalled { seq, frame }).collect();
    let mut with = Pipeline::new(setup(true)).expect("pipeline");
    with.run(&frames, 0);
    assert!(with.policy_now().notes.is_empty());
    let snapshot = postcard::to_stdvec(&with.state()).expect("written");
    let resumed = Pipeline::resume(setup(false), postcard::from_bytes(&snapshot).expect("read")).expect("resumed");
    let mut replayed = Pipeline::new(setup(false)).expect("pipeline");
    replayed.run(&frames, 0);
    for pipeline in [resumed, replayed] {
        let now = pipeline.policy_now();
        assert_eq!((now.text.as_str(), now.notes.len()), (two.as_str(), 1));
        assert!(now.notes[0].contains("no score \"sepsis\" is loaded"), "{:?}", now.notes);
    }
}

#[test]
fn a_policy_that_is_held_holds_whatever_the_journal_says() {
    let mut pipeline = Pipeline::new(setup(true)).expect("pipeline");
    pipeline.hold_policy("rule = []\n").expect("read");
    let mut outcome = Outcome::default();
    outcome.add(pipeline.run(&feed(), 0).expect("a batch"));
    assert!(outcome.told.is_empty() && outcome.rows["policy_changes"].0 == 5);
}

#[test]
fn p8_a_rule_that_looks_back_further_than_the_models_sees_it_and_changes_no_score_no_row_and_no_correction() {
    let rise = format!(
        "{SETTINGS}[[rule]]\nname = \"rise\"\nseverity = \"low\"\nwhen = {{ signal = \"HR\", rising_by = 40, within_s = 14400 }}\n"
    );
    let admit = feed().swap_remove(1).frame;
    let slow = |at_s: i64| 60.0 + (at_s / 150) as f64;
    let frames = |policy: &str| -> Vec<Journalled> {
        let values = (0..7_200).step_by(30).map(|at_s| vitals(0, at_s + 1, slow(at_s)));
        // What a monitor said two hours ago is corrected: the models' hour is over, the rule's is not.
        let late = vitals(0, 61, 200.0);
        let text =
            String::from_utf8(late.payload.to_vec()).expect("text").replace("\"unit\"", "\"status\":\"corrected\",\"unit\"");
        let late = Frame { payload: Bytes::from(text), received_at_us: START_US + 7_300_000_000, ..late };
        let all = [change(0, policy, BY_FILE), admit.clone()].into_iter().chain(values).chain([late, vitals(0, 7_400, 108.0)]);
        all.zip(1..).map(|(frame, seq)| Journalled { seq, frame }).collect()
    };
    let (with, without) = (run(&frames(&rise), 50).0, run(&frames(SETTINGS), 50).0);
    let risen: Vec<_> = with.steps().into_iter().filter(|step| step.0 == "rise").collect();
    assert_eq!(risen.len(), 1, "{risen:?}");
    assert_eq!((risen[0].1.as_str(), risen[0].2), ("opened", 6_001));
    assert!(risen[0].3.contains("up 40 from 60 within 4 h"), "{risen:?}");
    let of_models = |outcome: &Outcome| {
        let rows = outcome.rows.iter().filter(|(table, _)| !["alert_events", "policy_changes"].contains(table));
        rows.map(|(table, rows)| (*table, rows.clone())).collect::<BTreeMap<_, _>>()
    };
    assert!(without.rows["dead_letters"].0 > 0 && without.rows["scores"].0 > 100, "{:?}", without.rows.keys());
    let (with, without) = (of_models(&with), of_models(&without));
    for (table, rows) in &without {
        assert!(with.get(table) == Some(rows), "{table}");
    }
    assert_eq!(with.len(), without.len());
}
