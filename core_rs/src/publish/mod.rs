//! publish (Rust half): JSON messages for consoles and channels, one per touched patient and one per alert event.
