//! Reading back in order, while writing, and around damage in old segments.

use std::thread;

use super::*;

#[test]
fn a_reader_follows_the_writer_across_segments() {
    let journal = Arc::new(reopen(&FakeDisk::new(), small()).unwrap());
    let mut reader = journal.reader(1);
    let writer = {
        let journal = Arc::clone(&journal);
        thread::spawn(move || {
            for number in 1..=3_000 {
                let receipt = submit(&journal, number, 50).unwrap();
                if number % 7 == 0 {
                    journal.wait_durable(receipt.seq, LONG);
                }
            }
        })
    };
    let mut seen = Vec::new();
    while seen.len() < 3_000 {
        let before = seen.len();
        let read = reader.next_batch(&mut seen, 100, 2_000, LONG).unwrap();
        assert!(read > 0 && read <= 40 && seen.len() == before + read);
        assert!(seen.last().unwrap().seq <= journal.durable_seq());
    }
    writer.join().unwrap();
    assert!(seen.iter().zip(1..).all(|(journalled, seq)| journalled.seq == seq));
    assert!(journal.segments() > 10);
    assert_eq!((reader.position(), reader.lag_frames()), (3_001, 0));
    assert!(reader.next(Duration::ZERO).unwrap().is_none());
}

#[test]
fn a_reader_starts_anywhere_and_read_one_finds_each_frame() {
    let journal = reopen(&FakeDisk::new(), small()).unwrap();
    write_frames(&journal, 120, 100);
    for from in 1..=121 {
        assert_eq!(read_all(&journal, from), (from..=120).collect::<Vec<_>>());
    }
    for seq in 1..=120 {
        assert_eq!(journal.read_one(seq).unwrap().unwrap().received_at_us as u64, seq);
    }
    assert!(journal.read_one(121).unwrap().is_none());
}

#[test]
fn signposts_lead_to_the_right_frame_and_stay_few() {
    let config = JournalConfig { journal_bytes_max: 64 << 20, segment_bytes_max: 1 << 20, ..small() };
    let disk = FakeDisk::new();
    let journal = reopen(&disk, config).unwrap();
    write_frames(&journal, 300, 10_000);
    let by_writer = journal.shared().signposts.len();
    assert!((9..=12).contains(&by_writer), "{by_writer} in 3 MB");
    let check = |journal: &Journal| {
        for seq in 1..=300 {
            assert_eq!(journal.read_one(seq).unwrap().unwrap().received_at_us as u64, seq);
        }
    };
    check(&journal);
    drop(journal);
    let journal = reopen(&disk, config).unwrap();
    assert_eq!(journal.shared().signposts.len(), 0);
    assert_eq!(read_all(&journal, 1).len(), 300);
    assert_eq!(journal.shared().signposts.len(), by_writer, "set by the reader that passed");
    check(&journal);
    journal.retain(i64::MAX, 300).unwrap();
    assert!(journal.shared().signposts.len() <= 4);
}

#[test]
fn a_frame_larger_than_the_read_chunk_is_read_whole() {
    let config = JournalConfig {
        frame_bytes_max: 3 << 20,
        waiting_bytes_max: 8 << 20,
        journal_bytes_max: 64 << 20,
        segment_bytes_max: 16 << 20,
        ..small()
    };
    let journal = reopen(&FakeDisk::new(), config).unwrap();
    write_frames(&journal, 4, 3 << 20);
    write_frames(&journal, 4, 3);
    assert_eq!(read_all(&journal, 1).len(), 8);
}

/// A journal of several segments whose second one has a flipped bit in the frame numbered `seq`.
fn damaged_in_the_middle() -> (Arc<FakeDisk>, u64, u64) {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, small()).unwrap();
    write_frames(&journal, 100, 100);
    drop(journal);
    let name = disk.names()[1].clone();
    let first = segment::parse_name(&name).unwrap();
    let record = (disk.get(&name).len() - segment::HEADER_BYTES) / (small().segment_bytes_max as usize / 170);
    let mut bytes = disk.get(&name);
    bytes[segment::HEADER_BYTES + record * 2] ^= 1;
    disk.put(&name, bytes);
    (disk, first, 100)
}

#[test]
fn damage_in_an_old_segment_stops_the_reader_and_is_counted_once() {
    let (disk, first, last) = damaged_in_the_middle();
    let journal = reopen(&disk, small()).unwrap();
    let mut reader = journal.reader(1);
    let damaged = loop {
        match reader.next(Duration::ZERO) {
            Ok(journalled) => assert!(journalled.is_some(), "damage must not look like the end"),
            Err(JournalError::Damaged { seq, .. }) => break seq,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(damaged >= first && damaged == reader.position());
    assert!(matches!(reader.next(Duration::ZERO), Err(JournalError::Damaged { seq, .. }) if seq == damaged));
    assert_eq!((journal.stats().damaged_places, journal.stats().lost_frames), (1, 0));
    assert_eq!(read_all(&journal, damaged + 1), (damaged + 1..=last).collect::<Vec<_>>(), "what lies behind is readable");
}

#[test]
fn quarantine_reads_around_damage_and_counts_what_is_lost() {
    let (disk, _, last) = damaged_in_the_middle();
    let journal = reopen(&disk, JournalConfig { on_damage: OnDamage::Quarantine, ..small() }).unwrap();
    let seqs = read_all(&journal, 1);
    assert_eq!(seqs.len() as u64, last - 1);
    assert_eq!((journal.stats().damaged_places, journal.stats().lost_frames), (1, 1));
    let lost = (1..=last).find(|seq| !seqs.contains(seq)).unwrap();
    assert!(matches!(journal.read_one(lost), Err(JournalError::Gone { .. })));
}

#[test]
fn long_records_behind_damage_are_found_by_their_checksums() {
    let config = JournalConfig { segment_bytes_max: 1 << 19, on_damage: OnDamage::Quarantine, ..small() };
    let disk = FakeDisk::new();
    let journal = reopen(&disk, config).unwrap();
    write_frames(&journal, 6, 60_000);
    drop(journal);
    let name = segment::segment_name(1);
    let mut bytes = disk.get(&name);
    bytes[90_000] ^= 1;
    disk.put(&name, bytes);
    let journal = reopen(&disk, config).unwrap();
    assert_eq!(read_all(&journal, 1), [1, 3, 4, 5, 6]);
    assert_eq!(journal.stats().lost_frames, 1);
}

#[test]
fn a_missing_or_shortened_old_segment_is_damage() {
    let (disk, first, last) = damaged_in_the_middle();
    let name = segment::segment_name(first);
    let short = disk.get(&name)[..segment::HEADER_BYTES + 10].to_vec();
    disk.put(&name, short);
    for missing in [false, true] {
        if missing {
            Disk::remove(&*disk, &name).unwrap();
        }
        let journal = reopen(&disk, small()).unwrap();
        let mut reader = journal.reader(1);
        let error = (1..=last).find_map(|_| reader.next(Duration::ZERO).err()).unwrap();
        assert!(matches!(error, JournalError::Damaged { seq, .. } if seq == first), "{error}");
    }
}
