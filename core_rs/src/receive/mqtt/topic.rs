//! `{prefix}/{unit}/{bed}/vitals` and `.../hl7v2`: the only topics there are.
//!
//! Unit and bed: 1 to 64 bytes each, any text without control characters, `/`, `+` and `#`.

use crate::receive::Source;

/// Longest unit or bed name, bytes.
pub(super) const NAME_BYTES_MAX: usize = 64;

/// A topic that names a bed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Topic<'a> {
    /// What the payload is.
    pub source: Source,
    /// The unit, for the credential's scope.
    pub unit: &'a str,
    /// `unit/bed`, the frame's context.
    pub context: &'a str,
}

/// Read a topic name, or `None` where it is not one of ours.
pub(super) fn read<'a>(prefix: &str, topic: &'a str) -> Option<Topic<'a>> {
    let rest = topic.strip_prefix(prefix)?.strip_prefix('/')?;
    let (context, leaf) = rest.rsplit_once('/')?;
    let source = match leaf {
        "vitals" => Source::JsonMqtt,
        "hl7v2" => Source::Hl7Mqtt,
        _ => return None,
    };
    let (unit, bed) = context.split_once('/')?;
    (is_name(unit) && is_name(bed)).then_some(Topic { source, unit, context })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(|c| c.is_control() || matches!(c, '/' | '+' | '#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "nightlamp/v1";

    #[test]
    fn a_topic_gives_source_unit_and_context() {
        let topic = read(PREFIX, "nightlamp/v1/icu/Bed 7/vitals").unwrap();
        assert_eq!(topic, Topic { source: Source::JsonMqtt, unit: "icu", context: "icu/Bed 7" });
        assert_eq!(read(PREFIX, "nightlamp/v1/icu/7/hl7v2").unwrap().source, Source::Hl7Mqtt);
    }

    #[test]
    fn anything_else_is_no_topic() {
        let long = format!("nightlamp/v1/icu/{}/vitals", "b".repeat(NAME_BYTES_MAX + 1));
        for bad in [
            "",
            "/",
            "nightlamp/v1",
            "nightlamp/v1/",
            "nightlamp/v1/icu/vitals",
            "nightlamp/v1/icu/7/vitals/x",
            "nightlamp/v1/icu/7/8/vitals",
            "nightlamp/v1//7/vitals",
            "nightlamp/v1/icu//vitals",
            "nightlamp/v1/+/7/vitals",
            "nightlamp/v1/icu/#/vitals",
            "nightlamp/v1/icu/7/waveform",
            "nightlamp/v2/icu/7/vitals",
            "nightlamp/v1x/icu/7/vitals",
            "nightlamp/v1/icu/7\n/vitals",
            "nightlamp/v1/icu/7\0/vitals",
            long.as_str(),
        ] {
            assert_eq!(read(PREFIX, bad), None, "{bad:?}");
        }
    }
}
