//! store (Rust half): rows encoded as PostgreSQL binary COPY, so that no Python object is made per row.
