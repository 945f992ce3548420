//! What a sweep says: a table on the terminal, a page with the saturation curves.

use super::answer::plain;
use super::axis::Scale;
use super::bind::measured;
use super::figure::saturation::{Saturation, SweptLine, SweptPoint, SweptRow};
use super::figure::{Drawing, Table};
use super::number::{NOTHING, Unit, fmt_duration, fmt_rate};
use super::page::{Expectations, ModelCard, Numbers, Page, Section, Verdict};
use super::theme::{Mark, State};
use crate::engine::digest::Digest;
use crate::expect::{Dimension, Measured};
use crate::metric::stats::Across;
use crate::run::Sample;

/// A sweep that was played.
#[derive(Clone, Debug)]
pub struct Swept {
    /// The scenario's title.
    pub title: String,
    /// Its question.
    pub question: String,
    /// Its path as given.
    pub source: String,
    /// The sweep's name.
    pub name: String,
    /// The points: which paths took which values.
    pub points: Vec<Vec<(String, String)>>,
    /// What the points are called, if they have names.
    pub names: Vec<String>,
    /// Expressions that were asked for.
    pub show: Vec<String>,
    /// All runs.
    pub samples: Vec<Sample>,
    /// The command that repeats it.
    pub repeat: String,
}

/// The entries of a value that is a table, by key.
fn entries(value: &str) -> Option<Vec<(String, String)>> {
    let whole: toml::Table = toml::from_str(&format!("value = {value}")).ok()?;
    let plain = |value: &toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(whole.get("value")?.as_table()?.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
}

/// A number of one run.
pub(super) type Measure<'a> = Box<dyn Fn(&Sample) -> Option<f64> + 'a>;

impl Swept {
    /// Variants in the order in which they were played.
    pub(super) fn variants(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for sample in &self.samples {
            if !all.contains(&sample.variant.as_str()) {
                all.push(&sample.variant);
            }
        }
        all
    }
    /// How many seeds each point has.
    fn seeds(&self) -> usize {
        let mut seeds: Vec<u64> = self.samples.iter().map(|s| s.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds.len()
    }
    pub(super) fn across(&self, point: usize, variant: &str, of: &Measure<'_>) -> Option<Across> {
        let mine = self.samples.iter().filter(|s| s.point == point && s.variant == variant);
        let values: Option<Vec<f64>> = mine.map(|s| of(s).filter(|v| v.is_finite())).collect();
        Across::of(&values?)
    }
    /// The words of a point: its name if it has one; its values alone where there is one path, else `path=value`. Of a
    /// table the values that differ between points.
    pub(super) fn label(&self, point: usize) -> String {
        if let Some(name) = self.names.get(point) {
            return name.clone();
        }
        let settings = &self.points[point];
        let words = |path: &str, value: &str| {
            let parts = entries(value).map(|all| {
                let keys = self.differing(path);
                let of_key = |key: &String| all.iter().find(|entry| entry.0 == *key).map(|entry| entry.1.clone());
                keys.iter().filter_map(of_key).collect::<Vec<_>>().join(", ")
            });
            parts.filter(|words| !words.is_empty()).unwrap_or_else(|| value.trim_matches('"').to_owned())
        };
        match settings.as_slice() {
            [(path, value)] => words(path, value),
            many => many
                .iter()
                .map(|(path, value)| format!("{}={}", path.rsplit('.').next().unwrap_or(path), words(path, value)))
                .collect::<Vec<_>>()
                .join(" "),
        }
    }
    /// The keys whose values differ between points that set this path to tables.
    fn differing(&self, path: &str) -> Vec<String> {
        let tables: Vec<Vec<(String, String)>> =
            self.points.iter().flatten().filter(|setting| setting.0 == path).filter_map(|s| entries(&s.1)).collect();
        let mut keys: Vec<String> = Vec::new();
        for (key, value) in tables.iter().flatten() {
            let same = tables.iter().all(|table| table.contains(&(key.clone(), value.clone())));
            if !same && !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }
    /// What is swept.
    pub(super) fn axis(&self) -> String {
        let mut paths: Vec<String> = Vec::new();
        for (path, _) in self.points.iter().flatten() {
            let keys = self.differing(path).join(", ");
            let words = if keys.is_empty() { path.clone() } else { format!("{path}: {keys}") };
            if !paths.contains(&words) {
                paths.push(words);
            }
        }
        paths.join(if paths.iter().any(|words| words.contains(", ")) { "; " } else { ", " })
    }
    /// Numbers where all points are numbers of one unit, else places in a row.
    fn places(&self) -> Vec<f64> {
        let in_a_row = || (0..self.points.len()).map(|i| i as f64).collect();
        if !self.names.is_empty() {
            return in_a_row();
        }
        let split = |label: &str| {
            let end = label.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(label.len());
            label[..end].parse::<f64>().ok().map(|n| (n, label[end..].to_owned()))
        };
        let parsed: Option<Vec<(f64, String)>> = (0..self.points.len()).map(|i| split(&self.label(i))).collect();
        match parsed {
            Some(all) if all.windows(2).all(|w| w[0].1 == w[1].1 && w[0].0 < w[1].0) => {
                all.into_iter().map(|(n, _)| n).collect()
            }
            _ => in_a_row(),
        }
    }
    /// The dimension of a shown expression, by its first value.
    pub(super) fn dimension(&self, show: usize) -> Dimension {
        let first = self.samples.iter().find_map(|s| s.shown.get(show).and_then(Option::as_ref));
        first.map_or(Dimension::NUMBER, |m| m.dimension)
    }

    /// A row a point and variant; means over seeds, with half of the 95 % interval from three seeds on.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&[&self.axis(), "variant", "offered", "goodput", "p99"]);
        table.columns.extend(self.show.iter().cloned());
        for point in 0..self.points.len() {
            for variant in self.variants() {
                let cell = |of: Measure<'_>, write: &dyn Fn(f64) -> String| {
                    let Some(across) = self.across(point, variant, &of) else { return NOTHING.to_owned() };
                    match across.half_width_95().filter(|_| across.n >= 3) {
                        Some(half) => format!("{} ± {}", write(across.mean), write(half)),
                        None => write(across.mean),
                    }
                };
                let mut row = vec![self.label(point), variant.to_owned()];
                row.push(cell(Box::new(|s| Some(s.offered)), &fmt_rate));
                row.push(cell(Box::new(|s| Some(s.goodput)), &fmt_rate));
                row.push(cell(Box::new(|s| s.p99_ns), &fmt_duration));
                for (i, _) in self.show.iter().enumerate() {
                    let dimension = self.dimension(i);
                    let write = |value: f64| measured(&Measured::exact(value, dimension));
                    row.push(cell(Box::new(move |s| s.shown[i].as_ref().map(|m| m.value)), &write));
                }
                table.rows.push(row);
            }
        }
        table.told()
    }

    fn row(&self, name: &str, unit: Unit, scale: Scale, factor: f64, of: &Measure<'_>) -> SweptRow {
        let places = self.places();
        let variants = self.variants();
        let lines = variants.iter().enumerate().map(|(i, variant)| {
            let point = |(p, x): (usize, &f64)| {
                let across = self.across(p, variant, of);
                SweptPoint {
                    x: *x,
                    y: across.map(|a| a.mean * factor),
                    half_width: across.filter(|a| a.n >= 3).and_then(|a| a.half_width_95()).map(|h| h * factor),
                }
            };
            SweptLine {
                name: (*variant).to_owned(),
                mark: Mark::of(i.min(2)),
                points: places.iter().enumerate().map(point).collect(),
            }
        });
        SweptRow { name: name.to_owned(), unit, scale, lines: lines.collect() }
    }

    fn figures(&self) -> Vec<Drawing> {
        let places = self.places();
        let ticks: Vec<(f64, String)> = places.iter().enumerate().map(|(i, x)| (*x, self.label(i))).collect();
        let (n, seeds) = (self.points.len(), self.seeds());
        let axis = format!(
            "{} ({n} point{}, {seeds} seed{})",
            self.axis(),
            if n == 1 { "" } else { "s" },
            if seeds == 1 { "" } else { "s" }
        );
        let figure = |title: &str, half: bool, rows: Vec<SweptRow>| {
            let (title, axis, ticks) = (title.to_owned(), axis.clone(), ticks.clone());
            Drawing::Saturation(Saturation { title, half, axis, ticks, rows })
        };
        let mut goodput = self.row(
            "goodput/s",
            Unit::PerSecond,
            Scale::Linear,
            1.0,
            &(Box::new(|s: &Sample| Some(s.goodput)) as Measure<'_>),
        );
        let offered: Measure<'_> = Box::new(|s| Some(s.offered));
        if let Some(line) = self.row("", Unit::PerSecond, Scale::Linear, 1.0, &offered).lines.into_iter().next() {
            goodput.lines.push(SweptLine { name: "offered".to_owned(), mark: Mark::Plain, ..line });
        }
        let p99: Measure<'_> = Box::new(|s| s.p99_ns);
        let first = vec![self.row("p99", Unit::Nanos, Scale::Log, 1.0, &p99), goodput];
        if self.show.is_empty() {
            return vec![figure("p99 and goodput", false, first)];
        }
        let mut shown = Vec::new();
        let most = if self.asked() { 2 } else { 4 };
        for (i, text) in self.show.iter().enumerate().take(most) {
            let of: Measure<'_> = Box::new(move |s| s.shown[i].as_ref().map(|m| m.value));
            let (unit, scale, factor) = match self.dimension(i) {
                Dimension::DURATION => (Unit::Nanos, Scale::Log, 1e9),
                Dimension::RATE => (Unit::PerSecond, Scale::Linear, 1.0),
                Dimension::SHARE => (Unit::Share, Scale::Linear, 1.0),
                Dimension::SIZE => (Unit::Bytes, Scale::Linear, 1.0),
                _ => (Unit::Count, Scale::Linear, 1.0),
            };
            shown.push(self.row(text, unit, scale, factor, &of));
        }
        if !self.asked() {
            return vec![figure("What the scenario shows", false, shown)];
        }
        vec![figure("p99 and goodput", true, first), figure("What the scenario shows", true, shown)]
    }

    /// One digest of all runs, in their order.
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        self.samples.iter().for_each(|s| digest.fold(s.digest));
        digest.value()
    }

    /// Whether anybody asks for anything: members that watch each other have no users.
    fn asked(&self) -> bool {
        self.samples.iter().any(|s| s.offered > 0.0)
    }

    /// Of a sweep of the load: where goodput ends to follow what is asked, per variant, in a sentence; if nowhere, what
    /// becomes of latency. Of any other: what becomes of what the scenario shows.
    pub fn finding(&self) -> String {
        if let Some(course) = self.course().filter(|_| !self.sweeps_load()) {
            return course;
        }
        if !self.asked() {
            let (points, designs) = (self.points.len(), self.variants().len());
            return format!(
                "{points} points of {} for {designs} design{}",
                self.axis(),
                if designs == 1 { "" } else { "s" }
            );
        }
        let mut parts = Vec::new();
        for variant in self.variants() {
            let (goodput, offered): (Measure<'_>, Measure<'_>) =
                (Box::new(|s| Some(s.goodput)), Box::new(|s| Some(s.offered)));
            let lags = |p: &usize| {
                let (g, o) = (self.across(*p, variant, &goodput), self.across(*p, variant, &offered));
                matches!((g, o), (Some(g), Some(o)) if g.mean < o.mean * 0.95)
            };
            if let Some(first) = (0..self.points.len()).find(lags) {
                parts.push(format!("{variant} from {}", self.label(first)));
            }
        }
        if parts.is_empty() {
            let tail = self.tail().map_or(String::new(), |tail| format!(": {tail}"));
            format!("Goodput keeps up with the load at every point{tail}")
        } else {
            format!("Goodput falls behind the load: {}", parts.join(", "))
        }
    }

    /// How far apart p99 is: between the designs where they differ most, or between the points of the only one. Nothing if
    /// it is less than half as much again.
    fn tail(&self) -> Option<String> {
        let p99: Measure<'_> = Box::new(|s| s.p99_ns);
        let variants = self.variants();
        let at = |p: usize, v: &str| self.across(p, v, &p99).map(|a| a.mean).filter(|mean| *mean > 0.0);
        let least_and_most = |seen: Vec<(f64, String)>| {
            let least = seen.iter().min_by(|a, b| a.0.total_cmp(&b.0))?.clone();
            let most = seen.into_iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
            (most.0 >= 1.5 * least.0).then_some((least, most))
        };
        let points = 0..self.points.len();
        if let [only] = variants.as_slice() {
            let seen = points.filter_map(|p| Some((at(p, only)?, self.label(p)))).collect();
            let ((low, a), (high, b)) = least_and_most(seen)?;
            return Some(format!("p99 is {} at {a} and {} at {b}", fmt_duration(low), fmt_duration(high)));
        }
        let apart = |p: usize| {
            let seen = variants.iter().filter_map(|v| Some((at(p, v)?, (*v).to_owned()))).collect();
            let (low, high) = least_and_most(seen)?;
            Some((high.0 / low.0, p, low, high))
        };
        let (_, p, (low, a), (high, b)) = points.filter_map(apart).max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(format!("at {} p99 is {} with {a} and {} with {b}", self.label(p), fmt_duration(low), fmt_duration(high)))
    }

    /// The page.
    pub fn page(&self) -> Page {
        let (n, seeds) = (self.points.len(), self.seeds());
        Page {
            title: format!("{}: sweep {}", self.title, self.name),
            question: self.question.clone(),
            answer: format!("{}.", self.finding()),
            source: self.source.clone(),
            facts: vec![
                format!("{n} points"),
                format!("{seeds} seed{}", if seeds == 1 { "" } else { "s" }),
                format!("digest {:016x}", self.digest()),
            ],
            verdict: Verdict { state: State::Vacuous, words: String::new() },
            numbers: Numbers::default(),
            remarks: Vec::new(),
            repeat: self.repeat.clone(),
            expectations: Expectations::default(),
            sections: vec![Section {
                name: "Sweep".to_owned(),
                anchor: "sweep".to_owned(),
                // The answer has all of it.
                finding: match self.sweeps_load() {
                    true => self.finding(),
                    false => self.courses(1).unwrap_or_else(|| self.finding()),
                },
                caption: format!(
                    "Each mark is {} over {}.",
                    if seeds == 1 { "one run" } else { "the mean of its seeds" },
                    self.axis()
                ),
                figures: self.figures(),
                tables: Vec::new(),
                how_to_read: format!(
                    "{} Bars are 95\u{202f}% intervals, from three seeds on.",
                    if self.sweeps_load() {
                        "Past the knee a good design stays flat, a bad one falls although it works at 100\u{202f}%."
                    } else {
                        "Where a line is flat, more of what is swept changes nothing."
                    }
                ),
                folded: false,
            }],
            model: ModelCard::default(),
            teach: Vec::new(),
            files: vec![
                ("sweep.csv".to_owned(), "every run".to_owned()),
                ("report.json".to_owned(), "this page as data".to_owned()),
            ],
        }
    }

    /// What the terminal says.
    pub fn text(&self) -> String {
        let mut text = format!("{} · sweep {}\n{}.\n\n", self.title, self.name, self.finding());
        text += &super::text::columns(&self.table());
        plain(&text)
    }

    /// `sweep.csv`: one row a run; raw numbers, times in integer ns.
    pub fn csv(&self) -> String {
        let quote = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let named = if self.names.is_empty() { "" } else { "case," };
        let mut text = format!("point,{named}settings,variant,seed,offered_per_s,goodput_per_s,answer_p99_ns");
        self.show.iter().for_each(|s| text += &format!(",{}", quote(s)));
        text.push('\n');
        for s in &self.samples {
            let settings: Vec<String> = self.points[s.point].iter().map(|(p, v)| format!("{p}={v}")).collect();
            let p99 = s.p99_ns.map_or(String::new(), |ns| format!("{}", ns as u64));
            let name = self.names.get(s.point).map_or(String::new(), |name| format!("{name},"));
            text += &format!(
                "{},{name}{},{},{},{},{},{p99}",
                s.point,
                quote(&settings.join("; ")),
                s.variant,
                s.seed,
                s.offered,
                s.goodput
            );
            for shown in &s.shown {
                text +=
                    &shown.as_ref().filter(|m| m.value.is_finite()).map_or(",".to_owned(), |m| format!(",{}", m.value));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swept(samples: &[(usize, &str, f64)]) -> Swept {
        let sample = |&(point, variant, p99): &(usize, &str, f64)| Sample {
            point,
            variant: variant.to_owned(),
            seed: 1,
            offered: 100.0 * (point + 1) as f64,
            goodput: 100.0 * (point + 1) as f64,
            p99_ns: Some(p99 * 1e6),
            shown: Vec::new(),
            digest: 0,
            broken: Vec::new(),
        };
        Swept {
            title: String::new(),
            question: String::new(),
            source: String::new(),
            name: String::new(),
            points: ["10/s", "20/s"].map(|rate| vec![("rate".to_owned(), rate.to_owned())]).to_vec(),
            names: Vec::new(),
            show: Vec::new(),
            samples: samples.iter().map(sample).collect(),
            repeat: String::new(),
        }
    }

    #[test]
    fn a_point_that_is_a_table_is_called_by_what_differs() {
        let mut tables = swept(&[]);
        let of =
            |timeout: &str| format!("{{ election_timeout = \"{timeout}\", heartbeat = \"6ms\", prevote = false }}");
        tables.points =
            ["12ms..24ms", "25ms..50ms"].map(|timeout| vec![("store.kv.raft".to_owned(), of(timeout))]).to_vec();
        assert_eq!((tables.label(0), tables.label(1)), ("12ms..24ms".to_owned(), "25ms..50ms".to_owned()));
        assert_eq!(tables.axis(), "store.kv.raft: election_timeout");
        assert_eq!((swept(&[]).label(1), swept(&[]).axis()), ("20/s".to_owned(), "rate".to_owned()));
    }

    #[test]
    fn cases_are_called_by_their_names() {
        let mut cases = swept(&[(0, "base", 10.0), (1, "base", 40.0)]);
        cases.points = [("workers", "1"), ("workers", "8")].map(|(k, v)| vec![(k.to_owned(), v.to_owned())]).to_vec();
        cases.names = vec!["small".to_owned(), "large".to_owned()];
        assert_eq!((cases.label(1), cases.axis()), ("large".to_owned(), "workers".to_owned()));
        assert_eq!(cases.places(), [0.0, 1.0], "names stand in a row");
        let words = "Goodput keeps up with the load at every point: p99 is 10 ms at small and 40 ms at large";
        assert_eq!(plain(&cases.finding()), words);
        assert_eq!(cases.table().rows[0][0], "small");
        let csv = cases.csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].starts_with("point,case,settings,"), "{csv}");
        assert!(lines[2].starts_with("1,large,\"workers=8\",base,1,"), "{csv}");
    }

    #[test]
    fn where_goodput_follows_the_finding_is_in_the_tail() {
        let apart = swept(&[(0, "one", 10.0), (0, "two", 9.0), (1, "one", 400.0), (1, "two", 50.0)]);
        let words = "Goodput keeps up with the load at every point: at 20/s p99 is 50 ms with two and 400 ms with one";
        assert_eq!(plain(&apart.finding()), words);
        let alone = swept(&[(0, "one", 10.0), (1, "one", 40.0)]);
        let words = "Goodput keeps up with the load at every point: p99 is 10 ms at 10/s and 40 ms at 20/s";
        assert_eq!(plain(&alone.finding()), words);
        let alike = swept(&[(0, "one", 10.0), (1, "one", 11.0)]);
        assert_eq!(alike.finding(), "Goodput keeps up with the load at every point");
    }
}
