//! The sentence that says why an alert opened or cleared. Scores, thresholds and counts only: no identity (P6).

use super::{AlertKind, Departure, Rule, Said};
use crate::decode::BedKey;
use crate::score::Score;
use crate::score::explain::Reason;

/// Why an alert cleared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Clearing<'a> {
    /// The score fell.
    Fell(&'a Score),
    /// The condition holds no longer; what of it does not, in words.
    Ceased(&'a str),
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

/// The leaves of a condition that hold, and how often running where that was asked.
pub(super) fn holds(rule: &Rule, leaves: &[Reason]) -> String {
    let words: Vec<&str> = leaves.iter().map(|leaf| leaf.words.as_str()).collect();
    let words = if words.is_empty() { format!("{} holds", rule.label) } else { words.join("; ") };
    match rule.enter_evaluations {
        1 => words,
        count => format!("{words}; {count} times running"),
    }
}

/// `NEWS2 3 fell to 4 or less (7 of 7 items)`, or what else ended it.
pub(super) fn cleared(rule: Option<&Rule>, clearing: Clearing<'_>) -> String {
    match (clearing, rule) {
        (Clearing::Fell(score), Some(rule)) => {
            format!("{} {} fell to {} or less {}", rule.label, number(score.value), number(rule.clear), items(score))
        }
        (Clearing::Ceased(words), _) => words.to_owned(),
        (Clearing::Fell(_) | Clearing::RuleRemoved, _) => "the policy no longer has this rule".to_owned(),
        (Clearing::Gone(Departure::Left), _) => "the patient left".to_owned(),
        (Clearing::Gone(Departure::AdmissionCancelled), _) => "the admission was cancelled".to_owned(),
        (Clearing::Gone(Departure::Merged), _) => "the record was merged into another".to_owned(),
        (Clearing::Withdrawn, _) => "the values it rested on were withdrawn".to_owned(),
        (Clearing::Moved, _) => "the patient was moved out of the rule's units".to_owned(),
    }
}

/// Another rule leads than before, or the same in another way.
pub(super) fn leads(former: &str, is_gone: bool, now: &str) -> String {
    match (former == now, is_gone) {
        (true, _) => format!("the policy gives {now} another severity"),
        (false, true) => format!("the policy no longer has {former}, {now} holds"),
        (false, false) => format!("{former} no longer holds, {now} does"),
    }
}

/// The patient lies elsewhere.
pub(super) fn moved(from: Option<&BedKey>, to: Option<&BedKey>) -> String {
    let place = |bed: Option<&BedKey>| bed.map_or_else(|| "no bed".to_owned(), |bed| format!("{} bed {}", bed.unit, bed.bed));
    format!("moved with the patient from {} to {}", place(from), place(to))
}

/// `acknowledged by a nurse`, `snoozed for 30 min by a nurse`, `passed on to the physician by a nurse`.
pub(super) fn answered(kind: AlertKind, said: &Said, span_us: Option<i64>) -> String {
    let who = person(&said.role);
    match (kind, span_us) {
        (AlertKind::Snoozed, Some(span_us)) => format!("snoozed for {} by {who}", span(span_us)),
        (AlertKind::Unsnoozed, _) => format!("the snooze was ended by {who}"),
        (AlertKind::Escalated, _) => format!("passed on to the {} by {who}", role(&said.to)),
        _ => format!("acknowledged by {who}"),
    }
}

/// `nobody answered for 5 min: passed on to the charge nurse`, or that they are reminded.
pub(super) fn unanswered(kind: AlertKind, to: &str, waited_us: i64) -> String {
    match kind {
        AlertKind::Escalated => format!("nobody answered for {}: passed on to the {}", span(waited_us), role(to)),
        _ => format!("still nobody has answered, {} on", span(waited_us)),
    }
}

/// `nobody answered within 4 h`.
pub(super) fn expired(waited_us: i64) -> String {
    format!("nobody answered within {}", span(waited_us))
}

/// What the server says of a channel, or that it delivers again.
pub(super) fn channel(is_dead: bool, said: &str) -> String {
    match (is_dead, said) {
        (true, "") => "the channel delivers nothing".to_owned(),
        (false, "") => "the channel delivers again".to_owned(),
        (_, said) => said.to_owned(),
    }
}

/// To the nearest: `45 s`, `5 min`, `4 h`, `3 d`.
pub(crate) fn span(span_us: i64) -> String {
    let seconds = span_us / 1_000_000;
    match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", (seconds + 30) / 60),
        7_200..=172_799 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

/// `charge nurse`, `administrator`.
fn role(name: &str) -> String {
    match name {
        "admin" => "administrator".to_owned(),
        "sre" => "site engineer".to_owned(),
        name => name.replace('_', " "),
    }
}

fn person(name: &str) -> String {
    let name = role(name);
    match name.bytes().next() {
        None => "somebody".to_owned(),
        Some(b'a' | b'e' | b'i' | b'o' | b'u') => format!("an {name}"),
        Some(_) => format!("a {name}"),
    }
}

fn items(score: &Score) -> String {
    format!("({} of {} items)", score.present, score.expected)
}

/// Points as they are, risks to three decimals.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
