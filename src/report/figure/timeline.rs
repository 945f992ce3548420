//! The timeline: rows that share one time axis, faults shaded across all of them under one flag, two designs side by
//! side at most (three and more are small multiples).
//!
//! This file holds the data; `timeline_draw` the drawing.

use serde::{Deserialize, Serialize};

use crate::engine::{Instant, Span};
use crate::report::axis::Scale;
use crate::report::curve::Stroke;
use crate::report::figure::{Fault, Figure, HeatCells, Series, Table, timeline_draw};
use crate::report::number::{NOTHING, Unit, fmt_count, fmt_share, fmt_span};
use crate::report::theme::{self, Ink, Mark};

/// Stacked rows over one time axis, for one design or for several beside each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// What it shows.
    pub title: String,
    /// Words for readers who can't see it; ranges and faults are added.
    pub description: String,
    /// End of the time axis.
    pub until: Span,
    /// One, or one per design. Rows of the same index share their y axis; the first panel names them.
    pub panels: Vec<Panel>,
}

/// One design on the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// The design's name; shown if there is more than one panel.
    pub name: String,
    /// Its mark.
    pub mark: Mark,
    /// Its faults.
    pub faults: Vec<Fault>,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name with the unit of rates: `Requests/s`.
    pub name: String,
    /// Secondary words beside or below the name: a component, `20 clients`.
    pub note: String,
    /// What it shows.
    pub body: Body,
    /// Height of the plot; `None` takes the usual one.
    pub height_px: Option<f64>,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Lines over a value axis.
    Lines(Lines),
    /// A latency heat map.
    Heat(HeatCells),
    /// What clients got, as a 100 % stack.
    Strip(Strip),
}

/// Lines that share a value axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// What the values measure.
    pub unit: Unit,
    /// Linear from 0, or log.
    pub scale: Scale,
    /// The first lies at the bottom.
    pub lines: Vec<Line>,
    /// Cuts the axis here; what lies above is drawn at the top and its peak is written out.
    pub cap: Option<f64>,
    /// A limit, as a dashed line with its name.
    pub limit: Option<Limit>,
    /// Words on the data.
    pub notes: Vec<Note>,
    /// Why there may be nothing to draw: `no requests`.
    pub empty: String,
}

/// A limit with its name: `queue limit 400`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Its words, with the number.
    pub name: String,
    /// Its value in the unit of the row.
    pub value: f64,
}

/// Words at a place in the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub at: Instant,
    /// At which value; a strip ignores it.
    pub value: f64,
    /// The words.
    pub words: String,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its name: `attempts`.
    pub name: String,
    /// Its colour.
    pub ink: Ink,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Values over time, in the unit of the row.
    pub points: Series,
    /// The label at its right end, `attempts 2 801`; if empty, the name alone.
    pub end: String,
    /// Secondary words under that label: `head waited 86 s`.
    pub below: String,
}

impl Line {
    /// A line labelled with its name.
    pub fn new(name: &str, ink: Ink, stroke: Stroke, points: Series) -> Line {
        Line { name: name.to_string(), ink, stroke, points, end: String::new(), below: String::new() }
    }
    /// The last value, if the line ends in one.
    pub fn last(&self) -> Option<f64> {
        self.points.last().and_then(|p| p.1).filter(|v| v.is_finite())
    }
}

impl Lines {
    /// Lines without cap, limit or notes.
    pub fn new(unit: Unit, scale: Scale, lines: Vec<Line>, empty: &str) -> Lines {
        Lines { unit, scale, lines, cap: None, limit: None, notes: Vec::new(), empty: empty.to_string() }
    }

    /// All finite values, line by line.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.lines.iter().flat_map(|l| l.points.iter().filter_map(|p| p.1)).filter(|v| v.is_finite())
    }

    /// Where to cut the axis if a burst would flatten the rest: 9 of 10 values lie at or below it, and the peak is
    /// more than twice as high. A line without such a burst is not cut. `None` if no cut is needed.
    pub fn burst_cap(&self) -> Option<f64> {
        let lines = self.lines.iter().map(|line| {
            let mut values: Vec<f64> = line.points.iter().filter_map(|p| p.1).filter(|v| v.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            let usual = values.get((values.len() * 9).div_ceil(10).max(1) - 1).copied().unwrap_or(0.0);
            (usual, values.last().copied().unwrap_or(0.0))
        });
        let lines: Vec<(f64, f64)> = lines.collect();
        let highest = lines.iter().fold(0.0_f64, |most, line| most.max(line.0));
        let calm = lines.iter().map(|line| line.1).filter(|peak| *peak <= highest * 2.0).fold(0.0, f64::max);
        let burst = lines.iter().any(|line| line.1 > highest * 2.0);
        (highest > 0.0 && burst).then_some((highest * 1.05).max(calm))
    }
}

/// What clients got, per column of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strip {
    /// Width of a column.
    pub column: Span,
    /// Columns in order of time; a column without requests is left blank.
    pub columns: Vec<Outcomes>,
    /// Shares worth saying, above the strip: `44 % stale` in the middle of the cut.
    pub notes: Vec<Note>,
    /// Words at the right: `16.2 % answered`.
    pub end: String,
    /// Secondary words under them: `rest unknown`.
    pub below: String,
    /// Why there may be nothing to draw.
    pub empty: String,
}

/// Requests by what became of them, in the column that begins at `from`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Left edge of the column.
    pub from: Instant,
    /// Answered, fresh.
    pub ok: u64,
    /// Answered with the past, or with a fallback.
    pub stale: u64,
    /// Answered with an error.
    pub error: u64,
    /// Timed out, may have happened.
    pub unknown: u64,
}

impl Outcomes {
    /// All requests of the column.
    pub fn total(&self) -> u64 {
        self.ok.saturating_add(self.stale).saturating_add(self.error).saturating_add(self.unknown)
    }
}

impl Row {
    /// A row without a note, at its usual height.
    pub fn new(name: &str, body: Body) -> Row {
        Row { name: name.to_string(), note: String::new(), body, height_px: None }
    }

    /// With secondary words at the name.
    pub fn note(mut self, note: &str) -> Row {
        self.note = note.to_string();
        self
    }

    /// Offered load (thin, dashed), attempts and goodput, per second.
    pub fn rates(offered: Series, attempts: Series, goodput: Series) -> Row {
        let line = |name: &str, ink, stroke, points| {
            let mut line = Line::new(name, ink, stroke, points);
            line.end = line.last().map_or(String::new(), |v| format!("{name} {}", Unit::PerSecond.tick(v)));
            line
        };
        let lines = vec![
            line("attempts", Ink::First, Stroke::Thick, attempts),
            line("goodput", Ink::Ok, Stroke::Thick, goodput),
            line("offered", Ink::Ink, Stroke::ThinDashed, offered),
        ];
        let mut lines = Lines::new(Unit::PerSecond, Scale::Linear, lines, "no requests");
        lines.cap = lines.burst_cap();
        Row::new("Requests/s", Body::Lines(lines))
    }

    /// p50 (thin) and p99 (thick) over time on a log axis, in ns, in the colour of the design.
    pub fn latency(p50: Series, p99: Series, mark: Mark) -> Row {
        let lines =
            vec![Line::new("p50", mark.ink(), Stroke::Thin, p50), Line::new("p99", mark.ink(), Stroke::Thick, p99)];
        Row::new("Latency", Body::Lines(Lines::new(Unit::Nanos, Scale::Log, lines, "no answers")))
    }

    /// Queue depth of a component; its limit, if it has one.
    pub fn queue(component: &str, depth: Series, limit: Option<u64>) -> Row {
        let mut line = Line::new("queue", Ink::First, Stroke::Thick, depth);
        line.end = line.last().map_or(String::new(), |v| Unit::Count.write(v));
        let mut lines = Lines::new(Unit::Count, Scale::Linear, vec![line], "no queue");
        lines.limit = limit.map(|n| Limit { name: format!("limit {}", fmt_count(n)), value: n as f64 });
        Row::new("Queue depth", Body::Lines(lines)).note(component)
    }

    /// How long those waited at a component who came then, on average, in ns.
    pub fn age(component: &str, waited: Series) -> Row {
        let line = Line::new("waited", Ink::First, Stroke::Thick, waited);
        Row::new("Queue age", Body::Lines(Lines::new(Unit::Nanos, Scale::Linear, vec![line], "nobody waited")))
            .note(component)
    }

    /// How many replicas of a component serve, and how many run: those that start and those that leave too.
    pub fn replicas(component: &str, serve: Series, run: Series) -> Row {
        let line = |name: &str, ink, stroke, points| {
            let mut line = Line::new(name, ink, stroke, points);
            line.end = line.last().map_or(String::new(), |v| format!("{name} {}", Unit::Count.tick(v)));
            line
        };
        let lines =
            vec![line("running", Ink::Muted, Stroke::Thin, run), line("serving", Ink::First, Stroke::Thick, serve)];
        Row::new("Replicas", Body::Lines(Lines::new(Unit::Count, Scale::Linear, lines, "none"))).note(component)
    }

    /// Share of worker time in use, per component.
    pub fn utilisation(components: Vec<(String, Series)>) -> Row {
        let inks = [Ink::First, Ink::Second, Ink::Third, Ink::Muted];
        let strokes = [Stroke::Thick, Stroke::ThickDashed, Stroke::Thin, Stroke::ThinDashed];
        let lines = components
            .into_iter()
            .enumerate()
            .map(|(i, (name, points))| {
                let mut line = Line::new(&name, inks[i % 4], strokes[i % 4], points);
                line.end = line.last().map_or(String::new(), |v| format!("{name} {}", fmt_share(v)));
                line
            })
            .collect();
        Row::new("Utilisation", Body::Lines(Lines::new(Unit::Share, Scale::Linear, lines, "no workers")))
    }

    /// What one group of clients got.
    pub fn availability(group: &str, note: &str, strip: Strip) -> Row {
        Row::new(group, Body::Strip(strip)).note(note)
    }
}

impl Figure for Timeline {
    fn svg(&self, id: &str) -> String {
        timeline_draw::draw(self, id)
    }
    fn width_px(&self) -> f64 {
        theme::FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    /// Sixty moments at most: the last value of each stretch for lines, sums for strips.
    fn table(&self) -> Table {
        let mut table = Table::new(&["time", "row", "value"]);
        for panel in &self.panels {
            let prefix = if panel.name.is_empty() || self.panels.len() < 2 {
                String::new()
            } else {
                format!("{}: ", panel.name)
            };
            for fault in &panel.faults {
                let until =
                    if fault.until == Instant::NEVER { "the end".into() } else { fmt_span(Span(fault.until.0)) };
                let words =
                    if fault.is_instant() { fault.name.clone() } else { format!("{} until {until}", fault.name) };
                table.push([fmt_span(Span(fault.from.0)), format!("{prefix}fault"), words]);
            }
            for row in &panel.rows {
                let name = format!("{prefix}{}", row.name);
                match &row.body {
                    Body::Lines(lines) => {
                        for line in &lines.lines {
                            let name = format!("{name}, {}", line.name);
                            for part in line.points.chunks(line.points.len().div_ceil(30).max(1)) {
                                let Some((at, value)) = part.last() else { continue };
                                let value = value.map_or(NOTHING.to_string(), |v| lines.unit.write(v));
                                table.push([fmt_span(Span(at.0)), name.clone(), value]);
                            }
                        }
                    }
                    Body::Heat(cells) => table.rows.extend(cells.rows(&name)),
                    Body::Strip(strip) => {
                        for part in strip.columns.chunks(strip.columns.len().div_ceil(30).max(1)) {
                            let sum = |f: fn(&Outcomes) -> u64| part.iter().map(f).fold(0, u64::saturating_add);
                            let total = sum(Outcomes::total);
                            let words = if total == 0 {
                                "no requests".to_string()
                            } else {
                                let share = |n: u64| fmt_share(n as f64 / total as f64);
                                format!(
                                    "{} fresh, {} stale, {} error, {} unknown of {}",
                                    share(sum(|o| o.ok)),
                                    share(sum(|o| o.stale)),
                                    share(sum(|o| o.error)),
                                    share(sum(|o| o.unknown)),
                                    fmt_count(total)
                                )
                            };
                            table.push([fmt_span(Span(part[0].from.0)), name.clone(), words]);
                        }
                    }
                }
            }
        }
        table
    }
}
