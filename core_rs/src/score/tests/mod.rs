//! Bundles and the registry, on a model small enough to score by hand.

mod bundles;
mod registry;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::bundle::{compile, hex};
use crate::window::PlanSpec;

const PLAN: &str = r#"
[[plan.features]]
signal = "HR"
stats = ["last", "age"]

[[plan.features]]
signal = "Resp"
stats = ["mean"]
windows = ["6h"]
"#;

/// Two stumps: HR.last above 90 gives 1, else -1; Resp.mean.6h above 20 gives 0.5, else -0.5. Missing goes left.
const MODEL: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=binary sigmoid:1
feature_names=HR.last HR.age Resp.mean.6h
feature_infos=none none none
tree_sizes=0 0

Tree=0
num_leaves=2
num_cat=0
split_feature=0
threshold=90
decision_type=10
left_child=-1
right_child=-2
leaf_value=-1 1
leaf_count=30 10
internal_count=40
shrinkage=0.1

Tree=1
num_leaves=2
num_cat=0
split_feature=2
threshold=20
decision_type=10
left_child=-1
right_child=-2
leaf_value=-0.5 0.5
leaf_count=20 20
internal_count=40
shrinkage=0.1

end of trees

pandas_categorical:null
";

fn fingerprint() -> String {
    #[derive(serde::Deserialize)]
    struct Plan {
        plan: PlanSpec,
    }
    let plan: Plan = toml::from_str(PLAN).expect("a plan");
    compile(&plan.plan).expect("compiles").fingerprint().to_owned()
}

/// The manifest of a model under a name.
fn manifest(name: &str, model: &str) -> String {
    format!(
        r#"name = "{name}"
version = "1.0"
outcome = "sepsis"
horizon_h = 6
created = "2026-11-21"
engine_version = "0.1"
model_sha256 = "{sha256}"

[trigger]
min_interval_s = 30
signals = ["Resp", "HR"]
min_signals = 2

[calibration]
kind = "platt"
a = 2.0
b = -1.0

[thresholds.ward]
value = 0.4
text = "two alerts per 100 patient-days"

[training]
fingerprint = "{fingerprint}"
rows = 40
patients = 4
data = "made by hand"

[metrics]
auroc = 0.5
{PLAN}"#,
        sha256 = hex(&Sha256::digest(model)),
        fingerprint = fingerprint(),
    )
}

fn write(root: &Path, name: &str, manifest: &str, model: &str) -> PathBuf {
    let folder = root.join(name).join("1.0");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("manifest.toml"), manifest).expect("written");
    std::fs::write(folder.join("model.txt"), model).expect("written");
    folder
}
