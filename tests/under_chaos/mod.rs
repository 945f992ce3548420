//! Eight clients that read and write four keys of a store without pause, whatever breaks.

use std::sync::Arc;

use netsplit::run::{Outcome, play};
use netsplit::scenario;
use netsplit::spec::Sources;

/// `replication` and `bugs` are those of the store; `more` is what else there is: faults, as a rule.
pub(crate) fn eight_clients(seconds: u32, replicas: u32, replication: &str, bugs: &str, more: &str) -> String {
    format!(
        r#"
schema = 1
title = "t"
question = "q"
duration = "{seconds}s"

[store.kv]
replicas = {replicas}
replication = {{ {replication} }}
bugs = [{bugs}]

[keys.hot]
count = 4

[clients.users]
count = 8
target = "kv"
contact = "any"
think = "exp(20ms)"
timeout = "1s"
keys = "hot"
mix = {{ read = "50%", write = "50%" }}

[expect.something]
that = "availability(users) >= 0%"
{more}"#
    )
}

/// The run of a scenario under a seed, whose books balance.
pub(crate) fn run(text: &str, seed: u64) -> Outcome {
    let sources = Sources::new("t.toml", text);
    let (plan, diagnostics) = scenario::load(&sources, None, Some(seed), &|_| Err("none".into()));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&sources)));
    let outcome = play(&Arc::new(plan), &mut |_, _| true).expect("nobody interrupts");
    assert_eq!(outcome.broken, Vec::<String>::new());
    outcome
}
