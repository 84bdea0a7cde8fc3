//! Who a CONNECT lets in: credentials first, then what this door does not offer, then a seat.

use std::rc::Rc;
use std::sync::Arc;

use mqtt_protocol_core::mqtt::packet::Qos;
use mqtt_protocol_core::mqtt::result_code::ConnectReasonCode;

use super::board::Signal;
use super::credentials::Credentials;
use super::door::{Door, Seat};
use super::inlet::{Inlet, Origin};
use super::stats::{Connections, Count};
use super::wire::{self, Hello, Welcome};
use crate::limits::{MQTT_CLIENT_ID_BYTES_MAX, MQTT_TOPIC_ALIASES_MAX};

/// An accepted client.
pub(super) struct Guest {
    pub inlet: Inlet,
    /// The set in which its credential was last found.
    pub credentials: Arc<Credentials>,
    _seat: Seat,
}

/// Why a CONNECT is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    Anonymous,
    Credentials,
    OtherAuthentication,
    ClientId,
    WillQos,
    Busy,
}

impl Denial {
    /// The MQTT 5 reason; `wire` knows what 3.1.1 has for it.
    pub const fn reason(self) -> ConnectReasonCode {
        match self {
            Self::Anonymous => ConnectReasonCode::NotAuthorized,
            Self::Credentials => ConnectReasonCode::BadUserNameOrPassword,
            Self::OtherAuthentication => ConnectReasonCode::BadAuthenticationMethod,
            Self::ClientId => ConnectReasonCode::ClientIdentifierNotValid,
            Self::WillQos => ConnectReasonCode::QosNotSupported,
            Self::Busy => ConnectReasonCode::ServerBusy,
        }
    }

    /// Which counter it belongs to.
    pub fn counter(self) -> fn(&Connections) -> &Count {
        match self {
            Self::Anonymous => |c| &c.refused_anonymous,
            Self::Credentials => |c| &c.refused_credentials,
            Self::OtherAuthentication | Self::ClientId | Self::WillQos => |c| &c.refused_connect,
            Self::Busy => |c| &c.refused_limit,
        }
    }
}

/// Check a CONNECT and give its client a seat and an inlet.
pub(super) fn admit(door: &Rc<Door>, hello: &Hello<'_>, signal: &Rc<Signal>) -> Result<Guest, Denial> {
    if hello.other_authentication {
        return Err(Denial::OtherAuthentication);
    }
    let (Some(user), Some(password)) = (hello.user, hello.password) else {
        return Err(Denial::Anonymous);
    };
    let credentials = Arc::clone(&door.credentials.borrow());
    let scope = credentials.check(user, password).ok_or(Denial::Credentials)?;
    let nameless = hello.client_id.is_empty() && !hello.v5 && !hello.clean;
    if nameless || hello.client_id.len() > MQTT_CLIENT_ID_BYTES_MAX {
        return Err(Denial::ClientId);
    }
    if hello.v5 && hello.will == Some(Qos::ExactlyOnce) {
        return Err(Denial::WillQos);
    }
    let own = own_client_id(signal);
    let client_id = if hello.client_id.is_empty() { own.as_str() } else { hello.client_id };
    let seat = door.seat(user, client_id, signal).ok_or(Denial::Busy)?;
    let origin = Origin {
        prefix: door.config.prefix.clone(),
        principal: user.into(),
        scope,
        frame_bytes_max: door.config.limits.frame_bytes_max,
    };
    let inlet = Inlet::new(origin, Arc::clone(&door.intake), Arc::clone(&door.stats.inlet));
    Ok(Guest { inlet, credentials, _seat: seat })
}

/// The CONNACK for an admitted client.
pub(super) fn welcome(door: &Door, hello: &Hello<'_>, signal: &Signal) -> wire::Built {
    let idle_s_max = door.config.idle_s_max;
    let own = own_client_id(signal);
    let welcome = Welcome {
        topic_aliases_max: MQTT_TOPIC_ALIASES_MAX,
        assigned_client_id: hello.client_id.is_empty().then_some(own.as_str()),
        server_keep_alive_s: (hello.keep_alive_s == 0 || hello.keep_alive_s > idle_s_max).then_some(idle_s_max),
        session_refused: hello.wants_session,
    };
    wire::connack_accepting(hello.v5, &welcome)
}

/// The name of a client that brought none.
fn own_client_id(signal: &Signal) -> String {
    format!("nightlamp-{}", signal.id())
}
