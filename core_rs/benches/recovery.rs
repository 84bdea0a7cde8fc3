//! How soon a ward is watched again after a kill: 1,000 patients, an hour of journal at 5,000 messages a second (18 million frames, about
//! 3.5 GB; NIGHTLAMP_BENCH_FRAMES and NIGHTLAMP_BENCH_BEDS change that). Each bed sends five signals a second, each in its own message.
//!
//! First everything is computed from the first frame, as after the loss of all snapshots; snapshots are written on the way, as in
//! service. Then the start after a kill in the worst moment: the newest snapshot is one snapshot interval old, the store a second
//! behind. Run with `cargo bench --bench recovery`: some minutes, 6 GB of disk, in NIGHTLAMP_BENCH_DIR (or the system's place for
//! temporary files), removed at the end. With NIGHTLAMP_BENCH_KEEP the journal is left there and used again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nightlamp_core::engine::{Engine, EngineConfig};
use nightlamp_core::journal::Journal;
use nightlamp_core::receive::{FrameRef, Source};

const START_US: i64 = 1_760_000_000_000_000;
const SIGNALS: [(&str, &str, u64); 5] =
    [("8867-4", "/min", 70), ("9279-1", "/min", 14), ("8480-6", "mm[Hg]", 118), ("59408-5", "%", 93), ("8310-5", "Cel", 37)];
/// Frames the store is behind at the kill: a second of them.
const STORE_LAG: u64 = 5_000;

fn main() {
    // `cargo test --benches` starts this too, without the flag.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (beds, frames) = (number("NIGHTLAMP_BENCH_BEDS", 1_000), number("NIGHTLAMP_BENCH_FRAMES", 18_000_000));
    let root = std::env::var_os("NIGHTLAMP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = root.join("nightlamp-recovery");
    let began = Instant::now();
    let (frames, bytes) = write(&folder, beds, frames);
    println!("{frames} frames of {beds} beds, {} MB of journal ({:.0} s)", bytes >> 20, began.elapsed().as_secs_f64());
    start("from the first frame, snapshots written on the way", &folder, frames, 0);
    let snapshots = worst(&folder, frames);
    println!("  snapshots: {snapshots}");
    for _ in 0..3 {
        start("after a kill, the newest snapshot one interval old", &folder, frames, frames - STORE_LAG);
    }
    if std::env::var_os("NIGHTLAMP_BENCH_KEEP").is_none() {
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}

/// Opens, starts and waits until the pipeline has caught up; somebody takes the batches and stores them at once.
fn start(what: &str, data: &Path, frames: u64, cursor: u64) {
    let began = Instant::now();
    let engine = Arc::new(Engine::open(data, config()).expect("open"));
    let opened = began.elapsed();
    engine.start(cursor).expect("start");
    let started = began.elapsed();
    let done = Arc::new(AtomicBool::new(false));
    let taker = {
        let (engine, done) = (Arc::clone(&engine), Arc::clone(&done));
        thread::spawn(move || {
            let mut rows = 0_u64;
            while !done.load(Ordering::Acquire) {
                if let Some(batch) = engine.next_batch(Duration::from_millis(50)) {
                    rows += batch.tables.iter().map(|table| u64::from(table.rows)).sum::<u64>();
                    engine.stored(batch.last_seq);
                }
            }
            rows
        })
    };
    let (mut replayed, mut read) = (0, None);
    loop {
        let stats = engine.stats();
        let to_do = stats["recovery"]["frames_to_do"].as_u64().unwrap_or(0);
        if to_do > 0 {
            replayed = to_do;
            read = read.or(Some(began.elapsed()));
        }
        if stats["lag"]["processed_seq"].as_u64().expect("processed_seq") >= frames {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let read = read.unwrap_or(started);
    let ready = began.elapsed();
    done.store(true, Ordering::Release);
    let rows = taker.join().expect("taker");
    let rate = replayed as f64 / (ready - read).as_secs_f64();
    let supervision = &engine.stats()["supervision"];
    println!("{what}:");
    println!(
        "  journal opened {:.2} s, snapshot read {:.2} s, {replayed} frames in {:.2} s ({rate:.0} a second), {rows} rows; ready after {:.2} s",
        opened.as_secs_f64(),
        (read - opened).as_secs_f64(),
        (ready - read).as_secs_f64(),
        ready.as_secs_f64()
    );
    println!(
        "  {} snapshots, the last held the pipeline up for {} ms and was durable after {} ms",
        supervision["snapshots_written"], supervision["snapshot_held_ms"], supervision["snapshot_sync_ms"]
    );
    engine.stop();
}

/// Leaves the snapshots as a kill in the worst moment would: the newest is an interval old. What there is, in words.
fn worst(data: &Path, frames: u64) -> String {
    let folder = data.join("snapshots");
    let every = config().journal.snapshot_frames;
    let mut said = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("snapshots") {
        let entry = entry.expect("entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(seq) = name.strip_suffix(".snapshot").and_then(|seq| seq.parse::<u64>().ok()) else { continue };
        if seq + every > frames {
            std::fs::remove_file(entry.path()).expect("removed");
            continue;
        }
        said.push(format!("the newest {seq:010} ({:.1} MB)", entry.metadata().expect("size").len() as f64 / 1e6));
    }
    said.sort();
    said.pop().unwrap_or_default()
}

fn config() -> EngineConfig {
    serde_json::from_value(serde_json::json!({
        "site_key_hex": "07".repeat(32),
        "limits": {"past_s_max": 4_000_000_000_i64},
        "bundles": [Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0")],
    }))
    .expect("config")
}

/// Journals the ward, unless it is there already; frames and bytes on disk.
fn write(data: &Path, beds: u64, frames: u64) -> (u64, u64) {
    let journal = Journal::open(&data.join("journal"), config().journal()).expect("journal");
    if journal.durable_seq() > 0 {
        return (journal.durable_seq(), journal.bytes_on_disk());
    }
    let mut seq = 0;
    let mut put = |source: Source, context: &str, at_us: i64, payload: &str| {
        let frame = FrameRef { source, principal: "bench", context, received_at_us: at_us, payload: payload.as_bytes() };
        seq = journal.submit(&frame).expect("journalled").seq;
        if seq.is_multiple_of(50_000) {
            journal.wait_durable(seq, Duration::from_secs(60));
        }
        seq
    };
    for bed in 0..beds {
        put(Source::Hl7Http, "", START_US, &adt(bed));
    }
    let mut second = 0_i64;
    while seq_of(&mut put, second, beds) < frames {
        second += 1;
    }
    journal.wait_durable(seq, Duration::from_secs(60));
    (seq, journal.bytes_on_disk())
}

/// One second of the ward: a tick, then every bed's five signals, spread over the second.
fn seq_of(put: &mut impl FnMut(Source, &str, i64, &str) -> u64, second: i64, beds: u64) -> u64 {
    let at_us = START_US + (second + 1) * 1_000_000;
    let mut seq = put(Source::Tick, "", at_us, "");
    for (place, (code, unit, usual)) in (0_u64..).zip(SIGNALS) {
        for bed in 0..beds {
            let at_us = at_us + (place * 200_000 + bed * 200_000 / beds) as i64;
            let value = usual + (second as u64 / 7 + bed * (place + 1)) % 7;
            let payload = format!(
                r#"{{"id":"{bed}-{place}-{second}","device":"m{bed}","time":{},"observations":[{{"code":"{code}","value":{value},"unit":"{unit}"}}]}}"#,
                at_us / 1000
            );
            seq = put(Source::JsonMqtt, &format!("ICU/{bed}"), at_us, &payload);
        }
    }
    seq
}

fn adt(patient: u64) -> String {
    format!(
        "MSH|^~\\&|EHR|HOSP|NL|HOSP|20251009085320+0000||ADT^A01^ADT_A01|A01{patient}|P|2.5.1\rEVN||20251009085320+0000\r\
         PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|ICU^{patient}^{patient}\r"
    )
}
