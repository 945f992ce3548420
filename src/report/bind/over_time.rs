//! The timeline: rates, latency heat map, queues, utilisation, what clients got.

use std::ops::Range;

use super::Design;
use super::level::{columns_of_a_finding, level};
use super::shape::Phase;
use super::stale::StaleReads;
use super::waiting;
use crate::engine::{Instant, Span};
use crate::metric::{ClassSet, Counter, EpochSet, Gauge, HEAT_ROWS, Tally, heat_row_bounds};
use crate::report::answer::{capital, phases};
use crate::report::figure::fault::FLAGS_EACH;
use crate::report::figure::{
    Body, Drawing, Fault, HeatCells, Note, Outcomes, Panel, Row, Series, Strip, Table, Timeline,
};
use crate::report::number::{Unit, fmt_rate, fmt_share, fmt_span};
use crate::report::page::Section;
use crate::rpc::Outcome as Ended;
use crate::run::Outcome;
use crate::scenario::plan::Kind;
use crate::world::Level;
use crate::world::meters::ANSWERED;

/// A fault that comes and goes more often than this is told in words instead of shaded: it would be a wall of grey.
const WINDOWS_MAX: usize = 400;
/// What comes and goes more often than this is not waited for: there is no settled part after it.
const OFTEN: usize = 12;
/// So few that wait on average are nobody's queue.
const HARDLY: f64 = 0.01;
/// Strips on one timeline.
const STRIPS_MAX: usize = 4;
/// An edge with this many more attempts than calls is worth a line.
const AMPLIFIED: f64 = 1.02;

/// The timeline of one or two designs; of more, that of the base, and the others folded at the end.
pub(super) fn sections(designs: &[Design<'_>]) -> Vec<Section> {
    match designs {
        [] => Vec::new(),
        // Without clients there are no rates to draw.
        _ if designs.iter().all(|d| d.sum.seen.is_empty()) => Vec::new(),
        [one] => vec![section(&[one], "Timeline", "timeline", false)],
        [one, two] => vec![section(&[one, two], "Timeline", "timeline", false)],
        [base, ..] => vec![section(&[base], &format!("Timeline, {}", base.name()), "timeline", false)],
    }
}

/// The timelines of the designs that the first one leaves out, folded.
pub(super) fn others(designs: &[Design<'_>]) -> Option<Section> {
    let some = designs.iter().any(|d| !d.sum.seen.is_empty());
    let rest = if designs.len() > 2 && some { &designs[1..] } else { return None };
    let mut table = Table::new(&["design", "why it is there", "over time"]);
    let mut figures = Vec::new();
    for design in rest {
        let one = section(&[design], "", "", true);
        table.push([design.name().to_owned(), design.why().to_owned(), one.finding]);
        // Each stands alone on the page: its title is the design.
        figures.extend(one.figures.into_iter().map(|figure| match figure {
            Drawing::Timeline(timeline) => {
                Drawing::Timeline(Timeline { title: format!("{} over time", design.name()), ..timeline })
            }
            other => other,
        }));
    }
    // A column without a word is none.
    if table.rows.iter().all(|row| row[1].is_empty()) {
        table.columns.remove(1);
        table.rows.iter_mut().for_each(|row| drop(row.remove(1)));
    }
    Some(Section {
        name: "Timelines of the other designs".to_owned(),
        anchor: "timelines".to_owned(),
        finding: "The other designs over time".to_owned(),
        caption: String::new(),
        figures,
        tables: vec![table],
        how_to_read: String::new(),
        folded: true,
    })
}

/// Stretches of bins that become one point each.
pub(super) struct Columns {
    bins: Vec<Range<usize>>,
    /// Left edge, right edge.
    pub(super) edges: Vec<(Instant, Instant)>,
}

impl Columns {
    /// At most `most` stretches of equally many bins, each with about 25 requests or more.
    pub(super) fn of(outcome: &Outcome, most: usize) -> Columns {
        let frame = outcome.meters.frame();
        let bins = frame.bins();
        let asked: u64 = users(outcome).iter().flat_map(|t| t.started().iter().map(|n| u64::from(*n))).sum();
        let enough = ((asked / 25) as usize).clamp(60, most.max(60));
        let every = bins.div_ceil(most.min(enough)).max(1);
        let bins: Vec<Range<usize>> = (0..bins).step_by(every).map(|b| b..(b + every).min(bins)).collect();
        let edges = bins.iter().map(|r| (frame.bin_bounds(r.start).start, frame.bin_bounds(r.end - 1).end)).collect();
        Columns { bins, edges }
    }
    fn width(&self) -> Span {
        self.edges.first().map_or(Span(1), |(from, to)| *to - *from)
    }
    fn series(&self, value: impl Fn(&Range<usize>, f64) -> Option<f64>) -> Series {
        self.bins
            .iter()
            .zip(&self.edges)
            .map(|(bins, (from, to))| (Instant(from.0 / 2 + to.0 / 2), value(bins, (*to - *from).as_secs_f64())))
            .collect()
    }
    /// Events per second.
    pub(super) fn rate(&self, count: impl Fn(usize) -> u64) -> Series {
        self.series(|bins, seconds| Some(bins.clone().map(&count).sum::<u64>() as f64 / seconds))
    }
    /// The mean of what `count and sum` of each bin give.
    pub(super) fn mean(&self, of: impl Fn(usize) -> (u64, u64)) -> Series {
        self.series(|bins, _| {
            let (n, sum) = bins.clone().map(&of).fold((0, 0), |(n, s), (m, t)| (n + m, s + t));
            (n > 0).then(|| sum as f64 / n as f64)
        })
    }
    pub(super) fn level(&self, gauges: &[&Gauge], scale: f64) -> Series {
        let means: Vec<Vec<f64>> = gauges.iter().map(|g| g.bin_means()).collect();
        self.series(|bins, _| {
            let sum: f64 = means.iter().map(|m| bins.clone().map(|b| m[b]).sum::<f64>()).sum();
            Some(sum / bins.len() as f64 * scale)
        })
    }
}

/// The tallies of all client groups.
pub(super) fn users(outcome: &Outcome) -> Vec<&Tally> {
    outcome.meters.groups[outcome.plan.components.len()..].iter().map(|g| &g.visits).collect()
}

fn ended(tally: &Tally, class: Ended, bin: usize) -> u64 {
    tally.bins(class as u8).map_or(0, |b| u64::from(b[bin].ended))
}

/// Answered in full, per second, of all users.
pub(super) fn goodput(outcome: &Outcome, columns: &Columns) -> Series {
    let users = users(outcome);
    columns.rate(|bin| users.iter().map(|t| ended(t, Ended::Ok, bin)).sum())
}

/// Asked, per second, by all users.
pub(super) fn offered(outcome: &Outcome, columns: &Columns) -> Series {
    let users = users(outcome);
    columns.rate(|bin| users.iter().map(|t| u64::from(t.started()[bin])).sum())
}

/// The mean of a series over the settled part: after the last fault, or after the warm-up.
fn settled(outcome: &Outcome, series: &Series) -> Option<f64> {
    let plan = &outcome.plan;
    let ends = plan.faults.iter().filter(|f| f.windows.len() <= OFTEN).filter_map(|f| f.span());
    let last = ends.map(|(_, to)| to).filter(|to| to.0 < plan.end.0 / 10 * 9).max();
    let from = last.unwrap_or(Instant::ZERO + plan.warmup);
    let values: Vec<f64> = series.iter().filter(|(at, _)| *at >= from).filter_map(|(_, v)| *v).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

pub(super) fn faults(outcome: &Outcome) -> Vec<Fault> {
    let drawn = outcome.plan.faults.iter().filter(|f| f.windows.len() <= WINDOWS_MAX);
    drawn
        .flat_map(|f| f.windows.iter().map(|(from, to)| Fault { name: f.name.clone(), from: *from, until: *to }))
        .collect()
}

/// The edge that sends the most attempts beyond its calls.
fn amplified(outcome: &Outcome) -> Option<usize> {
    let all = outcome.meters.frame().all();
    let more = |e: usize| {
        let edge = &outcome.meters.edges[e];
        (edge.attempts.count(&all) as f64, edge.calls.offered(&all) as f64)
    };
    (0..outcome.meters.edges.len())
        .filter(|e| more(*e).1 > 0.0 && more(*e).0 > more(*e).1 * AMPLIFIED)
        .max_by(|a, b| (more(*a).0 - more(*a).1).total_cmp(&(more(*b).0 - more(*b).1)))
}

fn attempts(outcome: &Outcome, edge: usize, columns: &Columns) -> Series {
    let counter: &Counter = &outcome.meters.edges[edge].attempts;
    columns.rate(|bin| counter.bins()[bin])
}

/// What the rows of all panels show, so that they are the same.
struct Rows {
    edge: Option<usize>,
    queue: Option<usize>,
    /// Whether it is also said how long they waited.
    ages: bool,
    busy: Vec<usize>,
    strips: Vec<(usize, Option<usize>, String, String)>,
}

fn rows_of(designs: &[&Design<'_>]) -> Rows {
    let plan = &designs[0].run.outcome.plan;
    let parts = plan.components.len();
    let edge = designs.iter().find_map(|d| amplified(&d.run.outcome));
    let most = |i: usize, of: fn(&crate::report::summary::Part) -> f64| {
        designs.iter().filter_map(|d| d.sum.parts.get(i)).map(of).fold(0.0, f64::max)
    };
    let queue = (0..parts).filter(|i| most(*i, |p| p.waiting_max as f64) > 0.0).max_by(|a, b| {
        let waiting = |i| most(i, |p| p.waiting);
        waiting(*a).total_cmp(&waiting(*b)).then(b.cmp(a))
    });
    let entries: usize = plan.clients.iter().map(|(c, _)| c.mix.len()).sum();
    let many = entries.min(STRIPS_MAX) > 1;
    // Rows that tell nothing go: where hardly anybody ever waits, and more where room is short.
    let queue = queue.filter(|i| most(*i, |p| p.waiting) >= if many { 0.5 } else { HARDLY });
    let mut busy: Vec<usize> = (0..parts).filter(|i| most(*i, |p| p.busiest) > 0.0).collect();
    busy.sort_by(|a, b| most(*b, |p| p.busiest).total_cmp(&most(*a, |p| p.busiest)).then(a.cmp(b)));
    busy.truncate(3);
    if many && busy.iter().all(|i| most(*i, |p| p.busiest) < 0.5) {
        busy.clear();
    }
    let mut strips: Vec<(usize, Option<usize>, String, String)> = Vec::new();
    for (c, (clients, _)) in plan.clients.iter().enumerate() {
        if clients.mix.len() > 1 && entries <= STRIPS_MAX {
            for (e, entry) in clients.mix.iter().enumerate() {
                strips.push((c, Some(e), entry.name.clone(), clients.name.clone()));
            }
        } else {
            strips.push((c, None, clients.name.clone(), "what they got".to_owned()));
        }
    }
    // Of what nobody asked there is nothing to see, unless nobody asked anything.
    let asked = |c: usize, entry: Option<usize>| {
        designs.iter().any(|d| {
            let outcome = &d.run.outcome;
            let group = &outcome.meters.groups[parts + c];
            let tally = entry.and_then(|e| group.entries.get(e)).unwrap_or(&group.visits);
            tally.started().iter().any(|n| *n > 0)
        })
    };
    if strips.iter().any(|(c, entry, ..)| asked(*c, *entry)) {
        strips.retain(|(c, entry, ..)| asked(*c, *entry));
    }
    strips.truncate(STRIPS_MAX);
    // Of messages the age is what matters: nobody waits for them.
    let ages = queue.is_some_and(|i| matches!(plan.components[i].kind, Kind::Queue(_)) || strips.len() < STRIPS_MAX);
    Rows { edge, queue, ages, busy, strips }
}

fn section(designs: &[&Design<'_>], name: &str, anchor: &str, folded: bool) -> Section {
    let rows = rows_of(designs);
    let plan = &designs[0].run.outcome.plan;
    let outcome = &designs[0].run.outcome;
    let columns = Columns::of(outcome, 400);
    let panels = designs.iter().map(|d| panel(d, &rows, designs.len() > 1)).collect();
    let mut caption =
        format!("A point or column per {}; latency counts from the intended start.", fmt_span(columns.width()));
    if let Some(edge) = rows.edge {
        caption += &format!(" Attempts: sent over {}.", plan.edges[edge].name);
    }
    if plan.warmup.0 > 0 {
        caption += &format!(" The first {} warm up.", fmt_span(plan.warmup));
    }
    for fault in plan.faults.iter().filter(|f| f.windows.len() > WINDOWS_MAX) {
        caption += &format!(" {}: {} times, not shaded.", fault.name, fault.windows.len());
    }
    let often = plan.faults.iter().any(|f| (FLAGS_EACH + 1..=WINDOWS_MAX).contains(&f.windows.len()));
    let timeline = Timeline {
        title: format!("{}: {} over time", plan.title, names(designs)),
        description: String::new(),
        until: Span(plan.end.0),
        panels,
    };
    Section {
        name: name.to_owned(),
        anchor: anchor.to_owned(),
        finding: finding(designs),
        caption,
        figures: vec![Drawing::Timeline(timeline)],
        tables: Vec::new(),
        how_to_read: how_to_read(&rows, !faults(outcome).is_empty(), often),
        folded,
    }
}

fn names(designs: &[&Design<'_>]) -> String {
    designs.iter().map(|d| d.name()).collect::<Vec<_>>().join(" and ")
}

fn how_to_read(rows: &Rows, faults: bool, often: bool) -> String {
    let mut text = String::new();
    if faults {
        text += "The hatched column is the fault: follow it down. ";
        if often {
            text += "Of a fault that comes and goes, bars in a row of its own show when it is there. ";
        }
    }
    text += "Each cell of the latency map counts requests, see the key.";
    if rows.queue.is_some() {
        text += " Queue depth: the mean of each point; the peak of any moment stands beside it.";
    }
    if rows.ages {
        text += " Queue age: how long those waited on average who came then.";
    }
    if rows.strips.len() > 1 {
        text += " A strip per kind of request.";
    }
    text
}

fn finding(designs: &[&Design<'_>]) -> String {
    let one = |d: &Design<'_>| {
        let outcome = &d.run.outcome;
        if let Some(phases) = phases(outcome) {
            return phases.replace("**", "");
        }
        let columns = Columns::of(outcome, 60);
        let warm = Instant::ZERO + outcome.plan.warmup;
        let settled = |series: Series| -> Vec<f64> {
            series.iter().filter(|(at, _)| *at >= warm).filter_map(|(_, v)| *v).collect()
        };
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
        let ends = |v: &[f64]| (mean(&v[..v.len() / 3]), mean(&v[v.len() - v.len() / 3..]));
        let (values, asked) = (settled(goodput(outcome, &columns)), settled(offered(outcome, &columns)));
        let third = values.len() / 3;
        let ((early, late), (first, last)) = (ends(&values), ends(&asked));
        // What few requests do by chance is no trend.
        let chance = 4.0 * ((early + late) / (columns.width().as_secs_f64() * third.max(1) as f64)).sqrt();
        if third > 0 && (late - early).abs() > (0.15 * early.max(late)).max(chance) {
            // Who is asked for less gives less.
            if (late / last.max(f64::MIN_POSITIVE) - early / first.max(f64::MIN_POSITIVE)).abs() < 0.02 {
                return format!(
                    "Goodput follows what is asked: {} in the first third of the run, {} in the last",
                    fmt_rate(early),
                    fmt_rate(late)
                );
            }
            if (last - first).abs() > 0.15 * first.max(last) {
                return format!(
                    "Of {} that are asked {} are answered in full in the first third of the run, of {} {} in the last",
                    fmt_rate(first),
                    fmt_rate(early),
                    fmt_rate(last),
                    fmt_rate(late)
                );
            }
            let verb = if late < early { "falls" } else { "rises" };
            return format!("Goodput {verb} from {} to {}", fmt_rate(early), fmt_rate(late));
        }
        level(mean(&values), &columns_of_a_finding(outcome))
    };
    match designs {
        [d] => one(d),
        many => {
            let mut texts: Vec<String> = many.iter().map(|d| one(d)).collect();
            if texts.iter().all(|t| *t == texts[0]) {
                return texts.swap_remove(0);
            }
            // Told of the stretch in which they differ most.
            let outcomes: Vec<&Outcome> = many.iter().map(|d| &d.run.outcome).collect();
            if outcomes.iter().any(|outcome| phases(outcome).is_some()) {
                let phase = Phase::telling(&outcomes);
                let share = |d: &&Design<'_>| {
                    Some(format!("{} are answered with {}", fmt_share(phase.share(&d.run.outcome)?), d.name()))
                };
                let shares: Vec<String> = many.iter().filter_map(share).collect();
                if !shares.is_empty() {
                    return format!("{} {}", capital(&phase.words()), shares.join(", "));
                }
            }
            let lower = |t: &str| {
                let mut chars = t.chars();
                chars.next().map_or(String::new(), |c| c.to_lowercase().collect::<String>() + chars.as_str())
            };
            many.iter().zip(&texts).map(|(d, t)| format!("{}: {}", d.name(), lower(t))).collect::<Vec<_>>().join(" · ")
        }
    }
}

fn panel(design: &Design<'_>, rows: &Rows, pair: bool) -> Panel {
    let outcome = &design.run.outcome;
    let columns = Columns::of(outcome, 400);
    let mut all = vec![rates(outcome, &columns, rows.edge)];
    all.push(Row::new("Latency", Body::Heat(heat(outcome))));
    if let Some(i) = rows.queue {
        all.extend(waiting::rows(outcome, i, &columns, rows.ages).into_iter().map(beside_the_peak));
    }
    if !rows.busy.is_empty() {
        all.push(utilisation(outcome, &rows.busy, &columns));
    }
    for (component, meters) in outcome.plan.components.iter().zip(&outcome.meters.groups) {
        if let (Some(replicas), Some(levels)) = (meters.levels.get(&Level::Replicas), meters.all_levels()) {
            let (serve, run) = (columns.level(&[replicas], 1.0), columns.level(&[&levels.up], 1.0));
            all.push(Row::replicas(&component.name, serve, run));
        }
    }
    let stale = StaleReads::of(outcome);
    for (c, entry, name, note) in &rows.strips {
        all.push(strip(outcome, &stale, *c, *entry, name, note, pair));
    }
    // What fits a screen of 800 px under the heading.
    let spare = if all.len() <= 4 { 1.2 } else { 1.0 - 0.12 * all.len().saturating_sub(5) as f64 };
    for row in &mut all {
        row.height_px = match &row.body {
            // A decade that is lower than this can't be read.
            Body::Heat(cells) => {
                let decades = cells.range_ns().map_or(0.0, |(low, high)| libm::log10(high / low));
                Some((82.0 * spare).max((18.0 * decades).min(100.0)))
            }
            Body::Lines(l) if l.unit == Unit::PerSecond => Some(66.0 * spare),
            Body::Lines(l) => Some(43.0_f64.max(21.0 * l.lines.len() as f64)),
            Body::Strip(_) => None,
        };
    }
    Panel { name: design.name().to_owned(), mark: design.mark, faults: faults(outcome), rows: all }
}

/// A row whose lines are means, and end in the words for a peak that no mean reaches: up to where they are drawn stands
/// above it.
fn beside_the_peak(mut row: Row) -> Row {
    if let Body::Lines(lines) = &mut row.body {
        for line in &mut lines.lines {
            let highest = line.points.iter().filter_map(|(_, v)| *v).fold(0.0, f64::max);
            let drawn = lines.unit.write(highest);
            if !line.end.is_empty() && !line.end.ends_with(&format!(" {drawn}")) {
                line.below = std::mem::replace(&mut line.end, format!("mean ≤ {drawn}"));
            }
        }
    }
    row
}

fn rates(outcome: &Outcome, columns: &Columns, edge: Option<usize>) -> Row {
    let attempts = edge.map_or_else(Vec::new, |e| attempts(outcome, e, columns));
    let mut row = Row::rates(offered(outcome, columns), attempts, goodput(outcome, columns));
    if let Body::Lines(lines) = &mut row.body {
        lines.lines.retain(|l| !l.points.is_empty());
        for line in &mut lines.lines {
            if let Some(mean) = settled(outcome, &line.points) {
                line.end = format!("{} {}", line.name, Unit::PerSecond.tick(mean));
            }
        }
    }
    row
}

fn heat(outcome: &Outcome) -> HeatCells {
    let columns = Columns::of(outcome, 120);
    let users = users(outcome);
    let counts = columns
        .bins
        .iter()
        .map(|bins| {
            let mut sums = vec![0_u64; HEAT_ROWS];
            for heat in users.iter().flat_map(|t| bins.clone().filter_map(|b| t.heat(b))) {
                for (sum, n) in sums.iter_mut().zip(heat) {
                    *sum += u64::from(*n);
                }
            }
            sums
        })
        .collect();
    HeatCells {
        from: Instant::ZERO,
        column: columns.width(),
        low_ns: heat_row_bounds(0).0 as f64,
        rows_per_decade: 8,
        counts,
        counted: "requests per cell".to_owned(),
        end: String::new(),
    }
}

fn utilisation(outcome: &Outcome, parts: &[usize], columns: &Columns) -> Row {
    let lines = parts
        .iter()
        .map(|i| {
            let component = &outcome.plan.components[*i];
            let meters = &outcome.meters.groups[*i];
            let busy: Vec<&Gauge> = meters.all_levels().map(|levels| &levels.busy).into_iter().collect();
            let workers = columns.level(&[&meters.workers], 1.0);
            let replicas = match meters.levels.get(&Level::InService) {
                Some(replicas) => columns.level(&[replicas], 1.0),
                None => workers.iter().map(|(at, _)| (*at, Some(meters.members.len() as f64))).collect(),
            };
            let all = workers.iter().zip(&replicas).map(|(workers, replicas)| Some(workers.1? * replicas.1?));
            let share = |busy: Option<f64>, all: Option<f64>| Some(busy? / all.filter(|all| *all > 0.0)?);
            let shares = columns.level(&busy, 1.0).into_iter().zip(all).map(|((at, busy), all)| (at, share(busy, all)));
            (component.name.clone(), shares.collect())
        })
        .collect();
    let mut row = Row::utilisation(lines);
    if let Body::Lines(lines) = &mut row.body {
        for line in &mut lines.lines {
            if let Some(mean) = settled(outcome, &line.points) {
                line.end = format!("{} {}", line.name, fmt_share(mean));
            }
        }
    }
    row
}

/// What a client group, or one kind of its requests, got; by the start of the request.
fn strip(
    outcome: &Outcome,
    reads: &StaleReads,
    c: usize,
    entry: Option<usize>,
    name: &str,
    note: &str,
    pair: bool,
) -> Row {
    let group = &outcome.meters.groups[outcome.plan.components.len() + c];
    let tally = entry.and_then(|e| group.entries.get(e)).unwrap_or(&group.visits);
    let columns = Columns::of(outcome, 240);
    let of = |bins: &Range<usize>, classes: &[Ended]| -> u64 {
        let started = |class: &Ended| {
            tally.bins(*class as u8).map_or(0, |b| bins.clone().map(|i| u64::from(b[i].started)).sum::<u64>())
        };
        classes.iter().map(started).sum()
    };
    let errors = [Ended::Error, Ended::Rejected, Ended::Unavailable, Ended::Aborted];
    let drawn: Vec<Outcomes> = columns
        .bins
        .iter()
        .zip(&columns.edges)
        .map(|(bins, (from, to))| {
            let asked: u64 = bins.clone().map(|b| u64::from(tally.started()[b])).sum();
            let (ok, degraded, error) = (of(bins, &[Ended::Ok]), of(bins, &[Ended::Degraded]), of(bins, &errors));
            let stale = reads.count(outcome, c, entry, *from, *to).min(ok);
            let timed_out = of(bins, &[Ended::Timeout]);
            // Who is still open when the run ends has not given up; where nobody has heard anything, nobody knows.
            let unknown = if ok + degraded + error + timed_out == 0 { asked } else { timed_out };
            Outcomes { from: *from, ok: ok - stale, stale: stale + degraded, error, unknown }
        })
        .collect();
    // Shares are those of the numbers: by epochs, not by columns.
    let frame = outcome.meters.frame();
    let asked = |epochs: &EpochSet| tally.offered(epochs);
    let ended = |epochs: &EpochSet| tally.count(epochs, ClassSet::ALL);
    let answered = |epochs: &EpochSet| fmt_share(tally.share_of_ended(epochs, ANSWERED).unwrap_or(f64::NAN));
    let all = frame.epochs_in(Instant::ZERO + outcome.plan.warmup, outcome.plan.end);
    let mut notes = Vec::new();
    for fault in outcome.plan.faults.iter().filter(|f| f.windows.len() == 1) {
        let Some((from, to)) = fault.span() else { continue };
        let to = to.min(outcome.plan.end);
        let during = frame.epochs_in(from, to);
        let wide = to.0.saturating_sub(from.0) as f64 / outcome.plan.end.0 as f64;
        let failed = ended(&during) > tally.count(&during, ANSWERED);
        if failed && wide > if pair { 0.25 } else { 0.12 } {
            let words = format!("{} answered", answered(&during));
            notes.push(Note { at: Instant(from.0 / 2 + to.0 / 2), value: 0.0, words });
        }
    }
    let class = |o: Ended| ClassSet::of(&[o as u8]);
    let timed_out = tally.count(&all, class(Ended::Timeout));
    let failed: u64 = errors.iter().map(|e| tally.count(&all, class(*e))).sum();
    let full = tally.count(&all, class(Ended::Ok));
    let (end, below) = match (asked(&all), failed, timed_out) {
        (0, _, _) => (String::new(), String::new()),
        (_, _, _) if tally.count(&all, class(Ended::Degraded)) > 0 => {
            let in_full = fmt_share(full as f64 / ended(&all).max(1) as f64);
            (format!("{} answered", answered(&all)), format!("{in_full} in full"))
        }
        (_, 0, 0) if ended(&all) == 0 => ("none answered".to_owned(), "all open at the end".to_owned()),
        (n, 0, 0) if n == ended(&all) => ("all answered".to_owned(), String::new()),
        (_, 0, 0) => ("all answered".to_owned(), "or open at the end".to_owned()),
        (_, e, u) => {
            let rest = match (e, u) {
                (0, _) => "rest unknown",
                (_, 0) => "rest errors",
                _ => "rest failed",
            };
            (format!("{} answered", answered(&all)), rest.to_owned())
        }
    };
    let strip = Strip { column: columns.width(), columns: drawn, notes, end, below, empty: "no requests".to_owned() };
    Row::availability(name, note, strip)
}
