//! Das, Gupta, Motivala, "SWIM: Scalable weakly-consistent infection-style process group membership protocol", DSN 2002:
//! each period every member probes one other, has some more probe it if it doesn't answer, and tells what it found on the
//! backs of its probes. Suspicion before death, and incarnations to refute it; memberlist's times and retransmissions.
//!
//! Leaves out: joining (everybody knows everybody from the start), Lifeguard, periodic exchange of whole lists. So whoever
//! misses a refutation, told as seldom as any news, is set right only by the refutation of the next suspicion. With heavy
//! loss, frequent false suspicions can therefore cause fewer false deaths than rare ones: more indirect probes make
//! suspicions rarer, and deaths by them more numerous where the next one comes after the suspect's time rather than within.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::gossip::{Spread, partners};
use super::parts::Group;
use crate::engine::{Bits, Instant, ProcessId, Span};
use crate::world::{Counted, Message, Out, Process};

/// How a member picks whom it probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// One after the other through a list that is shuffled after each pass.
    #[default]
    RoundRobin,
    /// Any of the others, each time anew.
    Uniform,
}

/// The points that faults may wait for.
pub const POINTS: &[&str] = &["member_alive", "member_suspected", "member_dead"];

/// How a group watches itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwimSpec {
    /// A period.
    pub probe: Span,
    /// How long a probe waits for its answer before others are asked to probe.
    pub timeout: Span,
    /// How many are asked.
    pub indirect: u32,
    /// A suspect is held for dead after this many times max(1, log10 n) periods (memberlist).
    pub suspicion: u32,
    /// Whom to probe.
    pub selection: Selection,
    /// Whether all periods begin together; otherwise each member has its own phase.
    pub together: bool,
    /// Whether a member begins its first pass when it starts; otherwise somewhere in it, as if it had run for ever.
    pub from_first: bool,
    /// How news spread beside on probes.
    pub gossip: Option<Spread>,
}

impl Default for SwimSpec {
    /// memberlist's `DefaultLANConfig`.
    fn default() -> SwimSpec {
        SwimSpec {
            probe: Span::secs(1),
            timeout: Span::millis(500),
            indirect: 3,
            suspicion: 4,
            selection: Selection::RoundRobin,
            together: false,
            from_first: false,
            gossip: None,
        }
    }
}

/// News that go on one message (memberlist: as many as fit a packet of 1400 bytes, here of 40 each).
const PER_MESSAGE: usize = 35;
/// News are told this many times ceil(log10(n + 1)) times: memberlist's `RetransmitMult`.
const RETRANSMIT: u32 = 4;

/// What is held of a member, in the order in which it overrides at one incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It lives.
    #[default]
    Alive,
    /// A probe found no answer.
    Suspect,
    /// It is held for dead.
    Dead,
}

/// A member's own number for what it refutes: which life it lives, and how often it has refuted in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation {
    /// When the life began, by its own clock.
    pub life: u64,
    /// Refutations in it.
    pub count: u32,
}

/// News of a member. The larger of two overrides, but for death, which only a new incarnation overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct News {
    /// Of whom.
    pub member: u32,
    /// Of which incarnation.
    pub incarnation: Incarnation,
    /// What is held of it.
    pub state: State,
}

/// Between members. `number` is the sender's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Msg {
    /// Are you there?
    Ping {
        /// Which probe.
        number: u64,
        /// Piggybacked.
        news: Arc<[News]>,
    },
    /// I am; or: the one you asked about is.
    Ack {
        /// Which probe.
        number: u64,
        /// Piggybacked.
        news: Arc<[News]>,
    },
    /// Please probe that member for me.
    PingReq {
        /// Which probe.
        number: u64,
        /// Whom.
        target: u32,
        /// Piggybacked.
        news: Arc<[News]>,
    },
    /// News on their own.
    Gossip {
        /// What.
        news: Arc<[News]>,
    },
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        match self {
            Msg::Ping { .. } => "Ping",
            Msg::Ack { .. } => "Ack",
            Msg::PingReq { .. } => "PingReq",
            Msg::Gossip { .. } => "Gossip",
        }
    }
    fn bytes(&self) -> u32 {
        let (Msg::Ping { news, .. } | Msg::Ack { news, .. } | Msg::PingReq { news, .. } | Msg::Gossip { news }) = self;
        16 + 40 * news.len() as u32
    }
}

/// Timers of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A period begins.
    Period,
    /// The probe has had its time: ask others.
    Timeout,
    /// The first suspicion may be over.
    Suspicion,
    /// Tell news.
    Gossip,
}

/// Whom to probe next: all others, each once a pass.
#[derive(Clone, Debug, Default)]
pub struct Passes {
    order: Vec<u32>,
    next: usize,
}

impl Passes {
    /// Begins a pass over the others.
    pub fn from_first(count: u32, me: u32, bits: &mut impl Bits) -> Passes {
        let mut passes = Passes { order: (0..count).filter(|i| *i != me).collect(), next: 0 };
        passes.shuffle(bits);
        passes
    }
    /// Begins somewhere in a pass over the others.
    pub fn new(count: u32, me: u32, bits: &mut impl Bits) -> Passes {
        let mut passes = Passes::from_first(count, me, bits);
        passes.next = if passes.order.is_empty() { 0 } else { bits.below(passes.order.len() as u64) as usize };
        passes
    }
    fn shuffle(&mut self, bits: &mut impl Bits) {
        for i in (1..self.order.len()).rev() {
            self.order.swap(i, bits.below(i as u64 + 1) as usize);
        }
    }
    /// The next one.
    pub fn next(&mut self, bits: &mut impl Bits) -> Option<u32> {
        if self.next >= self.order.len() {
            self.shuffle(bits);
            self.next = 0;
        }
        self.next += 1;
        self.order.get(self.next - 1).copied()
    }
}

/// What a member knows of another.
#[derive(Clone, Copy, Debug)]
struct Peer {
    incarnation: Incarnation,
    state: State,
    since: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Probe {
    target: u32,
    number: u64,
    answered: bool,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Swim {
    group: Group,
    spec: SwimSpec,
    mine: Incarnation,
    peers: Vec<Peer>,
    passes: Passes,
    probe: Option<Probe>,
    /// Probes for others: own number, then who asked and under which.
    relays: BTreeMap<u64, (ProcessId, u64)>,
    /// What is still to be told, and how often it has been.
    news: BTreeMap<u32, (News, u32)>,
    numbers: u64,
    probes: u64,
    failed: u64,
}

impl Swim {
    /// A member of `group`.
    pub fn new(group: Group, spec: SwimSpec) -> Swim {
        Swim {
            group,
            spec,
            mine: Incarnation::default(),
            peers: Vec::new(),
            passes: Passes::default(),
            probe: None,
            relays: BTreeMap::new(),
            news: BTreeMap::new(),
            numbers: 0,
            probes: 0,
            failed: 0,
        }
    }
    /// What it holds of a member, and since when.
    pub fn state(&self, member: u32) -> Option<(State, Instant)> {
        self.peers.get(member as usize).map(|p| (p.state, p.since))
    }
    /// Probes that are over, and those of them that found no answer.
    pub fn probes(&self) -> (u64, u64) {
        (self.probes, self.failed)
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
    fn draw(&mut self, out: &Out<'_, Self>) -> crate::engine::random::Addressed {
        let number = self.number();
        out.draw(0, number)
    }

    /// A suspect's time to refute.
    fn suspicion(&self) -> Span {
        let scale = libm::log10(f64::from(self.group.count)).max(1.0);
        Span::from_nanos_f64(f64::from(self.spec.suspicion) * scale * self.spec.probe.0 as f64)
    }

    /// News to go with a message: those told least often.
    fn piggyback(&mut self) -> Arc<[News]> {
        let most = RETRANSMIT * libm::ceil(libm::log10(f64::from(self.group.count) + 1.0)) as u32;
        let mut due: Vec<(u32, u32)> = self.news.iter().map(|(member, (_, told))| (*told, *member)).collect();
        due.sort_unstable();
        due.truncate(PER_MESSAGE);
        let mut news = Vec::with_capacity(due.len());
        for (_, member) in due {
            if let Some((what, told)) = self.news.get_mut(&member) {
                news.push(*what);
                *told += 1;
                if *told >= most {
                    self.news.remove(&member);
                }
            }
        }
        news.into()
    }

    fn tell(&mut self, news: News) {
        self.news.insert(news.member, (news, 0));
    }

    fn hear(&mut self, news: &[News], out: &mut Out<'_, Self>) {
        for heard in news {
            if heard.member == out.index() {
                self.refute(*heard);
            } else {
                self.learn(*heard, out);
            }
        }
    }

    /// Somebody suspects this member: it lives under a new incarnation.
    fn refute(&mut self, heard: News) {
        if heard.state != State::Alive && heard.incarnation >= self.mine {
            self.mine = Incarnation { life: self.mine.life, count: heard.incarnation.count.saturating_add(1) };
            self.tell(News { incarnation: self.mine, state: State::Alive, ..heard });
        }
    }

    fn learn(&mut self, heard: News, out: &mut Out<'_, Self>) {
        let Some(peer) = self.peers.get_mut(heard.member as usize) else { return };
        if (heard.incarnation, heard.state) <= (peer.incarnation, peer.state) {
            return;
        }
        let (before, same_life) = (peer.state, heard.incarnation.life == peer.incarnation.life);
        (peer.incarnation, peer.state) = (heard.incarnation, heard.state);
        if before != heard.state {
            peer.since = out.now();
            let number = u64::from(heard.member);
            match heard.state {
                State::Alive if before == State::Dead => {
                    if same_life {
                        out.count(Counted::FalsePositive, 1);
                    }
                    out.note("member_alive", number);
                }
                State::Alive => {}
                State::Suspect => {
                    out.note("member_suspected", number);
                    self.arm_suspicion(out);
                }
                State::Dead => out.note("member_dead", number),
            }
        }
        self.tell(heard);
    }

    fn arm_suspicion(&self, out: &mut Out<'_, Self>) {
        let suspects = self.peers.iter().filter(|p| p.state == State::Suspect);
        if let Some(first) = suspects.map(|p| p.since + self.suspicion()).min() {
            out.arm(Timer::Suspicion, first.since(out.now()));
        }
    }

    /// The last probe is over, the next begins.
    fn period(&mut self, out: &mut Out<'_, Self>) {
        if let Some(Probe { target, answered, .. }) = self.probe.take() {
            self.probes += 1;
            if !answered {
                self.failed += 1;
                let Peer { incarnation, .. } = self.peers[target as usize];
                self.learn(News { member: target, incarnation, state: State::Suspect }, out);
            }
        }
        self.relays.clear();
        let mut bits = self.draw(out);
        // Whoever is held for dead is passed over; after a whole pass there is nobody.
        for _ in 0..2 * self.group.count {
            let target = match self.spec.selection {
                Selection::RoundRobin => self.passes.next(&mut bits),
                Selection::Uniform => partners(&mut bits, self.group.count, out.index(), 1).first().copied(),
            };
            let Some(target) = target else { break };
            if self.peers[target as usize].state != State::Dead {
                let number = self.number();
                self.probe = Some(Probe { target, number, answered: false });
                let Peer { incarnation, state, .. } = self.peers[target as usize];
                if state == State::Suspect {
                    // A suspect hears of it with the probe, so that it can refute.
                    self.tell(News { member: target, incarnation, state });
                }
                let news = self.piggyback();
                out.send(self.group.process(target), Msg::Ping { number, news });
                out.arm(Timer::Timeout, self.spec.timeout);
                break;
            }
        }
        out.arm(Timer::Period, self.spec.probe);
    }

    /// The probe found no answer so far: others are to try.
    fn ask_others(&mut self, out: &mut Out<'_, Self>) {
        let Some(Probe { target, number, answered: false }) = self.probe else { return };
        let me = out.index();
        let able: Vec<u32> = (0..self.group.count)
            .filter(|i| *i != me && *i != target && self.peers[*i as usize].state != State::Dead)
            .collect();
        let mut bits = self.draw(out);
        // One more than there are, so that `partners` leaves nobody out.
        for i in partners(&mut bits, able.len() as u32 + 1, able.len() as u32, self.spec.indirect) {
            let news = self.piggyback();
            out.send(self.group.process(able[i as usize]), Msg::PingReq { number, target, news });
        }
    }
}

impl Process for Swim {
    type Msg = Msg;
    type Timer = Timer;
    type Record = ();

    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        let me = out.index();
        self.mine = Incarnation { life: out.now().0 + 1, count: 0 };
        self.numbers = out.now().0;
        // Everybody knows everybody from the start: as whom they all began at time 0.
        let known = Peer { incarnation: Incarnation { life: 1, count: 0 }, state: State::Alive, since: out.now() };
        self.peers = vec![known; self.group.count as usize];
        (self.probe, self.probes, self.failed) = (None, 0, 0);
        self.relays.clear();
        self.news.clear();
        let mut bits = self.draw(out);
        self.passes = match (self.spec.selection, self.spec.from_first) {
            (Selection::Uniform, _) => Passes::default(),
            (Selection::RoundRobin, true) => Passes::from_first(self.group.count, me, &mut bits),
            (Selection::RoundRobin, false) => Passes::new(self.group.count, me, &mut bits),
        };
        self.tell(News { member: me, incarnation: self.mine, state: State::Alive });
        let period = self.spec.probe;
        let first = if self.spec.together { period.0 as f64 } else { period.0 as f64 * bits.unit() };
        out.arm(Timer::Period, Span::from_nanos_f64(first));
        if let Some(spread) = self.spec.gossip {
            out.arm(Timer::Gossip, Span::from_nanos_f64(spread.every.0 as f64 * bits.unit()));
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        match timer {
            Timer::Period => self.period(out),
            Timer::Timeout => self.ask_others(out),
            Timer::Suspicion => {
                let over = self.suspicion();
                for member in 0..self.group.count {
                    let Peer { incarnation, state, since } = self.peers[member as usize];
                    if state == State::Suspect && since + over <= out.now() {
                        self.learn(News { member, incarnation, state: State::Dead }, out);
                    }
                }
                self.arm_suspicion(out);
            }
            Timer::Gossip => {
                let Some(spread) = self.spec.gossip else { return };
                let mut bits = self.draw(out);
                for other in partners(&mut bits, self.group.count, out.index(), spread.fanout) {
                    let news = self.piggyback();
                    if !news.is_empty() {
                        out.send(self.group.process(other), Msg::Gossip { news });
                    }
                }
                out.arm(Timer::Gossip, spread.every);
            }
        }
    }

    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        match msg {
            Msg::Ping { number, news } => {
                // Whoever probes me and holds me for a suspect lets me know, and I can refute with the answer.
                self.hear(&news, out);
                let news = self.piggyback();
                out.send(from, Msg::Ack { number, news });
            }
            Msg::Ack { number, news } => {
                self.hear(&news, out);
                if let Some((asker, theirs)) = self.relays.remove(&number) {
                    let news = self.piggyback();
                    out.send(asker, Msg::Ack { number: theirs, news });
                } else if let Some(probe) = &mut self.probe
                    && probe.number == number
                {
                    probe.answered = true;
                }
            }
            Msg::PingReq { number, target, news } => {
                self.hear(&news, out);
                let mine = self.number();
                self.relays.insert(mine, (from, number));
                let news = self.piggyback();
                out.send(self.group.process(target), Msg::Ping { number: mine, news });
            }
            Msg::Gossip { news } => self.hear(&news, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Draws, Seed};
    use crate::world::{Effect, Effects, Env, Own};

    #[test]
    fn nobody_is_left_unprobed_for_longer_than_two_passes_less_one() {
        for count in [3_u32, 10, 56] {
            let mut bits = Draws::named(Seed(u64::from(count)), "passes").at(0, 0);
            let mut passes = Passes::new(count, 1, &mut bits);
            let (mut last, mut widest) = (None, 0);
            for period in 0..20_000_u32 {
                let target = passes.next(&mut bits).expect("there are others");
                assert_ne!(target, 1);
                if target == 0 {
                    widest = widest.max(period - last.unwrap_or(period));
                    last = Some(period);
                }
            }
            let most = 2 * (count - 1) - 1;
            assert!(widest <= most && (count > 10 || widest == most), "{widest} of {most}");
        }
    }

    fn member(index: u32, count: u32) -> Swim {
        Swim::new(Group { first: ProcessId(0), count }, SwimSpec { together: true, ..SwimSpec::default() })
            .started(index)
    }

    impl Swim {
        fn started(mut self, index: u32) -> Swim {
            self.feed(index, Instant(0), |s, out| s.start(&[], out));
            self.news.clear();
            self
        }
        fn feed(&mut self, index: u32, at: Instant, hand: impl FnOnce(&mut Swim, &mut Out<'_, Swim>)) -> Vec<String> {
            let draws = Draws::named(Seed(1), "swim");
            let env = Env { now: at, local: at, uncertainty: Span::ZERO, me: ProcessId(index), index, draws };
            let mut effects = Effects::default();
            hand(self, &mut Out::new(&env, &mut effects));
            let mut lines = Vec::new();
            let own = |lines: &mut Vec<String>, effect: Own<Swim>| {
                if let Own::Send { to, msg } = effect {
                    lines.push(format!("{} to {}", msg.name(), to.0));
                }
            };
            effects.each(&mut lines, own, |lines, effect| match effect {
                Effect::Note(point) => lines.push(format!("{} {}", point.name, point.number)),
                Effect::Meter(_) => lines.push("counts".to_owned()),
                _ => {}
            });
            lines
        }
    }

    #[test]
    fn a_silent_member_is_probed_by_others_then_suspected_then_dead() {
        let mut a = member(0, 3);
        let probe = a.feed(0, Instant(1_000_000_000), |s, out| s.timer(Timer::Period, out));
        let target = a.probe.expect("it probes").target;
        let other = 3 - target;
        assert_eq!(probe, [format!("Ping to {target}")]);
        let asked = a.feed(0, Instant(1_500_000_000), |s, out| s.timer(Timer::Timeout, out));
        assert_eq!(asked, [format!("PingReq to {other}")]);
        let over = a.feed(0, Instant(2_000_000_000), |s, out| s.timer(Timer::Period, out));
        assert_eq!(over[0], format!("member_suspected {target}"));
        assert_eq!(a.probes(), (1, 1));
        let dead = a.feed(0, Instant(6_000_000_000), |s, out| s.timer(Timer::Suspicion, out));
        assert_eq!(dead, [format!("member_dead {target}")]);
    }

    #[test]
    fn a_suspect_refutes_and_lives_under_a_new_incarnation() {
        let (mut a, mut b) = (member(0, 3), member(1, 3));
        let suspicion = News { member: 1, incarnation: b.mine, state: State::Suspect };
        assert_eq!(a.feed(0, Instant(5), |s, out| s.hear(&[suspicion], out)), ["member_suspected 1"]);
        b.feed(1, Instant(6), |s, out| s.hear(&[suspicion], out));
        let refuted = b.piggyback();
        assert_eq!(refuted[0].incarnation.count, 1);
        a.feed(0, Instant(7), |s, out| s.hear(&refuted, out));
        assert_eq!(a.state(1).map(|s| s.0), Some(State::Alive));
        // The old suspicion comes again, late.
        a.feed(0, Instant(8), |s, out| s.hear(&[suspicion], out));
        assert_eq!(a.state(1).map(|s| s.0), Some(State::Alive));
    }

    #[test]
    fn whoever_comes_back_from_the_dead_was_held_for_dead_by_mistake_unless_it_began_a_new_life() {
        for (life, counts) in [(1, true), (99, false)] {
            let mut a = member(0, 3);
            let incarnation = Incarnation { life: 1, count: 0 };
            a.feed(0, Instant(5), |s, out| s.hear(&[News { member: 1, incarnation, state: State::Dead }], out));
            let back = News { member: 1, incarnation: Incarnation { life, count: 1 }, state: State::Alive };
            let heard = a.feed(0, Instant(6), |s, out| s.hear(&[back], out));
            assert_eq!(heard.contains(&"counts".to_owned()), counts);
        }
    }
}
