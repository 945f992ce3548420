//! Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical physical clocks", OPODIS 2014: timestamps that respect
//! happens-before and stay as near to physical time as the clocks are to each other.

use crate::engine::Instant;

/// The time of an event: `l` of the paper, and `c` to tell events of one `l` apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// The largest physical time that was heard of, ns.
    pub physical: u64,
    /// Counts events since `physical` last grew.
    pub logical: u32,
}

/// The clock of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HybridClock(Timestamp);

impl HybridClock {
    /// The time of the last event.
    pub fn shows(self) -> Timestamp {
        self.0
    }
    /// An event of one's own while the host's clock shows `now`.
    pub fn tick(&mut self, now: Instant) -> Timestamp {
        self.0 = if now.0 > self.0.physical {
            Timestamp { physical: now.0, logical: 0 }
        } else {
            Timestamp { logical: self.0.logical + 1, ..self.0 }
        };
        self.0
    }
    /// A message with this time arrives while the host's clock shows `now`.
    pub fn receive(&mut self, sent: Timestamp, now: Instant) -> Timestamp {
        let physical = now.0.max(self.0.physical).max(sent.physical);
        let logical = match (physical == self.0.physical, physical == sent.physical) {
            (true, true) => self.0.logical.max(sent.logical) + 1,
            (true, false) => self.0.logical + 1,
            (false, true) => sent.logical + 1,
            (false, false) => 0,
        };
        self.0 = Timestamp { physical, logical };
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_example_of_the_paper() {
        // Figure 6 of the paper: physical clocks 10, 0, 0, 0; a message hops from the fast one to the slow ones.
        let mut fast = HybridClock::default();
        let sent = fast.tick(Instant(10));
        assert_eq!(sent, Timestamp { physical: 10, logical: 0 });
        let mut slow = HybridClock::default();
        assert_eq!(slow.receive(sent, Instant(1)), Timestamp { physical: 10, logical: 1 });
        assert_eq!(slow.tick(Instant(2)), Timestamp { physical: 10, logical: 2 });
        let mut third = HybridClock::default();
        assert_eq!(third.receive(slow.shows(), Instant(2)), Timestamp { physical: 10, logical: 3 });
        assert_eq!(third.tick(Instant(11)), Timestamp { physical: 11, logical: 0 }, "and falls back to physical time");
    }

    #[test]
    fn it_grows_with_every_event_even_if_the_host_clock_steps_back() {
        let mut clock = HybridClock::default();
        let mut last = clock.tick(Instant(1000));
        for (now, sent) in [(900, 950), (100, 2000), (2000, 2000), (1, 0), (5000, 10)] {
            let at = clock.receive(Timestamp { physical: sent, logical: 3 }, Instant(now));
            assert!(at > last && at > Timestamp { physical: sent, logical: 3 });
            last = at;
        }
    }
}
