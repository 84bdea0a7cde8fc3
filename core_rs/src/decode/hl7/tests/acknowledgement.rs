use super::*;
use ack::{Outcome, acknowledge};

fn answer(payload: &str, outcome: Outcome<'_>) -> Vec<String> {
    let bytes = acknowledge(decoder().digest(), payload.as_bytes(), "", outcome, NOON_US);
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.ends_with('\r'));
    text.trim_end_matches('\r').split('\r').map(str::to_owned).collect()
}

fn refusal() -> Refusal {
    Refusal::new(Code::UnknownUnit, "HR in 'a|b^c'; accepted: /min").at("OBX^2^6")
}

#[test]
fn an_accepted_message_is_answered_aa_with_parties_swapped() {
    let lines = answer(&message(&[MSH, PID, HR]), Outcome::Accepted(&[]));
    let msh: Vec<&str> = lines[0].split('|').collect();
    assert_eq!(&msh[..9], ["MSH", "^~\\&", "NL", "HOSP", "MON", "WARD", "20260301123000.000+0000", "", "ACK^R01^ACK"]);
    assert_eq!((msh[9].len(), msh[10], msh[11]), (16, "P", "2.5.1"));
    assert_eq!(lines[1..], ["MSA|AA|M1"]);
}

#[test]
fn a_refusal_is_answered_with_its_code_place_and_text() {
    let lines = answer(MSH, Outcome::Refused(&Refusal::new(Code::UnsupportedVersion, "MSH-12 '9'").at("MSH^1^12")));
    assert_eq!(lines[1], "MSA|AR|M1");
    assert_eq!(
        lines[2],
        "ERR||MSH^1^12|203^unsupported_version^HL70357|E||||The HL7 version is outside 2.3 to 2.8. MSH-12 '9'"
    );
    let content = answer(MSH, Outcome::Refused(&refusal()));
    assert_eq!(content[1], "MSA|AE|M1");
}

#[test]
fn rejected_observations_are_warnings_beside_aa() {
    let lines = answer(MSH, Outcome::Accepted(&[refusal(), refusal()]));
    assert_eq!((lines.len(), lines[1].as_str()), (4, "MSA|AA|M1"));
    assert!(lines[2].starts_with("ERR||OBX^2^6|103^unknown_unit^HL70357|W||||"));
    assert!(lines[2].contains("'a\\F\\b\\S\\c'"));
    let many: Vec<Refusal> = (0..250).map(|_| refusal()).collect();
    let lines = answer(MSH, Outcome::Accepted(&many));
    assert_eq!(lines.len(), 2 + 100 + 1);
    assert!(lines[102].contains("and 150 more"));
}

#[test]
fn enhanced_mode_answers_commit_codes() {
    let code = |msh_15: &str, msh_16: &str, outcome: Outcome<'_>| {
        let lines = answer(&format!("{MSH}|||{msh_15}|{msh_16}"), outcome);
        lines[1].split('|').nth(1).map(str::to_owned).expect("MSA-1")
    };
    let malformed = Refusal::new(Code::Malformed, "");
    assert_eq!(code("", "", Outcome::Accepted(&[])), "AA");
    for (accept, application) in [("AL", ""), ("AL", "NE"), ("AL", "AL"), ("NE", "NE"), ("", "AL")] {
        assert_eq!(code(accept, application, Outcome::Accepted(&[])), "CA", "{accept} {application}");
    }
    assert_eq!(code("NE", "AL", Outcome::Accepted(&[])), "AA");
    assert_eq!(code("AL", "", Outcome::Refused(&malformed)), "CR");
    assert_eq!(code("AL", "", Outcome::Refused(&refusal())), "CE");
}

#[test]
fn the_answer_keeps_the_senders_delimiters_and_version() {
    let odd = "MSH#!@%*#MON#WARD#NL#HOSP#20260301##ORU!R01#M1#P#2.3";
    let lines = answer(odd, Outcome::Refused(&refusal()));
    assert!(lines[0].starts_with("MSH#!@%*#NL#HOSP#MON#WARD#"));
    assert!(lines[0].contains("#ACK!R01!ACK#") && lines[0].ends_with("#P#2.3"));
    assert!(lines[1].starts_with("MSA#AE#M1#The unit is not"));
    assert!(lines[2].starts_with("ERR#OBX!2!6!103*unknown_unit*HL70357#OBX!2!6#103!unknown_unit!HL70357#E####"));
}

#[test]
fn what_has_no_header_is_answered_all_the_same() {
    let lines = answer("garbage", Outcome::Refused(&Refusal::new(Code::Malformed, "no MSH").at("MSH")));
    assert!(lines[0].starts_with("MSH|^~\\&|||||20260301123000.000+0000||ACK^^ACK|"));
    assert_eq!(lines[1], "MSA|AR");
}

#[test]
fn the_same_inputs_give_the_same_answer_and_others_another_id() {
    let id =
        |payload: &str, now_us: i64| acknowledge(decoder().digest(), payload.as_bytes(), "", Outcome::Accepted(&[]), now_us);
    assert_eq!(id(MSH, 1), id(MSH, 1));
    assert_ne!(id(MSH, 1), id(MSH, 2));
}

#[test]
fn a_batch_is_answered_with_all_its_answers_counted() {
    let one = acknowledge(decoder().digest(), MSH.as_bytes(), "", Outcome::Accepted(&[]), NOON_US);
    let text = String::from_utf8(ack::batch(&[one.clone(), one], NOON_US)).expect("text");
    assert!(text.starts_with("BHS|^~\\&|NIGHTLAMP||||20260301123000.000+0000\rMSH|"));
    assert!(text.ends_with("\rBTS|2\r"));
    let cut = batch::split(text.as_bytes(), 10).expect("our own batch reads back");
    assert_eq!(cut.messages.len(), 2);
}
