//! The envelope: what MSH must say before a message may be journalled. A refusal here is answered AR (or CR), never stored.

use super::escape::unescape;
use super::scan::{Delimiters, Fields, piece};
use crate::decode::catalogue::shown;
use crate::decode::config::DecodeConfig;
use crate::decode::event::EncounterKind;
use crate::error::{Code, Refusal};

/// Versions read here.
const VERSIONS: [&[u8]; 11] =
    [b"2.3", b"2.3.1", b"2.4", b"2.5", b"2.5.1", b"2.6", b"2.7", b"2.7.1", b"2.8", b"2.8.1", b"2.8.2"];
/// Longest MSH-10 (HL7 v2.8: 199 characters).
const CONTROL_ID_BYTES_MAX: usize = 199;
/// MSH-1 to MSH-18.
const PARTS: usize = 18;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ADT of an event that moves a patient, undoes that, or joins two records.
    Adt(EncounterKind),
    /// ORU R01.
    Oru,
}

/// MSH, cut at its separators.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// The message's delimiters.
    pub delimiters: Delimiters,
    fields: Fields<'a, PARTS>,
}

impl<'a> Header<'a> {
    /// Read the first segment of a message.
    ///
    /// # Errors
    /// `Malformed`: it is not MSH, or its delimiters cannot be used.
    #[inline]
    pub fn read(segment: &'a [u8]) -> Result<Self, Refusal> {
        if !segment.starts_with(b"MSH") {
            return Err(Refusal::new(Code::Malformed, "the message does not begin with MSH").at("MSH"));
        }
        let delimiters = Delimiters::read(segment)?;
        Ok(Self { delimiters, fields: Fields::split(segment, delimiters.field) })
    }

    /// MSH-n for n from 3; whole field, blanks around it stripped, null as empty.
    pub fn field(&self, n: usize) -> &'a [u8] {
        self.fields.get(n.saturating_sub(1))
    }

    /// MSH-n.c.
    pub fn component(&self, n: usize, c: usize) -> &'a [u8] {
        piece(self.field(n), self.delimiters.component, c)
    }

    /// What makes a redelivered message recognisable beside its principal.
    pub fn identity(&self) -> [&'a [u8]; 3] {
        [self.field(3), self.field(4), self.field(10)]
    }

    /// What of MSH must be the same for a redelivery to be one: all but field 7. That is when a copy was sent: some systems write it
    /// anew each time they send the same message.
    pub fn content(&self) -> [&'a [u8]; 2] {
        self.fields.around(6)
    }

    /// Whether the envelope is one nightlamp takes.
    ///
    /// # Errors
    /// The first of: version, type, event, control id, processing id, with its place in MSH.
    pub fn check(&self, config: &DecodeConfig) -> Result<Kind, Refusal> {
        self.check_version()?;
        let kind = self.kind()?;
        let control_id = self.field(10);
        if control_id.is_empty() {
            return Err(Refusal::new(Code::MissingField, "MSH-10 message control id").at("MSH^1^10"));
        }
        if control_id.len() > CONTROL_ID_BYTES_MAX {
            return Err(Refusal::new(Code::Malformed, "MSH-10 is longer than 199 characters").at("MSH^1^10"));
        }
        self.check_processing_id(config)?;
        Ok(kind)
    }

    fn check_version(&self) -> Result<(), Refusal> {
        let version = self.component(12, 1);
        if version.is_empty() {
            return Err(Refusal::new(Code::MissingField, "MSH-12 version id").at("MSH^1^12"));
        }
        if VERSIONS.contains(&version) {
            return Ok(());
        }
        Err(Refusal::new(Code::UnsupportedVersion, format!("MSH-12 '{}'", shown(version))).at("MSH^1^12"))
    }

    fn kind(&self) -> Result<Kind, Refusal> {
        let (kind, event) = (self.component(9, 1), self.component(9, 2));
        match (kind, event) {
            (b"ADT", b"A01") => Ok(Kind::Adt(EncounterKind::Admit)),
            (b"ADT", b"A02") => Ok(Kind::Adt(EncounterKind::Transfer)),
            (b"ADT", b"A03") => Ok(Kind::Adt(EncounterKind::Discharge)),
            (b"ADT", b"A04") => Ok(Kind::Adt(EncounterKind::Register)),
            (b"ADT", b"A08") => Ok(Kind::Adt(EncounterKind::Update)),
            (b"ADT", b"A11") => Ok(Kind::Adt(EncounterKind::CancelAdmit)),
            (b"ADT", b"A12") => Ok(Kind::Adt(EncounterKind::CancelTransfer)),
            (b"ADT", b"A13") => Ok(Kind::Adt(EncounterKind::CancelDischarge)),
            (b"ADT", b"A40") => Ok(Kind::Adt(EncounterKind::Merge)),
            (b"ORU", b"R01") => Ok(Kind::Oru),
            (b"", _) => Err(Refusal::new(Code::MissingField, "MSH-9 message type").at("MSH^1^9^1^1")),
            (b"ADT" | b"ORU", b"") => Err(Refusal::new(Code::MissingField, "MSH-9.2 trigger event").at("MSH^1^9^1^2")),
            (b"ADT" | b"ORU", event) => {
                let read = "ADT A01 A02 A03 A04 A08 A11 A12 A13 A40 and ORU R01";
                let detail = format!("MSH-9.2 '{}'; read are {read}", shown(event));
                Err(Refusal::new(Code::UnsupportedEvent, detail).at("MSH^1^9^1^2"))
            }
            (kind, _) => {
                let detail = format!("MSH-9.1 '{}'; read are ADT and ORU", shown(kind));
                Err(Refusal::new(Code::UnsupportedType, detail).at("MSH^1^9^1^1"))
            }
        }
    }

    fn check_processing_id(&self, config: &DecodeConfig) -> Result<(), Refusal> {
        let id = unescape(self.component(11, 1), &self.delimiters);
        if config.processing_ids.iter().any(|accepted| accepted.as_bytes() == &*id) {
            return Ok(());
        }
        if id.is_empty() {
            return Err(Refusal::new(Code::MissingField, "MSH-11 processing id").at("MSH^1^11"));
        }
        let detail = format!("MSH-11 '{}'; accepted here: {}", shown(&id), config.processing_ids.join(", "));
        Err(Refusal::new(Code::ProcessingId, detail).at("MSH^1^11"))
    }
}
