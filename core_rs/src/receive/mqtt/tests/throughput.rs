//! How many publishes a second pass. A benchmark, not a test.
