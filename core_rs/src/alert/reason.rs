//! The sentence that says why an alert opened or cleared. Scores, thresholds and counts only: no identity (P6).

use super::{Departure, Rule};
use crate::score::Score;

/// Why an alert cleared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clearing<'a> {
    /// The score fell.
    Fell(&'a Score),
    /// The patient left, or was never here.
    Gone(Departure),
    /// The values the score was made of were withdrawn.
    Withdrawn,
    /// The patient was moved out of the rule's units.
    Moved,
    /// The policy no longer has the rule.
    RuleRemoved,
}

/// `NEWS2 7 reached 7 (7 of 7 items)`, `NEWS2 5 reached 5, 2 times running (7 of 7 items)`.
pub(super) fn opened(rule: &Rule, score: &Score) -> String {
    let (value, enter) = (number(score.value), number(rule.enter));
    let running = match rule.enter_evaluations {
        1 => String::new(),
        count => format!(", {count} times running"),
    };
    format!("{} {value} reached {enter}{running} {}", rule.label, items(score))
}

/// `NEWS2 3 fell to 4 or less (7 of 7 items)`, or what else ended it.
pub(super) fn cleared(rule: Option<&Rule>, clearing: Clearing<'_>) -> String {
    match (clearing, rule) {
        (Clearing::Fell(score), Some(rule)) => {
            format!("{} {} fell to {} or less {}", rule.label, number(score.value), number(rule.clear), items(score))
        }
        (Clearing::Fell(_) | Clearing::RuleRemoved, _) => "the policy no longer has this rule".to_owned(),
        (Clearing::Gone(Departure::Left), _) => "the patient left".to_owned(),
        (Clearing::Gone(Departure::AdmissionCancelled), _) => "the admission was cancelled".to_owned(),
        (Clearing::Gone(Departure::Merged), _) => "the record was merged into another".to_owned(),
        (Clearing::Withdrawn, _) => "the values it rested on were withdrawn".to_owned(),
        (Clearing::Moved, _) => "the patient was moved out of the rule's units".to_owned(),
    }
}

fn items(score: &Score) -> String {
    format!("({} of {} items)", score.present, score.expected)
}

/// Points as they are, risks to three decimals.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
