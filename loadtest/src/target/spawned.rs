//! A nightlamp of the harness's own: a fresh data folder, free ports, a key, and an end that leaves nothing behind.
//!
//! Ports are chosen before the first start, so that they are the same after a kill. It dies with the harness (`setpriv`), and
//! the folder goes with it. Limits: 90 s to be ready, 20 s to stop.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{Address, Client, Secret, Target, launcher};

const START_MAX: Duration = Duration::from_secs(90);
const STOP_MAX: Duration = Duration::from_secs(20);

/// The server and its folder.
#[derive(Debug)]
pub struct Spawned {
    folder: TempDir,
    program: PathBuf,
    environment: BTreeMap<String, String>,
    child: Child,
    /// HTTP's port.
    pub http_port: u16,
    /// MQTT's port.
    pub mqtt_port: u16,
    key: Secret,
}

impl Spawned {
    /// Makes folder and key and starts the server; it may not be ready yet.
    pub fn start(program: Option<&Path>, settings: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let program = find(program)?;
        let folder = tempfile::Builder::new().prefix("nightlamp-loadtest-").tempdir().context("a temporary folder")?;
        let (http_port, mqtt_port) = free_ports()?;
        let mut environment: BTreeMap<String, String> =
            settings.iter().map(|(name, value)| (format!("NIGHTLAMP_{name}"), value.clone())).collect();
        environment.insert("NIGHTLAMP_DATA_DIR".into(), folder.path().to_string_lossy().into_owned());
        environment.insert("NIGHTLAMP_HTTP__PORT".into(), http_port.to_string());
        environment.insert("NIGHTLAMP_MQTT__LISTEN__PORT".into(), mqtt_port.to_string());
        let made = clean(&program, &environment)
            .args(["keys", "create", "--role", "admin", "--note", "load test", "--json"])
            .current_dir(folder.path())
            .output()
            .with_context(|| format!("{}", program.display()))?;
        let said: serde_json::Value = serde_json::from_slice(&made.stdout)
            .with_context(|| format!("nightlamp keys create: {}", String::from_utf8_lossy(&made.stderr).trim()))?;
        let key =
            Secret::new(said.get("key").and_then(serde_json::Value::as_str).context("nightlamp keys create printed no key")?);
        let child = launch(&program, &environment, folder.path())?;
        Ok(Self { folder, program, environment, child, http_port, mqtt_port, key })
    }

    /// Where it listens and the key of its administrator.
    pub fn address(&self) -> Address {
        Address {
            http: format!("http://127.0.0.1:{}", self.http_port),
            mqtt: format!("127.0.0.1:{}", self.mqtt_port),
            tls_ca: None,
            token: self.key.clone(),
            mqtt_user: String::new(),
            mqtt_password: Secret::default(),
            allow_remote: false,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until every stage is ready; fails with the end of its log where it ends or takes too long.
    pub fn wait_ready(&mut self, target: &Target) -> anyhow::Result<()> {
        let until = Instant::now() + START_MAX;
        let mut client = Client::new(target, Duration::from_secs(5));
        loop {
            // server.json is written last: with it everything listens.
            if self.folder.path().join("server.json").exists() && client.get("/readyz").is_ok_and(|answer| answer.status == 200)
            {
                return Ok(());
            }
            if let Some(how) = self.ended() {
                bail!(how);
            }
            if Instant::now() > until {
                bail!("the server was not ready within {START_MAX:?}; the end of its log:\n{}", self.log_end());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// kill -9.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again on the same folder; it may not be ready yet.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let _ = std::fs::remove_file(self.folder.path().join("server.json"));
        self.child = launch(&self.program, &self.environment, self.folder.path())?;
        Ok(())
    }

    /// How it ended, with the end of its log, where it ended without being asked.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("the server ended with {status}; the end of its log:\n{}", self.log_end()))
    }

    fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        let from = log.char_indices().rev().nth(2_000).map_or(0, |(at, _)| at);
        log.get(from..).unwrap_or_default().to_owned()
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // A paused server would not see the request to stop.
        signal(self.child.id(), Signal::CONT);
        signal(self.child.id(), Signal::TERM);
        let until = Instant::now() + STOP_MAX;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Sends a signal; one to a process that is gone does nothing.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// The program with these settings and none of the caller's own.
fn clean(program: &Path, environment: &BTreeMap<String, String>) -> Command {
    let guarded = has("setpriv");
    let mut command = Command::new(if guarded { Path::new("setpriv") } else { program });
    if guarded {
        command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NIGHTLAMP_")) {
        command.env_remove(name);
    }
    command.envs(environment);
    command
}

fn launch(program: &Path, environment: &BTreeMap<String, String>, folder: &Path) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("server.log"))?;
    let mut command = clean(program, environment);
    command
        .args(["serve", "--quiet"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    launcher::spawn(command).with_context(|| format!("{}", program.display()))
}

fn free_ports() -> anyhow::Result<(u16, u16)> {
    let (first, second) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok((first.local_addr()?.port(), second.local_addr()?.port()))
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn has(name: &str) -> bool {
    on_path(name).is_some()
}

/// The program given, else that of the checkout, else the one on the PATH.
fn find(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return given.canonicalize().with_context(|| format!("--nightlamp {}", given.display()));
    }
    let own = std::env::current_exe().ok();
    let checkout = own.as_deref().and_then(|exe| exe.ancestors().nth(3)).map(|root| root.join(".venv/bin/nightlamp"));
    let here = std::env::current_dir().ok().map(|folder| folder.join(".venv/bin/nightlamp"));
    let found = [here, checkout].into_iter().flatten().find(|file| file.is_file()).or_else(|| on_path("nightlamp"));
    found.context("there is no nightlamp here (.venv/bin) or on the PATH: --nightlamp names it")
}
