//! What a search for a threshold says: one line a variant and seed, and a page.

use super::answer::plain;
use super::bind::measured;
use super::figure::Table;
use super::page::{Expectations, ModelCard, Numbers, Page, Section, Verdict};
use super::theme::State;
use crate::metric::stats::Across;
use crate::run::Threshold;
use crate::scenario::Bisect;

/// A search that found something.
#[derive(Clone, Debug)]
pub struct Bisected {
    /// The scenario's title.
    pub title: String,
    /// Its question.
    pub question: String,
    /// Its path as given.
    pub source: String,
    /// The sweep's name.
    pub name: String,
    /// What was searched.
    pub range: Bisect,
    /// Variant, seed and what was found there.
    pub found: Vec<(String, u64, Threshold)>,
    /// The command that repeats it.
    pub repeat: String,
}

impl Bisected {
    fn words(&self, value: f64) -> String {
        let at = Threshold { below: value, above: value, ..self.found[0].2.clone() };
        measured(&at.measured(&self.range))
    }

    /// A row a variant and seed.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&["variant", "seed", "flips at", &self.range.until, "and from", "", "runs"]);
        for (variant, seed, t) in &self.found {
            let word = |holds: bool| if holds { "holds" } else { "is violated" };
            table.rows.push(vec![
                variant.clone(),
                seed.to_string(),
                measured(&t.measured(&self.range)),
                format!("{} up to {}", word(t.holds_below), self.words(t.below)),
                self.words(t.above),
                word(!t.holds_below).to_owned(),
                t.tried.len().to_string(),
            ]);
        }
        table
    }

    /// The threshold of each variant in a sentence; over several seeds their mean, with half of the 95 % interval.
    pub fn finding(&self) -> String {
        let mut variants: Vec<&str> = self.found.iter().map(|f| f.0.as_str()).collect();
        variants.dedup();
        let of = |variant: &str| {
            let mine = self.found.iter().filter(|f| f.0 == variant);
            let values: Vec<f64> = mine.map(|f| (f.2.below + f.2.above) / 2.0).collect();
            let across = Across::of(&values).filter(|across| across.n >= 3);
            let first = self.found.iter().find(|f| f.0 == variant).expect("the variant is one of them");
            let at = match across.and_then(|a| a.half_width_95().map(|half| (a.mean, half))) {
                Some((mean, half)) => format!("{} ± {}", self.words(mean), self.words(half)),
                None => measured(&first.2.measured(&self.range)),
            };
            if variants.len() > 1 { format!("{at} ({variant})") } else { at }
        };
        let all: Vec<String> = variants.iter().map(|v| of(v)).collect();
        format!("{} flips at {} = {}", self.range.until, self.range.path, all.join(", "))
    }

    /// What the terminal says.
    pub fn text(&self) -> String {
        let mut text = format!("{} · sweep {}\n{}.\n\n", self.title, self.name, self.finding());
        text += &super::text::columns(&self.table());
        plain(&text)
    }

    /// `sweep.csv`: one row a run; values in the base unit of the range.
    pub fn csv(&self) -> String {
        let mut text = format!("variant,seed,{},{}_holds\n", self.range.path, self.range.until);
        for (variant, seed, t) in &self.found {
            for (value, holds) in &t.tried {
                text += &format!("{variant},{seed},{},{holds}\n", self.range.written(*value));
            }
        }
        text
    }

    /// The page.
    pub fn page(&self) -> Page {
        Page {
            title: format!("{}: sweep {}", self.title, self.name),
            question: self.question.clone(),
            answer: format!("{}.", self.finding()),
            source: self.source.clone(),
            facts: vec![format!("{} runs", self.found.iter().map(|f| f.2.tried.len()).sum::<usize>())],
            verdict: Verdict { state: State::Vacuous, words: String::new() },
            numbers: Numbers::default(),
            remarks: Vec::new(),
            repeat: self.repeat.clone(),
            expectations: Expectations::default(),
            sections: vec![Section {
                name: "Threshold".to_owned(),
                anchor: "threshold".to_owned(),
                finding: self.finding(),
                caption: format!(
                    "{} is set to the middle of what is left until both ends are within 1\u{202f}% of each other.",
                    self.range.path
                ),
                figures: Vec::new(),
                tables: vec![self.table()],
                how_to_read: "On one side of the value the expectation holds, on the other it doesn't; sweep.csv has \
                              every value that was tried."
                    .to_owned(),
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
}
