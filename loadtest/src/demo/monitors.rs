//! The monitors: MQTT 3.1.1 connections publishing at QoS 1.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};

use super::Totals;

/// Publishes waiting in one connection before a reading is held back.
const WAITING_MAX: usize = 2_048;
/// Publishes under way in one connection.
const INFLIGHT_MAX: u16 = 512;

/// All connections; a bed always uses the same one, so its readings stay in order.
#[derive(Debug)]
pub struct Monitors {
    clients: Vec<AsyncClient>,
    totals: Arc<Totals>,
}

impl Monitors {
    /// Opens `connections` connections to `address` (host:port).
    pub fn connect(
        address: &str,
        user: &str,
        password: &str,
        connections: usize,
        totals: &Arc<Totals>,
    ) -> anyhow::Result<Self> {
        let (host, port) = address.rsplit_once(':').context("--mqtt must be host:port")?;
        let port: u16 = port.parse().context("--mqtt must end in a port number")?;
        let clients = (0..connections)
            .map(|index| {
                let mut options = MqttOptions::new(format!("wardsim-{}-{index}", std::process::id()), host, port);
                options.set_credentials(user, password).set_keep_alive(Duration::from_secs(30)).set_inflight(INFLIGHT_MAX);
                let (client, events) = AsyncClient::new(options, WAITING_MAX);
                tokio::spawn(poll(events, Arc::clone(totals)));
                client
            })
            .collect();
        Ok(Self { clients, totals: Arc::clone(totals) })
    }

    /// Publishes a reading of bed number `bed`; held back, and counted so, where its connection is full.
    pub fn publish(&self, bed: usize, topic: &str, reading: Vec<u8>, observations: u64) {
        let Some(client) = self.clients.get(bed % self.clients.len().max(1)) else { return };
        if client.try_publish(topic, QoS::AtLeastOnce, false, reading).is_ok() {
            self.totals.mqtt_sent.fetch_add(1, Ordering::Relaxed);
            self.totals.observations_sent.fetch_add(observations, Ordering::Relaxed);
        } else {
            self.totals.mqtt_held_back.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything published was acknowledged, at most `patience`; true if it was.
    pub async fn drained(&self, patience: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + patience;
        while self.totals.mqtt_acknowledged.load(Ordering::Relaxed) < self.totals.mqtt_sent.load(Ordering::Relaxed) {
            if tokio::time::Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }
}

async fn poll(mut events: EventLoop, totals: Arc<Totals>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(_))) => {
                totals.mqtt_acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(_) => {
                totals.mqtt_reconnects.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
