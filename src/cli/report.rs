//! `netsplit report`: draws a report again from its folder alone.

use std::path::{Path, PathBuf};

use super::{Exit, err, load, out};
use crate::report::page::Page;
use crate::report::{bind, write};

/// The arguments of `report`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder of a report: one that holds a `report.json`.
    folder: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let folder = &arguments.folder;
    let file = folder.join("report.json");
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => {
            err(&format!("error: {} can't be read: {}\n", file.display(), load::reason(&error)));
            return Exit::Usage;
        }
    };
    let page: Page = match serde_json::from_str(&text) {
        Ok(page) => page,
        Err(error) => {
            err(&format!("error: {} is no report of this version: {error}\n", file.display()));
            return Exit::Usage;
        }
    };
    match write::update(folder, &bind::files(&page)) {
        Ok(()) => {
            out(&format!("{}\n", folder.join("report.html").display()));
            Exit::Pass
        }
        Err(error) => failed(folder, &error),
    }
}

/// Says that a report can't be written.
pub(super) fn failed(folder: &Path, error: &std::io::Error) -> Exit {
    err(&format!("error: the report can't be written to {}: {}\n", folder.display(), load::reason(error)));
    Exit::Usage
}
