//! Plans are checked with errors that name the entry, and fingerprint what they mean.

use super::{compiled, entry, resolve};
use crate::window::{DerivedRule, FeaturePlan, FeatureSpec, PlanSpec, RATIOS};

fn refused(features: Vec<FeatureSpec>) -> String {
    let spec = PlanSpec { features, ..PlanSpec::default() };
    FeaturePlan::compile(&spec, &resolve, &[]).unwrap_err().to_string()
}

#[test]
fn a_manifest_gives_columns_in_the_order_of_its_words() {
    let text = r#"
        demographics = ["age_years", "sex_male"]
        derived = ["shock_index"]
        cell = "1h"
        [[features]]
        signal = "HR"
        stats = ["last", "mean", "count", "time_since_abnormal"]
        windows = ["6h", "1h"]
        normal = [60, 100]
        [[features]]
        signal = "SBP"
        stats = ["count", "last_in"]
        windows = ["stay", "90s"]
        cell = "none"
    "#;
    let spec: PlanSpec = toml::from_str(text).unwrap();
    let plan = FeaturePlan::compile(&spec, &resolve, &[]).unwrap();
    let expected = "HR.last HR.mean.6h HR.mean.1h HR.count.6h HR.count.1h HR.time_since_abnormal SBP.count.stay SBP.count.90s \
                    SBP.last.stay SBP.last.90s age_years sex_male shock_index";
    assert_eq!(plan.names().join(" "), expected);
    assert_eq!(plan.signals().len(), 2);
}

#[test]
fn each_mistake_in_a_plan_is_named() {
    let mut no_normal = entry("HR", &["time_since_abnormal"], &[]);
    let mut bad_pane = entry("HR", &["mean"], &["24h"]);
    bad_pane.pane = Some("1s".into());
    let celled = |cell: &str, window: &str| FeatureSpec { cell: Some(cell.into()), ..entry("HR", &["mean"], &[window]) };
    let both = FeatureSpec { pane: Some("60s".into()), ..celled("1h", "6h") };
    let (odd, narrow) = (celled("1h", "90m"), celled("30s", "6h"));
    let many: Vec<String> = (1..=9).map(|h| format!("{h}h")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (features, words) in [
        (vec![entry("Mood", &["last"], &[])], "signal \"Mood\" is not in the catalogue"),
        (vec![entry("HR", &["median"], &["1h"])], "unknown stat \"median\""),
        (vec![entry("HR", &["mean"], &[])], "mean needs windows"),
        (vec![entry("HR", &["mean"], &["32d"])], "longer than 31 days"),
        (vec![entry("HR", &["mean"], &["1.5h"])], "\"1.5h\" is not a duration"),
        (vec![entry("HR", &["mean"], &["0h"])], "\"0h\" is not a duration"),
        (vec![entry("HR", &["mean"], &many)], "more than 8 windows"),
        (vec![entry("HR", &["last", "last"], &[])], "HR.last is listed twice"),
        (vec![no_normal.clone()], "needs normal"),
        (vec![both], "pane and cell exclude each other"),
        (vec![odd], "window 90m must hold 1 to 1440 whole cells"),
        (vec![narrow], "cell \"30s\" is not a duration from 60s to 24h"),
        (vec![bad_pane], "must hold 1 to 1440 panes"),
        (vec![], "names no feature"),
    ] {
        let text = refused(features);
        assert!(text.contains(words), "{text:?} does not say {words:?}");
    }
    no_normal.normal = Some([100.0, 60.0]);
    assert!(refused(vec![no_normal]).contains("the lower first"));
    assert!(toml::from_str::<PlanSpec>("feature = []").is_err(), "an unknown key is refused");
}

#[test]
fn the_number_of_features_is_bounded() {
    let names: Vec<String> = (0..1_025).map(|n| format!("S{n}")).collect();
    let features = names.iter().map(|name| entry(name, &["last"], &[])).collect();
    let spec = PlanSpec { features, ..PlanSpec::default() };
    let number = |name: &str| Some(crate::decode::SignalId(name[1..].parse().unwrap()));
    let text = FeaturePlan::compile(&spec, &number, &[]).unwrap_err().to_string();
    assert!(text.contains("more than 1024 features"), "{text}");
}

#[test]
fn the_fingerprint_changes_with_the_meaning_and_only_then() {
    let base = || entry("HR", &["mean"], &["6h"]);
    let print = |features: Vec<FeatureSpec>| compiled(features).fingerprint().to_owned();
    let first = print(vec![base()]);
    assert_eq!(first, print(vec![base()]));
    assert_eq!(first.len(), 64);
    let mut paned = base();
    paned.pane = Some("60s".into());
    let mut same_pane = base();
    same_pane.pane = Some("1m".into());
    assert_eq!(print(vec![paned.clone()]), print(vec![same_pane]));
    let cell = |text: &str| FeatureSpec { cell: Some(text.into()), ..base() };
    assert_eq!(print(vec![cell("1h")]), print(vec![cell("60m")]));
    assert_ne!(print(vec![cell("1h")]), print(vec![cell("none")]));
    for other in [
        cell("1h"),
        cell("2h"),
        paned,
        entry("HR", &["mean"], &["360m"]),
        entry("SBP", &["mean"], &["6h"]),
        entry("HR", &["max"], &["6h"]),
    ] {
        assert_ne!(first, print(vec![other]));
    }
}

#[test]
fn ratios_are_arithmetic_of_last_values_and_a_missing_or_zero_divisor_gives_nan() {
    let value = |name: &str, inputs: &[f64]| (RATIOS.iter().find(|rule| rule.name == name).unwrap().eval)(inputs);
    assert_eq!(value("shock_index", &[90.0, 120.0]), 0.75);
    assert_eq!(value("map_estimated", &[120.0, 75.0]), 90.0);
    assert_eq!(value("pulse_pressure", &[120.0, 75.0]), 45.0);
    assert_eq!(value("rox", &[96.0, 0.4, 24.0]), 10.0);
    assert!(value("rox", &[96.0, 0.4, 0.0]).is_nan());
    assert!(value("shock_index", &[90.0, 0.0]).is_nan());
    assert!(value("bun_creatinine", &[f64::NAN, 1.0]).is_nan());
}

#[test]
fn a_caller_adds_derived_features_of_its_own() {
    let sum = DerivedRule { name: "sum", inputs: &["HR", "SBP"], eval: |inputs| inputs.iter().sum() };
    let spec = PlanSpec { derived: vec!["sum".into()], ..PlanSpec::default() };
    assert!(FeaturePlan::compile(&spec, &resolve, &[]).unwrap_err().to_string().contains("unknown derived feature \"sum\""));
    assert_eq!(FeaturePlan::compile(&spec, &resolve, &[sum]).unwrap().names(), ["sum"]);
}
