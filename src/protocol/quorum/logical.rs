//! The logical clocks that may order a store's writes: every message carries what its sender's shows, so a coordinator's
//! next write is later than all that it could know of.
//!
//! A replica that comes back knows of what its disk has. What it had said before, and its disk had not, it may say again.

use super::{Msg, Quorum, Versions};
use crate::engine::Instant;
use crate::protocol::clocks::{HybridClock, LamportClock, Timestamp};
use crate::world::Out;

/// The clock of one replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Logical {
    /// Writes are not ordered by a logical clock, and messages carry none.
    #[default]
    None,
    /// Lamport 1978.
    Lamport(LamportClock),
    /// Kulkarni et al. 2014.
    Hybrid(HybridClock),
}

impl Logical {
    /// The clock that a store of these versions begins with.
    pub(super) fn new(versions: Versions) -> Logical {
        match versions {
            Versions::Lamport => Logical::Lamport(LamportClock::default()),
            Versions::Hybrid => Logical::Hybrid(HybridClock::default()),
            _ => Logical::None,
        }
    }

    /// An event of one's own while the host's clock shows `now`: a write, or a message that is sent.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Timestamp> {
        match self {
            Logical::None => None,
            Logical::Lamport(clock) => {
                let logical = u32::try_from(clock.tick()).expect("a run has fewer than 2^32 events");
                Some(Timestamp { physical: now.0, logical })
            }
            Logical::Hybrid(clock) => Some(clock.tick(now)),
        }
    }

    /// Something of this time arrives while the host's clock shows `now`.
    pub(super) fn receive(&mut self, sent: Timestamp, now: Instant) {
        match self {
            Logical::None => {}
            Logical::Lamport(clock) => {
                clock.receive(u64::from(sent.logical));
            }
            Logical::Hybrid(clock) => {
                clock.receive(sent, now);
            }
        }
    }
}

impl Quorum {
    /// A message as it is sent: with what the clock shows.
    pub(super) fn stamped(&mut self, msg: Msg, out: &Out<'_, Self>) -> Msg {
        match self.logical.tick(out.now()) {
            Some(at) => Msg::Stamped { at, msg: Box::new(msg) },
            None => msg,
        }
    }
}
