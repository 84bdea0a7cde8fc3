//! The scenarios that come with the program; a path names any other.

use std::path::Path;

use super::Scenario;

/// Name and text of every shipped scenario.
pub const SHIPPED: [(&str, &str); 9] = [
    ("smoke", include_str!("../../scenarios/smoke.toml")),
    ("ward", include_str!("../../scenarios/ward.toml")),
    ("hospital", include_str!("../../scenarios/hospital.toml")),
    ("region", include_str!("../../scenarios/region.toml")),
    ("surge", include_str!("../../scenarios/surge.toml")),
    ("storm", include_str!("../../scenarios/storm.toml")),
    ("stall", include_str!("../../scenarios/stall.toml")),
    ("faults", include_str!("../../scenarios/faults.toml")),
    ("replay", include_str!("../../scenarios/replay.toml")),
];

/// A shipped scenario by its name, or the file at this path.
pub fn load(name: &str) -> Result<Scenario, String> {
    if let Some((_, text)) = SHIPPED.iter().find(|(known, _)| *known == name) {
        return Scenario::parse(text).map_err(|error| format!("scenario {name}: {error}"));
    }
    if !Path::new(name).exists() {
        let known: Vec<&str> = SHIPPED.iter().map(|(known, _)| *known).collect();
        return Err(format!("{name} is neither a shipped scenario ({}) nor a file", known.join(", ")));
    }
    let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
    Scenario::parse(&text).map_err(|error| format!("{name}: {error}"))
}
