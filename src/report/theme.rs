//! What the pages look like: colours with one meaning each, type sizes, margins, patterns.
//!
//! A standalone SVG carries the light colours as attributes. In the page every mark also has a class whose rule sets
//! the colour from a CSS variable, so the theme follows the reader. Colours are Okabe-Ito (jfly.uni-koeln.de/color),
//! darkened or lightened where a mark missed a contrast of 3:1, and cividis (Nuñez et al., PLOS ONE 13(7), 2018).

use serde::{Deserialize, Serialize};

use std::fmt::Write;

/// Tick labels, secondary text. Nothing is smaller.
pub const TICK_PX: f64 = 16.0;
/// Labels that sit on the data, weight 650.
pub const LABEL_PX: f64 = 17.0;
/// Chart and row titles, bold.
pub const TITLE_PX: f64 = 18.0;
/// Names of panels and boxes.
pub const NAME_PX: f64 = 20.0;
/// Width of a full figure.
pub const FULL_PX: f64 = 1200.0;
/// Width of one of a pair of figures.
pub const HALF_PX: f64 = 588.0;
/// Left margin of a timeline: row names and ticks.
pub const LEFT_PX: f64 = 150.0;
/// Right margin of a timeline: direct labels.
pub const RIGHT_PX: f64 = 180.0;
/// Labels at the right end of lines keep this distance.
pub const LABEL_GAP_PX: f64 = 21.0;
/// Classes of the magnitude ramp.
pub const HEAT_CLASSES: usize = 8;

/// The width `text` is taken to need, by the advance widths of DejaVu Sans, the widest of the common fallbacks.
pub fn text_width(text: &str, size_px: f64, bold: bool) -> f64 {
    text.chars().map(|c| char_em(c, bold)).sum::<f64>() * size_px
}

fn char_em(c: char, bold: bool) -> f64 {
    let regular = match c {
        'i' | 'j' | 'l' | 'I' | 'J' | '\'' => 0.29,
        ' ' | '.' | ',' | ':' | ';' | '/' | '|' | '·' | '\u{202f}' | '\u{a0}' => 0.33,
        'f' | 't' | 'r' | '-' | '(' | ')' | '[' | ']' | '!' | '"' => 0.41,
        's' | 'c' | 'z' | '_' | '?' | '–' => 0.55,
        'm' | 'M' | 'W' | '%' | '…' | 'Q' | '@' | '&' => 0.99,
        'w' => 0.82,
        'a' | 'e' | 'k' | 'o' | 'v' | 'x' | 'y' => 0.61,
        'a'..='z' | '0'..='9' | 'L' | 'F' | 'E' | 'µ' => 0.636,
        'A'..='Z' => 0.77,
        '+' | '<' | '=' | '>' | '~' | '−' | '×' | '±' | '→' | '✓' | '✕' | '≥' | '≤' => 0.84,
        '\0'..' ' | '\u{7f}' | '\u{2500}'.. => 1.0,
        _ => 0.84,
    };
    if bold { regular + 0.07 } else { regular }
}

/// One meaning of colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ink {
    /// The page.
    Bg,
    /// Code, empty charts, unfilled bars.
    Surface,
    /// Text and offered load.
    Ink,
    /// Secondary text.
    Muted,
    /// Lines between sections and rows.
    Rule,
    /// Grid lines.
    Grid,
    /// Axis lines and frames.
    Axis,
    /// Answered and fresh; goodput.
    Ok,
    /// Words about it.
    OkText,
    /// Answered with the past.
    Stale,
    /// Words about it.
    StaleText,
    /// The dots on it.
    StaleDots,
    /// Surely not done; not met.
    Error,
    /// Words about it.
    ErrorText,
    /// The crosses on it.
    ErrorCrosses,
    /// Timed out, may have happened.
    Unknown,
    /// Words about it.
    UnknownText,
    /// The base variant; work done, utilisation, load.
    First,
    /// Words about it.
    FirstText,
    /// The second variant.
    Second,
    /// Words about it.
    SecondText,
    /// The third variant.
    Third,
    /// Words about it.
    ThirdText,
    /// Area under a fault.
    FaultShade,
    /// Edge and flag of a fault.
    FaultEdge,
    /// A class of the magnitude ramp, 0 (few) to 7 (many).
    Heat(u8),
}

// (ink, class, light, dark); heat classes apart.
const TOKENS: [(Ink, &str, &str, &str); 25] = [
    (Ink::Bg, "bg", "#ffffff", "#12151a"),
    (Ink::Surface, "surface", "#f4f6f8", "#1c2129"),
    (Ink::Ink, "ink", "#16181d", "#f2f4f7"),
    (Ink::Muted, "muted", "#50565f", "#b3bac5"),
    (Ink::Rule, "rule", "#c9ced6", "#434b58"),
    (Ink::Grid, "grid", "#e4e8ed", "#262c36"),
    (Ink::Axis, "axis", "#7b828d", "#7f8896"),
    (Ink::Ok, "ok", "#009e73", "#009e73"),
    (Ink::OkText, "ok-text", "#00664a", "#45d3a8"),
    (Ink::Stale, "stale", "#cc79a7", "#cc79a7"),
    (Ink::StaleText, "stale-text", "#8a3566", "#eaa9cc"),
    (Ink::StaleDots, "stale-dots", "#5f1f44", "#4a1734"),
    (Ink::Error, "error", "#d55e00", "#d55e00"),
    (Ink::ErrorText, "error-text", "#a34700", "#ff8f5a"),
    (Ink::ErrorCrosses, "error-crosses", "#5c2600", "#431b00"),
    (Ink::Unknown, "unknown", "#7b828d", "#98a1ae"),
    (Ink::UnknownText, "unknown-text", "#50565f", "#b3bac5"),
    (Ink::First, "v1", "#0072b2", "#3fa3de"),
    (Ink::FirstText, "v1-text", "#005a8e", "#7cc4ee"),
    (Ink::Second, "v2", "#bf7f00", "#e69f00"),
    (Ink::SecondText, "v2-text", "#7d5300", "#f5bd4a"),
    (Ink::Third, "v3", "#2e8fc7", "#56b4e9"),
    (Ink::ThirdText, "v3-text", "#1c6a97", "#8fd0f3"),
    // 6 % and 8 % of ink and white, mixed with the page: no alpha, so that printers and grey agree.
    (Ink::FaultShade, "fault-shade", "#f1f1f2", "#24262b"),
    (Ink::FaultEdge, "fault-edge", "#50565f", "#b3bac5"),
];

// Few to many; further from the page means more, so the ramp turns round with the theme.
const HEAT: [(&str, &str); HEAT_CLASSES] = [
    ("#fde737", "#1e3a70"),
    ("#d9c95a", "#31446b"),
    ("#b5ac6b", "#575d6d"),
    ("#948f78", "#767779"),
    ("#767779", "#948f78"),
    ("#575d6d", "#b5ac6b"),
    ("#31446b", "#d9c95a"),
    ("#00204d", "#fde737"),
];

impl Ink {
    fn row(self) -> (String, &'static str, &'static str) {
        if let Ink::Heat(class) = self {
            let class = usize::from(class).min(HEAT_CLASSES - 1);
            return (format!("heat-{}", class + 1), HEAT[class].0, HEAT[class].1);
        }
        let (_, name, light, dark) =
            TOKENS.iter().find(|t| t.0 == self).expect("every ink but heat stands in TOKENS, tested");
        ((*name).to_string(), light, dark)
    }
    /// The token's name: `ok-text`. Its CSS variable is `--ok-text`, its classes are `f-ok-text` and `s-ok-text`.
    pub fn name(self) -> String {
        self.row().0
    }
    /// The light colour, as `#rrggbb`.
    pub fn light(self) -> &'static str {
        self.row().1
    }
    /// The dark colour.
    pub fn dark(self) -> &'static str {
        self.row().2
    }
    /// The ink for words about what this ink marks: words are never set in a mark colour.
    pub fn for_text(self) -> Ink {
        match self {
            Ink::Ok => Ink::OkText,
            Ink::Stale => Ink::StaleText,
            Ink::Error => Ink::ErrorText,
            Ink::Unknown => Ink::UnknownText,
            Ink::First => Ink::FirstText,
            Ink::Second => Ink::SecondText,
            Ink::Third => Ink::ThirdText,
            other => other,
        }
    }
}

/// A design among those compared, in the order of the file: its colour and its sign always go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mark {
    /// The base variant, a disc.
    First,
    /// The second variant, a square.
    Second,
    /// The third variant, a triangle.
    Third,
    /// Theory, or a phase for comparison: no sign.
    Plain,
}

impl Mark {
    /// The mark of the variant at `index` in the file. From the fourth on there is none left: use small multiples.
    pub fn of(index: usize) -> Mark {
        match index {
            0 => Mark::First,
            1 => Mark::Second,
            2 => Mark::Third,
            _ => Mark::Plain,
        }
    }
    /// The colour of its lines and bars.
    pub fn ink(self) -> Ink {
        match self {
            Mark::First => Ink::First,
            Mark::Second => Ink::Second,
            Mark::Third => Ink::Third,
            Mark::Plain => Ink::Muted,
        }
    }
    /// `●`, `■`, `▲` or nothing.
    pub fn sign(self) -> &'static str {
        match self {
            Mark::First => "●",
            Mark::Second => "■",
            Mark::Third => "▲",
            Mark::Plain => "",
        }
    }
    /// The sign before a name: `● CP`.
    pub fn label(self, name: &str) -> String {
        if self.sign().is_empty() { name.to_string() } else { format!("{} {name}", self.sign()) }
    }
}

/// What became of a request, or how an expectation came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Answered and fresh; met.
    Ok,
    /// Answered with the past.
    Stale,
    /// Surely not done; not met.
    Error,
    /// Timed out, may have happened; undecided.
    Unknown,
    /// Nothing to judge.
    Vacuous,
}

impl State {
    /// The colour of its area.
    pub fn ink(self) -> Ink {
        match self {
            State::Ok => Ink::Ok,
            State::Stale => Ink::Stale,
            State::Error => Ink::Error,
            State::Unknown | State::Vacuous => Ink::Unknown,
        }
    }
    /// The sign that says the same without colour.
    pub fn sign(self) -> &'static str {
        match self {
            State::Ok => "✓",
            State::Stale | State::Error => "✕",
            State::Unknown => "?",
            State::Vacuous => "–",
        }
    }
}

fn variables(pick: impl Fn(&'static str, &'static str) -> &'static str) -> String {
    let mut css = String::new();
    let heat = (0..HEAT_CLASSES as u8).map(Ink::Heat);
    for ink in TOKENS.iter().map(|t| t.0).chain(heat) {
        let (name, light, dark) = ink.row();
        let _ = write!(css, "--{name}:{};", pick(light, dark));
    }
    css
}

/// The colour rules of a page: variables for light, dark (system or toggle) and print, and one fill and one stroke
/// class per ink.
pub fn css() -> String {
    let light = variables(|light, _| light);
    let dark = variables(|_, dark| dark);
    let mut css = format!(
        ":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root:not([data-theme=light])\
         {{{dark}}}}}\n:root[data-theme=dark]{{{dark}}}\n:root[data-theme=light]{{color-scheme:light}}\
         :root[data-theme=dark]{{color-scheme:dark}}\n@media print{{:root,:root:root[data-theme]\
         {{color-scheme:light;{light}}}}}\n"
    );
    let heat = (0..HEAT_CLASSES as u8).map(Ink::Heat);
    for ink in TOKENS.iter().map(|t| t.0).chain(heat) {
        let name = ink.name();
        let _ = write!(css, ".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}");
        let _ = writeln!(css, ".c-{name}{{color:var(--{name})}}");
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ink_has_a_row() {
        for ink in TOKENS.iter().map(|t| t.0).chain((0..=255).map(Ink::Heat)) {
            assert!(ink.light().len() == 7 && ink.dark().len() == 7);
            assert!(!ink.for_text().name().is_empty());
        }
    }

    /// WCAG 2.2 relative luminance; drawing only, so the platform's powf would do, but the lint is right to object.
    fn luminance(colour: &str) -> f64 {
        let channel = |i: usize| {
            let v = f64::from(u8::from_str_radix(&colour[i..i + 2], 16).expect("hex")) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn words_reach_a_contrast_of_5_5_and_marks_of_3_in_both_themes() {
        use super::Ink::*;
        for ink in [super::Ink::Ink, Muted, OkText, StaleText, ErrorText, UnknownText, FirstText, SecondText, ThirdText]
        {
            assert!(contrast(ink.light(), Bg.light()) >= 5.5, "{ink:?} light");
            assert!(contrast(ink.dark(), Bg.dark()) >= 5.5, "{ink:?} dark");
        }
        for ink in [Ok, Stale, Error, Unknown, First, Second, Third, FaultEdge, Axis] {
            assert!(contrast(ink.light(), Bg.light()) >= 3.0, "{ink:?} light");
            assert!(contrast(ink.dark(), Bg.dark()) >= 3.0, "{ink:?} dark");
        }
    }

    #[test]
    fn the_ramp_moves_away_from_the_page() {
        for class in 1..HEAT_CLASSES as u8 {
            let (less, more) = (Ink::Heat(class - 1), Ink::Heat(class));
            assert!(luminance(less.light()) > luminance(more.light()));
            assert!(luminance(less.dark()) < luminance(more.dark()));
        }
    }
}
