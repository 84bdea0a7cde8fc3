//! The words, row by row: what is said of a signal, an attribute and a derived feature, and what must not be said.

use super::course::{READINGS, digits};
use super::outline::Outline;
use super::spoken;
use super::{Direction, REASONS_MAX, Reason};
use crate::decode::catalogue::{self, Kind, SIGNALS};
use crate::score::boundary::Input;
use crate::score::bundle::compile;
use crate::window::{FeaturePlan, PlanSpec};

const PLAN: &str = r#"
demographics = ["age_years", "sex_male", "hours_since_admission"]
derived = ["shock_index", "news2_points"]
[[coded]]
field = "admit_source"
categories = ["1", "7,EMER", "a, b, c, d, e"]
[[features]]
signal = "HR"
stats = ["last", "age", "max", "min", "mean", "std", "count"]
windows = ["12h"]
[[features]]
signal = "SBP"
stats = ["last", "age", "delta"]
windows = ["6h", "24h"]
[[features]]
signal = "Lactate"
stats = ["last", "age", "delta", "count"]
windows = ["24h"]
[[features]]
signal = "Resp"
stats = ["last", "age", "slope", "max", "min"]
windows = ["6h"]
[[features]]
signal = "Temp"
stats = ["last", "age", "time_since_abnormal"]
normal = [36.0, 38.0]
[[features]]
signal = "MAP"
stats = ["last", "age", "max", "min", "delta", "count"]
windows = ["6h"]
cell = "1h"
[[features]]
signal = "Consciousness"
stats = ["last", "age", "max", "count"]
windows = ["24h"]
[[features]]
signal = "FiO2"
stats = ["last", "age"]
"#;

struct Case {
    plan: FeaturePlan,
    row: Vec<f32>,
    shares: Vec<f64>,
    inputs: Vec<Input>,
}

impl Case {
    fn new() -> Self {
        let spec: PlanSpec = toml::from_str(PLAN).expect("a plan");
        let plan = compile(&spec).expect("compiles");
        let width = plan.width();
        let inputs =
            plan.signals().into_iter().map(|signal| Input { signal, value: None, age_s: None, points: None }).collect();
        Self { plan, row: vec![f32::NAN; width], shares: vec![0.0; width + 1], inputs }
    }

    fn column(&self, name: &str) -> usize {
        self.plan.names().iter().position(|known| known == name).unwrap_or_else(|| panic!("no column {name}"))
    }

    /// A column's value and share.
    fn put(mut self, name: &str, value: f32, share: f64) -> Self {
        let at = self.column(name);
        (self.row[at], self.shares[at]) = (value, share);
        self
    }

    /// A signal's newest value and its age, in the row and among the inputs.
    fn measured(mut self, signal: &str, value: f32, age_s: f32) -> Self {
        let id = catalogue::by_name(signal).expect("a signal");
        for input in self.inputs.iter_mut().filter(|input| input.signal == id) {
            (input.value, input.age_s) = (Some(f64::from(value)), Some(age_s));
        }
        self.put(&format!("{signal}.last"), value, 0.5).put(&format!("{signal}.age"), age_s / 3_600.0, 0.0)
    }

    fn reasons(&self) -> Vec<Reason> {
        Outline::of(&self.plan).reasons(&self.row, &self.shares, &self.inputs)
    }

    /// The words about one thing.
    fn words(&self, about: &str) -> String {
        let found: Vec<Reason> = self.reasons().into_iter().filter(|reason| reason.about == about).collect();
        assert_eq!(found.len(), 1, "{about} is one group: {found:?}");
        found[0].words.clone()
    }
}

#[test]
fn a_value_is_told_with_unit_age_and_course() {
    let lactate = Case::new().measured("Lactate", 3.4, 7_300.0).put("Lactate.delta.24h", 1.3, 0.2);
    assert_eq!(lactate.words("Lactate"), "lactate 3.4 mmol/L, 2 h old, rising from 2.1 in 24 h");
    let pressure = Case::new().measured("SBP", 92.0, 300.0).put("SBP.delta.6h", -26.0, 0.1).put("SBP.delta.24h", -40.0, 0.1);
    assert_eq!(pressure.words("SBP"), "systolic blood pressure 92 mmHg, 5 min old, falling from 118 in 6 h", "the shortest");
    let pulse = Case::new().measured("HR", 121.0, 180.0).put("HR.max.12h", 121.0, 0.1).put("HR.min.12h", 84.0, 0.0);
    assert_eq!(pulse.words("HR"), "heart rate 121 /min, 3 min old, highest in 12 h");
    let breathing = Case::new().measured("Resp", 28.0, 5.0).put("Resp.slope.6h", 1.5, 0.0);
    let breathing = breathing.put("Resp.max.6h", 28.0, 0.0).put("Resp.min.6h", 19.0, 0.0);
    assert_eq!(breathing.words("Resp"), "respiration rate 28 /min, 5 s old, rising in 6 h");
}

#[test]
fn p7_what_is_missing_is_named_as_missing_and_has_no_value() {
    let case = Case::new().put("Lactate.count.24h", 0.0, -0.4).put("shock_index", f32::NAN, 0.3);
    let case = case.measured("HR", 88.0, 60.0).put("age_years", f32::NAN, 0.1).put("news2_points", f32::NAN, 0.05);
    let reasons = case.reasons();
    let missing: Vec<_> = reasons.iter().filter(|r| r.missing).map(|r| (r.about.as_str(), r.words.as_str())).collect();
    assert_eq!(missing[0], ("Lactate", "no lactate measured"));
    assert_eq!(missing[1], ("shock_index", "no shock index: no systolic blood pressure measured"));
    assert_eq!(missing[2], ("age_years", "age not known"));
    assert!(missing[3].1.starts_with("no NEWS2: no respiration rate, "), "{missing:?}");
    assert!(missing.iter().all(|(_, words)| !words.replace("NEWS2", "").contains(|c: char| c.is_ascii_digit())), "{missing:?}");
}

#[test]
fn no_course_is_told_that_the_row_does_not_hold() {
    let plain = |case: Case| case.words("SBP");
    let bare = "systolic blood pressure 92 mmHg, 5 min old";
    assert_eq!(plain(Case::new().measured("SBP", 92.0, 300.0)), bare, "the deltas are missing");
    assert_eq!(plain(Case::new().measured("SBP", 92.0, 300.0).put("SBP.delta.6h", -14.0, 0.1)), bare, "below the least change");
    let one = Case::new().measured("HR", 121.0, 180.0).put("HR.max.12h", 121.0, 0.1).put("HR.min.12h", 121.0, 0.0);
    assert_eq!(one.words("HR"), "heart rate 121 /min, 3 min old", "one value is no highest");
    let close = Case::new().measured("Resp", 20.0, 5.0).put("Resp.slope.6h", 60.0, 0.0);
    let close = close.put("Resp.max.6h", 20.0, 0.0).put("Resp.min.6h", 19.0, 0.0);
    assert_eq!(close.words("Resp"), "respiration rate 20 /min, 5 s old", "two values a minute apart are no course");
}

#[test]
fn what_moved_the_score_most_is_told_beside_the_value() {
    let case = || Case::new().measured("HR", 100.0, 60.0);
    assert_eq!(case().put("HR.count.12h", 1.0, 0.9).words("HR"), "heart rate 100 /min, 1 min old, measured once in 12 h");
    assert_eq!(case().put("HR.mean.12h", 112.4, 0.9).words("HR"), "heart rate 100 /min, 1 min old, mean 112 in 12 h");
    assert_eq!(case().put("HR.max.12h", 141.0, -0.9).words("HR"), "heart rate 100 /min, 1 min old, highest 141 in 12 h");
    let spread = case().put("HR.std.12h", 14.26, 0.9);
    assert_eq!(spread.words("HR"), "heart rate 100 /min, 1 min old, standard deviation 14.3 in 12 h");
    let fever = |hours| Case::new().measured("Temp", 37.2, 600.0).put("Temp.time_since_abnormal", hours, 0.9).words("Temp");
    assert_eq!(fever(3.0), "body temperature 37.2 °C, 10 min old, outside 36.0 to 38.0 3 h ago");
    assert_eq!(fever(f32::NAN), "body temperature 37.2 °C, 10 min old, always within 36.0 to 38.0");
    let steady = Case::new().measured("SBP", 120.0, 60.0).put("SBP.delta.6h", 2.0, 0.9);
    assert_eq!(steady.words("SBP"), "systolic blood pressure 120 mmHg, 1 min old, steady in 6 h");
}

#[test]
fn statistics_of_cells_are_told_as_such() {
    let case = |newest: f64| {
        let mut case = Case::new().measured("MAP", 70.0, 60.0).put("MAP.delta.6h", -18.0, 0.1);
        case.inputs.iter_mut().filter(|input| input.signal == catalogue::MAP).for_each(|input| input.value = Some(newest));
        case
    };
    let told = |case: Case| case.words("MAP");
    assert_eq!(told(case(64.0)), "mean arterial pressure 64 mmHg, 1 min old, hourly mean falling from 88 in 6 h");
    assert_eq!(told(case(70.0)), "mean arterial pressure 70 mmHg, 1 min old, falling from 88 in 6 h", "one value an hour");
    let highest = case(64.0).put("MAP.delta.6h", -2.0, 0.1).put("MAP.max.6h", 95.0, 0.9);
    assert_eq!(told(highest), "mean arterial pressure 64 mmHg, 1 min old, highest hourly mean 95 in 6 h");
    let count = case(64.0).put("MAP.delta.6h", -2.0, 0.1).put("MAP.count.6h", 4.0, 0.9);
    assert_eq!(told(count), "mean arterial pressure 64 mmHg, 1 min old, measured in 4 hours in 6 h");
}

#[test]
fn people_encounters_codes_and_derived_features_have_words_of_their_own() {
    let case = Case::new().put("age_years", 74.8, 0.5).put("sex_male", 1.0, 0.4).put("hours_since_admission", 31.2, 0.3);
    let case = case.put("shock_index", 1.296, 0.2).put("news2_points", 7.0, 0.1);
    let words: Vec<_> = case.reasons().into_iter().map(|reason| reason.words).collect();
    assert_eq!(words, ["age 74 years", "male", "31 h since admission", "shock index 1.3", "NEWS2 7 points"]);
    let source = |value| Case::new().put("admit_source", value, 0.5).words("admit_source");
    assert_eq!(source(1.0), "admit source: 7 or EMER");
    assert_eq!(source(2.0), "admit source: a or b or c or d or another of its group");
    assert_eq!(source(f32::NAN), "no admit source known");
    let voice = Case::new().measured("Consciousness", 2.0, 3_600.0);
    let voice = voice.put("Consciousness.max.24h", 3.0, 0.9);
    assert_eq!(voice.words("Consciousness"), "responds to voice only, 1 h old", "a code has no highest");
    let voice = voice.put("Consciousness.count.24h", 5.0, 1.9);
    assert_eq!(voice.words("Consciousness"), "responds to voice only, 1 h old, measured 5 times in 24 h");
    assert_eq!(Case::new().measured("FiO2", 0.4, 600.0).words("FiO2"), "fraction of inspired oxygen 40 %, 10 min old");
}

#[test]
fn p6_a_very_high_age_is_not_told_to_the_year() {
    assert_eq!(Case::new().put("age_years", 97.0, 0.5).words("age_years"), "age 90 years or more");
}

#[test]
fn a_group_has_the_sum_of_its_shares_and_the_five_largest_are_told() {
    let case = Case::new().measured("HR", 100.0, 60.0).put("HR.mean.12h", 90.0, -0.8).put("HR.max.12h", 120.0, 0.1);
    let case = case.put("age_years", 60.0, 0.25).put("sex_male", 0.0, -0.3).put("shock_index", 0.8, 1e-12);
    let case = case.put("hours_since_admission", 5.0, 0.01).put("Lactate.count.24h", 0.0, 0.02).put("news2_points", 3.0, 0.03);
    let reasons = case.reasons();
    assert_eq!(reasons.len(), REASONS_MAX);
    let told: Vec<_> = reasons.iter().map(|r| (r.about.as_str(), r.direction)).collect();
    let expected = [("sex_male", Direction::Lowers), ("age_years", Direction::Raises), ("HR", Direction::Lowers)];
    assert_eq!(told[..3], expected);
    assert!((reasons[2].share - (0.5 - 0.8 + 0.1)).abs() < 1e-15, "{reasons:?}");
    assert_eq!(told[4].0, "Lactate", "a share that is rounding is not told");
}

#[test]
fn every_number_of_the_catalogue_has_decimals_and_a_least_change() {
    for (index, row) in (0..).zip(SIGNALS) {
        let listed = READINGS.iter().filter(|reading| reading.0.0 == index).count();
        let coded = matches!(row.kind, Kind::Consciousness | Kind::Oxygen);
        assert_eq!(listed, usize::from(!coded), "{}", row.name);
    }
    for (id, digits, change, why) in READINGS {
        let row = catalogue::signal(*id).expect("a signal");
        assert!(*change > 0.0 && *change < row.high - row.low && *digits < 4 && !why.is_empty(), "{}", row.name);
        assert!(*change >= 0.5 * 0.1_f64.powi(*digits as i32), "{}: a change that cannot be seen", row.name);
    }
    assert_eq!(digits(catalogue::PH), 2);
}

#[test]
fn titles_units_numbers_and_spans_are_as_people_say_them() {
    let title = |name: &str| spoken::title(catalogue::signal(catalogue::by_name(name).expect("a signal")).expect("a row"));
    let titles = ["O2Sat", "pH", "GCS", "Bilirubin_total", "PaO2", "WBC"].map(title);
    let expected = [
        "oxygen saturation (pulse oximetry)",
        "blood pH",
        "total Glasgow coma score",
        "total bilirubin",
        "partial pressure of oxygen",
        "leukocytes",
    ];
    assert_eq!(titles, expected);
    assert_eq!([spoken::unit("mm[Hg]"), spoken::unit("mmol/L"), spoken::unit("[pH]")], ["mmHg", "mmol/L", ""]);
    assert_eq!([spoken::number(-0.04, 1), spoken::number(2.25, 1), spoken::short(3.10, 2)], ["0.0", "2.2", "3.1"]);
    let spans = [0.0, 59.4, 59.6, 3_569.0, 3_571.0, 170_000.0, 200_000.0, -5.0].map(spoken::span);
    assert_eq!(spans, ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days", "0 s"]);
    assert_eq!([5_400, 86_400, 259_200, 90].map(spoken::window), ["90 min", "24 h", "3 days", "90 s"]);
}

#[test]
fn every_input_can_be_told_alone() {
    let told = |value, age_s| super::input(&Input { signal: catalogue::HR, value, age_s, points: None });
    assert_eq!(told(Some(72.0), Some(61.0)), "heart rate 72 /min, 1 min old");
    assert_eq!(told(None, None), "no heart rate measured");
    assert_eq!(told(None, Some(50_000.0)), "no heart rate that is new enough: the last is 14 h old");
}

#[test]
fn equal_rows_give_equal_words() {
    let case = Case::new().measured("HR", 100.0, 60.0).measured("SBP", 90.0, 30.0).put("shock_index", 1.11, 0.5);
    assert_eq!(case.reasons(), case.reasons());
    let stored = postcard::to_stdvec(&case.reasons()).expect("writes");
    assert_eq!(postcard::from_bytes::<Vec<Reason>>(&stored).expect("reads"), case.reasons());
}
