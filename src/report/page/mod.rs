//! The page of a report: one offline HTML file that answers one question. Plain data here, the markup in `write`.
//!
//! Sections without content are left out and the rest are numbered, so that a lecturer can say "look at 4". Sentences
//! may hold `**bold**` and `` `code` ``; everything else is escaped.

use serde::{Deserialize, Serialize};

use crate::report::figure::{Drawing, Table};
use crate::report::number::{NOTHING, Quantity};
use crate::report::theme::{Mark, State};

mod write;

/// Everything on the page, in order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page {
    /// The scenario's title.
    pub title: String,
    /// The question it asks.
    pub question: String,
    /// The answer from the numbers of this run, at most three lines at 26 px (about 270 characters).
    pub answer: String,
    /// The scenario's path as given.
    pub source: String,
    /// Small facts beside it: `seed 7`, `120 s simulated`, `digest b07e52d1`.
    pub facts: Vec<String>,
    /// All expectations together; without words there is none.
    pub verdict: Verdict,
    /// The numbers to say aloud.
    pub numbers: Numbers,
    /// Remarks under the numbers, as kicker and sentence: `Bottleneck`, `pricing, 100 % busy`.
    pub remarks: Vec<(String, String)>,
    /// The command that repeats the run.
    pub repeat: String,
    /// What the scenario promised.
    pub expectations: Expectations,
    /// Timeline, latency, consistency, topology, variants, in this order.
    pub sections: Vec<Section>,
    /// What was modelled and how well.
    pub model: ModelCard,
    /// Questions for teaching with their answers, closed at first.
    pub teach: Vec<(String, String)>,
    /// Files beside the page: relative path, what it holds.
    pub files: Vec<(String, String)>,
}

/// A state with its words: `1 of 6 expectations not met`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its sign and colour.
    pub state: State,
    /// Its words, without the sign.
    pub words: String,
}

/// The table of the first screen: a row per design.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Above the names: `design`, or the load.
    pub corner: String,
    /// Column heads: `p99 write, before the cut`.
    pub columns: Vec<String>,
    /// One per design.
    pub rows: Vec<NumberRow>,
}

impl Numbers {
    /// Without columns in which no design has anything to say: what was never read can't be stale.
    #[must_use]
    pub fn told(mut self) -> Numbers {
        let silent = |cell: &Cell| match cell {
            Cell::Number(quantity) => quantity.digits == NOTHING,
            Cell::Judged { state, .. } => *state == State::Vacuous,
        };
        let columns = if self.rows.is_empty() { 0 } else { self.columns.len() };
        for column in (0..columns).rev() {
            if self.rows.iter().all(|row| row.cells.get(column).is_some_and(silent)) {
                self.columns.remove(column);
                self.rows.iter_mut().for_each(|row| drop(row.cells.remove(column)));
            }
        }
        self
    }
}

/// One design's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberRow {
    /// Its mark.
    pub mark: Mark,
    /// Its name.
    pub name: String,
    /// What makes it different: `queue limit 400`.
    pub note: String,
    /// One per column; missing ones are "–".
    pub cells: Vec<Cell>,
}

/// A cell of the first screen's table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cell {
    /// A figure, set large, its unit small.
    Number(Quantity),
    /// `✓ holds` with a secondary line, and where that line links to (`#witness`), if anywhere.
    Judged {
        /// Sign and colour.
        state: State,
        /// `holds`.
        words: String,
        /// `18 947 operations`; may be empty.
        note: String,
        /// A fragment of this page.
        link: Option<String>,
    },
}

/// The expectations section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectations {
    /// The finding as a sentence.
    pub finding: String,
    /// How lines are judged.
    pub caption: String,
    /// The designs, as column heads.
    pub designs: Vec<(Mark, String)>,
    /// One per expectation, in the order of the file.
    pub rows: Vec<Expectation>,
    /// How to read the table.
    pub how_to_read: String,
}

/// One expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// As written: `p99(read) < 250ms`.
    pub text: String,
    /// Where, when, for whom: `partition.toml:67 · during cut · CP only`.
    pub place: String,
    /// Why, if the file says; else empty.
    pub why: String,
    /// What each design measured; `–` where it doesn't apply.
    pub measured: Vec<String>,
    /// A fragment of this page with the evidence, `#witness`, if there is one.
    pub evidence: Option<(String, String)>,
    /// All designs together.
    pub result: Verdict,
}

/// One question per screen.
#[derive(Debug, Serialize, Deserialize)]
pub struct Section {
    /// Short name beside the number: `Timeline`.
    pub name: String,
    /// What `#…` jumps here: `timeline`.
    pub anchor: String,
    /// The finding as a sentence, from the numbers; else a neutral title.
    pub finding: String,
    /// What is plotted, over what, how many runs.
    pub caption: String,
    /// Drawings; neighbours of half width stand in pairs.
    pub figures: Vec<Drawing>,
    /// Tables that are part of the argument and so are open. The figures' own tables stand closed at the end.
    pub tables: Vec<Table>,
    /// One or two lines.
    pub how_to_read: String,
    /// Closed at first: only its head is seen.
    pub folded: bool,
}

/// What this run models, what it leaves out, and how far it is from theory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCard {
    /// What is modelled.
    pub modelled: Vec<String>,
    /// What isn't.
    pub not_modelled: Vec<String>,
    /// How large, how many, how percentiles are defined.
    pub scale: Vec<String>,
    /// Comparisons with theory.
    pub checks: Vec<TheoryCheck>,
}

/// One comparison of the run with theory, formatted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TheoryCheck {
    /// What was compared: `mean response, M/M/100 at ρ = 0.7`.
    pub what: String,
    /// Theory's value.
    pub theory: String,
    /// This run's value.
    pub run: String,
    /// The signed relative error.
    pub error: String,
    /// Where the formula is from.
    pub source: String,
}

impl Page {
    /// The whole file. Equal pages give equal bytes; nothing in it is loaded from elsewhere.
    pub fn render(&self) -> String {
        write::page(self)
    }
}

#[cfg(test)]
mod tests;
