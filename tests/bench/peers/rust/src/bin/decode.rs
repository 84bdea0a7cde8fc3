//! One ORU R01 of eight observations: nightlamp's decoder beside three published parsers, in turns, 11 rounds of 0.1 s each.
//!
//! `decode MESSAGE` reads the message from a file and prints figures (`tests/bench/figures.py`). Each side gives the eight values
//! of OBX-5 as numbers, compared before anything is timed. The parsers split the message and the values are then read from their
//! tree; nightlamp also resolves escapes and repetitions, finds patient and codes, converts units and times, and checks ranges.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nightlamp_core::decode::{DecodeConfig, Decoded, Decoder, Event};
use nightlamp_core::receive::{Frame, Source};

/// 2026-03-01T12:30:00Z, when the message was received.
const NOON_US: i64 = 1_772_368_200_000_000;
const ROUNDS: usize = 11;
const ROUND: Duration = Duration::from_millis(100);
const LOCK: &str = include_str!("../../Cargo.lock");

type Values = Vec<f64>;

struct Side<'a> {
    who: &'static str,
    version: String,
    included: &'static str,
    work: Box<dyn FnMut(&mut Values) + 'a>,
    runs_us: Vec<f64>,
}

fn main() {
    let path = std::env::args().nth(1).expect("the file of a message");
    let bytes = Bytes::from(std::fs::read(path).expect("readable"));
    let text = std::str::from_utf8(&bytes).expect("UTF-8");
    let mut sides = sides(&bytes, text);
    let mut expected = None;
    for side in &mut sides {
        let mut values = Values::new();
        (side.work)(&mut values);
        assert_eq!(values.len(), 8, "{}", side.who);
        let first = expected.get_or_insert_with(|| values.clone());
        assert_eq!(&values, first, "{} reads other values", side.who);
    }
    for round in 0..=ROUNDS {
        for side in &mut sides {
            let took_us = measure(side);
            if round > 0 {
                side.runs_us.push(took_us);
            }
        }
    }
    for side in &sides {
        emit("decode.rust", "one ORU R01 with 8 OBX, in Rust, one thread", side, "us", "lower", side.runs_us.clone());
    }
    let mb_s = sides[0].runs_us.iter().map(|us| bytes.len() as f64 / us).collect();
    let what = format!("the same as MB/s, {} bytes a message", bytes.len());
    emit("decode.rate", &what, &sides[0], "MB/s", "higher", mb_s);
}

/// Microseconds of one message.
fn measure(side: &mut Side<'_>) -> f64 {
    let (mut calls, mut values, began) = (0u32, Values::new(), Instant::now());
    loop {
        for _ in 0..32 {
            values.clear();
            (side.work)(&mut values);
            black_box(&values);
        }
        calls += 32;
        let spent = began.elapsed();
        if spent >= ROUND {
            return spent.as_secs_f64() * 1e6 / f64::from(calls);
        }
    }
}

fn sides<'a>(bytes: &'a Bytes, text: &'a str) -> Vec<Side<'a>> {
    vec![
        Side {
            who: "nightlamp",
            version: version("nightlamp-core"),
            included: "escapes, repetitions, patient, codes, units, times, validation, typed observations",
            work: Box::new(nightlamp(bytes)),
            runs_us: Vec::new(),
        },
        Side {
            who: "rust-hl7",
            version: version("rust-hl7"),
            included: "split into fields; OBX-5 read as numbers",
            work: Box::new(move |out| {
                let message = rusthl7::message::Message::try_from(black_box(text)).expect("parsed");
                for segment in message.segments_by_name("OBX").expect("found") {
                    out.push(number(segment.fields[5].value()));
                }
            }),
            runs_us: Vec::new(),
        },
        Side {
            who: "hl7-parser",
            version: version("hl7-parser"),
            included: "split into subcomponents; OBX-5 read as numbers",
            work: Box::new(move |out| {
                let message = hl7_parser::Message::parse(black_box(text)).expect("parsed");
                for segment in message.segments().filter(|segment| segment.name == "OBX") {
                    out.push(number(segment.field(5).expect("OBX-5").raw_value()));
                }
            }),
            runs_us: Vec::new(),
        },
        Side {
            who: "hl7v2-parser",
            version: version("hl7v2-parser"),
            included: "split into owned subcomponents; OBX-5 read as numbers",
            work: Box::new(move |out| {
                let message = hl7v2_parser::parse(black_box(bytes)).expect("parsed");
                for segment in message.segments.iter().filter(|segment| &segment.id == b"OBX") {
                    out.push(number(segment.fields[4].first_text().expect("OBX-5")));
                }
            }),
            runs_us: Vec::new(),
        },
    ]
}

fn nightlamp(bytes: &Bytes) -> impl FnMut(&mut Values) + use<> {
    let decoder = Decoder::new(DecodeConfig::default()).expect("a decoder");
    let payload = bytes.clone();
    let frame = Frame { source: Source::Hl7Http, principal: "gw".into(), context: "".into(), received_at_us: NOON_US, payload };
    let mut decoded = Decoded::default();
    move |out| {
        decoder.decode(black_box(&frame), &mut decoded);
        for event in &decoded.events {
            if let Event::Observation(observation) = event {
                out.push(observation.value);
            }
        }
    }
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

/// The version of a package of Cargo.lock.
fn version(package: &str) -> String {
    let after = LOCK.split_once(&format!("name = \"{package}\"\nversion = \"")).map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default().to_owned()
}

fn emit(key: &str, what: &str, side: &Side<'_>, unit: &str, better: &str, runs: Vec<f64>) {
    let figure = serde_json::json!({
        "key": key, "what": what, "who": side.who, "version": side.version, "ours": side.who == "nightlamp",
        "unit": unit, "better": better, "included": side.included, "runs": runs,
    });
    println!("FIGURE {figure}");
}
