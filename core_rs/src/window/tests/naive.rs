//! The definition of the window stage in as few lines as possible: a map from time to value, and a look at all of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::window::{Change, HOUR_US, Said};

/// One signal of one patient.
#[derive(Debug, Default, Clone)]
pub struct Naive {
    pub values: BTreeMap<i64, f64>,
    /// Times up to here are folded and can no longer change.
    folded_us: Option<i64>,
    /// Times about which a correction has had the last word.
    settled: BTreeSet<i64>,
    raw_us: i64,
}

impl Naive {
    pub fn keeping(raw_us: i64) -> Self {
        Self { raw_us, ..Self::default() }
    }

    pub fn apply(&mut self, at_us: i64, value: f64, said: Said, clock_us: i64) -> Change {
        let settled = self.settled.contains(&at_us);
        if self.folded_us.is_some_and(|edge| at_us <= edge) {
            return Change::Expired;
        }
        if said == Said::Told && settled {
            return if self.values.get(&at_us) == Some(&value) { Change::Duplicate } else { Change::Superseded };
        }
        if said != Said::Told {
            self.settled.insert(at_us);
        }
        if said == Said::Withdrawn {
            return match (self.values.remove(&at_us), settled) {
                (Some(_), _) => Change::Withdrawn,
                (None, true) => Change::Duplicate,
                (None, false) => Change::NoMatch,
            };
        }
        match self.values.insert(at_us, value) {
            Some(old) if old == value => return Change::Duplicate,
            Some(_) => return Change::Replaced,
            None => {}
        }
        loop {
            let edge = self.folded_us.unwrap_or(i64::MIN);
            let held: Vec<i64> = self.values.keys().copied().filter(|at| *at > edge).collect();
            if held.len() < 32 || held[15] > clock_us - self.raw_us {
                return Change::Added;
            }
            self.folded_us = Some(held[15]);
        }
    }

    /// Times and values in (edge, t].
    pub fn covered(&self, edge_us: i64, t_us: i64) -> Vec<(i64, f64)> {
        self.values.iter().filter(|(at, _)| **at > edge_us && **at <= t_us).map(|(at, v)| (*at, *v)).collect()
    }

    /// The cells of a width seen at `t_us` as if each were one observation: mean value at mean time.
    pub fn cells(&self, width_us: i64, t_us: i64) -> Self {
        let mut cells: BTreeMap<i64, Vec<(i64, f64)>> = BTreeMap::new();
        for (at, value) in self.covered(i64::MIN, t_us) {
            cells.entry((at - 1).div_euclid(width_us)).or_default().push((at, value));
        }
        let mean = |seen: Vec<(i64, f64)>| {
            let n = seen.len() as i64;
            let at = seen.iter().map(|s| i128::from(s.0)).sum::<i128>().div_euclid(i128::from(n));
            (at as i64, seen.iter().map(|s| s.1).sum::<f64>() / n as f64)
        };
        Self { values: cells.into_values().map(mean).collect(), ..Self::default() }
    }

    pub fn stat(&self, stat: &str, edge_us: i64, t_us: i64, normal: (f64, f64)) -> f64 {
        let seen = self.covered(edge_us, t_us);
        let n = seen.len() as f64;
        let x = |i: usize| seen[i].1;
        let hour = |at: i64| (at - t_us) as f64 / HOUR_US as f64;
        let mean = seen.iter().map(|s| s.1).sum::<f64>() / n;
        let mean_t = seen.iter().map(|s| hour(s.0)).sum::<f64>() / n;
        match stat {
            "count" => n,
            _ if seen.is_empty() => f64::NAN,
            "last" => x(seen.len() - 1),
            "age" => -hour(seen[seen.len() - 1].0),
            "time_since_first" => -hour(seen[0].0),
            "first" => x(0),
            "delta" => x(seen.len() - 1) - x(0),
            "min" => seen.iter().map(|s| s.1).fold(f64::INFINITY, f64::min),
            "max" => seen.iter().map(|s| s.1).fold(f64::NEG_INFINITY, f64::max),
            "mean" => mean,
            "time_since_abnormal" => {
                seen.iter().rev().find(|s| s.1 < normal.0 || s.1 > normal.1).map_or(f64::NAN, |s| -hour(s.0))
            }
            _ if seen.len() < 2 => f64::NAN,
            "std" => (seen.iter().map(|s| (s.1 - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt(),
            "slope" => {
                let over: f64 = seen.iter().map(|s| (s.1 - mean) * (hour(s.0) - mean_t)).sum();
                over / seen.iter().map(|s| (hour(s.0) - mean_t).powi(2)).sum::<f64>()
            }
            other => panic!("no stat {other}"),
        }
    }
}
