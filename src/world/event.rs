//! What waits in the queue, and what the world keeps of each process.

use crate::engine::random::Draws;
use crate::engine::{GroupId, HostId, Instant, ProcessId, Span};
use crate::physics::station::{Station, Ticket};
use crate::rpc::{Answer, Requester, Token, Verb, Wake};

use super::control::{Gray, Power};
use super::inbox::{Inbox, Stream};
use super::process::{Process, Role};
use super::scaler::Turn;
use super::trace::Work;

/// One thing that will happen.
#[derive(Clone, Debug)]
pub(crate) enum Event<P: Process> {
    /// A peer's message arrives.
    Message { from: ProcessId, to: ProcessId, msg: P::Msg },
    /// A request arrives at a station: its number among the parcels.
    Request { to: ProcessId, parcel: u32, extra: Span },
    /// An answer arrives at whoever asked.
    Answer { requester: Requester, answer: Answer },
    /// A call ended without leaving its caller.
    Done { caller: ProcessId, incarnation: u32, token: Token, answer: Answer },
    /// A station's work is over.
    Finish { process: ProcessId, ticket: Ticket },
    /// A named timer.
    Timer { process: ProcessId, timer: P::Timer, generation: u32 },
    /// A one-shot timer.
    Woken { process: ProcessId, incarnation: u32, token: Token },
    /// A fencing device cuts the power of a machine.
    PowerOff { of: ProcessId, on_after: Span, by: ProcessId, incarnation: u32, token: Token },
    /// The machine has booted.
    PowerOn { process: ProcessId, incarnation: u32 },
    /// A record is durable.
    Synced { process: ProcessId, incarnation: u32, token: Token },
    /// The call table wanted to be woken.
    Calls(Wake),
    /// A control acts.
    Control(u32),
    /// Work that took no time is done.
    Computed { process: ProcessId, incarnation: u32, token: Token },
    /// Passages of a point count from now on for the control of that number.
    Waiting(u32),
    /// What a scaler waits for, by its number.
    Scaler(u16, Turn),
}

/// What stations work on, each by its number in a table of the world: small, because stations move them about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    /// A request, by visit.
    Visit(u32),
    /// The operations of a peer's message.
    Message(u32),
    /// Processor time that the process asked for.
    Compute(u32),
}

/// Processor time that a process asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Computing {
    pub(crate) token: Token,
    /// Of which request; none if of one that has been answered.
    pub(crate) requester: Option<Requester>,
    pub(crate) work: Span,
}

/// The operations of a peer's message that its receiver pays for: the message's number in the inbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paying {
    pub(crate) stream: Stream,
    pub(crate) number: u32,
}

/// A request between its arrival at a process and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) requester: Requester,
    /// The request among the parcels, until it is served.
    pub(crate) parcel: Option<u32>,
    pub(crate) process: ProcessId,
    pub(crate) work: Work,
    pub(crate) verb: Verb,
    pub(crate) arrived: Instant,
    pub(crate) begun: Instant,
    pub(crate) served: Instant,
    pub(crate) worker: Option<u32>,
    pub(crate) gray: bool,
    pub(crate) open: bool,
}

/// A timer slot of a process.
#[derive(Clone, Debug)]
pub(crate) struct TimerSlot<T> {
    pub(crate) timer: T,
    pub(crate) generation: u32,
    pub(crate) armed: bool,
}

/// One process as the world keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Member<P: Process> {
    pub(crate) state: P,
    pub(crate) group: GroupId,
    pub(crate) index: u32,
    pub(crate) host: HostId,
    pub(crate) draws: Draws,
    pub(crate) station: Station<Job>,
    pub(crate) timers: Vec<TimerSlot<P::Timer>>,
    pub(crate) incarnation: u32,
    pub(crate) life: Life,
    pub(crate) deferred: Vec<Event<P>>,
    pub(crate) inbox: Inbox<P::Msg>,
    pub(crate) role: Role,
    pub(crate) gray: Option<Gray>,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It does.
    Up,
    /// It is frozen: what arrives waits.
    Paused,
    /// It is down, its machine answers for it: connection refused.
    Down,
    /// Its machine is off: silence.
    Off,
}

impl Life {
    /// Of a process that went down like this.
    pub(crate) fn without(power: Power) -> Life {
        match power {
            Power::Process => Life::Down,
            Power::Machine => Life::Off,
        }
    }
}
