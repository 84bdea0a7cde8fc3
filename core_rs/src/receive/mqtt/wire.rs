//! The two protocol versions seen as one: the packets a door reads and writes, and their reason codes.

use mqtt_protocol_core::mqtt::packet::{
    AssignedClientIdentifier, MaximumQos, Packet, Property, Qos, ServerKeepAlive, SessionExpiryInterval,
    SharedSubscriptionAvailable, SubscriptionIdentifierAvailable, TopicAliasMaximum, WildcardSubscriptionAvailable, v3_1_1,
    v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, MqttError, PubackReasonCode, SubackReasonCode,
    SubackReturnCode, UnsubackReasonCode,
};

/// What a packet needs to be one of ours; building one can only fail on a value out of range.
pub(super) type Built = Result<Packet, MqttError>;

/// A CONNECT of either version.
#[derive(Clone, Copy)]
pub(super) struct Hello<'a> {
    pub v5: bool,
    pub user: Option<&'a str>,
    pub password: Option<&'a [u8]>,
    pub client_id: &'a str,
    pub clean: bool,
    pub keep_alive_s: u16,
    pub will: Option<Qos>,
    pub other_authentication: bool,
    pub wants_session: bool,
}

impl<'a> Hello<'a> {
    pub fn read(packet: &'a Packet) -> Option<Self> {
        match packet {
            Packet::V3_1_1Connect(p) => Some(Self {
                v5: false,
                user: p.user_name(),
                password: p.password(),
                client_id: p.client_id(),
                clean: p.clean_session(),
                keep_alive_s: p.keep_alive(),
                will: p.will_flag().then(|| p.will_qos()),
                other_authentication: false,
                wants_session: !p.clean_session(),
            }),
            Packet::V5_0Connect(p) => Some(Self {
                v5: true,
                user: p.user_name(),
                password: p.password(),
                client_id: p.client_id(),
                clean: p.clean_start(),
                keep_alive_s: p.keep_alive(),
                will: p.will_flag().then(|| p.will_qos()),
                other_authentication: p.props().iter().any(|prop| matches!(prop, Property::AuthenticationMethod(_))),
                wants_session: p.props().iter().any(|prop| match prop {
                    Property::SessionExpiryInterval(seconds) => seconds.val() != 0,
                    _ => false,
                }),
            }),
            _ => None,
        }
    }
}

/// A PUBLISH of either version.
#[derive(Clone, Copy)]
pub(super) struct Publish<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: Qos,
    pub packet_id: Option<u16>,
}

impl<'a> Publish<'a> {
    pub fn read(packet: &'a Packet) -> Option<Self> {
        match packet {
            Packet::V3_1_1Publish(p) => {
                Some(Self { topic: p.topic_name(), payload: p.payload().as_slice(), qos: p.qos(), packet_id: p.packet_id() })
            }
            Packet::V5_0Publish(p) => {
                Some(Self { topic: p.topic_name(), payload: p.payload().as_slice(), qos: p.qos(), packet_id: p.packet_id() })
            }
            _ => None,
        }
    }
}

/// PUBACK; a reason other than success exists in MQTT 5 only.
pub(super) fn puback(v5: bool, packet_id: u16, reason: PubackReasonCode) -> Built {
    if !v5 {
        return Ok(v3_1_1::Puback::builder().packet_id(packet_id).build()?.into());
    }
    let puback = v5_0::Puback::builder().packet_id(packet_id);
    let puback = if reason == PubackReasonCode::Success { puback } else { puback.reason_code(reason) };
    Ok(puback.build()?.into())
}

/// DISCONNECT as a server sends it (MQTT 5 only).
pub(super) fn disconnect(reason: DisconnectReasonCode) -> Built {
    Ok(v5_0::Disconnect::builder().reason_code(reason).build()?.into())
}

/// CONNACK that refuses.
pub(super) fn connack_refusing(v5: bool, reason: ConnectReasonCode) -> Built {
    if v5 {
        return Ok(v5_0::Connack::builder().session_present(false).reason_code(reason).build()?.into());
    }
    let code = match reason {
        ConnectReasonCode::BadUserNameOrPassword => ConnectReturnCode::BadUserNameOrPassword,
        ConnectReasonCode::ClientIdentifierNotValid => ConnectReturnCode::IdentifierRejected,
        ConnectReasonCode::ServerBusy => ConnectReturnCode::ServerUnavailable,
        _ => ConnectReturnCode::NotAuthorized,
    };
    Ok(v3_1_1::Connack::builder().session_present(false).return_code(code).build()?.into())
}

/// What the listener tells an accepted client. Receive maximum and maximum packet size are added by the codec.
pub(super) struct Welcome<'a> {
    pub topic_aliases_max: u16,
    pub assigned_client_id: Option<&'a str>,
    pub server_keep_alive_s: Option<u16>,
    pub session_refused: bool,
}

/// CONNACK that accepts. Never a session: the door holds nothing for an absent client.
pub(super) fn connack_accepting(v5: bool, welcome: &Welcome<'_>) -> Built {
    if !v5 {
        let connack = v3_1_1::Connack::builder().session_present(false).return_code(ConnectReturnCode::Accepted);
        return Ok(connack.build()?.into());
    }
    let mut props: Vec<Property> = vec![
        MaximumQos::new(1)?.into(),
        TopicAliasMaximum::new(welcome.topic_aliases_max)?.into(),
        WildcardSubscriptionAvailable::new(0)?.into(),
        SubscriptionIdentifierAvailable::new(0)?.into(),
        SharedSubscriptionAvailable::new(0)?.into(),
    ];
    if let Some(id) = welcome.assigned_client_id {
        props.push(AssignedClientIdentifier::new(id)?.into());
    }
    if let Some(seconds) = welcome.server_keep_alive_s {
        props.push(ServerKeepAlive::new(seconds)?.into());
    }
    if welcome.session_refused {
        props.push(SessionExpiryInterval::new(0)?.into());
    }
    let connack = v5_0::Connack::builder().session_present(false).reason_code(ConnectReasonCode::Success);
    Ok(connack.props(props).build()?.into())
}

/// SUBACK that refuses every filter, or UNSUBACK that found none.
pub(super) fn no_subscriptions(packet: &Packet) -> Option<Built> {
    Some(match packet {
        Packet::V3_1_1Subscribe(p) => v3_1_1::Suback::builder()
            .packet_id(p.packet_id())
            .return_codes(vec![SubackReturnCode::Failure; p.entries().len()])
            .build()
            .map(Into::into),
        Packet::V5_0Subscribe(p) => v5_0::Suback::builder()
            .packet_id(p.packet_id())
            .reason_codes(vec![SubackReasonCode::NotAuthorized; p.entries().len()])
            .build()
            .map(Into::into),
        Packet::V3_1_1Unsubscribe(p) => v3_1_1::Unsuback::builder().packet_id(p.packet_id()).build().map(Into::into),
        Packet::V5_0Unsubscribe(p) => v5_0::Unsuback::builder()
            .packet_id(p.packet_id())
            .reason_codes(vec![UnsubackReasonCode::NoSubscriptionExisted; p.entries().len()])
            .build()
            .map(Into::into),
        _ => return None,
    })
}
