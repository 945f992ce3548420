//! `netsplit list`: the scenarios of a folder.

use std::path::{Path, PathBuf};

use super::{Exit, err, load, out};

/// The arguments of `list`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder to look in.
    #[arg(default_value = "scenarios")]
    folder: PathBuf,
    /// Only those of this level.
    #[arg(long, value_parser = ["intro", "core", "deep"])]
    level: Option<String>,
    /// Only those that cover this row of the catalogue.
    #[arg(long)]
    covers: Option<String>,
}

/// Every scenario below a folder, by path.
pub(super) fn scenarios(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let files = match scenarios(&arguments.folder) {
        Ok(files) => files,
        Err(error) => {
            err(&format!("error: {} can't be read: {}\n", arguments.folder.display(), load::reason(&error)));
            return Exit::Usage;
        }
    };
    let mut listed = 0;
    for file in files {
        let Ok(sources) = load::sources(&file, &[]) else { continue };
        let (Some(plan), _) = load::plan(&sources, None, None) else {
            err(&format!("{}: broken; see netsplit check\n", file.display()));
            continue;
        };
        let level = arguments.level.as_ref().is_none_or(|l| *l == plan.level);
        let covers = arguments.covers.as_ref().is_none_or(|c| plan.covers.contains(c));
        if !level || !covers {
            continue;
        }
        listed += 1;
        let variants = plan.variants.len();
        out(&format!(
            "{:<44} {:<5} {variants:>2} variant{}  {}\n{:46}{}\n",
            file.display(),
            plan.level,
            if variants == 1 { " " } else { "s" },
            plan.title,
            "",
            plan.question,
        ));
    }
    if listed == 0 { Exit::Nothing } else { Exit::Pass }
}
