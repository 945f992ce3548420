//! `netsplit run`: plays a scenario and writes its report.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Exit, err, load, out};
use crate::report::text::{Ink, render, tallied};
use crate::report::{data, write};
use crate::run::{Run, play_all};
use crate::scenario::Plan;
use crate::spec::FromText as _;
use crate::spec::units::WholeRange;

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario file.
    file: PathBuf,
    /// Set a path: `service.web.workers=8`. It counts over the file and its variants.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Only this variant; all of them otherwise.
    #[arg(long)]
    variant: Option<String>,
    /// This seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// These seeds: `1..=100`.
    #[arg(long, value_name = "RANGE")]
    seeds: Option<String>,
    /// Folder of the report; `reports/<name>-s<seed>` otherwise.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write no report.
    #[arg(long)]
    no_report: bool,
    /// `text` or `json`.
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
    /// List every expectation.
    #[arg(long)]
    verbose: bool,
    /// Warnings are errors.
    #[arg(long)]
    deny_warnings: bool,
    /// Open the report when it is written.
    #[arg(long)]
    open: bool,
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub(super) fn run(arguments: &Arguments) -> Exit {
    let sources = match load::sources(&arguments.file, &arguments.set) {
        Ok(sources) => sources,
        Err(exit) => return exit,
    };
    let first = match load::plans(&sources, arguments.variant.as_deref(), arguments.seed, arguments.deny_warnings) {
        Ok(plans) => plans,
        Err(exit) => return exit,
    };
    let seeds = match seeds(arguments, &first[0]) {
        Ok(seeds) => seeds,
        Err(exit) => return exit,
    };
    let mut plans = Vec::new();
    for seed in seeds.0..=seeds.1 {
        if seed == first[0].seed.0 {
            plans.extend(first.iter().cloned());
            continue;
        }
        let again = load::plans(&sources, arguments.variant.as_deref(), Some(seed), false);
        plans.extend(match again {
            Ok(plans) => plans,
            Err(exit) => return exit,
        });
    }
    let runs = match play(plans) {
        Ok(runs) => runs,
        Err(exit) => return exit,
    };
    let again = again(arguments, &runs);
    let mut folder = None;
    if !arguments.no_report {
        let name = format!("{}-s{}", runs[0].outcome.plan.name, runs[0].outcome.plan.seed.0);
        let place = arguments.out.clone().unwrap_or_else(|| Path::new("reports").join(name));
        if let Err(exit) = report(&place, &runs, &again, &sources.file().text) {
            return exit;
        }
        folder = Some(place.display().to_string());
    }
    if arguments.format == "json" {
        out(&format!("{:#}\n", data::summary_json(&runs)));
    } else {
        let screen = load::screen(false);
        let ink = Ink { colour: screen.colour, unicode: screen.unicode, verbose: arguments.verbose };
        out(&render(&runs, ink, folder.as_deref(), &again));
    }
    if arguments.open
        && let Some(folder) = &folder
    {
        open(&Path::new(folder).join("report.html"));
    }
    if runs.iter().any(|r| !r.outcome.broken.is_empty()) {
        return Exit::Internal;
    }
    let t = tallied(&runs);
    if t.not_met > 0 {
        Exit::NotMet
    } else if t.unknown + t.vacuous > 0 {
        Exit::Inconclusive
    } else {
        Exit::Pass
    }
}

fn seeds(arguments: &Arguments, plan: &Plan) -> Result<(u64, u64), Exit> {
    if let Some(seed) = arguments.seed {
        return Ok((seed, seed));
    }
    let Some(text) = &arguments.seeds else { return Ok(plan.seeds) };
    match WholeRange::from_text(text) {
        Ok(range) if range.first <= range.last && range.last - range.first < 1_000_000 => Ok((range.first, range.last)),
        _ => {
            err(&format!("error: `{text}` is no range of seeds; write 1..=100\n"));
            Err(Exit::Usage)
        }
    }
}

/// Plays everything, with progress on stderr if somebody is there to see it.
fn play(plans: Vec<Plan>) -> Result<Vec<Run>, Exit> {
    let total: u64 = plans.iter().map(|p| p.end.0 / 1_000_000).sum();
    let bar = ProgressBar::new(total);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    // A second handler can't be set; then the first one is ours.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let style = ProgressStyle::with_template("  {msg:20} {bar:30} {percent:>3} %  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
    let names: Vec<String> = plans.iter().map(|p| p.variant.clone()).collect();
    let done: Vec<std::sync::atomic::AtomicU64> = plans.iter().map(|_| std::sync::atomic::AtomicU64::new(0)).collect();
    let result = play_all(plans, &|i, at, _| {
        let ms = at.0 / 1_000_000;
        let before = done[i].swap(ms, Ordering::Relaxed);
        bar.inc(ms.saturating_sub(before));
        bar.set_message(names[i].clone());
        !INTERRUPTED.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    result.map_err(|stopped| {
        let at = crate::engine::Span(stopped.at.0);
        if stopped.stalled {
            err(&format!(
                "error: time stands still at {at}: something goes round in which nothing takes time\n  give the think time, \
                 a service time or a round trip more than 0s\n"
            ));
            return Exit::Usage;
        }
        err(&format!("interrupted at {at}: no report written; the last complete report is untouched\n"));
        Exit::Interrupted
    })
}

fn again(arguments: &Arguments, runs: &[Run]) -> String {
    let mut text = format!("netsplit run {}", arguments.file.display());
    match &arguments.seeds {
        Some(seeds) => text += &format!(" --seeds {seeds}"),
        None if runs.iter().all(|r| r.outcome.plan.seed == runs[0].outcome.plan.seed) => {
            text += &format!(" --seed {}", runs[0].outcome.plan.seed.0);
        }
        None => {}
    }
    if let Some(variant) = &arguments.variant {
        text += &format!(" --variant {variant}");
    }
    for set in &arguments.set {
        text += &format!(" --set '{set}'");
    }
    text
}

fn report(folder: &Path, runs: &[Run], again: &str, text: &str) -> Result<(), Exit> {
    let mut files: write::Files = vec![
        ("summary.json".to_owned(), format!("{:#}\n", data::summary_json(runs)).into_bytes()),
        ("series.csv".to_owned(), data::series_csv(runs).into_bytes()),
        ("latency.csv".to_owned(), data::latency_csv(runs).into_bytes()),
        ("scenario.toml".to_owned(), text.as_bytes().to_vec()),
    ];
    for run in runs {
        let plan = &run.outcome.plan;
        let expanded = toml::to_string(&plan.tree).unwrap_or_default();
        files.push((format!("expanded-{}.toml", plan.variant), expanded.into_bytes()));
    }
    let _ = again;
    write::write(folder, &files).map_err(|error| {
        err(&format!(
            "error: the report can't be written to {}: {}\n  try --out FOLDER, or --no-report\n",
            folder.display(),
            load::reason(&error)
        ));
        Exit::Usage
    })
}

fn open(file: &Path) {
    let command = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    if std::process::Command::new(command).arg(file).spawn().is_err() {
        err(&format!("{} can't be opened by {command}\n", file.display()));
    }
}
