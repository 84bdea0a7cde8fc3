//! Order, names and the listing of all scorers.

use super::super::Scorers;
use super::{MODEL, manifest, write};

const RULES: [&str; 5] = ["news2", "qsofa", "sirs", "shock_index", "mews"];

#[test]
fn rules_come_first_in_a_fixed_order_then_bundles_as_given() {
    let root = tempfile::tempdir().expect("a folder");
    let folders = ["zeta", "alpha"].map(|name| write(root.path(), name, &manifest(name, MODEL), MODEL));
    let scorers = Scorers::load(&folders).expect("two bundles");
    assert_eq!(scorers.names(), [&RULES[..], &["zeta", "alpha"]].concat());
    for (index, name) in (0..).zip(scorers.names()) {
        assert_eq!(scorers.named(index).name, name);
    }
    assert_eq!(scorers.rules().iter().map(|rule| rule.index()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(scorers.bundles().iter().map(|bundle| bundle.scorer()).collect::<Vec<_>>(), [5, 6]);
    assert_eq!(scorers.plans().len(), 2);
    assert_eq!((scorers.named(0).version, scorers.named(0).sha256), ("2017", &[][..]));
    assert_eq!((scorers.named(5).version, scorers.named(5).sha256.len()), ("1.0", 32));
    assert_eq!(scorers.named(7).name, "", "nobody");
    let spec = scorers.bundles()[0].plan().spec().clone();
    assert_eq!(scorers.compile(&spec).expect("compiles").fingerprint(), scorers.plans()[0].fingerprint());
}

#[test]
fn a_name_stands_for_one_scorer() {
    let root = tempfile::tempdir().expect("a folder");
    let first = write(root.path(), "hand", &manifest("hand", MODEL), MODEL);
    let other = write(root.path(), "other", &manifest("hand", MODEL), MODEL);
    let error = Scorers::load(&[first, other.clone()]).expect_err("twice");
    assert_eq!(error.to_string(), format!("bundle {}: there is another scorer named hand", other.display()));
    let rule = write(root.path(), "rule", &manifest("news2", MODEL), MODEL);
    assert!(Scorers::load(&[rule]).expect_err("a rule's name").why.ends_with("named news2"));
}

#[test]
fn the_listing_tells_what_each_scorer_is() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = write(root.path(), "hand", &manifest("hand", MODEL), MODEL);
    let listing = Scorers::load(&[folder]).expect("a bundle").listing();
    let all = listing.as_array().expect("an array");
    assert_eq!(all.len(), 6);
    for (index, entry) in all.iter().enumerate() {
        for key in ["index", "name", "version", "kind", "sha256", "features", "signals", "thresholds", "outcome", "horizon_h"] {
            assert!(entry.get(key).is_some(), "{key} of {}", entry["name"]);
        }
        assert_eq!(entry["index"], index);
        assert_eq!(entry["kind"], if index < 5 { "rule" } else { "model" });
    }
    assert_eq!((&all[0]["version"], &all[0]["sha256"]), (&"2017".into(), &"".into()));
    assert_eq!(all[0]["thresholds"]["emergency"]["value"], 7.0);
    let model = &all[5];
    assert_eq!(model["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(model["features"], serde_json::json!(["HR.last", "HR.age", "Resp.mean.6h"]));
    assert_eq!((&model["horizon_h"], &model["thresholds"]["ward"]["value"]), (&6.0.into(), &0.4.into()));
    assert_eq!(model["manifest"]["metrics"]["auroc"], 0.5);
}

#[test]
fn scorers_are_shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>(_: &T) {}
    let scorers = Scorers::load(&[]).expect("the rules alone");
    shared(&scorers);
    assert_eq!((scorers.len(), scorers.plans().len(), scorers.is_empty()), (5, 0, false));
    assert_eq!(scorers.names(), RULES);
}
