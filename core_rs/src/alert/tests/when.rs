//! `when` in the policy's TOML: what is taken, and what is refused with its line.

use super::*;

/// A rule whose condition begins on line 5.
fn with(when: &str) -> String {
    ["[[rule]]\nname = \"shock\"\nseverity = \"high\"\nwhen = { all = [\n", when, "\n] }\n"].concat()
}

const SHOCK: &str = r#"  { signal = "MAP", below = 65, clear = 70, for_s = 600 },
  { any = [ { signal = "HR", above = 110 }, { signal = "Lactate", rising_by = 2.0, within_s = 3600 } ] },
  { score = "news2", at_least = 5, stale_s = 60 },"#;

#[test]
fn a_tree_of_signals_trends_and_scores_is_read_as_it_stands() {
    let policy = policy(&with(SHOCK));
    let [rule] = &policy.rules[..] else { panic!("{policy:?}") };
    let when = rule.when.as_ref().unwrap();
    assert_eq!((rule.scorer, rule.label.as_str(), rule.cause.as_str()), (NO_SCORER, "shock", "shock"));
    assert_eq!(when.tree, Node::All(vec![Node::Leaf(0), Node::Any(vec![Node::Leaf(1), Node::Leaf(2)]), Node::Leaf(3)]));
    let spans: Vec<_> = when.leaves.iter().map(|leaf| (leaf.for_us / 1_000_000, leaf.stale_us / 1_000_000)).collect();
    assert_eq!(spans, [(600, 43_200), (0, 43_200), (0, 86_400), (0, 60)], "staleness is the signal's where none is given");
    assert_eq!(when.leaves[0].test, Test::Threshold { high: false, strict: true, enter: 65.0, clear: 70.0 });
    assert_eq!(when.leaves[3].subject, Subject::Score(0, "news2".into()));
    assert_eq!(policy.looks_back(), [(crate::decode::catalogue::LACTATE, 3_600_000_000)]);
}

#[test]
fn a_condition_over_a_score_that_is_not_loaded_is_left_out_where_it_is_optional_and_refused_elsewhere() {
    let text = with("{ score = \"mews\", above = 4 }");
    let refused = Policy::parse(&text, &SCORERS).unwrap_err();
    assert_eq!((refused.line, refused.message.as_str()), (5, "rule shock: no score \"mews\" is loaded"));
    let optional = policy(&format!("{text}optional = true\n"));
    assert_eq!((optional.rules.len(), optional.notes.len()), (0, 1));
}

#[test]
fn a_wrong_condition_is_refused_with_its_line_and_what_it_may_be() {
    let map = "{ signal = \"MAP\", below = 65 },\n";
    let deep = "{ all = [ { any = [ { all = [\n { signal = \"MAP\", below = 65 } ] } ] } ] }";
    let many = map.repeat(LEAVES_MAX + 1);
    let lactate = "{ signal = \"Lactate\", rising_by = 2.0, within_s = ";
    let cases = [
        ("{ signal = \"Lactat\", above = 2 }".to_owned(), 5, "no signal \"Lactat\"; nearest are Lactate,"),
        (format!("{map}{{ signal = \"map\", below = 65 }}"), 6, "nearest are MAP,"),
        (format!("{map}{{ signal = \"MAP\", below = 65, clear = 60 }}"), 6, "clear (60) must be above 65"),
        ("{ signal = \"HR\", at_least = 110, clear = 110 }".into(), 5, "clear (110) must be below 110"),
        ("{ signal = \"HR\", at_least = 110,\nclear = 120 }".into(), 6, "clear (120) must be below 110"),
        ("{ signal = \"HR\", above = nan }".into(), 5, "finite"),
        ("{ signal = \"Lactate\", above = 180 }".into(), 5, "180 is no possible Lactate: it is 0.05 to 50 mmol/L"),
        ("{ signal = \"MAP\", below = 65, for_s = 86401 }".into(), 5, "for_s is 0 to 86400"),
        ("{ signal = \"MAP\", below = 65, stale_s = 0 }".into(), 5, "stale_s is 1 to"),
        (format!("{lactate}9 }}"), 5, "within_s, as long as values are kept for it, is 10 to 604800"),
        (format!("{lactate}604801 }}"), 5, "is 10 to 604800"),
        ("{ signal = \"HR\", rising_by = 30, within_s = 21601 }".into(), 5, "is 10 to 21600"),
        ("{ signal = \"HR\", rising_by = 30 }".into(), 5, "need within_s"),
        ("{ signal = \"HR\", falling_by = 0, within_s = 60 }".into(), 5, "more than 0"),
        ("{ signal = \"HR\", falling_by = 5, within_s = 60, clear = 3 }".into(), 5, "clear goes with a threshold"),
        ("{ signal = \"HR\", above = 110, within_s = 60 }".into(), 5, "within_s goes with rising_by"),
        ("{ score = \"news2\", rising_by = 2, within_s = 60 }".into(), 5, "are of signals"),
        ("{ signal = \"HR\" }".into(), 5, "asks one of above"),
        ("{ signal = \"HR\", above = 110, below = 40 }".into(), 5, "asks one of above"),
        ("{ signal = \"HR\", above = 110, rising_by = 40, within_s = 60 }".into(), 5, "asks one of above"),
        ("{ signal = \"HR\", score = \"news2\", above = 5 }".into(), 5, "one of all, any, signal and score"),
        ("{ any = [], all = [] }".into(), 5, "one of all, any, signal and score"),
        ("{ any = [] }".into(), 5, "says nothing"),
        ("{ any = [ { signal = \"HR\", above = 110 } ], for_s = 5 }".into(), 5, "stand alone"),
        ("{ signal = \"HR\", over = 110 }".into(), 5, "unknown field"),
        (deep.into(), 6, "at most 4 levels deep"),
        (many, 5 + LEAVES_MAX, "more than 16 signals and scores"),
    ];
    for (when, line, message) in cases {
        let error = Policy::parse(&with(&when), &SCORERS).unwrap_err();
        assert!(error.line == line && error.message.contains(message), "{when}: {error}");
    }
}

#[test]
fn a_tree_as_deep_as_a_policy_is_long_is_refused_and_not_walked() {
    let (levels, leaf) = (30_000, "{ signal = \"HR\", above = 110 }");
    let deep = ["{ any = [".repeat(levels), leaf.to_owned(), "] }".repeat(levels)].concat();
    assert!(Policy::parse(&with(&deep), &SCORERS).is_err());
}

#[test]
fn a_rule_has_a_score_or_a_condition_and_never_both() {
    let hr = "{ signal = \"HR\", above = 110 }";
    for (keys, line, message) in [
        (format!("score = \"news2\"\nenter = 5\nclear = 3\nwhen = {hr}"), 7, "exclude each other"),
        (String::new(), 1, "needs score with enter and clear, or when"),
        (format!("when = {hr}\nclear = 3"), 5, "enter and clear go with score"),
        ("score = \"news2\"\nenter = 5".into(), 1, "missing field"),
        ("when = 5".into(), 4, "invalid type"),
    ] {
        let text = format!("[[rule]]\nname = \"shock\"\nseverity = \"high\"\n{keys}\n");
        let error = Policy::parse(&text, &SCORERS).unwrap_err();
        assert!(error.line == line && error.message.contains(message), "{keys}: {error}");
    }
}
