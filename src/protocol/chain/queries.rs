//! Queries: at the tail, and (CRAQ) at any server.

use super::ChainServer;
use super::message::Msg;
use crate::engine::Instant;
use crate::protocol::parts::Command;
use crate::rpc::{Answer, Op, Outcome, Requester};
use crate::world::{Out, StateMachine};

/// A question that a tail answers when what it had then is stable.
#[derive(Clone, Debug)]
pub(super) struct Delayed {
    /// The last update that it had.
    until: u64,
    query: Query,
}

#[derive(Clone, Debug)]
pub(super) enum Query {
    /// A query that came by this server.
    Read { gateway: u32, requester: Requester, op: Op },
    /// How far the tail is, for a query at this server.
    Version { server: u32, requester: Requester },
}

impl<M: StateMachine> ChainServer<M> {
    /// Whether it may answer queries.
    pub(super) fn may_serve(&self, now: Instant) -> bool {
        !self.spec.lease || now < self.lease_until
    }

    /// Asks this server, the tail.
    pub(super) fn ask_tail(&mut self, query: Query, out: &mut Out<'_, Self>) {
        let until = self.log.last().index;
        let waits = self.coupled
            && match &query {
                Query::Read { op, .. } => self.is_dirty(op.key),
                Query::Version { .. } => self.stable < until,
            };
        if waits {
            self.delayed.push(Delayed { until, query });
        } else {
            self.answer_query(query, out);
        }
    }

    pub(super) fn answer_delayed(&mut self, out: &mut Out<'_, Self>) {
        let stable = self.stable;
        let due: Vec<Delayed> = self.delayed.extract_if(.., |delayed| delayed.until <= stable).collect();
        due.into_iter().for_each(|delayed| self.answer_query(delayed.query, out));
    }

    fn answer_query(&mut self, query: Query, out: &mut Out<'_, Self>) {
        let may_serve = self.may_serve(out.now());
        match query {
            Query::Read { gateway, requester, op } => {
                let answer =
                    if may_serve { self.machine.machine_mut().apply(&op) } else { Answer::of(Outcome::Unavailable) };
                self.deliver(gateway, requester, answer, out);
            }
            Query::Version { server, requester } if may_serve => {
                let (epoch, index) = (self.chain.epoch, self.stable);
                self.send(server, Msg::Version { epoch, requester, index }, out);
            }
            Query::Version { .. } => {}
        }
    }

    /// Whether an update of the key is under way.
    pub(super) fn is_dirty(&self, key: u64) -> bool {
        (self.stable + 1..=self.log.last().index).any(|index| {
            let entry = self.log.get(index);
            entry.is_some_and(|e| matches!(&e.command, Command::Call { op, .. } if op.key == key))
        })
    }

    pub(super) fn on_version(&mut self, requester: Requester, index: u64, out: &mut Out<'_, Self>) {
        // The tail has it, so this server, which comes before, has it too.
        self.learn_stable(index.min(self.log.last().index), out);
        if self.stable >= index
            && let Some(op) = self.gateway.op(requester)
        {
            let answer = self.machine.machine_mut().apply(op);
            self.deliver(out.index(), requester, answer, out);
        }
    }
}
