//! Recovery of a journal from whatever lies on the disk. The input is a list of pieces (see `files`): raw bytes, records with a
//! right checksum and any sequence number, further segments, a mark; so that a mutation gets past the checksums.
//!
//! Promised beside memory and time: what opens can be read to its end, appended to, closed and opened again, and then gives the
//! same frames and the new one; opening the same bytes twice gives the same; numbers rise.

use std::sync::Arc;
use std::time::Duration;

use nightlamp_core::journal::{Disk, Journal, JournalConfig, JournalError, Journalled, OnDamage};
use nightlamp_core::receive::{FrameRef, Source};

use super::memory_disk::MemoryDisk;
use super::meter::{self, Bound};
use super::site::NOON_US;

/// An open journal: its thread's hand-over, counters, and the buffer of one batch.
const BOUND: Bound = Bound::with_floor(192 << 10);
const FILES_MAX: usize = 8;

/// The target. The first byte: whether damage is refused or quarantined.
pub fn run(input: &[u8]) {
    let Some((how, pieces)) = input.split_first() else { return };
    let on_damage = if how & 1 == 0 { OnDamage::Refuse } else { OnDamage::Quarantine };
    let files = files(pieces);
    let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let disk = MemoryDisk::with(&files);
    let first = meter::case("recovery", size, BOUND, || recover(&MemoryDisk::with(&files), on_damage));
    let again = recover(&disk, on_damage);
    assert_eq!(first, again, "the same bytes open the same way twice");
    let Ok(frames) = first else { return };
    let seq = append(&disk, on_damage);
    let Some(seq) = seq else { return };
    assert!(frames.iter().all(|(before, _)| *before < seq), "a new frame comes after all others");
    let reopened = recover(&disk, on_damage).expect("what was closed opens again");
    let (last, before) = reopened.split_last().expect("at least the new frame");
    assert_eq!((last.0, before), (seq, frames.as_slice()), "what was there, and the new frame");
}

type Frames = Vec<(u64, u32)>;

/// Number and checksum of every frame, read to the end; or how opening or reading failed.
fn recover(disk: &Arc<MemoryDisk>, on_damage: OnDamage) -> Result<Frames, String> {
    let told = |error: JournalError| format!("{error}");
    let config = JournalConfig { on_damage, ..JournalConfig::default() };
    let journal = Journal::open_on(Arc::clone(disk) as Arc<dyn Disk>, config).map_err(told)?;
    let mut reader = journal.reader(journal.first_seq());
    let mut frames = Frames::new();
    while let Some(Journalled { seq, frame }) = reader.next(Duration::ZERO).map_err(told)? {
        assert!(frames.last().is_none_or(|(before, _)| *before < seq), "numbers rise");
        frames.push((seq, crc32c::crc32c(&frame.encode().expect("a frame that was read can be written"))));
    }
    assert!(reader.position() == journal.next_seq(), "everything durable was read");
    Ok(frames)
}

/// Appends a frame and closes; None where reading fails although opening did not.
fn append(disk: &Arc<MemoryDisk>, on_damage: OnDamage) -> Option<u64> {
    let config = JournalConfig { on_damage, ..JournalConfig::default() };
    let journal = Journal::open_on(Arc::clone(disk) as Arc<dyn Disk>, config).expect("it opened before");
    let frame = FrameRef { source: Source::Tick, principal: "", context: "", received_at_us: NOON_US, payload: b"" };
    let seq = journal.submit(&frame).expect("room for a tick").seq;
    let progress = journal.wait_durable(seq, Duration::from_secs(30));
    assert!(progress.durable_seq >= seq && !progress.failed, "an append becomes durable: {progress:?}");
    journal.close();
    Some(seq)
}

/// The files that the pieces describe. A piece begins with a byte that says what it is:
///
/// - 0, length u16, bytes: raw, to the end of the present segment
/// - 1, sequence number as an i8 beside the expected one, flags, length u8, payload: a record whose checksum is right
/// - 2, sequence number u64: the same, an empty tick of that number
/// - 3, first number as a u8 beside the expected one: a new segment with its header
/// - 4, number u64: the mark
/// - 5, first number u64: a new segment without a header
/// - anything else: that byte, raw
pub fn files(mut pieces: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(u64, Vec<u8>)> = vec![(1, header(1))];
    let (mut mark, mut expected) = (None, 1u64);
    while let [kind, rest @ ..] = pieces {
        let at = files.len() - 1;
        pieces = match (kind, rest) {
            (0, [low, high, rest @ ..]) => {
                let (raw, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])).min(rest.len()));
                files[at].1.extend_from_slice(raw);
                rest
            }
            (1, [beside, flags, length, rest @ ..]) => {
                let (payload, rest) = rest.split_at(usize::from(*length).min(rest.len()));
                let seq = expected.wrapping_add_signed(i64::from(beside.cast_signed()));
                record(&mut files[at].1, seq, *flags, payload);
                expected = seq.wrapping_add(1);
                rest
            }
            (2, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                let seq = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                record(&mut files[at].1, seq, 1, b"");
                expected = seq.wrapping_add(1);
                rest
            }
            (3, [beside, rest @ ..]) if files.len() < FILES_MAX => {
                expected = expected.wrapping_add(u64::from(*beside));
                files.push((expected, header(expected)));
                rest
            }
            (4, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                mark = Some([*a, *b, *c, *d, *e, *f, *g, *h]);
                rest
            }
            (5, [a, b, c, d, e, f, g, h, rest @ ..]) if files.len() < FILES_MAX => {
                expected = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                files.push((expected, Vec::new()));
                rest
            }
            _ => {
                files[at].1.push(*kind);
                rest
            }
        };
    }
    let mut named: Vec<_> = files.into_iter().map(|(first, bytes)| (format!("{first:020}.journal"), bytes)).collect();
    if let Some(mark) = mark {
        named.push(("durable.mark".into(), [mark.as_slice(), &crc32c::crc32c(&mark).to_le_bytes()].concat()));
    }
    named
}

fn header(first_seq: u64) -> Vec<u8> {
    let mut out = b"NLJOURNL\x01\0\0\0".to_vec();
    out.extend_from_slice(&first_seq.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out
}

/// A record of device JSON; where the payload says so (its first byte is a source's number) of another source, or of none.
fn record(out: &mut Vec<u8>, seq: u64, flags: u8, payload: &[u8]) {
    let source = match payload.first() {
        None => 16,
        Some(number @ (1..=4 | 16 | 17 | 99)) => *number,
        Some(_) => 2,
    };
    let mut body = seq.to_le_bytes().to_vec();
    body.push(flags);
    body.extend_from_slice(&NOON_US.to_le_bytes());
    body.extend_from_slice(&[source, 1, 0, 0, b'k']);
    body.extend_from_slice(payload);
    out.extend_from_slice(&u32::try_from(body.len()).expect("short").to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    out.extend_from_slice(&body);
}
