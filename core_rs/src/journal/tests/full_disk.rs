//! P5: a full disk refuses frames and never fails one, and takes them again when it has room.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

use super::*;
use crate::error::Code;

/// Waits for what the writer does on its own.
fn until(what: &str, mut come: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !come() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Submits frames of this size until one is refused; their number.
fn fill(journal: &Journal, payload_len: usize) -> (u64, Refusal) {
    let from = journal.next_seq();
    loop {
        match submit(journal, journal.next_seq(), payload_len) {
            Ok(receipt) => assert_eq!(journal.wait_durable(receipt.seq, LONG).durable_seq, receipt.seq),
            Err(refusal) => return (journal.next_seq() - from, refusal),
        }
    }
}

fn one_segment() -> JournalConfig {
    JournalConfig { segment_bytes_max: 1 << 19, ..small() }
}

#[test]
fn p5_what_was_accepted_has_its_room_and_a_full_disk_refuses_the_rest() {
    let disk = FakeDisk::new();
    disk.set_capacity(Some(400_000));
    let journal = reopen(&disk, one_segment()).unwrap();
    let (taken, refused) = fill(&journal, 1_000);
    assert_eq!((refused.code, refused.detail.as_str()), (Code::JournalFull, Full::Disk.detail()));
    assert!(taken > 200, "{taken} of about 370: less than STEP_BYTES_MIN is left");
    assert!(journal.room().room_short && journal.room().full == Some(Full::Disk) && !journal.room().stuck);
    assert_eq!((journal.failed(), journal.withheld()), (None, None));
    assert_eq!((journal.stats().refused_disk, journal.stats().refused_full), (1, 0));
    disk.set_capacity(Some(1 << 30));
    until("room is found again", || submit(&journal, journal.next_seq(), 1_000).is_ok());
    until("nothing is short", || !journal.room().room_short);
    assert_eq!(journal.room().full, None);
    write_frames(&journal, 300, 1_000);
    assert_eq!(read_all(&journal, 1).len() as u64, taken + 301);
}

#[test]
fn p5_a_full_journal_is_shown_until_what_was_refused_would_be_taken() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, JournalConfig { journal_bytes_max: 25_000, ..small() }).unwrap();
    let (taken, _) = fill(&journal, 10_000);
    write_frames(&journal, 1, 0);
    assert_eq!(journal.room().full, Some(Full::Cap), "a tick that still fits does not hide it");
    journal.retain(i64::MAX, taken).unwrap();
    assert_eq!(journal.room().full, None);
    write_frames(&journal, 1, 10_000);
}

#[test]
fn p5_no_batch_meets_a_disk_that_others_fill_between_accepting_and_writing() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, one_segment()).unwrap();
    write_frames(&journal, 1, 1_000);
    disk.stall();
    submit(&journal, 2, 1_000).unwrap();
    until("in the sync", || disk.switches().in_sync.load(SeqCst) == 1);
    disk.set_capacity(Some(disk.used()));
    let accepted = (3..).map_while(|seq| submit(&journal, seq, 10_000).ok()).count() as u64;
    assert!(accepted > 20);
    disk.resume();
    assert_eq!(journal.wait_durable(2 + accepted, LONG), Progress { durable_seq: 2 + accepted, failed: false });
}

#[test]
fn p5_without_room_for_another_segment_the_old_one_goes_on_and_ends_later() {
    let disk = FakeDisk::new();
    let config = JournalConfig { journal_bytes_max: 1 << 30, ..small() };
    let journal = reopen(&disk, config).unwrap();
    write_frames(&journal, 1, 1_000);
    disk.set_capacity(Some(disk.used()));
    let (taken, refused) = fill(&journal, 10_000);
    assert_eq!(refused.detail, Full::Disk.detail());
    assert!(taken > 100 && journal.segments() == 1, "{taken} frames, segments of 4 KiB");
    disk.set_capacity(None);
    until("room", || !journal.room().room_short);
    until("another segment", || {
        write_frames(&journal, 1, 1_000);
        journal.segments() > 1
    });
    let last = journal.durable_seq();
    assert_eq!(read_all(&journal, 1), (1..=last).collect::<Vec<_>>());
    drop(journal);
    assert_eq!(read_all(&reopen(&disk, config).unwrap(), 1), (1..=last).collect::<Vec<_>>());
}

#[test]
fn p5_a_journal_opens_on_a_full_disk_and_waits_for_room() {
    let disk = FakeDisk::new();
    disk.put(mark::MARK_NAME, Vec::new());
    disk.set_capacity(Some(0));
    let journal = reopen(&disk, small()).unwrap();
    assert_eq!(submit(&journal, 1, 100).unwrap_err().code, Code::JournalFull);
    disk.set_capacity(None);
    until("room", || submit(&journal, 1, 100).is_ok());
    assert_eq!(journal.wait_durable(1, LONG).durable_seq, 1);
}

#[test]
fn p5_on_a_disk_that_cannot_hold_room_a_batch_waits_those_behind_it_are_told_and_it_is_written_when_there_is_room() {
    let disk = FakeDisk::new();
    disk.switches().no_allocate.store(true, SeqCst);
    let journal = reopen(&disk, one_segment()).unwrap();
    assert_eq!(journal.room().room_bytes, None);
    write_frames(&journal, 3, 1_000);
    disk.set_capacity(Some(disk.used() + 500));
    let held_back = submit(&journal, 4, 1_000).unwrap();
    until("the batch is stuck", || journal.room().stuck);
    assert_eq!(journal.wait_durable(held_back.seq, Duration::from_millis(50)), Progress { durable_seq: 3, failed: false });
    assert_eq!(journal.withheld().unwrap().code, Code::JournalFull);
    let mut count = [0; 8];
    assert!(rustix::io::read(journal.durable_fd(), &mut count).is_ok(), "whoever waits is woken");
    assert_eq!(submit(&journal, 5, 10).unwrap_err().code, Code::JournalFull);
    disk.set_capacity(None);
    assert_eq!(journal.wait_durable(held_back.seq, LONG).durable_seq, 4);
    until("new frames are taken", || submit(&journal, 5, 10).is_ok());
    journal.wait_durable(5, LONG);
    assert_eq!((journal.withheld(), journal.room().full), (None, None));
    assert_eq!(read_all(&journal, 1), vec![1, 2, 3, 4, 5]);
}

#[test]
fn p5_closing_while_the_disk_is_full_ends_and_acknowledges_nothing_that_is_not_on_it() {
    let disk = FakeDisk::new();
    disk.switches().no_allocate.store(true, SeqCst);
    let journal = reopen(&disk, one_segment()).unwrap();
    write_frames(&journal, 3, 1_000);
    disk.set_capacity(Some(disk.used() + 500));
    submit(&journal, 4, 1_000).unwrap();
    until("the batch is stuck", || journal.room().stuck);
    journal.close();
    assert_eq!(journal.progress(), Progress { durable_seq: 3, failed: true });
    disk.set_capacity(None);
    let journal = reopen(&disk, one_segment()).unwrap();
    assert_eq!((journal.durable_seq(), journal.stats().damaged_places), (3, 0));
}

#[test]
fn p5_a_closed_journal_gives_back_the_room_it_held() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, small()).unwrap();
    write_frames(&journal, 20, 1_000);
    assert!(disk.used() > journal.bytes_on_disk() + 500_000, "held ahead");
    let bytes = journal.bytes_on_disk();
    drop(journal);
    assert_eq!(disk.used(), bytes + disk.get(mark::MARK_NAME).len() as u64);
}
