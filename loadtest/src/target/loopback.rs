//! Which addresses are this machine's own.

/// Whether an address (`host:port`, with or without a scheme) is this machine's own. A name counts only as `localhost`: what any
/// other name resolves to is for somebody else to decide.
pub fn is_loopback(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host_port.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host_port.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
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
            "0.0.0.0:80",
            "",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
