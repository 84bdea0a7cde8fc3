//! The Rust half of the route, readable top to bottom. (Built when its stages are.)
