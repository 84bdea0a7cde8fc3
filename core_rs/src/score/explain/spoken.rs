//! Titles, units, numbers and spans of time as people say them.

use crate::decode::SignalId;
use crate::decode::catalogue::{self, FIO2, Kind, Signal};

const MINUTE_S: f64 = 60.0;
const HOUR_S: f64 = 3_600.0;
const DAY_S: f64 = 86_400.0;

/// Canonical UCUM units whose spelling is not what is written at the bedside.
const UNITS: [(&str, &str); 7] =
    [("mm[Hg]", "mmHg"), ("Cel", "°C"), ("[pH]", ""), ("{score}", ""), ("1", ""), ("10*3/uL", "×10³/µL"), ("ug/L", "µg/L")];

/// Words of a title that keep their capital.
const NAMES: [&str; 1] = ["Glasgow"];

/// A signal's catalogue title inside a sentence: `Calcium, total` is `total calcium`, `Blood pH` is `blood pH`.
pub fn title(row: &Signal) -> String {
    let plain = row.title.split(" (").next().unwrap_or(row.title);
    match plain.split_once(", ") {
        Some((what, kind)) if !kind.contains(' ') => format!("{kind} {}", lower(what)),
        Some((what, kind)) => format!("{} ({kind})", lower(what)),
        None => lower(plain),
    }
}

/// A value with its unit: `3.4 mmol/L`, `40 %`.
pub fn quantity(id: SignalId, row: &Signal, value: f64, digits: usize) -> String {
    if id == FIO2 {
        return format!("{} %", number(value * 100.0, 0));
    }
    let unit = unit(row.unit);
    let space = if unit.is_empty() { "" } else { " " };
    format!("{}{space}{unit}", number(value, digits))
}

/// A value without its unit, for comparisons within a sentence that has named it.
pub fn bare(id: SignalId, value: f64, digits: usize) -> String {
    if id == FIO2 { format!("{} %", number(value * 100.0, 0)) } else { number(value, digits) }
}

/// The unit as written at the bedside.
pub fn unit(ucum: &str) -> &str {
    UNITS.iter().find(|(name, _)| *name == ucum).map_or(ucum, |(_, shown)| *shown)
}

/// What an answer of a coded signal says; None for numbers.
pub fn answer(kind: Kind, value: f64) -> Option<&'static str> {
    match kind {
        Kind::Consciousness => Some(match value as i64 {
            0 => "alert",
            1 => "newly confused",
            2 => "responds to voice only",
            3 => "responds to pain only",
            _ => "unresponsive",
        }),
        Kind::Oxygen => Some(if value > 0.0 { "on oxygen" } else { "on room air" }),
        Kind::Quantity | Kind::Dimensionless | Kind::Points => None,
    }
}

/// So many decimals; never `-0`.
pub fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|byte| matches!(byte, b'0' | b'.')) => rest.to_owned(),
        _ => text,
    }
}

/// At most so many decimals, without trailing zeros.
pub fn short(value: f64, digits: usize) -> String {
    let text = number(value, digits);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How long ago, in the unit a person would use: `40 s`, `3 min`, `2 h`, `3 days`. Rounded to the nearest.
pub fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let (s, min, h) = (seconds.round(), (seconds / MINUTE_S).round(), (seconds / HOUR_S).round());
    if s < 60.0 {
        format!("{s:.0} s")
    } else if min < 60.0 {
        format!("{min:.0} min")
    } else if h < 48.0 {
        format!("{h:.0} h")
    } else {
        format!("{:.0} days", (seconds / DAY_S).round())
    }
}

/// The width of a window, exactly: `90 min`, `12 h`, `3 days`.
pub fn window(width_s: i64) -> String {
    match width_s {
        s if s % 86_400 == 0 && s >= 172_800 => format!("{} days", s / 86_400),
        s if s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

/// `in 6 h`, or of the stay `in this stay`.
pub fn within(window_s: Option<i64>) -> String {
    window_s.map_or_else(|| "in this stay".to_owned(), |s| format!("in {}", window(s)))
}

/// Titles of these signals, with `and` before the last.
pub fn listed(signals: &[SignalId]) -> String {
    let titles: Vec<String> = signals.iter().filter_map(|id| catalogue::signal(*id)).map(title).collect();
    match titles.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((only, _)) => only.clone(),
        None => String::new(),
    }
}

/// The first letter small, unless the word is a name or an abbreviation.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), second) if !NAMES.iter().any(|name| text.starts_with(name)) && second.is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
