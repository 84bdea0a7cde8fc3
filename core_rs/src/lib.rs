//! The Rust half of nightlamp. One folder a stage, in the order of the route:
//! receive -> journal -> decode -> window -> score -> alert -> store -> publish.

pub mod alert;
pub mod decode;
pub mod engine;
pub mod error;
pub mod journal;
pub mod limits;
pub mod pipeline;
pub mod publish;
pub mod receive;
pub mod score;
pub mod store;
pub mod window;

#[cfg(feature = "python")]
mod bindings;
