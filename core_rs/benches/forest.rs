//! The forest on a made-up model: 300 trees of 31 leaves on 150 features, 30 % of the values missing.
//!
//! `cargo bench -p nightlamp-core --bench forest`. The comparison with lightgbm is `tests/bench/forest.py`.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nightlamp_core::score::forest::{Forest, Isa};

const TREES: usize = 300;
const LEAVES: usize = 31;
const FEATURES: usize = 150;

/// A linear congruential generator: the same model every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn unit(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

fn line<T: std::fmt::Display>(text: &mut String, key: &str, values: impl IntoIterator<Item = T>) {
    let words: Vec<String> = values.into_iter().map(|v| v.to_string()).collect();
    let _ = writeln!(text, "{key}={}", words.join(" "));
}

/// Grows a tree as LightGBM numbers it: split a leaf, the left half keeps its number, the right half gets the next one.
fn tree(dice: &mut Dice, index: usize, text: &mut String) {
    let (mut left, mut right) = (Vec::<i64>::new(), Vec::<i64>::new());
    let mut parent = vec![None::<(usize, bool)>; LEAVES];
    let mut leaf_counts = vec![0usize; LEAVES];
    leaf_counts[0] = 20_000;
    let mut node_counts = Vec::new();
    for node in 0..LEAVES - 1 {
        let leaf = (0..=node).max_by_key(|leaf| leaf_counts[*leaf] * (1 + dice.below(8))).unwrap_or(0);
        match parent[leaf] {
            Some((above, true)) => left[above] = node as i64,
            Some((above, false)) => right[above] = node as i64,
            None => {}
        }
        left.push(!(leaf as i64));
        right.push(!(node as i64 + 1));
        parent[leaf] = Some((node, true));
        parent[node + 1] = Some((node, false));
        let goes_left = leaf_counts[leaf] * (20 + dice.below(60)) / 100 + 1;
        node_counts.push(leaf_counts[leaf] + 2);
        leaf_counts[node + 1] = leaf_counts[leaf] - goes_left.min(leaf_counts[leaf]) + 1;
        leaf_counts[leaf] = goes_left;
    }
    let _ = writeln!(text, "Tree={index}\nnum_leaves={LEAVES}\nnum_cat=0");
    line(text, "split_feature", (1..LEAVES).map(|_| dice.below(FEATURES)));
    line(text, "threshold", (1..LEAVES).map(|_| dice.unit()));
    line(text, "decision_type", (1..LEAVES).map(|_| 8 + 2 * dice.below(2)));
    line(text, "left_child", left);
    line(text, "right_child", right);
    line(text, "leaf_value", (0..LEAVES).map(|_| dice.unit() - 0.5));
    line(text, "leaf_count", leaf_counts);
    line(text, "internal_count", node_counts);
    text.push_str("shrinkage=0.1\n\n");
}

fn model() -> String {
    let mut text = String::from("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nobjective=binary sigmoid:1\n");
    let _ = writeln!(text, "max_feature_idx={}", FEATURES - 1);
    line(&mut text, "feature_names", (0..FEATURES).map(|n| format!("f{n}")));
    let mut dice = Dice(7);
    (0..TREES).for_each(|index| tree(&mut dice, index, &mut text));
    text + "end of trees\n"
}

fn forest(c: &mut Criterion) {
    let mut dice = Dice(11);
    let rows: Vec<f32> = (0..256 * FEATURES).map(|_| if dice.below(10) < 3 { f32::NAN } else { dice.unit() as f32 }).collect();
    let forest = match Forest::from_text(model().as_bytes()) {
        Ok(forest) => forest,
        Err(why) => return eprintln!("{why}"),
    };
    let mut group = c.benchmark_group("forest");
    for isa in Isa::available() {
        let forest = forest.clone().on(isa);
        for n in [64, 256] {
            let mut out = vec![0.0; n];
            group.throughput(Throughput::Elements(n as u64));
            group.bench_function(BenchmarkId::new(format!("{isa:?}"), n), |b| {
                b.iter(|| forest.predict_raw(black_box(&rows[..n * FEATURES]), FEATURES, &mut out));
            });
        }
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("one row", |b| {
        let mut at = 0;
        b.iter(|| {
            at = (at + 1) % 256;
            forest.predict_raw(black_box(&rows[at * FEATURES..(at + 1) * FEATURES]), FEATURES, &mut [0.0])
        });
    });
    for isa in Isa::available() {
        let forest = forest.clone().on(isa);
        group.bench_function(BenchmarkId::new("shap", format!("{isa:?}")), |b| {
            let mut out = vec![0.0; FEATURES + 1];
            let mut at = 0;
            b.iter(|| {
                at = (at + 1) % 256;
                forest.shap(black_box(&rows[at * FEATURES..(at + 1) * FEATURES]), FEATURES, &mut out)
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10)
        .warm_up_time(std::time::Duration::from_millis(200)).measurement_time(std::time::Duration::from_millis(600));
    targets = forest
}
criterion_main!(benches);
