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
/// Where faults that come and go have a lane each, there may be more.
const GROUP_LANES_MAX: usize = 6;
/// More flags of one name stand together.
pub(crate) const FLAGS_EACH: usize = 4;
// Narrower faults are drawn as a rule of this width and say their length.
const NARROWEST_PX: f64 = 3.0;
/// Where there are so many that rules of that width would hide what they cross.
const RULE_PX: f64 = 1.0;
/// Height of the bars of a lane that shows when a fault was there.
const BAR_PX: f64 = 8.0;

/// One name over the plot, with the columns of all windows that it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    columns: Vec<(f64, f64)>,
    flag: Area,
    text: Text,
    lane: Option<usize>,
}

/// Lays flags out in as few lanes as possible, over `x`. Where a fault comes and goes, and flags would crowd, it has one
/// flag with how often it comes, and a bar in its lane for each time. Flags that find no lane keep their shade and are
/// counted.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    flags: Vec<Flag>,
    lanes: usize,
    unnamed: usize,
    left: f64,
    right: f64,
    rule_px: f64,
}

/// How wide a fault is drawn at least, among so many in so much room.
pub(crate) fn rule_px(faults: &[Fault], width: f64) -> f64 {
    if faults.len() as f64 * NARROWEST_PX > width / 6.0 { RULE_PX } else { NARROWEST_PX }
}

impl Flags {
    pub(crate) fn new(faults: &[Fault], x: &Axis) -> Flags {
        let mut sorted: Vec<&Fault> = faults.iter().filter(|f| (f.from.0 as f64) <= x.high()).collect();
        sorted.sort();
        // By name, in the order of the first of each.
        let mut named: Vec<Vec<&Fault>> = Vec::new();
        for fault in sorted {
            match named.iter_mut().find(|all| all[0].name == fault.name) {
                Some(all) => all.push(fault),
                None => named.push(vec![fault]),
            }
        }
        let often = |all: &Vec<&Fault>| all.len() > FLAGS_EACH;
        let rule = rule_px(faults, x.end_px() - x.start_px());
        let (lone, grouped): (Vec<_>, Vec<_>) = named.iter().cloned().partition(|all| !often(all));
        let mut some: Vec<Vec<&Fault>> = lone.into_iter().flatten().map(|fault| vec![fault]).collect();
        some.extend(grouped);
        let most = if named.iter().any(often) { GROUP_LANES_MAX } else { LANES_MAX };
        let first = Flags::laid_out(some, x, rule, most);
        if first.unnamed == 0 || named.iter().all(|all| all.len() == 1) {
            return first;
        }
        Flags::laid_out(named, x, rule, GROUP_LANES_MAX)
    }

    /// One flag for each of these: the windows that it stands for, in order.
    fn laid_out(mut named: Vec<Vec<&Fault>>, x: &Axis, rule_px: f64, lanes_max: usize) -> Flags {
        let (start, end) = (x.start_px(), x.end_px());
        let mut flags = Flags { flags: Vec::new(), lanes: 0, unnamed: 0, left: start, right: end, rule_px };
        named.sort();
        let mut lane_ends: Vec<f64> = Vec::new();
        for all in named {
            let column = |fault: &&Fault| {
                let left = x.at(fault.from.0 as f64);
                let right = x.at(fault.until.0.max(fault.from.0) as f64);
                if right - left < rule_px {
                    (left, (left + rule_px).min(end.max(start + rule_px)))
                } else {
                    (left, right)
                }
            };
            let columns: Vec<(f64, f64)> = all.iter().map(column).collect();
            let (left, first_right) = columns[0];
            let right = columns.iter().fold(first_right, |most, column| most.max(column.1));
            let label = match all.as_slice() {
                [one] if right - left <= NARROWEST_PX => {
                    format!("{}, {}", one.name, fmt_span(Span(one.until.0.saturating_sub(one.from.0))))
                }
                [one] => one.name.clone(),
                many => format!("{}, {} times", many[0].name, many.len()),
            };
            let text = Text::label(label, Ink::Bg).plain().fit((end - start - 16.0).max(30.0));
            // (of the flag, of the lane that it and its bars take)
            let (flag, taken) = if all.len() == 1 {
                let width = (right - left).max(text.width() + 16.0);
                let flag = left.min(end - width).max(start);
                ((flag, width), (flag, flag + width))
            } else {
                // Before the first bar or behind the last, where it hides none.
                let width = text.width() + 16.0;
                let flag = if left - width - 4.0 >= start {
                    left - width - 4.0
                } else if right + 4.0 + width <= end {
                    right + 4.0
                } else {
                    left.min(end - width).max(start)
                };
                ((flag, width), (flag.min(left), right.max(flag + width)))
            };
            let lane = (0..lanes_max).find(|lane| lane_ends.get(*lane).is_none_or(|e| *e + 4.0 <= taken.0));
            if let Some(lane) = lane {
                lane_ends.resize(lane_ends.len().max(lane + 1), f64::MIN);
                lane_ends[lane] = taken.1;
            } else {
                flags.unnamed += 1;
            }
            let flag = Area { x: flag.0, y: 0.0, width: flag.1, height: LANE_PX - 2.0 };
            flags.flags.push(Flag { columns, flag, text, lane });
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
            // The top lane is the last one, so that a later flag doesn't hide an earlier edge. Columns of several begin
            // below all lanes: there are bars in theirs.
            let above = if flag.columns.len() > 1 { 0 } else { flag.lane.map_or(0, |lane| lane + 1) };
            let start = top + LANE_PX * lanes.saturating_sub(above) as f64;
            for (left, right) in &flag.columns {
                column(svg, (*left, *right), (start, bottom), self.rule_px);
            }
        }
    }

    /// Draws the flags, over everything else.
    pub(crate) fn draw(&self, svg: &mut Svg, top: f64, lanes: usize) {
        for flag in &self.flags {
            let Some(lane) = flag.lane else { continue };
            let y = top + LANE_PX * lanes.saturating_sub(lane + 1) as f64;
            for (left, right) in flag.columns.iter().filter(|_| flag.columns.len() > 1) {
                let at = y + (flag.flag.height - BAR_PX) / 2.0;
                svg.rect(*left, at, right - left, BAR_PX, 0.0, &Paint::fill(Ink::FaultEdge));
            }
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

/// One fault from top to bottom: hatched between two edges; a rule if it is narrow, without edges where rules are many.
pub(crate) fn column(svg: &mut Svg, (left, right): (f64, f64), (top, bottom): (f64, f64), rule_px: f64) {
    if right - left <= rule_px {
        svg.rect(left, top, rule_px, bottom - top, 0.0, &Paint::fill(Ink::FaultEdge));
        return;
    }
    svg.rect(left, top, right - left, bottom - top, 0.0, &Paint::pattern(Pattern::FaultHatch));
    if rule_px < NARROWEST_PX && right - left < 2.0 * NARROWEST_PX {
        return;
    }
    for edge in [left, right] {
        svg.line((edge, top), (edge, bottom), &Paint::stroke(Ink::FaultEdge, 1.2));
    }
}

/// Each fault for descriptions: `spike 20 s to 30 s`; of one that comes and goes how often, and the first time.
pub(crate) fn all_in_words(faults: &[Fault]) -> Vec<String> {
    let mut words = Vec::new();
    for (at, fault) in faults.iter().enumerate() {
        match faults.iter().filter(|other| other.name == fault.name).count() {
            times if times <= FLAGS_EACH => words.push(when(fault)),
            times if faults[..at].iter().all(|earlier| earlier.name != fault.name) => {
                words.push(format!("{times} times, first {}", when(fault)));
            }
            _ => {}
        }
    }
    words
}

/// "spike 20 s to 30 s", for descriptions and tables.
pub(crate) fn when(fault: &Fault) -> String {
    let until = if fault.until == Instant::NEVER { "the end".to_string() } else { fmt_span(Span(fault.until.0)) };
    format!("{} {} to {until}", fault.name, fmt_span(Span(fault.from.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, from: u64, until: u64) -> Fault {
        Fault { name: name.to_owned(), from: Instant(from), until: Instant(until) }
    }

    fn flags(faults: &[Fault]) -> Flags {
        Flags::new(faults, &Axis::time(Span(1000), 8, 100.0, 1100.0))
    }

    fn drawn(faults: &[Fault]) -> String {
        let flags = flags(faults);
        let mut svg = Svg::new("t", 1200.0, 300.0);
        flags.shade(&mut svg, 0.0, 300.0, flags.lanes());
        flags.draw(&mut svg, 0.0, flags.lanes());
        svg.finish("t", "t")
    }

    #[test]
    fn a_fault_that_comes_and_goes_has_one_flag_and_a_column_each_time() {
        let often: Vec<Fault> = (0..20).map(|i| fault("kill", 100 + 40 * i, 120 + 40 * i)).collect();
        let laid = flags(&often);
        assert_eq!((laid.flags.len(), laid.lanes, laid.unnamed), (1, 1, 0));
        assert_eq!(laid.flags[0].columns.len(), 20);
        let svg = drawn(&often);
        assert_eq!(svg.matches("kill, 20 times").count(), 1, "{svg}");
        // Few have a flag each.
        assert_eq!(flags(&often[..3]).flags.len(), 3);
        assert_eq!(all_in_words(&often), [format!("20 times, first {}", when(&often[0]))]);
        assert_eq!(all_in_words(&often[..2]).len(), 2);
    }

    #[test]
    fn flags_that_would_crowd_are_grouped_and_none_is_without_a_name() {
        let crowd: Vec<Fault> = (0..4)
            .flat_map(|i| {
                ["a long name", "another long name", "a third one", "and a fourth"]
                    .map(|n| fault(n, 200 + 9 * i, 205 + 9 * i))
            })
            .collect();
        let laid = flags(&crowd);
        assert_eq!((laid.flags.len(), laid.unnamed), (4, 0));
        assert!(laid.flags.iter().all(|flag| flag.columns.len() == 4 && flag.lane.is_some()));
    }

    #[test]
    fn a_crowd_of_rules_does_not_hide_the_plot() {
        let many: Vec<Fault> = (0..300).map(|i| fault("kill", 3 * i, 3 * i)).collect();
        let covered: f64 = flags(&many).flags[0].columns.iter().map(|(left, right)| right - left).sum();
        assert!(covered <= 310.0, "{covered}");
        let few = flags(&many[..2]);
        assert!(few.flags.iter().all(|flag| flag.columns[0].1 - flag.columns[0].0 == NARROWEST_PX));
    }
}
