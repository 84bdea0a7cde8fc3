//! What is done with a nightlamp before and after the load: its version, admissions, discharges.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};

use super::{Client, Target};
use crate::message::beds::Bed;
use crate::message::hl7;
use crate::schedule::Clock;

/// Connections that admit at once.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);

/// The server's version, as its OpenAPI document says it.
pub fn version(target: &Target) -> Option<String> {
    let answer = Client::new(target, Duration::from_secs(5)).get("/openapi.json").ok()?;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    Some(document.get("info")?.get("version")?.as_str()?.to_owned())
}

/// Admits every patient; fails where one was not accepted.
pub fn admit_all(target: &Target, beds: &[Bed]) -> anyhow::Result<()> {
    post_all(target, beds, "A", hl7::admit).context("admissions: is the server up, and may the key use the HL7 door?")
}

/// Discharges every patient, so that the beds are free for another run.
pub fn discharge_all(target: &Target, beds: &[Bed]) -> anyhow::Result<()> {
    post_all(target, beds, "D", hl7::discharge).context("discharges")
}

fn post_all(target: &Target, beds: &[Bed], letter: &str, message: fn(&Bed, &str, i64) -> Vec<u8>) -> anyhow::Result<()> {
    let now_ms = Clock::begin_in(Duration::ZERO).epoch_ms;
    let next = AtomicUsize::new(0);
    let post = || -> anyhow::Result<()> {
        let mut client = Client::new(target, PATIENCE);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(bed) = beds.get(index) else { return Ok(()) };
            let body = message(bed, &format!("{now_ms}{letter}{index}"), now_ms);
            let answer = client.post("/v1/hl7v2", "application/hl7-v2", &body)?;
            let taken = String::from_utf8_lossy(&answer.body)
                .split('\r')
                .any(|line| line.starts_with("MSA|AA|") || line.starts_with("MSA|CA|"));
            if !taken {
                bail!("number {index} was answered with status {}", answer.status);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE.min(beds.len())).map(|_| scope.spawn(post)).collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a posting thread failed"))??;
        }
        Ok(())
    })
}
