//! What a site may set for the two MQTT doors. Unknown fields are refused.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// The listener's settings; the defaults suit a demo on one machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenerConfig {
    /// Address or host name to listen on.
    pub host: String,
    /// Port; 0 lets the system choose.
    pub port: u16,
    /// TLS: PEM file with the certificate chain, leaf first. Plain TCP without; needs `key`.
    pub cert: Option<PathBuf>,
    /// TLS: PEM file with the private key (PKCS#8, PKCS#1 or SEC1).
    pub key: Option<PathBuf>,
    /// Topics are `{prefix}/{unit}/{bed}/vitals` and `{prefix}/{unit}/{bed}/hl7v2`.
    pub prefix: String,
    /// From accept to a complete, valid CONNECT (TLS handshake included).
    pub connect_timeout_ms: u64,
    /// Longest silence of a client that asked for no keep-alive; MQTT 5 clients are also told this as Server Keep Alive.
    pub idle_s_max: u16,
    /// How long a sender is held back by a refusing journal before its connection is closed (MQTT 5: server busy) and its
    /// seat freed; what it held was never acknowledged, so it sends it again.
    pub hold_ms_max: u64,
    /// How long one write may take before a client that does not read is dropped.
    pub write_timeout_ms: u64,
    /// How long a stop waits for outstanding acknowledgements.
    pub stop_grace_ms: u64,
    /// Frame bytes, connections and unacknowledged publishes.
    pub limits: Limits,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 1883,
            cert: None,
            key: None,
            prefix: "nightlamp/v1".into(),
            connect_timeout_ms: 10_000,
            idle_s_max: 3_600,
            hold_ms_max: 60_000,
            write_timeout_ms: 30_000,
            stop_grace_ms: 2_000,
            limits: Limits::default(),
        }
    }
}

/// The protocol version the subscriber speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MqttVersion {
    /// MQTT 3.1.1.
    #[serde(rename = "3.1.1")]
    V3,
    /// MQTT 5.0.
    #[serde(rename = "5")]
    V5,
}

/// The subscriber's settings: which broker, as whom, which topics.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubscriberConfig {
    /// The broker's host name or address.
    pub host: String,
    /// The broker's port.
    pub port: u16,
    /// TLS towards the broker.
    pub tls: Option<ClientTls>,
    /// 3.1.1 or 5.
    pub version: MqttVersion,
    /// The session's name at the broker; it must stay the same over restarts, or messages held for it are lost.
    pub client_id: String,
    /// User name for the broker; none where empty.
    pub username: String,
    /// Password for the broker.
    pub password: String,
    /// Topic filters, QoS 1.
    pub filters: Vec<String>,
    /// What topics start with; see `ListenerConfig::prefix`.
    pub prefix: String,
    /// The principal written on the frames.
    pub principal: String,
    /// How long the broker keeps the session while nightlamp is away (MQTT 5), seconds.
    pub session_expiry_s: u32,
    /// Keep-alive asked of the broker, seconds.
    pub keep_alive_s: u16,
    /// TCP, TLS, CONNACK and SUBACK together.
    pub connect_timeout_ms: u64,
    /// First pause before connecting again; doubles each time.
    pub backoff_ms_min: u64,
    /// Longest pause before connecting again.
    pub backoff_ms_max: u64,
    /// How long one write may take.
    pub write_timeout_ms: u64,
    /// How long a stop waits for outstanding acknowledgements.
    pub stop_grace_ms: u64,
    /// Frame bytes and unacknowledged publishes.
    pub limits: Limits,
}

impl Default for SubscriberConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 1883,
            tls: None,
            version: MqttVersion::V5,
            client_id: "nightlamp".into(),
            username: String::new(),
            password: String::new(),
            filters: vec!["nightlamp/v1/+/+/vitals".into(), "nightlamp/v1/+/+/hl7v2".into()],
            prefix: "nightlamp/v1".into(),
            principal: "mqtt-broker".into(),
            session_expiry_s: 86_400,
            keep_alive_s: 30,
            connect_timeout_ms: 10_000,
            backoff_ms_min: 500,
            backoff_ms_max: 30_000,
            write_timeout_ms: 30_000,
            stop_grace_ms: 2_000,
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for SubscriberConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriberConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("filters", &self.filters)
            .finish_non_exhaustive()
    }
}

/// TLS towards a broker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientTls {
    /// PEM file with the authorities that may have signed the broker's certificate.
    pub ca_path: PathBuf,
    /// The name the certificate must carry; the host where absent.
    #[serde(default)]
    pub server_name: Option<String>,
}
