//! `netsplit run --seeds 1..=100`: every seed played, comparisons judged by their means and everything else on each; the
//! first seed that fails is reported in full.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::atomic::Ordering;

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::run::{Arguments, INTERRUPTED, ended, play, report};
use super::{Exit, bisect, load, out};
use crate::expect::Outcome;
use crate::report::seeds::{json, render, tallied};
use crate::run::{ManyStopped, Seeded, play_seeds, pooled};
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
    // Any seed's will do to know what is compared: what was measured is in what was played.
    let Ok(of_first) = plans(seeds.0) else { return Exit::Usage };
    let all = pooled(&played, &of_first);
    let mut folder = None;
    if !arguments.no_report {
        // The report shows one seed: the first that has something to show.
        let not_met = all.iter().filter(|p| p.finding.outcome == Outcome::NotMet);
        let seed = not_met.filter_map(|p| p.telling).min().unwrap_or(seeds.0);
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
        folder = Some((place.display().to_string(), seed));
    }
    if arguments.format == "json" {
        out(&format!("{:#}\n", json(&first[0].title, &played, &all)));
    } else {
        let ink = load::ink(arguments.verbose);
        let replay = |seed: u64, variant: &str| of(&format!("--seed {seed}"), Some(variant));
        let asked = (first[0].title.as_str(), first[0].question.as_str());
        out(&render(
            asked,
            &played,
            &all,
            ink,
            folder.as_ref().map(|(folder, seed)| (folder.as_str(), *seed)),
            &again,
            &replay,
        ));
    }
    if played.iter().flat_map(|s| &s.runs).any(|r| !r.broken.is_empty()) {
        return Exit::Internal;
    }
    let t = tallied(&all);
    if t.not_met > 0 {
        Exit::NotMet
    } else if t.unknown + t.vacuous > 0 {
        Exit::Inconclusive
    } else {
        Exit::Pass
    }
}
