//! A time axis of one scale from which long stretches are cut in which nothing happens: each cut is marked and says how
//! much time it takes out. Between two cuts distances are true.

use std::collections::BTreeMap;

use crate::engine::{Instant, Span};
use crate::report::number::{NARROW_SPACE, Quantity, duration, fmt_duration};

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
    /// An axis from `left` to `right` on which all these instants are, with cuts of this width. No stretch that is inside
    /// one of `whole` is cut.
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
        let cut = longest(&instants, whole, CUTS_MAX);
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
}

/// At most so many stretches between neighbours of these instants, in their order, that stand out by their length and
/// are not inside one of `whole`.
pub fn longest(instants: &[Instant], whole: &[(Instant, Instant)], most: usize) -> Vec<(Instant, Instant)> {
    let gaps: Vec<(Instant, Instant)> = instants.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let kept = |gap: &(Instant, Instant)| whole.iter().any(|(from, to)| *from <= gap.0 && gap.1 <= *to);
    let mut cut: Vec<(Instant, Instant)> = Vec::new();
    while cut.len() < most {
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
    cut
}

/// Instants in words: the first in full, the others by how long after it they are, with as many digits as tell them from
/// one another.
#[derive(Clone, Debug, Default)]
pub struct Offsets {
    origin: Instant,
    words: BTreeMap<Instant, String>,
}

impl Offsets {
    /// Digits behind the point beyond which two instants may read the same.
    const DECIMALS_MAX: usize = 6;

    /// Of these instants.
    pub fn of(origin: Instant, instants: &[Instant]) -> Offsets {
        let rough = |at: &Instant| fmt_duration(at.since(origin).0 as f64);
        let mut words: BTreeMap<Instant, String> = instants.iter().map(|at| (*at, rough(at))).collect();
        for decimals in 1..=Offsets::DECIMALS_MAX {
            let all: Vec<(&Instant, &String)> = words.iter().collect();
            let alike = all.windows(2).filter(|pair| pair[0].1 == pair[1].1);
            let alike: Vec<Instant> = alike.flat_map(|pair| [*pair[0].0, *pair[1].0]).collect();
            words.extend(alike.into_iter().map(|at| (at, finer(at.since(origin), decimals))));
        }
        Offsets { origin, words }
    }

    /// One of them.
    pub fn since(&self, at: Instant) -> String {
        let rough = || fmt_duration(at.since(self.origin).0 as f64);
        if at == self.origin { clock(at) } else { format!("+{}", self.words.get(&at).cloned().unwrap_or_else(rough)) }
    }
}

/// A duration with so many digits behind the point, in the unit in which it has three digits otherwise.
fn finer(span: Span, decimals: usize) -> String {
    let Quantity { unit, .. } = duration(span.0 as f64);
    let sizes = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("min", 60e9), ("h", 3600e9), ("d", 86_400e9)];
    let size = sizes.iter().find(|(name, _)| *name == unit).map_or(1.0, |(_, size)| *size);
    format!("{:.decimals$}{NARROW_SPACE}{unit}", span.0 as f64 / size)
}

/// To the millisecond: `44.153 s`.
pub fn clock(at: Instant) -> String {
    format!("{}.{:03}{NARROW_SPACE}s", at.0 / 1_000_000_000, at.0 % 1_000_000_000 / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CUT_PX: f64 = 112.0;

    #[test]
    fn instants_close_to_each_other_get_more_digits() {
        let instants = [44_000_000_000, 59_912_000_000, 59_945_000_000, 60_800_000_000].map(Instant);
        let offsets = Offsets::of(instants[0], &instants);
        let words = instants.map(|at| offsets.since(at).replace(NARROW_SPACE, " "));
        assert_eq!(words, ["44.000 s", "+15.91 s", "+15.95 s", "+16.8 s"].map(str::to_owned));
        let close = [14_000_000, 18_918_231, 18_918_232].map(Instant);
        let offsets = Offsets::of(close[0], &close);
        assert_ne!(offsets.since(close[1]), offsets.since(close[2]));
    }

    fn at(ms: &[u64]) -> Vec<Instant> {
        ms.iter().map(|ms| Instant(ms * 1_000_000)).collect()
    }

    #[test]
    fn between_two_cuts_distances_are_true() {
        let instants = at(&[100, 101, 103, 900, 902, 904]);
        let axis = BrokenAxis::with_cuts(&instants, &[], 150.0, 1000.0, CUT_PX);
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
        assert_eq!(BrokenAxis::with_cuts(&instants, &whole, 0.0, 1000.0, CUT_PX).cuts(), []);
        assert_eq!(BrokenAxis::with_cuts(&instants, &[], 0.0, 1000.0, CUT_PX).cuts().len(), 1);
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards(ns in prop::collection::vec(0..u64::MAX / 4, 0..20), scale in 0..60_u32) {
            let instants: Vec<Instant> = ns.iter().map(|ns| Instant(ns >> scale)).collect();
            let axis = BrokenAxis::with_cuts(&instants, &[], 150.0, 1000.0, CUT_PX);
            let mut sorted = instants.clone();
            sorted.sort_unstable();
            let places: Vec<f64> = sorted.iter().map(|at| axis.x(*at)).collect();
            prop_assert!(places.windows(2).all(|pair| pair[0] <= pair[1] + 1e-6));
            prop_assert!(places.iter().all(|x| (149.0..1001.0).contains(x)), "{:?}", places);
        }
    }
}
