//! Which columns of a plan speak of the same thing, and the reasons in a row of shares.

use super::signal::Fact;
use super::{Direction, REASONS_MAX, Reason, attribute, derived, signal};
use crate::decode::{SignalId, catalogue};
use crate::score::boundary::Input;
use crate::score::bundle::SHARE_MIN;
use crate::window::{FeaturePlan, Meaning};

/// What a group of columns speaks of.
#[derive(Debug, Clone, PartialEq)]
enum Topic {
    Signal(SignalId),
    Demographic,
    Coded(Vec<String>),
    Derived(Vec<SignalId>),
    Unknown,
}

#[derive(Debug, Clone)]
struct Group {
    topic: Topic,
    /// Name of the signal, or of the only column.
    about: String,
    columns: Vec<usize>,
}

/// The columns of a plan by what they speak of; made once a bundle.
#[derive(Debug, Clone)]
pub struct Outline {
    meanings: Vec<Meaning>,
    groups: Vec<Group>,
}

/// What is said, and whether it is that something is missing.
pub(super) struct Said {
    pub missing: bool,
    pub words: String,
}

impl Outline {
    /// Groups a plan's columns, in the order of their first column.
    pub fn of(plan: &FeaturePlan) -> Self {
        let meanings = plan.meanings();
        let mut groups: Vec<Group> = Vec::new();
        for (column, (meaning, name)) in meanings.iter().zip(plan.names()).enumerate() {
            let topic = match meaning {
                Meaning::Statistic { signal, .. } => Topic::Signal(*signal),
                Meaning::Demographic => Topic::Demographic,
                Meaning::Coded(categories) => Topic::Coded(categories.clone()),
                Meaning::Derived(inputs) => Topic::Derived(inputs.clone()),
                Meaning::Unknown => Topic::Unknown,
            };
            let same = |group: &&mut Group| matches!(topic, Topic::Signal(_)) && group.topic == topic;
            match groups.iter_mut().find(same) {
                Some(group) => group.columns.push(column),
                None => {
                    let about = match topic {
                        Topic::Signal(id) => catalogue::signal(id).map_or(name.as_str(), |row| row.name),
                        _ => name,
                    };
                    groups.push(Group { about: about.to_owned(), topic, columns: vec![column] });
                }
            }
        }
        Self { meanings, groups }
    }

    /// The groups with the largest absolute shares of a row, at most `REASONS_MAX`, largest first, none below `SHARE_MIN`.
    /// `shares` is as long as the row or one longer (the expected score, which is not looked at).
    pub fn reasons(&self, row: &[f32], shares: &[f64], inputs: &[Input]) -> Vec<Reason> {
        let share = |group: &Group| group.columns.iter().filter_map(|column| shares.get(*column)).sum::<f64>();
        let mut ranked: Vec<(f64, &Group)> = self.groups.iter().map(|group| (share(group), group)).collect();
        ranked.retain(|(share, _)| share.abs() >= SHARE_MIN);
        ranked.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        ranked
            .into_iter()
            .take(REASONS_MAX)
            .map(|(share, group)| {
                let Said { missing, words } = self.say(group, row, shares, inputs);
                let about = group.about.as_str().into();
                Reason { about, share, direction: Direction::of(share), missing, words }
            })
            .collect()
    }

    fn say(&self, group: &Group, row: &[f32], shares: &[f64], inputs: &[Input]) -> Said {
        let value = group.columns.first().and_then(|column| row.get(*column)).map_or(f64::NAN, |value| f64::from(*value));
        match &group.topic {
            Topic::Signal(id) => {
                let facts: Vec<Fact> = group.columns.iter().filter_map(|at| self.fact(*at, row, shares)).collect();
                signal::say(*id, &facts, inputs.iter().find(|input| input.signal == *id))
            }
            Topic::Demographic => attribute::say(&group.about, value),
            Topic::Coded(categories) => attribute::coded(&group.about, value, categories),
            Topic::Derived(needs) => derived::say(&group.about, value, needs, inputs),
            Topic::Unknown => attribute::other(&group.about, value),
        }
    }

    fn fact(&self, column: usize, row: &[f32], shares: &[f64]) -> Option<Fact> {
        let Meaning::Statistic { stat, window_s, cell_s, normal, .. } = *self.meanings.get(column)? else { return None };
        let value = f64::from(*row.get(column)?);
        Some(Fact { stat, window_s, cell_s, normal, value, share: *shares.get(column)? })
    }
}
