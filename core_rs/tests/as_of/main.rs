//! "As it was": whatever happened on a ward, what the route stored of a patient comes out of the journal again, bit for bit.

mod ward;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nightlamp_core::alert::{AlertKind, DEFAULT_POLICY_TOML, NO_SCORER, Severity};
use nightlamp_core::decode::{Decoder, PatientId};
use nightlamp_core::engine::{Asked, EngineConfig, History, ReplayError, Replayed, Snapshots, Until};
use nightlamp_core::journal::{Journal, Journalled};
use nightlamp_core::pipeline::{Origin, Pipeline, Setup};
use nightlamp_core::receive::{Frame, Source};
use nightlamp_core::score::{Score, Scorers};
use nightlamp_core::store::{CopyTable, ScoreRows};

fn config() -> EngineConfig {
    serde_json::from_value(serde_json::json!({
        "site_key_hex": "07".repeat(32),
        "limits": {"past_s_max": 4_000_000_000_i64, "journal_segment_bytes_max": 65_536},
        "bundles": [Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0")],
        "policy": format!("{DEFAULT_POLICY_TOML}{}", ward::CONDITIONS),
    }))
    .expect("config")
}

fn pipeline() -> (Pipeline, Arc<Scorers>) {
    let config = config();
    let scorers = Arc::new(Scorers::load(&config.bundles).expect("scorers"));
    let setup = Setup::new(Arc::new(Decoder::new(config.decode()).expect("decoder")), Arc::clone(&scorers), config.limits);
    (Pipeline::new(Setup { policy: config.policy, ..setup }).expect("pipeline"), scorers)
}

/// Everything up to a cut of the COPY stream, row by row.
fn rows(table: &CopyTable) -> Vec<Vec<u8>> {
    let (mut rest, mut out) = (&table.bytes[19..table.bytes.len() - 2], Vec::new());
    while !rest.is_empty() {
        let mut end = 2;
        for _ in 0..i16::from_be_bytes([rest[0], rest[1]]) {
            let len = i32::from_be_bytes(rest[end..end + 4].try_into().expect("a length"));
            end += 4 + usize::try_from(len).unwrap_or(0);
        }
        let (row, after) = rest.split_at(end);
        out.push(row.to_vec());
        rest = after;
    }
    out
}

/// The row a score would be stored as.
fn row(score: &Score, scorers: &Scorers) -> Vec<u8> {
    let mut one = ScoreRows::new();
    one.push(score, scorers.named(score.scorer));
    rows(&one.finish().expect("a row")).remove(0)
}

/// What the route made of a ward, and the folder it left behind.
struct Told {
    data: tempfile::TempDir,
    frames: Vec<Journalled>,
    /// Rows of `scores` by patient, in order.
    scores: BTreeMap<PatientId, Vec<Vec<u8>>>,
    scorers: Arc<Scorers>,
}

/// Journals the frames, runs them in batches and writes a snapshot after each of these shares of them.
fn tell(frames: Vec<Frame>, snapshots: &[usize]) -> Told {
    let data = tempfile::tempdir().expect("folder");
    let journal = Journal::open(&data.path().join("journal"), config().journal()).expect("journal");
    let kept = Snapshots::open(&data.path().join("snapshots")).expect("folder");
    for frame in &frames {
        let seq = journal.submit(&frame.as_ref()).expect("journalled").seq;
        if seq.is_multiple_of(50) {
            journal.wait_durable(seq, Duration::from_secs(10));
        }
    }
    journal.wait_durable(frames.len() as u64, Duration::from_secs(10));
    let frames: Vec<_> = frames.into_iter().zip(1..).map(|(frame, seq)| Journalled { seq, frame }).collect();
    let (mut pipeline, scorers) = pipeline();
    let mut scores: BTreeMap<PatientId, Vec<Vec<u8>>> = BTreeMap::new();
    for chunk in frames.chunks(10) {
        let batch = pipeline.run(chunk, 0).expect("a batch");
        for table in batch.tables.iter().filter(|table| table.table == "scores") {
            for row in rows(table) {
                // seq and ordinal come first: 2 + 4 + 8 + 4 + 4 bytes, then the length of the patient's number.
                let patient = PatientId(row[26..42].try_into().expect("sixteen bytes"));
                scores.entry(patient).or_default().push(row);
            }
        }
        if snapshots.contains(&(batch.last_seq as usize)) {
            kept.write(batch.last_seq, &pipeline.state()).expect("written");
        }
    }
    Told { data, frames, scores, scorers }
}

impl Told {
    fn history(&self) -> History {
        History::open(self.data.path(), &config()).expect("history")
    }

    fn ask(&self, patient: PatientId, until: Until, history: bool) -> Result<Replayed, ReplayError> {
        let time_max = Duration::from_secs(60);
        let asked = Asked { patient, until, time_max, bundles: Vec::new(), models: Vec::new(), history };
        self.history().as_of(&asked, &|| false)
    }
}

fn seq_of(row: &[u8]) -> u64 {
    u64::from_be_bytes(row[6..14].try_into().expect("eight bytes"))
}

/// Whether a row is of a model, whose scores fall due by what was scored before.
fn is_model(row: &[u8]) -> bool {
    row.get(46..52) == Some(b"sepsis")
}

fn stored(replayed: &Replayed) -> Vec<Vec<u8>> {
    let stored = replayed.past.scores.iter().filter(|score| score.origin == Origin::Stored);
    stored.map(|score| row(&score.score, &replayed.scorers)).collect()
}

#[test]
fn every_stored_score_comes_out_of_the_journal_again_bit_for_bit() {
    let mut merged = 0;
    for seed in 1..=3 {
        let told = tell(ward::frames(seed, 1_200), &[]);
        let (last, mut compared, mut companions) = (told.frames.len() as u64, 0, 0);
        assert!(told.scores.values().map(Vec::len).sum::<usize>() > 100, "the ward is scored");
        for (patient, rows) in &told.scores {
            let Ok(replayed) = told.ask(*patient, Until::Frame(last), true) else { continue };
            if replayed.patient != *patient {
                merged += 1; // shown as the survivor, whose rows are compared under the own name
                continue;
            }
            let again: Vec<Vec<u8>> = replayed.history.iter().map(|score| row(score, &told.scorers)).collect();
            assert!(again == *rows, "seed {seed}");
            companions += replayed.companions;
            // And each at its own frame.
            for row in rows.iter().step_by(17) {
                let replayed = told.ask(*patient, Until::Frame(seq_of(row)), false).expect("replayed");
                assert!(stored(&replayed).contains(row), "seed {seed} frame {}", seq_of(row));
                compared += 1;
            }
        }
        assert!(compared > 5 && companions > 0, "seed {seed}: {compared} compared, {companions} companions");
    }
    assert!(merged > 0, "no scored record was merged");
}

#[test]
fn a_replay_that_begins_with_a_snapshot_gives_the_same() {
    for seed in 4..=5 {
        let told = tell(ward::frames(seed, 1_500), &[300, 700, 710, 1_000, 1_200]);
        let damaged = told.data.path().join(format!("snapshots/{:020}.snapshot", 1_200));
        let mut bytes = std::fs::read(&damaged).expect("read");
        *bytes.last_mut().expect("bytes") ^= 1;
        std::fs::write(&damaged, bytes).expect("written");
        let (mut from, mut models) = (Vec::new(), 0);
        for (patient, rows) in &told.scores {
            let late = || rows.iter().filter(|row| seq_of(row) > 600);
            for row in late().step_by(9).chain(late().filter(|row| is_model(row)).step_by(3)) {
                models += usize::from(is_model(row));
                let replayed = told.ask(*patient, Until::Frame(seq_of(row)), false).expect("replayed");
                assert!(stored(&replayed).contains(row), "seed {seed} frame {}", seq_of(row));
                from.push(replayed.from_seq);
            }
        }
        from.sort_unstable();
        from.dedup();
        assert!(models > 5, "{models} rows of the model were compared");
        assert!(from.len() >= 2 && from[0] >= 300 && !from.contains(&1_200), "began with {from:?}");
    }
}

#[test]
fn the_time_of_a_score_finds_it_and_any_other_time_shows_the_state_of_then() {
    let told = tell(ward::frames(6, 800), &[]);
    let (patient, rows) = told.scores.iter().max_by_key(|(_, rows)| rows.len()).expect("a patient");
    let frame = |seq: u64| &told.frames[seq as usize - 1].frame;
    for row in rows.iter().rev().step_by(13).take(12) {
        let at_us = frame(seq_of(row)).received_at_us;
        let replayed = told.ask(*patient, Until::Time(at_us), true).expect("replayed");
        assert!(replayed.history.iter().any(|score| self::row(score, &told.scorers) == *row));
        assert!(replayed.frame.0 >= seq_of(row) && replayed.frame.1 <= at_us);
        assert!(told.frames.iter().filter(|other| other.seq > replayed.frame.0).all(|o| o.frame.received_at_us > at_us));
        // A moment later nothing is stored, and everything is as old as it is.
        let later = told.ask(*patient, Until::Time(at_us + 7), false).expect("replayed");
        for score in later.past.scores.iter().filter(|score| score.origin == Origin::Computed) {
            assert_eq!(score.score.at_us, at_us + 7);
            for input in &score.score.inputs {
                let newest = later.past.signals.iter().find(|(signal, ..)| *signal == input.signal);
                let age_s = newest.map(|(_, _, observed_us)| ((at_us + 7 - observed_us) as f64 / 1e6) as f32);
                assert_eq!(input.age_s, age_s, "of {:?}", input.signal);
                assert!(input.value.is_none() || input.value == newest.map(|(_, value, _)| *value));
            }
        }
    }
}

#[test]
fn alerts_open_then_are_those_the_route_had_open() {
    let frames = ward::frames(7, 1_500);
    let told = tell(frames, &[400, 800]);
    let (mut pipeline, _) = pipeline();
    let (mut checked, mut of_conditions) = (0, 0);
    for chunk in told.frames.chunks(100) {
        pipeline.run(chunk, 0);
        let seq = chunk.last().expect("a frame").seq;
        for patient in told.scores.keys() {
            let at_us = chunk.last().expect("a frame").frame.received_at_us;
            let (Some(whole), Ok(replayed)) =
                (pipeline.past(*patient, at_us, seq), told.ask(*patient, Until::Frame(seq), false))
            else {
                continue;
            };
            // As text: the value of a technical alert is no number, which equals nothing.
            let (then, now) = (format!("{:?}", replayed.past.alerts), format!("{:?}", whole.alerts));
            assert_eq!(then, now, "after frame {seq}");
            assert_eq!((&replayed.past.bed, &replayed.past.signals), (&whole.bed, &whole.signals));
            assert!(replayed.past.alerts.iter().all(|alert| alert.opened.kind == AlertKind::Opened));
            checked += replayed.past.alerts.len();
            let conditions = replayed.past.alerts.iter().map(|alert| &alert.opened);
            of_conditions +=
                conditions.filter(|alert| alert.scorer == NO_SCORER && alert.severity != Severity::Technical).count();
        }
    }
    assert!(checked > 10 && of_conditions > 10, "{checked} open alerts were compared, {of_conditions} of conditions");
}

#[test]
fn an_input_that_is_missing_shows_as_missing() {
    let at = |s: i64| ward::START_US + s * 1_000_000;
    let reading =
        r#"{"bed":{"unit":"ICU","bed":"1"},"time":1760000010000,"observations":[{"code":"8867-4","value":80,"unit":"/min"}]}"#;
    let monitor =
        Frame { source: Source::JsonHttp, payload: reading.into(), received_at_us: at(10), ..ward::adt("A01", 1, 1, 0) };
    let told = tell(vec![ward::adt("A01", 1, 1, at(0)), monitor], &[]);
    let patient = *told.scores.keys().next().expect("scored");
    let replayed = told.ask(patient, Until::Time(at(70)), false).expect("replayed");
    let news2 = |origin: Origin| {
        let found = replayed.past.scores.iter().find(|s| s.origin == origin && s.score.scorer == 0);
        found.expect("news2").clone()
    };
    let (stored, computed) = (news2(Origin::Stored), news2(Origin::Computed));
    assert_eq!((stored.score.at_us, computed.score.at_us), (at(10), at(70)));
    assert_eq!((computed.score.present, computed.score.expected), (stored.score.present, stored.score.expected));
    let known: Vec<_> = computed.score.inputs.iter().filter(|input| input.value.is_some()).collect();
    assert_eq!(known.iter().map(|input| (input.value, input.age_s)).collect::<Vec<_>>(), [(Some(80.0), Some(60.0))]);
    assert!(computed.score.inputs.iter().any(|input| input.value.is_none() && input.age_s.is_none() && input.points.is_none()));
    let before = told.ask(patient, Until::Time(at(-1)), false);
    assert!(matches!(before, Err(ReplayError::Before)), "{before:?}");
}

#[test]
fn what_retention_has_removed_is_named_with_the_oldest_time_there_is() {
    let told = tell(ward::frames(8, 1_500), &[500, 900]);
    let (patient, rows) = told.scores.iter().max_by_key(|(_, rows)| rows.len()).expect("a patient");
    let journal = Journal::open(&told.data.path().join("journal"), config().journal()).expect("journal");
    assert!(journal.retain(i64::MAX, 500).expect("freed") > 0);
    let first = journal.first_seq();
    assert!(first > 1 && first <= 501, "the segments end at {first}");
    drop(journal);
    let early = rows.iter().find(|row| seq_of(row) < 400).expect("an early score");
    let gone = told.ask(*patient, Until::Frame(seq_of(early)), false);
    let oldest_us = told.frames[first.max(500) as usize - 1].frame.received_at_us;
    assert!(matches!(gone, Err(ReplayError::Gone { oldest_us: at }) if at == oldest_us), "{gone:?}");
    let late = rows.iter().rfind(|row| seq_of(row) > 700).expect("a late score");
    assert!(stored(&told.ask(*patient, Until::Frame(seq_of(late)), false).expect("replayed")).contains(late));
    assert!(matches!(told.ask(*patient, Until::Frame(99_999), false), Err(ReplayError::NoFrame(99_999))));
    assert!(matches!(told.ask(PatientId([9; 16]), Until::Frame(1_400), false), Err(ReplayError::NotKnown)));
}

#[test]
fn looking_at_a_stopped_servers_folder_changes_no_byte_and_passes_over_a_torn_end() {
    let told = tell(ward::frames(9, 400), &[200]);
    let journal = told.data.path().join("journal");
    let listing = || {
        let mut files: Vec<_> =
            std::fs::read_dir(&journal).expect("folder").map(|entry| entry.expect("entry").path()).collect();
        files.sort();
        files.into_iter().map(|path| (std::fs::read(&path).expect("read"), path)).collect::<Vec<_>>()
    };
    let last = listing().into_iter().rfind(|(_, path)| path.extension().is_some_and(|is| is == "journal")).expect("a segment");
    std::fs::write(&last.1, [last.0.as_slice(), &[7; 30]].concat()).expect("torn");
    let before = listing();
    let (patient, rows) = told.scores.iter().max_by_key(|(_, rows)| rows.len()).expect("a patient");
    let replayed = told.ask(*patient, Until::Time(ward::START_US + 86_400_000_000), true).expect("replayed");
    assert_eq!((replayed.frame.0, replayed.from_seq), (400, 200));
    let row = rows.last().expect("a row");
    assert!(stored(&told.ask(*patient, Until::Frame(seq_of(row)), false).expect("replayed")).contains(row));
    assert!(before == listing());
}

#[test]
fn a_replay_ends_when_its_time_is_over_or_the_server_stops() {
    let told = tell(ward::frames(10, 300), &[]);
    let patient = *told.scores.keys().next().expect("a patient");
    let (until, time_max) = (Until::Frame(300), Duration::ZERO);
    let asked = Asked { patient, until, time_max, bundles: Vec::new(), models: Vec::new(), history: false };
    assert!(matches!(told.history().as_of(&asked, &|| false), Err(ReplayError::TooLong { frames: 300 })));
    assert!(matches!(told.history().as_of(&asked, &|| true), Err(ReplayError::Stopped)));
}

/// Two patients of a recording, one sent after the other: their times overlap, their frames do not.
#[test]
fn with_recorded_time_a_time_is_one_of_the_recording() {
    let mut config = config();
    config.decode.recorded_time = true;
    let data = tempfile::tempdir().expect("folder");
    let journal = Journal::open(&data.path().join("journal"), config.journal()).expect("journal");
    std::fs::write(data.path().join("journal/clock"), "recorded\n").expect("written");
    let sent_us = ward::START_US + 400 * 86_400_000_000;
    let mut frames = Vec::new();
    for patient in [1, 2] {
        let then = |minute: i64| ward::START_US + minute * 60_000_000;
        frames.push(ward::adt("A01", patient, patient, then(0)));
        frames.extend((1..40).map(|minute| ward::oru(patient, 60 + minute as usize, then(minute))));
    }
    for (at, frame) in frames.iter().enumerate() {
        let received_at_us = sent_us + at as i64 * 1_000;
        journal.submit(&Frame { received_at_us, ..frame.clone() }.as_ref()).expect("journalled");
    }
    journal.wait_durable(frames.len() as u64, Duration::from_secs(10));
    drop(journal);
    config.decode.recorded_time = false; // the journal's own clock holds
    let history = History::open(data.path(), &config).expect("history");
    let decoder = Decoder::new(config.decode()).expect("decoder");
    for patient in [1, 2] {
        let patient = decoder.digest().patient("HOSP", &format!("P{patient}"));
        for minute in [5_i64, 17, 38] {
            let until = Until::Time(ward::START_US + minute * 60_000_000);
            let time_max = Duration::from_secs(60);
            let asked = Asked { patient, until, time_max, bundles: Vec::new(), models: Vec::new(), history: true };
            let replayed = history.as_of(&asked, &|| false).expect("replayed");
            assert_eq!(replayed.history.iter().map(|score| score.at_us).max(), Some(replayed.at_us));
            let rates: Vec<f64> = replayed.past.signals.iter().map(|(_, value, _)| *value).collect();
            assert_eq!(rates, [60.0 + minute as f64], "the newest rate of that minute");
            let row = replayed.history.last().expect("a score");
            let by_frame = history.as_of(&Asked { until: Until::Frame(row.seq), ..asked }, &|| false).expect("replayed");
            // As text, where a missing feature (NaN) equals itself.
            let last = by_frame.history.last().expect("a score");
            assert_eq!((by_frame.at_us, format!("{last:?}")), (row.at_us, format!("{row:?}")));
        }
    }
}
