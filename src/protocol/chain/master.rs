//! The master: who is in the chain.

use super::message::Record;
use super::{After, Chain, ChainServer, Msg};
use crate::engine::Instant;
use crate::world::{Counted, Out, StateMachine};

/// What only the master knows.
#[derive(Clone, Debug)]
pub(super) struct Master {
    heard_at: Vec<Instant>,
    /// The newest chain on its disk: what it tells.
    told: Option<Chain>,
}

impl Master {
    pub(super) fn new(count: u32, now: Instant) -> Master {
        Master { heard_at: vec![now; count as usize], told: None }
    }
}

impl<M: StateMachine> ChainServer<M> {
    pub(super) fn on_alive(&mut self, who: u32, epoch: u64, ready: bool, beat: u64, out: &mut Out<'_, Self>) {
        let Some(master) = &mut self.master else { return };
        master.heard_at[who as usize] = out.now();
        let chain = master.told.clone().unwrap_or_else(|| self.chain.clone());
        // Whoever is about to be removed gets no lease any more.
        let beat = if self.place(who).is_some() { beat } else { 0 };
        self.send(who, Msg::View { chain, beat }, out);
        if self.chain.joining == Some(who) && ready && epoch == self.chain.epoch {
            let servers = self.chain.servers.iter().copied().chain([who]).collect();
            self.change(Chain { servers, joining: None, ..self.chain.clone() }, out);
        } else if self.chain.joining.is_none() && self.place(who).is_none() {
            self.change(Chain { joining: Some(who), ..self.chain.clone() }, out);
        }
    }

    /// Removes whoever has been silent for too long. Somebody always stays: without him the updates would be gone.
    pub(super) fn look_around(&mut self, out: &mut Out<'_, Self>) {
        let Some(master) = &self.master else { return };
        let now = out.now();
        let silent = |server: &u32| now.since(master.heard_at[*server as usize]) > self.spec.after;
        let mut servers: Vec<u32> = self.chain.servers.iter().copied().filter(|s| !silent(s)).collect();
        if servers.is_empty() {
            servers.extend(self.chain.servers.last());
        }
        let joining = self.chain.joining.filter(|s| !silent(s));
        if servers.len() < self.chain.servers.len() || joining != self.chain.joining {
            let new_head = servers.first() != self.chain.servers.first();
            out.count(Counted::LeaderChange, u32::from(new_head));
            self.change(Chain { servers: servers.into(), joining, ..self.chain.clone() }, out);
        }
    }

    fn change(&mut self, chain: Chain, out: &mut Out<'_, Self>) {
        if let Some(master) = &mut self.master {
            master.told.get_or_insert_with(|| self.chain.clone());
        }
        self.chain = Chain { epoch: self.chain.epoch + 1, ..chain };
        let token = self.journal.write(After::Announce(self.chain.clone()));
        out.persist(Record::View(self.chain.clone()), token);
    }

    /// The newest chain is on disk: everybody may hear of it.
    pub(super) fn announce(&mut self, chain: Chain, out: &mut Out<'_, Self>) {
        if let Some(master) = &mut self.master {
            master.told = Some(chain.clone());
        }
        for to in 0..self.group.count - 1 {
            self.send(to, Msg::View { chain: chain.clone(), beat: 0 }, out);
        }
        for requester in self.gateway.waiting() {
            self.route(requester, out);
        }
    }
}
