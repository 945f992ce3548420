//! What client policy asks of the world.

use crate::engine::{EdgeId, Instant, ProcessId, Span};

use super::op::{Answer, Outcome, Token};

/// One thing to do, in the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Put this request on the network.
    Send {
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
    Done {
        /// On which edge it was.
        edge: EdgeId,
        /// Who called.
        caller: ProcessId,
        /// The caller's name for it.
        token: Token,
        /// How it ended. `definite` covers all attempts: it is `false` if any of them may yet take effect.
        answer: Answer,
        /// When it began.
        started: Instant,
        /// Attempts that were sent, hedges included; 0 if it was refused before.
        attempts: u16,
        /// On whose behalf, of its [`Cause`](super::Cause).
        root: u64,
        /// Of its cause.
        path: u64,
        /// Of its cause.
        client: u32,
        /// What the caller gave with [`Calls::begin`](super::Calls::begin).
        tag: u32,
    },
    /// For the meters.
    Count {
        /// Of which edge.
        edge: EdgeId,
        /// What happened.
        what: Counted,
    },
}

/// What the meters of an edge count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// A request was sent: first attempts, retries, hedges and redirected ones alike.
    Attempt,
    /// That attempt went to this one of several callees.
    AttemptAt(u16),
    /// That attempt was a retry.
    Retry,
    /// That attempt was a hedge.
    Hedge,
    /// That attempt followed a leader hint of an answer.
    Redirect,
    /// A new connection was made for that attempt.
    Connect,
    /// An attempt ended so, in the eyes of the caller.
    AttemptEnded(Outcome),
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
