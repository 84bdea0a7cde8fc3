//! Stages that panic or hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::super::EXIT_HUNG;
use super::{Outcome, engine, fault, fill, take, undisturbed};
use crate::pipeline::{Did, Stage};

/// The last frame of a batch, and so the one its patient is shown by.
const POISON: u64 = 192;

fn supervision(engine: &super::Engine, figure: &str) -> u64 {
    engine.stats()["supervision"][figure].as_u64().expect("a figure")
}

#[test]
fn p4_a_frame_that_panics_a_stage_is_put_aside_alone_and_the_same_journal_with_its_list_gives_the_same_rows() {
    for stage in [Stage::Decode, Stage::Window, Stage::Score, Stage::Alert, Stage::Store, Stage::Publish] {
        let folder = tempfile::tempdir().expect("folder");
        let engine = engine(folder.path(), serde_json::json!({"journal": {"snapshot_frames": 50}}));
        let to = fill(&engine, 120);
        fault(&engine, POISON, stage, || panic!("Doe, Jo: a fault made by this test"));
        engine.start(0).expect("start");
        let mut outcome = Outcome::default();
        take(&engine, &mut outcome, to, |batch| engine.stored(batch.last_seq));
        assert!(outcome.is_without_gap(1, to), "{stage:?}: {:?}", outcome.covered);
        assert_eq!(outcome.rows("dead_letters"), 1, "{stage:?}");
        let list = engine.shared.poison.known.all();
        assert_eq!(
            list.iter().map(|known| (known.seq, known.stage, known.did)).collect::<Vec<_>>(),
            [(POISON, stage, Did::Panicked)]
        );
        assert_eq!((supervision(&engine, "panics"), supervision(&engine, "rebuilds")), (2, 2), "{stage:?}");
        let stats = engine.stats();
        let count = |name: &str| stats["pipeline"][name].as_u64().expect("a counter");
        assert_eq!(
            (count("frames") - count("frames_tick"), count("frames_internal")),
            (to, 1),
            "{stage:?}: nothing is counted twice"
        );
        let notes = engine.take_notes().join("\n");
        assert!(notes.contains(&format!("frame {POISON} is passed over")) && !notes.contains("Doe"), "{notes}");
        engine.stop();
        assert_eq!(engine.pipeline_failed(), None);
        drop(engine);
        let again = undisturbed(folder.path(), to);
        assert!(again.rows == outcome.rows, "{stage:?}: other rows from the same journal and list");
        assert!(outcome.rows("observations") > 1_500 && outcome.rows("scores") > 0 && outcome.rows("alert_events") > 0);
    }
}

#[test]
fn p4_a_panic_that_does_not_come_again_costs_no_frame_and_is_counted() {
    let folder = tempfile::tempdir().expect("folder");
    let engine = engine(folder.path(), serde_json::json!({}));
    let (to, met) = (fill(&engine, 120), AtomicBool::new(false));
    fault(&engine, POISON, Stage::Alert, move || assert!(met.swap(true, Ordering::AcqRel), "once"));
    engine.start(0).expect("start");
    let mut outcome = Outcome::default();
    take(&engine, &mut outcome, to, |batch| engine.stored(batch.last_seq));
    assert_eq!((supervision(&engine, "panics"), supervision(&engine, "panics_not_repeated")), (1, 1));
    assert!(engine.shared.poison.known.is_empty() && outcome.is_without_gap(1, to));
    engine.stop();
    drop(engine);
    assert!(undisturbed(folder.path(), to).rows == outcome.rows);
}

#[test]
fn p4_a_stage_that_hangs_ends_the_process_and_the_next_start_goes_on_behind_its_frame() {
    for (stage, alone) in [(Stage::Window, true), (Stage::Store, false)] {
        let folder = tempfile::tempdir().expect("folder");
        let mut outcome = Outcome::default();
        let to;
        {
            let engine = engine(folder.path(), serde_json::json!({"supervision": {"hang_s_max": 3}}));
            to = fill(&engine, 120);
            let released = Arc::new(AtomicBool::new(false));
            let held = Arc::clone(&released);
            fault(&engine, POISON, stage, move || {
                while !held.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            engine.start(0).expect("start");
            let until = Instant::now() + Duration::from_secs(30);
            while engine.fatal().is_none() && Instant::now() < until {
                if let Some(batch) = engine.next_batch(Duration::from_millis(50)) {
                    outcome.add(&batch);
                }
            }
            let fatal = engine.fatal().expect("the watchdog ends it");
            assert!(fatal.code == EXIT_HUNG && fatal.reason.contains(stage.name()), "{fatal:?}");
            assert_eq!(engine.shared.poison.known.get(POISON).is_some(), alone);
            engine.stop(); // does not wait for what hangs
            released.store(true, Ordering::Release); // a real one dies with its process; this one must hand nothing over any more
            let left = engine.next_batch(Duration::from_millis(500));
            assert!(left.is_none_or(|batch| batch.last_seq < POISON));
        }
        let cursor = outcome.covered.last().map_or(0, |(_, last)| *last);
        assert!(cursor < POISON);
        let engine = engine(folder.path(), serde_json::json!({}));
        // Where the stage had the whole batch in hand, the one to blame shows when its frames are run one by one.
        let met = AtomicU64::new(0);
        let blame = move || assert!(alone || met.fetch_add(1, Ordering::AcqRel) > 0, "once, a panic in place of a hang");
        fault(&engine, POISON, stage, blame);
        engine.start(cursor).expect("start");
        take(&engine, &mut outcome, to, |batch| engine.stored(batch.last_seq));
        assert!(outcome.is_without_gap(1, to), "{:?}", outcome.covered);
        assert_eq!(outcome.rows("dead_letters"), 1, "{stage:?}");
        assert_eq!(engine.shared.poison.suspects(0), None);
        engine.stop();
        drop(engine);
        assert!(undisturbed(folder.path(), to).rows == outcome.rows);
    }
}

#[test]
fn p4_a_build_that_panics_with_every_frame_stops_and_the_journal_goes_on() {
    let folder = tempfile::tempdir().expect("folder");
    let engine = engine(folder.path(), serde_json::json!({"supervision": {"poison_per_hour_max": 2}}));
    let to = fill(&engine, 60);
    *engine.shared.supervision.under_way.fault.0.lock() =
        Some(Arc::new(|seq, _, stage| assert!(seq < 100 || seq == u64::MAX || stage != Stage::Score, "always")));
    engine.start(0).expect("start");
    let until = Instant::now() + Duration::from_secs(30);
    while engine.pipeline_failed().is_none() && Instant::now() < until {
        engine.next_batch(Duration::from_millis(20));
    }
    let failed = engine.pipeline_failed().expect("stopped");
    assert!(failed.contains("3 frames stopped a stage within an hour"), "{failed}");
    assert_eq!(engine.shared.poison.known.len(), 3);
    assert!(fill(&engine, 1) > to, "the journal takes frames");
    engine.stop();
    drop(engine);
    let again = super::engine(folder.path(), serde_json::json!({"supervision": {"poison_per_hour_max": 2}}));
    again.start(0).expect("start");
    let until = Instant::now() + Duration::from_secs(10);
    while again.pipeline_failed().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(again.pipeline_failed().expect("still").contains("within an hour"), "a restart does not eat more frames");
}

#[test]
fn p2_a_start_and_a_stop_wait_for_each_other_and_a_start_after_a_stop_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let engine = Arc::new(engine(folder.path(), serde_json::json!({})));
    fill(&engine, 100);
    let starting = {
        let engine = Arc::clone(&engine);
        std::thread::spawn(move || engine.start(0))
    };
    engine.stop();
    let started = starting.join().expect("joined");
    assert!(started.is_ok() || started.is_err_and(|error| error.to_string().contains("stopping")));
    assert!(engine.start(0).is_err());
    assert!(engine.threads.lock().iter().all(std::thread::JoinHandle::is_finished), "no thread is left behind");
}
