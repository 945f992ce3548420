//! Which reads of a run were answered with the past, by client group and start, for what is drawn over time.

use crate::check::{self, View};
use crate::engine::Instant;
use crate::rpc::Verb;
use crate::run::Outcome;

/// Stale reads: group among the clients, and start; by both.
pub(super) struct StaleReads(Vec<(usize, Instant)>);

impl StaleReads {
    /// Those of a run. What a flow reads is read by the service that runs it, and is no client's.
    pub(super) fn of(outcome: &Outcome) -> StaleReads {
        let history = &outcome.history;
        if history.operations().is_empty() {
            return StaleReads(Vec::new());
        }
        let view = View::new(history, None);
        let components = outcome.plan.components.len();
        let stale = check::staleness(&view).reads.into_iter().filter(|read| read.behind > 0);
        let mut reads: Vec<(usize, Instant)> = stale
            .filter_map(|read| {
                let operation = history.operation(read.read);
                Some((outcome.client(operation.process).0.checked_sub(components)?, operation.invoked))
            })
            .collect();
        reads.sort_unstable();
        StaleReads(reads)
    }

    /// How many of a client group began in `[from, to)`; of one kind of its requests, none if that doesn't read.
    pub(super) fn count(
        &self,
        outcome: &Outcome,
        group: usize,
        entry: Option<usize>,
        from: Instant,
        to: Instant,
    ) -> u64 {
        let verb = entry.and_then(|e| Some(outcome.plan.clients[group].0.mix.get(e)?.action.verb));
        if !matches!(verb, None | Some(Verb::Read | Verb::Scan | Verb::SetContains)) {
            return 0;
        }
        let before = |at: Instant| self.0.partition_point(|read| *read < (group, at));
        (before(to) - before(from)) as u64
    }
}
