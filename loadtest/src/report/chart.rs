//! Charts over the run's time: lines as SVG that stretches, words as HTML that does not, so that a chart is legible at any width.
//!
//! All charts of a page share one time axis; fault steps and phases are the same vertical marks in each. A line is told by its
//! dashes and its legend as well as by its colour. At most 600 columns are drawn.

use std::fmt::Write as _;

use super::html::Html;
use super::scale::{self, Scale};

/// Side of the square the lines are drawn in before they are stretched.
const SIDE: f64 = 1000.0;

/// Share of a chart's width that a flag takes.
const FLAG_WIDTH: f64 = 0.025;

/// A vertical mark in every chart.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Seconds since the start.
    pub at_s: f64,
    /// The number on its flag, which the list of events explains.
    pub number: usize,
    /// What happened.
    pub label: String,
}

/// A stretch of time that does not count as the rest does.
#[derive(Debug, Clone, Copy)]
pub struct Shade {
    /// Its beginning, seconds since the start.
    pub from_s: f64,
    /// Its end.
    pub until_s: f64,
    /// What it is.
    pub label: &'static str,
}

/// What all charts of one page share.
#[derive(Debug, Clone)]
pub struct TimeAxis {
    /// Middle of each column, seconds since the start.
    pub at_s: Vec<f64>,
    /// End of the axis.
    pub end_s: f64,
    /// Vertical marks.
    pub marks: Vec<Mark>,
    /// Shaded stretches.
    pub shades: Vec<Shade>,
}

impl TimeAxis {
    fn x(&self, at_s: f64) -> f64 {
        if self.end_s > 0.0 { (at_s / self.end_s).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Flags with place, numbers and words: marks too close for flags of their own share the first one's.
    fn flags(&self) -> Vec<(f64, String, String)> {
        let mut flags: Vec<(f64, usize, usize, String)> = Vec::new();
        for mark in &self.marks {
            let x = self.x(mark.at_s);
            match flags.last_mut() {
                Some((at, _, last, words)) if x - *at < FLAG_WIDTH => {
                    *last = mark.number;
                    words.push_str("; ");
                    words.push_str(&mark.label);
                }
                _ => flags.push((x, mark.number, mark.number, mark.label.clone())),
            }
        }
        let shown = |first: usize, last: usize| if first == last { first.to_string() } else { format!("{first}–{last}") };
        flags.into_iter().map(|(x, first, last, words)| (x, shown(first, last), words)).collect()
    }
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A line.
    Line,
    /// A line over a filled ground.
    Area,
    /// A point each column, for extremes.
    Points,
}

/// One series.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name in the legend.
    pub name: &'static str,
    /// Which of the eight inks and dashes, 1 to 8.
    pub ink: u8,
    /// How it is drawn.
    pub look: Look,
    /// A value a column; none where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// One chart.
#[derive(Debug)]
pub struct Chart<'a> {
    /// The heading.
    pub title: &'a str,
    /// Unit and kind of axis, beside the heading.
    pub unit: &'a str,
    /// The same unit in the words of a value under the pointer.
    pub format: fn(f64) -> String,
    /// Values on the axis.
    pub tick: fn(f64) -> String,
    /// The axis of values.
    pub scale: Scale,
    /// From back to front.
    pub series: Vec<Series>,
    /// Service levels: value and name.
    pub limits: Vec<(f64, String)>,
}

impl Chart<'_> {
    /// The chart as a figure.
    pub fn draw(&self, axis: &TimeAxis) -> Html {
        let mut out = Html::new();
        out.tag("<figure class=chart data-shared><figcaption><b>")
            .text(self.title)
            .tag("</b> ")
            .element("span class=unit", self.unit);
        self.legend(&mut out);
        out.tag("</figcaption>");
        out.tag("<div class=frame><div class=ys aria-hidden=true>");
        for value in self.scale.ticks() {
            out.tag("<span style=\"top:")
                .text(percent(1.0 - self.scale.at(value)))
                .tag("\">")
                .text((self.tick)(value))
                .tag("</span>");
        }
        out.tag("</div><div class=plot role=img aria-label=\"").text(self.spoken()).tag("\">");
        self.lines(axis, &mut out);
        for (x, numbers, labels) in axis.flags() {
            out.tag("<span class=flag style=\"left:").text(percent(x)).tag("\" title=\"").text(labels);
            out.tag("\">").text(numbers).tag("</span>");
        }
        for shade in &axis.shades {
            out.tag("<span class=shade style=\"left:")
                .text(percent(axis.x(shade.from_s)))
                .tag("\">")
                .text(shade.label)
                .tag("</span>");
        }
        for (value, name) in &self.limits {
            out.tag("<span class=limit style=\"top:")
                .text(percent(1.0 - self.scale.at(*value)))
                .tag("\">")
                .text(name)
                .tag("</span>");
        }
        out.tag("</div>");
        times(axis, &mut out);
        out.tag("</div></figure>");
        out
    }

    /// The chart's numbers for the pointer: names and formatted values, column by column.
    pub fn readings(&self) -> serde_json::Value {
        let series = self.series.iter().map(|one| {
            let values: Vec<_> = one.values.iter().map(|value| value.map(self.format)).collect();
            serde_json::json!({"name": one.name, "ink": one.ink, "values": values})
        });
        series.collect()
    }

    fn legend(&self, out: &mut Html) {
        if self.series.len() < 2 {
            return;
        }
        out.tag("<span class=legend>");
        for one in &self.series {
            out.tag("<span><svg viewBox=\"0 0 26 8\" aria-hidden=true><path class=\"").text(class_of(one));
            out.tag("\" d=\"").tag(if one.look == Look::Points { "M5 4h0M13 4h0M21 4h0" } else { "M1 4h24" });
            out.tag("\"/></svg>").text(one.name).tag("</span>");
        }
        out.tag("</span>");
    }

    /// The chart in a sentence, for whoever does not see it.
    fn spoken(&self) -> String {
        let mut text = format!("{}, {}.", self.title, self.unit);
        for one in &self.series {
            let known: Vec<f64> = one.values.iter().flatten().copied().collect();
            let (least, most) = known.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
            let written = if known.is_empty() {
                write!(text, " {}: not measured.", one.name)
            } else {
                write!(text, " {}: {} to {}.", one.name, (self.format)(least), (self.format)(most))
            };
            debug_assert!(written.is_ok());
        }
        text
    }

    fn lines(&self, axis: &TimeAxis, out: &mut Html) {
        out.tag("<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=none aria-hidden=true>");
        for shade in &axis.shades {
            let (from, until) = (axis.x(shade.from_s) * SIDE, axis.x(shade.until_s) * SIDE);
            path(out, "shade", &format!("M{from:.1} 0H{until:.1}V1000H{from:.1}Z"));
        }
        let mut grid = String::new();
        for value in self.scale.ticks() {
            push(&mut grid, format_args!("M0 {:.0}H1000", down(self.scale.at(value))));
        }
        path(out, "grid", &grid);
        let mut marks = String::new();
        for mark in &axis.marks {
            push(&mut marks, format_args!("M{:.1} 0V1000", axis.x(mark.at_s) * SIDE));
        }
        path(out, "mark", &marks);
        for one in &self.series {
            let places: Vec<Option<(f64, f64)>> = axis
                .at_s
                .iter()
                .zip(&one.values)
                .map(|(at, value)| value.map(|value| (axis.x(*at) * SIDE, down(self.scale.at(value)))))
                .collect();
            if one.look == Look::Area {
                path(out, &format!("fill i{}", one.ink), &ground(&places));
            }
            path(out, &class_of(one), &if one.look == Look::Points { points(&places) } else { line(&places) });
        }
        for (value, _) in &self.limits {
            path(out, "limit", &format!("M0 {:.0}H1000", down(self.scale.at(*value))));
        }
        out.tag("</svg>");
    }
}

/// The time axis below a chart; every second number is left out where there is no room.
fn times(axis: &TimeAxis, out: &mut Html) {
    out.tag("<div class=xs aria-hidden=true>");
    for moment in scale::moments(axis.end_s) {
        out.tag("<span style=\"left:")
            .text(percent(axis.x(moment)))
            .tag("\">")
            .text(super::figures::clock(moment))
            .tag("</span>");
    }
    out.tag("</div>");
}

fn class_of(one: &Series) -> String {
    let look = match one.look {
        Look::Line | Look::Area => "line",
        Look::Points => "points",
    };
    format!("{look} i{}", one.ink)
}

fn down(place: f64) -> f64 {
    (1.0 - place) * SIDE
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

fn push(text: &mut String, piece: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(piece);
    debug_assert!(written.is_ok(), "a String takes everything");
}

/// A path of the given class; nothing where there is nothing to draw.
pub fn path(out: &mut Html, class: &str, d: &str) {
    if !d.is_empty() {
        out.tag("<path class=\"").text(class).tag("\" d=\"").text(d).tag("\"/>");
    }
}

/// A line through the places, broken where one is missing.
pub fn line(places: &[Option<(f64, f64)>]) -> String {
    let mut d = String::new();
    let mut pen_down = false;
    for (index, place) in places.iter().enumerate() {
        if let Some((x, y)) = place {
            let alone = !pen_down && places.get(index + 1).is_none_or(Option::is_none);
            push(&mut d, format_args!("{}{x:.1} {y:.0}{}", if pen_down { "L" } else { "M" }, if alone { "h0" } else { "" }));
        }
        pen_down = place.is_some();
    }
    d
}

fn points(places: &[Option<(f64, f64)>]) -> String {
    let mut d = String::new();
    for (x, y) in places.iter().flatten() {
        push(&mut d, format_args!("M{x:.1} {y:.0}h0"));
    }
    d
}

/// The ground below the line, a piece for each stretch without gaps.
fn ground(places: &[Option<(f64, f64)>]) -> String {
    let mut d = String::new();
    for stretch in places.split(Option::is_none).filter(|stretch| stretch.len() > 1) {
        let stretch: Vec<(f64, f64)> = stretch.iter().flatten().copied().collect();
        let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { continue };
        push(&mut d, format_args!("M{:.1} {SIDE}", first.0));
        for (x, y) in &stretch {
            push(&mut d, format_args!("L{x:.1} {y:.0}"));
        }
        push(&mut d, format_args!("L{:.1} {SIDE}Z", last.0));
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_breaks_where_nothing_was_measured() {
        let places = [Some((0.0, 1.0)), Some((1.0, 2.0)), None, Some((3.0, 4.0)), None, Some((5.0, 1.0)), Some((6.0, 1.0))];
        assert_eq!(line(&places), "M0.0 1L1.0 2M3.0 4h0M5.0 1L6.0 1");
        assert_eq!(ground(&places).matches('Z').count(), 2);
    }

    #[test]
    fn marks_stand_at_the_same_place_in_every_chart() {
        let axis = TimeAxis {
            at_s: vec![0.5, 1.5],
            end_s: 2.0,
            marks: vec![Mark { at_s: 1.0, number: 1, label: "kill <server>".to_owned() }],
            shades: vec![],
        };
        for scale in [Scale::linear(5.0), Scale::Log(0, 3)] {
            let series = vec![Series { name: "p99", ink: 2, look: Look::Line, values: vec![Some(1.0), None] }];
            let number = super::super::figures::number;
            let chart = Chart {
                title: "t",
                unit: "ms",
                format: number,
                tick: number,
                scale,
                series,
                limits: vec![(4.0, "limit".to_owned())],
            };
            let drawn = chart.draw(&axis).into_string();
            assert!(drawn.contains("M500.0 0V1000") && drawn.contains("left:50.00%") && drawn.contains("kill &lt;server&gt;"));
            assert!(drawn.contains("p99: 1.00 to 1.00.") && drawn.contains(">limit<"));
        }
    }
}
