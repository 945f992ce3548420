//! The availability strip: a 100 % stack over time, ok at the bottom, one stepped path per outcome and run of columns
//! (rectangles beside each other would leave seams); its key; and the plain panel that says why there is nothing.

use std::fmt::Write;

use crate::report::axis::Axis;
use crate::report::figure::timeline::{Body, Outcomes, Strip, Timeline};
use crate::report::figure::{HeatCells, number_of};
use crate::report::number::fmt_share;
use crate::report::place::{self, Area};
use crate::report::svg::{Anchor, Paint, Pattern, Svg, Text, number};
use crate::report::theme::{FULL_PX, Ink};

const COLUMNS_MAX: usize = 400;

type Count = fn(&Outcomes) -> u64;

/// From the bottom up: how to count it, what the key says.
const OUTCOMES: [(Count, &str); 4] = [
    (|o| o.ok, "answered, fresh"),
    (|o| o.stale, "answered, stale or degraded"),
    (|o| o.error, "error: the client was told"),
    (|o| o.unknown, "unknown: timed out, may have happened"),
];

fn paint(outcome: usize) -> Paint {
    match outcome {
        0 => Paint::fill(Ink::Ok),
        1 => Paint::pattern(Pattern::StaleDots),
        // The edge keeps a thin slice apart from what is answered in grey, where both are equally dark.
        2 => Paint::pattern(Pattern::ErrorCrosses).outlined(Ink::ErrorCrosses, 1.0),
        _ => Paint::pattern(Pattern::UnknownHatch),
    }
}

/// A plain panel with the reason why it is empty.
pub(crate) fn empty(svg: &mut Svg, plot: Area, reason: &str) {
    svg.rect(plot.x, plot.y, plot.width, plot.height, 0.0, &Paint::fill(Ink::Surface));
    let words = if reason.trim().is_empty() { "no data" } else { reason };
    let text = Text::label(words, Ink::Ink).plain().fit(plot.width - 16.0).middle();
    svg.text(plot.x + plot.width / 2.0, plot.y + plot.height / 2.0 + 6.0, &text);
}

/// The strip over `plot`, with its notes above it.
pub(crate) fn strip(svg: &mut Svg, strip: &Strip, x: &Axis, plot: Area, pair: bool) {
    if strip.columns.iter().all(|c| c.total() == 0) {
        empty(svg, plot, &strip.empty);
        return;
    }
    svg.rect(plot.x, plot.y, plot.width, plot.height, 0.0, &Paint::fill(Ink::Surface));
    // (left, right, lower edge of each outcome and the upper edge of the last, as shares)
    let mut columns: Vec<(f64, f64, [f64; 5])> = Vec::new();
    for part in strip.columns.chunks(strip.columns.len().div_ceil(COLUMNS_MAX).max(1)) {
        let counts = OUTCOMES.map(|(count, _)| part.iter().map(count).fold(0, u64::saturating_add));
        let total = counts.iter().map(|n| *n as f64).sum::<f64>();
        let left = x.at(part[0].from.0 as f64);
        let right = x.at(part[part.len() - 1].from.0 as f64 + strip.column.0 as f64);
        if total == 0.0 || right <= left {
            continue;
        }
        let mut edges = [0.0; 5];
        for i in 0..4 {
            edges[i + 1] = edges[i] + counts[i] as f64 / total;
        }
        edges[4] = 1.0;
        columns.push((left, right, edges));
    }
    let y = |share: f64| number(plot.y + plot.height * (1.0 - share));
    for outcome in 0..4 {
        let mut path = String::new();
        let there = |c: &(f64, f64, [f64; 5])| c.2[outcome + 1] - c.2[outcome] > 1e-9;
        for run in columns.chunk_by(|a, b| there(a) == there(b) && (a.1 - b.0).abs() < 0.05) {
            if !there(&run[0]) {
                continue;
            }
            let _ = write!(path, "M{} {}", number(run[0].0), y(run[0].2[outcome]));
            for (_, right, edges) in run {
                let _ = write!(path, "V{}H{}", y(edges[outcome + 1]), number(*right));
            }
            for (left, _, edges) in run.iter().rev() {
                let _ = write!(path, "V{}H{}", y(edges[outcome]), number(*left));
            }
            path.push('z');
        }
        svg.path(&path, false, &paint(outcome));
    }
    svg.rect(plot.x, plot.y, plot.width, plot.height, 0.0, &Paint::stroke(Ink::Axis, 1.2));

    let inside = Area { x: plot.x, y: plot.y - 28.0, width: plot.width, height: 28.0 };
    let above = plot.y - 8.0;
    for note in &strip.notes {
        let at = x.at(note.at.0 as f64);
        let text = Text::label(&note.words, Ink::Ink).fit(plot.width);
        // Over its own column; at the edge as near to it as there is room.
        let half = text.width() / 2.0;
        let near = at.min(plot.x + plot.width - half).max(plot.x + half);
        let places = [
            (near, above, Anchor::Middle),
            (at, above, Anchor::Start),
            (at, above, Anchor::End),
            (plot.x, above, Anchor::Start),
            (plot.x + plot.width, above, Anchor::End),
        ];
        place::put(svg, &text, &places, &inside, &[]);
    }
    if pair && strip.notes.is_empty() && !strip.end.is_empty() {
        let text = Text::label(&strip.end, Ink::Ink).fit(plot.width);
        place::put(svg, &text, &[(plot.x, above, Anchor::Start)], &inside, &[]);
    }
}

/// The share of each outcome over the whole strip, in words.
pub(crate) fn words(strip: &Strip) -> String {
    let counts = OUTCOMES.map(|(count, _)| strip.columns.iter().map(count).fold(0, u64::saturating_add));
    let total = counts.iter().map(|n| *n as f64).sum::<f64>();
    if total == 0.0 {
        return "no requests".to_string();
    }
    let fresh = if counts[1] > 0 { "answered fresh" } else { "answered" };
    let names = [fresh, "answered stale", "error", "unknown"];
    let parts: Vec<String> = (0..4)
        .filter(|i| counts[*i] > 0)
        .map(|i| format!("{} {}", fmt_share(counts[i] as f64 / total), names[i]))
        .collect();
    format!("{} of {}", parts.join(", "), number_of(total))
}

/// The keys below a timeline from `y`: outcomes that occur, and the heat ramp where rows have no room for it.
pub(crate) fn key(svg: &mut Svg, timeline: &Timeline, y: f64) -> f64 {
    let bodies = || timeline.panels.iter().flat_map(|p| p.rows.iter().map(|r| &r.body));
    let occurs: Vec<usize> = (0..4)
        .filter(|i| bodies().any(|b| matches!(b, Body::Strip(s) if s.columns.iter().any(|c| OUTCOMES[*i].0(c) > 0))))
        .collect();
    let mut bottom = y;
    let gap = |body: &Body| matches!(body, Body::Strip(s) if s.columns.iter().any(|c| c.total() == 0));
    if !occurs.is_empty() {
        let mut x = 0.0;
        // Nothing is called fresh where nobody was found to get the past.
        let stale = occurs.contains(&1);
        let outcomes =
            occurs.into_iter().map(|i| (paint(i), if i == 0 && !stale { "answered" } else { OUTCOMES[i].1 }));
        let blank = bodies().any(gap).then(|| (Paint::fill(Ink::Surface), "blank: nobody asked"));
        for (paint, words) in outcomes.chain(blank) {
            let text = Text::tick(words).ink(Ink::Ink);
            if x + 42.0 + text.width() > FULL_PX {
                x = 0.0;
                bottom += 28.0;
            }
            svg.rect(x, bottom + 10.0, 34.0, 18.0, 0.0, &paint.outlined(Ink::Axis, 1.0));
            svg.text(x + 42.0, bottom + 25.0, &text);
            x += 42.0 + text.width() + 24.0;
        }
        bottom += 36.0;
    }
    if timeline.panels.len() > 1 {
        let heat = bodies().find_map(|b| if let Body::Heat(c) = b { Some(c) } else { None });
        if let Some(cells) = heat {
            let largest = bodies().map(|b| if let Body::Heat(c) = b { c.largest() } else { 0 }).max().unwrap_or(0);
            HeatCells::key(svg, 0.0, bottom + 8.0, &cells.counted, largest);
            bottom += 64.0;
        }
    }
    bottom
}
