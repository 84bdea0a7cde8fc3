//! Charts over something else than time: the percentile curve, and latency over rate.
//!
//! On the percentile curve each further nine has the same width. It ends where its samples end: with n samples nothing is said
//! beyond the percentile 1 - 1/(n + 1), nor beyond 99.9999.

use super::chart::{line, path};
use super::figures;
use super::html::Html;
use super::scale::Scale;

/// Nines of the axis, at most.
const NINES_MAX: f64 = 6.0;
const TICKS: [(f64, &str); 8] = [
    (0.0, "0"),
    (0.5, "50"),
    (0.9, "90"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.9999, "99.99"),
    (0.99999, "99.999"),
    (0.999_999, "99.9999"),
];

/// One line: places on the axis below (for a percentile curve, quantiles) and milliseconds, ascending.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Which ink and dashes, 1 to 8.
    pub ink: u8,
    /// Place and milliseconds.
    pub points: Vec<(f64, f64)>,
}

/// Nines of a quantile: 0.9 is 1, 0.99 is 2.
pub fn nines(quantile: f64) -> f64 {
    0.0 - (1.0 - quantile).max(10_f64.powf(-NINES_MAX)).log10()
}

/// The percentile curves in one figure; none where nothing was measured.
pub fn percentiles(lines: &[Line]) -> Option<Html> {
    let most = lines.iter().flat_map(|line| line.points.iter()).map(|point| nines(point.0)).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let x = |quantile: f64| (nines(quantile) / most).min(1.0);
    let ticks =
        TICKS.into_iter().filter(|tick| nines(tick.0) <= most + 0.05).map(|(quantile, name)| (x(quantile), name.to_owned()));
    Some(figure("Percentiles of the whole run", "ms, both axes logarithmic", lines, x, &ticks.collect::<Vec<_>>()))
}

/// Lines over any axis: `x` puts a place between 0 and 1, `ticks` are such places with their words.
pub fn figure(title: &str, unit: &str, lines: &[Line], x: impl Fn(f64) -> f64, ticks: &[(f64, String)]) -> Html {
    let scale = Scale::log(lines.iter().flat_map(|line| line.points.iter()).map(|point| point.1));
    let mut out = Html::new();
    out.tag("<figure class=\"chart tall\"><figcaption><b>")
        .text(title)
        .tag("</b> ")
        .element("span class=unit", unit)
        .tag("<span class=legend>");
    for one in lines {
        out.tag("<span><svg viewBox=\"0 0 26 8\" aria-hidden=true>");
        path(&mut out, &class_of(one), "M1 4h24");
        out.tag("</svg>").text(&one.name).tag("</span>");
    }
    out.tag("</span></figcaption><div class=frame><div class=ys aria-hidden=true>");
    for value in scale.ticks() {
        out.tag("<span style=\"top:").text(share(1.0 - scale.at(value))).tag("\">").text(figures::tick(value)).tag("</span>");
    }
    let ends =
        lines.iter().filter_map(|one| one.points.last().map(|last| format!("{} up to {}", one.name, figures::ms(last.1))));
    out.tag("</div><div class=plot role=img aria-label=\"").text(title).text(": ").text(ends.collect::<Vec<_>>().join(", "));
    out.tag("\"><svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=none aria-hidden=true>");
    let across: Vec<String> =
        scale.ticks().iter().map(|value| format!("M0 {:.0}H1000", (1.0 - scale.at(*value)) * 1000.0)).collect();
    let upright: Vec<String> = ticks.iter().map(|tick| format!("M{:.1} 0V1000", tick.0 * 1000.0)).collect();
    path(&mut out, "grid", &(across.concat() + &upright.concat()));
    for one in lines {
        let places = one.points.iter().map(|point| Some((x(point.0) * 1000.0, (1.0 - scale.at(point.1)) * 1000.0)));
        path(&mut out, &class_of(one), &line(&places.collect::<Vec<_>>()));
    }
    out.tag("</svg></div><div class=xs aria-hidden=true>");
    for (place, name) in ticks {
        out.tag("<i style=\"left:").text(share(*place)).tag("\">").text(name).tag("</i>");
    }
    out.tag("</div></div></figure>");
    out
}

fn class_of(one: &Line) -> String {
    format!("line i{}", one.ink)
}

fn share(value: f64) -> String {
    format!("{:.2}%", value * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_has_the_same_width_and_the_curve_ends_with_its_samples() {
        let points = vec![(0.0, 1.0), (0.9, 2.0), (0.99, 4.0), (0.999, 9.5)];
        let drawn = percentiles(&[Line { name: "seen".to_owned(), ink: 4, points }]).map(Html::into_string).unwrap_or_default();
        assert!(drawn.contains("M0.0 1000L333.3 699L666.7 398L1000.0 22"), "{drawn}");
        assert!(drawn.contains(">99.9<") && !drawn.contains(">99.99<"));
        assert!(drawn.contains("seen up to 9.50 ms"));
    }

    #[test]
    fn without_samples_there_is_no_curve() {
        assert!(percentiles(&[]).is_none());
        assert!(percentiles(&[Line { name: "seen".to_owned(), ink: 4, points: vec![] }]).is_none());
    }
}
