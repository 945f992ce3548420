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

impl Fault {
    /// Whether it is over as soon as it comes: a cache that is flushed.
    pub(crate) fn is_instant(&self) -> bool {
        self.until.0.saturating_sub(self.from.0) <= 1
    }
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
    /// The lane of the bars of one that comes and goes: its own, or the one below.
    bars: usize,
}

/// Lays flags out in as few lanes as possible, over `x`. Where a fault comes and goes, and flags would crowd, it has one
/// flag with how often it comes, and a bar for each time. Its flag stands beside its bars or above them, never over the
/// columns of another fault. Flags that find no lane keep their shade and are counted; those of instants are the first to
/// go.
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
        sorted.sort_by(|a, b| (a.from, a.until, &a.name).cmp(&(b.from, b.until, &b.name)));
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
        some.sort_by_key(|all| all[0].from);
        some.extend(grouped);
        let most = if named.iter().any(often) { GROUP_LANES_MAX } else { LANES_MAX };
        let first = Flags::laid_out(some.clone(), x, rule, most);
        if first.unnamed == 0 {
            return first;
        }
        if named.iter().any(|all| all.len() > 1) {
            return Flags::laid_out(named, x, rule, GROUP_LANES_MAX);
        }
        // What lasts is named before what doesn't.
        some.sort_by_key(|all| all[0].is_instant());
        Flags::laid_out(some, x, rule, most)
    }

    /// One flag for each of these, the first one first: the windows that it stands for, in order.
    fn laid_out(named: Vec<Vec<&Fault>>, x: &Axis, rule_px: f64, lanes_max: usize) -> Flags {
        let (start, end) = (x.start_px(), x.end_px());
        let column = |fault: &&Fault| {
            let left = x.at(fault.from.0 as f64);
            let right = x.at(fault.until.0.max(fault.from.0) as f64);
            if right - left < rule_px { (left, (left + rule_px).min(end.max(start + rule_px))) } else { (left, right) }
        };
        let columns: Vec<Vec<(f64, f64)>> = named.iter().map(|all| all.iter().map(column).collect()).collect();
        let groups = named.iter().filter(|all| all.len() > 1).count();
        // With so many a lane for each has to do.
        let crowded = 2 * groups > lanes_max;
        let mut lanes = Lanes { taken: Vec::new(), most: lanes_max };
        let mut flags = Flags { flags: Vec::new(), lanes: 0, unnamed: 0, left: start, right: end, rule_px };
        for (i, all) in named.iter().enumerate() {
            let (left, first_right) = columns[i][0];
            let right = columns[i].iter().fold(first_right, |most, column| most.max(column.1));
            let label = match all.as_slice() {
                [one] if one.is_instant() => format!("{} at {}", one.name, fmt_span(Span(one.from.0))),
                [one] if right - left <= NARROWEST_PX => {
                    format!("{}, {}", one.name, fmt_span(Span(one.until.0.saturating_sub(one.from.0))))
                }
                [one] => one.name.clone(),
                many => format!("{}, {} times", many[0].name, many.len()),
            };
            let text = Text::label(label, Ink::Bg).plain().fit((end - start - 16.0).max(30.0));
            let width = text.width() + 16.0;
            let (place, width, lane, bars) = if all.len() == 1 {
                let width = (right - left).max(width);
                let place = left.min(end - width).max(start);
                let lane = lanes.free(1, place, place + width);
                (place, width, lane, 0)
            } else {
                // In a row with its bars, unless it could be taken for the flag of somebody else's: then above its own.
                let others = || columns.iter().enumerate().filter(|(j, _)| *j != i).flat_map(|(_, all)| all);
                let clear = |from: f64| !others().any(|(left, right)| *left < from + width && *right > from);
                let beside = [left - width - 4.0, right + 4.0].into_iter().filter(|_| groups == 1 || crowded);
                match beside.into_iter().find(|at| *at >= start && at + width <= end && clear(*at)) {
                    Some(place) => {
                        let lane = lanes.free(1, start, end);
                        (place, width, lane, lane.unwrap_or(0))
                    }
                    None => {
                        let place = ((left + right - width) / 2.0).min(end - width).max(start);
                        let (from, to) = (place.min(left), right.max(place + width));
                        let above = if crowded { None } else { lanes.free(2, from, to) };
                        match above {
                            Some(bars) => (place, width, Some(bars + 1), bars),
                            None => {
                                let lane = lanes.free(1, from, to);
                                (place, width, lane, lane.unwrap_or(0))
                            }
                        }
                    }
                }
            };
            flags.unnamed += usize::from(lane.is_none());
            let flag = Area { x: place, y: 0.0, width, height: LANE_PX - 2.0 };
            flags.flags.push(Flag { columns: columns[i].clone(), flag, text, lane, bars });
        }
        flags.lanes = lanes.taken.len();
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
            let often = flag.columns.len() > FLAGS_EACH;
            for (left, right) in &flag.columns {
                column(svg, (*left, *right), (start, bottom), self.rule_px, often);
            }
        }
    }

    /// Draws the flags, over everything else.
    pub(crate) fn draw(&self, svg: &mut Svg, top: f64, lanes: usize) {
        for flag in &self.flags {
            let Some(lane) = flag.lane else { continue };
            let y = top + LANE_PX * lanes.saturating_sub(lane + 1) as f64;
            for (left, right) in flag.columns.iter().filter(|_| flag.columns.len() > 1) {
                let lane = top + LANE_PX * lanes.saturating_sub(flag.bars + 1) as f64;
                let at = lane + (flag.flag.height - BAR_PX) / 2.0;
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

/// Which stretches of each lane of flags are taken, from the lowest lane up.
#[derive(Clone, Debug)]
struct Lanes {
    taken: Vec<Vec<(f64, f64)>>,
    most: usize,
}

impl Lanes {
    /// The lowest of so many lanes above each other that are free between two places; they are taken then.
    fn free(&mut self, count: usize, from: f64, to: f64) -> Option<usize> {
        let free = |lane: usize| {
            self.taken.get(lane).is_none_or(|all| all.iter().all(|taken| taken.1 + 4.0 <= from || to + 4.0 <= taken.0))
        };
        let lane = (0..=self.most.checked_sub(count)?).find(|lane| (*lane..lane + count).all(free))?;
        self.taken.resize(self.taken.len().max(lane + count), Vec::new());
        self.taken[lane..lane + count].iter_mut().for_each(|all| all.push((from, to)));
        Some(lane)
    }
}

/// One fault from top to bottom: hatched between two edges; a rule if it is narrow. One that comes often is lighter: what
/// it crosses must stay readable, and bars above say when it was there.
fn column(svg: &mut Svg, (left, right): (f64, f64), (top, bottom): (f64, f64), rule_px: f64, often: bool) {
    if right - left <= rule_px {
        let ink = if often { Ink::Rule } else { Ink::FaultEdge };
        svg.rect(left, top, rule_px, bottom - top, 0.0, &Paint::fill(ink));
        return;
    }
    svg.rect(left, top, right - left, bottom - top, 0.0, &Paint::pattern(Pattern::FaultHatch));
    if often {
        return;
    }
    for edge in [left, right] {
        svg.line((edge, top), (edge, bottom), &Paint::stroke(Ink::FaultEdge, 1.2));
    }
}

/// Height of the row of bars above a plot without flags, with the room below it.
const BARS_PX: f64 = 9.0;

/// Shades faults over a small plot that has no room for flags. One that comes often is shaded lightly, with a bar for
/// each time in a row above the plot.
pub(crate) fn shade_small(svg: &mut Svg, faults: &[Fault], x: &Axis, (top, bottom): (f64, f64)) {
    let rule = rule_px(faults, x.end_px() - x.start_px());
    for fault in faults.iter().filter(|fault| fault.from.0 as f64 <= x.high()) {
        let left = x.at(fault.from.0 as f64);
        let right = x.at(fault.until.0.max(fault.from.0) as f64).max((left + rule).min(x.end_px()));
        if faults.iter().filter(|other| other.name == fault.name).count() > FLAGS_EACH {
            svg.rect(left, top, right - left, bottom - top, 0.0, &Paint::fill(Ink::FaultShade));
            svg.rect(left, top - BARS_PX, right - left, BARS_PX - 4.0, 0.0, &Paint::fill(Ink::FaultEdge));
        } else if right - left <= rule {
            svg.rect(left, top, right - left, bottom - top, 0.0, &Paint::fill(Ink::FaultEdge));
        } else {
            svg.rect(left, top, right - left, bottom - top, 0.0, &Paint::pattern(Pattern::FaultHatch));
        }
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

/// "spike 20 s to 30 s", for descriptions and tables; "flush at 20 s".
pub(crate) fn when(fault: &Fault) -> String {
    if fault.is_instant() {
        return format!("{} at {}", fault.name, fmt_span(Span(fault.from.0)));
    }
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
        // Its bars leave no room beside them.
        assert_eq!((laid.flags.len(), laid.lanes, laid.unnamed), (1, 2, 0));
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
    fn a_flag_of_many_stands_over_no_column_of_another_fault() {
        // As in durability: the first comes from the left to the middle, the second behind it.
        let often = |name: &str, from: u64, every: u64| -> Vec<Fault> {
            (0..20).map(|i| fault(name, from + every * i, from + every * i + 3)).collect()
        };
        let both = [often("blackout", 50, 22), often("leader", 500, 8)].concat();
        let laid = flags(&both);
        assert_eq!((laid.flags.len(), laid.unnamed), (2, 0));
        for (i, flag) in laid.flags.iter().enumerate() {
            let (left, right) = (flag.flag.x, flag.flag.x + flag.flag.width);
            let own = |(from, to): &(f64, f64)| *from < right && *to > left;
            assert!(!laid.flags[1 - i].columns.iter().any(own), "{flag:?}");
        }
        // Each above its own bars, in two lanes for both.
        assert_eq!(laid.lanes, 2);
        assert!(laid.flags.iter().all(|flag| flag.lane == Some(1) && flag.bars == 0));
    }

    #[test]
    fn an_instant_tells_when_and_goes_before_what_lasts() {
        assert_eq!(flags(&[fault("flush", 220, 221)]).flags[0].text, {
            let at = format!("flush at {}", fmt_span(Span(220)));
            Text::label(at, Ink::Bg).plain()
        });
        let lasting = ["a long name", "another long name", "a third one"];
        let instants = ["first flush", "second flush", "third flush"].map(|name| fault(name, 300, 301));
        let all = [instants.to_vec(), lasting.map(|name| fault(name, 310, 340)).to_vec()].concat();
        let laid = flags(&all);
        assert_eq!(laid.unnamed, 3);
        assert!(laid.flags.iter().all(|flag| flag.lane.is_some() == (flag.columns[0].1 - flag.columns[0].0 > 4.0)));
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
