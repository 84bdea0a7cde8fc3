//! score: feature rows become risks and rule scores with their inputs.

mod boundary;

pub use boundary::{Contribution, Input, Score};
