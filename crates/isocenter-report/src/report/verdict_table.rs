//! Verdicts against true errors.

use super::evaluation::{CaseRow, MethodCases};
use super::verdict::Verdict;
use crate::chart::number::count;

/// What is known of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorClass {
    Below1,
    Below2,
    Below10,
    Above10,
    NoResult,
    NoTruth,
}

/// How many classes there are.
const CLASSES: usize = 6;

/// The columns, in the order of the classes.
pub(crate) const CLASS_NAMES: [&str; CLASSES] =
    ["below 1 mm", "1 to 2 mm", "2 to 10 mm", "above 10 mm", "no result", "no truth"];

impl ErrorClass {
    fn of(case: &CaseRow) -> Self {
        match case.mtre_mm {
            Some(mtre) if mtre < 1.0 => Self::Below1,
            Some(mtre) if mtre < 2.0 => Self::Below2,
            Some(mtre) if mtre < 10.0 => Self::Below10,
            // What is no number is not near.
            Some(_) => Self::Above10,
            None if case.failure.is_some() => Self::NoResult,
            None if case.has_truth() => Self::NoResult,
            None => Self::NoTruth,
        }
    }
}

/// The cases of a method with one verdict.
pub(crate) struct VerdictRow {
    /// The method; only in its first row.
    pub(crate) method: String,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// All of them.
    pub(crate) cases: String,
    /// How many there are of each class.
    pub(crate) cells: Vec<VerdictCell>,
}

/// The cases of one class.
pub(crate) struct VerdictCell {
    /// How many.
    pub(crate) text: String,
    /// Whether this is what must not happen: judged good and wrong.
    pub(crate) alarming: bool,
}

/// The rows of all methods, without those of verdicts that did not occur.
pub(crate) fn verdict_rows(methods: &[MethodCases]) -> Vec<VerdictRow> {
    methods.iter().flat_map(rows_of).collect()
}

fn rows_of(method: &MethodCases) -> Vec<VerdictRow> {
    let mut rows = Vec::new();
    for verdict in Verdict::ALL {
        let mut counts = [0_usize; CLASSES];
        for case in method.cases.iter().filter(|case| case.verdict == verdict) {
            // In range: a class for each column.
            counts[ErrorClass::of(case) as usize] += 1;
        }
        let total: usize = counts.iter().sum();
        if total == 0 {
            continue;
        }
        let cell = |(class, &number): (usize, &usize)| VerdictCell {
            text: if number == 0 { "·".to_owned() } else { count(number) },
            alarming: verdict == Verdict::Good && class >= 2 && number > 0,
        };
        rows.push(VerdictRow {
            method: if rows.is_empty() { method.name.clone() } else { String::new() },
            verdict,
            cases: count(total),
            cells: counts.iter().enumerate().map(cell).collect(),
        });
    }
    rows
}

#[cfg(test)]
mod tests {
    //! Proves: each case is counted once, in its class, and wrong ones that are judged good stand
    //! out.
    use super::*;

    #[test]
    fn each_case_is_counted_once() {
        let case = |verdict, start_mtre_mm, mtre_mm| CaseRow {
            verdict,
            start_mtre_mm,
            mtre_mm,
            ..CaseRow::default()
        };
        let cases = vec![
            case(Verdict::Good, None, Some(0.99)),
            case(Verdict::Good, None, Some(1.0)),
            case(Verdict::Good, None, Some(f64::NAN)),
            case(Verdict::Failed, Some(9.0), None),
            case(Verdict::Failed, None, None),
            CaseRow { failure: Some("x".to_owned()), ..case(Verdict::Failed, None, None) },
        ];
        let rows = verdict_rows(&[MethodCases { name: "m".to_owned(), cases }]);
        let texts = |row: &VerdictRow| -> Vec<String> {
            row.cells.iter().map(|cell| cell.text.clone()).collect()
        };
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].method.as_str(), rows[1].method.as_str()), ("m", ""));
        assert_eq!(texts(&rows[0]), ["1", "1", "·", "1", "·", "·"]);
        assert_eq!(texts(&rows[1]), ["·", "·", "·", "·", "2", "1"]);
        let alarming: Vec<bool> = rows[0].cells.iter().map(|cell| cell.alarming).collect();
        assert_eq!(alarming, [false, false, false, true, false, false]);
    }
}
