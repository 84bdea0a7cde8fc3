//! Service levels by their keys: what a key means in words, its unit (the key's last word), and whether it is a ceiling or a floor.
//!
//! The keys are those of a scenario's `[levels]`: `{stage}_{percentile}_ms` and ten others. An unknown key is shown as it is.

use super::figures;

/// Unit of a figure, from the last word of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `_ms`
    Milliseconds,
    /// `_s`
    Seconds,
    /// `_us`
    Microseconds,
    /// `_per_s`
    Rate,
    /// `_cores`
    Cores,
    /// `_bytes`
    Bytes,
    /// `_mib`
    Mebibytes,
    /// Counts and whatever else.
    Plain,
}

const UNITS: [(&str, Unit); 7] = [
    ("_ms", Unit::Milliseconds),
    ("_us", Unit::Microseconds),
    ("_per_s", Unit::Rate),
    ("_s", Unit::Seconds),
    ("_cores", Unit::Cores),
    ("_bytes", Unit::Bytes),
    ("_mib", Unit::Mebibytes),
];

/// Levels that are no latency, in words.
const WORDS: [(&str, &str); 10] = [
    ("refused_max", "messages refused"),
    ("unanswered_max", "messages never answered"),
    ("unsent_max", "messages due and never written"),
    ("unsent_s_max", "longest the server held the schedule up"),
    ("lag_end_frames_max", "frames not yet stored after the last send"),
    ("observations_per_s_min", "observations acknowledged"),
    ("server_cpu_cores_max", "nightlamp's CPU, mean"),
    ("server_rss_mib_max", "nightlamp's memory, largest"),
    ("recovered_s_max", "from a kill to the next acknowledgement"),
    ("drained_s_max", "from the last send until all was stored and seen"),
];

fn bare(key: &str) -> &str {
    key.strip_suffix("_max").or_else(|| key.strip_suffix("_min")).unwrap_or(key)
}

impl Unit {
    /// Of a key such as `seen_p99_ms` or `observations_per_s_min`.
    pub fn of(key: &str) -> Self {
        UNITS.into_iter().find(|(suffix, _)| bare(key).ends_with(suffix)).map_or(Self::Plain, |(_, unit)| unit)
    }

    /// A value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Milliseconds => figures::ms(value),
            Self::Microseconds => format!("{} µs", figures::number(value)),
            Self::Seconds => format!("{} s", figures::number(value)),
            Self::Rate => figures::per_s(value),
            Self::Cores => figures::cores(value),
            Self::Bytes => figures::bytes(value),
            Self::Mebibytes => figures::bytes(value * 1_048_576.0),
            Self::Plain if value >= 0.0 && value.fract() == 0.0 => figures::count(value as u64),
            Self::Plain => figures::number(value),
        }
    }
}

/// A key in words: `seen_p99_ms` is `seen, p99`.
pub fn words(key: &str) -> String {
    if let Some((_, words)) = WORDS.iter().find(|(known, _)| *known == key) {
        return (*words).to_owned();
    }
    match latency_of(key) {
        Some((stage, _)) => format!("{stage}, {}", statistic(key)),
        None => key.replace('_', " "),
    }
}

/// The statistic of a latency's key as it is written: `seen_p999_ms` is `p99.9`.
pub fn statistic(key: &str) -> &str {
    match latency_of(key) {
        Some((_, "p999")) => "p99.9",
        Some((_, "p9999")) => "p99.99",
        Some((_, "max")) => "longest",
        Some((_, other)) => other,
        None => key,
    }
}

/// Whether the level asks for at least its limit rather than at most.
pub fn is_floor(key: &str) -> bool {
    key.ends_with("_min")
}

/// The stage and statistic a latency level is about: `seen_p99_ms` is (`seen`, `p99`).
pub fn latency_of(key: &str) -> Option<(&str, &str)> {
    let is_statistic = |word: &str| word == "max" || word.strip_prefix('p').is_some_and(|digits| digits.parse::<u32>().is_ok());
    key.strip_suffix("_ms")?.rsplit_once('_').filter(|(_, statistic)| is_statistic(statistic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_words_and_its_unit() {
        assert_eq!(
            (words("seen_p99_ms"), words("acknowledged_p999_ms")),
            ("seen, p99".to_owned(), "acknowledged, p99.9".to_owned())
        );
        assert_eq!(
            (words("server_cpu_cores_max"), words("new_thing")),
            ("nightlamp's CPU, mean".to_owned(), "new thing".to_owned())
        );
        let shown = [
            ("server_rss_mib_max", 1024.0),
            ("observations_per_s_min", 5e3),
            ("refused_max", 3.0),
            ("drained_s_max", 1.5),
            ("seen_max_ms", 2.5),
        ];
        let shown = shown.map(|(key, value)| Unit::of(key).show(value));
        assert_eq!(shown, ["1.00 GiB", "5,000/s", "3", "1.50 s", "2.50 ms"].map(str::to_owned));
        assert_eq!(
            (latency_of("seen_p99_ms"), latency_of("drained_s_max"), statistic("seen_max_ms")),
            (Some(("seen", "p99")), None, "longest")
        );
    }
}
