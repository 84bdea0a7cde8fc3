//! Service levels: the names a scenario may give a limit to, and what each measures.
//!
//! `{stage}_{percentile}_ms` for the stages acknowledged, scored, stored, seen, consoles, awake and the percentiles p50, p90, p95, p99,
//! p999, max; and the few names below. A limit that was not measured counts as broken.

/// How a measured figure is compared with its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Kept where measured <= limit.
    AtMost,
    /// Kept where measured >= limit.
    AtLeast,
}

/// What a level measures.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// A percentile of a stage's latency, milliseconds: stage and share (1.0 is the maximum).
    Latency(String, f64),
    /// One of `LEVELS`.
    Figure(&'static str, Bound),
}

/// Stages whose latency may have a level, in the order of the route. `awake` is of the consoles that no stall step concerns, where
/// there is such a step.
pub const STAGES: [&str; 6] = ["acknowledged", "scored", "stored", "seen", "consoles", "awake"];

const SHARES: [(&str, f64); 6] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];

/// The levels that are no latency: name, bound, meaning.
pub const LEVELS: [(&str, Bound, &str); 10] = [
    ("refused_max", Bound::AtMost, "messages the server refused"),
    ("unanswered_max", Bound::AtMost, "messages never answered"),
    ("unsent_max", Bound::AtMost, "messages due and never written; 0 where a scenario does not say"),
    ("unsent_s_max", Bound::AtMost, "longest time the schedule waited for the server, seconds of backlog"),
    ("lag_end_frames_max", Bound::AtMost, "frames acknowledged and not yet stored when the last send was due"),
    ("observations_per_s_min", Bound::AtLeast, "observations acknowledged a second, mean over the schedule"),
    ("server_cpu_cores_max", Bound::AtMost, "mean cores of the server process"),
    ("server_rss_mib_max", Bound::AtMost, "largest resident memory of the server process"),
    ("recovered_s_max", Bound::AtMost, "from a kill to the first acknowledgement after it, the longest"),
    ("drained_s_max", Bound::AtMost, "from the last intended send until everything was answered, stored and seen"),
];

/// What a level's name means; an error that says which names there are.
pub fn level(name: &str) -> Result<Measure, String> {
    if let Some((known, bound, _)) = LEVELS.iter().find(|(known, ..)| *known == name) {
        return Ok(Measure::Figure(known, *bound));
    }
    let parts = name.strip_suffix("_ms").and_then(|rest| rest.rsplit_once('_'));
    if let Some((stage, percentile)) = parts
        && STAGES.contains(&stage)
        && let Some((_, share)) = SHARES.iter().find(|(known, _)| *known == percentile)
    {
        return Ok(Measure::Latency(stage.to_owned(), *share));
    }
    let others: Vec<&str> = LEVELS.iter().map(|(known, ..)| *known).collect();
    Err(format!(
        "levels.{name}: no such level; there are {{{}}}_{{p50|p90|p95|p99|p999|max}}_ms and {}",
        STAGES.join("|"),
        others.join(", ")
    ))
}
