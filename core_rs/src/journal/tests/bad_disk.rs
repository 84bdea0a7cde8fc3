//! A disk that loses or changes what was synced: the loss is limited to the damaged records, counted and shown. Never a panic, never
//! a journal that is silently shorter.

use super::*;

fn quarantine(config: JournalConfig) -> JournalConfig {
    JournalConfig { on_damage: OnDamage::Quarantine, ..config }
}

/// The place of a record: file, from, to, frame.
type Place = (String, usize, usize, u64);

/// A journal of some segments, batches of one frame and of several, closed; with the place of each record.
fn written(config: JournalConfig, frames: u64) -> (Arc<FakeDisk>, Vec<Place>) {
    let disk = FakeDisk::new();
    let journal = reopen(&disk, config).unwrap();
    let mut luck = Luck(5);
    while journal.durable_seq() < frames {
        let together = 1 + luck.below(3);
        let last = (0..together).map(|_| submit(&journal, journal.next_seq(), luck.below(300)).unwrap().seq).last().unwrap();
        journal.wait_durable(last, LONG);
    }
    drop(journal);
    let mut places = Vec::new();
    for name in disk.names().into_iter().filter(|name| segment::parse_name(name).is_some()) {
        let bytes = disk.get(&name);
        let mut at = segment::HEADER_BYTES;
        while let Some(head) = bytes.get(at..at + 16) {
            let end = at + 8 + u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
            places.push((name.clone(), at, end, u64::from_le_bytes(head[8..].try_into().unwrap())));
            at = end;
        }
    }
    (disk, places)
}

/// All that is read with these settings, and the statistics after it; an error where it was met.
fn read_back(disk: &Arc<FakeDisk>, config: JournalConfig) -> Result<(Vec<u64>, JournalStats, u64), JournalError> {
    let journal = reopen(disk, config)?;
    let (mut reader, mut seqs) = (journal.reader(1), Vec::new());
    while let Some(journalled) = reader.next(Duration::ZERO)? {
        let frame = &journalled.frame;
        assert_eq!(frame.payload, payload(journalled.seq, frame.payload.len()), "read back as it was written");
        seqs.push(journalled.seq);
    }
    assert!(seqs.is_sorted_by(|a, b| a < b));
    Ok((seqs, journal.stats(), journal.next_seq()))
}

#[test]
fn p1_ten_thousand_bit_flips_lose_only_the_records_they_hit_and_are_counted() {
    let (disk, places) = written(small(), 60);
    let all: Vec<u64> = places.iter().map(|place| place.3).collect();
    let last = *all.last().unwrap();
    assert!(all.iter().zip(1..).all(|(seq, expected)| *seq == expected) && disk.names().len() > 3);
    let names: Vec<String> = disk.names();
    let total: usize = names.iter().map(|name| disk.get(name).len()).sum();
    let mut luck = Luck(2026);
    for flip in 0..10_000 {
        let (mut at, bit) = (luck.below(total), luck.below(8));
        let name = names.iter().find(|name| {
            let len = disk.get(name).len();
            let here = at < len;
            at -= if here { 0 } else { len };
            here
        });
        let name = name.unwrap();
        let damaged = disk.copy();
        let mut bytes = disk.get(name);
        bytes[at] ^= 1 << bit;
        damaged.put(name, bytes);
        let hit: Vec<u64> =
            places.iter().filter(|(file, from, to, _)| file == name && (*from..*to).contains(&at)).map(|p| p.3).collect();
        let (seqs, stats, next_seq) = read_back(&damaged.copy(), quarantine(small())).unwrap();
        let lost: Vec<u64> = all.iter().copied().filter(|seq| !seqs.contains(seq)).collect();
        let what = format!("flip {flip}: bit {bit} of byte {at} of {name}");
        assert_eq!(lost, hit, "{what}");
        assert!(next_seq > last, "{what}: no number is given twice");
        assert_eq!(stats.lost_frames, next_seq - 1 - seqs.len() as u64, "{what}");
        assert_eq!(stats.torn_bytes, 0, "{what}");
        let in_segment = segment::parse_name(name).is_some();
        assert_eq!(stats.damaged_places > 0, in_segment, "{what}: counted");
        if flip % 8 == 0 {
            match read_back(&damaged, small()) {
                Err(JournalError::Damaged { .. }) => assert!(in_segment, "{what}"),
                Ok((seqs, ..)) => assert!(!in_segment && seqs == all, "{what}: silently shorter"),
                Err(error) => panic!("{what}: {error}"),
            }
        }
    }
}

#[test]
fn p1_a_last_segment_shortened_at_any_byte_is_never_taken_for_a_shorter_journal() {
    for segment_bytes_max in [1 << 20, 4_096] {
        let config = JournalConfig { segment_bytes_max, journal_bytes_max: 1 << 22, ..small() };
        let (disk, places) = written(config, 60);
        let (name, .., last) = places.last().unwrap().clone();
        let whole = disk.get(&name);
        for cut in whole.len().saturating_sub(4_096)..whole.len() {
            let shortened = disk.copy();
            shortened.put(&name, whole[..cut].to_vec());
            let refused = read_back(&shortened, config).unwrap_err();
            assert!(matches!(refused, JournalError::Damaged { .. }), "cut at {cut}: {refused}");
            let (seqs, stats, next_seq) = read_back(&shortened, quarantine(config)).unwrap();
            let left: Vec<u64> =
                places.iter().filter(|(file, _, to, _)| *file != name || *to <= cut).map(|place| place.3).collect();
            assert_eq!(seqs, left, "cut at {cut}");
            assert!(next_seq > last && stats.damaged_places > 0 && stats.lost_frames == next_seq - 1 - seqs.len() as u64);
        }
    }
}
