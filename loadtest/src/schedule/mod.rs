//! The schedule: when each send is meant to happen, whatever becomes of the ones before (an open model).

mod clock;
mod curve;
mod lane;

pub use clock::Clock;
pub use curve::Curve;
pub use lane::{Due, Kind, Lane, intended_ms};
