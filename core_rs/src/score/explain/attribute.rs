//! What is said of the person and the encounter, its coded facts included. No identity: of an age from 90 on only that (as the HIPAA safe harbour asks).

use super::outline::Said;
use super::spoken;

/// Codes of a category that are told.
const CODES_TOLD: usize = 4;
/// From this age on only "90 years or more" is said.
const AGE_TOLD_MAX: f64 = 90.0;

/// An attribute of the plan by its name.
pub fn say(name: &str, value: f64) -> Said {
    let words = match (name, value.is_nan()) {
        ("age_years", true) => "age not known".to_owned(),
        ("age_years", false) if value >= AGE_TOLD_MAX => "age 90 years or more".to_owned(),
        ("age_years", false) => format!("age {:.0} years", value.floor()),
        ("sex_male", true) => "sex not known".to_owned(),
        ("sex_male", false) => if value > 0.0 { "male" } else { "female" }.to_owned(),
        ("hours_since_admission", true) => "time of admission not known".to_owned(),
        ("hours_since_admission", false) => format!("{} since admission", span_h(value)),
        ("hours_of_stay", true) => "length of the stay not known".to_owned(),
        ("hours_of_stay", false) => format!("{} of stay", span_h(value)),
        ("diagnoses_count", true) => "number of diagnoses not known".to_owned(),
        ("diagnoses_count", false) if (value - 1.0).abs() < 0.5 => "1 diagnosis".to_owned(),
        ("diagnoses_count", false) => format!("{value:.0} diagnoses"),
        ("hours_in_unit", true) => "time in this unit not known".to_owned(),
        ("hours_in_unit", false) => format!("{} in this unit", span_h(value)),
        ("hours_before_unit", true) => "time in hospital before this unit not known".to_owned(),
        ("hours_before_unit", false) => before_unit(value),
        ("service_medical" | "service_surgical", true) => "hospital service not known".to_owned(),
        ("service_medical", false) => service("medical", value),
        ("service_surgical", false) => service("surgical", value),
        _ => return other(name, value),
    };
    Said { missing: value.is_nan(), words }
}

/// A coded fact: `admit source: 7 or EMER`, by the codes of the plan's category, never by the message's text.
pub fn coded(name: &str, value: f64, categories: &[String]) -> Said {
    let title = name.replace('_', " ");
    // NaN is no place: `as` makes it 0, so it is looked at first.
    let category = (value >= 0.0).then(|| categories.get(value as usize)).flatten();
    let words = match category {
        None => format!("no {title} known"),
        Some(category) => {
            let codes: Vec<&str> = category.split(',').map(str::trim).collect();
            let more = if codes.len() > CODES_TOLD { " or another of its group" } else { "" };
            format!("{title}: {}{more}", codes.get(..CODES_TOLD).unwrap_or(&codes).join(" or "))
        }
    };
    Said { missing: category.is_none(), words }
}

/// A column nothing else is known of: its name and number.
pub fn other(name: &str, value: f64) -> Said {
    let title = name.replace(['_', '.'], " ");
    let words = if value.is_nan() { format!("no {title}") } else { format!("{title} {}", spoken::short(value, 2)) };
    Said { missing: value.is_nan(), words }
}

fn span_h(hours: f64) -> String {
    spoken::span(hours * 3_600.0)
}

/// Hospital to unit; some records have it the other way round, which is said and not mended.
fn before_unit(hours: f64) -> String {
    if hours < 0.0 {
        format!("admission recorded {} after entry into this unit", span_h(-hours))
    } else {
        format!("{} in hospital before this unit", span_h(hours))
    }
}

fn service(name: &str, value: f64) -> String {
    if value > 0.0 { format!("{name} service") } else { format!("not under the {name} service") }
}
