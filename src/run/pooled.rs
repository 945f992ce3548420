//! What many seeds say together: a comparison is judged by its means over them, everything else must hold on each.

use super::judge::Judged;
use super::many::Seeded;
use crate::expect::{self, Dimension, Finding, Measured, Outcome, That, Verdict};
use crate::scenario::{ExpectPlan, Plan};

/// One expectation of one variant over all seeds.
#[derive(Clone, Debug)]
pub struct Pooled {
    /// The variant.
    pub variant: String,
    /// Its name.
    pub name: String,
    /// As written.
    pub text: String,
    /// What came of it: of the means, or of the seed that decides.
    pub finding: Finding,
    /// Of a mean: what was measured, over the seeds.
    pub spread: Option<Spread>,
    /// How many seeds met it alone, and how many there were.
    pub alone: (usize, usize),
    /// The first seed that did not meet it alone; the one that decides, if it must hold on each.
    pub telling: Option<u64>,
}

/// A value over several seeds, in its own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// What it measures.
    pub dimension: Dimension,
    /// The mean.
    pub mean: f64,
    /// With 95 % confidence the mean of many seeds is no further away; `None` of one seed.
    pub half_width: Option<f64>,
    /// The lowest of one seed.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
}

/// Every expectation over all seeds, by variant; `plans` are the variants under any one of them.
pub fn pooled(seeds: &[Seeded], plans: &[Plan]) -> Vec<Pooled> {
    let mut all = Vec::new();
    for (at, plan) in plans.iter().enumerate() {
        for (number, expectation) in plan.expects.iter().enumerate() {
            let of_run = |s: &Seeded| -> Option<(u64, Judged)> {
                let judged = s.runs.get(at)?.judged.iter().find(|j| j.number == number)?;
                Some((s.seed, judged.clone()))
            };
            let runs: Vec<(u64, Judged)> = seeds.iter().filter_map(of_run).collect();
            if !runs.is_empty() {
                all.push(pool(&plan.variant, expectation, &runs));
            }
        }
    }
    all
}

fn pool(variant: &str, expectation: &ExpectPlan, runs: &[(u64, Judged)]) -> Pooled {
    let met = |judged: &Judged| matches!(judged.finding.outcome, Outcome::Met | Outcome::Reported);
    let alone = (runs.iter().filter(|(_, judged)| met(judged)).count(), runs.len());
    let deciding = runs.iter().min_by_key(|(_, judged)| rank(judged.finding.outcome));
    let Some((seed, first)) = deciding else { unreachable!("only expectations with a run are pooled") };
    let (finding, spread) = match by_means(expectation, runs) {
        Some((finding, spread)) => (finding, Some(spread)),
        None => (first.finding.clone(), None),
    };
    let telling = (!met(first)).then_some(*seed);
    Pooled {
        variant: variant.to_owned(),
        name: expectation.name.clone(),
        text: expectation.text.clone(),
        finding,
        spread,
        alone,
        telling,
    }
}

/// The worst first.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::NotMet => 0,
        Outcome::Unknown => 1,
        Outcome::Vacuous => 2,
        Outcome::Met | Outcome::Reported => 3,
    }
}

/// A comparison by its means; `None` of what must hold on each seed: properties, labels, what must be so within a time,
/// and whatever a seed could not tell. A seed that never exercised it has no part in the mean.
fn by_means(expectation: &ExpectPlan, runs: &[(u64, Judged)]) -> Option<(Finding, Spread)> {
    let compares = matches!(expectation.that, That::Compare { .. } | That::Near { .. } | That::Between { .. });
    if !compares || expectation.within.is_some() {
        return None;
    }
    let found = || runs.iter().map(|(_, judged)| &judged.finding).filter(|f| f.verdict != Verdict::Vacuous);
    let left: Vec<Measured> = found().filter_map(|f| f.left).collect();
    let right: Vec<Measured> = found().filter_map(|f| f.right).collect();
    let told = found().count();
    if left.len() != told || !(right.is_empty() || right.len() == told) {
        return None;
    }
    let finding = expect::judge_means(&expectation.that, expectation.expected, &left, &right)?;
    let mean = finding.left?;
    let spread = Spread {
        dimension: mean.dimension,
        mean: mean.value,
        half_width: if told > 1 { mean.standard_error.map(|error| error * student_95(told - 1)) } else { None },
        lowest: left.iter().map(|m| m.value).fold(f64::INFINITY, f64::min),
        highest: left.iter().map(|m| m.value).fold(f64::NEG_INFINITY, f64::max),
    };
    Some((finding, spread))
}

/// So many standard errors either side of a mean of normal values hold 95 %: Student's t, NIST/SEMATECH e-Handbook,
/// section 1.3.6.7.2; beyond 30 degrees of freedom to three digits.
fn student_95(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    TABLE.get(degrees.saturating_sub(1)).copied().unwrap_or_else(|| 1.960 + 2.4 / degrees as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::{Expected, parse_that};

    fn expectation(that: &str) -> ExpectPlan {
        ExpectPlan {
            name: "e".into(),
            text: that.into(),
            line: 1,
            that: parse_that(that).expect("it parses"),
            expected: Expected::Holds,
            needs: Vec::new(),
            during: None,
            within: None,
            only: Vec::new(),
            source: None,
            why: None,
            say: Vec::new(),
        }
    }

    fn runs(that: &str, values: &[f64]) -> Vec<(u64, Judged)> {
        let of = |(seed, value): (u64, &f64)| {
            let measured = Measured { standard_error: None, ..Measured::exact(*value, Dimension::NUMBER) };
            let bound = Measured::exact(10.0, Dimension::NUMBER);
            let parsed = parse_that(that).expect("it parses");
            let finding = expect::judge_means(&parsed, Expected::Holds, &[measured], &[bound]).expect("of one");
            let judged = Judged {
                number: 0,
                name: "e".into(),
                text: that.into(),
                line: 1,
                finding,
                source: None,
                why: None,
                say: Vec::new(),
            };
            (seed, judged)
        };
        (1..).zip(values).map(of).collect()
    }

    #[test]
    fn a_comparison_is_judged_by_its_mean_and_names_the_seeds_that_differ() {
        let that = "count(errors(api)) < 10";
        let found = pool("base", &expectation(that), &runs(that, &[8.0, 9.0, 11.0, 8.0]));
        assert_eq!(found.finding.outcome, Outcome::Met);
        assert_eq!((found.alone, found.telling), ((3, 4), Some(3)));
        let spread = found.spread.expect("it has a mean");
        assert_eq!((spread.mean, spread.lowest, spread.highest), (9.0, 8.0, 11.0));
        // A standard deviation of sqrt(2) over four runs, and three degrees of freedom.
        let half = spread.half_width.expect("of four seeds");
        assert!((half - 3.182 * 2.0_f64.sqrt() / 2.0).abs() < 1e-9, "{half}");
    }

    #[test]
    fn a_mean_beyond_the_bound_is_not_met_though_most_seeds_are() {
        let that = "count(errors(api)) < 10";
        let found = pool("base", &expectation(that), &runs(that, &[9.0, 9.0, 30.0]));
        assert_eq!((found.finding.outcome, found.alone, found.telling), (Outcome::NotMet, (2, 3), Some(3)));
    }

    #[test]
    fn nothing_in_a_seed_is_no_part_of_the_mean_and_unknown_leaves_it_open() {
        let that = "count(errors(api)) < 10";
        let mut seeds = runs(that, &[8.0, 30.0, 8.0]);
        (seeds[1].1.finding.verdict, seeds[1].1.finding.outcome) = (Verdict::Vacuous, Outcome::Vacuous);
        let found = pool("base", &expectation(that), &seeds);
        assert_eq!((found.finding.outcome, found.spread.map(|s| s.mean)), (Outcome::Met, Some(8.0)));
        (seeds[1].1.finding.verdict, seeds[1].1.finding.outcome) = (Verdict::Unknown, Outcome::Unknown);
        seeds[1].1.finding.left = None;
        let found = pool("base", &expectation(that), &seeds);
        assert_eq!((found.finding.outcome, found.spread, found.telling), (Outcome::Unknown, None, Some(2)));
    }
}
