//! Lamport, "Time, clocks, and the ordering of events in a distributed system", CACM 21(7), 1978: what happened before
//! has the smaller number. The converse doesn't hold: a smaller number says nothing about concurrent events.

/// A counter that never falls behind what it has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LamportClock(u64);

impl LamportClock {
    /// The number of the last event.
    pub fn shows(self) -> u64 {
        self.0
    }
    /// An event of one's own, such as a message that is sent: its number.
    pub fn tick(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
    /// A message with this number arrives: the number of its arrival.
    pub fn receive(&mut self, number: u64) -> u64 {
        self.0 = self.0.max(number);
        self.tick()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_is_later_than_its_sending_and_than_all_that_was_here() {
        let (mut a, mut b) = (LamportClock::default(), LamportClock::default());
        let sent = a.tick();
        assert_eq!(b.receive(sent), 2);
        assert_eq!(a.receive(b.tick()), 4);
        assert_eq!(a.receive(1), 5, "an old number moves nothing back");
        assert_eq!(a.shows(), 5);
    }
}
