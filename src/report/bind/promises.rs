//! The expectations section: each line of the file beside what every design measured.

use super::Design;
use crate::expect::{self, Dimension, Measured};
use crate::report::number::{NOTHING, Unit, fmt_error};
use crate::report::page::{Expectation, Expectations, Verdict};
use crate::report::theme::State;
use crate::run::{Judged, Run};
use crate::scenario::Plan;

/// A measured value as a reader sees it.
pub(crate) fn measured(m: &Measured) -> String {
    match m.dimension {
        Dimension::DURATION => Unit::Nanos.write(m.value * 1e9),
        Dimension::RATE => Unit::PerSecond.write(m.value),
        Dimension::SHARE => Unit::Share.write(m.value),
        Dimension::SIZE => Unit::Bytes.write(m.value),
        // Counts are exact.
        _ => Unit::Count.write(m.value),
    }
}

/// The two numbers of an expectation of the form `measured ~ theory`, if both are there.
pub(super) fn near(judged: &Judged) -> Option<(&Measured, &Measured)> {
    judged.text.contains(" ~ ").then_some(())?;
    Some((judged.finding.left.as_ref()?, judged.finding.right.as_ref()?))
}

pub(super) fn expectations(runs: &[Run], designs: &[Design<'_>], source: &str) -> Expectations {
    let file = source.rsplit('/').next().unwrap_or(source);
    // In the order of the file; variants may leave some out.
    let mut order: Vec<(usize, &str, &str)> =
        runs.iter().flat_map(|r| &r.judged).map(|j| (j.line, j.name.as_str(), j.text.as_str())).collect();
    order.sort_unstable();
    order.dedup();
    let mut rows = Vec::new();
    let (mut asked_for, mut reported, mut not_met) = (0, 0, Vec::new());
    for (line, name, text) in order {
        let of = |d: &Design<'_>| -> Vec<&Judged> {
            let variant = runs.iter().filter(|r| r.outcome.plan.variant == d.name());
            variant.flat_map(|r| &r.judged).filter(|j| j.name == name).collect()
        };
        let all: Vec<&Judged> = designs.iter().flat_map(of).collect();
        let result = together(&all);
        if result.state == State::Ok && all.iter().any(|j| j.finding.verdict == expect::Verdict::Violated) {
            asked_for += 1;
        }
        if result.state == State::Error {
            not_met.push(name);
        }
        reported += usize::from(all.iter().all(|j| j.finding.outcome == expect::Outcome::Reported));
        let owner = owner(designs, name);
        let first = all.first();
        let why = first.and_then(|j| j.why.as_deref().or(j.source.as_deref())).unwrap_or("").to_owned();
        let place = match when(designs, name) {
            Some(when) => format!("{file}:{line} · {when}"),
            None => format!("{file}:{line}"),
        };
        rows.push(Expectation {
            text: text.to_owned(),
            place,
            why,
            measured: (0..designs.len())
                .map(|i| match owner {
                    Some(owner) if owner != i => NOTHING.to_owned(),
                    _ => cell(&of(&designs[i]), designs.len() > 3),
                })
                .collect(),
            evidence: None,
            result,
        });
    }
    let caption = if designs.len() > 1 {
        "Measured, per design. ✓ holds, ✕ violated; the result says whether that was expected."
    } else {
        "What was measured. ✓ holds, ✕ violated; the result says whether that was expected."
    };
    Expectations {
        finding: finding(&rows, designs.len() > 1, asked_for, reported, &not_met),
        caption: caption.to_owned(),
        designs: designs.iter().map(|d| (d.mark, d.name().to_owned())).collect(),
        rows,
        how_to_read: String::new(),
    }
}

fn finding(rows: &[Expectation], several: bool, asked_for: usize, reported: usize, not_met: &[&str]) -> String {
    let all = rows.len();
    // Of what is only reported nothing is expected: it is not open.
    let open = rows.iter().filter(|r| matches!(r.result.state, State::Unknown | State::Vacuous)).count() - reported;
    let mut text = match (not_met, open) {
        ([], 0) if reported == all => "Nothing is expected; this was measured".to_owned(),
        ([], 0) if reported > 0 => format!("{} of {all} are met, the rest is only reported", all - reported),
        ([], 0) if all == 1 => "The expectation is met".to_owned(),
        // The verdict on top counts every design of a row.
        ([], 0) if several => "All are met".to_owned(),
        ([], 0) if all == 2 => "Both are met".to_owned(),
        ([], 0) => format!("All {all} are met"),
        ([], open) => format!("{open} of {all} can't be told"),
        ([one], _) => format!("{one} is not met"),
        (many, _) => format!("{} of {all} are not met", many.len()),
    };
    if asked_for > 0 && not_met.is_empty() {
        text += &match asked_for {
            1 => ", one of them with a violation that was expected".to_owned(),
            n => format!(", {n} of them with violations that were expected"),
        };
    }
    text
}

/// Where every number of an expectation is that of a design which it names, whoever is judged: the design whose number is
/// measured, so that it is shown once.
fn owner(designs: &[Design<'_>], name: &str) -> Option<usize> {
    let variant = names_its_designs(&designs.first()?.run.outcome.plan, name)?;
    let judged = |d: &&Design<'_>| d.run.judged.iter().any(|judged| judged.name == name);
    let place = |wanted: &dyn Fn(&&Design<'_>) -> bool| designs.iter().position(|d| wanted(&d));
    place(&|d| judged(d) && d.name() == variant).or_else(|| place(&|d| judged(d)))
}

/// The design whose number an expectation measures, if all its numbers are those of designs that it names.
pub(crate) fn names_its_designs<'p>(plan: &'p Plan, name: &str) -> Option<&'p str> {
    let expect = plan.expects.iter().find(|expect| expect.name == name)?;
    let metrics = expect.that.metrics();
    let all = metrics.iter().all(|metric| metric.variant.is_some());
    metrics.first().filter(|_| all)?.variant.as_deref()
}

/// `during spike`, `within 60s after spike`, as the file has it.
fn when(designs: &[Design<'_>], name: &str) -> Option<String> {
    let tree = &designs.first()?.run.outcome.plan.tree;
    let expect = tree.get("expect")?.get(name)?;
    let word = |key: &str| expect.get(key).and_then(|v| v.as_str());
    if let Some(during) = word("during") {
        let spoken = ["before ", "after ", "during "].iter().any(|w| during.starts_with(w));
        return Some(if spoken { during.to_owned() } else { format!("during {during}") });
    }
    word("within").map(|w| format!("within {w}"))
}

/// What one design measured: of one seed the sign and the value, of several how many were as expected.
/// `short` leaves out the distance from theory, which the model card has too.
fn cell(judged: &[&Judged], short: bool) -> String {
    match judged {
        [] => NOTHING.to_owned(),
        [one] => {
            let sign = match one.finding.verdict {
                expect::Verdict::Holds => "✓",
                expect::Verdict::Violated => "✕",
                expect::Verdict::Unknown => "?",
                expect::Verdict::Vacuous => "no samples",
            };
            let value = match (near(one), one.finding.left.as_ref()) {
                (Some((left, right)), _) if right.value != 0.0 && !short => {
                    format!("{} ({})", measured(left), fmt_error((left.value - right.value) / right.value))
                }
                (_, Some(left)) => measured(left),
                // Beside many designs the sign says it, and the line above the table says what it means.
                _ if short => String::new(),
                _ if one.finding.verdict == expect::Verdict::Holds => "holds".to_owned(),
                _ if one.finding.verdict == expect::Verdict::Violated => "violated".to_owned(),
                _ => String::new(),
            };
            format!("{sign} {value}").trim_end().to_owned()
        }
        many => {
            let met = many.iter().filter(|j| j.finding.outcome.passes()).count();
            format!("{met} of {} seeds", many.len())
        }
    }
}

fn together(judged: &[&Judged]) -> Verdict {
    use expect::Outcome as O;
    let any = |outcome: O| judged.iter().any(|j| j.finding.outcome == outcome);
    let (state, words) = if any(O::NotMet) {
        (State::Error, "not met")
    } else if any(O::Unknown) {
        (State::Unknown, "unknown")
    } else if any(O::Vacuous) {
        (State::Vacuous, "vacuous")
    } else if any(O::Met) {
        let violated = |j: &&&Judged| j.finding.verdict == expect::Verdict::Violated;
        let met = || judged.iter().filter(|j| j.finding.outcome == O::Met);
        (
            State::Ok,
            match met().filter(violated).count() {
                0 => "met",
                some if some == met().count() => "violated, as expected",
                _ => "met, violated where expected",
            },
        )
    } else {
        (State::Vacuous, "reported")
    };
    Verdict { state, words: words.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::answer::plain;

    #[test]
    fn counts_are_exact_and_ratios_have_three_digits() {
        for (value, expected) in
            [(3525.0, "3 525"), (10_964.0, "10 964"), (9_876_543.0, "9 876 543"), (1.23456, "1.23")]
        {
            assert_eq!(plain(&measured(&Measured::exact(value, Dimension::COUNT))), expected);
        }
    }
}
