//! Hinted handoff: what a replica that doesn't answer should have is kept by another, and handed over when it is back.

use super::version::{self, join};
use super::{Msg, Object, Quorum, Record, Timer};
use crate::engine::{Instant, ProcessId, Span};
use crate::world::{Counted, Out};

/// How often it is tried. Cassandra dispatches hints every 10 s after gossip says that a node is up; here a hint itself
/// is the probe (illustrative).
const EVERY: Span = Span::secs(1);
/// Bytes that are handed to one replica in that time: Cassandra 4.1, `hinted_handoff_throttle` of 1024 KiB/s.
const BATCH_BYTES: u32 = 1024 * 1024;

impl Quorum {
    /// Who keeps a copy for `home`: the next after it that hasn't fallen silent.
    pub(super) fn stand_in(&self, home: u32) -> Option<u32> {
        let count = self.group.count;
        (1..count).map(|i| (home + i) % count).find(|s| self.silent_since[*s as usize].is_none())
    }

    /// Whether writes are still kept for a replica, given how long it has been silent.
    pub(super) fn hints_for(&self, home: u32, now: Instant) -> bool {
        match (self.spec.hinted_handoff, self.silent_since[home as usize]) {
            (Some(window), Some(since)) => now.since(since) <= window,
            (Some(_), None) => true,
            (None, _) => self.sloppy(),
        }
    }

    /// Keeps an object for `home`.
    pub(super) fn keep_hint(
        &mut self,
        home: u32,
        key: u64,
        object: &Object,
        waiting: Option<(ProcessId, u64)>,
        out: &mut Out<'_, Self>,
    ) {
        let before = self.hints.get(&(home, key)).cloned().unwrap_or_default();
        let joined = join(&before, object, self.spec.versions);
        let first = self.hints.is_empty();
        self.hints.insert((home, key), joined.clone());
        if joined != before {
            out.count(Counted::Hint, 1);
        }
        let token = self.number();
        let waiting = waiting.map(|(to, of)| (to, of, home));
        self.persist(None, Record::Hint { home, key, object: joined }, token, waiting, out);
        if first {
            self.arm_handoff(out);
        }
    }

    pub(super) fn arm_handoff(&self, out: &mut Out<'_, Self>) {
        if self.spec.hinted_handoff.is_some() {
            out.arm(Timer::Handoff, EVERY);
        }
    }

    /// Sends each home what is kept for it: one hint to one that was silent, as many as fit to one that isn't.
    pub(super) fn hand_over(&mut self, out: &mut Out<'_, Self>) {
        self.handing.clear();
        for home in 0..self.group.count {
            let silent = self.silent_since[home as usize].is_some();
            let kept: Vec<(u64, Object)> =
                self.hints.range((home, 0)..=(home, u64::MAX)).map(|((_, key), o)| (*key, o.clone())).collect();
            let mut bytes = 0;
            for (key, object) in kept {
                let of = self.number();
                self.handing.insert(of, (home, key, object.clone()));
                bytes += version::bytes(&object);
                self.tell(self.group.process(home), Msg::Store { of, key, object }, out);
                if silent || bytes >= BATCH_BYTES {
                    break;
                }
            }
        }
        if !self.hints.is_empty() {
            self.arm_handoff(out);
        }
    }

    /// The home has what was handed over as `of`; `false` if that was something else.
    pub(super) fn handed(&mut self, of: u64, out: &mut Out<'_, Self>) -> bool {
        let Some((home, key, object)) = self.handing.remove(&of) else { return false };
        if self.hints.get(&(home, key)) != Some(&object) {
            // There is more to hand over by now.
            return true;
        }
        self.hints.remove(&(home, key));
        let token = self.number();
        self.persist(None, Record::Handed { home, key }, token, None, out);
        true
    }
}
