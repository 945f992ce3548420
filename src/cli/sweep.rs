//! `netsplit sweep`: plays a scenario at many points.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::run::{INTERRUPTED, bar, ended};
use super::{Exit, bisect, err, load, out, report};
use crate::report::bisected::Bisected;
use crate::report::sweep::Swept;
use crate::report::{bind, write};
use crate::run::{Job, NoThreshold, Threshold, sweep};
use crate::scenario::{Bisect, Plan, SweepPlan};
use crate::spec::units::WholeRange;
use crate::spec::{FromText as _, Sources};

/// The arguments of `sweep`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario file.
    file: PathBuf,
    /// Only this sweep of the file; all of them otherwise.
    #[arg(long, conflicts_with = "axis")]
    name: Option<String>,
    /// An axis of your own: `clients.users.rate=100/s,200/s`. Several make a grid.
    #[arg(long, value_name = "PATH=VALUES")]
    axis: Vec<String>,
    /// Only this variant.
    #[arg(long)]
    variant: Option<String>,
    /// Set a path for all points.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// These seeds: `1..=5`. From three on, intervals are drawn.
    #[arg(long, value_name = "RANGE")]
    seeds: Option<String>,
    /// An expression to show beside goodput and p99; may be given again.
    #[arg(long, value_name = "EXPRESSION")]
    show: Vec<String>,
    /// Folder of the report; `reports/<name>-sweep-<sweep>` otherwise.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write no report.
    #[arg(long)]
    no_report: bool,
}

const POINTS_MAX: usize = 1000;

pub(super) fn run(arguments: &Arguments) -> Exit {
    match all(arguments) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn usage(text: &str) -> Exit {
    err(&format!("error: {text}\n"));
    Exit::Usage
}

fn all(arguments: &Arguments) -> Result<Exit, Exit> {
    let sources = load::sources(&arguments.file, &arguments.set)?;
    let checked = arguments.show.iter().fold(sources.clone(), |all, text| all.with_shown("--show", text.as_str()));
    let plans = load::plans(&checked, arguments.variant.as_deref(), None, false)?;
    let base = &plans[0];
    let mut sweeps: Vec<SweepPlan> = if arguments.axis.is_empty() {
        base.sweeps.iter().filter(|s| arguments.name.as_ref().is_none_or(|n| *n == s.name)).cloned().collect()
    } else {
        vec![axes(&arguments.axis)?]
    };
    if sweeps.is_empty() {
        let known: Vec<&str> = base.sweeps.iter().map(|s| s.name.as_str()).collect();
        return Err(match (&arguments.name, known.as_slice()) {
            (Some(name), [_, ..]) => usage(&format!("no sweep is called `{name}`; there are {}", known.join(", "))),
            _ => {
                err("this scenario has no sweep; name an axis: --axis clients.users.rate=100/s,200/s\n");
                Exit::Nothing
            }
        });
    }
    let many = sweeps.len() > 1;
    let mut exit = Exit::Pass;
    for sweep in &mut sweeps {
        sweep.show.extend(arguments.show.iter().cloned());
        let folder = match &arguments.out {
            Some(out) if many => out.join(&sweep.name),
            Some(out) => out.clone(),
            None => Path::new("reports").join(format!("{}-sweep-{}", base.name, sweep.name)),
        };
        if let Some(range) = &sweep.bisect {
            let found = search(arguments, &sources, &plans, sweep, range)?;
            out(&found.text());
            if !arguments.no_report {
                let mut files: write::Files<'_> = vec![("sweep.csv".to_owned(), found.csv().into())];
                files.extend(bind::files(&found.page()));
                write::write(&folder, &files).map_err(|error| report::failed(&folder, &error))?;
                out(&format!("\n  report     {}\n", folder.join("report.html").display()));
            }
            out(&format!("  again      {}\n", found.repeat));
            continue;
        }
        let swept = play(arguments, &sources, &plans, sweep)?;
        out(&swept.text());
        if !arguments.no_report {
            let mut files: write::Files<'_> = vec![("sweep.csv".to_owned(), swept.csv().into())];
            files.extend(bind::files(&swept.page()));
            write::write(&folder, &files).map_err(|error| report::failed(&folder, &error))?;
            out(&format!("\n  report     {}\n", folder.join("report.html").display()));
        }
        out(&format!("  again      {}\n  digest     {:016x}\n", swept.repeat, swept.digest()));
        for broken in swept.samples.iter().flat_map(|s| &s.broken) {
            err(&format!("internal error: {broken}\n"));
            exit = Exit::Internal;
        }
    }
    Ok(exit)
}

/// A grid of axes given as `path=v1,v2`.
fn axes(axes: &[String]) -> Result<SweepPlan, Exit> {
    let mut points: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for axis in axes {
        let Some((path, values)) = axis.split_once('=') else {
            return Err(usage(&format!("`{axis}` lacks its `=`; write --axis clients.users.rate=100/s,200/s")));
        };
        let path = path.trim();
        if points.iter().flatten().any(|(other, _)| other == path) {
            return Err(usage(&format!("two axes are `{path}`; give all its values to one")));
        }
        let values: Vec<&str> = split(values).into_iter().map(str::trim).collect();
        if let Some(twice) = (1..values.len()).find(|i| values[..*i].contains(&values[*i])) {
            return Err(usage(&format!("the axis `{path}` takes the value {} twice", values[twice])));
        }
        let before = std::mem::take(&mut points);
        for point in &before {
            for value in &values {
                let mut next = point.clone();
                next.push((path.to_owned(), (*value).to_owned()));
                points.push(next);
            }
        }
    }
    let name = "axis".to_owned();
    Ok(SweepPlan { name, points, names: Vec::new(), bisect: None, only: Vec::new(), show: Vec::new() })
}

/// Splits at commas outside of brackets and quotes: `uniform(1ms, 2ms),exp(1ms)` are two.
fn split(values: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0_i32, false, 0);
    let mut parts = Vec::new();
    for (i, c) in values.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if depth == 0 && !quoted => {
                parts.push(&values[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&values[start..]);
    parts
}

/// The first and last seed.
fn seeds(arguments: &Arguments, base: &Plan) -> Result<(u64, u64), Exit> {
    match &arguments.seeds {
        None => Ok((base.seed.0, base.seed.0)),
        Some(text) => match WholeRange::from_text(text) {
            Ok(range) if range.first <= range.last && range.last - range.first < 1000 => Ok((range.first, range.last)),
            _ => Err(usage(&format!("`{text}` is no range of seeds; write 1..=5"))),
        },
    }
}

/// The variants that a sweep is for.
fn variants<'a>(arguments: &'a Arguments, base: &'a Plan, plan: &'a SweepPlan) -> Vec<&'a str> {
    match (&arguments.variant, plan.only.as_slice()) {
        (Some(variant), _) => vec![variant],
        (None, []) => vec![&base.base],
        (None, only) if only.iter().any(|o| o == "all") => base.variants.iter().map(|v| v.0.as_str()).collect(),
        (None, only) => only.iter().map(String::as_str).collect(),
    }
}

/// Searches in every variant under every seed, on all cores.
fn search(
    arguments: &Arguments,
    sources: &Sources,
    plans: &[Plan],
    plan: &SweepPlan,
    range: &Bisect,
) -> Result<Bisected, Exit> {
    let base = &plans[0];
    let (low, high) = seeds(arguments, base)?;
    let jobs: Vec<(&str, u64)> =
        variants(arguments, base, plan).into_iter().flat_map(|v| (low..=high).map(move |seed| (v, seed))).collect();
    let found: Result<Vec<(String, u64, Threshold)>, NoThreshold<Exit>> = jobs
        .into_par_iter()
        .map(|(variant, seed)| Ok((variant.to_owned(), seed, bisect::search(sources, range, variant, seed)?)))
        .collect();
    Ok(Bisected {
        title: base.title.clone(),
        question: base.question.clone(),
        source: arguments.file.display().to_string(),
        name: plan.name.clone(),
        range: range.clone(),
        found: found.map_err(|why| bisect::failed(why, range))?,
        repeat: again(arguments, &plan.name),
    })
}

fn play(arguments: &Arguments, sources: &Sources, plans: &[Plan], plan: &SweepPlan) -> Result<Swept, Exit> {
    let base = &plans[0];
    let (low, high) = seeds(arguments, base)?;
    let variants = variants(arguments, base, plan);
    let runs = plan.points.len() * variants.len() * (high - low + 1) as usize;
    if runs > POINTS_MAX {
        return Err(usage(&format!("the sweep {} has {runs} runs, more than {POINTS_MAX}", plan.name)));
    }
    let mut jobs = Vec::new();
    for (point, settings) in plan.points.iter().enumerate() {
        let mut there = sources.clone();
        for (path, value) in settings {
            there = there.with_set("--axis", format!("{path}={value}"));
        }
        for variant in &variants {
            for seed in low..=high {
                let (loaded, diagnostics) = load::plan(&there, Some(variant), Some(seed));
                match loaded {
                    Some(plan) if !diagnostics.has_errors() => jobs.push(Job { point, plan }),
                    _ => {
                        load::complain(&diagnostics, &there);
                        return Err(Exit::Usage);
                    }
                }
            }
        }
    }
    let bar = bar(jobs.iter().map(|j| (j.plan.variant.clone(), j.plan.end)));
    let samples = sweep(jobs, &plan.show, &|i, at, _| {
        bar.tell(i, at);
        !INTERRUPTED.load(std::sync::atomic::Ordering::Relaxed)
    });
    bar.clear();
    let samples = samples.map_err(|stopped| ended(stopped, ""))?;
    Ok(Swept {
        title: base.title.clone(),
        question: base.question.clone(),
        source: arguments.file.display().to_string(),
        name: plan.name.clone(),
        points: plan.points.clone(),
        names: plan.names.clone(),
        show: plan.show.clone(),
        samples,
        repeat: again(arguments, &plan.name),
    }
    .in_order())
}

fn again(arguments: &Arguments, name: &str) -> String {
    let mut text = format!("netsplit sweep {}", arguments.file.display());
    if arguments.axis.is_empty() {
        text += &format!(" --name {name}");
    }
    arguments.axis.iter().for_each(|a| text += &format!(" --axis '{a}'"));
    arguments.variant.iter().for_each(|v| text += &format!(" --variant {v}"));
    arguments.seeds.iter().for_each(|s| text += &format!(" --seeds {s}"));
    arguments.set.iter().for_each(|s| text += &format!(" --set '{s}'"));
    arguments.show.iter().for_each(|s| text += &format!(" --show '{s}'"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_brackets_do_not_split() {
        assert_eq!(split("50/s,90/s"), ["50/s", "90/s"]);
        assert_eq!(split("uniform(1ms, 2ms),exp(1ms)"), ["uniform(1ms, 2ms)", "exp(1ms)"]);
        assert_eq!(split("\"a,b\",{ x = 1, y = 2 }"), ["\"a,b\"", "{ x = 1, y = 2 }"]);
    }

    #[test]
    fn two_axes_make_a_grid() {
        let plan = axes(&["a.b.c=1,2".into(), "d=x,y,z".into()]).expect("two axes");
        assert_eq!(plan.points.len(), 6);
        assert_eq!(plan.points[4], [("a.b.c".into(), "2".into()), ("d".into(), "y".into())]);
    }
}
