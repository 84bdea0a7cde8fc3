//! The codes of an ADT message: PID-10, PV1-4 10 14 20 36, and the diagnoses of DG1-3.
//!
//! A code is the first component (the identifier) of the first repetition. One that cannot be read in the message's character
//! set is absent and a fault beside the event; the system of a diagnosis is DG1-3.3, else DG1-2 (until HL7 2.2).

use compact_str::CompactString;

use super::adt::Reading;
use super::scan::Fields;
use super::separators::Separator;
use crate::decode::facts::{CODE_BYTES_MAX, Coding, Diagnosis, Fact, Facts};

/// Where each fact of PV1 stands.
const OF_PV1: [(Fact, usize, &str); 5] = [
    (Fact::AdmissionType, 4, "PV1^1^4"),
    (Fact::Service, 10, "PV1^1^10"),
    (Fact::AdmitSource, 14, "PV1^1^14"),
    (Fact::FinancialClass, 20, "PV1^1^20"),
    (Fact::DischargeDisposition, 36, "PV1^1^36"),
];

impl Reading<'_> {
    /// What PID, PV1 and DG1 say in codes; `count` is of all DG1 segments.
    pub(super) fn facts(&mut self, pid: &Fields<'_, 11>, pv1: &Fields<'_, 46>, dg1: &[&[u8]], count: u32) -> Facts {
        let mut facts = Facts::default();
        facts.diagnoses_count = count;
        facts.set(Fact::Race, self.code(pid.get(10), "PID^1^10"));
        for (fact, n, place) in OF_PV1 {
            facts.set(fact, self.code(pv1.get(n), place));
        }
        facts.diagnoses = dg1.iter().map(|segment| self.diagnosis(segment)).collect();
        facts
    }

    /// PV1-3.1, also where no bed is named.
    pub(super) fn unit(&mut self, pv1_3: &[u8]) -> CompactString {
        let leaf = self.leaves.index.piece(self.leaves.component(pv1_3, 1), Separator::Subcomponent, 1);
        self.whole_text(leaf, "PV1^1^3")
    }

    fn diagnosis(&mut self, segment: &[u8]) -> Diagnosis {
        let fields = self.leaves.index.fields::<4>(segment);
        let code = self.code(fields.get(3), "DG1^1^3");
        let named = self.leaves.component(fields.get(3), 3);
        let (system, _) = self.leaves.text(if named.is_empty() { fields.get(2) } else { named });
        Diagnosis::new(if code.len() <= CODE_BYTES_MAX { &code } else { "" }, Coding::named(&system))
    }

    /// The identifier of a coded field.
    fn code(&mut self, field: &[u8], place: &str) -> CompactString {
        let leaf = self.leaves.component(field, 1);
        self.whole_text(leaf, place)
    }

    /// A text, or empty (and a fault) where not all of it can be read.
    fn whole_text(&mut self, leaf: &[u8], place: &str) -> CompactString {
        let faults = self.faults();
        let text = self.text(leaf, place);
        if self.faults() == faults { text } else { CompactString::default() }
    }
}
