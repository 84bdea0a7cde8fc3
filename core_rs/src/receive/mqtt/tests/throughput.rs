//! The listener with the real journal: nothing acknowledged is missing from it, and how many publishes a second pass.

use std::io::{BufReader, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::MqttListener;
use super::client::{Client, V3, V5, publish};
use super::{config, credentials, until};
use crate::journal::{Journal, JournalConfig};
use crate::receive::Source;

const PAYLOAD: &[u8] = br#"{"device":"sim-0007","seq":123456,"time":"2026-01-01T12:00:00.000Z","observations":[{"code":"8867-4","value":71,"unit":"/min"}]}"#;

/// Publish `count` messages with up to `window` unacknowledged, and check each PUBACK.
fn pipeline(listener: &MqttListener, name: &str, version: u8, count: u32, window: u32) {
    let mut client = Client::welcome(listener.local_addr(), version, name, "ward");
    let topic = format!("nightlamp/v1/icu/{name}/vitals");
    let mut answers = BufReader::with_capacity(64 << 10, client.stream.try_clone().unwrap());
    let (mut sent, mut acknowledged) = (0u32, 0u32);
    while acknowledged < count {
        let mut burst = Vec::new();
        while sent < count && sent - acknowledged < window {
            burst.extend(publish(version, 1, &topic, (sent % 65_535 + 1) as u16, PAYLOAD));
            sent += 1;
        }
        client.stream.write_all(&burst).unwrap();
        // Read what one wait brings; a PUBACK of success is 4 bytes in both versions.
        loop {
            let mut puback = [0u8; 4];
            answers.read_exact(&mut puback).unwrap();
            let [high, low] = ((acknowledged % 65_535 + 1) as u16).to_be_bytes();
            assert_eq!(puback, [0x40, 2, high, low]);
            acknowledged += 1;
            if answers.buffer().len() < 4 || acknowledged == count {
                break;
            }
        }
    }
}

fn journal() -> (tempfile::TempDir, Arc<Journal>) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(Journal::open(folder.path(), JournalConfig::default()).unwrap());
    (folder, journal)
}

#[test]
fn p1_every_acknowledged_publish_is_in_the_real_journal() {
    let (folder, journal) = journal();
    let listener = MqttListener::start(config(), credentials(), journal.clone()).unwrap();
    std::thread::scope(|scope| {
        for (name, version) in [("a", V3), ("b", V5), ("c", V3), ("d", V5)] {
            let listener = &listener;
            scope.spawn(move || pipeline(listener, name, version, 500, 64));
        }
    });
    let stats = listener.stats().inlet;
    assert_eq!((stats.journalled_vitals, stats.pubacks, stats.withheld), (2_000, 2_000, 0));
    listener.stop();
    drop(journal);
    let journal = Journal::open(folder.path(), JournalConfig::default()).unwrap();
    let mut reader = journal.reader(1);
    for seq in 1..=2_000 {
        let journalled = reader.next(Duration::from_secs(5)).unwrap().unwrap();
        assert_eq!((journalled.seq, journalled.frame.source), (seq, Source::JsonMqtt));
        assert_eq!(&journalled.frame.payload[..], PAYLOAD);
        assert!(journalled.frame.context.starts_with("icu/"));
    }
}

#[test]
fn p1_whoever_is_acknowledged_finds_the_frame_in_the_journal_at_once() {
    let (_folder, journal) = journal();
    let listener = MqttListener::start(config(), credentials(), journal.clone()).unwrap();
    let mut client = Client::welcome(listener.local_addr(), V5, "m", "ward");
    for id in 1..=500 {
        client.publish("nightlamp/v1/icu/7/vitals", id, PAYLOAD);
        assert_eq!(client.read().puback(), (id, 0));
        assert!(journal.read_one(u64::from(id)).unwrap().is_some(), "{id}");
    }
}

#[test]
fn p5_a_full_journal_withholds_acknowledgements_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let settings = JournalConfig { journal_bytes_max: 60_000, segment_bytes_max: 20_000, ..JournalConfig::default() };
    let journal = Arc::new(Journal::open(folder.path(), settings).unwrap());
    let listener = MqttListener::start(config(), credentials(), journal.clone()).unwrap();
    let mut client = Client::welcome(listener.local_addr(), V3, "m", "ward");
    let mut acknowledged = 0u32;
    let mut id = 0;
    while listener.stats().inlet.held == 0 {
        id += 1;
        client.publish("nightlamp/v1/icu/7/vitals", id, &[b'x'; 1_000]);
        until("acknowledged or held", || {
            let stats = listener.stats().inlet;
            stats.held == 1 || stats.pubacks == u64::from(id)
        });
        if listener.stats().inlet.pubacks == u64::from(id) {
            assert_eq!(client.read().puback(), (id, 0));
            acknowledged += 1;
        }
    }
    assert!((20..60).contains(&acknowledged), "{acknowledged}");
    assert_eq!(journal.durable_seq(), u64::from(acknowledged));
    // Retention makes room, and the held one passes.
    assert!(journal.retain(i64::MAX, u64::MAX).unwrap() > 0);
    assert_eq!(client.read().puback(), (id, 0));
}

#[test]
#[ignore = "a benchmark: cargo test --release -p nightlamp-core --lib mqtt::tests::throughput -- --ignored --nocapture"]
fn publishes_a_second_with_the_real_journal() {
    for (connections, window) in [(1u32, 1_000u32), (8, 128), (64, 16)] {
        for version in [V3, V5] {
            let (_folder, journal) = journal();
            let listener = MqttListener::start(config(), credentials(), journal.clone()).unwrap();
            let each = 240_000 / connections;
            let start = Instant::now();
            std::thread::scope(|scope| {
                for number in 0..connections {
                    let listener = &listener;
                    scope.spawn(move || pipeline(listener, &number.to_string(), version, each, window));
                }
            });
            let seconds = start.elapsed().as_secs_f64();
            let rate = f64::from(each * connections) / seconds;
            let syncs = journal.stats();
            println!("version {version}, {connections} connections x {window} in flight: {rate:.0} publishes/s {syncs:?}");
        }
    }
}
