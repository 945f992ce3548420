//! A time axis for what happens in bursts: everything stands in the order in which it happened, long waits are shortened
//! and short ones stretched, and the longest are cut out and say how long they are. What happens at different instants
//! never stands at the same place, which on a true scale a lecture hall could not tell apart.

use crate::engine::Instant;
use crate::report::broken_axis::{Cut, Offsets, longest};
use crate::report::number::fmt_duration;

/// Room that a cut takes.
const CUT_PX: f64 = 46.0;
/// Room between a cut and what stands beside it.
const BESIDE_PX: f64 = 10.0;
const CUTS_MAX: usize = 4;
/// Room before and behind all instants.
const PAD_PX: f64 = 16.0;
/// The least between two instants, where there is room for it.
const APART_PX: f64 = 15.0;
/// But so much of the room is shared out by how long the waits are.
const BY_TIME: f64 = 0.3;

/// The axis.
#[derive(Clone, Debug, PartialEq)]
pub struct EventAxis {
    instants: Vec<Instant>,
    x: Vec<f64>,
    /// Positions of instants before which time is cut.
    cut_before: Vec<usize>,
    right: f64,
}

impl EventAxis {
    /// An axis from `left` to `right` on which all these instants are. No stretch that is inside one of `whole` is cut.
    pub fn new(instants: &[Instant], whole: &[(Instant, Instant)], left: f64, right: f64) -> EventAxis {
        let mut instants = instants.to_vec();
        instants.sort_unstable();
        instants.dedup();
        let cut = longest(&instants, whole, CUTS_MAX);
        let gaps: Vec<(Instant, Instant)> = instants.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let open = gaps.iter().filter(|gap| !cut.contains(gap)).count() as f64;
        // A wait a hundred times as long is ten times as wide.
        let weight = |gap: &(Instant, Instant)| (gap.1.since(gap.0).0 as f64).sqrt();
        let weights: f64 = gaps.iter().filter(|gap| !cut.contains(gap)).map(weight).sum();
        let room = (right - left - 2.0 * PAD_PX - cut.len() as f64 * (CUT_PX + 2.0 * BESIDE_PX)).max(0.0);
        let least = if open == 0.0 { 0.0 } else { APART_PX.min(room * (1.0 - BY_TIME) / open) };
        let shared = if weights == 0.0 { 0.0 } else { (room - least * open) / weights };
        let mut x = Vec::with_capacity(instants.len());
        x.extend(instants.first().map(|_| left + PAD_PX));
        let mut cut_before = Vec::new();
        for (i, gap) in gaps.iter().enumerate() {
            let width = if cut.contains(gap) {
                cut_before.push(i + 1);
                CUT_PX + 2.0 * BESIDE_PX
            } else {
                least + shared * weight(gap)
            };
            x.push(x[i] + width);
        }
        EventAxis { instants, x, cut_before, right }
    }

    /// Where an instant is; one between two that are known is between them.
    pub fn x(&self, at: Instant) -> f64 {
        let next = self.instants.partition_point(|known| *known < at);
        match (next.checked_sub(1), self.instants.get(next)) {
            (_, Some(known)) if *known == at => self.x[next],
            (None, Some(_)) => self.x[0] - PAD_PX,
            (None, None) => self.right,
            (Some(last), None) => (self.x[last] + PAD_PX).min(self.right),
            (Some(last), Some(after)) => {
                let part = at.since(self.instants[last]).0 as f64 / after.since(self.instants[last]).0 as f64;
                self.x[last] + part * (self.x[next] - self.x[last])
            }
        }
    }

    /// The first instant.
    pub fn origin(&self) -> Instant {
        self.instants.first().copied().unwrap_or(Instant::ZERO)
    }

    /// What was cut out, from left to right.
    pub fn cuts(&self) -> Vec<Cut> {
        let cut = |&i: &usize| Cut {
            x: self.x[i - 1] + BESIDE_PX,
            width: CUT_PX,
            span: self.instants[i].since(self.instants[i - 1]),
        };
        self.cut_before.iter().map(cut).collect()
    }

    /// Ticks at instants at least `apart_px` from each other, those behind a cut first: the first instant of all in
    /// full, the others by how long after it they are.
    pub fn ticks(&self, apart_px: f64) -> Vec<(f64, String)> {
        let mut chosen: Vec<usize> = Vec::new();
        let first = (0..self.instants.len()).take(1).chain(self.cut_before.iter().copied());
        for i in first.chain(0..self.instants.len()) {
            if chosen.iter().all(|other| (self.x[*other] - self.x[i]).abs() >= apart_px) {
                chosen.push(i);
            }
        }
        chosen.sort_unstable();
        let instants: Vec<Instant> = chosen.iter().map(|i| self.instants[*i]).collect();
        let offsets = Offsets::of(self.origin(), &instants);
        chosen.into_iter().map(|i| (self.x[i], offsets.since(self.instants[i]))).collect()
    }
}

/// How much time a cut takes out, in as many words as have room.
pub fn passing(cut: &Cut, fits: impl Fn(&str) -> bool) -> String {
    let short = fmt_duration(cut.span.0 as f64);
    let long = format!("{short} pass");
    if fits(&long) { long } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_happens_in_a_burst_can_be_told_apart() {
        let us = |us: &[u64]| us.iter().map(|us| Instant(us * 1000)).collect::<Vec<_>>();
        // Three quick exchanges, seconds between them, and one slow answer.
        let instants =
            us(&[0, 250, 500, 750, 7_000_000, 7_000_250, 7_000_500, 9_000_000, 9_000_250, 9_040_000, 9_080_000]);
        let answer = (Instant(9_000_250_000), Instant(9_080_000_000));
        let axis = EventAxis::new(&instants, &[answer], 150.0, 980.0);
        assert_eq!(axis.cuts().len(), 2);
        let x: Vec<f64> = instants.iter().map(|at| axis.x(*at)).collect();
        assert!(x.windows(2).all(|pair| pair[1] - pair[0] >= 10.0), "{x:?}");
        assert!(x[9] - x[8] > 3.0 * (x[8] - x[7]), "a long wait is wider: {x:?}");
        let mut words: Vec<String> = axis.ticks(60.0).into_iter().map(|(_, words)| words).collect();
        let all = words.len();
        words.dedup();
        assert_eq!(words.len(), all, "{words:?}");
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards(ns in prop::collection::vec(0..u64::MAX / 4, 0..60), scale in 0..60_u32) {
            let instants: Vec<Instant> = ns.iter().map(|ns| Instant(ns >> scale)).collect();
            let axis = EventAxis::new(&instants, &[], 150.0, 1000.0);
            let mut all: Vec<Instant> = instants.iter().flat_map(|at| [*at, Instant(at.0 / 2), Instant(at.0 + 1)]).collect();
            all.sort_unstable();
            let places: Vec<f64> = all.iter().map(|at| axis.x(*at)).collect();
            prop_assert!(places.windows(2).all(|pair| pair[0] <= pair[1] + 1e-6), "{:?}", places);
            prop_assert!(places.iter().all(|x| (149.0..1001.0).contains(x)), "{:?}", places);
            prop_assert!(axis.ticks(110.0).windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
