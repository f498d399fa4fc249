//! Which case is what: from its number to its condition, CT, camera and view.

use super::protocol::{CameraEntry, Condition, CtEntry, Protocol};
use crate::geometry::View;

/// What a case is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CasePlan<'a> {
    /// Its number in the protocol, from 0.
    pub number: usize,
    /// Its number in the condition, from 0; decides its draws.
    pub number_in_condition: usize,
    /// The condition.
    pub condition: &'a Condition,
    /// The CT's place in the list.
    pub ct: usize,
    /// The camera's place in the list.
    pub camera: usize,
    /// Where the C-arm stands, nominally.
    pub view: View,
}

impl Protocol {
    /// The number of cases.
    #[must_use]
    pub fn case_count(&self) -> usize {
        self.conditions.iter().map(|condition| self.cases_of(condition)).sum()
    }

    /// What a case is made of; `None` beyond the last.
    #[must_use]
    pub fn case(&self, number: usize) -> Option<CasePlan<'_>> {
        let mut n = number;
        for condition in &self.conditions {
            let cases = self.cases_of(condition);
            if n < cases {
                return self.deal(number, n, condition);
            }
            n -= cases;
        }
        None
    }

    /// Deals the cases of a condition: first the CTs in turn, then the cameras, then the views.
    fn deal<'a>(
        &'a self,
        number: usize,
        number_in_condition: usize,
        condition: &'a Condition,
    ) -> Option<CasePlan<'a>> {
        let (cts, cameras) = (self.cts.len().max(1), self.cameras.len().max(1));
        let rounds = number_in_condition / cts;
        let view = *self.views.get(rounds / cameras % self.views.len().max(1))?;
        let (ct, camera) = (number_in_condition % cts, rounds % cameras);
        Some(CasePlan { number, number_in_condition, condition, ct, camera, view })
    }

    /// The CT that a case's X-ray is of: its own, or the next of the list.
    #[must_use]
    pub fn other_ct(&self, ct: usize) -> usize {
        (ct + 1) % self.cts.len().max(1)
    }

    /// A CT's entry, by its place in the list.
    #[must_use]
    pub fn ct(&self, place: usize) -> Option<&CtEntry> {
        self.cts.get(place)
    }

    /// A camera's entry, by its place in the list.
    #[must_use]
    pub fn camera(&self, place: usize) -> Option<&CameraEntry> {
        self.cameras.get(place)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: cases are dealt in turn, every condition from its first, and they end.
    use crate::evaluate::protocol_of_tests;

    #[test]
    fn cases_are_dealt_in_turn() {
        let mut protocol = protocol_of_tests();
        protocol.cameras.push(protocol.cameras[0].clone());
        protocol.cases = 5;
        protocol.conditions[1].cases = Some(2);
        assert_eq!(protocol.case_count(), 7);
        let dealt = |number| {
            let case = protocol.case(number).unwrap();
            assert_eq!(case.number, number);
            (case.condition.name.as_str(), case.number_in_condition, case.ct, case.camera)
        };
        assert_eq!(dealt(0), ("near", 0, 0, 0));
        assert_eq!(dealt(1), ("near", 1, 1, 0));
        assert_eq!(dealt(2), ("near", 2, 0, 1));
        assert_eq!(dealt(4), ("near", 4, 0, 0));
        assert_eq!(dealt(5), ("altered", 0, 0, 0));
        assert_eq!(dealt(6), ("altered", 1, 1, 0));
        assert_eq!(protocol.case(7), None);
    }
}
