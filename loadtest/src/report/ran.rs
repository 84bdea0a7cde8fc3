//! What was run, where and against whom: enough to run it again.

use super::figures::{self, NOTHING, count};
use super::html::Html;
use crate::result::Head;

/// Facts, phases and the scenario's own text.
pub fn draw(head: &Head, took_s: Option<f64>) -> Html {
    let (facts, machine, target) = (&head.scenario, &head.machine, &head.target);
    let mut out = Html::new();
    out.tag("<h2 id=run>What was run</h2><dl class=\"card facts\">");
    let mut fact = |name: &'static str, value: String| {
        out.tag("<div>").element("dt", name).element("dd", value).tag("</div>");
    };
    fact("scenario", facts.name.clone());
    fact("seed", head.seed.to_string());
    fact("patients", format!("{} in {} units", count(facts.patients), count(facts.units)));
    let each = format!("{} observations, {} bytes each", figures::per_s(facts.observations_per_s), count(facts.reading_bytes));
    fact("readings", format!("{}: {each}", figures::per_s(facts.readings_per_s)));
    fact("HL7 beside them", figures::per_s(facts.hl7_per_s));
    let connections =
        format!("{} MQTT at QoS {}, {} HTTP", count(facts.mqtt_connections), facts.mqtt_qos, count(facts.http_connections));
    fact("connections", connections);
    fact("consoles", count(facts.consoles));
    let took = took_s.map_or_else(String::new, |took_s| format!("; with the drain {}", figures::span(took_s.round())));
    fact("sends due for", format!("{}{took}", figures::span(facts.duration_s)));
    fact("warm-up", format!("{}, left out of percentiles", figures::span(facts.warmup_s)));
    if !facts.overrides.is_empty() {
        fact("command line", facts.overrides.join(" "));
    }
    let place = if target.loopback { "this machine: server and generator share its cores" } else { "another machine" };
    fact("target", format!("{}, MQTT {}{}; {place}", target.http, target.mqtt, if target.mqtt_tls { " (TLS)" } else { "" }));
    let started = if target.spawned { "started by the harness in a fresh folder" } else { "was running" };
    fact("server", format!("nightlamp {}, {started}", target.version.as_deref().unwrap_or(NOTHING)));
    fact("harness", format!("nightlamp-loadtest {}", head.harness_version));
    fact("machine", format!("{}, {} cores, {}", machine.cpu, machine.cores, figures::bytes(machine.memory_bytes as f64)));
    fact("kernel", machine.kernel.clone());
    fact("load before", format!("{:.2} (one minute)", machine.load_1m_before));
    out.tag("</dl>");
    if facts.phases.len() > 1 {
        out.tag("<div class=scroll><table><thead><tr><th>phase<th>from<th>until<th>rate at its beginning<th>at its end</thead><tbody>");
        for phase in &facts.phases {
            out.tag("<tr>")
                .element("th", &phase.name)
                .element("td", figures::clock(phase.from_s))
                .element("td", figures::clock(phase.until_s));
            for factor in [phase.factor_from, phase.factor_to] {
                out.element("td", format!("x{}", figures::number(factor)));
            }
            out.tag("</tr>");
        }
        out.tag("</tbody></table></div>");
    }
    if !facts.toml.is_empty() {
        out.tag("<details><summary>The scenario's file</summary>").element("pre", &facts.toml).tag("</details>");
    }
    out
}
