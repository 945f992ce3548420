//! Plays a scenario from its text, on a network that takes no time, and says what was measured in it.

use netsplit::run::{Run, play_all, value};
use netsplit::scenario::{self, Plan};
use netsplit::spec::Sources;

/// The plan, or what is wrong with the text, an error a line.
pub(crate) fn load(scenario: &str) -> Result<Plan, String> {
    let head = "schema = 1\ntitle = \"t\"\nquestion = \"q\"\nnetwork.within_zone = { rtt = \"0ms\" }\n";
    let sources = Sources::new("t.toml", format!("{head}{scenario}"));
    let (plan, diagnostics) = scenario::load(&sources, None, None, &|_| Err("none".into()));
    plan.ok_or_else(|| diagnostics.lines(&sources).to_string())
}

/// Its run, whose books balance.
pub(crate) fn play(scenario: &str) -> Run {
    let plan = load(scenario).unwrap_or_else(|errors| panic!("{errors}"));
    let run = play_all(vec![plan], &|_, _, _| true).expect("nobody interrupts").remove(0);
    assert_eq!(run.outcome.broken, Vec::<String>::new());
    run
}

/// The value of an expression over a run.
pub(crate) fn measured(run: &Run, expression: &str) -> f64 {
    value(expression, &run.outcome).unwrap_or_else(|| panic!("{expression} was not measured")).value
}
