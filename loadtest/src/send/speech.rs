//! What a connection speaks: MQTT with its credentials, or HTTP with the heads of its requests.

use super::{http, mqtt};
use crate::schedule::Kind;
use crate::target::Target;

/// The language of one connection.
#[derive(Debug)]
pub enum Speech {
    /// MQTT 3.1.1.
    Mqtt {
        /// Client identifier.
        client_id: String,
        /// User name.
        user: String,
        /// Password.
        password: crate::target::Secret,
        /// 0 or 1.
        qos: u8,
    },
    /// HTTP/1.1.
    Http {
        /// Head of a POST of device JSON, up to the length.
        json: Vec<u8>,
        /// Head of a POST of HL7, up to the length.
        hl7: Vec<u8>,
    },
}

impl Speech {
    /// MQTT to a target.
    pub fn mqtt(target: &Target, number: usize, qos: u8) -> Self {
        Self::Mqtt {
            client_id: format!("loadtest-{}-{number}", std::process::id()),
            user: target.mqtt_user.clone(),
            password: target.mqtt_password.clone(),
            qos,
        }
    }

    /// HTTP to a target.
    pub fn http(target: &Target) -> Self {
        let head = |path: &str, media_type: &str| {
            http::head(&target.host, &format!("{}{path}", target.base_path), target.token.text(), media_type)
        };
        Self::Http { json: head("/v1/observations", "application/json"), hl7: head("/v1/hl7v2", "application/hl7-v2") }
    }

    /// MQTT, else HTTP.
    pub fn is_mqtt(&self) -> bool {
        matches!(self, Self::Mqtt { .. })
    }

    /// For a sentence.
    pub fn name(&self) -> &'static str {
        if self.is_mqtt() { "MQTT" } else { "HTTP" }
    }

    /// Appends what is said first; whether an answer must come before anything else.
    pub fn greet(&self, out: &mut Vec<u8>) -> bool {
        if let Self::Mqtt { client_id, user, password, .. } = self {
            mqtt::put_connect(out, client_id, user, password.text());
        }
        self.is_mqtt()
    }

    /// Head of the request for such a message.
    pub fn head(&self, kind: Kind) -> &[u8] {
        match (self, kind) {
            (Self::Http { json, .. }, Kind::Device) => json,
            (Self::Http { hl7, .. }, _) => hl7,
            (Self::Mqtt { .. }, _) => &[],
        }
    }

    /// Its path, for a sentence.
    pub fn path(&self, kind: Kind) -> &'static str {
        if kind == Kind::Device { "/v1/observations" } else { "/v1/hl7v2" }
    }
}
