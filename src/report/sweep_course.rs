//! How what a sweep shows changes from point to point, in words: between which values, and where most of it is over.

use super::bind::measured;
use super::number::fmt_duration;
use super::sweep::{Measure, Swept};
use crate::expect::Measured;

/// So many measures make a sentence.
const TOLD: usize = 2;
/// A step back of less than this share of the whole way is chance.
const BACK: f64 = 0.1;
/// The way counts as gone when less than this share of it is left.
const LEFT: f64 = 0.1;
/// A load that differs by less than this share between points is the same.
const SAME_LOAD: f64 = 0.05;

/// Numbers of a label, and what stands around them.
fn numbers(label: &str) -> (String, Vec<f64>) {
    let (mut around, mut found, mut digits) = (String::new(), Vec::new(), String::new());
    let text = label.replace("..", "\u{2026}");
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() || c == '.' {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            found.extend(digits.parse::<f64>().ok());
            digits.clear();
        }
        around.push(c);
    }
    (around, found)
}

impl Swept {
    /// Whether the points ask for different loads.
    pub(super) fn sweeps_load(&self) -> bool {
        let offered = self.samples.iter().map(|s| s.offered);
        let (low, high) = offered.fold((f64::MAX, 0.0_f64), |(low, high), o| (low.min(o), high.max(o)));
        high - low > SAME_LOAD * high
    }

    /// Whether points follow one another: their labels differ in nothing but numbers, and these grow.
    fn grows(&self) -> bool {
        let all: Vec<(String, Vec<f64>)> = (0..self.points.len()).map(|p| numbers(&self.label(p))).collect();
        let next = |pair: &[(String, Vec<f64>)]| pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1;
        all.len() > 1 && all.windows(2).all(next)
    }

    /// With its points in the order of their numbers, where their labels differ in nothing else: cases come by their names.
    #[must_use]
    pub fn in_order(mut self) -> Swept {
        let labels: Vec<(String, Vec<f64>)> = (0..self.points.len()).map(|p| numbers(&self.label(p))).collect();
        let alike = labels.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1.len() == pair[1].1.len());
        if !alike {
            return self;
        }
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by(|a, b| labels[*a].1.partial_cmp(&labels[*b].1).unwrap_or(std::cmp::Ordering::Equal));
        self.points = order.iter().map(|p| self.points[*p].clone()).collect();
        if !self.names.is_empty() {
            self.names = order.iter().map(|p| self.names[*p].clone()).collect();
        }
        for sample in &mut self.samples {
            sample.point = order.iter().position(|p| *p == sample.point).unwrap_or(sample.point);
        }
        self
    }

    /// What is swept, by the end of its path: the axis of the picture has all of it.
    fn briefly(&self) -> String {
        let axis = self.axis();
        let keys = axis.split_once(": ").map(|(_, keys)| keys.to_owned());
        keys.unwrap_or_else(|| {
            let parts: Vec<&str> = axis.rsplit('.').take(2).collect();
            if axis.contains(", ") { axis.clone() } else { parts.into_iter().rev().collect::<Vec<_>>().join(".") }
        })
    }

    /// What became of the measures that the scenario shows, or of p99 if it shows none: `` `cache.hot.size` from 50 to 1600:
    /// `hit_ratio(hot)` rises from 21 % to 74 %, nine tenths of that by 800``. Nothing if nothing was measured.
    pub(super) fn course(&self) -> Option<String> {
        self.courses(TOLD)
    }

    /// The same of so many measures.
    pub(super) fn courses(&self, most: usize) -> Option<String> {
        let p99: (String, Measure<'_>) = ("p99".to_owned(), Box::new(|s| s.p99_ns));
        let shown = self.show.iter().enumerate().map(|(i, text)| {
            let of: Measure<'_> = Box::new(move |s| s.shown[i].as_ref().map(|m| m.value));
            (format!("`{text}`"), of)
        });
        let measures: Vec<(String, Measure<'_>)> = if self.show.is_empty() { vec![p99] } else { shown.collect() };
        let write = |i: usize, value: f64| match self.show.is_empty() {
            true => fmt_duration(value),
            false => measured(&Measured::exact(value, self.dimension(i))),
        };
        let told = measures.iter().enumerate().filter_map(|(i, (name, of))| {
            let words = self.course_of(of, &|value| write(i, value))?;
            Some(format!("{name} {words}"))
        });
        let told: Vec<String> = told.take(most).collect();
        if told.is_empty() {
            return None;
        }
        let (first, last) = (self.label(0), self.label(self.points.len().checked_sub(1)?));
        let swept = match self.grows() {
            true => format!("`{}` from {first} to {last}", self.briefly()),
            false => format!("{} points of `{}`", self.points.len(), self.briefly()),
        };
        Some(format!("{swept}: {}", told.join("; ")))
    }

    fn course_of(&self, of: &Measure<'_>, write: &dyn Fn(f64) -> String) -> Option<String> {
        let variants = self.variants();
        let values = |variant: &str| -> Vec<(usize, f64)> {
            let points = (0..self.points.len()).filter_map(|p| Some((p, self.across(p, variant, of)?.mean)));
            points.collect()
        };
        if variants.len() <= 2 {
            let told = variants.iter().filter_map(|variant| {
                let with = if variants.len() > 1 { format!(" with {variant}") } else { String::new() };
                Some(format!("{}{with}", self.one_course(&values(variant), write)?))
            });
            let told: Vec<String> = told.collect();
            return (!told.is_empty()).then(|| told.join(", "));
        }
        // Of many designs, where they are furthest apart.
        let ends = |p: usize| {
            let seen = variants.iter().filter_map(|v| Some((self.across(p, v, of)?.mean, *v)));
            let seen: Vec<(f64, &str)> = seen.collect();
            let low = seen.iter().copied().reduce(|a, b| if b.0 < a.0 { b } else { a })?;
            let high = seen.iter().copied().reduce(|a, b| if b.0 > a.0 { b } else { a })?;
            Some((p, low, high))
        };
        let all = (0..self.points.len()).filter_map(ends);
        let (p, low, high) = all.reduce(|a, b| if b.2.0 - b.1.0 > a.2.0 - a.1.0 { b } else { a })?;
        let (least, most) = (write(low.0), write(high.0));
        Some(if least == most {
            format!("is {least} with every design at {}", self.label(p))
        } else {
            format!("is at {} between {least} with {} and {most} with {}", self.label(p), low.1, high.1)
        })
    }

    fn one_course(&self, values: &[(usize, f64)], write: &dyn Fn(f64) -> String) -> Option<String> {
        let [(_, first), .., (_, last)] = values else { return None };
        let low = values.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a })?;
        let high = values.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let range = high.1 - low.1;
        if write(low.1) == write(high.1) {
            return Some(format!("stays at {}", write(low.1)));
        }
        if !self.grows() {
            let (least, most) = (write(low.1), write(high.1));
            return Some(format!("from {least} at {} to {most} at {}", self.label(low.0), self.label(high.0)));
        }
        let up = last > first;
        let back = |pair: &[(usize, f64)]| if up { pair[0].1 - pair[1].1 } else { pair[1].1 - pair[0].1 };
        if values.windows(2).all(|pair| back(pair) <= BACK * range) {
            let near = values.iter().find(|(_, v)| (v - last).abs() <= LEFT * (last - first).abs());
            let end = values.last().map_or(0, |v| v.0);
            let knee =
                near.filter(|(p, _)| *p < end).map(|(p, _)| format!(", nine tenths of that by {}", self.label(*p)));
            let verb = if up { "rises" } else { "falls" };
            // Where it has no value before, nothing of the kind happened, or it never ended.
            let begins = values.first().map_or(0, |v| v.0);
            let none = if begins > 0 {
                format!(" at {}, where it begins to have a value,", self.label(begins))
            } else {
                String::new()
            };
            let (from, to) = (write(*first), write(*last));
            return Some(format!("{verb} from {from}{none} to {to}{}", knee.unwrap_or_default()));
        }
        // Whichever turn is further from both ends is the one that matters.
        let (dip, peak) = (first.min(*last) - low.1, high.1 - first.max(*last));
        let (word, (at, value)) = if dip >= peak { ("lowest", low) } else { ("highest", high) };
        let (at, value) = (self.label(at), write(value));
        Some(format!("is {word} at {at}, {value}; {} at the first, {} at the last", write(*first), write(*last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::Dimension;
    use crate::report::answer::plain;
    use crate::run::Sample;

    /// A sweep of sizes that shows a share, the same of all variants, a value each.
    fn told(labels: &[&str], variants: &[(&str, &[f64])]) -> Option<String> {
        let sample = |variant: &str, point: usize, share: f64| Sample {
            point,
            variant: variant.to_owned(),
            seed: 1,
            offered: 100.0,
            goodput: 100.0,
            p99_ns: None,
            shown: vec![share.is_finite().then(|| Measured::exact(share, Dimension::SHARE))],
            digest: 0,
            broken: Vec::new(),
        };
        let swept = Swept {
            title: String::new(),
            question: String::new(),
            source: String::new(),
            name: String::new(),
            points: labels.iter().map(|value| vec![("size".to_owned(), (*value).to_owned())]).collect(),
            names: Vec::new(),
            show: vec!["hits".to_owned()],
            samples: variants
                .iter()
                .flat_map(|(name, values)| values.iter().enumerate().map(|(p, v)| sample(name, p, *v)))
                .collect(),
            repeat: String::new(),
        };
        swept.course().map(|words| plain(&words))
    }

    #[test]
    fn the_way_and_where_it_is_over() {
        let sizes = ["50", "100", "200", "1600"];
        for (values, words) in [
            (&[0.2, 0.5, 0.69, 0.7][..], Some("`hits` rises from 20 % to 70 %, nine tenths of that by 200")),
            (&[0.7, 0.6, 0.4, 0.2], Some("`hits` falls from 70 % to 20 %")),
            (&[0.7, 0.2, 0.4, 0.6], Some("`hits` is lowest at 100, 20 %; 70 % at the first, 60 % at the last")),
            (&[0.3, 0.3, 0.3, 0.3], Some("`hits` stays at 30 %")),
            (&[f64::NAN, f64::NAN, f64::NAN, 0.1], None),
            (
                &[f64::NAN, 0.7, 0.3, 0.2],
                Some("`hits` falls from 70 % at 100, where it begins to have a value, to 20 %"),
            ),
        ] {
            let words = words.map(|words| format!("`size` from 50 to 1600: {words}"));
            assert_eq!(told(&sizes, &[("base", values)]), words, "{values:?}");
        }
        let two: [(&str, &[f64]); 2] = [("a", &[0.1, 0.2]), ("b", &[0.4, 0.3])];
        let words = "`hits` rises from 10 % to 20 % with a, falls from 40 % to 30 % with b";
        assert_eq!(told(&["1", "2"], &two), Some(format!("`size` from 1 to 2: {words}")));
        let three: [(&str, &[f64]); 3] = [("a", &[0.1, 0.2]), ("b", &[0.1, 0.3]), ("c", &[0.1, 0.9])];
        let words = "`hits` is at 2 between 20 % with a and 90 % with c";
        assert_eq!(told(&["1", "2"], &three), Some(format!("`size` from 1 to 2: {words}")));
    }

    #[test]
    fn cases_come_by_their_numbers() {
        let of = |labels: [&str; 3]| {
            let sample = |point: usize| Sample {
                point,
                variant: String::new(),
                seed: 1,
                offered: 1.0,
                goodput: point as f64,
                p99_ns: None,
                shown: Vec::new(),
                digest: 0,
                broken: Vec::new(),
            };
            Swept {
                title: String::new(),
                question: String::new(),
                source: String::new(),
                name: String::new(),
                points: labels.map(|value| vec![("raft.timeout".to_owned(), value.to_owned())]).to_vec(),
                names: Vec::new(),
                show: Vec::new(),
                samples: (0..3).map(sample).collect(),
                repeat: String::new(),
            }
            .in_order()
        };
        let sorted = of(["100ms..200ms", "12ms..24ms", "25ms..50ms"]);
        assert_eq!([0, 1, 2].map(|p| sorted.label(p)), ["12ms..24ms", "25ms..50ms", "100ms..200ms"]);
        assert_eq!(sorted.samples.iter().map(|s| s.point).collect::<Vec<_>>(), [2, 0, 1], "each keeps its own");
        let names = of(["one-way", "bridge", "symmetric"]);
        assert_eq!(names.label(0), "one-way", "names stay as they are");
        assert_eq!(names.briefly(), "raft.timeout");
    }

    #[test]
    fn points_that_do_not_grow_are_told_by_their_names() {
        let one: [(&str, &[f64]); 1] = [("base", &[0.3, 0.1])];
        let words = "2 points of `size`: `hits` from 10 % at lifo to 30 % at fifo";
        assert_eq!(told(&["fifo", "lifo"], &one).as_deref(), Some(words));
        // A range grows by its end.
        let words = "`size` from 150ms..150ms to 150ms..300ms: `hits` falls from 30 % to 10 %";
        assert_eq!(told(&["150ms..150ms", "150ms..300ms"], &one).as_deref(), Some(words));
    }
}
