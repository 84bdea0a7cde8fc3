//! Clients nobody here wrote, against the listener.
