//! The report of some runs as a folder: which files there are, in one place for the command line and for library users.

use std::io;
use std::path::Path;

use super::data;
use super::write::{self, Files};
use crate::history::jsonl as history;
use crate::run::Run;

/// Every file of the report of `runs`; `scenario` is the text they were read from.
pub fn files(runs: &[Run], scenario: &str) -> Files {
    let mut files: Files = vec![
        ("summary.json".to_owned(), format!("{:#}\n", data::summary_json(runs)).into_bytes()),
        ("series.csv".to_owned(), data::series_csv(runs).into_bytes()),
        ("latency.csv".to_owned(), data::latency_csv(runs).into_bytes()),
        ("scenario.toml".to_owned(), scenario.as_bytes().to_vec()),
    ];
    for run in runs {
        let plan = &run.outcome.plan;
        let expanded = toml::to_string(&plan.tree).unwrap_or_default();
        files.push((format!("expanded-{}.toml", plan.variant), expanded.into_bytes()));
        if !run.outcome.history.operations().is_empty() {
            let mut lines = Vec::new();
            // Writing to memory does not fail.
            let _ = history::write(&run.outcome.history, &mut lines);
            files.push((format!("history-{}.jsonl", plan.variant), lines));
        }
    }
    files
}

/// Writes the report of `runs` to `folder`, whole or not at all: what was there before stays if anything fails.
pub fn write_all(folder: &Path, runs: &[Run], scenario: &str) -> io::Result<()> {
    write::write(folder, &files(runs, scenario))
}
