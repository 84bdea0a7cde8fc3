//! What a patient and an observation cost as a house grows: 100, 1,000, 10,000 and 100,000 patients, each with a day of history, all five
//! rules and two models at their triggers. `cargo bench --bench scale`; about five minutes, 3 GB and one core.
//!
//! History: eight vital signs every 15 minutes for 24 hours from each bed (NIGHTLAMP_BENCH_EVERY_S), as device JSON, by the code that
//! serves. Then minutes of service: each bed sends its eight values every ten seconds, beds in random order, so that every message
//! finds another patient's memory; models are due once a minute. Frames are run a hundred at a time, each another patient's: every
//! message of a monitor gives one to the consoles, as it does where a batch is a few milliseconds. Times are the thread's CPU time.
//!
//! `state`: decode, window, score and alert (frames behind the store cursor give no rows). `whole`: rows for COPY and messages for
//! consoles as well. `snapshot`: how long the pipeline stands still for one, and what its encoding takes on another thread;
//! `copying`: an observation (and the memory) where everybody changes before the snapshot is written. Each size runs in a process of its own, so that memory (RSS) is its own. NIGHTLAMP_BENCH_PATIENTS=1000,5000
//! chooses sizes, NIGHTLAMP_BENCH_POLICY names a file of rules that stand behind the default policy's, NIGHTLAMP_BENCH_JSON names
//! one for the figures.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nightlamp_core::alert::DEFAULT_POLICY_TOML;
use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{Pipeline, Setup};
use nightlamp_core::receive::{Frame, Source};
use nightlamp_core::score::Scorers;
use serde_json::{Value, json};

const START_US: i64 = 1_760_000_000_000_000;
const SECOND_US: i64 = 1_000_000;
const SIGNALS: [(&str, &str, u64); 8] = [
    ("8867-4", "/min", 70),
    ("59408-5", "%", 93),
    ("9279-1", "/min", 14),
    ("8310-5", "Cel", 36),
    ("8480-6", "mm[Hg]", 118),
    ("8462-4", "mm[Hg]", 70),
    ("8478-0", "mm[Hg]", 85),
    ("2708-6", "%", 94),
];
/// Frames in a batch of the measured minutes, each another patient's.
const TOGETHER: usize = 100;
/// Seconds between a bed's messages in the measured minutes; so many of them, twelve or more: models are due at two of twelve.
const APART_S: i64 = 10;
const ROUNDS_MIN: usize = 12;
const MESSAGES_MIN: usize = 120_000;

fn main() {
    // `cargo test --benches` starts this too, without the flag.
    let args: Vec<String> = std::env::args().collect();
    if let Some(patients) = args.iter().position(|arg| arg == "--patients").and_then(|at| args.get(at + 1)) {
        println!("{}", measure(patients.parse().expect("a number")));
        return;
    }
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let sizes = std::env::var("NIGHTLAMP_BENCH_PATIENTS").unwrap_or_else(|_| "100,1000,10000,100000".into());
    let results: Vec<Value> = sizes.split(',').map(in_a_process).collect();
    show(&results);
    if let Some(path) = std::env::var_os("NIGHTLAMP_BENCH_JSON") {
        let body = json!({"bench": "scale", "history_every_s": history_every_s(), "signals": SIGNALS.len(), "sizes": results});
        std::fs::write(path, body.to_string()).expect("written");
    }
}

fn in_a_process(patients: &str) -> Value {
    let myself = std::env::current_exe().expect("this program");
    let output = Command::new(myself).args(["--patients", patients.trim()]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a line of JSON")
}

/// The curve: nanoseconds an observation against patients.
fn show(results: &[Value]) {
    println!(
        "patients   state ns/obs   whole ns/obs   per patient kB   RSS MiB   tick us (median, largest)   snapshot: hold ms, encoding ms, MB   copying ns/obs, RSS MiB"
    );
    let figure = |result: &Value, name: &str| result[name].as_f64().unwrap_or(f64::NAN);
    let highest = results.iter().map(|result| figure(result, "whole_ns")).fold(1.0, f64::max);
    for result in results {
        let of = |name: &str| figure(result, name);
        println!(
            "{:8} {:14.0} {:14.0} {:16.1} {:9.0} {:12.1} {:12.1} {:18.1} {:10.0} {:7.0} {:14.0} {:8.0}",
            of("patients"),
            of("state_ns"),
            of("whole_ns"),
            of("patient_kb"),
            of("rss_mib"),
            of("tick_us"),
            of("tick_us_max"),
            of("snapshot_hold_ms"),
            of("snapshot_ms"),
            of("snapshot_mb"),
            of("copying_ns"),
            of("rss_copied_mib")
        );
    }
    for result in results {
        let bar = |name: &str, letter: &str| letter.repeat((figure(result, name) / highest * 60.0) as usize);
        println!("{:8} |{}", figure(result, "patients"), bar("state_ns", "#"));
        println!("         |{}", bar("whole_ns", "="));
    }
}

fn history_every_s() -> i64 {
    std::env::var("NIGHTLAMP_BENCH_EVERY_S").ok().and_then(|text| text.parse().ok()).unwrap_or(900)
}

/// The house: a pipeline, its clock and its next frame.
struct House {
    pipeline: Pipeline,
    patients: usize,
    seq: u64,
    at_us: i64,
    random: Random,
    ticks: Vec<Duration>,
}

fn measure(patients: usize) -> Value {
    let empty_mib = rss_mib();
    let mut house = House::new(patients);
    let every_s = history_every_s();
    for _ in 0..86_400 / every_s {
        house.round(every_s, u64::MAX, 4_096);
    }
    let rss = rss_mib();
    house.ticks.clear();
    let rounds = MESSAGES_MIN.div_ceil(patients).max(ROUNDS_MIN).next_multiple_of(ROUNDS_MIN);
    // In turns, so that both meet the same house.
    let (mut state, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..rounds / ROUNDS_MIN {
        for (cursor, times) in [(u64::MAX, &mut state), (0, &mut whole)] {
            let spent: Duration = (0..ROUNDS_MIN).map(|_| house.round(APART_S, cursor, TOGETHER)).sum();
            times.push(spent.as_nanos() as f64 / (ROUNDS_MIN * patients * SIGNALS.len()) as f64);
        }
    }
    house.ticks.sort();
    let began = Instant::now();
    let frozen = house.pipeline.state();
    let hold_ms = began.elapsed().as_secs_f64() * 1e3;
    // The dearest case: everybody changes before anything is written, so everybody is copied.
    let copying = house.round(APART_S, u64::MAX, TOGETHER).as_nanos() as f64 / (patients * SIGNALS.len()) as f64;
    let rss_copied = rss_mib();
    let began = worked();
    let snapshot = postcard::to_extend(&frozen, Vec::new()).expect("a snapshot");
    let snapshot_ms = (worked() - began).as_secs_f64() * 1e3;
    drop(frozen);
    let us = |tick: Option<&Duration>| tick.map_or(f64::NAN, |tick| tick.as_nanos() as f64 / 1e3);
    json!({
        "patients": patients,
        "state_ns": median(&mut state),
        "whole_ns": median(&mut whole),
        "patient_kb": (rss - empty_mib) * 1_048.576 / patients as f64,
        "rss_mib": rss,
        "tick_us": us(house.ticks.get(house.ticks.len() / 2)),
        "tick_us_max": us(house.ticks.last()),
        "snapshot_hold_ms": hold_ms,
        "snapshot_ms": snapshot_ms,
        "copying_ns": copying,
        "rss_copied_mib": rss_copied,
        "snapshot_mb": snapshot.len() as f64 / 1e6,
        "messages": 2 * rounds * patients,
    })
}

impl House {
    fn new(patients: usize) -> Self {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let bundles = [models.join("sepsis/1.1.0"), models.join("deterioration/1.0.0")];
        let limits = Limits { patients_max: patients + 1, past_s_max: i64::MAX / SECOND_US, ..Limits::default() };
        let rules = std::env::var_os("NIGHTLAMP_BENCH_POLICY").map(|path| std::fs::read_to_string(path).expect("rules"));
        let setup = Setup::new(
            Arc::new(Decoder::new(DecodeConfig { limits, ..DecodeConfig::default() }).expect("decoder")),
            Arc::new(Scorers::load(&bundles).expect("scorers")),
            limits,
        );
        let policy = DEFAULT_POLICY_TOML.to_owned() + &rules.unwrap_or_default();
        let pipeline = Pipeline::new(Setup { policy, ..setup }).expect("pipeline");
        let mut house = Self { pipeline, patients, seq: 0, at_us: START_US, random: Random(7), ticks: Vec::new() };
        let admissions: Vec<_> =
            (0..patients).map(|patient| house.frame(Source::Hl7Http, String::new(), adt(patient))).collect();
        for frames in admissions.chunks(4_096) {
            house.pipeline.run(frames, u64::MAX);
        }
        house
    }

    fn frame(&mut self, source: Source, context: String, payload: String) -> Journalled {
        self.seq += 1;
        let (principal, context, payload) = ("bench".into(), context.into(), Bytes::from(payload));
        Journalled { seq: self.seq, frame: Frame { source, principal, context, received_at_us: self.at_us, payload } }
    }

    /// A tick, then one message from every bed, in random order; how long the messages took.
    fn round(&mut self, after_s: i64, cursor: u64, together: usize) -> Duration {
        self.at_us += after_s * SECOND_US;
        let tick = self.frame(Source::Tick, String::new(), String::new());
        let began = worked();
        black_box(self.pipeline.run(&[tick], u64::MAX));
        self.ticks.push(worked() - began);
        let mut order: Vec<usize> = (0..self.patients).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, (self.random.next() % (at as u64 + 1)) as usize);
        }
        let mut spent = Duration::ZERO;
        for beds in order.chunks(together) {
            let frames: Vec<_> = beds.iter().map(|bed| self.reading(*bed)).collect();
            let began = worked();
            black_box(self.pipeline.run(&frames, cursor));
            spent += worked() - began;
        }
        spent
    }

    /// Eight values of one bed.
    fn reading(&mut self, bed: usize) -> Journalled {
        let values: Vec<String> = SIGNALS
            .iter()
            .map(|(code, unit, usual)| {
                let value = usual + self.random.next() % 5;
                format!(r#"{{"code":"{code}","value":{value},"unit":"{unit}"}}"#)
            })
            .collect();
        let (at_ms, id) = (self.at_us / 1_000, self.seq);
        let payload = format!(r#"{{"id":"{id}","device":"m{bed}","time":{at_ms},"observations":[{}]}}"#, values.join(","));
        self.frame(Source::JsonMqtt, format!("ICU/{bed}"), payload)
    }
}

fn adt(patient: usize) -> String {
    format!(
        "MSH|^~\\&|EHR|HOSP|NL|HOSP|20251009085320+0000||ADT^A01^ADT_A01|A01{patient}|P|2.5.1\rEVN||20251009085320+0000\r\
         PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|ICU^{patient}^{patient}\r"
    )
}

/// Time this thread has worked: what others do on the machine does not count, but for the caches they share.
fn worked() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Resident memory of this process.
fn rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn median(runs: &mut [f64]) -> f64 {
    runs.sort_by(f64::total_cmp);
    runs.get(runs.len() / 2).copied().unwrap_or(f64::NAN)
}

/// xorshift64*, seeded: the same order in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }
}
