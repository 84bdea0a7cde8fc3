use proptest::prelude::*;

use super::*;
use crate::decode::device::shape;

fn agrees(text: &str) -> bool {
    let Some(message) = read(text) else { return false };
    match shape::read(text) {
        Ok(messages) => assert_eq!(messages, [message], "{text}"),
        Err(error) => panic!("{text}: {error}"),
    }
    true
}

#[test]
fn what_devices_send_is_read_here() {
    for usual in [
        r#"{"id":"7","device":"m1","time":1760000000000,"observations":[{"code":"8867-4","value":80,"unit":"/min"}]}"#,
        r#" { "patient" : {"authority":null,"identifier":"4711"} , "bed": {"bed":"7","unit":"ICÜ"}, "firmware": "1.2",
             "observations" : [ {"code":"HR","system":"nightlamp","value":-1.5e+3,"status":"final","time":"2026-03-01T12:30:00Z"},
             {"code":"Oxygen","value":true,"unit":null} ] } "#,
        r#"{"patient":null,"bed":null,"id":null,"time":null,"observations":[]}"#,
    ] {
        assert!(agrees(usual), "{usual}");
    }
}

#[test]
fn what_is_not_usual_is_left_to_serde() {
    for other in [
        "",
        "{}",
        "[]",
        r#"{"observations":[{}]}x"#,
        r#"{"observations":[{"value":01}]}"#,
        r#"{"observations":[{"value":1.}]}"#,
        r#"{"observations":[{"value":[1]}]}"#,
        r#"{"observations":[{"code":"a\u0041"}]}"#,
        "{\"observations\":[{\"code\":\"a\u{1}\"}]}",
        r#"{"id":"1","id":null,"observations":[]}"#,
        r#"{"id":1,"observations":[]}"#,
        r#"{"observations":[{"code":"a","code":"b"}]}"#,
        r#"{"observations":[{"code":nul}]}"#,
        r#"{"observations":[{"code":"open"#,
        r#"{"bed":{"unit":"ICU"},"observations":[]}"#,
        r#"{"patient":{"identifier":null},"observations":[]}"#,
        r#"{"observations":[],}"#,
    ] {
        assert!(read(other).is_none(), "{other}");
    }
}

/// Pieces of bodies, mostly put together as a body is.
fn body() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "\"[a-z \u{e9}\\\\]{0,12}\"",
        "-?[0-9]{1,3}([.][0-9]{0,2})?([eE][+-]?[0-9]{0,2})?",
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[1,{}]".to_owned()),
    ];
    let key = prop_oneof![
        Just("code"),
        Just("value"),
        Just("unit"),
        Just("time"),
        Just("system"),
        Just("status"),
        Just("other"),
        Just("id"),
        Just("device")
    ];
    let field = (key, scalar).prop_map(|(key, value)| format!("\"{key}\":{value}"));
    let item = prop::collection::vec(field.clone(), 0..4).prop_map(|fields| format!("{{{}}}", fields.join(", ")));
    let items = prop::collection::vec(item, 0..4).prop_map(|items| format!("\"observations\": [{}]", items.join(",")));
    let whose = prop_oneof![
        Just("\"patient\":{\"identifier\":\"1\"}".to_owned()),
        Just("\"bed\":{\"unit\":\"a\",\"bed\":\"b\"}".to_owned()),
        Just("\"bed\":null".to_owned()),
    ];
    (prop::collection::vec(field, 0..3), prop::collection::vec(whose, 0..2), items).prop_map(|(mut parts, whose, items)| {
        parts.extend(whose);
        parts.push(items);
        format!("{{{}}}", parts.join(","))
    })
}

proptest! {
    #[test]
    fn whatever_is_read_here_serde_reads_the_same(text in body(), cut in any::<prop::sample::Index>(), put in ".{0,2}") {
        agrees(&text);
        let cut = (0..=cut.index(text.len() + 1).min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let (before, after) = text.split_at(cut);
        agrees(&format!("{before}{put}{after}"));
        agrees(before);
    }
}
