//! What holds for all rules: missing is missing, old is missing but dated, the newer decides, P7 and P9.

use super::super::{ALL, DERIVED, OXYGEN_S_MAX, RATIO_S_MAX, Rule, VITALS_S_MAX, mews, news2, qsofa, shock_index, sirs};
use super::{evaluate, lookup};
use crate::decode::PatientId;
use crate::decode::catalogue::{self, CONSCIOUSNESS, FIO2, GCS, OXYGEN, PACO2, WBC};
use crate::score::{Direction, Why};

#[test]
fn p7_a_rule_without_any_item_gives_no_score() {
    for rule in ALL {
        assert!(evaluate(rule, &[]).is_none(), "{}", rule.name);
        assert!(evaluate(rule, &[("Lactate", 4.0, 0.0)]).is_none(), "{}", rule.name);
    }
    for one_of_two in [("HR", 90.0, 0.0), ("SBP", 120.0, 0.0)] {
        assert!(evaluate(&shock_index::DEFINITION, &[one_of_two]).is_none());
    }
}

#[test]
fn p7_a_missing_item_is_listed_as_missing_and_never_as_zero() {
    let score = evaluate(&news2::DEFINITION, &[("HR", 95.0, 30.0)]).expect("one item");
    assert_eq!((score.value, score.present, score.expected, score.inputs.len()), (1.0, 1, 7, 7));
    for input in &score.inputs {
        if input.signal == catalogue::HR {
            assert_eq!((input.value, input.age_s, input.points), (Some(95.0), Some(30.0), Some(1)));
        } else {
            assert_eq!((input.value, input.age_s, input.points), (None, None, None), "{:?}", input.signal);
        }
    }
}

#[test]
fn p7_an_old_value_is_missing_but_its_age_is_shown() {
    for (rule, signal, value, age_s_max) in [
        (&news2::DEFINITION, "HR", 140.0, VITALS_S_MAX),
        (&news2::DEFINITION, "Oxygen", 1.0, OXYGEN_S_MAX),
        (&news2::DEFINITION, "FiO2", 0.4, OXYGEN_S_MAX),
        (&news2::DEFINITION, "GCS", 9.0, VITALS_S_MAX),
        (&qsofa::DEFINITION, "SBP", 80.0, VITALS_S_MAX),
        (&mews::DEFINITION, "SBP", 60.0, VITALS_S_MAX),
        (&sirs::DEFINITION, "PaCO2", 20.0, super::super::BLOOD_GAS_S_MAX),
        (&sirs::DEFINITION, "WBC", 20.0, super::super::BLOOD_COUNT_S_MAX),
        (&sirs::DEFINITION, "Bands", 20.0, super::super::BLOOD_COUNT_S_MAX),
    ] {
        let at =
            |age_s: f64| evaluate(rule, &[(signal, value, age_s), ("Resp", 12.0, 0.0), ("Temp", 37.0, 0.0)]).expect("a score");
        let input = |age_s: f64| {
            let id = catalogue::by_name(signal).expect("in the catalogue");
            at(age_s).inputs.into_iter().find(|input| input.signal == id).expect("listed")
        };
        assert_eq!(input(age_s_max).value, Some(value), "{} {signal}", rule.name);
        let old = input(age_s_max + 1.0);
        assert_eq!((old.value, old.points, old.age_s), (None, None, Some(age_s_max as f32 + 1.0)), "{} {signal}", rule.name);
        let (fresh, stale) = (at(age_s_max), at(age_s_max + 1.0));
        assert!(stale.present < fresh.present || signal == "PaCO2", "{} {signal}", rule.name);
        assert!(stale.value < fresh.value, "{} {signal}", rule.name);
    }
    let ratio = |age_s| evaluate(&shock_index::DEFINITION, &[("HR", 90.0, 0.0), ("SBP", 90.0, age_s)]);
    assert!(ratio(RATIO_S_MAX).is_some() && ratio(RATIO_S_MAX + 1.0).is_none());
}

#[test]
fn the_newer_of_oxygen_and_fio2_decides_and_at_the_same_age_the_worse() {
    let item = |known| {
        let score = evaluate(&news2::DEFINITION, known).expect("a score");
        (score.inputs[2].signal, score.inputs[2].points)
    };
    assert_eq!(item(&[("Oxygen", 0.0, 10.0), ("FiO2", 0.4, 20.0)]), (OXYGEN, Some(0)));
    assert_eq!(item(&[("Oxygen", 0.0, 20.0), ("FiO2", 0.4, 10.0)]), (FIO2, Some(2)));
    assert_eq!(item(&[("Oxygen", 1.0, 20.0), ("FiO2", 0.21, 10.0)]), (FIO2, Some(0)));
    assert_eq!(item(&[("Oxygen", 0.0, 10.0), ("FiO2", 0.4, 10.0)]), (FIO2, Some(2)));
    assert_eq!(item(&[("Oxygen", 1.0, 10.0), ("FiO2", 0.21, 10.0)]), (OXYGEN, Some(2)));
}

#[test]
fn the_newer_of_acvpu_and_gcs_decides_and_at_the_same_age_the_worse() {
    let item = |known| {
        let score = evaluate(&news2::DEFINITION, known).expect("a score");
        (score.inputs[5].signal, score.inputs[5].points)
    };
    assert_eq!(item(&[("Consciousness", 0.0, 10.0), ("GCS", 9.0, 20.0)]), (CONSCIOUSNESS, Some(0)));
    assert_eq!(item(&[("Consciousness", 0.0, 20.0), ("GCS", 14.0, 10.0)]), (GCS, Some(3)));
    assert_eq!(item(&[("Consciousness", 1.0, 20.0), ("GCS", 15.0, 10.0)]), (GCS, Some(0)));
    assert_eq!(item(&[("Consciousness", 0.0, 10.0), ("GCS", 14.0, 10.0)]), (GCS, Some(3)));
    assert_eq!(item(&[("Consciousness", 1.0, 10.0), ("GCS", 15.0, 10.0)]), (CONSCIOUSNESS, Some(3)));
}

#[test]
fn optional_blood_values_of_sirs_are_listed_only_where_known() {
    let listed = |known| {
        evaluate(&sirs::DEFINITION, known).expect("a score").inputs.iter().map(|input| input.signal).collect::<Vec<_>>()
    };
    let without = listed(&[("HR", 80.0, 0.0)]);
    assert!(without.contains(&WBC) && !without.contains(&PACO2) && without.len() == 4);
    assert_eq!(listed(&[("HR", 80.0, 0.0), ("PaCO2", 40.0, 0.0), ("Bands", 2.0, 0.0)]).len(), 6);
}

#[test]
fn p9_a_score_names_its_scorer_frame_and_items() {
    let rule = Rule::new(3, &qsofa::DEFINITION);
    let known = [("Resp", 30.0, 5.0), ("SBP", 95.0, 600.0), ("GCS", 15.0, 60.0)];
    let score = rule.evaluate(&lookup(&known), PatientId([7; 16]), 40, 2, 1_000).expect("a score");
    assert_eq!((score.seq, score.ordinal, score.patient, score.scorer, score.at_us), (40, 2, PatientId([7; 16]), 3, 1_000));
    assert_eq!((score.raw, score.value, score.band, score.present, score.expected), (2.0, 2.0, 1, 3, 3));
    assert!(score.features.is_empty());
    assert_eq!(score.inputs.iter().map(|input| input.age_s).collect::<Vec<_>>(), [Some(5.0), Some(60.0), Some(600.0)]);
}

#[test]
fn p9_a_rule_is_explained_by_the_items_that_scored_most_points_first() {
    let rule = Rule::new(0, &news2::DEFINITION);
    let known = [("Resp", 22.0, 0.0), ("O2Sat", 97.0, 0.0), ("HR", 135.0, 0.0), ("Temp", 38.5, 0.0), ("SBP", 95.0, 0.0)];
    let score = rule.evaluate(&lookup(&known), PatientId([0; 16]), 1, 0, 0).expect("a score");
    let Why { contributions: out, reasons } = Rule::why(&score);
    let shares: Vec<_> = out.iter().map(|item| (item.feature.as_str(), item.value, item.share)).collect();
    assert_eq!(shares, [("HR", 135.0, 3.0), ("Resp", 22.0, 2.0), ("SBP", 95.0, 2.0), ("Temp", 38.5, 1.0)]);
    let words: Vec<_> = reasons.iter().map(|reason| (reason.words.as_str(), reason.share)).collect();
    assert_eq!(words[0], ("heart rate 135 /min, 0 s old", 3.0));
    assert_eq!(words[3], ("body temperature 38.5 °C, 0 s old", 1.0));
    let ratio = Rule::new(3, &shock_index::DEFINITION);
    let score =
        ratio.evaluate(&lookup(&[("HR", 100.0, 0.0), ("SBP", 80.0, 0.0)]), PatientId([0; 16]), 1, 0, 0).expect("a score");
    let Why { contributions: out, reasons } = Rule::why(&score);
    assert!(reasons.iter().all(|reason| reason.direction == Direction::Neither), "{reasons:?}");
    assert_eq!(out.iter().map(|item| (item.feature.as_str(), item.share)).collect::<Vec<_>>(), [("HR", 0.0), ("SBP", 0.0)]);
}

#[test]
fn a_rule_reads_only_the_signals_it_names() {
    for rule in ALL {
        let asked = std::cell::RefCell::new(Vec::new());
        let look = |signal| {
            asked.borrow_mut().push(signal);
            Some((50.0, 0.0))
        };
        assert!((rule.evaluate)(&look).is_some(), "{}", rule.name);
        let mut asked = asked.into_inner();
        asked.sort_unstable();
        asked.dedup();
        let mut named = rule.signals.to_vec();
        named.sort_unstable();
        assert_eq!(asked, named, "{}", rule.name);
    }
}

#[test]
fn points_as_features_equal_the_rule_and_are_nan_of_nothing() {
    let feature = |name: &str| DERIVED.iter().find(|rule| rule.name == name).copied().expect("derived");
    for (derived, rule) in
        [("news2_points", ALL[0]), ("qsofa_points", ALL[1]), ("sirs_points", ALL[2]), ("mews_points", ALL[4])]
    {
        let feature = feature(derived);
        assert_eq!(feature.inputs, rule.signals.iter().map(|s| catalogue::signal(*s).expect("known").name).collect::<Vec<_>>());
        assert!((feature.eval)(&vec![f64::NAN; feature.inputs.len()]).is_nan());
        let values: Vec<f64> = (0..feature.inputs.len()).map(|at| if at % 2 == 0 { 25.0 } else { f64::NAN }).collect();
        let known: Vec<_> =
            feature.inputs.iter().zip(&values).filter(|(_, v)| !v.is_nan()).map(|(name, v)| (*name, *v, 0.0)).collect();
        assert_eq!((feature.eval)(&values), evaluate(rule, &known).expect("a score").value, "{derived}");
    }
    let modified = feature("shock_index_modified_estimated");
    assert_eq!((modified.eval)(&[93.0, f64::NAN, 120.0, 80.0]), 1.0);
    assert!((modified.eval)(&[93.0, f64::NAN, 120.0, f64::NAN]).is_nan());
}

#[test]
fn sofa_scores_every_edge_of_the_printed_table_as_far_as_support_is_unknown_and_counts_its_organs() {
    let feature = |name: &str| DERIVED.iter().find(|rule| rule.name == name).copied().expect("derived");
    let (points, components) = (feature("sofa_points"), feature("sofa_components"));
    let alone = |known: &[(&str, f64)]| {
        let of = |input: &&str| known.iter().find(|(name, _)| name == input).map_or(f64::NAN, |(_, value)| *value);
        let values: Vec<f64> = points.inputs.iter().map(of).collect();
        ((points.eval)(&values), (components.eval)(&values))
    };
    let tables: [(&str, &[(f64, f64)]); 5] = [
        (
            "Platelets",
            &[(150.0, 0.0), (149.0, 1.0), (100.0, 1.0), (99.0, 2.0), (50.0, 2.0), (49.0, 3.0), (20.0, 3.0), (19.0, 4.0)],
        ),
        (
            "Bilirubin_total",
            &[(1.1, 0.0), (1.2, 1.0), (1.9, 1.0), (2.0, 2.0), (5.9, 2.0), (6.0, 3.0), (11.9, 3.0), (12.0, 4.0)],
        ),
        ("Creatinine", &[(1.1, 0.0), (1.2, 1.0), (1.9, 1.0), (2.0, 2.0), (3.4, 2.0), (3.5, 3.0), (4.9, 3.0), (5.0, 4.0)]),
        ("GCS", &[(15.0, 0.0), (14.0, 1.0), (13.0, 1.0), (12.0, 2.0), (10.0, 2.0), (9.0, 3.0), (6.0, 3.0), (5.0, 4.0)]),
        ("MAP", &[(70.0, 0.0), (69.0, 1.0), (40.0, 1.0)]),
    ];
    for (signal, table) in tables {
        for (value, expected) in table {
            assert_eq!(alone(&[(signal, *value)]), (*expected, 1.0), "{signal} {value}");
        }
    }
    for (pao2, expected) in [(200.0, 0.0), (199.0, 1.0), (150.0, 1.0), (149.0, 2.0), (40.0, 2.0)] {
        assert_eq!(alone(&[("PaO2", pao2), ("FiO2", 0.5)]), (expected, 1.0), "PaO2 {pao2} on 0.5");
    }
    assert_eq!(alone(&[("SBP", 90.0), ("DBP", 45.0)]), (1.0, 1.0), "a mean pressure of 60 by its formula");
    assert_eq!(alone(&[("Platelets", 80.0), ("Creatinine", 2.5), ("GCS", 14.0)]), (5.0, 3.0));
    let (none, zero) = alone(&[("PaO2", 80.0), ("SBP", 90.0)]);
    assert!(none.is_nan() && zero == 0.0);
}
