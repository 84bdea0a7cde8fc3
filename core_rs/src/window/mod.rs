//! window: events become each patient's rolling state and feature rows. (Built in a step of its own.)
