//! The report of some runs as a folder: which files there are, in one place for the command line and for library users.

use std::io;
use std::path::Path;

use super::bind::{self, Told};
use super::data;
use super::write::{self, Files};
use crate::history::jsonl;
use crate::run::Run;
use crate::scenario::full;

/// Every file of the report of `runs`: name, bytes. `scenario` is the text they were read from.
pub fn files(runs: &[Run], scenario: &str, mut told: Told) -> Files {
    let text = |text: String| text.into_bytes();
    let mut files: Vec<(String, &str, Vec<u8>)> = Vec::new();
    let mut push = |name: &str, what, bytes| {
        if !files.iter().any(|(n, ..)| n == name) {
            files.push((name.to_owned(), what, bytes));
        }
    };
    push("summary.json", "the numbers of every run", text(format!("{:#}\n", data::summary_json(runs))));
    push("series.csv", "what every client group got, over time", text(data::series_csv(runs)));
    push("latency.csv", "the latencies of every client group", text(data::latency_csv(runs)));
    push("scenario.toml", "the scenario as it was read", text(scenario.to_owned()));
    for run in runs {
        let plan = &run.outcome.plan;
        let expanded = text(full::text(plan));
        push(&format!("expanded-{}.toml", plan.variant), "a design with every setting in place", expanded);
        if !run.outcome.history.operations().is_empty() {
            let mut lines = Vec::new();
            // Writing to memory does not fail.
            let _ = jsonl::write(&run.outcome.history, &mut lines);
            push(&format!("history-{}.jsonl", plan.variant), "what clients saw, for `netsplit judge`", lines);
        }
    }
    told.files = files.iter().map(|(name, what, _)| (name.clone(), (*what).to_owned())).collect();
    let page = bind::page(runs, &told);
    let mut files: Files = files.into_iter().map(|(name, _, bytes)| (name, bytes)).collect();
    files.extend(bind::files(&page));
    files
}

/// Writes the report of `runs` to `folder`, whole or not at all: what was there before stays if anything fails.
pub fn write_all(folder: &Path, runs: &[Run], scenario: &str, told: Told) -> io::Result<()> {
    write::write(folder, &files(runs, scenario, told))
}
