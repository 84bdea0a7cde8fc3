//! Models: `model.txt` alone, or `manifest.toml`, a NUL and `model.txt`. Hash and fingerprint, which no mutation could meet, are
//! put right before the two are loaded together.
//!
//! Promised beside memory and time: what is accepted scores any row without a panic, with the same bits one row at a time, many
//! at a time and on every instruction set; probabilities are within 0 and 1.

use nightlamp_core::score::forest::Isa;
use nightlamp_core::score::{Bundle, Forest, Manifest, compile};
use sha2::{Digest, Sha256};

use super::meter::{self, Bound};
use super::settings::TOML;

/// A tree of one leaf is 35 bytes of text, and 32 leaves wide where it is evaluated.
const BOUND: Bound = Bound { factor: 32, floor: 64 << 10 };
const ROWS: usize = 40;

/// The target.
pub fn run(input: &[u8]) {
    let nul = input.iter().position(|byte| *byte == 0);
    let (manifest, text) = nul.map_or((b"".as_slice(), input), |at| (&input[..at], &input[at + 1..]));
    let forest = meter::case("model text", text.len(), BOUND, || Forest::from_text(text));
    if let Ok(forest) = &forest {
        score(forest);
    }
    let Ok(manifest) = std::str::from_utf8(manifest) else { return };
    let parsed = meter::case("manifest", manifest.len(), TOML, || Manifest::parse(manifest));
    if let (Ok(parsed), Ok(_)) = (parsed, forest) {
        together(parsed, text);
    }
}

fn together(mut manifest: Manifest, text: &[u8]) {
    let Ok(plan) = compile(&manifest.plan) else { return };
    manifest.model_sha256 = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    manifest.training.fingerprint = plan.fingerprint().to_owned();
    let Ok(manifest) = toml::to_string(&manifest) else { return };
    let Ok(bundle) = Bundle::from_bytes(manifest.as_bytes(), text, 0) else { return };
    let rows = rows(plan.width(), ROWS);
    let mut raw = Vec::new();
    bundle.predict_raw(&rows, &mut raw);
    assert_eq!(raw.len(), ROWS);
    for raw in raw {
        let probability = bundle.finish(raw);
        assert!(!raw.is_finite() || (0.0..=1.0).contains(&probability), "{raw} gives {probability}");
    }
}

fn score(forest: &Forest) {
    let width = forest.n_features();
    let rows = rows(width, ROWS);
    let mut together = [0.0; ROWS];
    forest.predict_raw(&rows, width, &mut together).expect("whole rows");
    let bits = together.map(f64::to_bits);
    for isa in Isa::available() {
        let mut again = [0.0; ROWS];
        forest.clone().on(isa).predict_raw(&rows, width, &mut again).expect("whole rows");
        assert_eq!(bits, again.map(f64::to_bits), "{isa:?}");
    }
    let mut shares = vec![0.0; width + 1];
    for (row, bits) in rows.chunks_exact(width).zip(bits).take(3) {
        let mut alone = [0.0];
        forest.predict_raw(row, width, &mut alone).expect("a whole row");
        assert_eq!(bits, alone[0].to_bits(), "a row alone and among others");
        let _ = forest.shap(row, width, &mut shares);
    }
    let mut leaves = vec![0; forest.n_trees() * ROWS];
    forest.predict_leaf(&rows, width, &mut leaves).expect("whole rows");
    assert!((0.0..=1.0).contains(&forest.probability(0.25)));
}

/// Rows of values at which trees break: none, zero and almost, categories, numbers beyond.
fn rows(width: usize, count: usize) -> Vec<f32> {
    let values = [
        f32::NAN,
        0.0,
        -0.0,
        1e-36,
        1.0,
        -1.0,
        31.0,
        32.0,
        90.0,
        1e9,
        -1e9,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MIN_POSITIVE,
    ];
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        values[(state >> 33) as usize % values.len()]
    };
    (0..width * count).map(|_| next()).collect()
}
