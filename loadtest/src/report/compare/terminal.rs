//! A comparison as a table for the terminal. A sign and a word tell the outcome; there is no colour.

use std::fmt::Write as _;

use super::Comparison;
use super::figure::{Figure, Outcome};
use crate::report::figures::{self, NOTHING};

/// The table, its cautions and its sentence, with a line break at the end.
pub fn table(comparison: &Comparison) -> String {
    let head = ["", "before", "now", "ratio", "noise", ""].map(str::to_owned);
    let mut rows = vec![head];
    rows.extend(comparison.figures.iter().map(row));
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width - cell.chars().count());
            let written = match column {
                0 => write!(text, "{cell}{pad}"),
                5 if cell.is_empty() => Ok(()),
                5 => write!(text, "  {cell}"),
                _ => write!(text, "  {pad}{cell}"),
            };
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    for caution in &comparison.cautions {
        text.push_str(&format!("! {caution}\n"));
    }
    text.push_str(&format!("{} (tolerance {})\n", comparison.sentence(), figures::percent(comparison.tolerance)));
    text
}

fn row(figure: &Figure) -> [String; 6] {
    let shown = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), |value| figure.unit.show(value));
    let ratio = match (figure.new, figure.old) {
        (Some(new), Some(old)) => figures::ratio(new, old),
        _ => NOTHING.to_owned(),
    };
    let band = figure.band.map_or_else(String::new, super::shown_band);
    let outcome = match figure.outcome {
        Outcome::Better => "+ better",
        Outcome::Same => "=",
        Outcome::Worse => "✗ WORSE",
        Outcome::Unjudged => "",
    };
    [figure.name.clone(), shown(figure.old), shown(figure.new), ratio, band, outcome.to_owned()]
}
