//! The comparison with an earlier run, as a section of the page.

use super::compare::{self, Comparison, Figure, Outcome};
use super::figures::{self, NOTHING};
use super::html::Html;

/// The section; `before` says which run the earlier one is.
pub fn draw(comparison: &Comparison, before: &str) -> Html {
    let mut out = Html::new();
    out.tag("<h2 id=compared>Compared with the run of ").text(before).tag("</h2><p>");
    let sentence = comparison.sentence();
    if comparison.regressions() > 0 {
        out.tag("<span class=missed>✗ ").text(sentence).tag("</span>");
    } else {
        out.tag("<span class=met>✓ ").text(sentence).tag("</span>");
    }
    out.tag("</p><p class=why>Noise is the larger of ").text(percent(comparison.tolerance));
    out.tag(" and twice the standard error that the two runs' own seconds show, cut into ten slices each; where a difference is small in itself ");
    out.tag(
        "(0.1 ms and a quarter of the resolution, 0.02 cores, 8 MiB), that is noise too. A change within it says nothing.</p>",
    );
    for caution in &comparison.cautions {
        out.tag("<p class=noted>! ").text(caution).tag("</p>");
    }
    out.tag("<div class=scroll><table><thead><tr><th>figure<th>before<th>now<th>ratio<th>noise<th class=words>change</thead><tbody>");
    for figure in &comparison.figures {
        row(&mut out, figure);
    }
    out.tag("</tbody></table></div>");
    out
}

/// A share without digits that say nothing.
fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn row(out: &mut Html, figure: &Figure) {
    let shown = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), |value| figure.unit.show(value));
    out.tag(if figure.outcome == Outcome::Worse { "<tr class=hit>" } else { "<tr>" }).element("th", &figure.name);
    out.element("td", shown(figure.old)).element("td", shown(figure.new));
    out.element("td", figure.old.zip(figure.new).map_or_else(|| NOTHING.to_owned(), |(old, new)| figures::ratio(new, old)));
    out.element("td", figure.band.map_or_else(String::new, compare::shown_band));
    out.tag(match figure.outcome {
        Outcome::Worse => "<td class=\"words missed\">✗ worse",
        Outcome::Better => "<td class=\"words met\">✓ better",
        Outcome::Same if figure.old == figure.new => "<td class=words>=",
        Outcome::Same => "<td class=words>= within the noise",
        Outcome::Unjudged => "<td class=words><small>shown only</small>",
    });
    out.tag("</td></tr>");
}
