//! A state that is being written while the pipeline goes on: `Pipeline::state` shares patients and scores with it until they change.

#[path = "as_of/ward.rs"]
#[allow(dead_code)]
mod ward;

use std::path::Path;
use std::sync::Arc;

use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{Pipeline, Read, Setup};
use nightlamp_core::score::Scorers;

fn pipeline() -> (Pipeline, Setup) {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0");
    let setup = Setup::new(
        Arc::new(Decoder::new(DecodeConfig::default()).expect("decoder")),
        Arc::new(Scorers::load(&[bundle]).expect("scorers")),
        Limits::default(),
    );
    (Pipeline::new(setup.clone()).expect("pipeline"), setup)
}

/// Admissions, values, corrections, withdrawals, moves, discharges, merges and ticks.
fn frames() -> Vec<Journalled> {
    ward::frames(21, 1_500).into_iter().zip(1..).map(|(frame, seq)| Journalled { seq, frame }).collect()
}

#[test]
fn p2_a_state_holds_what_it_held_however_far_the_pipeline_went_on_before_it_was_written() {
    let (frames, (mut live, _)) = (frames(), pipeline());
    let mut held = Vec::new();
    for chunk in frames.chunks(100) {
        live.run(chunk, 0);
        let state = live.state();
        held.push((postcard::to_stdvec(&state).expect("written"), state));
    }
    for (at, (then, state)) in held.iter().enumerate() {
        assert!(&postcard::to_stdvec(state).expect("written") == then, "the state after {} frames", (at + 1) * 100);
    }
    assert!(held.windows(2).all(|pair| pair[0].0 != pair[1].0), "the pipeline went on");
}

#[test]
fn p2_rows_are_the_same_bytes_while_states_are_being_written_and_after_starts_from_them() {
    let frames = frames();
    let ((mut alone, _), (mut watched, setup)) = (pipeline(), pipeline());
    let mut kept = Vec::new();
    let told: Vec<_> = frames.chunks(50).map(|chunk| alone.run(chunk, 0).expect("a batch").tables).collect();
    for (chunk, expected) in frames.chunks(50).zip(&told) {
        kept.push(watched.state());
        assert!(&watched.run(chunk, 0).expect("a batch").tables == expected, "batch {}", kept.len());
    }
    for (at, state) in kept.iter().enumerate().step_by(7) {
        let read: Read = postcard::from_bytes(&postcard::to_stdvec(state).expect("written")).expect("read");
        let fresh = Setup { seen: Default::default(), counters: Arc::default(), ..setup.clone() };
        let mut resumed = Pipeline::resume(fresh, read).expect("resumed");
        for (chunk, expected) in frames.chunks(50).zip(&told).skip(at) {
            assert!(&resumed.run(chunk, 0).expect("a batch").tables == expected, "from {at}");
        }
    }
}
