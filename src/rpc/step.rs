//! What client policy asks of the world.

use crate::engine::{EdgeId, Instant, ProcessId, Span};

use super::op::{Answer, Token};

/// One thing to do, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Put this request on the network: a first attempt, a retry, a hedge or a redirected one.
    Send {
        /// On which edge.
        edge: EdgeId,
        /// Which of the edge's [`callees`](super::EdgeSpec::callees) the instance belongs to.
        callee: u16,
        /// The instance that was chosen.
        to: ProcessId,
        /// The request, one attempt of a call: its number in [`Calls::parcels`](super::Calls::parcels).
        parcel: u32,
        /// Round trips to wait before the request itself travels: the connection is new.
        handshake_round_trips: u32,
        /// Work of the handshake at the callee.
        handshake_cpu: Span,
    },
    /// Call [`Calls::wake`](super::Calls::wake) then. Every wake asked for must come, whoever crashed meanwhile;
    /// those that have become pointless do nothing.
    Wake {
        /// When.
        at: Instant,
        /// With this.
        wake: Wake,
    },
    /// The call is over; it ends exactly once.
    Done(Ended),
    /// For the meters.
    Count {
        /// Of which edge.
        edge: EdgeId,
        /// What happened.
        what: Counted,
    },
}

/// The end of a call, as the world and the caller hear of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// On which edge it was.
    pub edge: EdgeId,
    /// Who called.
    pub caller: ProcessId,
    /// The caller's name for it.
    pub token: Token,
    /// How it ended. `definite` covers all attempts: it is `false` if any of them may yet take effect.
    pub answer: Answer,
    /// When it began.
    pub started: Instant,
    /// Attempts that were sent, hedges included; 0 if it was refused before.
    pub attempts: u16,
    /// On whose behalf, of its [`Cause`](super::Cause).
    pub root: u64,
    /// Of its cause.
    pub path: u64,
    /// Of its cause.
    pub client: u32,
    /// What the caller gave with [`Calls::begin`](super::Calls::begin).
    pub tag: u32,
}

/// What the meters of an edge count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// The next attempt is a retry.
    Retry,
    /// The next attempt is a hedge.
    Hedge,
    /// The next attempt follows a leader hint of an answer.
    Redirect,
    /// A new connection is made for the next attempt.
    Connect,
    /// An attempt ended without an answer in time.
    TimedOut,
    /// An attempt was given up because another one answered first.
    Abandoned,
    /// A retry was not made: the budget was spent.
    BudgetSpent,
    /// The breaker opened.
    BreakerOpened,
    /// The breaker refused an attempt.
    BreakerRefused,
    /// The adaptive limit refused an attempt.
    LimitRefused,
    /// An attempt got its slot of the pool after waiting so long.
    PoolWait(Span),
    /// An attempt waited for a slot of the pool as long as it may.
    PoolRefused,
    /// Nobody was eligible.
    NobodyEligible,
    /// An instance was ejected for consecutive errors.
    Ejected,
}

/// A request to be called back, at most 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wake {
    /// A row; of [`WakeKind::Head`] and [`WakeKind::DrainOver`], an edge.
    pub(super) slot: u32,
    /// The use of that row; of [`WakeKind::Head`], the index of the caller; of [`WakeKind::DrainOver`], the instance.
    pub(super) generation: u32,
    pub(super) kind: WakeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum WakeKind {
    /// The head of a caller's FIFO of timeouts.
    Head,
    /// An edge's time to drain an instance is over; the slot is the edge, the generation the instance.
    DrainOver,
    /// One due time of one attempt.
    One(Due, u16),
    /// The pause before a retry is over.
    BackoffOver,
}

/// What becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Due {
    /// An attempt's timeout.
    Timeout,
    /// A call's deadline.
    Deadline,
    /// The moment to hedge an attempt.
    Hedge,
    /// The end of a wait for the pool.
    PoolWait,
}

impl Wake {
    /// A number for digests.
    pub fn number(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_fit_an_event() {
        assert!(size_of::<Wake>() <= 16, "{}", size_of::<Wake>());
    }
}
