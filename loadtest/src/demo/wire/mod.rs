//! What goes over the wire: HL7 v2 messages of an EHR and a laboratory, JSON of a bedside monitor.

pub mod device;
pub mod hl7;
