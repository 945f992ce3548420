//! `netsplit check`: reads scenarios, runs nothing.

use std::path::PathBuf;

use super::{Exit, err, load, out};
use crate::spec::Diagnostics;

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Set a path: `service.web.workers=8`. It counts over the file and its variants.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Warnings are errors.
    #[arg(long)]
    deny_warnings: bool,
    /// `text`, or `line`: one `file:line:col: message` a line.
    #[arg(long, default_value = "text", value_parser = ["text", "line"])]
    format: String,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let mut exit = Exit::Pass;
    for file in &arguments.files {
        let sources = match load::sources(file, &arguments.set) {
            Ok(sources) => sources,
            Err(e) => {
                exit = e;
                continue;
            }
        };
        let (first, mut all) = load::plan(&sources, None, None);
        let variants = first.map(|p| p.variants).unwrap_or_default();
        for (name, _) in variants.iter().skip(1) {
            let (_, diagnostics) = load::plan(&sources, Some(name), None);
            all.append(diagnostics);
        }
        report(&all, &sources, &arguments.format);
        if all.has_errors() || arguments.deny_warnings && !all.is_empty() {
            exit = Exit::Usage;
        } else {
            let n = variants.len();
            out(&format!("{}: all right, {n} variant{}\n", file.display(), if n == 1 { "" } else { "s" }));
        }
    }
    exit
}

fn report(all: &Diagnostics, sources: &crate::spec::Sources, format: &str) {
    if format == "line" {
        err(&all.lines(sources));
    } else {
        load::complain(all, sources);
    }
}
