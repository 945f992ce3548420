//! `netsplit explain`: the question first; hints and answers only on request. Or the whole scenario, every default
//! written out.

use std::path::PathBuf;

use super::{Exit, load, out};
use crate::scenario::full;

/// The arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Scenario file.
    file: PathBuf,
    /// Show so many hints.
    #[arg(long, default_value_t = 0)]
    hints: usize,
    /// Show the answers, what to look for, and what every expectation says.
    #[arg(long)]
    answer: bool,
    /// Print the whole scenario instead, every default with its source: TOML that plays the same run.
    #[arg(long, conflicts_with_all = ["hints", "answer"])]
    full: bool,
    /// Of `--full`: this variant.
    #[arg(long, requires = "full")]
    variant: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let sources = match load::sources(&arguments.file, &[]) {
        Ok(sources) => sources,
        Err(exit) => return exit,
    };
    let plans = match load::plans(&sources, arguments.variant.as_deref(), None, false) {
        Ok(plans) => plans,
        Err(exit) => return exit,
    };
    let plan = &plans[0];
    if arguments.full {
        out(&full::text(plan));
        return Exit::Pass;
    }
    let mut text = format!("{}\n{}\n", plan.title, plan.question);
    if let Some(minutes) = plan.teach.minutes {
        text += &format!("\nabout {minutes} minutes\n");
    }
    text += "\nparts\n";
    for component in &plan.components {
        let (n, w) = (component.hosts.len(), component.station.workers);
        let replicas = component.scaling.map_or(n.to_string(), |s| format!("{} to {}", s.min, s.max));
        text += &format!(
            "  {:<14} {} ×{replicas}, {w} worker{}\n",
            component.name,
            component.kind.name(),
            if w == 1 { "" } else { "s" }
        );
    }
    for (clients, _) in &plan.clients {
        let mix: Vec<&str> = clients.mix.iter().map(|m| m.name.as_str()).collect();
        text += &format!("  {:<14} clients: {}\n", clients.name, mix.join(", "));
    }
    for edge in &plan.edges {
        text += &format!("  {}\n", edge.name);
    }
    if !plan.faults.is_empty() {
        text += "\nfaults\n";
        for fault in &plan.faults {
            let span = match (fault.span(), &fault.awaits) {
                (_, Some(awaited)) => format!("at {}", awaited.words()),
                (Some((a, b)), None) => format!("{} to {}", crate::engine::Span(a.0), crate::engine::Span(b.0)),
                (None, None) => "never".to_owned(),
            };
            text += &format!("  {:<14} {}, {span}\n", fault.name, fault.what);
        }
    }
    text += "\nvariants\n";
    for (name, why) in &plan.variants {
        text += &format!("  {:<22} {}\n", name, why.as_deref().unwrap_or(""));
    }
    if !plan.teach.predict.is_empty() {
        text += "\npredict before you run it\n";
        for (ask, choices, answer) in &plan.teach.predict {
            text += &format!("  {ask}\n    {}\n", choices.join(" | "));
            if arguments.answer {
                text += &format!("    → {answer}\n");
            }
        }
    }
    let hints = if arguments.answer { plan.teach.hints.len() } else { arguments.hints };
    for (i, hint) in plan.teach.hints.iter().take(hints).enumerate() {
        text += &format!("hint {}: {hint}\n", i + 1);
    }
    if hints < plan.teach.hints.len() {
        text += &format!("\n{} hints: --hints 1 shows the first\n", plan.teach.hints.len());
    }
    if arguments.answer {
        text += "\nexpected\n";
        for expect in &plan.expects {
            text += &format!("  {:<24} {}\n", expect.name, expect.text);
            for more in [&expect.source, &expect.why].into_iter().flatten() {
                text += &format!("  {:<24}   {more}\n", "");
            }
        }
        for look in &plan.teach.look_for {
            text += &format!("look for: {look}\n");
        }
    }
    text += &format!("\nrun it: netsplit run {}\n", arguments.file.display());
    out(&text);
    Exit::Pass
}
