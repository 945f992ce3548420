//! A counter-example: one row a client, a bar from invocation to completion, numbers for the longest order that one copy
//! could have made, and a frame around the bar that fits nowhere.
//!
//! Time runs to scale, but for stretches that are cut out and say so. A history that only counts events has no scale:
//! then a bar is as wide as its words need.

use serde::{Deserialize, Serialize};

use crate::engine::Instant;
use crate::report::broken_axis::{BrokenAxis, Cut};
use crate::report::figure::{Figure, Table};
use crate::report::number::fmt_duration;
use crate::report::place::Area;
use crate::report::svg::{Paint, Pattern, Svg, Text};
use crate::report::theme::{self, Ink};

/// What a bar is in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// It has this place in the longest order, from 1.
    Order(u32),
    /// It fits nowhere.
    Nowhere,
    /// It takes part otherwise.
    Beside,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// Whose row it stands in.
    pub client: String,
    /// What it asked and got: `read → 3`.
    pub words: String,
    /// When it was invoked.
    pub from: Instant,
    /// When it completed; `None` if its outcome is unknown.
    pub until: Option<Instant>,
    /// Both as words.
    pub times: (String, String),
    /// Its part.
    pub place: Place,
    /// Whether it would explain no more at any other time either.
    pub optional: bool,
    /// Where it stands in its file; may be empty.
    pub line: String,
}

/// One bar must come before another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrow {
    /// Position in the bars.
    pub from: usize,
    /// Position in the bars.
    pub to: usize,
    /// Why, in a few words.
    pub words: String,
}

/// The figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The finding as a sentence.
    pub title: String,
    /// The same in words for those who don't see it.
    pub description: String,
    /// The operations.
    pub bars: Vec<Bar>,
    /// What must come before what.
    pub arrows: Vec<Arrow>,
    /// Sentences below.
    pub notes: Vec<String>,
    /// Whether instants are times; otherwise they only count events.
    pub real_time: bool,
}

/// A row where there is room, and where there are many.
const ROW_PX: [f64; 2] = [58.0, 47.0];
/// More rows than these are many.
const ROWS: usize = 5;
/// Of a row, beside its bar.
const BETWEEN_PX: f64 = 16.0;
/// A cut has room for the words of the bar before it.
const CUT_PX: f64 = 150.0;
const TOP_PX: f64 = 62.0;
const BADGE_GAP_PX: f64 = 6.0;
const PAD_PX: f64 = 10.0;
const STEP_PX: f64 = 16.0;
const NOTE_PX: f64 = 30.0;
/// Of frames of bars that explain no more at any other time.
const TIMELESS: &str = "6 4";
/// Names of clients.
const LEFT_PX: f64 = 196.0;
/// Room for what is said about the bar that fits nowhere.
const RIGHT_PX: f64 = 250.0;
const END_PX: f64 = theme::FULL_PX - RIGHT_PX;

/// Where everything goes.
struct Layout {
    /// Distinct instants, and where they are.
    instants: Vec<Instant>,
    x: Vec<f64>,
    clients: Vec<String>,
    cuts: Vec<Cut>,
}

/// The height of one of so many rows.
fn row_px(rows: usize) -> f64 {
    ROW_PX[usize::from(rows > ROWS)]
}

impl Witness {
    fn layout(&self) -> Layout {
        let mut instants: Vec<Instant> =
            self.bars.iter().flat_map(|bar| [Some(bar.from), bar.until]).flatten().collect();
        instants.sort_unstable();
        instants.dedup();
        let mut clients: Vec<String> = Vec::new();
        let mut order: Vec<&Bar> = self.bars.iter().collect();
        order.sort_by_key(|bar| bar.from);
        for bar in order {
            if !clients.contains(&bar.client) {
                clients.push(bar.client.clone());
            }
        }
        if self.real_time {
            // While something is under way, time is not cut.
            let whole: Vec<(Instant, Instant)> = self.bars.iter().filter_map(|b| Some((b.from, b.until?))).collect();
            let axis = BrokenAxis::with_cuts(&instants, &whole, LEFT_PX, END_PX, CUT_PX);
            let x = instants.iter().map(|at| axis.x(*at)).collect();
            return Layout { instants, x, clients, cuts: axis.cuts() };
        }
        let x = self.by_words(&instants);
        Layout { instants, x, clients, cuts: Vec::new() }
    }

    /// Places that keep the order of instants and leave every bar room for its words.
    fn by_words(&self, instants: &[Instant]) -> Vec<f64> {
        let at = |instant: Instant| instants.partition_point(|&other| other < instant);
        let start = LEFT_PX + PAD_PX;
        let mut x: Vec<f64> = Vec::with_capacity(instants.len());
        for place in 0..instants.len() {
            let mut here = x.last().map_or(start, |last| last + STEP_PX);
            for bar in self.bars.iter().filter(|bar| bar.until.is_some_and(|until| at(until) == place)) {
                // Of a bar without length both ends are here.
                if let Some(begin) = x.get(at(bar.from)) {
                    here = here.max(begin + bar.width() + 2.0 * PAD_PX);
                }
            }
            // A bar that never ends needs room for its words before the next one of its client; it is the last there.
            x.push(here);
        }
        let open = self.bars.iter().filter(|bar| bar.until.is_none()).map(|bar| x[at(bar.from)] + bar.width());
        let used = open.chain(x.last().copied()).fold(start + 1.0, f64::max);
        let scale = ((END_PX - start) / (used - start)).min(1.6);
        x.iter_mut().for_each(|x| *x = start + (*x - start) * scale);
        x
    }
}

impl Layout {
    fn x(&self, instant: Instant) -> f64 {
        let at = self.instants.partition_point(|&other| other < instant);
        self.x.get(at).copied().unwrap_or(END_PX)
    }

    /// The middle of a bar's row.
    fn row(&self, bar: &Bar) -> f64 {
        let row = self.clients.iter().position(|client| *client == bar.client).unwrap_or(0);
        self.middle(row)
    }

    fn middle(&self, row: usize) -> f64 {
        TOP_PX + (row as f64 + 0.5) * row_px(self.clients.len())
    }

    fn bar_px(&self) -> f64 {
        row_px(self.clients.len()) - BETWEEN_PX
    }

    /// Left and right edge of a bar.
    fn edges(&self, bar: &Bar) -> (f64, f64) {
        let left = self.x(bar.from);
        let right = bar.until.map_or(END_PX, |until| self.x(until));
        (left, if right - left < 8.0 { left + 8.0 } else { right })
    }

    fn area(&self, bar: &Bar) -> Area {
        let (left, right) = self.edges(bar);
        Area { x: left, y: self.row(bar) - self.bar_px() / 2.0, width: right - left, height: self.bar_px() }
    }
}

impl Bar {
    fn text(&self) -> Text {
        Text::name(&self.words, self.ink()).halo()
    }

    fn ink(&self) -> Ink {
        if self.place == Place::Nowhere { Ink::Error } else { Ink::Ink }
    }

    fn badge(&self) -> f64 {
        match self.place {
            Place::Order(number) => Bar::disc(number) + BADGE_GAP_PX,
            _ => 0.0,
        }
    }

    /// A disc, longer for long numbers.
    fn disc(number: u32) -> f64 {
        let digits = Text::label(number.to_string(), Ink::Bg).width();
        (digits + 14.0).max(28.0)
    }

    /// Of its words and its number.
    fn width(&self) -> f64 {
        self.text().width() + self.badge()
    }

    fn draw(&self, svg: &mut Svg, layout: &Layout, weighty: bool) {
        let area = layout.area(self);
        let paint = match (self.place, self.until) {
            (Place::Nowhere, _) => Paint::fill(Ink::Bg).outlined(Ink::Error, 5.0),
            (_, None) => Paint::pattern(Pattern::UnknownHatch),
            (Place::Order(_), _) if self.optional => Paint::fill(Ink::Bg).outlined(Ink::Ok, 2.5).dashed(TIMELESS),
            _ if self.optional => Paint::fill(Ink::Bg).outlined(Ink::Axis, 1.5).dashed(TIMELESS),
            (Place::Order(_), _) => Paint::fill(Ink::Bg).outlined(Ink::Ok, if weighty { 4.5 } else { 2.5 }),
            _ => Paint::fill(Ink::Bg).outlined(Ink::Axis, if weighty { 4.5 } else { 1.5 }),
        };
        svg.rect(area.x, area.y, area.width, area.height, 5.0, &paint);
        if self.until.is_none() {
            svg.line((area.x, area.y), (area.x, area.y + area.height), &Paint::stroke(Ink::Axis, 2.5));
        }
    }

    /// Its number and its words, inside if they fit; else beside it, where nothing else is.
    fn label(&self, svg: &mut Svg, layout: &Layout, others: &[Area]) {
        let area = layout.area(self);
        let y = layout.row(self);
        let verdict = Text::label("✕ fits nowhere", Ink::Error);
        if area.width >= self.width() + 2.0 * PAD_PX {
            let left = if self.until.is_none() { area.x + PAD_PX } else { area.x + (area.width - self.width()) / 2.0 };
            self.block(svg, left, y, self.text());
            if self.place == Place::Nowhere && area.x + area.width + 10.0 + verdict.width() <= theme::FULL_PX {
                svg.text(area.x + area.width + 10.0, y + 6.0, &verdict);
            }
            return;
        }
        let small = Text::tick(&self.words).ink(self.ink()).bold();
        if self.until.is_some() && area.width >= small.width() + self.badge() + PAD_PX && self.place != Place::Nowhere {
            let width = small.width() + self.badge();
            self.block(svg, area.x + (area.width - width) / 2.0, y, small);
            return;
        }
        let free = |left: f64, width: f64| {
            let own = Area { x: left, y: y - 14.0, width, height: 28.0 };
            left >= LEFT_PX - 4.0
                && left + width <= theme::FULL_PX
                && !others.iter().any(|other| other.overlaps(&own))
                && !svg.texts().iter().any(|text| text.overlaps(&own))
        };
        let (right, left) = (area.x + area.width + PAD_PX, area.x - PAD_PX - self.width());
        if self.place == Place::Nowhere {
            let room = theme::FULL_PX - right;
            let text = Text::label(format!("✕ {} fits nowhere", self.words), Ink::Error);
            let short = || Text::label(format!("✕ {}", self.words), Ink::Error).fit(room);
            self.block(svg, right, y, if text.width() <= room { text } else { short() });
        } else if free(right, self.width()) {
            self.block(svg, right, y, self.text());
        } else if free(left, self.width()) {
            self.block(svg, left, y, self.text());
        } else {
            // What has no room stands in the table; the number at least is here, if it can be.
            let disc = self.badge() - BADGE_GAP_PX;
            let middle = area.x + (area.width - disc) / 2.0;
            let place = [right, middle, area.x - PAD_PX - disc].into_iter().find(|left| {
                let inside = *left == middle && area.width >= disc + 2.0;
                inside && !svg.texts().iter().any(|t| t.overlaps(&Area { x: middle, width: disc, ..area }))
                    || free(*left, disc)
            });
            if let Some(place) = place.filter(|_| self.badge() > 0.0) {
                self.block(svg, place, y, Text::tick(""));
            }
        }
    }

    fn block(&self, svg: &mut Svg, left: f64, y: f64, text: Text) {
        let mut words = left;
        if let Place::Order(number) = self.place {
            let disc = Bar::disc(number);
            svg.rect(left, y - 14.0, disc, 28.0, 14.0, &Paint::fill(Ink::OkText));
            let text = Text::label(number.to_string(), Ink::Bg).ink(Ink::Bg).plain().middle();
            svg.text(left + disc / 2.0, y + 6.5, &text);
            words += self.badge();
        }
        svg.text(words, y + 7.0, &text);
    }
}

impl Figure for Witness {
    fn svg(&self, id: &str) -> String {
        let layout = self.layout();
        let bottom = TOP_PX + layout.clients.len() as f64 * row_px(layout.clients.len());
        let mut svg = Svg::new(id, theme::FULL_PX, bottom + 30.0);
        svg.text(0.0, 20.0, &Text::title(self.title.clone()).fit(theme::FULL_PX));
        for &x in &layout.x {
            svg.line((x, TOP_PX - 4.0), (x, bottom), &Paint::stroke(Ink::Grid, 1.0));
        }
        for (row, client) in layout.clients.iter().enumerate() {
            let y = layout.middle(row);
            svg.line((LEFT_PX, y), (END_PX, y), &Paint::stroke(Ink::Rule, 1.0));
            svg.text(0.0, y + 7.0, &Text::name(client.clone(), Ink::Ink).fit(LEFT_PX - 14.0));
        }
        for cut in &layout.cuts {
            svg.rect(cut.x, TOP_PX - 4.0, cut.width, bottom - TOP_PX + 4.0, 0.0, &Paint::fill(Ink::Bg));
            for x in [cut.x, cut.x + cut.width] {
                svg.line((x, TOP_PX - 4.0), (x, bottom), &Paint::stroke(Ink::Axis, 1.5).dashed("3 5"));
            }
            let words = format!("{} pass", fmt_duration(cut.span.0 as f64));
            svg.text(cut.x + cut.width / 2.0, TOP_PX - 12.0, &Text::tick(words).middle());
        }
        for arrow in &self.arrows {
            self.draw_arrow(&mut svg, &layout, arrow);
        }
        let areas: Vec<Area> = self.bars.iter().map(|bar| layout.area(bar)).collect();
        for (i, bar) in self.bars.iter().enumerate() {
            bar.draw(&mut svg, &layout, self.arrows.iter().any(|arrow| arrow.from == i));
        }
        for (i, bar) in self.bars.iter().enumerate() {
            let others: Vec<Area> = areas.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, area)| *area).collect();
            bar.label(&mut svg, &layout, &others);
        }
        ticks(&mut svg, &layout, &self.bars, bottom + 22.0);
        let mut y = self.draw_key(&mut svg, bottom + 34.0);
        for note in &self.notes {
            for line in Text::name(note.clone(), Ink::Ink).light().wrap(theme::FULL_PX) {
                y += NOTE_PX;
                svg.text(0.0, y, &line);
            }
        }
        svg.set_height(y + 12.0);
        svg.finish(&self.title, &self.description)
    }

    fn width_px(&self) -> f64 {
        theme::FULL_PX
    }

    fn title(&self) -> &str {
        &self.title
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["line", "client", "from", "until", "operation", "place in the order"]);
        for bar in &self.bars {
            let place = match bar.place {
                Place::Order(number) => number.to_string(),
                Place::Nowhere => "fits nowhere".to_owned(),
                Place::Beside => String::new(),
            };
            let (from, until) = bar.times.clone();
            table.push([bar.line.clone(), bar.client.clone(), from, until, bar.words.clone(), place]);
        }
        table
    }
}

impl Witness {
    /// Below the picture from `y`, what its marks mean, of those that it has.
    fn draw_key(&self, svg: &mut Svg, y: f64) -> f64 {
        let framed = |ink: Ink| Paint::fill(Ink::Bg).outlined(ink, 2.5);
        let any = |what: &dyn Fn(&Bar) -> bool| self.bars.iter().any(|bar| bar.place != Place::Nowhere && what(bar));
        let timeless = |bar: &Bar| bar.optional && bar.until.is_some();
        let entries = [
            (any(&|bar| matches!(bar.place, Place::Order(_))), framed(Ink::Ok), "has a place in the longest order"),
            (self.bars.iter().any(|bar| bar.place == Place::Nowhere), framed(Ink::Error), "fits nowhere after it"),
            (any(&timeless), framed(Ink::Axis).dashed(TIMELESS), "would explain no more at any other time"),
            (any(&|bar| bar.until.is_none()), Paint::pattern(Pattern::UnknownHatch), "no known outcome"),
        ];
        let (mut x, mut bottom) = (0.0, y);
        for (_, paint, words) in entries.into_iter().filter(|(here, ..)| *here) {
            let text = Text::tick(words).ink(Ink::Ink);
            if x + 42.0 + text.width() > theme::FULL_PX {
                (x, bottom) = (0.0, bottom + 26.0);
            }
            svg.rect(x + 1.0, bottom + 6.0, 32.0, 16.0, 3.0, &paint);
            svg.text(x + 42.0, bottom + 20.0, &text);
            x += 42.0 + text.width() + 26.0;
        }
        if x > 0.0 { bottom + 28.0 } else { y }
    }

    /// From the end of one bar to the beginning of another, along their rows.
    fn draw_arrow(&self, svg: &mut Svg, layout: &Layout, arrow: &Arrow) {
        let (Some(from), Some(to)) = (self.bars.get(arrow.from), self.bars.get(arrow.to)) else { return };
        let paint = Paint::stroke(Ink::Ink, 2.4).dashed("7 5");
        let ((_, right), (left, _)) = (layout.edges(from), layout.edges(to));
        let (y1, y2) = (layout.row(from), layout.row(to));
        let (start, tip) = if right <= left {
            // Down at the end of the first, then along the row of the second.
            svg.line((right, y1), (right, y2), &paint);
            ((right, y2), (left - 3.0, y2))
        } else {
            let (a, b) = (layout.edges(from), layout.edges(to));
            let middle = |(left, right): (f64, f64)| (left + right.min(END_PX)) / 2.0;
            let down = if y1 < y2 { 1.0 } else { -1.0 };
            ((middle(a), y1 + down * layout.bar_px() / 2.0), (middle(b), y2 - down * layout.bar_px() / 2.0))
        };
        svg.line(start, tip, &paint);
        svg.arrow_head(start, tip, 14.0, &Paint::fill(Ink::Ink));
        let words = Text::label(&arrow.words, Ink::Ink).middle();
        let busy = self.bars.iter().map(|bar| layout.area(bar)).any(|bar| {
            let own = words.area((start.0 + tip.0) / 2.0, y2 - 10.0);
            bar.overlaps(&own)
        });
        if right <= left && words.width() + 20.0 <= tip.0 - start.0 && !busy {
            svg.text((start.0 + tip.0) / 2.0, y2 - 10.0, &words);
        }
    }
}

/// Times below, as far as they have room.
fn ticks(svg: &mut Svg, layout: &Layout, bars: &[Bar], y: f64) {
    let mut free = 0.0;
    for (&instant, &x) in layout.instants.iter().zip(&layout.x) {
        let words = bars.iter().find_map(|bar| {
            (bar.from == instant)
                .then(|| bar.times.0.clone())
                .or((bar.until == Some(instant)).then(|| bar.times.1.clone()))
        });
        let text = Text::tick(words.unwrap_or_default()).middle();
        let half = text.width() / 2.0;
        if x - half < free || x + half > theme::FULL_PX {
            continue;
        }
        free = x + half + 12.0;
        svg.text(x, y, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::{assert_well_formed, check};
    use proptest::prelude::*;

    fn bar(client: &str, words: &str, from: u64, until: Option<u64>, place: Place) -> Bar {
        let time = |at: u64| format!("event {at}");
        Bar {
            client: client.into(),
            words: words.into(),
            from: Instant(from),
            until: until.map(Instant),
            times: (time(from), until.map_or("never".into(), time)),
            place,
            optional: false,
            line: from.to_string(),
        }
    }

    fn stale_read() -> Witness {
        Witness {
            title: "west-4 reads 3 after 7 was acknowledged: no single copy could do that".into(),
            description: "A write of 7 ends before a read begins that returns 3.".into(),
            bars: vec![
                bar("west-9", "read → 3", 2, Some(6), Place::Order(1)),
                bar("east-3", "write 7", 1, Some(5), Place::Order(2)),
                bar("east-17", "read → 7", 7, Some(9), Place::Order(3)),
                bar("east-1", "write 8", 3, None, Place::Beside),
                bar("west-4", "read → 3", 12, Some(17), Place::Nowhere),
            ],
            arrows: vec![Arrow { from: 1, to: 4, words: "it began after the ok".into() }],
            notes: vec!["The register is 7, and \"read → 3\" does not follow.".into()],
            real_time: false,
        }
    }

    #[test]
    fn a_stale_read_is_framed_and_an_arrow_says_why() {
        let figure = stale_read();
        check(&figure);
        check(&Witness { real_time: true, ..stale_read() });
        let svg = figure.svg("witness");
        assert!(svg.contains("fits nowhere") && svg.contains("stroke-dasharray"), "{svg}");
        assert_eq!(figure.table().rows.len(), figure.bars.len());
    }

    #[test]
    fn the_key_has_what_the_picture_has() {
        let mut figure = stale_read();
        let has = |figure: &Witness, words: &str| figure.svg("w").contains(words);
        assert!(has(&figure, "no known outcome") && !has(&figure, "at any other time"));
        figure.bars[1].optional = true;
        assert!(has(&figure, "at any other time"));
        check(&figure);
        figure.bars.retain(|bar| bar.until.is_some());
        figure.arrows.clear();
        assert!(!has(&figure, "no known outcome"));
    }

    #[test]
    fn an_operation_without_an_answer_is_open_to_the_right() {
        let layout = stale_read().layout();
        let figure = stale_read();
        assert_eq!(layout.edges(&figure.bars[3]).1, END_PX);
        assert!(layout.edges(&figure.bars[4]).1 <= END_PX + 0.1);
    }

    proptest! {
        #[test]
        fn sequential_clients_draw(spans in proptest::collection::vec((0..4_usize, 1..5_u64, 1..9_u64), 1..10)) {
            let mut clocks = [0_u64; 4];
            let bars = spans.iter().enumerate().map(|(number, &(client, gap, length))| {
                let from = clocks[client] + gap;
                clocks[client] = from + length;
                bar(&format!("client {client}"), "write 12", from, Some(from + length), Place::Order(number as u32))
            });
            let figure = Witness { bars: bars.collect(), arrows: Vec::new(), ..stale_read() };
            check(&figure);
            assert_well_formed(&Witness { real_time: true, ..figure }.svg("w"));
        }
    }
}
