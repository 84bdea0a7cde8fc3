//! The printed tables at every edge, and what holds for all rules.

mod edges;
mod promises;

use super::{Definition, Evaluation};
use crate::decode::SignalId;
use crate::decode::catalogue::by_name;

/// What was observed: signal, value, age in seconds.
type Known<'a> = &'a [(&'a str, f64, f64)];

fn evaluate(definition: &Definition, known: Known<'_>) -> Option<Evaluation> {
    (definition.evaluate)(&lookup(known))
}

fn lookup(known: Known<'_>) -> impl Fn(SignalId) -> Option<(f64, f64)> + '_ {
    |signal| known.iter().find(|(name, ..)| by_name(name) == Some(signal)).map(|(_, value, age_s)| (*value, *age_s))
}
