//! `netsplit run --seeds 1..=100`: every seed played and judged, the first that fails reported in full.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::atomic::Ordering;

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::run::{Arguments, INTERRUPTED, ended, play, report};
use super::{Exit, bisect, load, out};
use crate::report::seeds::{json, render, tallied};
use crate::run::{ManyStopped, Seeded, play_seeds};
use crate::scenario::Plan;
use crate::spec::Sources;

pub(super) fn run(arguments: &Arguments, sources: &Sources, first: Vec<Plan>, seeds: (u64, u64)) -> Exit {
    let variant = arguments.variant.as_deref();
    let plans = |seed: u64| -> Result<Vec<Plan>, u64> {
        let names: Vec<Option<&str>> = match variant {
            Some(name) => vec![Some(name)],
            None => first[0].variants.iter().skip(1).map(|(n, _)| Some(n.as_str())).fold(vec![None], |mut all, n| {
                all.push(n);
                all
            }),
        };
        let mut plans: Vec<Plan> = names
            .into_iter()
            .map(|name| load::plan(sources, name, Some(seed)).0.ok_or(seed))
            .collect::<Result<_, _>>()?;
        bisect::fill_in(sources, &mut plans).map_err(|_| seed)?;
        Ok(plans)
    };
    let bar = ProgressBar::new(seeds.1 - seeds.0 + 1);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let go_on = || !INTERRUPTED.load(Ordering::Relaxed);
    let played = play_seeds(seeds.0..=seeds.1, &plans, &go_on, &|_| bar.inc(1));
    bar.finish_and_clear();
    let played: Vec<Seeded> = match played {
        Ok(played) => played,
        Err(ManyStopped::Stopped(seed, stopped)) => return ended(stopped, &format!("seed {seed}: ")),
        Err(ManyStopped::Refused(seed)) => {
            // Only this seed draws something that can't be: say what.
            let _ = load::plans(sources, variant, Some(seed), false);
            return Exit::Usage;
        }
    };
    let of = |seed: &str, variant: Option<&str>| {
        let mut text = format!("netsplit run {} {seed}", arguments.file.display());
        if let Some(variant) = variant {
            text += &format!(" --variant {variant}");
        }
        for set in &arguments.set {
            text += &format!(" --set '{set}'");
        }
        text
    };
    let again = of(&format!("--seeds {}..={}", seeds.0, seeds.1), variant);
    let mut folder = None;
    if !arguments.no_report {
        // The report shows one seed: the first that has something to show.
        let seed = played.iter().find(|s| fails(s)).map_or(seeds.0, |s| s.seed);
        let shown = match plans(seed).map(play) {
            Ok(Ok(runs)) => runs,
            Ok(Err(exit)) => return exit,
            Err(_) => return Exit::Usage,
        };
        let name = format!("{}-s{seed}", first[0].name);
        let place = arguments.out.clone().unwrap_or_else(|| Path::new("reports").join(name));
        let again = of(&format!("--seed {seed}"), variant);
        if let Err(exit) = report(&place, &shown, &again, sources) {
            return exit;
        }
        folder = Some(place.display().to_string());
    }
    if arguments.format == "json" {
        out(&format!("{:#}\n", json(&first[0].title, &played)));
    } else {
        let ink = load::ink(arguments.verbose);
        let replay = |seed: u64, variant: &str| of(&format!("--seed {seed}"), Some(variant));
        let (title, question) = (&first[0].title, &first[0].question);
        out(&render(title, question, &played, ink, folder.as_deref(), &again, &replay));
    }
    if played.iter().flat_map(|s| &s.runs).any(|r| !r.broken.is_empty()) {
        return Exit::Internal;
    }
    let t = tallied(&played);
    if t.not_met > 0 {
        Exit::NotMet
    } else if t.unknown + t.vacuous > 0 {
        Exit::Inconclusive
    } else {
        Exit::Pass
    }
}

fn fails(seeded: &Seeded) -> bool {
    tallied(std::slice::from_ref(seeded)).not_met > 0
}
