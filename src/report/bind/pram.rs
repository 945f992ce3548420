//! Why pipelined RAM may be violated though all that it implies holds.

use super::consistency::Shown;
use super::witness::missed_write;
use crate::check::{Property, Verdict as Checked};

/// The three that pipelined RAM implies; by [`check::hierarchy`] not the reverse.
const PARTS_OF_PRAM: [Property; 3] = [Property::MonotonicReads, Property::MonotonicWrites, Property::ReadYourWrites];

/// Why PRAM is violated although all three guarantees that it implies hold, with the first design in which that is so.
///
/// The hierarchy has PRAM above the three, not equal to them (jepsen.io/consistency, after Viotti and Vukolić 2016): they
/// make it up together only where all three mean the same order of writes, and read off answers each of them compares a
/// read with one write at a time.
pub(super) fn more_than_its_parts(all: &[Shown<'_>]) -> String {
    let told = all.iter().find_map(|shown| {
        let evidence = match shown.standing.of(Property::Pram) {
            Some(Checked::Violated(evidence)) => evidence,
            _ => return None,
        };
        let held = PARTS_OF_PRAM.iter().all(|part| shown.standing.of(*part) == Some(&Checked::Holds));
        held.then_some((shown, evidence))
    });
    let Some((shown, evidence)) = told else { return String::new() };
    let with = if all.len() > 1 { format!("With {}", shown.name) } else { "Here".to_owned() };
    format!(
        " {with}, PRAM is violated though monotonic reads, monotonic writes and read your writes hold: each of them \
         compares a read with one write at a time, PRAM wants for each client one order of all writes that explains all \
         it read (jepsen.io/consistency, after Viotti and Vukolić 2016).{}",
        missed_write(shown.outcome, evidence).map_or_else(String::new, |pair| format!(" But {pair}."))
    )
}
