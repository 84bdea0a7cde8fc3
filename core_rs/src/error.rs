//! Every refusal a sender can meet, in one table: code, HTTP status, HL7 acknowledgement, HL7 table 0357 error code and text.
//!
//! A code is what metrics, dead letters and answers carry; the detail beside it says which field and what was expected, and
//! never holds patient identity (P6).

use std::fmt;

/// HL7 acknowledgement codes (table 0008, original mode). Enhanced mode answers the matching commit code (CA, CE, CR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// Application accept.
    Aa,
    /// Application error: the message was understood, its content was not acceptable.
    Ae,
    /// Application reject: do not send again unchanged.
    Ar,
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $http:literal, $ack:ident, $hl7:literal, $text:literal;)*) => {
        /// Why something was refused or dead-lettered. The list is complete: a test walks it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Code { $($variant,)* }

        impl Code {
            /// All codes, in declaration order.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];
            /// The stable name used in metrics, dead letters and answers.
            pub const fn name(self) -> &'static str { match self { $(Code::$variant => $name,)* } }
            /// The HTTP status a refusal with this code carries.
            pub const fn http_status(self) -> u16 { match self { $(Code::$variant => $http,)* } }
            /// The HL7 acknowledgement a refusal with this code carries.
            pub const fn ack(self) -> Ack { match self { $(Code::$variant => Ack::$ack,)* } }
            /// The HL7 table 0357 error code for ERR-3.
            pub const fn hl7_code(self) -> u16 { match self { $(Code::$variant => $hl7,)* } }
            /// One sentence for a person.
            pub const fn text(self) -> &'static str { match self { $(Code::$variant => $text,)* } }
        }
    };
}

codes! {
    // The envelope: refused to the sender, never journalled.
    Malformed           = "malformed",            400, Ar, 100, "The message cannot be read as what it claims to be.";
    TooLarge            = "too_large",            413, Ar, 207, "The message is larger than the limit.";
    TooManyParts        = "too_many_parts",       413, Ar, 207, "The message has more segments, observations or messages than the limit.";
    UnsupportedCharset  = "unsupported_charset",  415, Ar, 103, "The character set is not one nightlamp reads.";
    UnsupportedVersion  = "unsupported_version",  422, Ar, 203, "The HL7 version is outside 2.3 to 2.8.";
    UnsupportedType     = "unsupported_type",     422, Ar, 200, "The message type is not one nightlamp reads.";
    UnsupportedEvent    = "unsupported_event",    422, Ar, 201, "The trigger event is not one nightlamp reads.";
    ProcessingId        = "processing_id",        422, Ar, 202, "The processing id is not accepted here.";
    MissingField        = "missing_field",        422, Ar, 101, "A required field is missing.";
    JournalFull         = "journal_full",         507, Ar, 207, "The journal has no room: its size cap is reached or its disk is full.";
    Overloaded          = "overloaded",           503, Ar, 207, "The server is at its limit; try again later.";
    Unauthenticated     = "unauthenticated",      401, Ar, 207, "No valid credential was given.";
    Forbidden           = "forbidden",            403, Ar, 207, "The credential does not allow this.";
    Internal            = "internal",             500, Ar, 207, "An internal error; it was recorded.";
    // The content: journalled and acknowledged, then dead-lettered in part or whole.
    BadCharset          = "bad_charset",          422, Ae, 102, "A text field is not valid in the declared character set.";
    BadDataType         = "bad_data_type",        422, Ae, 102, "A field does not have the declared data type.";
    BadTime             = "bad_time",             422, Ae, 102, "A time cannot be read.";
    MissingTime         = "missing_time",         422, Ae, 101, "An observation, or an event whose order matters, has no time.";
    FutureTime          = "future_time",          422, Ae, 102, "An observation time lies too far in the future.";
    AncientTime         = "ancient_time",         422, Ae, 102, "An observation time lies too far in the past.";
    UnknownCode         = "unknown_code",         422, Ae, 204, "The observation code is not in the catalogue or the site's code map.";
    UnknownUnit         = "unknown_unit",         422, Ae, 103, "The unit is not one the catalogue converts for this code.";
    MissingUnit         = "missing_unit",         422, Ae, 101, "A numeric observation has no unit.";
    Implausible         = "implausible",          422, Ae, 102, "The value is outside what is possible for this signal.";
    MissingValue        = "missing_value",        422, Ae, 101, "The observation carries no value.";
    MissingPatient      = "missing_patient",      422, Ae, 101, "The message names no patient.";
    UnknownPatient      = "unknown_patient",      422, Ae, 204, "The patient is not known here.";
    EmptyBed            = "empty_bed",            422, Ae, 204, "No patient is admitted to this bed.";
    DuplicateConflict   = "duplicate_conflict",   409, Ae, 205, "The same message id was seen with other content.";
    TooLate             = "too_late",             409, Ae, 207, "What the correction names can no longer be taken back.";
    Superseded          = "superseded",           409, Ae, 205, "The value was corrected or withdrawn before it came.";
    NothingToCancel     = "nothing_to_cancel",    409, Ae, 204, "The event to cancel is not known here.";
    MergeConflict       = "merge_conflict",       409, Ae, 205, "The records cannot be merged in this way.";
    PatientLimit        = "patient_limit",        503, Ae, 207, "More patients than the limit are present.";
    SignalLimit         = "signal_limit",         503, Ae, 207, "One patient has more observations in memory than the limit.";
}

/// A refusal with its detail: which field, what was expected. The detail never holds patient identity.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    /// The entry of the table.
    pub code: Code,
    /// Which field, what was expected; safe to log.
    pub detail: String,
    /// Where in an HL7 message, as ERR-2 wants it (`OBX^3^6`); empty where it does not apply.
    pub location: String,
}

impl Refusal {
    /// A refusal without an HL7 location.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), location: String::new() }
    }

    /// The same refusal, pointing at a place in an HL7 message.
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = location.into();
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl std::error::Error for Refusal {}
