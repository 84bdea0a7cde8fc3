//! score: feature rows become risks and rule scores with their inputs.

mod boundary;
pub mod forest;

pub use boundary::{Contribution, Input, Score};
pub use forest::Forest;
