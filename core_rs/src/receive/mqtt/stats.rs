//! What the two doors count. Atomics, written by the door's thread, read by one collector.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// One number that is only ever added to, or a gauge.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub fn one(&self) {
        self.add(1);
    }

    pub fn less(&self, n: u64) {
        self.0.fetch_sub(n, Relaxed);
    }

    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

macro_rules! counts {
    ($(#[$about:meta])* $live:ident, $snapshot:ident { $($(#[$doc:meta])* $field:ident,)* }) => {
        #[derive(Debug, Default)]
        pub(super) struct $live { $(pub $field: Count,)* }

        impl $live {
            pub fn snapshot(&self) -> $snapshot {
                $snapshot { $($field: self.$field.get(),)* }
            }
        }

        $(#[$about])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub struct $snapshot { $($(#[$doc])* pub $field: u64,)* }
    };
}

counts! {
    /// Publishes of a door. They add up:
    /// `publishes = journalled_vitals + journalled_hl7v2 + refused_* + held + held_lost`.
    Inlet, InletSnapshot {
        /// PUBLISH packets read, of any kind.
        publishes,
        /// Of these, with QoS 0 (journalled all the same, never acknowledged).
        publishes_qos0,
        /// Payload bytes journalled.
        bytes,
        /// Journalled from `.../vitals`.
        journalled_vitals,
        /// Journalled from `.../hl7v2`.
        journalled_hl7v2,
        /// Refused: not a topic of ours.
        refused_topic,
        /// Refused: the unit is outside the credential's scope.
        refused_scope,
        /// Refused: payload above the frame limit.
        refused_too_large,
        /// Of these, journalled as dead letters and acknowledged, because 3.1.1 cannot refuse them.
        kept_too_large,
        /// Refused: QoS 2.
        refused_qos,
        /// Times the journal refused and a sender was held back.
        stalls,
        /// Dropped unjournalled and unacknowledged because the held sender went away.
        held_lost,
        /// Gauge: senders held back now.
        held,
        /// Gauge: journalled, PUBACK withheld until durable.
        withheld,
        /// PUBACKs written.
        pubacks,
    }
}

counts! {
    /// Connections of the listener.
    Connections, ConnectionsSnapshot {
        /// TCP connections accepted.
        accepted,
        /// CONNECTs accepted.
        connected,
        /// Gauge: sockets open, not yet authenticated ones included.
        sockets,
        /// Gauge: authenticated connections.
        open,
        /// Refused: no user name or no password.
        refused_anonymous,
        /// Refused: unknown user name or wrong password.
        refused_credentials,
        /// Refused: more connections than the limit.
        refused_limit,
        /// Refused: protocol version.
        refused_version,
        /// Refused: first packet no CONNECT, malformed, too large or with what this door does not offer.
        refused_connect,
        /// Refused: no complete CONNECT in time.
        refused_timeout,
        /// TLS handshakes that failed.
        tls_failures,
        /// Closed: bytes that are not MQTT, or a broken rule.
        closed_protocol,
        /// Closed: packet above the size limit.
        closed_too_large,
        /// Closed: keep-alive ran out.
        closed_keep_alive,
        /// Closed: held back by a refusing journal for longer than `hold_ms_max`.
        closed_held,
        /// Closed: the same client connected again.
        closed_taken_over,
        /// Closed: the credential was withdrawn.
        closed_withdrawn,
        /// Closed: the socket failed or was shut without DISCONNECT.
        closed_socket,
        /// SUBSCRIBE packets refused.
        subscribes_refused,
        /// Wills accepted and ignored.
        wills_ignored,
        /// Panics caught (each cost one connection); must be zero.
        panics,
    }
}

/// The live counters of a listener.
#[derive(Debug, Default)]
pub(super) struct ListenerStats {
    pub connections: Connections,
    pub inlet: std::sync::Arc<Inlet>,
}

/// What the listener has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ListenerSnapshot {
    /// Connections.
    pub connections: ConnectionsSnapshot,
    /// Publishes.
    pub inlet: InletSnapshot,
}

impl ListenerStats {
    pub fn snapshot(&self) -> ListenerSnapshot {
        ListenerSnapshot { connections: self.connections.snapshot(), inlet: self.inlet.snapshot() }
    }
}

macro_rules! failures {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why the subscriber lost or did not get its connection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Failure { $($(#[$doc])* $variant,)* }

        impl Failure {
            const ALL: &'static [Failure] = &[$(Failure::$variant,)*];
            pub const fn name(self) -> &'static str { match self { $(Failure::$variant => $name,)* } }
        }
    };
}

failures! {
    /// The host has no address or refused the connection.
    Unreachable = "unreachable",
    /// The TLS handshake failed or the certificate is not trusted.
    Tls = "tls",
    /// No answer in time.
    Timeout = "timeout",
    /// CONNACK refused user name or password.
    Credentials = "credentials",
    /// CONNACK refused for another reason.
    Refused = "refused",
    /// SUBACK refused a filter.
    SubscribeRefused = "subscribe_refused",
    /// The broker broke the protocol or sent a packet above the limit.
    Protocol = "protocol",
    /// The broker closed the connection.
    Closed = "closed",
    /// The broker did not answer a PINGREQ.
    KeepAlive = "keep_alive",
    /// A bug: the code panicked and the connection was made anew.
    Panic = "panic",
}

/// The live counters of a subscriber.
#[derive(Debug, Default)]
pub(super) struct SubscriberStats {
    pub connected: Count,
    pub connects: Count,
    pub failures: Count,
    pub sessions_resumed: Count,
    last_failure: Count,
    pub inlet: std::sync::Arc<Inlet>,
}

impl SubscriberStats {
    pub fn failed(&self, failure: Failure) {
        self.failures.one();
        self.last_failure.set(1 + failure as u64);
    }

    pub fn snapshot(&self) -> SubscriberSnapshot {
        let last = usize::try_from(self.last_failure.get()).ok().and_then(|n| n.checked_sub(1));
        SubscriberSnapshot {
            connected: self.connected.get() == 1,
            connects: self.connects.get(),
            failures: self.failures.get(),
            sessions_resumed: self.sessions_resumed.get(),
            last_failure: last.and_then(|n| Failure::ALL.get(n)).map(|failure| failure.name()),
            inlet: self.inlet.snapshot(),
        }
    }
}

/// What the subscriber has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SubscriberSnapshot {
    /// Connected and subscribed now.
    pub connected: bool,
    /// Times it was connected and subscribed; the reconnects are one fewer.
    pub connects: u64,
    /// Attempts that failed and connections that were lost.
    pub failures: u64,
    /// Times the broker had kept the session.
    pub sessions_resumed: u64,
    /// The kind of the last failure.
    pub last_failure: Option<&'static str>,
    /// Publishes.
    pub inlet: InletSnapshot,
}
