//! Faults on time axes: shaded and hatched in grey (they are the stage, not a series) under a flag with their name.

use serde::{Deserialize, Serialize};

use crate::engine::{Instant, Span};
use crate::report::axis::Axis;
use crate::report::number::fmt_span;
use crate::report::place::Area;
use crate::report::svg::{Paint, Pattern, Svg, Text};
use crate::report::theme::Ink;

/// A fault on the time axis.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// Its name in the scenario, with what it hits if that is short: `cut: east | west`.
    pub name: String,
    /// When it begins.
    pub from: Instant,
    /// When it ends; [`Instant::NEVER`] if it doesn't.
    pub until: Instant,
}

/// Height of one lane of flags.
pub(crate) const LANE_PX: f64 = 26.0;
const LANES_MAX: usize = 3;
// Narrower faults are drawn as a rule of this width and say their length.
const NARROWEST_PX: f64 = 3.0;

/// A fault with its place among the flags.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    left: f64,
    right: f64,
    flag: Area,
    text: Text,
    lane: Option<usize>,
}

/// Lays flags out in as few lanes as possible, over `x`. Flags that find no lane keep their shade and are counted.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    flags: Vec<Flag>,
    lanes: usize,
    unnamed: usize,
    left: f64,
    right: f64,
}

impl Flags {
    pub(crate) fn new(faults: &[Fault], x: &Axis) -> Flags {
        let (start, end) = (x.start_px(), x.end_px());
        let mut flags = Flags { flags: Vec::new(), lanes: 0, unnamed: 0, left: start, right: end };
        let mut sorted: Vec<&Fault> = faults.iter().filter(|f| (f.from.0 as f64) <= x.high()).collect();
        sorted.sort();
        let mut lane_ends: Vec<f64> = Vec::new();
        for fault in sorted {
            let left = x.at(fault.from.0 as f64);
            let mut right = x.at(fault.until.0.max(fault.from.0) as f64);
            let mut label = fault.name.clone();
            if right - left < NARROWEST_PX {
                right = (left + NARROWEST_PX).min(end.max(start + NARROWEST_PX));
                label = format!("{label}, {}", fmt_span(Span(fault.until.0.saturating_sub(fault.from.0))));
            }
            let text = Text::label(label, Ink::Bg).plain().fit((end - start - 16.0).max(30.0));
            let width = (right - left).max(text.width() + 16.0);
            let flag_left = left.min(end - width).max(start);
            let lane = (0..LANES_MAX).find(|lane| lane_ends.get(*lane).is_none_or(|e| *e + 4.0 <= flag_left));
            if let Some(lane) = lane {
                lane_ends.resize(lane_ends.len().max(lane + 1), f64::MIN);
                lane_ends[lane] = flag_left + width;
            } else {
                flags.unnamed += 1;
            }
            let flag = Area { x: flag_left, y: 0.0, width, height: LANE_PX - 2.0 };
            flags.flags.push(Flag { left, right, flag, text, lane });
        }
        flags.lanes = lane_ends.len();
        flags
    }

    /// Lanes in use.
    pub(crate) fn lanes(&self) -> usize {
        self.lanes
    }

    /// Shades the faults from `top` (the upper edge of the flags) to `bottom`. `lanes` is how many lanes the figure
    /// has room for above the plot, at least [`Flags::lanes`].
    pub(crate) fn shade(&self, svg: &mut Svg, top: f64, bottom: f64, lanes: usize) {
        for flag in &self.flags {
            // The top lane is the last one, so that a later flag doesn't hide an earlier edge.
            let start = top + LANE_PX * lanes.saturating_sub(flag.lane.map_or(0, |l| l + 1)) as f64;
            if flag.right - flag.left <= NARROWEST_PX {
                svg.rect(flag.left, start, NARROWEST_PX, bottom - start, 0.0, &Paint::fill(Ink::FaultEdge));
                continue;
            }
            svg.rect(
                flag.left,
                start,
                flag.right - flag.left,
                bottom - start,
                0.0,
                &Paint::pattern(Pattern::FaultHatch),
            );
            for edge in [flag.left, flag.right] {
                svg.line((edge, start), (edge, bottom), &Paint::stroke(Ink::FaultEdge, 1.2));
            }
        }
    }

    /// Draws the flags, over everything else.
    pub(crate) fn draw(&self, svg: &mut Svg, top: f64, lanes: usize) {
        for flag in &self.flags {
            let Some(lane) = flag.lane else { continue };
            let y = top + LANE_PX * lanes.saturating_sub(lane + 1) as f64;
            svg.rect(flag.flag.x, y, flag.flag.width, flag.flag.height, 0.0, &Paint::fill(Ink::FaultEdge));
            svg.text(flag.flag.x + flag.flag.width / 2.0, y + 18.0, &flag.text.clone().middle());
        }
        if self.unnamed > 0 {
            let words = format!("+{} more, see table", self.unnamed);
            let text = Text::tick(words).fit(self.right - self.left).end();
            svg.text(self.right, top - 6.0, &text);
        }
    }

    /// True if some flags found no place; the figure then leaves a line above them.
    pub(crate) fn overflows(&self) -> bool {
        self.unnamed > 0
    }
}

/// "spike 20 s to 30 s", for descriptions and tables.
pub(crate) fn when(fault: &Fault) -> String {
    let until = if fault.until == Instant::NEVER { "the end".to_string() } else { fmt_span(Span(fault.until.0)) };
    format!("{} {} to {until}", fault.name, fmt_span(Span(fault.from.0)))
}
