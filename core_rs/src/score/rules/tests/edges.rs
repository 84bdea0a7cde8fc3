//! Every band edge of every table, and what rounding does to it.

use super::super::news2::{self, Scale};
use super::super::{Definition, mews, qsofa, shock_index, sirs};
use super::{Known, evaluate, lookup};

/// One signal alone: its points.
fn points(definition: &Definition, signal: &str, value: f64) -> Option<u8> {
    let evaluation = evaluate(definition, &[(signal, value, 0.0)])?;
    assert_eq!(evaluation.present, 1, "{signal} {value}");
    let points = evaluation.inputs.iter().filter_map(|input| input.points).collect::<Vec<_>>();
    assert_eq!(evaluation.value, f64::from(points.iter().sum::<u8>()), "{signal} {value}");
    points.first().copied()
}

fn holds(definition: &Definition, signal: &str, table: &[(f64, u8)]) {
    for (value, expected) in table {
        assert_eq!(points(definition, signal, *value), Some(*expected), "{} {signal} {value}", definition.name);
    }
}

#[test]
fn news2_scores_every_edge_of_the_printed_table() {
    let rule = &news2::DEFINITION;
    holds(
        rule,
        "Resp",
        &[(0.0, 3), (8.0, 3), (9.0, 1), (11.0, 1), (12.0, 0), (20.0, 0), (21.0, 2), (24.0, 2), (25.0, 3), (60.0, 3)],
    );
    holds(rule, "O2Sat", &[(50.0, 3), (91.0, 3), (92.0, 2), (93.0, 2), (94.0, 1), (95.0, 1), (96.0, 0), (100.0, 0)]);
    holds(
        rule,
        "SBP",
        &[(40.0, 3), (90.0, 3), (91.0, 2), (100.0, 2), (101.0, 1), (110.0, 1), (111.0, 0), (219.0, 0), (220.0, 3)],
    );
    holds(rule, "HR", &[(0.0, 3), (40.0, 3), (41.0, 1), (50.0, 1), (51.0, 0), (90.0, 0), (91.0, 1), (110.0, 1), (111.0, 2)]);
    holds(rule, "HR", &[(130.0, 2), (131.0, 3), (220.0, 3)]);
    holds(rule, "Temp", &[(30.0, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)]);
    holds(rule, "Consciousness", &[(0.0, 0), (1.0, 3), (2.0, 3), (3.0, 3), (4.0, 3)]);
    holds(rule, "GCS", &[(15.0, 0), (14.0, 3), (3.0, 3)]);
    holds(rule, "Oxygen", &[(0.0, 0), (1.0, 2)]);
    holds(rule, "FiO2", &[(0.21, 0), (21.0 * 0.01, 0), (21.0 / 100.0, 0), (0.211, 2), (0.22, 2), (0.24, 2), (1.0, 2)]);
}

#[test]
fn values_are_rounded_before_they_are_banded() {
    let rule = &news2::DEFINITION;
    holds(rule, "Resp", &[(8.4, 3), (8.5, 1), (20.49, 0), (20.5, 2), (24.4, 2), (24.5, 3)]);
    holds(rule, "O2Sat", &[(91.4, 3), (91.5, 2), (95.4, 1), (95.5, 0)]);
    holds(rule, "SBP", &[(90.4, 3), (90.5, 2), (219.4, 0), (219.5, 3)]);
    holds(rule, "HR", &[(130.4, 2), (130.5, 3)]);
    holds(rule, "Temp", &[(35.04, 3), (35.06, 1), (36.04, 1), (36.06, 0), (38.04, 0), (38.06, 1), (39.04, 1), (39.06, 2)]);
    // 100.4 and 102.2 degrees Fahrenheit are 38.0 and 39.0 C, whatever the last bits say.
    holds(rule, "Temp", &[((100.4 - 32.0) / 1.8, 0), ((102.2 - 32.0) / 1.8, 1)]);
    holds(&sirs::DEFINITION, "Temp", &[(38.04, 0), (38.06, 1), (35.96, 0), (35.94, 1)]);
    holds(&qsofa::DEFINITION, "SBP", &[(100.4, 1), (100.5, 0)]);
}

#[test]
fn news2_scale_2_is_scored_at_every_edge_and_only_by_order() {
    let on = |spo2: f64, oxygen: f64| {
        let known = [("O2Sat", spo2, 0.0), ("Oxygen", oxygen, 0.0)];
        let evaluation = news2::evaluate(&lookup(&known), Scale::Two).expect("two items");
        evaluation.inputs[1].points.expect("decided")
    };
    for (spo2, air, oxygen) in [
        (83.0, 3, 3),
        (84.0, 2, 2),
        (85.0, 2, 2),
        (86.0, 1, 1),
        (87.0, 1, 1),
        (88.0, 0, 0),
        (92.0, 0, 0),
        (93.0, 0, 1),
        (94.0, 0, 1),
        (95.0, 0, 2),
        (96.0, 0, 2),
        (97.0, 0, 3),
        (100.0, 0, 3),
    ] {
        assert_eq!((on(spo2, 0.0), on(spo2, 1.0)), (air, oxygen), "{spo2}");
    }
    let unknown = |spo2: f64| news2::evaluate(&lookup(&[("O2Sat", spo2, 0.0)]), Scale::Two);
    assert_eq!(unknown(92.0).expect("low enough to decide").value, 0.0);
    assert_eq!(unknown(93.0), None, "air or oxygen decides, and nobody said");
    // The scorer itself never uses scale 2, whatever the oxygen says.
    let scorer = evaluate(&news2::DEFINITION, &[("O2Sat", 88.0, 0.0), ("Oxygen", 1.0, 0.0)]).expect("two items");
    assert_eq!(scorer.inputs[1].points, Some(3));
}

#[test]
fn news2_bands_follow_the_sum_and_any_single_three() {
    let calm: Known<'_> = &[
        ("Resp", 16.0, 0.0),
        ("O2Sat", 97.0, 0.0),
        ("Oxygen", 0.0, 0.0),
        ("SBP", 120.0, 0.0),
        ("HR", 70.0, 0.0),
        ("Consciousness", 0.0, 0.0),
        ("Temp", 37.0, 0.0),
    ];
    let with = |changes: &[(&'static str, f64)]| {
        let known: Vec<_> = calm
            .iter()
            .map(|(name, value, age)| (*name, changes.iter().find(|(n, _)| n == name).map_or(*value, |(_, v)| *v), *age))
            .collect();
        let evaluation = evaluate(&news2::DEFINITION, &known).expect("all items");
        assert_eq!((evaluation.present, evaluation.expected), (7, 7));
        (evaluation.value, evaluation.band)
    };
    assert_eq!(with(&[]), (0.0, 0));
    assert_eq!(with(&[("HR", 91.0)]), (1.0, 1));
    assert_eq!(with(&[("HR", 111.0), ("O2Sat", 93.0)]), (4.0, 1), "no single 3");
    assert_eq!(with(&[("HR", 131.0)]), (3.0, 2), "a single 3");
    assert_eq!(with(&[("HR", 131.0), ("O2Sat", 95.0)]), (4.0, 2));
    assert_eq!(with(&[("HR", 131.0), ("O2Sat", 93.0)]), (5.0, 3));
    assert_eq!(with(&[("HR", 131.0), ("O2Sat", 91.0)]), (6.0, 3));
    assert_eq!(with(&[("HR", 131.0), ("O2Sat", 91.0), ("Temp", 36.0)]), (7.0, 4));
    let worst = [
        ("Resp", 30.0),
        ("O2Sat", 80.0),
        ("Oxygen", 1.0),
        ("SBP", 70.0),
        ("HR", 140.0),
        ("Consciousness", 2.0),
        ("Temp", 34.0),
    ];
    assert_eq!(with(&worst), (20.0, 4), "the highest score there is");
}

#[test]
fn qsofa_scores_every_edge_and_is_positive_at_two() {
    let rule = &qsofa::DEFINITION;
    holds(rule, "Resp", &[(21.0, 0), (22.0, 1)]);
    holds(rule, "SBP", &[(101.0, 0), (100.0, 1)]);
    holds(rule, "GCS", &[(15.0, 0), (14.0, 1)]);
    holds(rule, "Consciousness", &[(0.0, 0), (1.0, 1), (4.0, 1)]);
    let band = |known| {
        evaluate(rule, known).map(|evaluation| (evaluation.value, evaluation.band, evaluation.present, evaluation.expected))
    };
    assert_eq!(band(&[("Resp", 22.0, 0.0), ("SBP", 101.0, 0.0), ("GCS", 15.0, 0.0)]), Some((1.0, 0, 3, 3)));
    assert_eq!(band(&[("Resp", 22.0, 0.0), ("SBP", 100.0, 0.0)]), Some((2.0, 1, 2, 3)));
    assert_eq!(band(&[("Resp", 22.0, 0.0), ("SBP", 100.0, 0.0), ("GCS", 3.0, 0.0)]), Some((3.0, 1, 3, 3)));
}

#[test]
fn sirs_scores_every_edge_and_is_positive_at_two() {
    let rule = &sirs::DEFINITION;
    holds(rule, "Temp", &[(35.9, 1), (36.0, 0), (38.0, 0), (38.1, 1)]);
    holds(rule, "HR", &[(90.0, 0), (91.0, 1)]);
    holds(rule, "Resp", &[(20.0, 0), (21.0, 1)]);
    holds(rule, "WBC", &[(3.99, 1), (4.0, 0), (12.0, 0), (12.01, 1)]);
    let value = |known| evaluate(rule, known).map(|evaluation| (evaluation.value, evaluation.band, evaluation.present));
    assert_eq!(value(&[("PaCO2", 31.9, 0.0)]), Some((1.0, 0, 1)));
    assert_eq!(value(&[("PaCO2", 32.0, 0.0)]), None, "a normal PaCO2 says nothing of the respiratory rate");
    assert_eq!(value(&[("Bands", 10.1, 0.0)]), Some((1.0, 0, 1)));
    assert_eq!(value(&[("Bands", 10.0, 0.0)]), None, "normal bands say nothing of the count");
    assert_eq!(value(&[("Resp", 20.0, 0.0), ("PaCO2", 31.0, 0.0)]), Some((1.0, 0, 1)));
    assert_eq!(value(&[("Resp", 25.0, 0.0), ("PaCO2", 31.0, 0.0)]), Some((1.0, 0, 1)), "one criterion, one point");
    assert_eq!(value(&[("WBC", 8.0, 0.0), ("Bands", 11.0, 0.0)]), Some((1.0, 0, 1)));
    assert_eq!(value(&[("Resp", 25.0, 0.0), ("HR", 100.0, 0.0)]), Some((2.0, 1, 2)));
    let all = [
        ("Temp", 39.0, 0.0),
        ("HR", 100.0, 0.0),
        ("Resp", 25.0, 0.0),
        ("PaCO2", 20.0, 0.0),
        ("WBC", 20.0, 0.0),
        ("Bands", 30.0, 0.0),
    ];
    assert_eq!(value(&all), Some((4.0, 1, 4)));
    let points: Vec<_> = evaluate(rule, &all).expect("all").inputs.iter().map(|input| input.points).collect();
    assert_eq!(points, [1, 1, 1, 0, 1, 0].map(Some), "the points listed add up to the score");
}

#[test]
fn mews_scores_every_edge_and_is_positive_at_five() {
    let rule = &mews::DEFINITION;
    holds(rule, "SBP", &[(70.0, 3), (71.0, 2), (80.0, 2), (81.0, 1), (100.0, 1), (101.0, 0), (199.0, 0), (200.0, 2)]);
    holds(
        rule,
        "HR",
        &[(40.0, 2), (41.0, 1), (50.0, 1), (51.0, 0), (100.0, 0), (101.0, 1), (110.0, 1), (111.0, 2), (129.0, 2), (130.0, 3)],
    );
    holds(rule, "Resp", &[(8.0, 2), (9.0, 0), (14.0, 0), (15.0, 1), (20.0, 1), (21.0, 2), (29.0, 2), (30.0, 3)]);
    holds(rule, "Temp", &[(34.9, 2), (35.0, 0), (38.4, 0), (38.5, 2)]);
    holds(rule, "Consciousness", &[(0.0, 0), (1.0, 0), (2.0, 1), (3.0, 2), (4.0, 3)]);
    let band = |known| evaluate(rule, known).map(|evaluation| (evaluation.value, evaluation.band, evaluation.expected));
    assert_eq!(band(&[("SBP", 70.0, 0.0), ("Resp", 15.0, 0.0)]), Some((4.0, 0, 5)));
    assert_eq!(band(&[("SBP", 70.0, 0.0), ("HR", 40.0, 0.0)]), Some((5.0, 1, 5)));
    let worst = [("SBP", 60.0, 0.0), ("HR", 140.0, 0.0), ("Resp", 40.0, 0.0), ("Temp", 39.0, 0.0), ("Consciousness", 4.0, 0.0)];
    assert_eq!(band(&worst), Some((14.0, 1, 5)), "the highest score there is");
}

#[test]
fn the_shock_index_is_the_ratio_and_positive_above_its_threshold() {
    let index = |hr, sbp| {
        evaluate(&shock_index::DEFINITION, &[("HR", hr, 0.0), ("SBP", sbp, 0.0)])
            .map(|evaluation| (evaluation.value, evaluation.band))
    };
    assert_eq!(index(60.0, 120.0), Some((0.5, 0)));
    assert_eq!(index(90.0, 100.0), Some((0.9, 0)), "not above");
    assert_eq!(index(91.0, 100.0), Some((0.91, 1)));
    assert_eq!(index(100.0, 90.0), Some((1.11, 1)));
    assert_eq!(index(0.0, 100.0), Some((0.0, 0)));
    assert_eq!(index(80.0, 0.0), None);
    let modified = |known| shock_index::modified(&lookup(known));
    assert_eq!(modified(&[("HR", 90.0, 0.0), ("MAP", 75.0, 0.0)]), Some(1.2));
    let cuff = [("HR", 93.0, 0.0), ("SBP", 120.0, 0.0), ("DBP", 80.0, 0.0)];
    assert_eq!(modified(&cuff), Some(1.0), "80 + 40 / 3 is 93");
    assert_eq!(modified(&[("HR", 93.0, 0.0), ("SBP", 120.0, 0.0)]), None);
    assert_eq!(modified(&[cuff[0], cuff[1], cuff[2], ("MAP", 62.0, 0.0)]), Some(1.5), "measured goes before estimated");
}
