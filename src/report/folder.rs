//! The report of some runs as a folder: which files there are, in one place for the command line and for library users.

use std::io;
use std::path::Path;

use super::bind::{self, Told};
use super::data;
use super::write::{self, Content, Files};
use crate::run::Run;
use crate::scenario::full;

/// Every file of the report of `runs`: name, content. `scenario` is the text they were read from.
pub fn files<'a>(runs: &'a [Run], scenario: &str, mut told: Told) -> Files<'a> {
    let mut files: Files<'a> = Vec::new();
    let mut push = |name: &str, what: &str, content: Content<'a>| {
        if !files.iter().any(|(n, _)| n == name) {
            told.files.push((name.to_owned(), what.to_owned()));
            files.push((name.to_owned(), content));
        }
    };
    push("summary.json", "the numbers of every run", format!("{:#}\n", data::summary_json(runs)).into());
    push("series.csv", "what every client group got, over time", data::series_csv(runs).into());
    push("latency.csv", "the latencies of every client group", data::latency_csv(runs).into());
    push("scenario.toml", "the scenario as it was read", scenario.to_owned().into());
    for run in runs {
        let plan = &run.outcome.plan;
        let expanded = full::text(plan).into();
        push(&format!("expanded-{}.toml", plan.variant), "a design with every setting in place", expanded);
        let history = &run.outcome.history;
        if !history.operations().is_empty() {
            let name = format!("history-{}.jsonl", plan.variant);
            push(&name, "what clients saw, for `netsplit judge`", Content::History(history));
        }
    }
    files.extend(bind::files(&bind::page(runs, &told)));
    files
}

/// Writes the report of `runs` to `folder`, whole or not at all: what was there before stays if anything fails.
pub fn write_all(folder: &Path, runs: &[Run], scenario: &str, told: Told) -> io::Result<()> {
    write::write(folder, &files(runs, scenario, told))
}
