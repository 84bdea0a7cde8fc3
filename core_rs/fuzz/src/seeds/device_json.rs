//! Device messages.

/// One object of a bed monitor.
pub const MONITOR: &str = r#"{"id":"m-1","device":"D7","bed":{"unit":"ICU","bed":"7"},"time":"2026-03-01T12:29:30Z","observations":[{"code":"8867-4","value":80,"unit":"/min"},{"code":"SpO2","value":97,"unit":"%"},{"code":"Consciousness","value":"A"}]}"#;

const ODD: [&str; 6] = [
    r#"[{"patient":{"authority":"HOSP","identifier":"123"},"observations":[{"code":"HR","system":"nightlamp","value":8.1e1,"unit":"bpm","time":1772368170000,"status":"final"},{"code":147842,"value":-0,"unit":"/min","time":"2026-03-01T12:29:30.5+01:00"}]},{"observations":[]}]"#,
    r#"{"observations":[{"code":"\u0048R","value":"80","unit":null,"status":"X"},{"code":[],"value":{},"unit":true},{}],"note":{"a":[1,2,{"b":null}]},"id":""}"#,
    r#"{"bed":{"unit":"A","bed":"B"},"observations":[{"code":"Oxygen","value":true,"time":1e9},{"code":"Temp","value":1e400,"unit":"Cel"},{"code":"Temp","value":123456789012345678901234567890e-28,"unit":"Cel"}],"time":"9999-12-31T23:59:60Z"}"#,
    "{\"observations\":[{},{},{},{},{},{},{},{}]}",
    "[[\"id\",null,null,null,null,[[]]]]",
    "{\"observations\":[{\"code\":\"HR\",\"value\":0.000000000000000000000000000000000000000000000000000000000000001e65,\"unit\":\"/min\"}]}",
];

/// All of them, and bodies with very many small parts.
pub fn all() -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> = [MONITOR].iter().chain(&ODD).map(|text| text.as_bytes().to_vec()).collect();
    inputs.push(format!("{{\"observations\":[{}]}}", vec!["{}"; 2_000].join(",")).into_bytes());
    inputs.push(format!("[{}]", vec!["{\"observations\":[]}"; 400].join(",")).into_bytes());
    inputs.push(
        format!("{{\"observations\":[{{}}]{}}}", (0..400).map(|key| format!(",\"k{key}\":0")).collect::<String>()).into_bytes(),
    );
    inputs.push(format!("{{\"a\":{}{},\"observations\":[]}}", "[".repeat(200), "]".repeat(200)).into_bytes());
    inputs
}
