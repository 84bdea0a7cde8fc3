//! What opening does after a crash: torn tails are cut, damage is never taken for one.

use proptest::prelude::*;

use super::*;

/// One segment with `count` batches of a frame each, and the file's lengths after each.
fn segment_of(count: u64) -> (Arc<FakeDisk>, String, Vec<usize>) {
    let disk = FakeDisk::new();
    let config = JournalConfig { segment_bytes_max: 1 << 16, ..small() };
    let journal = reopen(&disk, config).unwrap();
    let name = segment::segment_name(1);
    let mut lengths = vec![segment::HEADER_BYTES];
    for _ in 0..count {
        write_frames(&journal, 1, 60);
        lengths.push(disk.get(&name).len());
    }
    drop(journal);
    (disk, name, lengths)
}

#[test]
fn a_tail_torn_at_any_byte_of_the_last_two_frames_is_cut_and_the_sequence_goes_on() {
    let (disk, name, lengths) = segment_of(5);
    let whole = disk.get(&name);
    for cut in lengths[3]..=whole.len() {
        let disk = disk.copy();
        disk.put(&name, whole[..cut].to_vec());
        disk.put(mark::MARK_NAME, Vec::new()); // a power cut may lose the mark
        let journal = reopen(&disk, small()).unwrap();
        let left = lengths.iter().filter(|len| **len <= cut).count() as u64 - 1;
        assert_eq!(journal.durable_seq(), left);
        assert_eq!(journal.stats().torn_bytes, (cut - lengths[left as usize]) as u64);
        assert_eq!(disk.get(&name).len(), lengths[left as usize], "nothing torn stays behind what is written next");
        write_frames(&journal, 2, 60);
        assert_eq!(read_all(&journal, 1), (1..=left + 2).collect::<Vec<_>>());
    }
}

#[test]
fn a_tail_of_zeros_or_of_noise_is_cut() {
    let (disk, name, _) = segment_of(5);
    for tail in [vec![0; 5_000], payload(0x9e37_79b9_7f4a_7c15, 5_000)] {
        let disk = disk.copy();
        disk.put(&name, [disk.get(&name), tail].concat());
        let journal = reopen(&disk, small()).unwrap();
        assert_eq!((journal.durable_seq(), journal.stats().torn_bytes), (5, 5_000));
    }
}

#[test]
fn a_new_segment_torn_in_its_creation_is_removed() {
    let (disk, _, _) = segment_of(5);
    let torn = segment::header(6);
    for cut in 0..torn.len() {
        let disk = disk.copy();
        disk.put(&segment::segment_name(6), torn[..cut].to_vec());
        let journal = reopen(&disk, small()).unwrap();
        assert_eq!((journal.durable_seq(), journal.stats().torn_bytes), (5, cut as u64));
        write_frames(&journal, 1, 60);
        assert_eq!(read_all(&journal, 1), (1..=6).collect::<Vec<_>>());
    }
}

#[test]
fn any_flipped_bit_of_an_acknowledged_frame_is_refused_even_in_the_last_segment() {
    let (disk, name, lengths) = segment_of(5);
    let whole = disk.get(&name);
    for (with_mark, flippable) in [(true, 0..whole.len()), (false, 0..lengths[4])] {
        for at in flippable {
            let disk = disk.copy();
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            disk.put(&name, bytes.clone());
            if !with_mark {
                disk.put(mark::MARK_NAME, Vec::new());
            }
            let error = reopen(&disk, small()).map(drop).unwrap_err();
            assert!(matches!(error, JournalError::Damaged { .. }), "byte {at}: {error}");
            assert_eq!(disk.get(&name), bytes, "nothing is changed before a person has decided");
        }
    }
}

#[test]
fn quarantine_keeps_what_is_readable_and_goes_on_behind_the_damage() {
    let (disk, name, lengths) = segment_of(5);
    let mut bytes = disk.get(&name);
    bytes[lengths[2] + 20] ^= 4;
    disk.put(&name, bytes.clone());
    let config = JournalConfig { on_damage: OnDamage::Quarantine, ..small() };
    let journal = reopen(&disk, config).unwrap();
    let next = journal.next_seq();
    assert!(next > 5, "a number once given is not given again");
    write_frames(&journal, 2, 60);
    assert_eq!(read_all(&journal, 1), vec![1, 2, 4, 5, next, next + 1]);
    assert_eq!(disk.get(&name), bytes, "the damaged bytes are kept");
    assert!(journal.stats().damaged_places > 0 && journal.stats().lost_frames >= 1);
    drop(journal);
    assert_eq!(read_all(&reopen(&disk, config).unwrap(), 1), vec![1, 2, 4, 5, next, next + 1]);
}

#[test]
fn a_journal_whose_segments_vanished_is_refused() {
    let (disk, name, _) = segment_of(3);
    Disk::remove(&*disk, &name).unwrap();
    assert!(matches!(reopen(&disk, small()), Err(JournalError::Damaged { seq: 1, .. })));
}

#[test]
fn a_segment_of_another_version_is_refused_untouched() {
    let (disk, name, _) = segment_of(1);
    let mut bytes = disk.get(&name);
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..20]).to_le_bytes();
    bytes[20..24].copy_from_slice(&crc);
    disk.put(&name, bytes);
    assert!(matches!(reopen(&disk, small()), Err(JournalError::Format { .. })));
}

/// Overwrites, cuts or repeats a piece of a file, at places given as shares of its length.
fn spoil(bytes: &mut Vec<u8>, how: u8, at: f64, len: usize) {
    let from = (bytes.len() as f64 * at) as usize;
    let to = (from + len).min(bytes.len());
    match how {
        0 => bytes[from..to].iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(7)),
        1 => drop(bytes.drain(from..to)),
        2 => bytes.truncate(from),
        _ => {
            let piece = bytes[from..to].to_vec();
            bytes.splice(from..from, piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens to the bytes of any segment: what is read is what was written, in order, and the rest is counted.
    #[test]
    fn spoilt_files_never_yield_a_frame_that_was_not_written(
        spoilt in proptest::collection::vec((0usize..8, 0u8..4, 0.0f64..1.0, 1usize..600), 1..4),
        with_mark: bool,
    ) {
        let disk = FakeDisk::new();
        let journal = reopen(&disk, small()).unwrap();
        write_frames(&journal, 90, 200);
        drop(journal);
        let names: Vec<_> = disk.names().into_iter().filter(|name| segment::parse_name(name).is_some()).collect();
        for (file, how, at, len) in spoilt {
            let name = &names[file % names.len()];
            let mut bytes = disk.get(name);
            spoil(&mut bytes, how, at, len);
            disk.put(name, bytes);
        }
        if !with_mark {
            disk.put(mark::MARK_NAME, Vec::new());
        }
        let journal = reopen(&disk, JournalConfig { on_damage: OnDamage::Quarantine, ..small() }).unwrap();
        prop_assert!(!with_mark || journal.next_seq() > 90);
        write_frames(&journal, 3, 200);
        let last = journal.durable_seq();
        let seqs = read_all(&journal, 1); // checks each frame's content
        prop_assert!(seqs.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(&seqs[seqs.len() - 3..], &[last - 2, last - 1, last]);
        prop_assert_eq!(journal.stats().lost_frames, last - seqs.len() as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever pages of unsynced writes a power cut keeps: all acknowledged frames are there, in order, and opening succeeds.
    #[test]
    fn a_power_cut_at_any_moment_loses_no_acknowledged_frame(
        before in proptest::collection::vec(1usize..400, 0..30),
        during in proptest::collection::vec(1usize..400, 1..30),
        seed in any::<u64>(),
    ) {
        let disk = FakeDisk::new();
        let journal = reopen(&disk, small()).unwrap();
        before.iter().for_each(|len| write_frames(&journal, 1, *len));
        disk.stall();
        for len in &during {
            submit(&journal, journal.next_seq(), *len).unwrap();
        }
        let deadline = std::time::Instant::now() + Duration::from_millis(3);
        while std::time::Instant::now() < deadline {} // the writer is now inside its first stalled sync
        let acknowledged = journal.durable_seq();
        let after = disk.after_power_cut(&mut Luck(seed));
        disk.resume();
        let journal = reopen(&after, small()).unwrap();
        prop_assert!(journal.durable_seq() >= acknowledged);
        write_frames(&journal, 1, 10);
        prop_assert_eq!(read_all(&journal, 1), (1..=journal.durable_seq()).collect::<Vec<_>>());
    }
}
