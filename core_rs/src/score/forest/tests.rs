use super::*;

/// Two trees: a NaN-left and a zero-missing split; a categorical split and a leaf that NaN reaches.
pub(crate) const TEXT: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=a b
feature_infos=none none
tree_sizes=0 0

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
threshold=1.5 -2
decision_type=10 6
left_child=1 -1
right_child=-2 -3
leaf_value=0.25 -1 4
leaf_count=10 20 30
internal_count=60 40
shrinkage=0.1

Tree=1
num_leaves=2
num_cat=1
split_feature=1
threshold=0
decision_type=9
left_child=-1
right_child=-2
leaf_value=0.5 -0.5
leaf_count=15 45
internal_count=60
cat_boundaries=0 2
cat_threshold=9 1
shrinkage=0.1

end of trees

pandas_categorical:null
";

fn raw(rows: &[f32]) -> Vec<f64> {
    let mut out = vec![0.0; rows.len() / 2];
    Forest::from_text(TEXT.as_bytes()).unwrap().predict_raw(rows, 2, &mut out).unwrap();
    out
}

#[test]
fn missing_zero_and_category_go_their_ways() {
    let nan = f32::NAN;
    // b: 0 is missing (left) and in the set; 3 and 32 are in the set; NaN is missing (left) and in no set.
    assert_eq!(raw(&[1.5, 0.0, nan, 3.0, 1.6, 32.0, nan, nan, 0.0, -3.0]), [0.75, 4.5, -0.5, -0.25, -0.25]);
}

#[test]
fn every_path_agrees_with_the_plain_definition() {
    let model = text::parse(TEXT.as_bytes()).unwrap();
    let values = [f32::NAN, 0.0, -0.0, 1e-36, 1.5, 1.5000001, -2.0, 3.0, 31.5, 32.0, f32::INFINITY, f32::NEG_INFINITY];
    let rows: Vec<f32> = values.iter().flat_map(|a| values.iter().flat_map(move |b| [*a, *b])).collect();
    let plain: Vec<f64> =
        rows.chunks(2).map(|row| model.trees.iter().map(|t| t.leaf_values[t.leaf(row)]).fold(0.0, |sum, v| sum + v)).collect();
    for isa in Isa::available() {
        let forest = Forest::from_text(TEXT.as_bytes()).unwrap().on(isa);
        let mut out = vec![0.0; plain.len()];
        forest.predict_raw(&rows, 2, &mut out).unwrap();
        assert_eq!(out, plain, "{isa:?}");
    }
    let walked: Vec<f64> = rows.chunks(2).flat_map(raw).collect();
    assert_eq!(walked, plain);
}

#[test]
fn shares_and_the_expected_score_sum_to_the_raw_score() {
    let forest = Forest::from_text(TEXT.as_bytes()).unwrap();
    for row in [[0.0, 3.0], [2.0, 40.0], [f32::NAN, -5.0]] {
        let mut shares = [0.0; 3];
        forest.shap(&row, 2, &mut shares).unwrap();
        assert!((shares.iter().sum::<f64>() - raw(&row)[0]).abs() < 1e-12);
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let forest = Forest::from_text(TEXT.as_bytes()).unwrap();
    assert!(matches!(forest.predict_raw(&[0.0; 6], 3, &mut [0.0; 2]), Err(ShapeError::Width { .. })));
    assert!(matches!(forest.predict_raw(&[0.0; 5], 2, &mut [0.0; 2]), Err(ShapeError::Length { .. })));
    assert!(matches!(forest.predict_leaf(&[0.0; 4], 2, &mut [0; 3]), Err(ShapeError::Length { .. })));
}

#[test]
fn what_cannot_be_served_is_refused_with_the_reason() {
    for (from, to, reason) in [
        ("num_class=1", "num_class=3", "num_class is 3"),
        ("binary sigmoid:1", "regression", "objective regression"),
        ("shrinkage=0.1\n\nTree=1", "is_linear=1\n\nTree=1", "tree 0: linear leaves"),
        ("pandas_categorical:null", "pandas_categorical:[[\"x\"]]", "pandas"),
        ("end of trees", "", "ends before"),
        ("version=v4", "version=v9", "v9"),
        ("left_child=1 -1", "left_child=0 -1", "child of two"),
        ("left_child=1 -1", "left_child=7 -1", "out of range"),
        ("split_feature=0 1", "split_feature=0 2", "feature 2 of 2"),
        ("leaf_value=0.25 -1 4", "leaf_value=0.25 -1", "leaf_value has not 3"),
        ("leaf_value=0.25 -1 4", "leaf_value=0.25 nan 4", "not finite"),
        ("cat_boundaries=0 2", "cat_boundaries=2 0", "cat_"),
        ("threshold=0\n", "threshold=1\n", "without its categories"),
        ("num_leaves=3", "num_leaves=65536", "leaf_value has not 65536"),
        ("feature_names=a b", "feature_names=a", "1 feature names"),
        ("Tree=1", "Tree=2", "numbered 2"),
    ] {
        let text = TEXT.replacen(from, to, 1);
        assert_ne!(text, TEXT);
        let why = Forest::from_text(text.as_bytes()).unwrap_err().to_string();
        assert!(why.contains(reason), "{why:?} does not say {reason:?}");
    }
}

#[test]
fn p5_a_tree_deeper_than_the_limit_is_refused() {
    let chain = |splits: usize| {
        let row = |value: &dyn Fn(usize) -> String, n: usize| (0..n).map(value).collect::<Vec<_>>().join(" ");
        format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=binary sigmoid:1\n\
             feature_names=a\nTree=0\nnum_leaves={}\nnum_cat=0\nsplit_feature={}\nthreshold={}\ndecision_type={}\n\
             left_child={}\nright_child={}\nleaf_value={}\nend of trees\n",
            splits + 1,
            row(&|_| "0".into(), splits),
            row(&|at| at.to_string(), splits),
            row(&|_| "2".into(), splits),
            row(&|at| (!(at as i32)).to_string(), splits),
            row(&|at| if at + 1 < splits { at as i32 + 1 } else { !(splits as i32) }.to_string(), splits),
            row(&|_| "1".into(), splits + 1),
        )
    };
    Forest::from_text(chain(text::DEPTH_MAX).as_bytes()).expect("as deep as the limit");
    let why = Forest::from_text(chain(text::DEPTH_MAX + 1).as_bytes()).expect_err("deeper").to_string();
    assert!(why.contains("more than 512 splits deep"), "{why}");
}

#[test]
fn p5_categories_belong_to_one_split_and_are_never_multiplied() {
    let mut text = TEXT.to_owned();
    for (from, to) in [
        ("num_leaves=2\nnum_cat=1\nsplit_feature=1\n", "num_leaves=3\nnum_cat=2\nsplit_feature=1 1\n"),
        (
            "threshold=0\ndecision_type=9\nleft_child=-1\nright_child=-2\n",
            "threshold=0 1\ndecision_type=9 9\nleft_child=-1 -2\nright_child=1 -3\n",
        ),
        ("leaf_value=0.5 -0.5\nleaf_count=15 45\ninternal_count=60\n", "leaf_value=0.5 -0.5 0\n"),
        ("cat_boundaries=0 2\n", "cat_boundaries=0 1 2\n"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    Forest::from_text(text.as_bytes()).expect("each split has its own");
    let why =
        Forest::from_text(text.replacen("threshold=0 1", "threshold=0 0", 1).as_bytes()).expect_err("one for two").to_string();
    assert!(why.contains("tree 1: a categorical split without its categories"), "{why}");
}

#[test]
fn a_model_without_counts_scores_but_does_not_explain() {
    let forest = Forest::from_text(TEXT.replace("leaf_count", "other").as_bytes()).unwrap();
    assert!(matches!(forest.shap(&[0.0, 0.0], 2, &mut [0.0; 3]), Err(ExplainError::NoCounts(_))));
}

proptest::proptest! {
    #[test]
    fn mutated_text_never_panics(at in 0..TEXT.len(), cut in 0usize..40, insert in "[-0-9a-z=. \n]{0,12}", row in proptest::array::uniform2(proptest::num::f32::ANY)) {
        let mut text = TEXT.to_owned();
        text.replace_range(at..(at + cut).min(TEXT.len()), &insert);
        if let Ok(forest) = Forest::from_text(text.as_bytes()) {
            let n = forest.n_features();
            let rows: Vec<f32> = row.iter().copied().cycle().take(n * 9).collect();
            forest.predict_raw(&rows, n, &mut [0.0; 9]).unwrap();
            let _ = forest.shap(&rows[..n], n, &mut vec![0.0; n + 1]);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = Forest::from_text(&bytes);
        let _ = Forest::from_text(&[b"tree\n".as_slice(), &bytes].concat());
    }
}
