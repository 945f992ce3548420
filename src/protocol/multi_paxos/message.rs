//! What replicas say to each other, and what they write down.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::super::parts::{Command, Sessions, handed_on};
use super::{Accepted, Ballot};
use crate::rpc::{Answer, Op, Requester, Verb};
use crate::world::{About, Message, Part, StateMachine};

/// Between replicas.
#[derive(Clone, Debug)]
pub enum Msg<M> {
    /// Phase 1a: promise to take part in no earlier ballot, and tell me what you have accepted.
    Prepare {
        /// The proposer's ballot.
        ballot: Ballot,
        /// Up to here it knows what was chosen.
        chosen: u64,
    },
    /// Phase 1b: the promise is on disk.
    Promise {
        /// The ballot that asked for it.
        ballot: Ballot,
        /// What the acceptor has accepted behind what the proposer knows.
        suffix: Suffix<M>,
    },
    /// Phase 2a: accept these values.
    Accept {
        /// The leader's ballot.
        ballot: Ballot,
        /// The slot of the first value; the others follow it.
        first: u64,
        /// The values.
        commands: Arc<[Command]>,
        /// Up to here the leader knows what was chosen.
        chosen: u64,
    },
    /// Phase 2b: the values are on disk.
    Accepted {
        /// The ballot in which they were accepted.
        ballot: Ballot,
        /// The first slot.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// There is a later ballot.
    Nack {
        /// That ballot.
        promised: Ballot,
    },
    /// The leader is there.
    Heartbeat {
        /// Its ballot.
        ballot: Ballot,
        /// Up to here it knows what was chosen.
        chosen: u64,
        /// Numbers its heartbeats; 0 if it hears too few acceptors itself, and nobody should count on it.
        round: u64,
    },
    /// So is the acceptor.
    Heard {
        /// The leader's ballot.
        ballot: Ballot,
        /// Of its heartbeat.
        round: u64,
    },
    /// I lack what was chosen.
    Learn {
        /// Up to here the learner knows it.
        chosen: u64,
    },
    /// This was.
    Chosen {
        /// All of it is chosen.
        suffix: Suffix<M>,
        /// Up to here the teacher knows what was chosen.
        chosen: u64,
    },
    /// A client asked me; you lead.
    Forward {
        /// Who asked.
        requester: Requester,
        /// For what.
        op: Op,
    },
    /// Tell the client.
    Answered {
        /// Who asked.
        requester: Requester,
        /// What comes of it.
        answer: Answer,
    },
}

/// The later part of what an acceptor has.
#[derive(Clone, Debug)]
pub struct Suffix<M> {
    /// Takes the place of slots that the acceptor no longer has.
    pub snapshot: Option<Arc<Snapshot<M>>>,
    /// The first of the slots.
    pub first: u64,
    /// What it has accepted in them.
    pub slots: Arc<[Option<Accepted>]>,
    /// Up to here it knows what was chosen.
    pub chosen: u64,
}

/// The state after a slot.
#[derive(Clone, Debug)]
pub struct Snapshot<M> {
    /// The last slot in it.
    pub last: u64,
    /// The machine, and who has had an answer.
    pub machine: Sessions<M>,
}

/// One record on disk.
#[derive(Clone, Debug)]
pub enum Record<M> {
    /// No earlier ballot than this.
    Promised(Ballot),
    /// Values that were accepted, which is a promise as well.
    Accepted {
        /// The ballot.
        ballot: Ballot,
        /// The slot of the first; the others follow it.
        first: u64,
        /// They.
        commands: Arc<[Command]>,
    },
    /// Values that were chosen without this replica.
    Chosen {
        /// The slot of the first; the others follow it.
        first: u64,
        /// They.
        values: Arc<[Accepted]>,
    },
    /// Takes the place of all that was written before.
    Snapshot {
        /// No earlier ballot than this.
        promised: Ballot,
        /// The state.
        snapshot: Arc<Snapshot<M>>,
        /// What was accepted behind it.
        tail: Arc<[Option<Accepted>]>,
    },
}

impl<M: StateMachine> Record<M> {
    /// On disk, as on the wire (illustrative).
    pub(super) fn bytes(&self) -> u32 {
        let accepted = |accepted: &Accepted| 8 + accepted.command.bytes();
        match self {
            Record::Promised(_) => 24,
            Record::Accepted { commands, .. } => 24 + commands.iter().map(Command::bytes).sum::<u32>(),
            Record::Chosen { values, .. } => 24 + values.iter().map(accepted).sum::<u32>(),
            Record::Snapshot { snapshot, tail, .. } => {
                let state = u32::try_from(24 + snapshot.machine.machine().bytes()).unwrap_or(u32::MAX);
                state.saturating_add(tail.iter().flatten().map(accepted).sum())
            }
        }
    }
}

impl<M: StateMachine> Suffix<M> {
    fn bytes(&self) -> u64 {
        let snapshot = self.snapshot.as_ref().map_or(0, |s| s.machine.machine().bytes());
        let slots: u64 = self.slots.iter().flatten().map(|a| u64::from(8 + a.command.bytes())).sum();
        snapshot + slots
    }
}

impl<M> Hash for Suffix<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The state is a function of what was chosen up to its slot.
        self.snapshot.as_ref().map(|s| s.last).hash(state);
        (self.first, &self.slots, self.chosen).hash(state);
    }
}

impl<M: StateMachine> Message for Msg<M> {
    fn name(&self) -> &'static str {
        match self {
            Msg::Prepare { .. } => "Prepare",
            Msg::Promise { .. } => "Promise",
            Msg::Accept { .. } => "Accept",
            Msg::Accepted { .. } => "Accepted",
            Msg::Nack { .. } => "Nack",
            Msg::Heartbeat { .. } => "Heartbeat",
            Msg::Heard { .. } => "Heard",
            Msg::Learn { .. } => "Learn",
            Msg::Chosen { .. } => "Chosen",
            Msg::Forward { .. } => "Forward",
            Msg::Answered { .. } => "Answered",
        }
    }
    fn bytes(&self) -> u32 {
        match self {
            Msg::Promise { suffix, .. } | Msg::Chosen { suffix, .. } => {
                u32::try_from(48 + suffix.bytes()).unwrap_or(u32::MAX)
            }
            Msg::Accept { commands, .. } => 48 + commands.iter().map(Command::bytes).sum::<u32>(),
            Msg::Forward { op, .. } => 40 + op.carried(),
            Msg::Answered { answer, .. } => 40 + answer.bytes,
            _ => 32,
        }
    }
    fn operations(&self, receiver: u32, each: &mut dyn FnMut(Verb)) {
        match self {
            Msg::Accept { commands, .. } => commands.iter().for_each(|command| command.operation(receiver, each)),
            Msg::Chosen { suffix, .. } => {
                suffix.slots.iter().flatten().for_each(|slot| slot.command.operation(receiver, each));
            }
            Msg::Forward { op, .. } => each(op.verb),
            _ => {}
        }
    }
    fn about(&self, key: u64) -> About {
        let of_key = |command: &Command| match command {
            Command::Call { op, .. } if op.key == key => Some(op.value),
            _ => None,
        };
        let carried = |suffix: &Suffix<M>, about: About| {
            let slots = suffix.slots.iter().flatten().filter_map(|accepted| of_key(&accepted.command));
            let held = suffix.snapshot.iter().flat_map(|snapshot| snapshot.machine.machine().held(key));
            let values: Vec<u64> = held.chain(slots).collect();
            about.carrying(!values.is_empty(), values)
        };
        match self {
            Msg::Prepare { ballot, .. } | Msg::Heartbeat { ballot, .. } | Msg::Heard { ballot, .. } => {
                About::term(ballot.number())
            }
            Msg::Nack { promised } => About::term(promised.number()),
            Msg::Promise { ballot, suffix } => carried(suffix, About::term(ballot.number())),
            Msg::Accept { ballot, first, commands, .. } => {
                let values: Vec<u64> = commands.iter().filter_map(of_key).collect();
                let after = first.saturating_sub(1);
                About::term(ballot.number()).part(Part::Entries { after }).carrying(!values.is_empty(), values)
            }
            Msg::Accepted { ballot, last, .. } => About::term(ballot.number()).part(Part::Upto(*last)),
            Msg::Learn { .. } => About::default(),
            Msg::Chosen { suffix, .. } => {
                let after = suffix.first.saturating_sub(1);
                carried(suffix, About::default().part(Part::Entries { after }))
            }
            Msg::Forward { requester, op } => handed_on(*requester, op, key),
            Msg::Answered { requester, answer } => About::request(*requester).saying([answer.value]),
        }
    }
}

impl<M> Hash for Msg<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Msg::Prepare { ballot, chosen } => (ballot, chosen).hash(state),
            Msg::Promise { ballot, suffix } => (ballot, suffix).hash(state),
            Msg::Accept { ballot, first, commands, chosen } => (ballot, first, commands, chosen).hash(state),
            Msg::Accepted { ballot, first, last } => (ballot, first, last).hash(state),
            Msg::Nack { promised } => promised.hash(state),
            Msg::Heartbeat { ballot, chosen, round } => (ballot, chosen, round).hash(state),
            Msg::Heard { ballot, round } => (ballot, round).hash(state),
            Msg::Learn { chosen } => chosen.hash(state),
            Msg::Chosen { suffix, chosen } => (suffix, chosen).hash(state),
            Msg::Forward { requester, op } => (requester, op).hash(state),
            Msg::Answered { requester, answer } => (requester, answer).hash(state),
        }
    }
}
