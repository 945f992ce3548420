//! What every figure's tests share: a small well-formedness checker, text boxes, sample data.

use crate::engine::{Instant, Span};
use crate::report::figure::{Body, Fault, Figure, HeatCells, Note, Outcomes, Panel, Row, Series, Strip, Timeline};
use crate::report::place::Area;
use crate::report::theme::{Mark, text_width};

/// Draws the figure and checks that it is well formed, holds no NaN or infinity, and keeps its texts inside and apart.
pub(crate) fn check(figure: &dyn Figure) {
    let svg = figure.svg("test-1");
    assert_eq!(svg, figure.svg("test-1"), "equal figures give equal bytes");
    check_svg(&svg);
    let table = figure.table();
    for row in &table.rows {
        assert_eq!(row.len(), table.columns.len(), "{row:?} under {:?}", table.columns);
        assert!(row.iter().all(|c| !c.contains("NaN") && !c.contains("inf")), "{row:?}");
    }
}

/// As [`check`], for one document.
pub(crate) fn check_svg(svg: &str) {
    assert_well_formed(svg);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "a number that isn't one in {svg}");
    assert!(svg.contains("role=\"img\"") && svg.contains("<title ") && svg.contains("<desc "));
    let (width, height) = view_box(svg);
    let all = Area { x: 0.0, y: 0.0, width, height };
    let texts = texts(svg);
    for (words, area) in &texts {
        assert!(all.contains(area), "{words:?} at {area:?} leaves {all:?}");
        assert!(area.height >= 16.0, "{words:?} is too small");
    }
    for (i, a) in texts.iter().enumerate() {
        for b in &texts[i + 1..] {
            assert!(!a.1.overlaps(&b.1), "{a:?} touches {b:?}");
        }
    }
}

/// Balanced tags, quoted attributes, no stray `<` or `&`.
pub(crate) fn assert_well_formed(markup: &str) {
    let void = ["meta", "link", "br", "hr", "img", "input", "wbr"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some(start) = rest.find('<') {
        assert_entities(&rest[..start]);
        rest = &rest[start + 1..];
        if rest.starts_with('!') {
            let end = rest.find('>').expect("a declaration ends");
            rest = &rest[end + 1..];
            continue;
        }
        let mut quoted = false;
        let end = rest
            .char_indices()
            .find(|(_, c)| {
                quoted ^= *c == '"';
                *c == '>' && !quoted
            })
            .expect("a tag ends")
            .0;
        let tag = &rest[..end];
        assert!(!tag.contains('<'), "a tag inside a tag: {tag}");
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or("");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closing {tag}");
        } else if !tag.ends_with('/') && !void.contains(&name) {
            open.push(name);
        }
        rest = &rest[end + 1..];
        if !tag.starts_with('/') && (name == "script" || name == "style") {
            let close = rest.find(&format!("</{name}")).expect("raw text ends");
            rest = &rest[close..];
        }
    }
    assert_entities(rest);
    assert!(open.is_empty(), "never closed: {open:?}");
}

fn assert_entities(text: &str) {
    for part in text.split('&').skip(1) {
        let name = part.split(';').next().unwrap_or("");
        assert!(["amp", "lt", "gt", "quot", "#39", "nbsp"].contains(&name), "a stray & before {part:?}");
    }
}

fn attribute(tag: &str, name: &str) -> Option<f64> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    tag[start..].split('"').next()?.parse().ok()
}

fn view_box(svg: &str) -> (f64, f64) {
    let head = svg.split('>').next().unwrap_or("");
    (attribute(head, "width").expect("a width"), attribute(head, "height").expect("a height"))
}

/// Every visible text of the SVG with its box, read back from the markup.
fn texts(svg: &str) -> Vec<(String, Area)> {
    svg.split("<text ")
        .skip(1)
        .filter_map(|part| {
            let (tag, rest) = part.split_once('>')?;
            let tag = format!(" {tag}");
            if tag.contains("hidden-step") {
                return None;
            }
            let words = rest
                .split("</text>")
                .next()?
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&");
            let (x, y, size) = (attribute(&tag, "x")?, attribute(&tag, "y")?, attribute(&tag, "font-size")?);
            let bold = attribute(&tag, "font-weight").is_some_and(|w| w >= 600.0);
            let width = text_width(&words, size, bold);
            let left = match () {
                () if tag.contains("\"middle\"") => x - width / 2.0,
                () if tag.contains("text-anchor=\"end\"") => x - width,
                () => x,
            };
            Some((words, Area { x: left, y: y - size * 0.78, width, height: size }))
        })
        .collect()
}

/// A value between 0 and 1 that looks random and never changes.
pub(crate) fn wobble(i: u64) -> f64 {
    (crate::engine::mix(42, i) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Requests that take 2 ms to 1 s before 21 s, and give up at 4 s after that.
pub(crate) fn sample_heat() -> HeatCells {
    let counts = (0..120_u64)
        .map(|second| {
            let mut column = vec![0; 34];
            if second < 21 {
                for (row, count) in column.iter_mut().enumerate().take(24).skip(2) {
                    let distance = (row as f64 - 14.0).abs();
                    *count =
                        (60.0 / (1.0 + distance * distance / 9.0) * (0.5 + wobble(second * 64 + row as u64))) as u64;
                }
            }
            if second >= 20 {
                column[28] = 640 + (60.0 * wobble(second)) as u64;
            }
            column
        })
        .collect();
    HeatCells {
        from: Instant::ZERO,
        column: Span::secs(1),
        low_ns: 1e6,
        rows_per_decade: 8,
        counts,
        counted: "requests per cell".into(),
        end: "all give up at 4\u{202f}s".into(),
    }
}

/// One value a second, by a function of the second.
pub(crate) fn per_second(seconds: u64, value: impl Fn(u64) -> Option<f64>) -> Series {
    (0..seconds).map(|s| (Instant(s * 1_000_000_000), value(s))).collect()
}

fn fault(name: &str, from: u64, until: u64) -> Fault {
    Fault { name: name.into(), from: Instant(from * 1_000_000_000), until: Instant(until * 1_000_000_000) }
}

/// A retry storm: 700 requests a second, three times as many from 20 s to 30 s.
pub(crate) fn sample_storm() -> Timeline {
    let offered = |s: u64| if (20..30).contains(&s) { 2100.0 } else { 700.0 } + 40.0 * (wobble(s) - 0.5);
    let attempts = |s: u64| match s {
        0..20 => offered(s),
        20..30 => 2100.0 + 640.0 * (s - 19) as f64,
        _ => 2800.0 + 90.0 * (wobble(s) - 0.5),
    };
    let goodput = |s: u64| match s {
        0..20 => offered(s),
        20..23 => 980.0 - 330.0 * (s - 20) as f64,
        _ => 0.0,
    };
    let depth = |s: u64| if s < 20 { 0.0 } else { 2300.0 * (s - 20) as f64 };
    let columns = (0..120)
        .map(|s| Outcomes {
            from: Instant(s * 1_000_000_000),
            ok: if s < 21 { 700 } else { 0 },
            unknown: if s < 21 { 3 } else { 697 },
            ..Outcomes::default()
        })
        .collect();
    let strip = Strip {
        column: Span::secs(1),
        columns,
        notes: vec![],
        end: "16.2\u{202f}% answered".into(),
        below: "rest unknown".into(),
        empty: "no requests".into(),
    };
    let rows = vec![
        Row::rates(
            per_second(120, |s| Some(offered(s))),
            per_second(120, |s| Some(attempts(s))),
            per_second(120, |s| Some(goodput(s))),
        ),
        Row::new("Latency", Body::Heat(sample_heat())),
        Row::queue("pricing", per_second(120, |s| Some(depth(s))), None),
        Row::age("pricing", per_second(120, |s| Some(depth(s) * 1e7))),
        Row::utilisation(vec![
            ("pricing".into(), per_second(120, |s| Some(if s < 20 { 0.7 } else { 1.0 }))),
            ("web".into(), per_second(120, |s| Some(0.2 + 0.1 * wobble(s)))),
        ]),
        Row::availability("What users got", "", strip),
    ];
    Timeline {
        title: "Retry storm over time".into(),
        description: "After the spike attempts stay four times as high and goodput stays at 0.".into(),
        until: Span::secs(120),
        panels: vec![Panel { name: "base".into(), mark: Mark::First, faults: vec![fault("spike", 20, 30)], rows }],
    }
}

/// A cut between two regions from 30 s to 60 s, for two designs.
pub(crate) fn sample_cap() -> Timeline {
    let panel = |name: &str, mark: Mark, cp: bool| {
        let cut = |s: u64| (30..60).contains(&s);
        let east = per_second(90, |s| Some(if s == 30 && cp { 4.3e8 } else { 5e6 + 1e6 * wobble(s) }));
        let west = per_second(90, |s| (!(cp && cut(s))).then(|| 8e7 + 1e7 * wobble(s)));
        let strip = |west: bool| {
            let columns = (0..90)
                .map(|s| {
                    let mut o = Outcomes { from: Instant(s * 1_000_000_000), ok: 100, ..Outcomes::default() };
                    let stale = if cut(s) { s - 28 } else { 0 };
                    match (cp, west) {
                        (true, true) if s == 30 => (o.ok, o.unknown) = (30, 70),
                        (true, true) if cut(s) => (o.ok, o.error) = (0, 100),
                        (false, _) => (o.ok, o.stale) = (100 - stale, stale),
                        _ => {}
                    }
                    o
                })
                .collect();
            let words = match (cp, west) {
                (true, true) => "0\u{202f}% answered",
                (true, false) => "100\u{202f}% answered",
                _ => "29\u{202f}% stale",
            };
            let notes = vec![Note { at: Instant(45_000_000_000), value: 0.0, words: words.into() }];
            Strip {
                column: Span::secs(1),
                columns,
                notes,
                end: String::new(),
                below: String::new(),
                empty: "no reads".into(),
            }
        };
        let rows = vec![
            Row::latency(east, west, mark),
            Row::availability("east", "30 clients", strip(false)),
            Row::availability("west", "20 clients", strip(true)),
        ];
        Panel { name: name.into(), mark, faults: vec![fault("cut: east | west", 30, 60)], rows }
    };
    Timeline {
        title: "Two designs over time".into(),
        description: String::new(),
        until: Span::secs(90),
        panels: vec![
            panel("CP: Raft, majority", Mark::First, true),
            panel("AP: sloppy quorum 2/2", Mark::Second, false),
        ],
    }
}
