//! Failure detection by heartbeats: everybody tells everybody "I am", and whoever is silent for too long is held for dead
//! (Chandra and Toueg, "Unreliable failure detectors for reliable distributed systems", JACM 43(2), 1996). Silence is too
//! long after a fixed time, or once phi says so. With gossip, counters spread from hand to hand instead (van Renesse,
//! Minsky, Hayden, "A gossip-style failure detection service", Middleware 1998).

use std::sync::Arc;

use super::gossip::{Mode, Spread, partners};
use super::parts::Group;
use super::phi_accrual::{Law, PhiAccrual, Reach};
use crate::engine::{Bits, Instant, ProcessId, Span};
use crate::world::{Counted, Message, Out, Process};

/// When silence is too long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Patience {
    /// After this time.
    Timeout(Span),
    /// When phi is reached.
    Phi(f64, Law),
}

/// The points that faults may wait for.
pub const POINTS: &[&str] = &["member_alive", "member_dead"];

/// How a group watches itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeartbeatSpec {
    /// How often a member says that it lives.
    pub every: Span,
    /// When silence is too long.
    pub patience: Patience,
    /// How heartbeats travel: `None` is from everybody to everybody.
    pub gossip: Option<Spread>,
}

/// What is known of a member: which life it lives, and how often it has said so in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Beat {
    /// When the life began, by its own clock.
    pub life: u64,
    /// Heartbeats in it.
    pub count: u64,
}

/// Heartbeats, by member number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Msg {
    beats: Arc<[(u32, Beat)]>,
    /// Whether the receiver is to answer with its own.
    ask: bool,
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        "Heartbeat"
    }
    fn bytes(&self) -> u32 {
        16 * self.beats.len() as u32
    }
}

/// Timers of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Say "I am".
    Beat,
    /// Pass on what is known.
    Gossip,
    /// The first silence may be too long now.
    Check,
}

/// What a member knows of another.
#[derive(Clone, Debug)]
struct Peer {
    beat: Beat,
    heard: Instant,
    intervals: Option<PhiAccrual>,
    /// Since when it is held for dead.
    dead: Option<Instant>,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    group: Group,
    spec: HeartbeatSpec,
    /// Where phi is reached, if that is the patience.
    reach: Option<Reach>,
    mine: Beat,
    peers: Vec<Peer>,
    rounds: u64,
}

impl Heartbeat {
    /// A member of `group`.
    pub fn new(group: Group, spec: HeartbeatSpec) -> Heartbeat {
        let reach = match spec.patience {
            Patience::Phi(phi, law) => Some(law.reach(phi)),
            Patience::Timeout(_) => None,
        };
        Heartbeat { group, spec, reach, mine: Beat::default(), peers: Vec::new(), rounds: 0 }
    }
    /// Since when a member is held for dead, if it is.
    pub fn dead_since(&self, member: u32) -> Option<Instant> {
        self.peers.get(member as usize).and_then(|p| p.dead)
    }

    /// When a member's silence will be too long.
    fn deadline(&self, peer: &Peer) -> Instant {
        let silence = match self.spec.patience {
            Patience::Timeout(timeout) => timeout,
            Patience::Phi(..) => {
                let known = peer.intervals.as_ref().zip(self.reach);
                known.map_or(Span::ZERO, |(intervals, reach)| intervals.silence(reach))
            }
        };
        peer.heard + silence
    }

    fn all_beats(&self, me: u32) -> Arc<[(u32, Beat)]> {
        let of = |(i, peer): (usize, &Peer)| (i as u32, if i as u32 == me { self.mine } else { peer.beat });
        self.peers.iter().enumerate().map(of).filter(|(_, beat)| *beat != Beat::default()).collect()
    }

    fn hear(&mut self, member: u32, beat: Beat, out: &mut Out<'_, Self>) {
        let Some(peer) = self.peers.get_mut(member as usize) else { return };
        if beat <= peer.beat || member == out.index() {
            return;
        }
        let same_life = beat.life == peer.beat.life;
        if same_life && let Some(intervals) = &mut peer.intervals {
            intervals.heard(out.now().since(peer.heard));
        }
        if peer.dead.take().is_some() {
            if same_life {
                out.count(Counted::FalsePositive, 1);
            }
            out.note("member_alive", u64::from(member));
        }
        (peer.beat, peer.heard) = (beat, out.now());
    }

    /// Holds for dead whoever has been silent for too long, and looks again when the next may be.
    fn check(&mut self, out: &mut Out<'_, Self>) {
        let mut next = Instant::NEVER;
        for member in 0..self.peers.len() {
            if member as u32 == out.index() || self.peers[member].dead.is_some() {
                continue;
            }
            let deadline = self.deadline(&self.peers[member]);
            if deadline <= out.now() {
                self.peers[member].dead = Some(out.now());
                out.note("member_dead", member as u64);
            } else {
                next = next.min(deadline);
            }
        }
        // Somebody who is held for dead may come back meanwhile; then it is looked at a heartbeat later at the latest.
        out.arm(Timer::Check, next.since(out.now()).min(self.spec.every));
    }
}

impl Process for Heartbeat {
    type Msg = Msg;
    type Timer = Timer;
    type Record = ();

    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        self.mine = Beat { life: out.now().0 + 1, count: 0 };
        let intervals = match self.spec.patience {
            Patience::Phi(_, law) => Some(PhiAccrual::new(law, self.spec.every)),
            Patience::Timeout(_) => None,
        };
        let peer = Peer { beat: Beat::default(), heard: out.now(), intervals, dead: None };
        self.peers = vec![peer; self.group.count as usize];
        self.timer(Timer::Beat, out);
        if let Some(spread) = self.spec.gossip {
            self.rounds += 1;
            let phase = out.draw(0, self.rounds).unit();
            out.arm(Timer::Gossip, Span::from_nanos_f64(spread.every.0 as f64 * phase));
        }
        out.arm(Timer::Check, self.spec.every);
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        match timer {
            Timer::Beat => {
                self.mine.count += 1;
                if self.spec.gossip.is_none() {
                    let msg = Msg { beats: [(out.index(), self.mine)].into(), ask: false };
                    self.group.others(out.me()).for_each(|to| out.send(to, msg.clone()));
                }
                out.arm(Timer::Beat, self.spec.every);
            }
            Timer::Gossip => {
                let Some(spread) = self.spec.gossip else { return };
                self.rounds += 1;
                let msg = Msg { beats: self.all_beats(out.index()), ask: spread.mode != Mode::Push };
                let mut bits = out.draw(1, self.rounds);
                for other in partners(&mut bits, self.group.count, out.index(), spread.fanout) {
                    out.send(self.group.process(other), msg.clone());
                }
                out.arm(Timer::Gossip, spread.every);
            }
            Timer::Check => self.check(out),
        }
    }

    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        for (member, beat) in msg.beats.iter() {
            self.hear(*member, *beat, out);
        }
        if msg.ask {
            out.send(from, Msg { beats: self.all_beats(out.index()), ask: false });
        }
    }
}
