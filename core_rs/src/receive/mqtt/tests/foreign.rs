//! Programs nobody here wrote: Mosquitto's publisher against the listener, and the parts other tests need to run them.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::super::ClientTls;
use super::{ListenerConfig, SECRET, config, listen, until};
use crate::receive::Source;

const TOPIC: &str = "nightlamp/v1/icu/7/vitals";

/// Where a program is, or a loud line past the test harness's capture.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = places.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {name} is not installed");
    }
    found
}

/// Run a program to its end.
pub(super) fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

/// A self-signed certificate for 127.0.0.1 and localhost, made by OpenSSL.
pub(super) struct Certificate {
    pub folder: tempfile::TempDir,
}

impl Certificate {
    pub fn make() -> Option<Self> {
        let openssl = program("openssl")?;
        let folder = tempfile::tempdir().unwrap();
        let (key, cert) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
        let made = Command::new(openssl)
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=nightlamp test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:false"])
            .arg("-keyout")
            .arg(key)
            .arg("-out")
            .arg(cert)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(Self { folder })
    }

    pub fn cert_path(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub fn key_path(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub fn client(&self) -> ClientTls {
        ClientTls { ca_path: self.cert_path(), server_name: None }
    }
}

/// A Mosquitto broker with one user, killed when dropped; its folder outlives restarts.
pub(super) struct Broker {
    program: PathBuf,
    folder: tempfile::TempDir,
    pub port: u16,
    child: Option<Child>,
}

impl Broker {
    pub fn start(tls: Option<&Certificate>) -> Option<Self> {
        Self::start_with(tls, "")
    }

    /// With more lines of configuration.
    pub fn start_with(tls: Option<&Certificate>, more: &str) -> Option<Self> {
        let (program, passwd) = (program("mosquitto")?, program("mosquitto_passwd")?);
        let folder = tempfile::tempdir().unwrap();
        let passwords = folder.path().join("passwords");
        let made = run(&passwd, &["-b", "-c", passwords.to_str().unwrap(), "nightlamp", SECRET]);
        assert!(made.status.success());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\nuser root\npassword_file {}\npersistence true\n\
             persistence_location {}/\nautosave_interval 1\nautosave_on_changes true\n",
            passwords.display(),
            folder.path().display()
        );
        if let Some(tls) = tls {
            text += &format!("certfile {}\nkeyfile {}\n", tls.cert_path().display(), tls.key_path().display());
        }
        text += more;
        fs::write(folder.path().join("mosquitto.conf"), text).unwrap();
        let mut broker = Self { program, folder, port, child: None };
        broker.up();
        Some(broker)
    }

    pub fn up(&mut self) {
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        until("the broker answers", || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Publish with QoS 1 as the broker's one user; comes back when the broker has taken it.
    pub fn publish(&self, topic: &str, payload: &str) {
        let Some(publisher) = program("mosquitto_pub") else { panic!("mosquitto without mosquitto_pub") };
        let port = self.port.to_string();
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-u", "nightlamp", "-P", SECRET, "-q", "1", "-t", topic];
        let done = run(&publisher, &[&arguments[..], &["-m", payload]].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.down();
    }
}

#[test]
fn mosquitto_pub_publishes_in_both_versions_and_qualities() {
    let Some(publisher) = program("mosquitto_pub") else { return };
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let port = listener.local_addr().port().to_string();
    let mut expected = 0;
    for version in ["mqttv311", "mqttv5"] {
        for qos in ["0", "1"] {
            let arguments = ["-h", "127.0.0.1", "-p", &port, "-V", version, "-q", qos, "-u", "ward", "-P", SECRET];
            let done = run(&publisher, &[&arguments[..], &["-t", TOPIC, "-m", "{\"hr\": 80}"]].concat());
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            expected += 1;
            until("the frame is in", || intake.len() == expected);
            assert_eq!(&intake.frames()[expected - 1].payload[..], b"{\"hr\": 80}");
        }
    }
    assert!(intake.frames().iter().all(|frame| frame.source == Source::JsonMqtt && frame.context == "icu/7"));
    assert_eq!(listener.stats().inlet.pubacks, 2);
}

#[test]
fn mosquitto_pub_with_a_wrong_password_or_qos_2_fails() {
    let Some(publisher) = program("mosquitto_pub") else { return };
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let port = listener.local_addr().port().to_string();
    for version in ["mqttv311", "mqttv5"] {
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-V", version, "-u", "ward", "-P", "wrong", "-t", TOPIC, "-m", "x"];
        assert!(!run(&publisher, &arguments).status.success());
    }
    let arguments = ["-h", "127.0.0.1", "-p", &port, "-V", "mqttv5", "-q", "2", "-u", "ward", "-P", SECRET];
    run(&publisher, &[&arguments[..], &["-t", TOPIC, "-m", "x"]].concat());
    assert_eq!(intake.len(), 0);
    assert_eq!(listener.stats().connections.refused_credentials, 2);
}

#[test]
fn mosquitto_pub_speaks_tls_to_the_listener_and_plain_text_does_not_get_in() {
    let (Some(publisher), Some(certificate)) = (program("mosquitto_pub"), Certificate::make()) else { return };
    let tls = ListenerConfig { cert: Some(certificate.cert_path()), key: Some(certificate.key_path()), ..config() };
    let (listener, intake) = listen(tls);
    intake.durable_at_once();
    let port = listener.local_addr().port().to_string();
    let cert = certificate.cert_path();
    let plain = ["-h", "127.0.0.1", "-p", &port, "-q", "1", "-u", "ward", "-P", SECRET, "-t", TOPIC, "-m", "x"];
    let done = run(&publisher, &[&plain[..], &["--cafile", cert.to_str().unwrap()]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(intake.len(), 1);
    assert!(!run(&publisher, &plain).status.success());
    let other = Certificate::make().unwrap();
    let done = run(&publisher, &[&plain[..], &["--cafile", other.cert_path().to_str().unwrap()]].concat());
    assert!(!done.status.success());
    until("counted", || listener.stats().connections.tls_failures == 2);
    assert_eq!(intake.len(), 1);
}

#[test]
fn mosquitto_pub_sends_a_thousand_lines_in_order() {
    let Some(publisher) = program("mosquitto_pub") else { return };
    let (listener, intake) = listen(config());
    intake.durable_at_once();
    let port = listener.local_addr().port().to_string();
    let mut child = Command::new(publisher)
        .args(["-h", "127.0.0.1", "-p", &port, "-V", "mqttv5", "-q", "1", "-u", "ward", "-P", SECRET, "-t", TOPIC, "-l"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = child.stdin.take().unwrap();
    for number in 0..1_000 {
        writeln!(lines, "{number}").unwrap();
    }
    drop(lines);
    assert!(child.wait().unwrap().success());
    let payloads: Vec<_> = intake.frames().iter().map(|f| String::from_utf8(f.payload.to_vec()).unwrap()).collect();
    let expected: Vec<_> = (0..1_000).map(|number| number.to_string()).collect();
    assert_eq!(payloads, expected);
}

#[test]
fn a_mosquitto_broker_bridges_its_topics_to_the_listener() {
    for (version, name) in [("mqttv311", "V3"), ("mqttv50", "V5")] {
        let (listener, intake) = listen(config());
        intake.durable_at_once();
        let bridge = format!(
            "connection ward\naddress {}\nbridge_protocol_version {version}\nremote_username ward\nremote_password {SECRET}\n\
             remote_clientid bridge-{name}\ncleansession false\nnotifications false\ntry_private false\n\
             topic nightlamp/v1/# out 1\n",
            listener.local_addr()
        );
        let Some(broker) = Broker::start_with(None, &bridge) else { return };
        until("the bridge stands", || listener.stats().connections.open == 1);
        for number in 0..20 {
            broker.publish(TOPIC, &number.to_string());
        }
        until("all are in", || listener.stats().inlet.pubacks == 20);
        assert_eq!(intake.len(), 20);
        assert_eq!(listener.stats().connections.connected, 1, "one connection carried all of it");
    }
}
