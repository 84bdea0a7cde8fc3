//! How an address is read, in one place, and which addresses are this machine's own.

use std::net::{IpAddr, ToSocketAddrs};

/// The parts of `scheme://host:port/path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// In front of `://`, where there is one.
    pub scheme: Option<&'a str>,
    /// Host, with its port where it has one.
    pub host_port: &'a str,
    /// From the first slash on; may be empty.
    pub path: &'a str,
}

impl<'a> Parts<'a> {
    /// Reads an address. What different readers of addresses take differently (credentials, a query or a fragment, a backslash,
    /// a blank) is refused, so that whom one of them checks is whom another connects to.
    pub fn of(address: &'a str) -> Result<Self, String> {
        let (scheme, rest) = address.split_once("://").map_or((None, address), |(scheme, rest)| (Some(scheme), rest));
        if rest.contains('@') {
            return Err("must not hold credentials: NIGHTLAMP_TOKEN is the place".into());
        }
        if let Some(odd) = rest.chars().find(|c| matches!(c, '?' | '#' | '\\') || c.is_whitespace() || c.is_control()) {
            return Err(format!("must be host, port and perhaps a path, without {odd:?}"));
        }
        let (host_port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Ok(Self { scheme, host_port, path })
    }

    /// The host alone.
    pub fn host(&self) -> &'a str {
        match self.host_port.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => self.host_port.split(':').next().unwrap_or_default(),
        }
    }
}

/// Whether an address (`host:port`, with or without a scheme) is this machine's own. A name counts only as `localhost`, and only
/// where that is what it resolves to; what any other name resolves to is for somebody else to decide.
pub fn is_loopback(address: &str) -> bool {
    is_own(address, |name| (name, 0).to_socket_addrs().map(|all| all.map(|one| one.ip()).collect()).unwrap_or_default())
}

fn is_own(address: &str, resolve: impl Fn(&str) -> Vec<IpAddr>) -> bool {
    let Ok(parts) = Parts::of(address) else { return false };
    let host = parts.host();
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) if host.eq_ignore_ascii_case("localhost") => {
            let found = resolve(host);
            !found.is_empty() && found.iter().all(IpAddr::is_loopback)
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for own in ["http://127.0.0.1:80", "localhost:1883", "[::1]:1883", "https://LOCALHOST/x", "127.9.9.9"] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "http://10.0.0.1",
            "ehr.example:1883",
            "http://127.0.0.1.example:80",
            "localhost.example:80",
            "http://127.0.0.1@ehr.example/",
            "http://127.0.0.1?@ehr.example/",
            "http://127.0.0.1#@ehr.example/",
            "http://127.0.0.1\\@ehr.example/",
            "0.0.0.0:80",
            "",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn localhost_that_resolves_to_another_machine_is_another_machine() {
        let as_told = |ips: &'static [&'static str]| move |_: &str| ips.iter().map(|ip| ip.parse().unwrap()).collect();
        assert!(is_own("localhost:1883", as_told(&["::1", "127.0.0.1"])));
        assert!(!is_own("localhost:1883", as_told(&["192.0.2.7"])));
        assert!(!is_own("http://localhost/", as_told(&["127.0.0.1", "192.0.2.7"])));
        assert!(!is_own("localhost:1883", as_told(&[])), "it has no address");
    }

    #[test]
    fn what_readers_of_addresses_take_differently_is_refused() {
        let parts = Parts::of("https://lamp.example:8443/east/").unwrap();
        assert_eq!((parts.scheme, parts.host_port, parts.path), (Some("https"), "lamp.example:8443", "/east/"));
        assert_eq!((parts.host(), Parts::of("[::1]:80").unwrap().host()), ("lamp.example", "::1"));
        for odd in ["http://a?b", "http://a#b", "http://a\\b", "http://a b", "http://me:secret@a", "http://a/x?y"] {
            let refused = Parts::of(odd).unwrap_err();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
