//! The MQTT doors, opened, opened again when their thread died, and closed.

use std::sync::Arc;

use parking_lot::Mutex;

use super::EngineConfig;
use crate::receive::Intake;
use crate::receive::mqtt::{
    Credentials, ListenerConfig, ListenerSnapshot, MqttListener, MqttSubscriber, StartError, SubscriberConfig,
    SubscriberSnapshot,
};

/// Our own listener and the brokers we subscribe to.
#[derive(Debug)]
pub(super) struct Doors {
    intake: Arc<dyn Opens>,
    listen: Option<ListenerConfig>,
    brokers: Vec<SubscriberConfig>,
    open: Mutex<Open>,
}

/// An intake that can be shown.
pub(super) trait Opens: Intake + std::fmt::Debug {}
impl<T: Intake + std::fmt::Debug> Opens for T {}

#[derive(Debug, Default)]
struct Open {
    credentials: Credentials,
    closed: bool,
    listener: Option<MqttListener>,
    subscribers: Vec<MqttSubscriber>,
}

impl Doors {
    pub fn new(config: &EngineConfig, intake: Arc<dyn Opens>) -> Self {
        let limits = config.limits;
        let listen = config.mqtt.listen.clone().map(|listen| ListenerConfig { limits, ..listen });
        let brokers = config.mqtt.brokers.iter().map(|broker| SubscriberConfig { limits, ..broker.clone() }).collect();
        Self { intake, listen, brokers, open: Mutex::default() }
    }

    /// Opens all of them.
    ///
    /// # Errors
    /// The first that does not open.
    pub fn open(&self) -> Result<(), StartError> {
        let mut open = self.open.lock();
        if let Some(listen) = &self.listen {
            open.listener = Some(MqttListener::start(listen.clone(), open.credentials.clone(), self.intake())?);
        }
        for broker in &self.brokers {
            open.subscribers.push(MqttSubscriber::start(broker.clone(), self.intake())?);
        }
        Ok(())
    }

    /// Opens those again whose thread has ended though nobody stopped it; how many.
    pub fn reopen(&self) -> u64 {
        let mut open = self.open.lock();
        if open.closed {
            return 0;
        }
        let mut reopened = 0;
        if let (Some(listen), Some(dead)) = (&self.listen, open.listener.as_ref().filter(|listener| !listener.is_alive())) {
            // Clients know the port, also where the system chose it.
            let listen = ListenerConfig { port: dead.local_addr().port(), ..listen.clone() };
            if let Ok(listener) = MqttListener::start(listen, open.credentials.clone(), self.intake()) {
                open.listener = Some(listener);
                reopened += 1;
            }
        }
        for (place, broker) in self.brokers.iter().enumerate() {
            if let Some(dead) = open.subscribers.get_mut(place).filter(|subscriber| !subscriber.is_alive())
                && let Ok(subscriber) = MqttSubscriber::start(broker.clone(), self.intake())
            {
                *dead = subscriber;
                reopened += 1;
            }
        }
        reopened
    }

    /// How many have ended though nobody stopped them.
    pub fn dead(&self) -> u64 {
        let open = self.open.lock();
        let listener = open.listener.iter().filter(|listener| !listener.is_alive()).count();
        (listener + open.subscribers.iter().filter(|subscriber| !subscriber.is_alive()).count()) as u64
    }

    /// Closes all of them, for good.
    pub fn close(&self) {
        let (listener, subscribers) = {
            let mut open = self.open.lock();
            open.closed = true;
            (open.listener.take(), std::mem::take(&mut open.subscribers))
        };
        if let Some(listener) = listener {
            listener.stop();
        }
        for subscriber in subscribers {
            subscriber.stop();
        }
    }

    /// Replaces the credentials.
    pub fn set_credentials(&self, credentials: Credentials) {
        let mut open = self.open.lock();
        if let Some(listener) = &open.listener {
            listener.set_credentials(credentials.clone());
        }
        open.credentials = credentials;
    }

    /// The listener's port.
    pub fn port(&self) -> Option<u16> {
        self.open.lock().listener.as_ref().map(|listener| listener.local_addr().port())
    }

    /// What they counted.
    pub fn stats(&self) -> (Option<ListenerSnapshot>, Vec<SubscriberSnapshot>) {
        let open = self.open.lock();
        (open.listener.as_ref().map(MqttListener::stats), open.subscribers.iter().map(MqttSubscriber::stats).collect())
    }

    fn intake(&self) -> Arc<dyn Intake> {
        Arc::clone(&self.intake) as Arc<dyn Intake>
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use tokio::sync::watch;

    use super::*;
    use crate::error::Refusal;
    use crate::journal::Progress;
    use crate::receive::FrameRef;

    /// The first door that asks it how far it is dies of it.
    #[derive(Debug, Default)]
    struct Deadly {
        killed: AtomicBool,
        progress: watch::Sender<Progress>,
    }

    impl Intake for Deadly {
        fn submit(&self, _: &FrameRef<'_>) -> Result<u64, Refusal> {
            Ok(1)
        }

        fn durable(&self) -> watch::Receiver<Progress> {
            assert!(self.killed.swap(true, Ordering::AcqRel), "a fault made by this test");
            self.progress.subscribe()
        }
    }

    #[test]
    fn p3_a_door_whose_thread_dies_is_opened_again_on_its_port() {
        let config: EngineConfig = serde_json::from_value(serde_json::json!({
            "site_key_hex": "07".repeat(32), "mqtt": {"listen": {"host": "127.0.0.1", "port": 0}},
        }))
        .expect("config");
        let doors = Doors::new(&config, Arc::new(Deadly::default()));
        doors.open().expect("opened");
        let port = doors.port();
        let until = Instant::now() + Duration::from_secs(10);
        while doors.dead() == 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!((doors.dead(), doors.reopen(), doors.dead()), (1, 1, 0));
        assert_eq!(doors.port(), port);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!((doors.dead(), doors.reopen()), (0, 0));
        doors.close();
        assert_eq!(doors.reopen(), 0);
    }
}
