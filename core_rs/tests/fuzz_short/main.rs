//! The short pass over what `make fuzz` runs long: every target with its seeds, every input that was ever found wanting
//! (`core_rs/fuzz/corpus`), and seeded mutations of both. The same functions, the same counting allocator, the same bounds; a
//! number (`FUZZ_SEED`) repeats a run, `FUZZ_CASES` lengthens it. An input that breaks its promise is written to the system's
//! folder for temporary files, and named.

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;
mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fuzz::{INPUT_BYTES_MAX, TARGETS, Target, seeds};
use mutate::Mutator;

#[global_allocator]
static METER: fuzz::meter::Meter = fuzz::meter::Meter;

const CASES: usize = 1_200;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn found_before(target: &str) -> Vec<Vec<u8>> {
    let Ok(files) = std::fs::read_dir(corpus(target)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a file of the corpus")).collect()
}

/// Runs one input; where it breaks a promise, keeps it and says where.
fn check(name: &str, target: Target, input: &[u8], seed: u64) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let path = std::env::temp_dir().join(format!("nightlamp-fuzz-{name}-{seed}-{}", input.len()));
        let kept = std::fs::write(&path, input).map_or_else(|error| error.to_string(), |()| path.display().to_string());
        eprintln!("{name} broke its promise, FUZZ_SEED={seed}, input kept as {kept}");
        std::panic::resume_unwind(panic);
    }
}

/// The allocator counts for the whole process: one target at a time.
static TURN: Mutex<()> = Mutex::new(());

fn short_pass(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).expect("a target");
    let seed = number("FUZZ_SEED", 4);
    let mut inputs = seeds::of(name);
    assert!(!inputs.is_empty(), "{name} has seeds");
    inputs.extend(found_before(name));
    inputs.iter().for_each(|input| check(name, target, &input[..input.len().min(INPUT_BYTES_MAX)], seed));
    let mut mutator = Mutator::new(seed);
    for _ in 0..number("FUZZ_CASES", CASES as u64) {
        check(name, target, &mutator.mutated(&inputs, INPUT_BYTES_MAX), seed);
    }
}

macro_rules! short_passes {
    ($($test:ident $target:literal;)*) => {
        $(#[test] fn $test() { short_pass($target); })*

        #[test]
        fn every_target_has_its_short_pass_and_its_binary() {
            let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$($target),*]);
            for name in names {
                let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
                assert!(binary.exists(), "{}", binary.display());
            }
        }
    };
}

short_passes! {
    p5_hl7_of_any_bytes_is_answered_in_bounded_time_and_memory "hl7";
    p5_device_json_of_any_bytes_is_read_in_bounded_time_and_memory "device_json";
    p5_mqtt_of_any_bytes_is_heard_in_bounded_time_and_memory "mqtt";
    p1_a_journal_of_any_bytes_opens_again_as_it_was "journal";
    p2_a_snapshot_of_any_bytes_is_refused_or_gone_on_from "snapshot";
    p8_a_model_of_any_bytes_is_refused_or_scores "model";
    p5_settings_of_any_bytes_are_refused_or_mean_something "settings";
}

/// `make fuzz` starts from these files. Not committed: the list is `core_rs/fuzz/src/seeds`.
#[test]
#[ignore = "writes files: NIGHTLAMP_FUZZ_SEEDS names the folder"]
fn write_seeds() {
    let Ok(folder) = std::env::var("NIGHTLAMP_FUZZ_SEEDS") else { return };
    for (name, _) in TARGETS {
        let folder = Path::new(&folder).join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (at, input) in seeds::of(name).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{at:02}")), input).expect("a seed");
        }
    }
}
