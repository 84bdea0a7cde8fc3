//! Copies of a journal: up to a durable frame while it grows, readable from end to end, damage told.

use std::fs;
use std::path::Path;

use super::*;

/// Copies what the extent says, as a backup does.
fn copy(from: &Path, to: &Path, extent: &Extent) {
    fs::create_dir_all(to).unwrap();
    for (name, bytes) in &extent.segments {
        let all = fs::read(from.join(name)).unwrap();
        fs::write(to.join(name), &all[..*bytes as usize]).unwrap();
    }
    fs::write(to.join("durable.mark"), mark_bytes(extent.last_seq)).unwrap();
}

fn check(folder: &Path, extent: &Extent) -> (u64, u64, Vec<Damage>) {
    let checked: Vec<Checked> = extent.segments.iter().map(|(name, _)| check_segment(folder, name).unwrap()).collect();
    let frames = checked.iter().map(|one| one.frames).sum();
    (checked.last().unwrap().next_seq, frames, checked.into_iter().flat_map(|one| one.damage).collect())
}

#[test]
fn p8_a_copy_of_a_growing_journal_ends_with_a_frame_that_was_durable_and_holds_all_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("journal"), folder.path().join("copies"));
    let journal = Journal::open(&from, small()).unwrap();
    write_frames(&journal, 3, 100);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_frames(&journal, 400, 300));
        let mut copies = 0;
        while copies < 20 || !writer.is_finished() {
            let before = journal.durable_seq();
            let Some(extent) = extent(&from, true).unwrap() else { continue };
            let to = to.join(copies.to_string());
            copy(&from, &to, &extent);
            assert!(before <= extent.last_seq && extent.last_seq <= journal.durable_seq());
            assert_eq!(check(&to, &extent), (extent.last_seq + 1, extent.last_seq, Vec::new()));
            copies += 1;
        }
    });
    journal.close();
    let whole = extent(&from, false).unwrap().unwrap();
    assert_eq!((whole.last_seq, check(&from, &whole).1), (403, 403));
    copy(&from, &to, &whole);
    let restored = Journal::open(&to, small()).unwrap();
    assert_eq!((restored.next_seq(), restored.stats().torn_bytes), (404, 0));
    assert_eq!(read_all(&restored, 1).len(), 403);
}

#[test]
fn p8_of_a_stopped_journal_every_whole_record_counts_and_a_torn_end_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), small()).unwrap();
    write_frames(&journal, 30, 400);
    journal.close();
    let whole = extent(folder.path(), false).unwrap().unwrap();
    let (name, bytes) = whole.segments.last().unwrap();
    let path = folder.path().join(name);
    let all = fs::read(&path).unwrap();
    fs::write(&path, [all.as_slice(), &[7; 50]].concat()).unwrap();
    assert_eq!(extent(folder.path(), false).unwrap().unwrap(), whole);
    fs::write(folder.path().join("durable.mark"), mark_bytes(29)).unwrap();
    let marked = extent(folder.path(), true).unwrap().unwrap();
    assert_eq!(marked.last_seq, 29);
    assert!(marked.segments.last().unwrap().1 < *bytes, "a record that the mark does not know is left out");
}

#[test]
fn p8_every_flipped_byte_of_a_segment_is_told_with_the_frame_it_hit() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), JournalConfig { segment_bytes_max: 1 << 16, ..small() }).unwrap();
    write_frames(&journal, 20, 30);
    journal.close();
    let whole = extent(folder.path(), false).unwrap().unwrap();
    let (name, _) = whole.segments.first().unwrap();
    let path = folder.path().join(name);
    let all = fs::read(&path).unwrap();
    for at in 0..all.len() {
        let mut bytes = all.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        match check_segment(folder.path(), name) {
            Ok(checked) => assert!(!checked.damage.is_empty(), "byte {at}"),
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
}
