//! What a bundle refuses, and what it scores.

use super::super::{Bundle, Occasion, Score, Why};
use super::{MODEL, manifest};
use crate::decode::catalogue::{HR, RESP, TEMP};
use crate::decode::{Observation, PatientId, SignalId, Status, Subject};
use crate::limits::Limits;
use crate::window::{Applied, Ward};

fn load(manifest: &str, model: &str) -> Result<Bundle, String> {
    Bundle::from_bytes(manifest.as_bytes(), model.as_bytes(), 5)
}

fn good() -> Bundle {
    load(&manifest("hand", MODEL), MODEL).expect("a bundle")
}

#[test]
fn a_model_that_is_not_the_one_the_manifest_names_is_refused() {
    let changed = MODEL.replace("leaf_value=-1 1", "leaf_value=-1 2");
    let why = load(&manifest("hand", MODEL), &changed).expect_err("another hash");
    assert!(why.starts_with("model.txt has SHA-256 ") && why.contains("the manifest names"), "{why}");
}

#[test]
fn one_changed_byte_anywhere_in_the_model_is_refused_before_it_is_read() {
    let text = manifest("hand", MODEL);
    for at in 0..MODEL.len() {
        let mut model = MODEL.as_bytes().to_vec();
        model[at] ^= 1;
        let why = Bundle::from_bytes(text.as_bytes(), &model, 5).expect_err("another model");
        assert!(why.starts_with("model.txt has SHA-256 "), "{at}: {why}");
    }
    for digit in 0..64 {
        let hash = text.lines().find_map(|line| line.strip_prefix("model_sha256 = \"")).expect("a hash");
        let other = if hash.as_bytes()[digit] == b'0' { '1' } else { '0' };
        let changed = format!("{}{other}{}", &hash[..digit], &hash[digit + 1..64]);
        let why = load(&text.replace(&hash[..64], &changed), MODEL).expect_err("another hash");
        assert!(why.ends_with(&format!("the manifest names {changed}")), "{why}");
    }
}

#[test]
fn features_must_be_the_plans_columns_exactly_and_in_order() {
    for (from, to, says) in [
        ("HR.last HR.age", "HR.age HR.last", "feature 0 is \"HR.last\" in the plan and \"HR.age\" in the model"),
        ("Resp.mean.6h", "Resp_mean_6h", "feature 2 is \"Resp.mean.6h\" in the plan and \"Resp_mean_6h\" in the model"),
    ] {
        let model = MODEL.replace(from, to);
        assert_eq!(load(&manifest("hand", &model), &model).expect_err("other features"), says);
    }
    let longer = MODEL
        .replace("Resp.mean.6h", "Resp.mean.6h more")
        .replace("max_feature_idx=2", "max_feature_idx=3")
        .replace("feature_infos=none", "feature_infos=none none");
    assert_eq!(load(&manifest("hand", &longer), &longer).expect_err("wider"), "the plan has 3 features, the model 4");
}

#[test]
fn p8_a_plan_that_means_something_else_than_in_training_is_refused() {
    // The same names, but panes instead of exact windows.
    let other = manifest("hand", MODEL).replace("windows = [\"6h\"]", "windows = [\"6h\"]\npane = \"60s\"");
    let why = load(&other, MODEL).expect_err("another plan");
    assert!(why.starts_with("the plan's fingerprint is "), "{why}");
}

#[test]
fn a_model_the_evaluator_does_not_do_or_cannot_explain_is_refused_with_the_reason() {
    let objective = MODEL.replace("objective=binary sigmoid:1", "objective=poisson");
    let why = load(&manifest("hand", &objective), &objective).expect_err("another objective");
    assert!(why.starts_with("model.txt: unsupported model: ") && why.contains("poisson"), "{why}");
    let uncounted: String = MODEL.lines().filter(|line| !line.contains("_count=")).flat_map(|line| [line, "\n"]).collect();
    let why = load(&manifest("hand", &uncounted), &uncounted).expect_err("no counts");
    assert!(why.starts_with("model.txt: the model cannot be explained"), "{why}");
}

#[test]
fn a_manifest_that_does_not_read_is_refused_with_its_line() {
    for (from, to, line, says) in [
        ("horizon_h = 6", "horizon_h = \"six\"", 4, "invalid type"),
        ("horizon_h = 6", "horizon = 6", 4, "unknown field `horizon`"),
        ("min_signals = 2", "min_signal = 2", 12, "unknown field `min_signal`"),
        ("kind = \"platt\"", "kind = platt", 15, ""),
        ("rows = 40", "rows = -1", 25, "invalid value"),
    ] {
        let text = manifest("hand", MODEL);
        assert!(text.contains(from));
        let why = load(&text.replacen(from, to, 1), MODEL).expect_err(to);
        assert!(why.starts_with("manifest.toml: TOML parse error at line "), "{why}");
        assert!(why.contains(&format!("line {line},")) && why.contains(says), "{to}: {why}");
    }
    let text = manifest("hand", MODEL).replace("outcome = \"sepsis\"\n", "");
    assert!(load(&text, MODEL).expect_err("no outcome").contains("missing field `outcome`"));
}

#[test]
fn a_manifest_that_makes_no_sense_is_refused_with_the_reason() {
    for (from, to, says) in [
        ("name = \"hand\"", "name = \"Hand/1\"", "name \"Hand/1\" is not"),
        ("version = \"1.0\"", "version = \"\"", "version \"\" is not"),
        ("horizon_h = 6", "horizon_h = nan", "horizon_h is NaN"),
        ("engine_version = \"0.1\"", "engine_version = \"0.2\"", "engine_version 0.2 does not fit this engine, 0.1."),
        ("engine_version = \"0.1\"", "engine_version = \"1.1\"", "does not fit"),
        ("engine_version = \"0.1\"", "engine_version = \"any\"", "is not major.minor"),
        ("min_interval_s = 30", "min_interval_s = -1", "trigger.min_interval_s is -1"),
        ("signals = [\"Resp\", \"HR\"]", "signals = [\"Temp\"]", "trigger.signals names \"Temp\""),
        ("signals = [\"Resp\", \"HR\"]", "signals = [\"Pulse\"]", "trigger.signals names \"Pulse\""),
        ("min_signals = 2", "min_signals = 3", "trigger.min_signals is 3, the plan reads 2 signals"),
        ("a = 2.0", "a = -2.0", "calibration: platt needs finite a > 0"),
        ("value = 0.4", "value = 1.5", "thresholds.ward.value is not from 0 to 1"),
        ("[thresholds.ward]\nvalue = 0.4", "[thresholds.ward]\nvalue = nan", "thresholds.ward.value is not from 0 to 1"),
        ("rows = 40", "rows = 40\ndata_sha256 = \"abc\"", "training.data_sha256 is not 64 hexadecimal digits"),
        ("signal = \"HR\"", "signal = \"Pulse\"", "feature plan: signal \"Pulse\" is not in the catalogue"),
    ] {
        let text = manifest("hand", MODEL);
        assert!(text.contains(from));
        let why = load(&text.replacen(from, to, 1), MODEL).expect_err(to);
        assert!(why.starts_with("manifest.toml: ") && why.contains(says), "{to}: {why}");
    }
}

#[test]
fn engine_versions_fit_by_the_rules_of_crates() {
    for fits in ["0.1", "^0.1", "0.1.0", "0.1.9"] {
        let text = manifest("hand", MODEL).replace("engine_version = \"0.1\"", &format!("engine_version = \"{fits}\""));
        assert!(load(&text, MODEL).is_ok(), "{fits}");
    }
}

#[test]
fn a_file_that_is_missing_or_too_large_is_refused_by_name() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = super::write(root.path(), "hand", &manifest("hand", MODEL), MODEL);
    assert!(Bundle::load(&folder, 5).is_ok());
    std::fs::write(folder.join("manifest.toml"), vec![b'#'; super::super::MANIFEST_BYTES_MAX + 1]).expect("written");
    assert_eq!(Bundle::load(&folder, 5).expect_err("too large").why, "manifest.toml is larger than 1048576 bytes");
    std::fs::remove_file(folder.join("model.txt")).expect("removed");
    std::fs::write(folder.join("manifest.toml"), manifest("hand", MODEL)).expect("written");
    let error = Bundle::load(&folder, 5).expect_err("no model");
    assert!(error.to_string().starts_with(&format!("bundle {}: model.txt: ", folder.display())), "{error}");
}

#[test]
fn a_trigger_asks_for_the_signals_it_names_or_any() {
    let trigger = good().trigger().clone();
    assert_eq!((trigger.min_interval_s, trigger.min_signals), (30, 2));
    let asks = |touched: &[SignalId]| trigger.asks(Occasion::Frame, touched.iter().copied());
    assert!(asks(&[TEMP, RESP]) && asks(&[HR]) && !asks(&[TEMP]) && !asks(&[]));
    assert!(!trigger.asks(Occasion::Discharge, [HR]));
    let text = manifest("hand", MODEL).replace("signals = [\"Resp\", \"HR\"]\n", "");
    assert!(load(&text, MODEL).expect("a bundle").trigger().asks(Occasion::Frame, [TEMP]));
}

#[test]
fn a_trigger_waits_for_the_occasions_it_names_and_no_other() {
    let on = |words: &str| {
        load(&manifest("hand", MODEL).replace("min_signals = 2", &format!("min_signals = 2\non = {words}")), MODEL)
    };
    let discharge = on("[\"discharge\"]").expect("a bundle");
    assert!(discharge.trigger().asks(Occasion::Discharge, []) && !discharge.trigger().asks(Occasion::Frame, [HR]));
    let both = on("[\"frame\", \"discharge\"]").expect("a bundle");
    assert!(both.trigger().asks(Occasion::Discharge, []) && both.trigger().asks(Occasion::Frame, [HR]));
    assert!(on("[]").expect_err("never").contains("trigger.on is empty"));
    assert!(on("[\"birth\"]").expect_err("unknown").contains("unknown variant `birth`"));
}

#[test]
fn a_bundle_scores_what_the_ward_knows() {
    let bundle = good();
    let mut ward = Ward::new(Limits::default(), &[std::sync::Arc::clone(bundle.plan())]);
    let at_us = 1_800_000_000_000_000;
    let mut slot = None;
    for (signal, value, minutes) in [(HR, 120.0, 30), (RESP, 26.0, 60), (RESP, 18.0, 120)] {
        let observed_at_us = at_us - minutes * 60_000_000;
        let subject = Subject::Patient(PatientId([1; 16]));
        let observation = Observation { subject, signal, value, observed_at_us, status: Status::Final, ordinal: 0 };
        let applied = ward.apply_observation(&observation, at_us);
        assert!(matches!(applied, Applied::Kept { .. }), "{applied:?}");
        slot = ward.slot(PatientId([1; 16]));
    }
    let mut row = vec![0.0; bundle.plan().width()];
    assert!(ward.row(slot.expect("a patient"), bundle.plan(), at_us, &mut row));
    assert_eq!(row, [120.0, 0.5, 22.0]);
    let mut raw = vec![9.0; 7];
    bundle.predict_raw(&[&row[..], &[80.0, 0.0, f32::NAN]].concat(), &mut raw);
    assert_eq!(raw, [1.5, -1.5]);
    assert!((bundle.finish(1.5) - 0.880_797_077_977_882_4).abs() < 1e-15, "the logistic function of 2 * 1.5 - 1");
    assert_eq!(bundle.signals(), [HR, RESP]);
    bundle.predict_raw(&row[..2], &mut raw);
    assert!(raw.len() == 1 && raw[0].is_nan(), "no whole row");
    bundle.predict_raw(&[], &mut raw);
    assert!(raw.is_empty());
}

#[test]
fn p9_a_model_is_explained_by_its_largest_shares() {
    let bundle = good();
    let score = Score {
        seq: 1,
        ordinal: 0,
        patient: PatientId([1; 16]),
        scorer: 5,
        at_us: 0,
        raw: 0.5,
        value: 0.5,
        present: 2,
        expected: 2,
        band: 0,
        inputs: Default::default(),
        features: vec![120.0, f32::NAN, 18.0],
    };
    let Why { contributions: out, reasons } = bundle.why(&score);
    // The expected raw score is -0.5 + 0; HR.last adds 1 - -0.5, Resp.mean.6h -0.5 - 0, HR.age nothing.
    let expected = [("HR.last", 120.0, 1.5), ("Resp.mean.6h", 18.0, -0.5)];
    assert_eq!(out.len(), expected.len());
    for (item, (feature, value, share)) in out.iter().zip(expected) {
        assert_eq!((item.feature.as_str(), item.value), (feature, value));
        assert!((item.share - share).abs() < 1e-12, "{feature} {}", item.share);
    }
    let words: Vec<_> = reasons.iter().map(|reason| reason.words.as_str()).collect();
    assert_eq!(words, ["heart rate 120 /min", "no respiration rate measured"], "the score names no input");
    assert_eq!(bundle.why(&Score { features: vec![1.0], ..score }), Why::default(), "a row of another plan");
}
