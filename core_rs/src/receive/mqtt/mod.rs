//! MQTT, two doors to the journal: a listener of our own, and a subscriber to a broker the hospital already has.
//!
//! Promises: a PUBACK leaves only when the frame is durable (P1); when the journal refuses, the PUBACK is withheld and that
//! sender is no longer read, nobody else notices (P5); a payload above the limit is refused, or in 3.1.1, which cannot, becomes a
//! dead letter and is acknowledged (`session/oversize.rs`); payloads are never logged and never part of an error (P6).
//!
//! Limits: connections, bytes of a frame and unacknowledged publishes per connection from `Limits`; CONNECT within 10 s and
//! 64 KiB, before which nothing else is read; 16 topic aliases; 8 KiB read buffer per connection; no subscriptions, QoS 0 and
//! 1 only, no retained messages; wills are accepted and ignored, since nobody can subscribe to them.
//!
//! The codec is `mqtt-protocol-core` (sans-I/O, MQTT 3.1.1 and 5); `session` (server) and `subscription` (client) are sans-I/O
//! too; `drive` moves the bytes. All connections of a door run on one thread of its own.

mod acks;
mod admission;
mod board;
mod config;
mod credentials;
mod door;
mod drive;
mod inlet;
mod line;
mod listener;
mod session;
mod stats;
mod subscriber;
mod subscription;
mod tls;
mod topic;
mod wire;

#[cfg(test)]
mod tests;

pub use config::{ClientTls, ListenerConfig, MqttVersion, SubscriberConfig};
pub use credentials::{Credential, Credentials, Scope};
pub use line::Line;
pub use listener::{MqttListener, StartError};
pub use stats::{InletSnapshot, ListenerSnapshot, SubscriberSnapshot};
pub use subscriber::MqttSubscriber;
