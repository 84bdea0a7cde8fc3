//! What is known of a run before its first send.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::message::beds::{Door, unit_count};
use crate::observe::process::machine;
use crate::plan::Plan;
use crate::result::{Facts, Head, PhaseFacts, Target};
use crate::schedule::{Due, Kind};
use crate::target;

/// The head of a run's result.
pub fn head(plan: &Plan) -> Head {
    let on = &plan.target;
    Head {
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        harness_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: plan.scenario.seed,
        target: Target {
            http: on.address.http.clone(),
            mqtt: on.address.mqtt.clone(),
            mqtt_tls: on.mqtt.tls.is_some(),
            loopback: on.loopback,
            spawned: on.spawned,
            pid: on.pid(),
            version: target::version(on),
        },
        machine: machine(),
        scenario: facts(plan),
    }
}

fn facts(plan: &Plan) -> Facts {
    let scenario = &plan.scenario;
    let connections = plan.connections();
    let beds = plan.beds.len() as f64;
    let mut payload = Vec::new();
    plan.put(
        &mut payload,
        Kind::Device,
        Due { at_ms: 0, bed: 0, round: 0 },
        plan.beds.first().is_some_and(|bed| bed.door == Door::Mqtt),
    );
    let phases = plan.curve.lines().iter().map(|line| PhaseFacts {
        name: line.name.to_owned(),
        from_s: line.from_s,
        until_s: line.until_s,
        factor_from: line.low,
        factor_to: line.high,
    });
    Facts {
        name: scenario.name.clone(),
        about: scenario.about.clone(),
        toml: shown(&scenario.text),
        overrides: scenario.overrides.clone(),
        patients: u64::from(scenario.ward.patients),
        units: u64::from(unit_count(scenario)),
        mqtt_connections: connections.iter().filter(|one| one.mqtt).count() as u64,
        http_connections: connections.iter().filter(|one| !one.mqtt).count() as u64,
        mqtt_qos: scenario.monitors.qos,
        consoles: u64::from(scenario.consoles.count),
        readings_per_s: beds * plan.per_s,
        observations_per_s: beds * plan.per_s * plan.readings.mean_count(),
        hl7_per_s: scenario.http.hl7_per_s,
        reading_bytes: payload.len() as u64,
        duration_s: plan.curve.duration_s(),
        warmup_s: scenario.warmup_s,
        phases: phases.collect(),
    }
}

/// What stands for a value that is not shown.
const MASKED: &str = "\"***\"";

/// A scenario's text as a result may hold it: of the `[server]` settings only numbers, `true` and `false` are shown, since any other
/// may be a password or hold one (the database's URL); and of every URL in it, comments included, no credentials.
fn shown(text: &str) -> String {
    #[derive(Deserialize)]
    struct Settings {
        #[serde(default)]
        server: BTreeMap<String, Spanned<String>>,
    }
    let mut out = text.to_owned();
    // A text that is no scenario was never run.
    let Ok(settings) = toml::from_str::<Settings>(text) else { return String::new() };
    let is_plain = |value: &str| value.parse::<f64>().is_ok() || matches!(value, "true" | "false");
    let mut hidden: Vec<_> = settings.server.values().filter(|value| !is_plain(value.get_ref())).map(Spanned::span).collect();
    hidden.sort_by_key(|span| std::cmp::Reverse(span.start));
    for span in hidden {
        out.replace_range(span, MASKED);
    }
    without_credentials(&out)
}

fn without_credentials(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let ends = |c: char| matches!(c, '/' | '"' | '\'') || c.is_whitespace();
        let authority = piece.split(ends).next().unwrap_or_default();
        out.push_str("://");
        match authority.rfind('@') {
            Some(at) => {
                out.push_str("***");
                out.push_str(piece.get(at..).unwrap_or_default());
            }
            None => out.push_str(piece),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn no_setting_of_the_server_that_may_hold_a_secret_is_in_a_result() {
        let text = "name = 'x' # as postgresql://me:inacomment@db/x\n[server]\nDATABASE__URL = \"postgresql://lamp:hunter2@db/x\"\n\
                    MQTT__BROKERS = '''\n[{password = \"swordfish\"}]'''\nDATABASE__POOL_MAX = '8'\nHTTP__TLS = \"true\"\n\
                    [ward]\npatients = 4\n";
        let said = shown(text);
        for secret in ["hunter2", "swordfish", "inacomment", "lamp:"] {
            assert!(!said.contains(secret), "{said}");
        }
        for kept in ["# as postgresql://***@db/x", "DATABASE__URL = \"***\"", "'8'", "\"true\"", "patients = 4"] {
            assert!(said.contains(kept), "{kept}: {said}");
        }
        assert_eq!(shown("name = 'x'\nserver = { KEY = 'hunter2' }"), "name = 'x'\nserver = { KEY = \"***\" }");
        assert_eq!(shown("a = 'http://127.0.0.1:80/x@y'"), "a = 'http://127.0.0.1:80/x@y'");
    }
}
