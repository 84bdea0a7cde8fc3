//! Packets of MQTT 3.1.1 and 5; each input begins with the two bytes that choose the greeting and the pieces.

use super::{device_json, hl7};

/// The password of the user `ward`.
pub const SECRET: &str = "3f9c-secret-of-the-ward";

/// A CONNECT that is let in.
pub fn connect(version: u8) -> Vec<u8> {
    let mut body = text("MQTT");
    body.extend([version, 0xC2, 0, 60]);
    if version == 5 {
        body.push(0);
    }
    body.extend([text("monitor-7"), text("ward"), text(SECRET)].concat());
    packet(0x10, &body)
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut left = body.len();
    loop {
        out.push((left % 128) as u8 | if left >= 128 { 0x80 } else { 0 });
        left /= 128;
        if left == 0 {
            break;
        }
    }
    [out.as_slice(), body].concat()
}

fn publish(v5: bool, id: u16, leaf: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = text(&format!("nightlamp/v1/ICU/7/{leaf}"));
    body.extend(id.to_be_bytes());
    if v5 {
        body.push(0);
    }
    body.extend_from_slice(payload);
    packet(0x32, &body)
}

/// All of them.
pub fn all() -> Vec<Vec<u8>> {
    let vitals = |v5| publish(v5, 1, "vitals", device_json::MONITOR.as_bytes());
    let message = |v5| publish(v5, 2, "hl7v2", hl7::VITALS.as_bytes());
    let ping = packet(0xC0, b"");
    let subscribe = packet(0x82, &[&[0, 9], text("#").as_slice(), &[1]].concat());
    let alias = {
        // Topic alias 1, then the alias alone.
        let named = [text("nightlamp/v1/ICU/7/vitals").as_slice(), &[0, 3, 3, 0x23, 0, 1], b"{\"observations\":[{}]}"].concat();
        let again = [&[0, 0, 0, 4, 3, 0x23, 0, 1], b"{}".as_slice()].concat();
        [packet(0x32, &named), packet(0x32, &again)].concat()
    };
    let elsewhere = publish(true, 5, "waveform", b"x");
    let claims = vec![0x32, 0xFF, 0xFF, 0x7F];
    vec![
        [&[1, 255], vitals(false).as_slice(), &message(false), &ping, &vitals(false)].concat(),
        [&[2, 7], vitals(true).as_slice(), &message(true), &ping, &packet(0xE0, b"")].concat(),
        [&[2, 0], alias.as_slice(), &elsewhere, &vitals(true)].concat(),
        [&[1, 30], subscribe.as_slice(), &packet(0x34, b"\0\x01a\0\x01")].concat(),
        [&[2, 255], claims.as_slice()].concat(),
        [&[0, 255], connect(5).as_slice(), &vitals(true)].concat(),
        [&[0, 1], connect(4).as_slice(), &connect(4)].concat(),
        [&[0, 9], connect(3).as_slice()].concat(),
        vec![0, 255, 0x10, 0xFF, 0xFF, 0xFF, 0x7F],
    ]
}
