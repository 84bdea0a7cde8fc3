//! The server under load: its addresses and credentials, how it is reached, and, where the harness started it, its process.
//!
//! A target that is not this machine is refused unless that is said to be meant. Credentials come from the environment or a file,
//! never from the command line, and are in no output.

mod ask;
mod launcher;
mod loopback;
mod nightlamp;
mod spawned;
mod tls;

use std::fmt;
use std::net::ToSocketAddrs;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

pub use ask::Client;
use loopback::Parts;
pub use loopback::is_loopback;
pub use nightlamp::{admit_all, discharge_all, version};
pub use spawned::{Spawned, signal};

use crate::send::transport::Endpoint;

/// A credential that no output shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For the wire.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The id of a key `nl_<id>_<secret>`, which is its MQTT user name.
    pub fn id(&self) -> &str {
        self.0.split('_').nth(1).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

/// Where a server is and how to enter.
#[derive(Debug, Clone)]
pub struct Address {
    /// `http://HOST:PORT` or `https://...`, perhaps with a path in front of `/v1`.
    pub http: String,
    /// `HOST:PORT`, `mqtts://HOST:PORT` for TLS.
    pub mqtt: String,
    /// PEM file of the authorities to trust instead of the system's.
    pub tls_ca: Option<std::path::PathBuf>,
    /// Key for every door that has none of its own.
    pub token: Secret,
    /// MQTT user; the token's id where empty.
    pub mqtt_user: String,
    /// MQTT password; the token where empty.
    pub mqtt_password: Secret,
    /// Whether a server elsewhere is meant.
    pub allow_remote: bool,
}

/// The server, resolved.
#[derive(Debug)]
pub struct Target {
    /// As given.
    pub address: Address,
    /// HTTP's socket.
    pub http: Endpoint,
    /// MQTT's socket.
    pub mqtt: Endpoint,
    /// Host and port as in the Host field.
    pub host: String,
    /// Path in front of `/v1`, without a slash at its end.
    pub base_path: String,
    /// Key for HTTP and WebSocket.
    pub token: Secret,
    /// MQTT user.
    pub mqtt_user: String,
    /// MQTT password.
    pub mqtt_password: Secret,
    /// On this machine.
    pub loopback: bool,
    /// The process whose CPU and memory are read, where it is known.
    pub pid: std::sync::atomic::AtomicU32,
    /// Started by the harness.
    pub spawned: bool,
}

impl Target {
    /// Resolves and checks.
    pub fn new(address: Address) -> anyhow::Result<Self> {
        let web = Parts::of(&address.http).map_err(|why| anyhow!("--http {why}"))?;
        let broker = Parts::of(&address.mqtt).map_err(|why| anyhow!("--mqtt {why}"))?;
        let own = is_loopback(&address.http) && is_loopback(&address.mqtt);
        if !own && !address.allow_remote {
            bail!(
                "{} and {} are not both on this machine; --allow-remote says that load on another one is meant",
                address.http,
                address.mqtt
            );
        }
        let secure = match web.scheme {
            Some("http") => false,
            Some("https") => true,
            _ => bail!("--http must begin with http:// or https://"),
        };
        let mqtt_secure = match broker.scheme {
            None | Some("mqtt") => false,
            Some("mqtts") => true,
            Some(other) => bail!("--mqtt must be HOST:PORT, mqtt://... or mqtts://..., not {other}://"),
        };
        if !matches!(broker.path, "" | "/") {
            bail!("--mqtt must be HOST:PORT without a path");
        }
        let config = if secure || mqtt_secure { Some(tls::config(address.tls_ca.as_deref())?) } else { None };
        let default_port = if secure { 443 } else { 80 };
        let http = endpoint(web.host_port, default_port, config.clone().filter(|_| secure)).context("--http")?;
        let mqtt = endpoint(broker.host_port, if mqtt_secure { 8883 } else { 1883 }, config.filter(|_| mqtt_secure))
            .context("--mqtt")?;
        let token = address.token.clone();
        let user = if address.mqtt_user.is_empty() { token.id().to_owned() } else { address.mqtt_user.clone() };
        let password = if address.mqtt_password.text().is_empty() { token.clone() } else { address.mqtt_password.clone() };
        let loopback = own && http.address.ip().is_loopback() && mqtt.address.ip().is_loopback();
        if !loopback && !address.allow_remote {
            bail!(
                "{} or {} resolves to another machine; --allow-remote says that load on it is meant",
                address.http,
                address.mqtt
            );
        }
        Ok(Self {
            host: web.host_port.to_owned(),
            base_path: web.path.trim_end_matches('/').to_owned(),
            http,
            mqtt,
            token,
            mqtt_user: user,
            mqtt_password: password,
            loopback,
            pid: std::sync::atomic::AtomicU32::new(0),
            spawned: false,
            address,
        })
    }

    /// Where the key goes over the network unencrypted; None on this machine and under TLS.
    pub fn in_clear(&self) -> Option<String> {
        let doors = [("HTTP", &self.http), ("MQTT", &self.mqtt)];
        let open: Vec<&str> =
            doors.iter().filter(|(_, to)| !self.loopback && to.tls.is_none()).map(|(name, _)| *name).collect();
        (!open.is_empty()).then(|| {
            format!(
                "{} to another machine without TLS: the key, which may do all that its role may, was readable by everybody on the \
                 way; revoke it (`nightlamp keys revoke`) and use https:// and mqtts://",
                open.join(" and ")
            )
        })
    }

    /// The process id, where it is known.
    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(std::sync::atomic::Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// Address of the stream of consoles.
    pub fn stream_url(&self) -> String {
        let scheme = if self.http.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}{}/v1/stream", self.host, self.base_path)
    }
}

fn endpoint(host_port: &str, default_port: u16, config: Option<Arc<ClientConfig>>) -> anyhow::Result<Endpoint> {
    let after_v6 = host_port.rfind(']').map_or(0, |at| at + 1);
    let has_port = host_port.get(after_v6..).is_some_and(|rest| rest.contains(':'));
    let whole = if has_port { host_port.to_owned() } else { format!("{host_port}:{default_port}") };
    let address = whole.to_socket_addrs().with_context(|| format!("{whole} is no HOST:PORT that can be resolved"))?.next();
    let host = whole.rsplit_once(':').map_or("", |(host, _)| host).trim_start_matches('[').trim_end_matches(']');
    let tls = match config {
        Some(config) => Some((config, ServerName::try_from(host.to_owned()).context("not a name a certificate can carry")?)),
        None => None,
    };
    Ok(Endpoint { address: address.context("the name has no address")?, tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(http: &str, mqtt: &str, allow_remote: bool) -> Address {
        Address {
            http: http.into(),
            mqtt: mqtt.into(),
            tls_ca: None,
            token: Secret::new("nl_abc_def"),
            mqtt_user: String::new(),
            mqtt_password: Secret::default(),
            allow_remote,
        }
    }

    #[test]
    fn another_machine_is_refused_unless_it_is_meant() {
        let refused = Target::new(address("http://192.0.2.1:80", "127.0.0.1:1883", false)).unwrap_err();
        assert!(refused.to_string().contains("--allow-remote"), "{refused}");
        assert!(Target::new(address("http://127.0.0.1:80", "192.0.2.1:1883", false)).is_err());
        assert!(!Target::new(address("http://192.0.2.1:80", "192.0.2.1:1883", true)).unwrap().loopback);
        for odd in ["http://127.0.0.1?@192.0.2.1", "http://127.0.0.1#x", "http://192.0.2.1\\@127.0.0.1"] {
            assert!(Target::new(address(odd, "127.0.0.1:1883", true)).is_err(), "{odd}");
        }
        assert!(Target::new(address("http://127.0.0.1:80", "127.0.0.1:1883/x", false)).is_err());
    }

    #[test]
    fn a_key_that_goes_to_another_machine_in_clear_is_told_by_its_doors() {
        let in_clear = |http, mqtt| Target::new(address(http, mqtt, true)).unwrap().in_clear().unwrap_or_default();
        assert!(in_clear("http://192.0.2.1:80", "192.0.2.1:1883").starts_with("HTTP and MQTT"));
        assert!(in_clear("https://192.0.2.1", "192.0.2.1:1883").starts_with("MQTT"));
        assert!(in_clear("http://192.0.2.1", "mqtts://192.0.2.1:8883").starts_with("HTTP to"));
        assert_eq!(in_clear("https://192.0.2.1", "mqtts://192.0.2.1"), "");
        assert_eq!(in_clear("http://127.0.0.1", "127.0.0.1"), "");
    }

    #[test]
    fn addresses_are_read_with_their_defaults() {
        let target = Target::new(address("http://127.0.0.1/lamp/", "127.0.0.1", false)).unwrap();
        assert_eq!((target.http.address.port(), target.mqtt.address.port()), (80, 1883));
        assert_eq!(target.stream_url(), "ws://127.0.0.1/lamp/v1/stream");
        assert_eq!((target.mqtt_user.as_str(), target.mqtt_password.text()), ("abc", "nl_abc_def"));
        assert!(Target::new(address("ftp://127.0.0.1", "127.0.0.1", false)).is_err());
        assert!(Target::new(address("http://me:secret@127.0.0.1", "127.0.0.1", false)).is_err());
    }

    #[test]
    fn a_credential_is_in_no_debug_output() {
        let text = format!("{:?}", Target::new(address("http://127.0.0.1", "127.0.0.1", false)).unwrap());
        assert!(!text.contains("nl_abc_def"), "{text}");
    }
}
