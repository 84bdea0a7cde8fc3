//! Where every message ended: the counts in the order of the route, what each should equal, and each difference by name.

use super::figures;
use super::html::Html;
use crate::result::{Conservation, Run};

/// Bars, table and differences.
pub fn draw(run: &Run) -> Html {
    let counts = &run.conservation;
    let mut out = Html::new();
    out.tag("<h2 id=counts>Where every message ended</h2>");
    let wrong = counts.differences.iter().filter(|difference| !difference.explained).count();
    out.tag("<p>");
    if wrong == 0 && !counts.unknown.is_empty() {
        out.tag("<span class=missed>✗ Not known: the server did not tell ").text(counts.unknown.join(", ")).tag(".</span>");
    } else if wrong == 0 {
        out.tag("<span class=met>✓ Every message is accounted for.</span>");
    } else {
        out.tag("<span class=missed>✗ ")
            .text(wrong)
            .text(if wrong == 1 { " count does" } else { " counts do" })
            .tag(" not add up.</span>");
    }
    out.tag(
        "</p><div class=scroll><table><thead><tr><th>count<th>number<th>share<th><th class=words>what it is</thead><tbody>",
    );
    for line in lines(counts) {
        let Some(value) = line.value else {
            out.tag("<tr>")
                .element("th", line.name)
                .tag("<td>–<td><td>")
                .element("td class=words", "not measured")
                .tag("</tr>");
            continue;
        };
        out.tag(if line.bad && value > 0 { "<tr class=hit>" } else { "<tr>" });
        out.tag("<th>").text(line.name).tag("</th>").element("td", figures::count(value));
        let share = value as f64 / line.of.max(1) as f64;
        if line.whole {
            out.element("td", figures::percent(share)).tag("<td><span class=meter aria-hidden=true><i style=\"width:");
            out.text(format!("{:.1}%", (share * 100.0).clamp(0.0, 100.0))).tag("\"></i></span></td>");
        } else {
            out.element("td", if value > 0 { figures::percent(share) } else { String::new() }).tag("<td></td>");
        }
        out.element("td class=words", line.what).tag("</tr>");
    }
    out.tag("</tbody></table></div>");
    differences(counts, &mut out);
    out
}

fn differences(counts: &Conservation, out: &mut Html) {
    if counts.differences.is_empty() {
        return;
    }
    out.tag("<h3>Differences</h3><div class=scroll><table><thead><tr><th>should be equal<th>first<th>second<th>difference<th><th class=words>why</thead><tbody>");
    for one in &counts.differences {
        let by = i64::try_from(i128::from(one.found) - i128::from(one.expected)).unwrap_or(i64::MAX);
        out.tag(if one.explained { "<tr>" } else { "<tr class=hit>" }).element("th", &one.name);
        out.element("td", figures::count(one.expected))
            .element("td", figures::count(one.found))
            .element("td", figures::difference(by));
        out.tag(if one.explained { "<td class=noted>~ explained</td>" } else { "<td class=missed>✗ unexplained</td>" });
        out.element("td class=words", &one.why).tag("</tr>");
    }
    out.tag("</tbody></table></div>");
}

struct Line {
    name: &'static str,
    value: Option<u64>,
    what: &'static str,
    /// Part of the main way, drawn as a bar of what was due.
    whole: bool,
    /// What its share is taken of.
    of: u64,
    /// Anything but zero is bad.
    bad: bool,
}

fn lines(counts: &Conservation) -> Vec<Line> {
    let main = |name, value, what| Line { name, value, what, whole: true, of: counts.due, bad: false };
    let lost = |name, value, what| Line { name, value: Some(value), what, whole: false, of: counts.due, bad: true };
    let side = |name, value, what| Line { name, value, what, whole: false, of: counts.due, bad: false };
    let values = |name, value, what| Line { of: counts.observations_sent, ..main(name, value, what) };
    let mut lines = vec![
        main("due", Some(counts.due), "asked for by the schedule; sent and unsent together"),
        lost("unsent", counts.unsent, "never written: the server took none before the drain ended"),
        main("sent", Some(counts.sent), "written, each counted once; acknowledged, refused and unanswered together"),
        side("sent again", Some(counts.resent), "after a lost connection; not part of sent"),
        main("acknowledged", Some(counts.acknowledged), "answered as taken: PUBACK, HTTP 2xx, AA or CA"),
        lost("refused", counts.refused, "answered as not taken"),
        lost("unanswered", counts.unanswered, "no answer before the drain ended"),
        main("journalled", counts.journalled, "frames the server made durable, its own ticks not counted"),
        side("recognised as copies", counts.repeated, "frames sent again that the server had already"),
        side("dead letters", counts.dead_lettered, "frames kept with a reason instead of values"),
        main("stored", counts.stored, "frames behind the store's cursor"),
        values("observations acknowledged", counts.observations_acknowledged, "in the acknowledged messages"),
        values("observations taken in", counts.observations_taken, "by the pipeline: new, changed, or the same once more"),
        side(
            "observations refused",
            counts.observations_refused,
            "one by one, each a dead letter: implausible, or of nobody known",
        ),
        values("observations kept", counts.observations_kept, "of those, new or changed ones: one row each"),
    ];
    if let (Some(seen), Some(expected)) = (counts.seen, counts.seen_expected) {
        lines.push(side("to be seen", Some(expected), "readings a console was to see"));
        let seen = main("seen", Some(seen), "readings that became visible on a console; its share is of those to be seen");
        lines.push(Line { of: expected, ..seen });
    }
    lines
}
