//! Recovery in small: what is replayed, and from where. How long it takes at full size is measured by `benches/recovery.rs`.

use std::time::{Duration, Instant};

use super::{Outcome, engine, fill, take, undisturbed};

/// Frames a start would replay, from what it tells before it is done; 0 where it was done at once.
fn replayed(engine: &super::Engine) -> u64 {
    let until = Instant::now() + Duration::from_secs(30);
    let mut to_do = 0;
    while Instant::now() < until {
        let recovery = engine.stats()["recovery"].clone();
        if recovery.is_null() {
            return to_do;
        }
        to_do = to_do.max(recovery["frames_to_do"].as_u64().unwrap_or(0));
        engine.next_batch(Duration::from_millis(1));
    }
    panic!("never recovered: {:?}", engine.pipeline_failed());
}

#[test]
fn p1_a_start_while_the_very_first_frames_are_on_their_way_to_the_disk_goes_on() {
    let folder = tempfile::tempdir().expect("folder");
    let engine = engine(folder.path(), serde_json::json!({"journal": {"commit_us_max": 500_000}}));
    let seq = engine.submit(crate::receive::Source::JsonMqtt, "test", "ICU/1", b"not json").expect("taken").seq;
    engine.start(0).expect("start");
    let mut outcome = Outcome::default();
    take(&engine, &mut outcome, seq, |_| ());
    assert_eq!((engine.pipeline_failed(), outcome.rows("dead_letters")), (None, 1));
}

#[test]
fn p2_after_a_stop_nothing_is_replayed() {
    let folder = tempfile::tempdir().expect("folder");
    let to = {
        let engine = engine(folder.path(), serde_json::json!({}));
        let to = fill(&engine, 300);
        engine.start(0).expect("start");
        let mut outcome = Outcome::default();
        take(&engine, &mut outcome, to, |batch| engine.stored(batch.last_seq));
        engine.stop();
        engine.durable_seq()
    };
    let engine = engine(folder.path(), serde_json::json!({}));
    assert_eq!(engine.durable_seq(), to);
    engine.start(to).expect("start");
    let greeting = engine.next_batch(Duration::from_secs(5)).expect("who is here");
    assert_eq!(greeting.messages.len(), 3);
    let frames = engine.stats()["pipeline"]["frames"].as_u64().expect("a count");
    assert!(frames <= engine.durable_seq() - to, "ticks of this run at most, not {frames}");
}

#[test]
fn p2_a_start_replays_no_more_than_a_snapshots_interval_and_never_from_ahead_of_the_store() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = serde_json::json!({"journal": {"snapshot_frames": 200, "retention_s": 4_000_000_000_u64}, "limits": {"past_s_max": 4_000_000_000_i64, "batch_frames_max": 50}});
    let mut to = 0;
    let mut outcome = Outcome::default();
    {
        let engine = engine(folder.path(), settings.clone());
        engine.start(0).expect("start");
        // The store is away: nothing is told, so all snapshots wait for it.
        for _ in 0..4 {
            let (newest, until) = (engine.snapshots.seqs().last().copied(), Instant::now() + Duration::from_secs(30));
            to = fill(&engine, 150);
            take(&engine, &mut outcome, to, |_| ());
            // Ticks make the pipeline look whether one is due.
            while engine.snapshots.seqs().last().copied() <= newest && Instant::now() < until {
                engine.next_batch(Duration::from_millis(10)).iter().for_each(|batch| outcome.add(batch));
            }
        }
        let waiting = engine.snapshots.seqs();
        assert!((4..=super::super::WAITING_MAX).contains(&waiting.len()), "{waiting:?}");
        // Dropped as it is: like a kill, as far as the disk is concerned.
    }
    let kept = super::super::Snapshots::look(&folder.path().join("snapshots")).seqs();
    for cursor in [kept[1], kept[2] + 20, to] {
        let engine = engine(folder.path(), settings.clone());
        let newest = kept.iter().rev().find(|seq| **seq <= cursor).copied().expect("a snapshot");
        engine.start(cursor).expect("start");
        let to_do = replayed(&engine);
        let durable = engine.durable_seq();
        assert!(to_do + newest <= durable, "from snapshot {newest}, {to_do} of {durable}");
        drop(engine);
    }
    assert!(undisturbed(folder.path(), to).rows == outcome.rows);
}

#[test]
fn what_the_journal_came_to_is_the_same_after_a_kill_a_replay_and_a_stop() {
    let folder = tempfile::tempdir().expect("folder");
    let settings = serde_json::json!({"journal": {"snapshot_frames": 200}, "limits": {"past_s_max": 4_000_000_000_i64, "batch_frames_max": 50}});
    let ever = |engine: &super::Engine, to: u64| {
        let until = Instant::now() + Duration::from_secs(30);
        while engine.stats()["lag"]["processed_seq"].as_u64() < Some(to) {
            assert!(Instant::now() < until, "{:?}", engine.stats()["failed"]);
            engine.next_batch(Duration::from_millis(10));
        }
        engine.stats()["ever"].clone()
    };
    let (before, to, snapshot) = {
        let engine = engine(folder.path(), settings.clone());
        engine.start(0).expect("start");
        // The second time is a copy of the first: the same ids, the same bytes.
        for _ in 0..2 {
            fill(&engine, 150);
        }
        let last = engine.submit(crate::receive::Source::JsonMqtt, "test", "ICU/1", b"not json").expect("taken").seq;
        let (until, mut snapshot) = (Instant::now() + Duration::from_secs(30), 0);
        while snapshot == 0 {
            assert!(Instant::now() < until, "no snapshot");
            engine.next_batch(Duration::from_millis(10));
            snapshot = engine.snapshots.seqs().last().copied().unwrap_or(0);
        }
        let to = last.max(snapshot);
        (ever(&engine, to), to, snapshot)
        // Dropped as it is: like a kill, as far as the disk is concerned.
    };
    let counted = |name: &str| before[name].as_u64().expect("a number");
    assert_eq!((counted("frames_received"), counted("frames_repeated"), counted("frames_dead")), (907, 453, 1), "{before}");
    assert_eq!((counted("observations_taken"), counted("observations_kept")), (2_250, 2_250));
    for cursor in [snapshot, to] {
        let engine = engine(folder.path(), settings.clone());
        engine.start(cursor).expect("start");
        assert_eq!(ever(&engine, to), before, "from {cursor}");
        engine.stored(to);
        engine.stop();
    }
}
