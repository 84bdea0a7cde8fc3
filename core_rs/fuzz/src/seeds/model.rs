//! Small models with and without a manifest; where there is one, a NUL stands between them.

/// Two trees over three features.
pub const MODEL: &str = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=2\n\
objective=binary sigmoid:1\nfeature_names=HR.last HR.age Resp.mean.6h\n\nTree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\n\
threshold=90 -2\ndecision_type=10 6\nleft_child=1 -1\nright_child=-2 -3\nleaf_value=-1 1 4\nleaf_count=30 10 20\n\
internal_count=60 50\nshrinkage=0.1\n\nTree=1\nnum_leaves=2\nnum_cat=1\nsplit_feature=2\nthreshold=0\ndecision_type=9\n\
left_child=-1\nright_child=-2\nleaf_value=-0.5 0.5\nleaf_count=20 20\ninternal_count=40\ncat_boundaries=0 2\ncat_threshold=9 1\n\
shrinkage=0.1\n\nend of trees\n\npandas_categorical:null\n";

/// A manifest whose plan is that of the model; hashes are put in by the target.
pub const MANIFEST: &str = "name = \"hand\"\nversion = \"1.0\"\noutcome = \"sepsis\"\nhorizon_h = 6.0\ncreated = \"2026-03-01\"\nengine_version = \"0.1\"\n\
model_sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n\
[trigger]\nmin_interval_s = 60\nsignals = [\"HR\"]\nmin_signals = 1\non = [\"frame\", \"discharge\"]\n\
[[plan.features]]\nsignal = \"HR\"\nstats = [\"last\", \"age\"]\n[[plan.features]]\nsignal = \"Resp\"\nstats = [\"mean\"]\nwindows = [\"6h\"]\n\
[calibration]\nkind = \"isotonic\"\nx = [-2.0, 0.0, 3.0]\ny = [0.01, 0.2, 0.9]\n[thresholds.alert]\nvalue = 0.5\ntext = \"half\"\n\
[training]\nfingerprint = \"\"\nrows = 1\npatients = 1\ndata = \"made up\"\n[metrics]\nauroc = 0.5\n";

/// A tree that is a chain: so many splits, every one of them on the way to the last leaf.
pub fn chain(splits: usize, features: usize) -> String {
    let row = |value: &dyn Fn(usize) -> String, n: usize| (0..n).map(value).collect::<Vec<_>>().join(" ");
    format!(
        "tree\nversion=v3\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx={}\nobjective=binary sigmoid:1\nfeature_names={}\n\
         Tree=0\nnum_leaves={}\nnum_cat=0\nsplit_feature={}\nthreshold={}\ndecision_type={}\nleft_child={}\nright_child={}\n\
         leaf_value={}\nleaf_count={}\ninternal_count={}\nend of trees\n",
        features - 1,
        row(&|at| format!("f{at}"), features),
        splits + 1,
        row(&|at| (at % features).to_string(), splits),
        row(&|at| at.to_string(), splits),
        row(&|_| "2".into(), splits),
        row(&|at| (!(at as i64)).to_string(), splits),
        row(&|at| if at + 1 < splits { at as i64 + 1 } else { !(splits as i64) }.to_string(), splits),
        row(&|_| "1".into(), splits + 1),
        row(&|_| "1".into(), splits + 1),
        row(&|at| (splits + 1 - at).to_string(), splits),
    )
}

/// All of them.
pub fn all() -> Vec<Vec<u8>> {
    let stump = "\nTree=0\nnum_leaves=1\nleaf_value=1\n";
    let header = MODEL.split("\nTree=0").next().unwrap_or_default();
    vec![
        MODEL.as_bytes().to_vec(),
        format!("{MANIFEST}\0{MODEL}").into_bytes(),
        format!(
            "{}\0{MODEL}",
            MANIFEST.replace("isotonic\"\nx = [-2.0, 0.0, 3.0]\ny = [0.01, 0.2, 0.9]", "platt\"\na = 1.0\nb = 0.5")
        )
        .into_bytes(),
        chain(40, 7).into_bytes(),
        chain(300, 290).into_bytes(),
        format!("{header}{stump}end of trees\n").into_bytes(),
        MODEL.replace("num_leaves=3", "num_leaves=65536").into_bytes(),
        MODEL.replace("left_child=1 -1", "left_child=0 -1").into_bytes(),
        MODEL.replace("cat_boundaries=0 2", "cat_boundaries=0 4294967295").into_bytes(),
        MODEL.replace("objective=binary sigmoid:1", "objective=cross_entropy\naverage_output").into_bytes(),
    ]
}
