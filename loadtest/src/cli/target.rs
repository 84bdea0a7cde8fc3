//! Whom the load is for: options and credentials, or a server of the harness's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use clap::Args;

use crate::target::{Address, Secret, Spawned, Target};

/// Options of the target.
#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// Start a fresh `nightlamp serve` in a temporary folder for this run.
    #[arg(long)]
    pub spawn: bool,
    /// The nightlamp to start; .venv/bin/nightlamp, the checkout's, or that on the PATH where absent.
    #[arg(long, value_name = "FILE")]
    pub nightlamp: Option<PathBuf>,
    /// The server's HTTP address, http:// or https://.
    #[arg(long, default_value = "http://127.0.0.1:8600")]
    pub http: String,
    /// The server's MQTT address, HOST:PORT or mqtts://HOST:PORT.
    #[arg(long, default_value = "127.0.0.1:1883")]
    pub mqtt: String,
    /// File that holds the key (role admin, or one that may ingest, read and operate); NIGHTLAMP_TOKEN is the other way.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// PEM file of the authorities that may have signed the server's certificate; the system's where absent.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Send to a server that is not on this machine.
    #[arg(long)]
    pub allow_remote: bool,
    /// Process of a server on this machine, for its CPU and memory and for pause steps.
    #[arg(long)]
    pub pid: Option<u32>,
}

/// The target, and the server where the harness started it.
pub struct Aim {
    /// Whom the load is for.
    pub target: Arc<Target>,
    /// Stopped, and its folder removed, when this goes.
    pub spawned: Option<Arc<Mutex<Spawned>>>,
}

impl TargetArgs {
    /// Resolves the target, or starts one and waits until it is ready.
    pub fn aim(&self, settings: &BTreeMap<String, String>) -> anyhow::Result<Aim> {
        if self.spawn {
            return self.start(settings);
        }
        if !settings.is_empty() {
            eprintln!("the scenario's [server] settings hold only for a server that the harness starts (--spawn)");
        }
        let from_env = |name: &str| std::env::var(name).unwrap_or_default();
        let token = match &self.token_file {
            Some(file) => std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?.trim().to_owned(),
            None => from_env("NIGHTLAMP_TOKEN"),
        };
        let address = Address {
            http: self.http.clone(),
            mqtt: self.mqtt.clone(),
            tls_ca: self.tls_ca.clone(),
            token: Secret::new(token),
            mqtt_user: from_env("NIGHTLAMP_MQTT_USER"),
            mqtt_password: Secret::new(from_env("NIGHTLAMP_MQTT_PASSWORD")),
            allow_remote: self.allow_remote,
        };
        let target = Target::new(address)?;
        if target.token.text().is_empty() {
            bail!("no key: set NIGHTLAMP_TOKEN or give --token-file (or --spawn a server of the harness's own)");
        }
        if let Some(warning) = target.in_clear() {
            eprintln!("\n!! {warning}\n");
        }
        if let Some(pid) = self.pid {
            if !target.loopback {
                bail!("--pid is for a server on this machine");
            }
            target.pid.store(pid, Ordering::Relaxed);
        }
        Ok(Aim { target: Arc::new(target), spawned: None })
    }

    fn start(&self, settings: &BTreeMap<String, String>) -> anyhow::Result<Aim> {
        let server = Spawned::start(self.nightlamp.as_deref(), settings)?;
        let mut target = Target::new(server.address())?;
        target.spawned = true;
        target.pid.store(server.pid(), Ordering::Relaxed);
        let spawned = Arc::new(Mutex::new(server));
        spawned.lock().unwrap_or_else(PoisonError::into_inner).wait_ready(&target)?;
        Ok(Aim { target: Arc::new(target), spawned: Some(spawned) })
    }
}
