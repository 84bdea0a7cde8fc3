//! Settings of an operator: alert policies, feature plans, calibrations, decoder settings; the first byte says which.

const POLICY: &str = "[[rule]]\nname = \"news2-high\"\nscore = \"news2\"\nlabel = \"NEWS2\"\nseverity = \"critical\"\nenter = 7.0\nclear = 5.0\n\
enter_evaluations = 2\nclear_evaluations = 3\nlockout_s = 600\nunits = [\"ICU\", \"WARD\"]\nmin_present = 3\n\
[[rule]]\nname = \"x\"\nscore = \"none\"\nseverity = \"warning\"\nenter = 1\nclear = 0\noptional = true\n";
const PLAN: &str = "cell = \"1h\"\ndemographics = [\"age_years\", \"sex_male\"]\nderived = [\"shock_index\"]\n\
[[features]]\nsignal = \"HR\"\nstats = [\"last\", \"age\", \"mean\", \"slope\", \"time_since_abnormal\"]\nwindows = [\"6h\", \"stay\", \"1d\"]\nnormal = [60, 100]\ncell = \"none\"\n\
[[features]]\nsignal = \"Temp\"\nstats = [\"std\"]\nwindows = [\"12h\"]\npane = \"60s\"\n\
[[coded]]\nfield = \"diagnosis_any\"\nname = \"chapter\"\ncategories = [\"390-459,icd10:I10-I99\", \"E11\"]\nlabels = [\"heart\", \"sugar\"]\n";
const PLAN_JSON: &str = r#"{"plan":{"features":[{"signal":"HR","stats":["min","max","delta","count"],"windows":["90s","15m"]}],"derived":["bun_creatinine"]}}"#;
const DECODER: &str = r#"{"site_key":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","timezone":"Europe/Berlin","authorities":["HOSP"],"codes":[{"code":"PULS","system":"L","signal":"HR","unit":"/min"}],"limits":{"future_s_max":60}}"#;

/// All of them.
pub fn all() -> Vec<Vec<u8>> {
    let calibrations = [
        "kind = 'identity'",
        "kind = 'platt'\na = 1.0\nb = -0.5",
        "kind = 'isotonic'\nx = [-1.7e308, 0, 1.7e308]\ny = [0, 0.5, 1]",
    ];
    let mut inputs = vec![with(0, POLICY), with(1, PLAN), with(1, PLAN_JSON), with(3, DECODER)];
    inputs.extend(calibrations.map(|text| with(2, text)));
    inputs.push(with(0, &format!("rule = {}{}", "[".repeat(300), "]".repeat(300))));
    inputs.push(with(1, &format!("a{} = 1", ".a".repeat(300))));
    inputs.push(with(1, &format!("[{}]", vec!["a"; 300].join("."))));
    inputs
}

fn with(kind: u8, text: &str) -> Vec<u8> {
    [&[kind], text.as_bytes()].concat()
}
