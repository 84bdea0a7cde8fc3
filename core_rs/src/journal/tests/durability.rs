//! P1 and P5: acknowledged means durable; bounded.

use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use super::*;
use crate::error::Code;

#[test]
fn frames_survive_closing_and_opening_on_real_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path, small()).unwrap();
    assert!(matches!(Journal::open(&path, small()), Err(JournalError::Locked)));
    write_frames(&journal, 100, 200);
    assert!(journal.segments() > 3);
    drop(journal);
    let journal = Journal::open(&path, small()).unwrap();
    assert_eq!((journal.durable_seq(), journal.next_seq(), journal.stats().torn_bytes), (100, 101, 0));
    write_frames(&journal, 5, 10);
    assert_eq!(read_all(&journal, 1), (1..=105).collect::<Vec<_>>());
    let on_disk: u64 = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".journal"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert_eq!(journal.bytes_on_disk(), on_disk);
}

#[test]
fn a_frame_is_not_durable_before_its_sync_has_returned() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, small()).unwrap();
    disk.stall();
    let first = submit(&journal, 1, 100).unwrap();
    assert_eq!(journal.wait_durable(first.seq, Duration::from_millis(50)).durable_seq, 0);
    assert_eq!(read_all(&journal, 1), Vec::<u64>::new());
    let last = (2..=50).map(|number| submit(&journal, number, 100).unwrap()).last().unwrap();
    assert_eq!((journal.durable_seq(), journal.progress().failed), (0, false));
    disk.resume();
    assert_eq!(journal.wait_durable(last.seq, LONG).durable_seq, 50);
    assert_eq!(disk.switches().syncs.load(SeqCst), 2, "what came during a sync is one batch");
    assert_eq!(disk.synced_only().get(&segment::segment_name(1)), disk.get(&segment::segment_name(1)));
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_is_not_tried_again() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, small()).unwrap();
    write_frames(&journal, 3, 100);
    disk.switches().fail_sync.store(true, SeqCst);
    let receipt = submit(&journal, 4, 100).unwrap();
    let progress = journal.wait_durable(receipt.seq, LONG);
    assert_eq!(progress, Progress { durable_seq: 3, failed: true });
    disk.switches().fail_sync.store(false, SeqCst);
    assert_eq!(submit(&journal, 5, 100).unwrap_err().code, Code::Overloaded);
    assert!(journal.failed().unwrap().contains("sync"));
    assert_eq!(*journal.watch_durable().borrow(), progress);
    let mut reader = journal.reader(3);
    assert_eq!(reader.next(LONG).unwrap().unwrap().seq, 3);
    assert!(matches!(reader.next(LONG), Err(JournalError::Failed(_))));
    assert_eq!((journal.stats().frames, journal.stats().refused_failed), (3, 1));
}

#[test]
fn p1_what_a_failed_sync_left_in_the_page_cache_is_no_success_of_the_next_start() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, small()).unwrap();
    write_frames(&journal, 3, 100);
    disk.switches().fail_sync.store(true, SeqCst);
    let receipt = submit(&journal, 4, 2_000).unwrap();
    assert!(journal.wait_durable(receipt.seq, LONG).failed);
    drop(journal);
    disk.switches().fail_sync.store(false, SeqCst);
    let again = reopen(&disk, small()).unwrap();
    assert_eq!(again.durable_seq(), 4, "the cache still holds it, so it may be kept");
    write_frames(&again, 2, 100);
    let after = reopen(&disk.synced_only(), small()).unwrap();
    assert_eq!(read_all(&after, 1), (1..=6).collect::<Vec<_>>(), "what the start called durable is on the disk");
}

#[test]
fn a_failed_write_acknowledges_nothing() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, small()).unwrap();
    disk.switches().fail_write.store(true, SeqCst);
    let receipt = submit(&journal, 1, 100).unwrap();
    assert_eq!(journal.wait_durable(receipt.seq, LONG), Progress { durable_seq: 0, failed: true });
}

#[test]
fn all_three_ways_of_waiting_hear_of_a_commit() {
    let journal = reopen(&FakeDisk::new(), small()).unwrap();
    let watch = journal.watch_durable();
    write_frames(&journal, 1, 10);
    // The condition variable has answered in write_frames; the eventfd follows within the same call of the writer.
    let mut count = [0; 8];
    while rustix::io::read(journal.durable_fd(), &mut count).is_err() {
        thread::yield_now();
    }
    assert_eq!(watch.borrow().durable_seq, 1);
    assert!(journal.durable_fd().as_raw_fd() >= 0 && u64::from_ne_bytes(count) >= 1);
}

#[test]
fn concurrent_submitters_get_one_order_without_gaps() {
    let journal = Arc::new(reopen(&FakeDisk::new(), small()).unwrap());
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let journal = Arc::clone(&journal);
            thread::spawn(move || {
                let submit_one = |i: u64| submit(&journal, thread * 1_000 + i, 40).unwrap().seq;
                let seqs: Vec<u64> = (0..500).map(submit_one).collect();
                assert!(seqs.is_sorted());
                assert!(journal.wait_durable(seqs[499], LONG).durable_seq >= seqs[499]);
                seqs
            })
        })
        .collect();
    let mut seqs: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=4_000).collect::<Vec<_>>());
    assert_eq!(read_all(&journal, 1), seqs);
    assert!(journal.stats().commits < 4_000);
}

#[test]
fn a_full_journal_refuses_and_heals_after_retention() {
    let journal = reopen(&FakeDisk::new(), JournalConfig { journal_bytes_max: 32_768, ..small() }).unwrap();
    let refused = loop {
        match submit(&journal, journal.next_seq(), 1_000) {
            Ok(receipt) => drop(journal.wait_durable(receipt.seq, LONG)),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refused.code, Code::JournalFull);
    assert!(journal.bytes_on_disk() <= 32_768);
    let last = journal.durable_seq();
    assert_eq!(journal.next_seq(), last + 1, "a refusal uses up no number");
    assert_eq!(journal.retain(i64::MAX, 0).unwrap(), 0, "what is not stored stays");
    assert_eq!(journal.retain(0, last).unwrap(), 0, "what is young stays");
    assert!(journal.retain(i64::MAX, last / 2).unwrap() > 0);
    assert!(journal.first_seq() > 1 && journal.first_seq() <= last / 2 + 1);
    write_frames(&journal, 1, 1_000);
    let first = journal.first_seq();
    assert_eq!(read_all(&journal, first), (first..=last + 1).collect::<Vec<_>>());
    assert!(matches!(journal.reader(1).next(Duration::ZERO), Err(JournalError::Gone { seq: 1, .. })));
    journal.retain(i64::MAX, u64::MAX).unwrap();
    assert_eq!(journal.segments(), 1, "the live segment stays");
    assert_eq!(journal.stats().refused_full, 1);
}

#[test]
fn a_slow_disk_refuses_instead_of_growing() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, small()).unwrap();
    disk.stall();
    let mut accepted = 0;
    let refused = loop {
        match submit(&journal, accepted + 1, 10_000) {
            Ok(_) => accepted += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refused.code, Code::Overloaded);
    assert!(journal.bytes_waiting() <= small().waiting_bytes_max);
    disk.resume();
    assert_eq!(journal.wait_durable(accepted, LONG).durable_seq, accepted);
    write_frames(&journal, 1, 10_000);
}

#[test]
fn a_frame_over_the_limit_is_refused_and_a_replay_of_the_largest_passes() {
    let journal = reopen(&FakeDisk::new(), small()).unwrap();
    let largest = small().frame_bytes_max;
    assert_eq!(submit(&journal, 1, largest + 1).unwrap_err().code, Code::TooLarge);
    submit(&journal, 1, largest).unwrap();
    journal.wait_durable(1, LONG);
    let encoded = journal.read_one(1).unwrap().unwrap().encode().unwrap();
    let replay = FrameRef { source: Source::Replay, principal: "", context: "", received_at_us: 2, payload: &encoded };
    let receipt = journal.submit(&replay).unwrap();
    journal.wait_durable(receipt.seq, LONG);
    assert_eq!(journal.read_one(2).unwrap().unwrap().payload, encoded);
}

#[test]
fn closing_makes_what_was_submitted_durable_and_takes_no_more() {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, JournalConfig { commit_us_max: 1_000_000, ..small() }).unwrap();
    (1..=10).for_each(|number| assert_eq!(submit(&journal, number, 10).unwrap().seq, number));
    journal.close();
    assert_eq!(journal.durable_seq(), 10);
    assert_eq!(submit(&journal, 11, 10).unwrap_err().code, Code::Overloaded);
}

#[test]
fn a_batch_held_back_goes_when_it_is_large_enough() {
    let disk = FakeDisk::new();
    let config = JournalConfig { commit_us_max: 1_000_000, commit_frames_max: 20, ..small() };
    let journal = reopen(&disk, config).unwrap();
    (1..=20).for_each(|number| assert_eq!(submit(&journal, number, 10).unwrap().seq, number));
    assert_eq!(journal.wait_durable(20, LONG).durable_seq, 20);
    assert_eq!((disk.switches().syncs.load(SeqCst), journal.stats().commit_frames_max), (1, 20));
}
