"""score, the Python part: recorded data to bundles. Serving scores in Rust; nothing here runs there.

Training reads the serving engine (P8): an adapter turns recorded data into events, `FeatureEngine` makes the rows,
LightGBM fits them, and what is written is a bundle that `core_rs/src/score/bundle.rs` checks and loads. Needs the extra
`train`.
"""
