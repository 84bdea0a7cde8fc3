//! What fuzzing starts from: small inputs of the project's own making, a list for each target.

pub mod device_json;
pub mod hl7;
pub mod journal;
pub mod model;
pub mod mqtt;
pub mod settings;

/// The inputs of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "hl7" => hl7::all(),
        "device_json" => device_json::all(),
        "mqtt" => mqtt::all(),
        "journal" => journal::all(),
        "snapshot" => vec![super::snapshot::seed()],
        "model" => model::all(),
        "settings" => settings::all(),
        _ => Vec::new(),
    }
}
