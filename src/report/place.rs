//! Where labels go: boxes that must not touch, lines that should not be crossed, labels spread along an edge.

use crate::report::svg::{Anchor, Svg, Text};

/// A rectangle on the drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// True if the two overlap by more than a hair.
    pub fn overlaps(&self, other: &Area) -> bool {
        const HAIR: f64 = 0.5;
        self.x + self.width > other.x + HAIR
            && other.x + other.width > self.x + HAIR
            && self.y + self.height > other.y + HAIR
            && other.y + other.height > self.y + HAIR
    }
    /// True if `other` lies inside.
    pub fn contains(&self, other: &Area) -> bool {
        other.x >= self.x - 0.5
            && other.y >= self.y - 0.5
            && other.x + other.width <= self.x + self.width + 0.5
            && other.y + other.height <= self.y + self.height + 0.5
    }
    /// True if the point lies inside.
    pub fn holds(&self, (x, y): (f64, f64)) -> bool {
        x >= self.x && x <= self.x + self.width && y >= self.y && y <= self.y + self.height
    }
}

/// Between a label and any other text, beyond what rounding in the document can take away.
const GAP: f64 = 1.0;

/// A place a label may go to, in order of preference.
pub type Candidate = (f64, f64, Anchor);

/// Writes `text` at the first candidate that lies in `inside`, touches no text and crosses none of `curves`; else at
/// the one that crosses least. If every place would touch a text, nothing is written and `false` comes back: the label
/// is left to the table.
pub fn put(svg: &mut Svg, text: &Text, candidates: &[Candidate], inside: &Area, curves: &[Vec<(f64, f64)>]) -> bool {
    let mut best: Option<(usize, Candidate)> = None;
    for candidate in candidates {
        let area = text.clone().anchored(candidate.2).area(candidate.0, candidate.1);
        let spaced =
            Area { x: area.x - GAP, y: area.y - GAP, width: area.width + 2.0 * GAP, height: area.height + 2.0 * GAP };
        if !inside.contains(&area) || svg.texts().iter().any(|t| t.overlaps(&spaced)) {
            continue;
        }
        let crossings = curves.iter().flat_map(|c| dense(c)).filter(|p| area.holds(*p)).count();
        if best.is_none_or(|(least, _)| crossings < least) {
            best = Some((crossings, *candidate));
        }
        if crossings == 0 {
            break;
        }
    }
    match best {
        Some((_, (x, y, anchor))) => {
            svg.text(x, y, &text.clone().anchored(anchor));
            true
        }
        None => false,
    }
}

/// Points along a polyline no further than 6 px apart.
fn dense(curve: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut points = curve.to_vec();
    for pair in curve.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let distance = (a.0 - b.0).abs().max((a.1 - b.1).abs());
        let steps = (distance / 6.0).clamp(0.0, 400.0) as usize;
        points.extend((1..steps).map(|i| {
            let f = i as f64 / steps as f64;
            (a.0 + (b.0 - a.0) * f, a.1 + (b.1 - a.1) * f)
        }));
    }
    points
}

/// Candidates along a curve: above and below it at a few places, from the left.
pub fn along(curve: &[(f64, f64)], text: &Text) -> Vec<Candidate> {
    let mut out = Vec::new();
    let (Some(first), Some(last)) = (curve.first(), curve.last()) else { return out };
    let width = text.width();
    for part in [0.02, 0.18, 0.34, 0.5, 0.66, 0.82, 1.0] {
        let x = (first.0 + (last.0 - first.0) * part).min(last.0 - width).max(first.0 + 5.0);
        let under: Vec<f64> = curve.iter().filter(|p| p.0 >= x - 4.0 && p.0 <= x + width + 4.0).map(|p| p.1).collect();
        let nearest = curve.iter().fold((f64::MAX, first.1), |best, p| {
            let d = (p.0 - x).abs();
            if d < best.0 { (d, p.1) } else { best }
        });
        let top = under.iter().copied().fold(nearest.1, f64::min);
        let bottom = under.iter().copied().fold(nearest.1, f64::max);
        out.push((x, top - 11.0, Anchor::Start));
        out.push((x, bottom + 22.0, Anchor::Start));
    }
    out
}

/// Moves positions apart until each keeps `gap` to the next, inside `low..=high` as far as that is possible. The order
/// of the result is that of the input.
pub fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]).then(a.cmp(b)));
    let mut placed = vec![0.0; wanted.len()];
    let mut floor = low;
    for &i in &order {
        placed[i] = wanted[i].max(floor);
        floor = placed[i] + gap;
    }
    let mut ceiling = high;
    for &i in order.iter().rev() {
        placed[i] = placed[i].min(ceiling);
        ceiling = placed[i] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::theme::Ink;

    #[test]
    fn spread_keeps_the_gap_and_the_order() {
        assert_eq!(spread(&[50.0, 48.0, 90.0], 21.0, 0.0, 95.0), vec![69.0, 48.0, 90.0]);
        assert_eq!(spread(&[94.0, 95.0], 21.0, 0.0, 95.0), vec![74.0, 95.0]);
        assert!(spread(&[], 21.0, 0.0, 1.0).is_empty());
    }

    #[test]
    fn a_label_avoids_texts_first_and_curves_second() {
        let mut svg = Svg::new("p", 400.0, 100.0);
        let inside = Area { x: 0.0, y: 0.0, width: 400.0, height: 100.0 };
        svg.text(10.0, 40.0, &Text::label("taken", Ink::Ink));
        let curve = vec![(0.0, 35.0), (200.0, 35.0)];
        let text = Text::label("east", Ink::Ok);
        let candidates = [(10.0, 40.0, Anchor::Start), (100.0, 40.0, Anchor::Start), (300.0, 40.0, Anchor::Start)];
        assert!(put(&mut svg, &text, &candidates, &inside, &[curve]));
        assert!(svg.texts()[1].x >= 300.0);
        assert!(!put(&mut svg, &text, &[(300.0, 40.0, Anchor::Start)], &inside, &[]));
    }
}
