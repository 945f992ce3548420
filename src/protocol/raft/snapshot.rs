//! Log compaction (paper, 7): a snapshot takes the place of what has been applied.

use std::sync::Arc;

use super::super::parts::Log;
use super::writes::After;
use super::{Config, Configs, Msg, Raft, Snapshot, first_config};
use crate::world::{Out, StateMachine};

impl<M: StateMachine> Raft<M> {
    /// Takes a snapshot if enough has been applied since the last one.
    pub(super) fn compact(&mut self, out: &mut Out<'_, Self>) {
        let taken = self.snapshot.as_ref().map_or(0, |s| s.last.index);
        if self.applied - taken < self.spec.snapshot_every {
            return;
        }
        let Some(last) = self.log.position(self.applied) else { return };
        let config = self.configs.at(last.index);
        self.snapshot = Some(Arc::new(Snapshot { last, machine: self.machine.clone(), config }));
        self.log.compact(self.applied - self.spec.snapshot_every / 2);
        self.configs.compact(self.log.base().index);
        out.note("snapshot_taken", last.index);
        self.write_snapshot(After::Nothing, out);
    }

    /// Who votes after a snapshot.
    pub(super) fn config_of(&self, snapshot: &Snapshot<M>) -> Config {
        if self.spec.bugs.has("config_not_in_snapshot") {
            return first_config(self.group, &self.spec);
        }
        snapshot.config
    }

    pub(super) fn on_install_snapshot(
        &mut self,
        who: u32,
        snapshot: Arc<Snapshot<M>>,
        round: u64,
        out: &mut Out<'_, Self>,
    ) {
        let (term, last) = (self.term, snapshot.last);
        if last.index <= self.commit {
            let index = self.commit.min(self.durable);
            self.reply(who, Msg::Appended { term, index, round }, out);
            return;
        }
        if self.log.has(last) {
            self.log.compact(last.index);
            self.configs.compact(last.index);
        } else {
            self.log = Log::starting_at(last);
            self.configs = Configs::new(self.config_of(&snapshot));
            self.writes.forget_from(self.commit + 1);
            self.durable = self.durable.min(self.commit);
        }
        self.machine = snapshot.machine.clone();
        (self.commit, self.applied) = (last.index, last.index);
        self.verified = self.verified.max(last.index);
        self.snapshot = Some(snapshot);
        out.note("snapshot_installed", last.index);
        self.settle_orders();
        let msg = Msg::Appended { term, index: last.index, round };
        self.write_snapshot(After::Reply { to: who, term, msg }, out);
        self.serve_waiting(out);
    }
}
