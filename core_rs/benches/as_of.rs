//! What it costs to show one patient as it was: a journal of 1,000,000 frames (1,000 monitored beds for 17 minutes, or 280 for an
//! hour; with laboratory results, transfers and ticks), once computed whole as a start does, then for one patient: from the
//! journal's beginning, and from a snapshot 100,000 frames before. Run with `cargo bench --bench as_of`; about a minute and 400 MB of
//! disk. NIGHTLAMP_BENCH_DIR measures another disk, NIGHTLAMP_BENCH_BEDS another ward, NIGHTLAMP_BENCH_FRAMES another length.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nightlamp_core::decode::{Decoder, PatientId};
use nightlamp_core::engine::{Asked, EngineConfig, History, Snapshots, Until};
use nightlamp_core::journal::Journal;
use nightlamp_core::pipeline::{Pipeline, Setup};
use nightlamp_core::receive::{FrameRef, Source};
use nightlamp_core::score::Scorers;

const START_US: i64 = 1_760_000_000_000_000;
const SNAPSHOT_BEFORE: u64 = 100_000;

fn main() {
    // `cargo test --benches` starts this too, without the flag.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (beds, frames) = (number("NIGHTLAMP_BENCH_BEDS", 1_000), number("NIGHTLAMP_BENCH_FRAMES", 1_000_000));
    let root = std::env::var_os("NIGHTLAMP_BENCH_DIR").unwrap_or_else(|| std::env::temp_dir().into());
    let folder = tempfile::tempdir_in(root).expect("a folder to write in");
    let bytes = write(folder.path(), beds, frames);
    println!("{frames} frames of {beds} beds, {} MB of journal", bytes >> 20);
    let (whole, snapshot, patient) = whole(folder.path(), beds, frames);
    println!("  everybody, as a start computes it        {:6.2} s, {:4.2} us a frame", whole.as_secs_f64(), us(whole, frames));
    println!("  the snapshot: {:.1} MB, written in {:.0} ms", snapshot.0 as f64 / 1e6, snapshot.1.as_secs_f64() * 1e3);
    let from_snapshot = ask(folder.path(), patient, frames);
    println!("  one patient, snapshot {SNAPSHOT_BEFORE} frames before {:6.2} s", from_snapshot.as_secs_f64());
    std::fs::remove_dir_all(folder.path().join("snapshots")).expect("removed");
    let all = ask(folder.path(), patient, frames);
    println!("  one patient, from the beginning          {:6.2} s, {:4.2} us a frame", all.as_secs_f64(), us(all, frames));
    println!("  ratio {:.1}", whole.as_secs_f64() / all.as_secs_f64());
}

fn us(took: Duration, frames: u64) -> f64 {
    took.as_secs_f64() * 1e6 / frames as f64
}

fn config() -> EngineConfig {
    serde_json::from_value(serde_json::json!({
        "site_key_hex": "07".repeat(32),
        "limits": {"past_s_max": 4_000_000_000_i64},
        "bundles": [Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0")],
    }))
    .expect("config")
}

/// Journals the ward; bytes on disk.
fn write(data: &Path, beds: u64, frames: u64) -> u64 {
    let journal = Journal::open(&data.join("journal"), config().journal()).expect("journal");
    let mut seq = 0;
    let mut put = |source: Source, context: &str, at_us: i64, payload: &str| {
        let frame = FrameRef { source, principal: "bench", context, received_at_us: at_us, payload: payload.as_bytes() };
        seq = journal.submit(&frame).expect("journalled").seq;
        if seq.is_multiple_of(20_000) {
            journal.wait_durable(seq, Duration::from_secs(60));
        }
        seq
    };
    for bed in 0..beds {
        put(Source::Hl7Http, "", START_US, &adt("A01", bed, bed));
    }
    for second in 1_i64.. {
        let at_us = START_US + second * 1_000_000;
        put(Source::Tick, "", at_us, "");
        for bed in 0..beds {
            let at_us = at_us + (bed * 1_000_000 / beds) as i64;
            let seq = match (second as u64 * 7 + bed) % 300 {
                0 => put(Source::Hl7Http, "", at_us, &laboratory(bed, second)),
                _ => put(Source::JsonMqtt, &format!("ICU/{bed}"), at_us, &vitals(bed, second, at_us)),
            };
            if seq >= frames {
                journal.wait_durable(seq, Duration::from_secs(60));
                return journal.bytes_on_disk();
            }
        }
    }
    0
}

fn adt(event: &str, patient: u64, bed: u64) -> String {
    format!(
        "MSH|^~\\&|EHR|HOSP|NL|HOSP|20251009085320+0000||ADT^{event}^ADT_A01|{event}{patient}|P|2.5.1\rEVN||20251009085320+0000\r\
         PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|ICU^{bed}^{bed}\r"
    )
}

fn laboratory(patient: u64, second: i64) -> String {
    let time = format!("2025100908{:02}{:02}+0000", 53 + second / 600 % 6, second % 60);
    let obx = [("2524-7", "mmol/L", 2), ("6690-2", "10*3/uL", 9), ("2160-0", "mg/dL", 1), ("777-3", "10*3/uL", 210)];
    let rows: Vec<String> =
        obx.iter().map(|(code, unit, v)| format!("OBX|1|NM|{code}^^LN||{v}.5|{unit}|||||F|||{time}\r")).collect();
    format!(
        "MSH|^~\\&|LAB|HOSP|NL|HOSP|{time}||ORU^R01|L{patient}-{second}|P|2.5.1\rPID|1||P{patient}^^^HOSP^MR\rOBR|1|||X|||{time}\r{}",
        rows.concat()
    )
}

fn vitals(bed: u64, second: i64, at_us: i64) -> String {
    let wave = |n: u64| (second as u64 / 7 + bed * n) % 11;
    format!(
        r#"{{"id":"{bed}-{second}","device":"m{bed}","time":{},"observations":[{{"code":"8867-4","value":{},"unit":"/min"}},{{"code":"9279-1","value":{},"unit":"/min"}},{{"code":"8480-6","value":{},"unit":"mm[Hg]"}},{{"code":"59408-5","value":{},"unit":"%"}},{{"code":"8310-5","value":37.{},"unit":"Cel"}}]}}"#,
        at_us / 1000,
        70 + wave(3),
        14 + wave(2) / 3,
        118 + wave(5),
        93 + wave(7) / 2,
        wave(1) % 10
    )
}

/// Time for everything, size and time of the snapshot, and somebody from the middle of the ward.
fn whole(data: &Path, beds: u64, frames: u64) -> (Duration, (usize, Duration), PatientId) {
    let config = config();
    let journal = Journal::open_to_read(&data.join("journal"), config.journal()).expect("journal");
    let decoder = Arc::new(Decoder::new(config.decode()).expect("decoder"));
    let patient = decoder.digest().patient("HOSP", &format!("P{}", beds / 2));
    let setup = Setup::new(decoder, Arc::new(Scorers::load(&config.bundles).expect("scorers")), config.limits);
    let mut pipeline = Pipeline::new(setup).expect("pipeline");
    let (mut reader, mut batch, mut snapshot) = (journal.reader(1), Vec::new(), (0, Duration::ZERO));
    let (began, mut apart) = (Instant::now(), Duration::ZERO);
    loop {
        batch.clear();
        if reader.next_batch(&mut batch, 2_048, 8 << 20, Duration::ZERO).expect("read") == 0 {
            return (began.elapsed() - apart, snapshot, patient);
        }
        pipeline.run(&batch, u64::MAX - 1);
        let last = batch.last().expect("a frame").seq;
        if snapshot.0 == 0 && last >= frames.saturating_sub(SNAPSHOT_BEFORE) {
            let began = Instant::now();
            let kept = Snapshots::open(&data.join("snapshots")).expect("folder");
            let bytes = kept.write(last, &pipeline.state()).expect("written");
            snapshot = (bytes, began.elapsed());
            apart = began.elapsed();
        }
    }
}

fn ask(data: &Path, patient: PatientId, frames: u64) -> Duration {
    let history = History::open(data, &config()).expect("history");
    let until = Until::Time(START_US + 86_400_000_000);
    let asked =
        Asked { patient, until, time_max: Duration::from_secs(600), bundles: Vec::new(), models: Vec::new(), history: false };
    let began = Instant::now();
    let replayed = history.as_of(&asked, &|| false).expect("replayed");
    let took = began.elapsed();
    assert!(replayed.frame.0 == frames && !replayed.past.scores.is_empty());
    took
}
