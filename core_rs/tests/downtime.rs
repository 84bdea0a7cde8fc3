//! What a server that was down, or comes back with other models, makes of its alerts.

#[path = "as_of/ward.rs"]
#[allow(dead_code)]
mod ward;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{FEEDS_MAX, MessageKind, Pipeline, Setup};
use nightlamp_core::receive::{Frame, Source};
use nightlamp_core::score::Scorers;
use serde_json::Value;
use ward::{START_US, adt, frame, tick};

const S: i64 = 1_000_000;
const SILENT_S: i64 = 60;

fn setup(bundle: &Path, policy: &str) -> Setup {
    Setup {
        policy: policy.to_owned(),
        ..Setup::new(
            Arc::new(Decoder::new(DecodeConfig::default()).expect("decoder")),
            Arc::new(Scorers::load(&[bundle.to_owned()]).expect("scorers")),
            Limits::default(),
        )
    }
}

fn sepsis() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0")
}

/// The same model under another version, as after `nightlamp train`.
fn retrained(folder: &Path) -> PathBuf {
    let bundle = folder.join("sepsis/1.1.1");
    std::fs::create_dir_all(&bundle).expect("folder");
    for file in std::fs::read_dir(sepsis()).expect("bundle").map(|entry| entry.expect("entry").path()) {
        std::fs::copy(&file, bundle.join(file.file_name().expect("name"))).expect("copied");
    }
    let manifest = std::fs::read_to_string(bundle.join("manifest.toml")).expect("manifest");
    let other = manifest.replacen("version = \"1.1.0\"", "version = \"1.1.1\"", 1);
    assert_ne!(manifest, other);
    std::fs::write(bundle.join("manifest.toml"), other).expect("written");
    bundle
}

/// A heart rate by a bed's monitor.
fn monitor(bed: usize, rate: usize, at_us: i64) -> Frame {
    let (time, observation) = (at_us / 1000, format!(r#"{{"code":"8867-4","value":{rate},"unit":"/min"}}"#));
    let text = format!(r#"{{"id":"b{bed}-{at_us}","device":"m{bed}","time":{time},"observations":[{observation}]}}"#);
    frame(Source::JsonMqtt, &format!("ICU/{bed}"), at_us, &text)
}

/// A pipeline and its journal's next number.
struct Server(Pipeline, u64);

impl Server {
    fn start(setup: Setup) -> Self {
        Self(Pipeline::new(setup).expect("pipeline"), 1)
    }

    /// Stopped, and started from its snapshot.
    fn again(self, setup: Setup) -> Self {
        let state = postcard::to_stdvec(&self.0.state()).expect("written");
        Self(Pipeline::resume(setup, postcard::from_bytes(&state).expect("read")).expect("resumed"), self.1)
    }

    fn run(&mut self, frames: Vec<Frame>) -> Vec<Value> {
        let frames: Vec<Journalled> = frames.into_iter().zip(self.1..).map(|(frame, seq)| Journalled { seq, frame }).collect();
        self.1 += frames.len() as u64;
        let batch = self.0.run(&frames, 0).expect("a batch");
        batch.messages.iter().map(|message| serde_json::from_slice(&message.json).expect("json")).collect()
    }
}

/// (rule, step) of the alerts in what was told.
fn steps(told: &[Value]) -> Vec<(&str, &str)> {
    let alerts = told.iter().filter(|message| message["type"] == "alert");
    alerts.map(|alert| (alert["rule"].as_str().expect("rule"), alert["kind"].as_str().expect("kind"))).collect()
}

#[test]
fn silence_while_the_server_was_down_is_nobodys_and_counts_from_when_it_is_back() {
    let policy = format!("[technical]\nmonitor_silent_s = {SILENT_S}\nfeed_silent_s = {SILENT_S}\n");
    let at = |second: i64| START_US + second * S;
    let mut server = Server::start(setup(&sepsis(), &policy));
    let mut frames: Vec<Frame> = (0..3).map(|patient| adt("A01", patient, patient, at(0))).collect();
    for second in 1..100 {
        frames.extend((0..3).map(|bed| monitor(bed, 80, at(second))));
        frames.push(tick(at(second)));
    }
    frames.push(adt("A08", 0, 0, at(99)));
    assert!(steps(&server.run(frames)).is_empty());
    let mut server = server.again(setup(&sepsis(), &policy));
    // Down for half an hour; bed 0 speaks again, beds 1 and 2 and the EHR do not.
    let back = 1_900;
    let mut told = Vec::new();
    for second in back..back + SILENT_S {
        told.extend(server.run(vec![tick(at(second)), monitor(0, 80, at(second))]));
    }
    assert_eq!(steps(&told), [], "nobody was silent for a minute of the server's own time");
    let told = server.run(vec![tick(at(back + SILENT_S))]);
    let mut found = steps(&told);
    found.sort_unstable();
    assert_eq!(found, [("feed-silent", "opened"), ("monitor-silent", "opened"), ("monitor-silent", "opened")]);
    // What was silent before the next stop stays so through it.
    let mut server = server.again(setup(&sepsis(), &policy));
    assert_eq!(steps(&server.run(vec![tick(at(4_000)), tick(at(4_001))])), []);
    let told = server.run(vec![monitor(1, 80, at(4_002)), tick(at(4_002))]);
    assert_eq!(steps(&told), [("monitor-silent", "cleared")]);
}

#[test]
fn p4_of_more_senders_than_are_watched_the_others_frames_are_counted_and_the_watched_ones_are_told() {
    let setup = setup(&sepsis(), "[technical]\nfeed_silent_s = 60\n");
    let counters = Arc::clone(&setup.counters);
    let mut server = Server::start(setup);
    let left_out = || counters.all().find(|(name, _)| *name == "feeds_left_out").expect("counted").1;
    let sender = |number: usize, second: i64| {
        let frame = adt("A08", 0, 0, START_US + second * S);
        Frame { principal: format!("key-{number}").into(), ..frame }
    };
    server.run((0..FEEDS_MAX).map(|number| sender(number, 1)).collect());
    assert_eq!((server.0.feeds().len(), left_out()), (FEEDS_MAX, 0));
    server.run(vec![sender(FEEDS_MAX, 2), sender(FEEDS_MAX + 1, 3), sender(0, 3), sender(FEEDS_MAX, 100)]);
    assert_eq!((server.0.feeds().len(), left_out()), (FEEDS_MAX, 3), "two senders too many, three frames");
    let first = &server.0.feeds()[0];
    assert_eq!((first.source, first.key.as_str(), first.silent), ("hl7_http", "key-0", false));
    assert_eq!((first.first_heard_us, first.last_heard_us), (START_US + S, START_US + 3 * S));
    // Heard for longer than a minute, then silent for one.
    server.run((4..=200).map(|second| if second <= 80 { sender(7, second) } else { tick(START_US + second * S) }).collect());
    let silent: Vec<_> = server.0.feeds().into_iter().filter(|feed| feed.silent).map(|feed| feed.key).collect();
    assert_eq!(silent, ["key-7"]);
}

#[test]
fn an_alert_stays_on_the_board_when_another_version_of_its_model_is_loaded() {
    let policy = "[[rule]]\nname = \"sepsis-high\"\nscore = \"sepsis\"\nseverity = \"high\"\nenter = 1e-6\nclear = 1e-7\n";
    let folder = tempfile::tempdir().expect("folder");
    let at = |second: i64| START_US + second * S;
    let mut server = Server::start(setup(&sepsis(), policy));
    let told = server.run(vec![adt("A01", 0, 0, at(0)), monitor(0, 120, at(1)), tick(at(1))]);
    assert_eq!(steps(&told), [("sepsis-high", "opened")]);
    let id = told.iter().find(|message| message["type"] == "alert").expect("alert")["id"].clone();
    let mut server = server.again(setup(&retrained(folder.path()), policy));
    let shown = server.0.everybody().messages;
    let tile = shown.iter().find(|message| message.kind == MessageKind::Patient).expect("the patient");
    let tile: Value = serde_json::from_slice(&tile.json).expect("json");
    assert_eq!((&tile["alerts"][0]["id"], &tile["alerts"][0]["score"]), (&id, &Value::from("")), "whose model is gone");
    let told = server.run(vec![monitor(0, 121, at(4_000)), tick(at(4_000))]);
    assert_eq!(steps(&told), [], "it is the same alert");
    let mut left = adt("A03", 0, 0, at(4_001));
    left.received_at_us = at(4_001);
    let told = server.run(vec![left]);
    assert_eq!(steps(&told), [("sepsis-high", "cleared")]);
    assert_eq!(
        told.iter().find(|message| message["type"] == "alert").expect("alert")["score"],
        "sepsis",
        "evaluated again since"
    );
}
