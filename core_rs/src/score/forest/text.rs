//! LightGBM's text model (`Booster.save_model`, versions v2 to v4) read into checked trees.
//!
//! Promise: whatever the bytes, the answer is a forest whose every index is in range and whose trees are trees, or a refusal
//! that says why. Limits: 256 MiB of text, 20,000 trees, 65,536 leaves a tree, 512 splits from root to leaf, 65,536 features.
//! Memory follows what the text holds, never what it claims: one tree's fields at a time, no room for announced numbers.
//!
//! Read: numerical and categorical splits, missing types none, zero and NaN, random forests (`average_output`), objectives
//! `binary` and `cross_entropy`. Refused: more than one class, linear trees, other objectives, categories that only a pandas
//! frame can decode. `shrinkage` is already inside the leaf values.

use std::collections::BTreeMap;

use super::tree::{Split, Tree};

/// Largest model text.
pub const MODEL_BYTES_MAX: usize = 256 << 20;
/// Most trees in a model.
pub const TREES_MAX: usize = 20_000;
/// Most leaves in a tree.
pub const LEAVES_MAX: usize = 65_536;
/// Most features of a model.
pub const FEATURES_MAX: usize = 65_536;

/// Most splits from a tree's root to a leaf.
pub const DEPTH_MAX: usize = 512;

const END: &str = "end of trees";
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// Why a model cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelRefused {
    /// The text is not a LightGBM model, or it contradicts itself.
    #[error("not a readable LightGBM model: {0}")]
    Malformed(String),
    /// A LightGBM model with something the evaluator does not do.
    #[error("unsupported model: {0}")]
    Unsupported(String),
}

pub(super) fn malformed<T>(why: impl Into<String>) -> Result<T, ModelRefused> {
    Err(ModelRefused::Malformed(why.into()))
}

fn unsupported<T>(why: impl Into<String>) -> Result<T, ModelRefused> {
    Err(ModelRefused::Unsupported(why.into()))
}

/// What the text says, checked.
#[derive(Debug, Clone)]
pub struct Model {
    /// In column order.
    pub feature_names: Vec<String>,
    /// k of `objective=binary sigmoid:k`: probability = 1 / (1 + exp(-k raw)).
    pub sigmoid: f64,
    /// A random forest: the probability belongs to the mean of the trees, the raw score is still their sum.
    pub average_output: bool,
    /// In the order of the model: scores are summed in it.
    pub trees: Vec<Tree>,
}

/// What is read of the header, and of a tree; other lines mean nothing here.
const KEYS: [&str; 20] = [
    "version",
    "num_class",
    "num_tree_per_iteration",
    "max_feature_idx",
    "feature_names",
    "objective",
    "average_output",
    "is_linear",
    "num_leaves",
    "leaf_value",
    "leaf_count",
    "internal_count",
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "num_cat",
    "cat_boundaries",
    "cat_threshold",
];

type Fields<'a> = BTreeMap<&'a str, &'a str>;

/// Reads a model text.
pub fn parse(bytes: &[u8]) -> Result<Model, ModelRefused> {
    if bytes.len() > MODEL_BYTES_MAX {
        return malformed(format!("{} bytes, the limit is {MODEL_BYTES_MAX}", bytes.len()));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return malformed("it is not UTF-8 text") };
    let lines = || text.lines().map(str::trim_end);
    if lines().next() != Some("tree") {
        return malformed("the first line is not 'tree'");
    }
    check_outline(lines().skip(1))?;
    let mut fields = Fields::new();
    let mut model: Option<Model> = None;
    for line in lines().skip(1) {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if key != "Tree" && line != END {
            if let Some(known) = KEYS.iter().find(|known| **known == key) {
                fields.insert(known, value);
            }
            continue;
        }
        // A header or a tree is complete.
        match &mut model {
            None => model = Some(read_header(&fields)?),
            Some(model) => {
                let read = read_tree(&fields, model.feature_names.len());
                model.trees.push(read.map_err(|e| in_tree(e, model.trees.len()))?);
            }
        }
        fields.clear();
        match &model {
            Some(model) if line != END => {
                let expected = model.trees.len();
                if value.parse() != Ok(expected) {
                    return malformed(format!("tree {expected} is numbered {value:.20}"));
                }
            }
            _ => break,
        }
    }
    match model {
        Some(model) if !model.trees.is_empty() => Ok(model),
        _ => malformed("no trees"),
    }
}

/// Whether the text is whole, and of a size that is read.
fn check_outline<'a>(mut lines: impl Iterator<Item = &'a str>) -> Result<(), ModelRefused> {
    let mut trees = 0;
    loop {
        match lines.next() {
            None => return malformed("the text ends before 'end of trees'"),
            Some(END) => return check_categories_decoded_elsewhere(lines),
            Some(line) => trees += usize::from(line.starts_with("Tree=")),
        }
        if trees > TREES_MAX {
            return malformed(format!("more than {TREES_MAX} trees"));
        }
    }
}

fn check_categories_decoded_elsewhere<'a>(mut lines: impl Iterator<Item = &'a str>) -> Result<(), ModelRefused> {
    match lines.find_map(|line| line.strip_prefix("pandas_categorical:")) {
        None | Some("null" | "[]") => Ok(()),
        Some(_) => unsupported("its categories are numbered by a pandas frame (pandas_categorical); train on numeric codes"),
    }
}

fn read_header(header: &Fields) -> Result<Model, ModelRefused> {
    match header.get("version") {
        Some(&("v2" | "v3" | "v4")) => {}
        Some(other) => return unsupported(format!("text version {other:.20}; v2, v3 and v4 are read")),
        None => return malformed("no version"),
    }
    for key in ["num_class", "num_tree_per_iteration"] {
        let n: usize = number(header, key)?;
        if n != 1 {
            return unsupported(format!("{key} is {n}; only one output is served"));
        }
    }
    let max_feature: usize = number(header, "max_feature_idx")?;
    if max_feature >= FEATURES_MAX {
        return malformed(format!("{max_feature} features, the limit is {FEATURES_MAX}"));
    }
    let names: Vec<String> = header.get("feature_names").unwrap_or(&"").split_whitespace().map(String::from).collect();
    if names.len() != max_feature + 1 {
        return malformed(format!("{} feature names for {} features", names.len(), max_feature + 1));
    }
    Ok(Model {
        feature_names: names,
        sigmoid: read_objective(header.get("objective").copied())?,
        average_output: header.contains_key("average_output"),
        trees: Vec::new(),
    })
}

fn in_tree(refused: ModelRefused, tree: usize) -> ModelRefused {
    match refused {
        ModelRefused::Malformed(why) => ModelRefused::Malformed(format!("tree {tree}: {why}")),
        ModelRefused::Unsupported(why) => ModelRefused::Unsupported(format!("tree {tree}: {why}")),
    }
}

fn read_objective(objective: Option<&str>) -> Result<f64, ModelRefused> {
    let mut words = objective.unwrap_or("").split_whitespace();
    match words.next() {
        Some("binary") => {
            let k = words.find_map(|w| w.strip_prefix("sigmoid:")).map_or(Ok(1.0), str::parse::<f64>);
            match k {
                Ok(k) if k.is_finite() && k > 0.0 => Ok(k),
                _ => malformed("the sigmoid factor of the objective is not a positive number"),
            }
        }
        Some("cross_entropy") => Ok(1.0),
        Some(other) => unsupported(format!("objective {other:.40}; binary and cross_entropy are served")),
        None => unsupported("no objective (a custom one?); binary and cross_entropy are served"),
    }
}

fn number<T: std::str::FromStr>(fields: &Fields, key: &str) -> Result<T, ModelRefused> {
    match fields.get(key).map(|v| v.parse()) {
        Some(Ok(n)) => Ok(n),
        Some(Err(_)) => malformed(format!("{key} is not a number")),
        None => malformed(format!("{key} is missing")),
    }
}

fn vector<T: std::str::FromStr>(fields: &Fields, key: &str, len: usize) -> Result<Vec<T>, ModelRefused> {
    let Some(text) = fields.get(key) else { return malformed(format!("{key} is missing")) };
    let mut values = Vec::with_capacity(len.min(text.len() / 2 + 1));
    for word in text.split_whitespace() {
        let Ok(value) = word.parse() else { return malformed(format!("{key} holds something that is not a number")) };
        values.push(value);
        if values.len() > len {
            break;
        }
    }
    if values.len() != len {
        return malformed(format!("{key} has not {len} values"));
    }
    Ok(values)
}

fn read_tree(fields: &Fields, n_features: usize) -> Result<Tree, ModelRefused> {
    if fields.get("is_linear").is_some_and(|v| *v != "0") {
        return unsupported("linear leaves (linear_tree=true) are not served");
    }
    let leaves: usize = number(fields, "num_leaves")?;
    if leaves == 0 || leaves > LEAVES_MAX {
        return malformed(format!("{leaves} leaves, 1 to {LEAVES_MAX} are possible"));
    }
    let leaf_values: Vec<f64> = vector(fields, "leaf_value", leaves)?;
    if leaf_values.iter().any(|v| !v.is_finite()) {
        return malformed("a leaf value is not finite");
    }
    let nodes = leaves - 1;
    let counts = |key, n| vector::<f64>(fields, key, n).ok().filter(|v| v.iter().all(|c| *c >= 0.0 && c.is_finite()));
    let (leaf_counts, node_counts) = match (counts("leaf_count", leaves), counts("internal_count", nodes)) {
        (Some(leaf), Some(node)) if nodes > 0 => (leaf, node),
        _ => (Vec::new(), Vec::new()),
    };
    let splits = if nodes == 0 { Vec::new() } else { read_splits(fields, nodes, n_features)? };
    Tree::new(splits, leaf_values, leaf_counts, node_counts)
}

fn read_splits(fields: &Fields, nodes: usize, n_features: usize) -> Result<Vec<Split>, ModelRefused> {
    let features: Vec<u32> = vector(fields, "split_feature", nodes)?;
    let thresholds: Vec<f64> = vector(fields, "threshold", nodes)?;
    let types: Vec<i16> = vector(fields, "decision_type", nodes)?;
    let left: Vec<i32> = vector(fields, "left_child", nodes)?;
    let right: Vec<i32> = vector(fields, "right_child", nodes)?;
    let mut bitsets = read_bitsets(fields)?;
    let mut splits = Vec::with_capacity(nodes);
    for ((((feature, threshold), kind), left), right) in features.into_iter().zip(thresholds).zip(types).zip(left).zip(right) {
        if feature as usize >= n_features {
            return malformed(format!("a split on feature {feature} of {n_features}"));
        }
        if threshold.is_nan() {
            return malformed("a threshold is not a number");
        }
        let Ok(kind) = u8::try_from(kind) else { return malformed("a decision_type is out of range") };
        let missing = kind >> 2;
        if missing > 2 {
            return malformed(format!("decision_type {kind} names no missing type"));
        }
        let categories = match kind & CATEGORICAL {
            0 => None,
            // Each split has categories of its own: they move, and are not there for a second one.
            _ => match bitsets.get_mut(threshold as usize).filter(|_| threshold >= 0.0).and_then(Option::take) {
                Some(set) => Some(set),
                None => return malformed("a categorical split without its categories"),
            },
        };
        splits.push(Split { feature, threshold, categories, default_left: kind & DEFAULT_LEFT != 0, missing, left, right });
    }
    Ok(splits)
}

fn read_bitsets(fields: &Fields) -> Result<Vec<Option<Vec<u32>>>, ModelRefused> {
    let n: usize = if fields.contains_key("num_cat") { number(fields, "num_cat")? } else { 0 };
    if n == 0 {
        return Ok(Vec::new());
    }
    if n > LEAVES_MAX {
        return malformed(format!("{n} categorical splits, the limit is {LEAVES_MAX}"));
    }
    let bounds: Vec<usize> = vector(fields, "cat_boundaries", n + 1)?;
    let words = bounds.last().copied().unwrap_or(0);
    let all: Vec<u32> = vector(fields, "cat_threshold", words)?;
    let mut sets = Vec::with_capacity(bounds.len());
    for pair in bounds.windows(2) {
        match all.get(pair[0]..pair[1]) {
            Some(set) => sets.push(Some(set.to_vec())),
            None => return malformed("cat_boundaries do not rise"),
        }
    }
    Ok(sets)
}
