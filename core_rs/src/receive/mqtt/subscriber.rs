//! The subscriber: a thread that keeps one connection to a broker, and makes it anew when it is lost: after 0.5 s, doubling
//! to 30 s, each pause cut by up to half so that many wards do not come back in step.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;

use super::board::{Board, Signal};
use super::config::SubscriberConfig;
use super::drive::{Surroundings, drive};
use super::listener::StartError;
use super::stats::{Failure, SubscriberSnapshot, SubscriberStats};
use super::subscription::Subscription;
use super::tls;
use crate::receive::{Intake, PRINCIPAL_BYTES_MAX};

/// A running subscriber. Stops when dropped.
#[derive(Debug)]
pub struct MqttSubscriber {
    stats: Arc<SubscriberStats>,
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl MqttSubscriber {
    /// Check the settings, then connect and stay connected on a thread of its own. Not being able to reach the broker is no
    /// error here: it is visible in `stats` and tried again.
    pub fn start(config: SubscriberConfig, intake: Arc<dyn Intake>) -> Result<Self, StartError> {
        if config.client_id.is_empty() || config.filters.is_empty() {
            return Err(StartError::Setting("client_id and filters must not be empty"));
        }
        if config.principal.is_empty() || config.principal.len() > PRINCIPAL_BYTES_MAX {
            return Err(StartError::Setting("principal: 1 to 255 bytes"));
        }
        if config.limits.mqtt_inflight_max == 0 || config.backoff_ms_min == 0 {
            return Err(StartError::Setting("mqtt_inflight_max and backoff_ms_min: at least 1"));
        }
        let tls = config.tls.as_ref().map(tls::connector).transpose().map_err(StartError::Tls)?;
        let name = config.tls.as_ref().and_then(|tls| tls.server_name.clone()).unwrap_or_else(|| config.host.clone());
        let tls = match tls {
            None => None,
            Some(connector) => {
                let name = ServerName::try_from(name).map_err(|error| StartError::Tls(error.to_string()))?;
                Some((connector, name))
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let stats = Arc::new(SubscriberStats::default());
        let (stop, stopped) = watch::channel(false);
        let link = Link { config: Arc::new(config), tls, intake, stats: Arc::clone(&stats), stop: stopped };
        let thread = thread::Builder::new()
            .name("mqtt-subscriber".into())
            .spawn(move || {
                LocalSet::new().block_on(&runtime, link.keep());
                // A name lookup under way must not delay a stop.
                runtime.shutdown_background();
            })
            .map_err(StartError::Thread)?;
        Ok(Self { stats, stop, thread: Some(thread) })
    }

    /// State and counters.
    pub fn stats(&self) -> SubscriberSnapshot {
        self.stats.snapshot()
    }

    /// Read no more, let outstanding PUBACKs out for at most `stop_grace_ms`, disconnect (the broker keeps the session), and
    /// wait for the thread.
    pub fn stop(mut self) {
        self.finish();
    }

    /// Whether its thread runs: false after a stop, and after a fault that ended it.
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    fn finish(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for MqttSubscriber {
    fn drop(&mut self) {
        self.finish();
    }
}

#[derive(Clone)]
struct Link {
    config: Arc<SubscriberConfig>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    intake: Arc<dyn Intake>,
    stats: Arc<SubscriberStats>,
    stop: watch::Receiver<bool>,
}

impl Link {
    async fn keep(self) {
        let board = Rc::new(Board::default());
        tokio::task::spawn_local(Rc::clone(&board).follow(self.intake.durable()));
        let mut stop = self.stop.clone();
        let mut lost = 0u32;
        for attempt in 1u64.. {
            let mut once = tokio::task::spawn_local(self.clone().once(Rc::clone(&board), attempt));
            let ended = tokio::select! {
                ended = &mut once => ended,
                () = self.patience_at_stop() => return once.abort(),
            };
            let (failure, was_subscribed) = ended.unwrap_or((Some(Failure::Panic), false));
            if *stop.borrow() {
                return;
            }
            self.stats.failed(failure.unwrap_or(Failure::Closed));
            lost = if was_subscribed { 0 } else { lost.saturating_add(1) };
            tokio::select! {
                () = sleep(pause(&self.config, lost)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Over when a stop has been waited for long enough, whatever the connection is stuck in.
    async fn patience_at_stop(&self) {
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
        sleep(Duration::from_millis(self.config.stop_grace_ms.saturating_add(1_500))).await;
    }

    /// One connection from beginning to end: why it ended, and whether it ever worked.
    async fn once(self, board: Rc<Board>, attempt: u64) -> (Option<Failure>, bool) {
        let now = Instant::now();
        let ready_by = now + Duration::from_millis(self.config.connect_timeout_ms);
        let mut around = Surroundings {
            board,
            signal: Signal::new(attempt),
            stop: self.stop.clone(),
            write_timeout: Duration::from_millis(self.config.write_timeout_ms),
            stop_grace: Duration::from_millis(self.config.stop_grace_ms),
        };
        let mut stop = self.stop.clone();
        let connecting = TcpStream::connect((self.config.host.as_str(), self.config.port));
        let stream = tokio::select! {
            stream = timeout_at(ready_by, connecting) => stream,
            _ = stop.wait_for(|stop| *stop) => return (None, false),
        };
        let mut stream = match stream {
            Ok(Ok(stream)) => stream,
            Ok(Err(_)) => return (Some(Failure::Unreachable), false),
            Err(_) => return (Some(Failure::Timeout), false),
        };
        let _ = stream.set_nodelay(true);
        let mut peer =
            Subscription::new(Arc::clone(&self.config), Arc::clone(&self.intake), Arc::clone(&self.stats), now, ready_by);
        match &self.tls {
            None => drive(&mut stream, &mut peer, &mut around).await,
            Some((connector, name)) => {
                let handshake = timeout_at(ready_by, connector.connect(name.clone(), stream));
                let shaken = tokio::select! {
                    shaken = handshake => shaken,
                    _ = stop.wait_for(|stop| *stop) => return (None, false),
                };
                match shaken {
                    Ok(Ok(mut stream)) => drive(&mut stream, &mut peer, &mut around).await,
                    Ok(Err(_)) => return (Some(Failure::Tls), false),
                    Err(_) => return (Some(Failure::Timeout), false),
                }
            }
        };
        (peer.failure(), peer.was_subscribed())
    }
}

/// The pause before the next attempt: exponential, bounded, and between half and all of that by chance.
fn pause(config: &SubscriberConfig, lost: u32) -> Duration {
    let doubled = config.backoff_ms_min.saturating_mul(1u64.checked_shl(lost.min(20)).unwrap_or(u64::MAX));
    let whole = doubled.min(config.backoff_ms_max).max(1);
    // The standard library's per-process hash keys serve as dice; nothing but this pause depends on them.
    let dice = RandomState::new().hash_one(lost) % (whole / 2 + 1);
    Duration::from_millis(whole - dice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_is_bounded_and_never_below_half() {
        let config = SubscriberConfig { backoff_ms_min: 100, backoff_ms_max: 1_000, ..SubscriberConfig::default() };
        for (lost, whole) in [(0, 100), (1, 200), (3, 800), (4, 1_000), (60, 1_000), (u32::MAX, 1_000)] {
            for _ in 0..50 {
                let ms = pause(&config, lost).as_millis();
                assert!((whole / 2..=whole).contains(&ms), "{lost}: {ms}");
            }
        }
    }
}
