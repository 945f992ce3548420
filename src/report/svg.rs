//! A writer of SVG: escaped text, one decimal, light colours as attributes beside the classes that override them.
//!
//! It remembers the box of every text it wrote, so that the next label can look for a free place ([`super::place`]).

use std::fmt::Write;

use crate::report::place::Area;
use crate::report::theme::{self, Ink};

/// Where a text's x is: at its start, middle or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// x is the left edge.
    Start,
    /// x is the centre.
    Middle,
    /// x is the right edge.
    End,
}

/// The second channel beside colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// Diagonal lines on the page: unknown.
    UnknownHatch,
    /// Small crosses: error.
    ErrorCrosses,
    /// Dots: stale.
    StaleDots,
    /// Fine diagonal lines over a shade: a fault.
    FaultHatch,
    /// Diagonal lines in the load colour: waiting.
    WaitHatch,
}

const PATTERNS: [Pattern; 5] =
    [Pattern::UnknownHatch, Pattern::ErrorCrosses, Pattern::StaleDots, Pattern::FaultHatch, Pattern::WaitHatch];

impl Pattern {
    fn name(self) -> &'static str {
        match self {
            Pattern::UnknownHatch => "unknown",
            Pattern::ErrorCrosses => "error",
            Pattern::StaleDots => "stale",
            Pattern::FaultHatch => "fault",
            Pattern::WaitHatch => "wait",
        }
    }
    /// Tile size, background, mark.
    fn tile(self) -> (f64, Ink, Paint, &'static str) {
        let stroke = |ink, width| Paint::stroke(ink, width);
        match self {
            Pattern::UnknownHatch => (8.0, Ink::Bg, stroke(Ink::Unknown, 3.0), "M-2 2 2 -2M-2 10 10 -2M6 10 10 6"),
            Pattern::ErrorCrosses => (10.0, Ink::Error, stroke(Ink::ErrorCrosses, 1.6), "M3 3 7 7M7 3 3 7"),
            Pattern::StaleDots => (7.0, Ink::Stale, Paint::fill(Ink::StaleDots), "M2 2h2.2v2.2h-2.2z"),
            Pattern::FaultHatch => {
                (14.0, Ink::FaultShade, stroke(Ink::Rule, 1.2), "M-2 2 2 -2M-2 16 16 -2M12 16 16 12")
            }
            Pattern::WaitHatch => (7.0, Ink::Bg, stroke(Ink::First, 2.0), "M-2 2 2 -2M-2 9 9 -2M5 9 9 5"),
        }
    }
}

/// How a shape is filled and outlined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paint {
    fill: Option<Ink>,
    pattern: Option<Pattern>,
    stroke: Option<(Ink, f64)>,
    dash: Option<&'static str>,
    class: String,
}

impl Paint {
    /// Filled, no outline.
    pub fn fill(ink: Ink) -> Paint {
        Paint { fill: Some(ink), ..Paint::default() }
    }
    /// Outlined, not filled.
    pub fn stroke(ink: Ink, width: f64) -> Paint {
        Paint { stroke: Some((ink, width)), ..Paint::default() }
    }
    /// Filled with a pattern.
    pub fn pattern(pattern: Pattern) -> Paint {
        Paint { pattern: Some(pattern), ..Paint::default() }
    }
    /// With this outline too.
    pub fn outlined(mut self, ink: Ink, width: f64) -> Paint {
        self.stroke = Some((ink, width));
        self
    }
    /// With this dash pattern (`"7 5"`).
    pub fn dashed(mut self, dash: &'static str) -> Paint {
        self.dash = Some(dash);
        self
    }
    /// With this class too, for the page's script and style.
    pub fn class(mut self, class: impl Into<String>) -> Paint {
        self.class = class.into();
        self
    }

    pub(crate) fn attributes(&self, id: &str, scale: f64) -> String {
        let mut classes: Vec<String> = Vec::new();
        let mut out = String::new();
        match (self.pattern, self.fill) {
            (Some(pattern), _) => {
                let _ = write!(out, " fill=\"url(#{id}-{})\"", pattern.name());
            }
            (None, Some(ink)) => {
                classes.push(format!("f-{}", ink.name()));
                let _ = write!(out, " fill=\"{}\"", ink.light());
            }
            (None, None) => out.push_str(" fill=\"none\""),
        }
        if let Some((ink, width)) = self.stroke {
            classes.push(format!("s-{}", ink.name()));
            let _ = write!(out, " stroke=\"{}\" stroke-width=\"{}\"", ink.light(), number(width * scale));
        }
        if let Some(dash) = self.dash {
            let scaled: Vec<String> =
                dash.split(' ').map(|d| number(d.parse::<f64>().unwrap_or(4.0) * scale)).collect();
            let _ = write!(out, " stroke-dasharray=\"{}\"", scaled.join(" "));
        }
        if !self.class.is_empty() {
            classes.push(self.class.clone());
        }
        let class = if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) };
        format!("{class}{out}")
    }
}

/// A text and how it is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    words: String,
    size_px: f64,
    anchor: Anchor,
    weight: u16,
    ink: Ink,
    halo: bool,
    class: String,
    mono: bool,
}

impl Text {
    /// 16 px, muted: ticks and secondary text.
    pub fn tick(words: impl Into<String>) -> Text {
        let words = words.into();
        Text {
            words,
            size_px: theme::TICK_PX,
            anchor: Anchor::Start,
            weight: 400,
            ink: Ink::Muted,
            halo: false,
            class: String::new(),
            mono: false,
        }
    }
    /// 17 px, weight 650, with a halo: sits on the data.
    pub fn label(words: impl Into<String>, ink: Ink) -> Text {
        Text { size_px: theme::LABEL_PX, weight: 650, ink: ink.for_text(), halo: true, ..Text::tick(words) }
    }
    /// 18 px, bold: row and chart titles.
    pub fn title(words: impl Into<String>) -> Text {
        Text { size_px: theme::TITLE_PX, weight: 700, ink: Ink::Ink, ..Text::tick(words) }
    }
    /// 20 px, weight 650: names of panels and boxes.
    pub fn name(words: impl Into<String>, ink: Ink) -> Text {
        Text { size_px: theme::NAME_PX, weight: 650, ink: ink.for_text(), ..Text::tick(words) }
    }
    /// Centred on x.
    pub fn middle(mut self) -> Text {
        self.anchor = Anchor::Middle;
        self
    }
    /// Ending at x.
    pub fn end(mut self) -> Text {
        self.anchor = Anchor::End;
        self
    }
    /// Anchored as given.
    pub fn anchored(mut self, anchor: Anchor) -> Text {
        self.anchor = anchor;
        self
    }
    /// In this ink.
    pub fn ink(mut self, ink: Ink) -> Text {
        self.ink = ink.for_text();
        self
    }
    /// With a page-coloured halo of 5 px.
    pub fn halo(mut self) -> Text {
        self.halo = true;
        self
    }
    /// Without the halo.
    pub fn plain(mut self) -> Text {
        self.halo = false;
        self
    }
    /// At weight 650.
    pub fn bold(mut self) -> Text {
        self.weight = 650;
        self
    }
    /// At weight 400.
    pub fn light(mut self) -> Text {
        self.weight = 400;
        self
    }
    /// With this class, for the page's script.
    pub fn class(mut self, class: impl Into<String>) -> Text {
        self.class = class.into();
        self
    }
    /// Cut in the middle so that it fits into `width_px`.
    pub fn fit(mut self, width_px: f64) -> Text {
        let mut chars = self.words.chars().count();
        let whole = self.words.clone();
        while self.width() > width_px && chars > 1 {
            chars = (chars - 1).min((chars as f64 * width_px.max(0.0) / self.width()).ceil() as usize).max(1);
            self.words = super::number::elide(&whole, chars);
        }
        self
    }
    /// Broken at spaces into lines that fit into `width_px`; a single longer word is cut in the middle.
    pub fn wrap(&self, width_px: f64) -> Vec<Text> {
        let mut lines: Vec<Text> = Vec::new();
        for word in self.words.split(' ').filter(|w| !w.is_empty()) {
            let one = Text { words: word.to_string(), ..self.clone() }.fit(width_px);
            match lines.last_mut() {
                Some(line) if line.width() + one.width() + self.size_px * 0.42 <= width_px => {
                    line.words = format!("{} {}", line.words, one.words);
                }
                _ => lines.push(one),
            }
        }
        lines
    }
    /// How many words it has.
    pub fn words(&self) -> usize {
        self.words.split(' ').filter(|w| !w.is_empty()).count()
    }
    /// The width it is taken to need.
    pub fn width(&self) -> f64 {
        theme::text_width(&self.words, self.size_px, self.weight >= 600)
    }
    /// Its box when the baseline starts at the given point.
    pub fn area(&self, x: f64, y: f64) -> Area {
        let width = self.width();
        let left = match self.anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        Area { x: left, y: y - self.size_px * 0.78, width, height: self.size_px }
    }
}

/// An SVG in the making.
#[derive(Clone, Debug)]
pub struct Svg {
    id: String,
    width: f64,
    height: f64,
    body: String,
    texts: Vec<Area>,
    open: usize,
}

impl Svg {
    /// An empty drawing. `id` prefixes the ids inside and must be unique in the page; other characters than letters,
    /// digits and `-` are replaced.
    pub fn new(id: &str, width: f64, height: f64) -> Svg {
        let id = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Svg { id, width, height, body: String::new(), texts: Vec::new(), open: 0 }
    }
    /// The prefix of the ids inside.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// Width of the viewBox.
    pub fn width(&self) -> f64 {
        self.width
    }
    /// Height of the viewBox.
    pub fn height(&self) -> f64 {
        self.height
    }
    /// Changes the height of the viewBox, for figures that grow while they are drawn.
    pub fn set_height(&mut self, height: f64) {
        self.height = height;
    }
    /// The boxes of the texts so far.
    pub fn texts(&self) -> &[Area] {
        &self.texts
    }
    /// Reserves a box, so that labels keep away from it.
    pub fn reserve(&mut self, area: Area) {
        self.texts.push(area);
    }

    /// A rectangle.
    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, radius: f64, paint: &Paint) {
        let (x, y, w, h) = (number(x), number(y), number(width.max(0.0)), number(height.max(0.0)));
        let radius = if radius > 0.0 { format!(" rx=\"{}\"", number(radius)) } else { String::new() };
        let attributes = paint.attributes(&self.id, 1.0);
        let _ = writeln!(self.body, "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"{radius}{attributes}/>");
    }
    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), paint: &Paint) {
        let (x1, y1, x2, y2) = (number(from.0), number(from.1), number(to.0), number(to.1));
        let attributes = paint.attributes(&self.id, 1.0);
        let _ = writeln!(self.body, "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"{attributes}/>");
    }
    /// A disc.
    pub fn circle(&mut self, x: f64, y: f64, radius: f64, paint: &Paint) {
        let (x, y, r) = (number(x), number(y), number(radius));
        let attributes = paint.attributes(&self.id, 1.0);
        let _ = writeln!(self.body, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"{attributes}/>");
    }
    /// A path; build `data` with [`number`]. `crisp` switches off antialiasing, so that neighbours leave no seam.
    pub fn path(&mut self, data: &str, crisp: bool, paint: &Paint) {
        if data.is_empty() {
            return;
        }
        let crisp = if crisp { " shape-rendering=\"crispEdges\"" } else { "" };
        let attributes = paint.attributes(&self.id, 1.0);
        let _ = writeln!(self.body, "<path d=\"{data}\"{crisp}{attributes}/>");
    }
    /// An arrow head at `tip`, pointing away from `tail`.
    pub fn arrow_head(&mut self, tail: (f64, f64), tip: (f64, f64), size: f64, paint: &Paint) {
        let (dx, dy) = (tip.0 - tail.0, tip.1 - tail.1);
        let length = (dx * dx + dy * dy).sqrt().max(1e-6);
        let (ux, uy) = (dx / length, dy / length);
        let (bx, by) = (tip.0 - ux * size, tip.1 - uy * size);
        let half = size * 0.42;
        let data = format!(
            "M{} {}L{} {}L{} {}z",
            number(tip.0),
            number(tip.1),
            number(bx - uy * half),
            number(by + ux * half),
            number(bx + uy * half),
            number(by - ux * half)
        );
        self.path(&data, false, paint);
    }
    /// A cross of the given half size.
    pub fn cross(&mut self, x: f64, y: f64, half: f64, paint: &Paint) {
        let (l, r, t, b) = (number(x - half), number(x + half), number(y - half), number(y + half));
        self.path(&format!("M{l} {t}L{r} {b}M{r} {t}L{l} {b}"), false, paint);
    }

    /// A text with its baseline at y. Its box is remembered.
    pub fn text(&mut self, x: f64, y: f64, text: &Text) {
        if text.words.is_empty() {
            return;
        }
        let mut classes = vec![format!("f-{}", text.ink.name())];
        let mut extra = String::new();
        if text.halo {
            classes.push("halo s-bg".to_string());
            let _ = write!(
                extra,
                " stroke=\"{}\" stroke-width=\"5\" stroke-linejoin=\"round\" paint-order=\"stroke\"",
                Ink::Bg.light()
            );
        }
        if !text.class.is_empty() {
            classes.push(text.class.clone());
        }
        let anchor = match text.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if text.weight == 400 { String::new() } else { format!(" font-weight=\"{}\"", text.weight) };
        let _ = writeln!(
            self.body,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{weight}{anchor} class=\"{}\" fill=\"{}\"{extra}>{}</text>",
            number(x),
            number(y),
            number(text.size_px),
            classes.join(" "),
            text.ink.light(),
            escape(&text.words)
        );
        self.texts.push(text.area(x, y));
    }

    /// Opens a group; close it with [`Svg::close`]. `attributes` is written as is and begins with a space.
    pub fn open(&mut self, attributes: &str) {
        let _ = writeln!(self.body, "<g{attributes}>");
        self.open += 1;
    }
    /// Closes the last open group.
    pub fn close(&mut self) {
        if self.open > 0 {
            self.open -= 1;
            self.body.push_str("</g>\n");
        }
    }
    /// Adds markup that another writer made.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.body.push_str(markup);
    }

    /// The finished document: role, title, description, patterns in use, then the body.
    pub fn finish(mut self, title: &str, description: &str) -> String {
        while self.open > 0 {
            self.close();
        }
        let (id, width, height) = (&self.id, number(self.width), number(self.height));
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"{id}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" font-family=\"system-ui, -apple-system, \
             'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif\" font-variant-numeric=\"tabular-nums\">\n\
             <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n",
            escape(title),
            escape(description)
        );
        let mut definitions = String::new();
        for pattern in PATTERNS {
            let name = pattern.name();
            if !self.body.contains(&format!("url(#{id}-{name})")) {
                continue;
            }
            let (size, background, paint, data) = pattern.tile();
            let _ = writeln!(
                definitions,
                "<pattern id=\"{id}-{name}\" width=\"{size}\" height=\"{size}\" patternUnits=\"userSpaceOnUse\">\
                 <rect width=\"{size}\" height=\"{size}\"{}/><path d=\"{data}\"{}/></pattern>",
                Paint::fill(background).attributes(id, 1.0),
                paint.attributes(id, 1.0),
            );
        }
        if !definitions.is_empty() {
            let _ = write!(out, "<defs>\n{definitions}</defs>\n");
        }
        out.push_str(&self.body);
        out.push_str("</svg>\n");
        out
    }
}

/// A coordinate with one decimal, without `.0`; never `NaN`, `inf` or `-0`.
pub fn number(value: f64) -> String {
    let tenths = if value.is_finite() { (value.clamp(-1e6, 1e6) * 10.0).round() as i64 } else { 0 };
    let (sign, tenths) = if tenths < 0 { ("-", -tenths) } else { ("", tenths) };
    if tenths % 10 == 0 { format!("{sign}{}", tenths / 10) } else { format!("{sign}{}.{}", tenths / 10, tenths % 10) }
}

/// Text for XML and HTML: the five entities; characters that XML 1.0 forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            c if c < ' ' || c == '\u{7f}' || c == '\u{fffe}' || c == '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_one_decimal_and_are_always_numbers() {
        for (value, expected) in [
            (1.0, "1"),
            (1.25, "1.3"),
            (-0.04, "0"),
            (-3.5, "-3.5"),
            (f64::NAN, "0"),
            (f64::INFINITY, "0"),
            (1e30, "1000000"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn text_is_escaped_and_control_characters_are_replaced() {
        assert_eq!(escape("a<b> & \"c\"\u{1}"), "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}");
    }

    #[test]
    fn only_used_patterns_are_defined_and_groups_are_closed() {
        let mut svg = Svg::new("s 1", 10.0, 10.0);
        svg.open("");
        svg.rect(0.0, 0.0, 5.0, 5.0, 0.0, &Paint::pattern(Pattern::StaleDots));
        let out = svg.finish("t", "d");
        assert!(out.contains("<pattern id=\"s-1-stale\""));
        assert!(!out.contains("-fault"));
        assert!(out.ends_with("</g>\n</svg>\n"));
    }
}
