//! Demers et al., "Epidemic algorithms for replicated database maintenance", PODC 1987: a rumour told at random reaches
//! everybody in a time that grows with the logarithm of their number; whoever loses interest leaves a residue that never
//! hears of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::parts::Group;
use crate::engine::{Bits, Dist, Instant, ProcessId, Span};
use crate::rpc::{Answer, Call, Op, Outcome, Verb};
use crate::world::{Message, Out, Process};

/// Who tells whom in a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whoever calls tells what it knows.
    Push,
    /// Whoever calls asks what it doesn't know.
    Pull,
    /// Both.
    PushPull,
}

/// How news spread: to how many at a time, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Who tells whom.
    pub mode: Mode,
    /// Partners of a round.
    pub fanout: u32,
    /// Time of a round.
    pub every: Span,
}

/// When rounds begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounds {
    /// All at once; what is heard in a round counts from the next.
    Together,
    /// Each at its own phase.
    Apart,
    /// Each after an exponential time with the mean of a round.
    Poisson,
}

/// Until when a rumour is told on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// For ever.
    Kept,
    /// A useless contact, with somebody who knew, ends it with probability 1/k.
    Coin(u32),
    /// k useless contacts end it.
    Counter(u32),
}

/// The points that faults may wait for.
pub const POINTS: &[&str] = &["rumour_heard"];

/// How rumours spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GossipSpec {
    /// To how many, how often.
    pub spread: Spread,
    /// When rounds begin.
    pub rounds: Rounds,
    /// Until when a rumour is told on. Only for [`Mode::Push`]: feedback is what the one who was told says.
    pub interest: Interest,
    /// Whether member 0 knows rumour 0 from the start.
    pub seeded: bool,
}

/// `n` different members out of `count`, none of them `me`; all others if there aren't more.
pub(super) fn partners(bits: &mut impl Bits, count: u32, me: u32, n: u32) -> Vec<u32> {
    let others = count.saturating_sub(1);
    let n = n.min(others);
    // Floyd's algorithm: each subset is as likely as any other.
    let mut picked: Vec<u32> = Vec::with_capacity(n as usize);
    for last in others - n..others {
        let at = bits.below(u64::from(last) + 1) as u32;
        picked.push(if picked.contains(&at) { last } else { at });
    }
    picked.into_iter().map(|i| if i < me { i } else { i + 1 }).collect()
}

/// Between members. A round is counted from the start of the run, for [`Rounds::Together`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Msg {
    /// Have you heard? And what do you know beside that, if I ask?
    Rumours {
        /// In which round.
        round: u64,
        /// What.
        rumours: Arc<[u64]>,
        /// Whether the receiver is to tell what it knows.
        ask: bool,
    },
    /// I know this.
    Answer {
        /// In which round.
        round: u64,
        /// What.
        rumours: Arc<[u64]>,
    },
    /// I knew these before.
    Known {
        /// Which.
        rumours: Arc<[u64]>,
    },
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        match self {
            Msg::Rumours { .. } => "Rumours",
            Msg::Answer { .. } => "Answer",
            Msg::Known { .. } => "Known",
        }
    }
    fn bytes(&self) -> u32 {
        match self {
            Msg::Rumours { rumours, .. } | Msg::Answer { rumours, .. } | Msg::Known { rumours } => {
                8 + 8 * rumours.len() as u32
            }
        }
    }
}

/// What a member knows of a rumour.
#[derive(Clone, Copy, Debug)]
struct Rumour {
    at: Instant,
    round: u64,
    useless: u32,
    hot: bool,
}

/// The timer: a round begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round;

/// The process.
#[derive(Clone, Debug)]
pub struct Gossip {
    group: Group,
    spec: GossipSpec,
    known: BTreeMap<u64, Rumour>,
    round: u64,
    /// Whether no round is to come.
    idle: bool,
    contacts: u64,
    drawn: u64,
}

impl Gossip {
    /// A member of `group`.
    pub fn new(group: Group, spec: GossipSpec) -> Gossip {
        Gossip { group, spec, known: BTreeMap::new(), round: 0, idle: false, contacts: 0, drawn: 0 }
    }
    /// In which round it heard of a rumour, and when; the one who began it in round 0.
    pub fn heard(&self, rumour: u64) -> Option<(u64, Instant)> {
        self.known.get(&rumour).map(|r| (r.round, r.at))
    }
    /// Whether it still tells some rumour on.
    pub fn is_hot(&self) -> bool {
        self.known.values().any(|r| r.hot)
    }
    /// How often it has told a rumour.
    pub fn contacts(&self) -> u64 {
        self.contacts
    }

    fn draw(&mut self, out: &Out<'_, Self>) -> crate::engine::random::Addressed {
        self.drawn += 1;
        out.draw(0, self.drawn)
    }

    fn learn(&mut self, rumour: u64, round: u64, out: &mut Out<'_, Self>) {
        if self.known.contains_key(&rumour) {
            return;
        }
        self.known.insert(rumour, Rumour { at: out.true_now(), round, useless: 0, hot: true });
        out.note("rumour_heard", rumour);
        if self.idle {
            self.idle = false;
            self.arm(true, out);
        }
    }

    /// The round of a moment, if rounds begin together: a timer may come a little early by a clock that drifts.
    fn round_at(&self, now: Instant) -> u64 {
        let every = self.spec.spread.every.0.max(1);
        now.0.saturating_add(every / 1024) / every
    }

    /// What counts as known in a round.
    fn knew(&self, rumour: u64, round: u64) -> bool {
        self.known.get(&rumour).is_some_and(|r| self.spec.rounds != Rounds::Together || r.round < round)
    }

    fn arm(&mut self, first: bool, out: &mut Out<'_, Self>) {
        let every = self.spec.spread.every;
        let after = match self.spec.rounds {
            Rounds::Together => Instant((self.round_at(out.now()) + 1).saturating_mul(every.0)).since(out.now()),
            Rounds::Poisson => Dist::exponential(every.0 as f64).sample_span(&mut self.draw(out)),
            Rounds::Apart if first => Span::from_nanos_f64(every.0 as f64 * self.draw(out).unit()),
            Rounds::Apart => every,
        };
        out.arm(Round, after);
    }

    /// Goes on, unless there is nothing to tell and nobody to ask.
    fn next_round(&mut self, first: bool, out: &mut Out<'_, Self>) {
        self.idle = self.spec.spread.mode == Mode::Push && !self.is_hot();
        if !self.idle {
            self.arm(first, out);
        }
    }
}

impl Process for Gossip {
    type Msg = Msg;
    type Timer = Round;
    type Record = u64;

    fn start(&mut self, log: &[u64], out: &mut Out<'_, Self>) {
        self.known.clear();
        self.idle = false;
        self.round = self.round_at(out.now());
        for rumour in log {
            self.known.insert(*rumour, Rumour { at: out.true_now(), round: self.round, useless: 0, hot: true });
        }
        if self.spec.seeded && out.index() == 0 {
            self.learn(0, 0, out);
        }
        self.next_round(true, out);
    }

    fn timer(&mut self, Round: Round, out: &mut Out<'_, Self>) {
        self.round = match self.spec.rounds {
            Rounds::Together => self.round_at(out.now()),
            _ => self.round + 1,
        };
        let (round, Spread { mode, fanout, .. }) = (self.round, self.spec.spread);
        let hot: Arc<[u64]> = match mode {
            Mode::Pull => Arc::default(),
            _ => self.known.iter().filter(|(r, k)| k.hot && self.knew(**r, round)).map(|(r, _)| *r).collect(),
        };
        if !hot.is_empty() || mode != Mode::Push {
            let mut bits = self.draw(out);
            for other in partners(&mut bits, self.group.count, out.index(), fanout) {
                self.contacts += u64::from(!hot.is_empty());
                let msg = Msg::Rumours { round, rumours: hot.clone(), ask: mode != Mode::Push };
                out.send(self.group.process(other), msg);
            }
        }
        self.next_round(false, out);
    }

    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        match msg {
            Msg::Rumours { round, rumours, ask } => {
                if ask {
                    let answer: Arc<[u64]> =
                        self.known.keys().copied().filter(|r| self.knew(*r, round) && !rumours.contains(r)).collect();
                    if !answer.is_empty() {
                        out.send(from, Msg::Answer { round, rumours: answer });
                    }
                }
                let known: Arc<[u64]> = rumours.iter().copied().filter(|r| self.knew(*r, round)).collect();
                rumours.iter().for_each(|r| self.learn(*r, round, out));
                if self.spec.interest != Interest::Kept && !known.is_empty() {
                    out.send(from, Msg::Known { rumours: known });
                }
            }
            Msg::Answer { round, rumours } => rumours.iter().for_each(|r| self.learn(*r, round, out)),
            Msg::Known { rumours } => {
                for rumour in rumours.iter() {
                    let coin = self.draw(out).unit();
                    let Some(rumour) = self.known.get_mut(rumour) else { continue };
                    rumour.useless += 1;
                    rumour.hot &= match self.spec.interest {
                        Interest::Kept => true,
                        Interest::Coin(k) => coin * f64::from(k) >= 1.0,
                        Interest::Counter(k) => rumour.useless < k,
                    };
                }
            }
        }
    }

    /// A client may start a rumour (a write of its key) and ask whether one is known here (a read).
    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let answer = match call.op.verb {
            Verb::Write => {
                self.ask(&call.op, out);
                Answer::ok()
            }
            Verb::Read => Answer::value(u64::from(self.known.contains_key(&call.op.key)), 0),
            _ => Answer::of(Outcome::Error),
        };
        out.answer(&call, answer);
    }

    fn ask(&mut self, op: &Op, out: &mut Out<'_, Self>) {
        // Whoever was idle has counted no rounds.
        self.round = self.round.max(self.round_at(out.now()));
        self.learn(op.key, self.round, out);
        out.persist(op.key, crate::rpc::Token(op.key));
    }
}
