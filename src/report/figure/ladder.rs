//! The ladder of consistency models: a row a model, strongest on top, a column a design, a sign where they meet, a frame
//! around the strongest that held.

use serde::{Deserialize, Serialize};

use crate::report::figure::{Figure, Table};
use crate::report::svg::{Paint, Svg, Text};
use crate::report::theme::{FULL_PX, Ink, Mark, State};

const LEFT_PX: f64 = 284.0;
const COLUMN_MAX_PX: f64 = 220.0;
const ROW_PX: f64 = 43.0;
const LINE_PX: f64 = 20.0;
const NOTE_PX: f64 = 26.0;

/// The figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// What it shows.
    pub title: String,
    /// The models, strongest first.
    pub rungs: Vec<Rung>,
    /// The designs, in the order of the file.
    pub designs: Vec<Standpoint>,
    /// Why something could not be told, a sentence each.
    pub notes: Vec<String>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Its name.
    pub name: String,
    /// What it promises, in a few words.
    pub promise: String,
}

/// One design.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standpoint {
    /// Its name.
    pub name: String,
    /// Its mark.
    pub mark: Mark,
    /// How it stands with each model.
    pub states: Vec<State>,
    /// Whether that is the strongest that held, or one of them.
    pub strongest: Vec<bool>,
}

impl Standpoint {
    /// Its name in lines that fit, broken behind hyphens, and behind its sign.
    fn lines(&self, width: f64) -> Vec<Text> {
        let text = |words: &str| Text::tick(words).ink(self.mark.ink()).bold().middle();
        let mut lines: Vec<String> = Vec::new();
        for part in self.mark.label(&self.name).split_inclusive(['-', ' ']) {
            match lines.last_mut() {
                Some(line) if text(&format!("{line}{part}")).width() <= width => line.push_str(part),
                _ => lines.push(part.to_owned()),
            }
        }
        lines.iter().map(|line| text(line.trim_end()).fit(width)).collect()
    }
}

impl Figure for Ladder {
    fn svg(&self, id: &str) -> String {
        let mut svg = Svg::new(id, FULL_PX, 40.0);
        let column = ((FULL_PX - LEFT_PX) / self.designs.len().max(1) as f64).min(COLUMN_MAX_PX);
        let centre = |i: usize| LEFT_PX + (i as f64 + 0.5) * column;
        let names: Vec<Vec<Text>> = self.designs.iter().map(|d| d.lines(column - 8.0)).collect();
        let deepest = names.iter().map(Vec::len).max().unwrap_or(1).max(1);
        svg.text(0.0, 18.0, &Text::title(&self.title).fit(LEFT_PX - 10.0));
        for (i, lines) in names.iter().enumerate() {
            for (line, text) in lines.iter().enumerate() {
                let up = (lines.len() - 1 - line) as f64;
                svg.text(centre(i), deepest as f64 * LINE_PX - up * LINE_PX - 2.0, text);
            }
        }
        let top = deepest as f64 * LINE_PX + 10.0;
        let right = LEFT_PX + column * self.designs.len() as f64;
        for (r, rung) in self.rungs.iter().enumerate() {
            let y = top + r as f64 * ROW_PX;
            svg.line((0.0, y), (right, y), &Paint::stroke(Ink::Rule, 1.0));
            svg.text(0.0, y + 19.0, &Text::title(&rung.name).fit(LEFT_PX - 10.0));
            svg.text(0.0, y + 36.5, &Text::tick(&rung.promise).fit(LEFT_PX - 10.0));
            for (i, design) in self.designs.iter().enumerate() {
                let Some(state) = design.states.get(r) else { continue };
                if design.strongest.get(r).copied().unwrap_or(false) {
                    let paint = Paint::fill(Ink::Bg).outlined(Ink::First, 3.0);
                    svg.rect(centre(i) - 28.0, y + 5.0, 56.0, ROW_PX - 10.0, 5.0, &paint);
                }
                svg.text(centre(i), y + 28.5, &Text::name(state.sign(), state.ink()).middle());
            }
        }
        let mut y = top + self.rungs.len() as f64 * ROW_PX;
        svg.line((0.0, y), (right, y), &Paint::stroke(Ink::Rule, 1.0));
        for note in &self.notes {
            for line in Text::tick(note.clone()).ink(Ink::Ink).wrap(FULL_PX) {
                y += NOTE_PX;
                svg.text(0.0, y, &line);
            }
        }
        svg.set_height(y + 12.0);
        let words = format!("{} models, {} designs. {}", self.rungs.len(), self.designs.len(), self.notes.join(" "));
        svg.finish(&self.title, words.trim_end())
    }

    fn width_px(&self) -> f64 {
        FULL_PX
    }

    fn title(&self) -> &str {
        &self.title
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["model", "promises"]);
        table.columns.extend(self.designs.iter().map(|d| d.name.clone()));
        for (r, rung) in self.rungs.iter().enumerate() {
            let sign = |design: &Standpoint| {
                let sign = design.states.get(r).map_or("", |state| state.sign()).to_owned();
                let strongest = design.strongest.get(r).copied().unwrap_or(false);
                if strongest { format!("{sign} strongest") } else { sign }
            };
            let cells = [rung.name.clone(), rung.promise.clone()];
            table.push(cells.into_iter().chain(self.designs.iter().map(sign)));
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn ladder(designs: &[&str]) -> Ladder {
        let rung = |name: &str| Rung { name: name.into(), promise: "an answer after its question".into() };
        let standpoint = |(i, name): (usize, &&str)| Standpoint {
            name: (*name).into(),
            mark: Mark::of(i),
            states: vec![State::Error, State::Unknown, State::Ok, State::Vacuous],
            strongest: vec![false, false, true],
        };
        Ladder {
            title: "Models that held".into(),
            rungs: ["linearizable", "PRAM", "writes follow reads", "converged"].map(rung).into(),
            designs: designs.iter().enumerate().map(standpoint).collect(),
            notes: vec!["? PRAM: the budget of 20 000 000 steps was spent.".into()],
        }
    }

    const EIGHT: [&str; 8] = [
        "cp-raft",
        "cp-abd-quorum",
        "cp-quorum-no-writeback",
        "ap-dynamo-lww",
        "ap-dynamo-siblings",
        "ap-crdt-register",
        "split-brain",
        "split-brain-fenced",
    ];

    #[test]
    fn from_no_design_to_eight() {
        for n in 0..=8 {
            check(&ladder(&EIGHT[..n]));
        }
        check(&ladder(&["a-design-with-aVeryLongNameThatNobodyWouldEverGiveToAnything", "b"]));
    }

    #[test]
    fn names_break_behind_hyphens_only() {
        let svg = ladder(&EIGHT).svg("l");
        for name in EIGHT {
            for part in name.split('-') {
                assert!(svg.contains(part), "{part} was cut");
            }
        }
    }

    #[test]
    fn the_strongest_is_framed_and_named_in_the_table() {
        let figure = ladder(&EIGHT[..2]);
        assert_eq!(figure.svg("l").matches("width=\"56\"").count(), 2);
        assert_eq!(figure.table().rows[2][2..], ["✓ strongest", "✓ strongest"]);
    }
}
