//! `netsplit run`: plays a scenario and writes its report.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Exit, bisect, err, load, out};
use crate::engine::Instant;
use crate::report::bind::Told;
use crate::report::data;
use crate::report::folder;
use crate::report::text::{render, tallied};
use crate::run::{Run, SecondPass, Stopped, Why, explain, play_all};
use crate::scenario::Plan;
use crate::spec::units::WholeRange;
use crate::spec::{FromText as _, Sources};

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario file.
    pub(super) file: PathBuf,
    /// Set a path: `service.web.workers=8`. It counts over the file and its variants.
    #[arg(long, value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// Only this variant; all of them otherwise.
    #[arg(long)]
    pub(super) variant: Option<String>,
    /// This seed.
    #[arg(long, conflicts_with = "seeds")]
    pub(super) seed: Option<u64>,
    /// These seeds: `1..=100`.
    #[arg(long, value_name = "RANGE")]
    pub(super) seeds: Option<String>,
    /// Folder of the report; `reports/<name>-s<seed>` otherwise.
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// Write no report.
    #[arg(long)]
    pub(super) no_report: bool,
    /// `text` or `json`.
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    pub(super) format: String,
    /// List every expectation.
    #[arg(long)]
    pub(super) verbose: bool,
    /// Warnings are errors.
    #[arg(long)]
    pub(super) deny_warnings: bool,
    /// Open the report when it is written.
    #[arg(long)]
    open: bool,
}

pub(super) static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C asks for an end between two steps, so that a report is whole or not there; a second one is
/// obeyed at once.
pub(super) fn heed_interrupts() {
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    heed_interrupts();
    let sources = match load::sources(&arguments.file, &arguments.set) {
        Ok(sources) => sources,
        Err(exit) => return exit,
    };
    let mut first = match load::plans(&sources, arguments.variant.as_deref(), arguments.seed, arguments.deny_warnings) {
        Ok(plans) => plans,
        Err(exit) => return exit,
    };
    let seeds = match seeds(arguments, &first[0]) {
        Ok(seeds) => seeds,
        Err(exit) => return exit,
    };
    if seeds.0 != seeds.1 {
        return super::seeds::run(arguments, &sources, first, seeds);
    }
    if let Err(exit) = bisect::fill_in(&sources, &mut first) {
        return exit;
    }
    let runs = match play(first) {
        Ok(runs) => runs,
        Err(exit) => return exit,
    };
    let again = again(arguments, &runs);
    let mut folder = None;
    if !arguments.no_report {
        let name = format!("{}-s{}", runs[0].outcome.plan.name, runs[0].outcome.plan.seed.0);
        let place = arguments.out.clone().unwrap_or_else(|| Path::new("reports").join(name));
        if let Err(exit) = report(&place, &runs, &again, &sources) {
            return exit;
        }
        folder = Some(place.display().to_string());
    }
    if arguments.format == "json" {
        out(&format!("{:#}\n", data::summary_json(&runs)));
    } else {
        let ink = load::ink(arguments.verbose);
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
    match arguments.seed {
        Some(seed) => Ok((seed, seed)),
        None => seeds_of(arguments.seeds.as_deref(), plan),
    }
}

/// The range of seeds that was asked for, else that of the file.
pub(super) fn seeds_of(text: Option<&str>, plan: &Plan) -> Result<(u64, u64), Exit> {
    let Some(text) = text else { return Ok(plan.seeds) };
    match WholeRange::from_text(text) {
        Ok(range) if range.first <= range.last && range.last - range.first < 1_000_000 => Ok((range.first, range.last)),
        _ => {
            err(&format!("error: `{text}` is no range of seeds; write 1..=100\n"));
            Err(Exit::Usage)
        }
    }
}

/// Progress on stderr, if somebody is there to see it.
pub(super) struct Bar {
    bar: ProgressBar,
    names: Vec<String>,
    done: Vec<AtomicU64>,
}

/// A bar over runs of these names and lengths.
pub(super) fn bar(runs: impl Iterator<Item = (String, Instant)>) -> Bar {
    let (names, ends): (Vec<String>, Vec<Instant>) = runs.unzip();
    let bar = ProgressBar::new(ends.iter().map(|end| end.0 / 1_000_000).sum());
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    // A second handler can't be set; then the first one is ours.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let style = ProgressStyle::with_template("  {msg:20} {bar:30} {percent:>3} %  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─"));
    let done = names.iter().map(|_| AtomicU64::new(0)).collect();
    Bar { bar, names, done }
}

impl Bar {
    /// Run `i` has come to `at`.
    pub(super) fn tell(&self, i: usize, at: Instant) {
        let ms = at.0 / 1_000_000;
        let before = self.done[i].swap(ms, Ordering::Relaxed);
        self.bar.inc(ms.saturating_sub(before));
        self.bar.set_message(self.names[i].clone());
    }
    /// Takes it off the screen.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Plays everything.
pub(super) fn play(plans: Vec<Plan>) -> Result<Vec<Run>, Exit> {
    let bar = bar(plans.iter().map(|p| (p.variant.clone(), p.end)));
    let result = play_all(plans, &|i, at, _| {
        bar.tell(i, at);
        !INTERRUPTED.load(Ordering::Relaxed)
    });
    bar.clear();
    result.map_err(|stopped| ended(stopped, ""))
}

/// Says why a run ended before its time; `of` is what else tells which run it was.
pub(super) fn ended(stopped: Stopped, of: &str) -> Exit {
    let help = match stopped.why {
        Why::Interrupted => {
            err(&format!("{stopped}: no report written; the last complete report is untouched\n"));
            return Exit::Interrupted;
        }
        Why::Stalled => "give the think time, a service time or a round trip more than 0s",
        Why::TooMany { .. } => {
            "something asks again and again: look at retries and timeouts, and at proposers with \
             `preempted = \"retries\"`; or shorten `duration`, or raise `max_events`"
        }
    };
    err(&format!("error: {of}{stopped}\n  {help}\n"));
    Exit::Usage
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

/// Writes the report of these runs.
pub(super) fn report(folder: &Path, runs: &[Run], again: &str, sources: &Sources) -> Result<(), Exit> {
    let told = Told {
        source: sources.file().name.to_string(),
        repeat: again.to_owned(),
        second_pass: second_pass(runs)?,
        files: Vec::new(),
    };
    folder::write_all(folder, runs, &sources.file().text, told).map_err(|error| {
        err(&format!(
            "error: the report can't be written to {}: {}\n  try --out FOLDER, or --no-report\n",
            folder.display(),
            load::reason(&error)
        ));
        Exit::Usage
    })
}

/// The account of single requests takes a second pass; a run that long goes without.
const SECOND_PASS_EVENTS: u64 = 30_000_000;

/// Plays the first run again to look at single requests.
fn second_pass(runs: &[Run]) -> Result<Option<SecondPass>, Exit> {
    let Some(run) = runs.first().filter(|r| r.outcome.events <= SECOND_PASS_EVENTS) else { return Ok(None) };
    match explain(&run.outcome) {
        Ok(pass) => Ok(Some(pass)),
        Err(differs) => {
            err(&format!("not deterministic: {differs}\n"));
            Err(Exit::NotDeterministic)
        }
    }
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
