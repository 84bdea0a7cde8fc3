//! The journal's promises, on real files and on a disk that fails on command.

mod bad_disk;
mod durability;
mod extent;
mod fake_disk;
mod full_disk;
mod kill;
mod model;
mod reading;
mod recovery;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::error::Refusal;
use crate::receive::{FrameRef, Source};
use fake_disk::{FakeDisk, Luck};

const LONG: Duration = Duration::from_secs(20);

/// Small limits, so that segments and caps are met quickly.
fn small() -> JournalConfig {
    JournalConfig {
        commit_us_max: 0,
        commit_frames_max: 64,
        commit_bytes_max: 1 << 16,
        journal_bytes_max: 1 << 20,
        segment_bytes_max: 4_096,
        waiting_bytes_max: 1 << 19,
        frame_bytes_max: 1 << 17,
        on_damage: OnDamage::Refuse,
    }
}

/// A frame that can be recognised: its number is its receipt time and fills its payload.
fn submit(journal: &Journal, number: u64, payload_len: usize) -> Result<Receipt, Refusal> {
    let payload: Vec<u8> = payload(number, payload_len);
    journal.submit(&FrameRef {
        source: Source::JsonMqtt,
        principal: "monitor-7",
        context: "icu/3",
        received_at_us: number as i64,
        payload: &payload,
    })
}

fn payload(number: u64, len: usize) -> Vec<u8> {
    number.to_le_bytes().into_iter().cycle().take(len).collect()
}

/// Submits frames numbered as their sequence and waits until each is durable, so that each is a batch of its own.
fn write_frames(journal: &Journal, count: u64, payload_len: usize) {
    for _ in 0..count {
        let receipt = submit(journal, journal.next_seq(), payload_len).unwrap();
        assert_eq!(journal.wait_durable(receipt.seq, LONG).durable_seq, receipt.seq);
    }
}

/// Everything a reader yields from here to the durable end, checked for order and content.
fn read_all(journal: &Journal, from: u64) -> Vec<u64> {
    let mut reader = journal.reader(from);
    let mut seqs = Vec::new();
    while let Some(journalled) = reader.next(Duration::ZERO).unwrap() {
        let frame = &journalled.frame;
        assert_eq!((frame.source, &*frame.principal, &*frame.context), (Source::JsonMqtt, "monitor-7", "icu/3"));
        assert_eq!(frame.payload, payload(frame.received_at_us as u64, frame.payload.len()));
        seqs.push(journalled.seq);
    }
    seqs
}

fn reopen(disk: &Arc<FakeDisk>, config: JournalConfig) -> Result<Journal, JournalError> {
    Journal::open_on(disk.clone(), config)
}
