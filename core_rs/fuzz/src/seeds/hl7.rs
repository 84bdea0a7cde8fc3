//! HL7 messages; each input begins with the byte that chooses the charset.

/// Florence Nightingale is admitted.
pub const ADMISSION: &str = "MSH|^~\\&|EHR|HOSP|NIGHTLAMP||20260301122900+0000||ADT^A01^ADT_A01|A1|P|2.5.1\rEVN|A01|20260301122900+0000\r\
PID|1||123^^^HOSP^MR||Nightingale^Florence||19500512|F\rPV1|1|I|ICU^1^7||||||MED||||7|||||V123|||||||||||||||||||||||||20260301120000+0000\r\
DG1|1|I10|A41.9^Sepsis^I10\r";

/// Her values.
pub const VITALS: &str = "MSH|^~\\&|EHR|HOSP|NIGHTLAMP||20260301122930+0000||ORU^R01^ORU_R01|R1|P|2.5.1\rPID|1||123^^^HOSP^MR\r\
PV1|1|I|ICU^1^7\rOBR|1|||V|||20260301122930+0000\rOBX|1|NM|8867-4^^LN||134|/min|||||F|||20260301122930+0000\r\
OBX|2|NM|9279-1^^LN||28|/min|||||F\rOBX|3|NM|59408-5^^LN||90|%|||||F\rOBX|4|NM|8480-6^^LN||86|mm[Hg]|||||F\r\
OBX|5|NM|8310-5^^LN||39.4|Cel|||||F\r";

const ODD: [&str; 9] = [
    // Types, statuses and units of every kind, some of them wrong.
    "MSH|^~\\&|L|H|||20260301122900||ORU^R01|R2|P|2.5.1|||AL|NE||8859/1\rPID|||7^^^HOSP^MR~8^^^OTHER&1.2.3&ISO^PI||M\u{fc}ller^J\\F\\g\rOBR|1||||||20260301122900\r\
OBX|1|SN|2951-2^^LN||=^140|mmol/L|||||F\rOBX|2|SN|2951-2^^LN||<^3|mmol/L|||||F\rOBX|3|CWE|11454-5^^LN||LA9340-6^Alert^LN||||||P\r\
OBX|4|ST|2951-2^^LN||140|mmol/L|||||C\rOBX|5|NM|2951-2^^LN||140|warm|||||F\rOBX|6|NM|x^y^z||1\rOBX|7|NM|2951-2^^LN||\"\"|mmol/L|||||D\r\
OBX|8|NM|PULS^^L||61||||||W\rOBX|9\rOBX|10|TX|a||b||||||X\rOBX|11|NM|147842^MDC_ECG_HEART_RATE^MDC||80|264864^MDC_DIM_BEAT_PER_MIN^MDC\r",
    // Delimiters of its own, escapes of every kind.
    "MSH#!@%*#A%X0d%B#H%.br%%H%c%N%%Z%#N##20260301122900##ORU!R01#R%F%3#T#2.3\rPID###1%T%2!!!HOSP\rOBR#1######202603011229\rOBX#1#NM#8867-4!!LN##7%X30%#/min\r",
    "MSH|^~\\&#|||||20260301||ADT^A08|A2|P|2.8.2\rEVN||2026\rPID|||1\rPV1||E|ER&x^2^\"\"\rDG1|1||250.00^^I9\rDG1|2||E11.9\rZZZ|1\r",
    "\u{b}MSH|^~\\&|A|B|C|D|20260301122900.1234+0100||ADT^A02|A3|D|2.6|||NE|AL\rPID|||1^^^HOSP\rPV1||I|WARD^1^2\r\u{1c}\r",
    "MSH|^~\\&|||||||ADT^A03|A4|P|2.4\rEVN|A03|20260301120000\rPID|||1\rPV1||I|ICU^^7|||||||||||||||||||||||||||||||||||||||||202602280000|202603011159\r",
    "FHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&|||||||ORU^R01|R4|P|2.5\rPID|||1\rOBX|1|NM|8867-4||80|/min|||||F|||20260301122900\rMSH|^~\\&|||||||ORU^R01|R5|P|2.5\rBTS|2\rFTS|1\r",
    "MSH|^~\\&|||||||ORU^R01|R6|P|2.5.1|||||||ASCII~ISO IR87\rPID|||1||\u{1b}$B;3ED\u{1b}(B\rOBX|1|NM|8867-4||80|/min|||||F|||20260301122900\r",
    "MSH|^~\\&|||||||ORU^R01|R7|P|2.5.1|||||||GB 18030-2000\rPID|||1||x\rPV1||I|ICU^^1\rOBX|1|NM|8867-4||80|/min|||||F|||20261025023000\r",
    "MSH|^~\\&|||||||QRY^A19|Q1|P|2.5.1\rQRD|1\r",
];

/// All of them, and one with very many short rows.
pub fn all() -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> = [ADMISSION, VITALS].iter().chain(&ODD).map(|text| with(0, text.as_bytes())).collect();
    let wide: Vec<u8> = ADMISSION.encode_utf16().flat_map(u16::to_le_bytes).collect();
    inputs.push(with(0, &[b"\xFF\xFE".as_slice(), &wide].concat()));
    inputs.push(with(2, &ADMISSION.replace("Nightingale", "M").into_bytes()));
    inputs.push(with(4, VITALS.as_bytes()));
    let rows = "OBX||N\r".repeat(1_000);
    inputs.push(with(0, format!("MSH|^~\\&|||||||ORU^R01|R8|P|2.5.1\rPID|||1\r{rows}").as_bytes()));
    inputs
}

fn with(charset: u8, body: &[u8]) -> Vec<u8> {
    [[charset].as_slice(), body].concat()
}
