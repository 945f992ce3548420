//! What each design buys and what it pays: how long reads and writes take, how many reads are old, who is answered while
//! the network is cut, and whether one copy could have answered so. A row a design, on shared axes.

use serde::{Deserialize, Serialize};

use crate::report::axis::Axis;
use crate::report::figure::{Figure, Table, range, strip_draw};
use crate::report::number::{NOTHING, Unit, fmt_duration, fmt_share};
use crate::report::place::Area;
use crate::report::svg::{Paint, Svg, Text};
use crate::report::theme::{FULL_PX, Ink, State};

/// A latency counts as shorter from this share on, a share as better from that many points on: less is chance.
const SHORTER: f64 = 0.05;
const BETTER: f64 = 0.005;

const NAME_PX: f64 = 214.0;
const GAP: f64 = 18.0;
/// Right of a mark, for its number.
const NUMBER_PX: f64 = 92.0;
const VERDICT_PX: f64 = 142.0;
/// Between the middle of a mark and its number.
const BESIDE_PX: f64 = 13.0;
const ROW_PX: f64 = 36.0;
const HEAD_PX: f64 = 38.0;

/// Designs beside one another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TradeOff {
    /// What it shows.
    pub title: String,
    /// What the times are: `p50 before cut`.
    pub times: String,
    /// What the share of answers is of: `answered in cut, at worst`. None if nothing was cut.
    pub cut: Option<String>,
    /// One per design, in the order of the file.
    pub rows: Vec<Traded>,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traded {
    /// Its name.
    pub name: String,
    /// How long a read takes, ns.
    pub read_ns: Option<f64>,
    /// How long a write takes, ns.
    pub write_ns: Option<f64>,
    /// Share of reads that missed an acknowledged write.
    pub stale: Option<f64>,
    /// Share of requests answered while the network was cut, of the client group with the fewest.
    pub answered: Option<f64>,
    /// Whether one copy could have answered so; `None` if that is not known.
    pub linearizable: Option<bool>,
}

impl Traded {
    /// Whether it is at least as good as another in everything that is known of both, and better in something.
    fn outdoes(&self, other: &Traded) -> bool {
        let times = [(self.read_ns, other.read_ns), (self.write_ns, other.write_ns)];
        let times: Vec<(f64, f64)> = times.into_iter().filter_map(|(mine, theirs)| mine.zip(theirs)).collect();
        let (Some(stale), Some(staler)) = (self.stale, other.stale) else { return false };
        let answered = self.answered.zip(other.answered).map_or(0.0, |(mine, theirs)| mine - theirs);
        let sure = i8::from(self.linearizable == Some(true)) - i8::from(other.linearizable == Some(true));
        let slower = times.iter().any(|(mine, theirs)| *mine > theirs * (1.0 + SHORTER));
        let faster = times.iter().any(|(mine, theirs)| mine * (1.0 + SHORTER) < *theirs);
        let worse = slower || stale > staler + BETTER || answered < -BETTER || sure < 0;
        let better = faster || stale + BETTER < staler || answered > BETTER || sure > 0;
        !times.is_empty() && better && !worse
    }

    fn verdict(&self) -> Text {
        let (state, words) = match self.linearizable {
            Some(true) => (State::Ok, "linearizable"),
            Some(false) => (State::Error, "not"),
            None => (State::Unknown, "not known"),
        };
        Text::label(format!("{} {words}", state.sign()), state.ink()).plain()
    }
}

impl TradeOff {
    /// The first design that is better than the one of that number in something and worse in nothing.
    pub fn outdone_by(&self, number: usize) -> Option<&str> {
        let mine = self.rows.get(number)?;
        self.rows.iter().find(|other| other.outdoes(mine)).map(|other| other.name.as_str())
    }
}

impl Figure for TradeOff {
    fn svg(&self, id: &str) -> String {
        let mut svg = Svg::new(id, FULL_PX, 80.0);
        if self.rows.is_empty() {
            strip_draw::empty(&mut svg, Area { x: 0.0, y: 0.0, width: FULL_PX, height: 60.0 }, "no designs");
            return svg.finish(&self.title, "No designs.");
        }
        let shares = if self.cut.is_some() { 2.0 } else { 1.0 };
        let room = FULL_PX - NAME_PX - VERDICT_PX - GAP * (1.0 + shares) - NUMBER_PX * (1.0 + shares);
        let share_px = (room / (2.0 + shares)).floor();
        let read_px = room - shares * share_px;
        let bottom = HEAD_PX + self.rows.len() as f64 * ROW_PX;
        let x = {
            let times = self.rows.iter().flat_map(|row| [row.read_ns, row.write_ns]).flatten().filter(|ns| *ns > 0.0);
            let (low, high) = range(times).map_or((1e6, 1e8), |(low, high)| (low / 1.5, high * 1.2));
            Axis::log_within(low, high, ((read_px / 90.0) as usize).max(2), NAME_PX, NAME_PX + read_px)
        };
        let stale_at = NAME_PX + read_px + NUMBER_PX + GAP;
        let most = range(self.rows.iter().filter_map(|row| row.stale)).map_or(0.0, |(_, high)| high);
        let stale = Axis::exact(0.0, most.max(0.01), 2, stale_at, stale_at + share_px);
        let answered_at = stale_at + share_px + NUMBER_PX + GAP;
        let answered = Axis::exact(0.0, 1.0, 2, answered_at, answered_at + share_px);
        let verdict_at = FULL_PX - VERDICT_PX;

        let writes = self.rows.iter().any(|row| row.write_ns.is_some());
        let head = if writes { self.times.clone() } else { format!("{} of reads", self.times) };
        svg.text(NAME_PX, 18.0, &Text::title(head).fit(read_px + NUMBER_PX));
        svg.text(stale_at, 18.0, &Text::title("stale reads").fit(share_px + NUMBER_PX));
        if let Some(cut) = &self.cut {
            svg.text(answered_at, 18.0, &Text::title(cut).fit(share_px + NUMBER_PX));
        }
        svg.text(verdict_at, 18.0, &Text::title("one copy?").fit(VERDICT_PX));
        for tick in x.ticks() {
            svg.line((x.at(*tick), HEAD_PX), (x.at(*tick), bottom), &Paint::stroke(Ink::Grid, 1.0));
        }
        for (number, row) in self.rows.iter().enumerate() {
            let middle = HEAD_PX + (number as f64 + 0.5) * ROW_PX;
            let base = middle + 5.5;
            let outdone = self.outdone_by(number).is_some();
            let (of_name, of_mark) = if outdone { (Ink::Muted, Ink::Unknown) } else { (Ink::Ink, Ink::First) };
            let name = Text::label(&row.name, of_name);
            svg.text(0.0, base, &if outdone { name.plain() } else { name }.fit(NAME_PX - 12.0));
            svg.line((NAME_PX, middle), (NAME_PX + read_px, middle), &Paint::stroke(Ink::Grid, 1.0));
            times(&mut svg, &x, row, middle, of_mark);
            bar(&mut svg, &stale, row.stale, middle, if outdone { Ink::Unknown } else { Ink::Stale });
            if self.cut.is_some() {
                bar(&mut svg, &answered, row.answered, middle, if outdone { Ink::Unknown } else { Ink::Ok });
            }
            svg.text(verdict_at, base, &row.verdict().fit(VERDICT_PX));
        }
        svg.line((NAME_PX, bottom), (NAME_PX + read_px, bottom), &Paint::stroke(Ink::Axis, 1.5));
        let mut free = f64::MIN;
        for (at, words) in x.labels(Unit::Nanos) {
            let text = Text::tick(words).middle();
            if at - text.width() / 2.0 > free {
                svg.text(at, bottom + 22.0, &text);
                free = at + text.width() / 2.0 + 8.0;
            }
        }
        let key = if writes { "● reads, ○ writes; log, left is faster" } else { "log; left is faster" };
        svg.text(NAME_PX, bottom + 44.0, &Text::tick(key).fit(read_px + NUMBER_PX));
        svg.set_height(bottom + 56.0);
        let unbeaten = (0..self.rows.len()).filter(|n| self.outdone_by(*n).is_none()).count();
        svg.finish(&self.title, &format!("{unbeaten} of {} designs are outdone by no other.", self.rows.len()))
    }
    fn width_px(&self) -> f64 {
        FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["design"]);
        table.columns.extend(["reads", "writes"].map(|of| format!("{} of {of}", self.times)));
        table.columns.push("stale reads".to_owned());
        table.columns.extend(self.cut.clone());
        table.columns.extend(["linearizable".to_owned(), "outdone by".to_owned()]);
        let share = |share: Option<f64>| share.map_or_else(|| NOTHING.to_owned(), fmt_share);
        for (number, row) in self.rows.iter().enumerate() {
            let mut cells = vec![row.name.clone()];
            cells.extend([row.read_ns, row.write_ns].map(|ns| ns.map_or_else(|| NOTHING.to_owned(), fmt_duration)));
            cells.push(share(row.stale));
            cells.extend(self.cut.as_ref().map(|_| share(row.answered)));
            cells.push(row.linearizable.map_or("?", |yes| if yes { "yes" } else { "no" }).to_owned());
            cells.push(self.outdone_by(number).unwrap_or(NOTHING).to_owned());
            table.rows.push(cells);
        }
        table
    }
}

/// How long reads (a disc) and writes (a ring) take; their numbers outside of the two.
fn times(svg: &mut Svg, x: &Axis, row: &Traded, middle: f64, ink: Ink) {
    let mark = |ns: Option<f64>, ring: bool| ns.filter(|ns| *ns > 0.0).map(|ns| (x.at(ns), ns, ring));
    let mut marks: Vec<(f64, f64, bool)> =
        [mark(row.read_ns, false), mark(row.write_ns, true)].into_iter().flatten().collect();
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at, _, ring) in &marks {
        if *ring {
            svg.circle(*at, middle, 6.0, &Paint::stroke(ink, 3.0));
        } else {
            svg.circle(*at, middle, 7.5, &Paint::fill(ink));
        }
    }
    let number = |ns: f64| Text::label(fmt_duration(ns), Ink::Ink).plain().halo();
    let base = middle + 5.5;
    match marks.as_slice() {
        [] => svg.text(NAME_PX + 6.0, base, &Text::label(NOTHING, Ink::Muted).plain()),
        [.., last] => svg.text(last.0 + BESIDE_PX, base, &number(last.1)),
    }
    if let [first, second] = marks.as_slice() {
        let text = number(first.1);
        // To its right if it fits between the two, else to its left; where neither goes, the table has it.
        if first.0 + 2.0 * BESIDE_PX + text.width() <= second.0 {
            svg.text(first.0 + BESIDE_PX, base, &text);
        } else if first.0 - BESIDE_PX - text.width() >= NAME_PX {
            svg.text(first.0 - BESIDE_PX, base, &text.end());
        }
    }
}

/// A share as a bar, with its number behind.
fn bar(svg: &mut Svg, axis: &Axis, share: Option<f64>, middle: f64, ink: Ink) {
    let start = axis.start_px();
    svg.line((start, middle - ROW_PX / 2.0), (start, middle + ROW_PX / 2.0), &Paint::stroke(Ink::Axis, 1.5));
    let end = share.map_or(start, |share| axis.at(share));
    if end > start {
        svg.rect(start, middle - 8.0, end - start, 16.0, 0.0, &Paint::fill(ink));
    }
    let words = share.map_or_else(|| NOTHING.to_owned(), fmt_share);
    svg.text(end + 8.0, middle + 5.5, &Text::label(words, Ink::Ink).plain().fit(NUMBER_PX - 8.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn row(name: &str, read_ns: f64, stale: f64, answered: f64, linearizable: bool) -> Traded {
        Traded {
            name: name.into(),
            read_ns: Some(read_ns),
            write_ns: Some(read_ns * 3.0),
            stale: Some(stale),
            answered: Some(answered),
            linearizable: Some(linearizable),
        }
    }

    fn figure(rows: Vec<Traded>) -> TradeOff {
        let (times, cut) = ("p50 before cut".into(), Some("answered in cut".into()));
        TradeOff { title: "What each design buys".into(), times, cut, rows }
    }

    #[test]
    fn none_to_twelve_designs() {
        for n in 0..13 {
            let rows = (0..n).map(|i| {
                let i = f64::from(i);
                row(&format!("design-{i}"), 1e6 * libm::pow(2.0, i), 0.03 * i, 1.0 - 0.08 * i, n % 2 == 0)
            });
            let mut figure = figure(rows.collect());
            check(&figure);
            figure.cut = None;
            check(&figure);
        }
    }

    #[test]
    fn degenerate_states() {
        let long = "a-design-with-a-name-that-nobody-would-ever-give-to-a-design-of-his-own";
        let nothing = Traded {
            name: "nothing".into(),
            read_ns: None,
            write_ns: None,
            stale: None,
            answered: None,
            linearizable: None,
        };
        check(&figure(vec![nothing.clone()]));
        check(&figure(vec![row(long, 1.0, 1.0, 1.0, true), nothing, row("slow", 1e15, 0.999_999, 0.000_001, false)]));
        check(&figure(vec![row("same", 1e6, 0.0, 0.0, true), row("again", 1e6, 0.0, 0.0, true)]));
        check(&figure(vec![row("broken", f64::NAN, f64::NAN, f64::NAN, true), row("zero", 0.0, 0.0, 0.0, false)]));
    }

    #[test]
    fn outdone_is_what_another_betters_without_being_worse() {
        let outdone = |rows: Vec<Traded>| -> Vec<Option<String>> {
            let figure = figure(rows);
            (0..figure.rows.len()).map(|n| figure.outdone_by(n).map(str::to_owned)).collect()
        };
        // Faster and staler: a choice. Slower and nothing else: no choice.
        let fast = row("fast", 1e6, 0.2, 1.0, false);
        let fresh = row("fresh", 80e6, 0.0, 0.0, true);
        let slow = row("slow", 160e6, 0.0, 0.0, true);
        assert_eq!(outdone(vec![fast.clone(), fresh.clone(), slow]), [None, None, Some("fresh".to_owned())]);
        // As fast and as fresh, and no single copy: what was seen was luck.
        let lucky = Traded { linearizable: Some(false), name: "lucky".into(), ..fresh.clone() };
        assert_eq!(outdone(vec![lucky, fresh.clone()]), [Some("fresh".to_owned()), None]);
        // Less than chance decides nothing, and what isn't known isn't held against anybody.
        let near = row("near", 82e6, 0.004, 0.004, true);
        assert_eq!(outdone(vec![near, fresh.clone()]), [None, None]);
        let unread = Traded { read_ns: None, write_ns: None, ..fresh.clone() };
        assert_eq!(outdone(vec![unread, fresh.clone()]), [None, None]);
        // Reads that are as fast don't outdo writes that are faster.
        let costly = Traded { name: "costly".into(), write_ns: Some(900e6), linearizable: Some(true), ..fresh.clone() };
        assert_eq!(outdone(vec![costly, fresh.clone()]), [Some("fresh".to_owned()), None]);
        let cheap = Traded { name: "cheap".into(), read_ns: Some(90e6), write_ns: Some(1e6), ..fresh.clone() };
        assert_eq!(outdone(vec![cheap, fresh]), [None, None]);
        assert_eq!(outdone(vec![fast]), [None]);
    }
}
