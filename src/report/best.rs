//! Which design is best, by what the scenario's question is about.

use super::measure::asks;
use super::summary::Summary;

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// How many are answered in full; then how long the slow answers take.
    Answered,
    /// How long the slow answers take, among designs that answer no fewer than the base.
    Tail,
}

impl By {
    /// Questions of time are about latency, all others about answers.
    pub fn of(question: &str) -> By {
        if asks(question, "latency") { By::Tail } else { By::Answered }
    }
}

/// The best of some designs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    /// Its place among them; 0 is the base.
    pub place: usize,
    /// What decided.
    pub by: By,
    /// The percentile of answers that was compared, by its place in [`super::summary::Times::at_ns`].
    pub percentile: usize,
}

impl Best {
    /// `p99`.
    pub fn percentile_name(&self) -> &'static str {
        ["p50", "p90", "p99"][self.percentile]
    }
}

/// An answer that takes less than this share of the base's is faster.
const FASTER: f64 = 0.9;
/// Who leaves so many more of all requests unanswered is not compared by its answers.
const AS_MANY: f64 = 0.01;

/// The design that serves its users best, judged by the first client group. Fewer are left unanswered if that is a
/// thousandth of what was asked, or half where few are. The base is best unless another is better than it.
pub fn best(sums: &[&Summary], by: By) -> Option<Best> {
    let percentile = reached(sums);
    let unserved = |s: &Summary| s.seen.first().map_or(1.0, |s| 1.0 - s.goodput / s.offered.max(1e-9));
    let tail = |s: &Summary| s.seen.first().and_then(|s| s.answers.at_ns[percentile]).map_or(f64::MAX, |ns| ns as f64);
    let least = sums.iter().map(|s| unserved(s)).fold(1.0, f64::min);
    let rank = |s: &Summary| match by {
        By::Answered => (unserved(s), tail(s)),
        By::Tail if unserved(s) - least > AS_MANY => (unserved(s), f64::MAX),
        By::Tail => (least, tail(s)),
    };
    // Of ten thousand a few are still under way when the run ends.
    let fewer = |a: f64, b: f64| b - a > 1e-3 || b - a > 1e-4 && a < b / 2.0;
    let better = |(unserved, tail): (f64, f64), (others, than): (f64, f64), margin: f64| {
        fewer(unserved, others) || !fewer(others, unserved) && tail < than * margin
    };
    let base = rank(sums.first()?);
    let mut best = (0, base);
    for (place, sum) in sums.iter().enumerate().skip(1) {
        let this = rank(sum);
        if better(this, base, FASTER) && better(this, best.1, 1.0) {
            best = (place, this);
        }
    }
    Some(Best { place: best.0, by, percentile })
}

/// The rarest percentile up to p99 that ten answers of every design lie beyond; designs that answer nobody have none.
fn reached(sums: &[&Summary]) -> usize {
    let answers = sums.iter().filter_map(|s| s.seen.first()).map(|s| s.answers.count).filter(|n| *n > 0);
    match answers.min().unwrap_or(0) {
        1000.. => 2,
        100.. => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::bottleneck::Bottleneck;
    use crate::report::summary::{Seen, Times};

    /// Of a thousand a second so many are answered in full, the slow ones in so many ms.
    fn sum((goodput, p99_ms): (f64, u64)) -> Summary {
        let answers = Times { at_ns: [None, None, Some(p99_ms * 1_000_000), None, None], count: 1000, mean_ns: None };
        let seen = Seen {
            name: "users".to_owned(),
            offered: 1000.0,
            goodput,
            answered: Some(goodput / 1000.0),
            refused: None,
            timed_out: None,
            answers,
            ended: answers,
            requests: 1000,
            open: 0,
        };
        let bottleneck = Bottleneck { part: None, words: String::new(), sentence: String::new() };
        Summary { seen: vec![seen], parts: Vec::new(), bottleneck }
    }

    #[test]
    fn the_question_says_what_is_best() {
        for (designs, answered, tail) in [
            // Who refuses nearly all is fast, and no better.
            (&[(1000.0, 200), (10.0, 1)][..], 0, 0),
            // A little more is answered, and all of it later.
            (&[(995.0, 200), (1000.0, 900), (993.0, 20)], 1, 2),
            // A base that fails is not compared by the few that it answers.
            (&[(10.0, 1), (900.0, 300), (990.0, 400)], 2, 2),
            // Of those that leave many unserved, too, a few fewer decide.
            (&[(900.0, 200), (895.0, 20)], 0, 1),
            // A twentieth is chance.
            (&[(1000.0, 200), (1000.0, 190)], 0, 0),
            (&[(1000.0, 200), (1000.0, 170), (1000.0, 150)], 2, 2),
        ] {
            let sums: Vec<Summary> = designs.iter().copied().map(sum).collect();
            let sums: Vec<&Summary> = sums.iter().collect();
            let place = |by| best(&sums, by).map(|best| best.place);
            assert_eq!((place(By::Answered), place(By::Tail)), (Some(answered), Some(tail)), "{designs:?}");
        }
        assert_eq!(By::of("How long does a request take?"), By::Tail);
        assert_eq!(By::of("What do the users see?"), By::Answered);
    }
}
