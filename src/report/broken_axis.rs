//! A time axis of one scale from which long stretches are cut in which nothing happens: each cut is marked and says how
//! much time it takes out. Between two cuts distances are true.

use crate::engine::{Instant, Span};
use crate::report::number::{NARROW_SPACE, fmt_count, fmt_duration};

/// Room that a cut takes, at least: its length in words stands above it.
pub const CUT_PX: f64 = 112.0;
/// Room before and behind what stands between two cuts.
const PAD_PX: f64 = 16.0;
/// More cuts than these, and nobody has a feeling for time any more.
const CUTS_MAX: usize = 3;
/// A stretch is cut if it takes more than this share of what is left.
const SHARE: f64 = 0.3;
/// And is this many times as long as the others are on average.
const OUTSTANDING: u64 = 4;

#[derive(Clone, Debug, PartialEq)]
struct Piece {
    from: Instant,
    to: Instant,
    /// Where `from` is.
    x: f64,
}

/// The axis.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenAxis {
    pieces: Vec<Piece>,
    px_per_ns: f64,
    right: f64,
    cut_px: f64,
}

/// A stretch that was cut out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Its left edge.
    pub x: f64,
    /// How wide it is.
    pub width: f64,
    /// How much time it takes out.
    pub span: Span,
}

impl BrokenAxis {
    /// An axis from `left` to `right` on which all these instants are. No stretch that is inside one of `whole` is cut.
    pub fn new(instants: &[Instant], whole: &[(Instant, Instant)], left: f64, right: f64) -> BrokenAxis {
        BrokenAxis::with_cuts(instants, whole, left, right, CUT_PX)
    }

    /// The same with cuts of a width of one's own.
    pub fn with_cuts(
        instants: &[Instant],
        whole: &[(Instant, Instant)],
        left: f64,
        right: f64,
        cut_px: f64,
    ) -> BrokenAxis {
        let mut instants = instants.to_vec();
        instants.sort_unstable();
        instants.dedup();
        let gaps: Vec<(Instant, Instant)> = instants.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let kept = |gap: &(Instant, Instant)| whole.iter().any(|(from, to)| *from <= gap.0 && gap.1 <= *to);
        let mut cut: Vec<(Instant, Instant)> = Vec::new();
        while cut.len() < CUTS_MAX {
            let left: u64 = gaps.iter().filter(|gap| !cut.contains(gap)).map(|gap| gap.1.since(gap.0).0).sum();
            let open = gaps.iter().filter(|gap| !cut.contains(gap) && !kept(gap));
            let Some(longest) = open.max_by_key(|gap| gap.1.since(gap.0)) else { break };
            let length = longest.1.since(longest.0).0;
            let others = (gaps.len() - cut.len()).saturating_sub(1).max(1) as u64;
            // It must stand out among the rest, too.
            let stands_out = length > (left - length) / others * OUTSTANDING;
            if gaps.len() < 2 || length as f64 <= left as f64 * SHARE || !stands_out {
                break;
            }
            cut.push(*longest);
        }
        let mut pieces: Vec<Piece> = Vec::new();
        for at in instants {
            match pieces.last_mut() {
                Some(piece) if !cut.contains(&(piece.to, at)) => piece.to = at,
                _ => pieces.push(Piece { from: at, to: at, x: left }),
            }
        }
        let time: u64 = pieces.iter().map(|piece| piece.to.since(piece.from).0).sum();
        let count = pieces.len() as f64;
        let room = right - left - (count - 1.0).max(0.0) * cut_px - count * 2.0 * PAD_PX;
        let px_per_ns = if time == 0 { 0.0 } else { room.max(1.0) / time as f64 };
        let mut x = left;
        for piece in &mut pieces {
            piece.x = x + PAD_PX;
            x = piece.x + piece.to.since(piece.from).0 as f64 * px_per_ns + PAD_PX + cut_px;
        }
        BrokenAxis { pieces, px_per_ns, right, cut_px }
    }

    /// Where an instant is; one that was cut out is in the middle of its cut.
    pub fn x(&self, at: Instant) -> f64 {
        let after = self.pieces.partition_point(|piece| piece.from <= at);
        let Some(piece) = after.checked_sub(1).and_then(|i| self.pieces.get(i)) else {
            return self.pieces.first().map_or(self.right, |piece| piece.x - PAD_PX);
        };
        if at <= piece.to {
            return piece.x + at.since(piece.from).0 as f64 * self.px_per_ns;
        }
        let end = self.end(piece) + PAD_PX;
        if after < self.pieces.len() { end + self.cut_px / 2.0 } else { end.min(self.right) }
    }

    fn end(&self, piece: &Piece) -> f64 {
        piece.x + piece.to.since(piece.from).0 as f64 * self.px_per_ns
    }

    /// The first instant.
    pub fn origin(&self) -> Instant {
        self.pieces.first().map_or(Instant::ZERO, |piece| piece.from)
    }

    /// What was cut out, from left to right.
    pub fn cuts(&self) -> Vec<Cut> {
        let pairs = self.pieces.windows(2);
        pairs
            .map(|pair| Cut {
                x: self.end(&pair[0]) + PAD_PX,
                width: self.cut_px,
                span: pair[1].from.since(pair[0].to),
            })
            .collect()
    }

    /// Ticks at least `apart_px` from each other, the first instant in full, the others by how long after it they are.
    pub fn ticks(&self, apart_px: f64) -> Vec<(f64, String)> {
        let origin = self.origin();
        let mut ticks = Vec::new();
        let Some(first) = self.pieces.first() else { return ticks };
        ticks.push((first.x, clock(origin)));
        let Some(step) = self.step(apart_px) else { return ticks };
        for (i, piece) in self.pieces.iter().enumerate() {
            let (from, to) = (piece.from.since(origin).0, piece.to.since(origin).0);
            let mut free = if i == 0 { piece.x + apart_px * 0.8 } else { piece.x };
            let mut at = from.div_ceil(step) * step;
            if i > 0 && at > to {
                // Too short for a round number.
                ticks.push((piece.x, format!("+{}", fmt_duration(from as f64))));
            }
            while at <= to {
                let x = self.x(origin + Span(at));
                if x >= free {
                    ticks.push((x, format!("+{}", exact(at, step))));
                    free = x + apart_px * 0.8;
                }
                at += step;
            }
        }
        ticks
    }

    /// The smallest round step that leaves enough room.
    fn step(&self, apart_px: f64) -> Option<u64> {
        let mut step: u64 = 1;
        for factor in [2, 5, 10].into_iter().cycle().take(60) {
            if step as f64 * self.px_per_ns >= apart_px {
                return Some(step);
            }
            let decade = 10_u64.checked_pow(step.ilog10())?;
            step = decade.checked_mul(factor)?;
        }
        None
    }
}

/// To the millisecond: `44.153 s`.
pub fn clock(at: Instant) -> String {
    format!("{}.{:03}{NARROW_SPACE}s", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000_000)
}

/// A multiple of a round step in the largest unit in which the step is whole.
fn exact(ns: u64, step: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns")];
    let (size, unit) = units.iter().copied().find(|(size, _)| step.is_multiple_of(*size)).unwrap_or((1, "ns"));
    // From a thousand on the next unit reads better: 5.8 s, not 5 800 ms.
    let larger = units.iter().rev().find(|(other, _)| *other > size && ns / size >= 1000);
    let Some((large, unit)) = larger else { return format!("{}{NARROW_SPACE}{unit}", fmt_count(ns / size)) };
    let part = format!("{:03}", ns % large / (large / 1000));
    let part = part.trim_end_matches('0');
    let point = if part.is_empty() { "" } else { "." };
    format!("{}{point}{part}{NARROW_SPACE}{unit}", fmt_count(ns / large))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_change_their_unit_from_a_thousand_on() {
        for (ns, step, words) in [
            (800_000_000, 200_000_000, "800 ms"),
            (5_800_000_000, 200_000_000, "5.8 s"),
            (6_000_000_000, 200_000_000, "6 s"),
            (22_000_000, 500_000, "22 ms"),
            (500_000, 500_000, "500 µs"),
        ] {
            assert_eq!(exact(ns, step).replace(NARROW_SPACE, " "), words);
        }
    }

    fn at(ms: &[u64]) -> Vec<Instant> {
        ms.iter().map(|ms| Instant(ms * 1_000_000)).collect()
    }

    #[test]
    fn between_two_cuts_distances_are_true() {
        let instants = at(&[100, 101, 103, 900, 902, 904]);
        let axis = BrokenAxis::new(&instants, &[], 150.0, 1000.0);
        let x = |ms: u64| axis.x(Instant(ms * 1_000_000));
        let ms = x(101) - x(100);
        assert!((x(103) - x(101) - 2.0 * ms).abs() < 1e-6 && (x(904) - x(902) - 2.0 * ms).abs() < 1e-6);
        let cuts = axis.cuts();
        assert_eq!(cuts.iter().map(|cut| cut.span).collect::<Vec<_>>(), [Span::millis(797)]);
        assert!(x(103) < cuts[0].x && cuts[0].x + CUT_PX < x(900));
    }

    #[test]
    fn what_is_under_way_is_not_cut() {
        let instants = at(&[0, 1, 50, 51, 52]);
        let whole = [(Instant::ZERO, Instant(51_000_000))];
        assert_eq!(BrokenAxis::new(&instants, &whole, 0.0, 1000.0).cuts(), []);
        assert_eq!(BrokenAxis::new(&instants, &[], 0.0, 1000.0).cuts().len(), 1);
    }

    #[test]
    fn ticks_are_round_and_count_from_the_first_instant() {
        let axis = BrokenAxis::new(&at(&[44_153, 44_158, 44_163, 44_172, 44_193]), &[], 150.0, 1000.0);
        let words: Vec<String> =
            axis.ticks(120.0).into_iter().map(|(_, words)| words.replace('\u{202f}', " ")).collect();
        assert_eq!(words[0], "44.153 s");
        assert!(words[1..].iter().all(|word| word.starts_with('+') && word.ends_with(" ms")), "{words:?}");
        assert!(words.len() >= 3);
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards(ns in prop::collection::vec(0..u64::MAX / 4, 0..20), scale in 0..60_u32) {
            let instants: Vec<Instant> = ns.iter().map(|ns| Instant(ns >> scale)).collect();
            let axis = BrokenAxis::new(&instants, &[], 150.0, 1000.0);
            let mut sorted = instants.clone();
            sorted.sort_unstable();
            let places: Vec<f64> = sorted.iter().map(|at| axis.x(*at)).collect();
            prop_assert!(places.windows(2).all(|pair| pair[0] <= pair[1] + 1e-6));
            prop_assert!(places.iter().all(|x| (149.0..1001.0).contains(x)), "{:?}", places);
            prop_assert!(axis.ticks(110.0).windows(2).all(|pair| pair[0].0 <= pair[1].0 + 1e-6));
        }
    }
}
