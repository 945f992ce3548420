//! A population of clients: open, closed or partly open. One process; a client is a row.
//!
//! Latency counts from the intended start (no coordinated omission; Tene, "How NOT to Measure Latency", 2013): an open
//! client is meant to start when it arrives, whatever the system does. Everything that a client draws is addressed by its
//! group's name and the number of the request, so that two designs under one seed see the same requests.

use std::sync::Arc;

use crate::engine::agenda::Agenda;
use crate::engine::random::name_hash;
use crate::engine::{Bits, Dist, Draws, EdgeId, Instant, Seed, Shape, Span, Stream, mix};
use crate::rpc::{Answer, Cause, Consistency, Op, Token, Verb};
use crate::world::{Meter, Never, Out, Process};

use super::keys::KeySampler;
use super::rate::{Arrivals, Process as Gaps, Rate};

/// What one kind of request is.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Over which edge.
    pub edge: EdgeId,
    /// What is asked.
    pub verb: Verb,
    /// Whether it is about a key of the population's keys.
    pub keyed: bool,
}

/// One entry of a mix.
#[derive(Clone, Debug, PartialEq)]
pub struct MixEntry {
    /// Its name: an operation or a flow.
    pub name: String,
    /// Its share; shares add up to 1.
    pub share: f64,
    /// What it does.
    pub action: Action,
}

/// When requests are made.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// Arrivals don't wait for answers. Each is a session of so many requests, with pauses (partly open).
    Open {
        /// How often sessions arrive.
        rate: Rate,
        /// Whether gaps vary.
        gaps: Gaps,
        /// Requests of a session.
        requests: Dist,
        /// Pause between them, ns.
        think: Dist,
    },
    /// So many clients that ask, wait, think and ask again.
    Closed {
        /// How many.
        count: u32,
        /// Pause between an answer and the next request, ns.
        think: Dist,
    },
}

/// A population, complete.
#[derive(Clone, Debug)]
pub struct ClientsPlan {
    /// Its name; its draws go by it.
    pub name: String,
    /// When they ask.
    pub pattern: Pattern,
    /// What they ask.
    pub mix: Vec<MixEntry>,
    /// About which keys.
    pub keys: KeySampler,
    /// Number of that key set in the plan.
    pub keys_id: u64,
    /// Bytes of a value that is written.
    pub value_bytes: Dist,
    /// Of their requests.
    pub priority: u8,
    /// Of their reads.
    pub consistency: Consistency,
}

/// A request under way.
#[derive(Clone, Copy, Debug)]
struct Row {
    intended: Instant,
    root: u64,
    who: Who,
    entry: u16,
}

/// Who asks. A client that thinks is no more than this and the time at which it goes on: a million of them take sixteen
/// megabytes, and one that wakes finds nothing of its own in memory that has gone cold.
#[derive(Clone, Copy, Debug)]
struct Who {
    client: u32,
    /// Requests until it leaves, this one too.
    left: u16,
}

impl Who {
    fn number(self) -> u64 {
        u64::from(self.client) << 16 | u64::from(self.left)
    }
    fn of(number: u64) -> Who {
        Who { client: (number >> 16) as u32, left: number as u16 }
    }
}

/// The process.
#[derive(Clone, Debug)]
pub struct Clients {
    plan: Arc<ClientsPlan>,
    keys: KeySampler,
    name: u64,
    mix_draws: Draws,
    key_draws: Draws,
    think_draws: Draws,
    arrivals: Option<Arrivals>,
    rows: Vec<Row>,
    free: Vec<u32>,
    /// Closed clients and sessions that think: until when, and who.
    sleeping: Agenda,
    /// Closed clients that stop after their present request, because there are fewer of them.
    surplus: u32,
    population: u32,
    requests: u64,
    sessions: u32,
}

/// The timers of a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The next arrival.
    Arrival,
    /// The first sleeper wakes.
    Wake,
}

impl Clients {
    /// A population under a seed.
    pub fn new(plan: Arc<ClientsPlan>, seed: Seed) -> Clients {
        let draws = |what: &str| Draws::named(seed, &format!("clients/{}/{what}", plan.name));
        let arrivals = match &plan.pattern {
            Pattern::Open { rate, gaps, .. } => Some(Arrivals::new(
                rate.clone(),
                *gaps,
                Stream::named(seed, &format!("clients/{}/arrivals", plan.name)),
            )),
            Pattern::Closed { .. } => None,
        };
        Clients {
            keys: plan.keys.clone(),
            name: name_hash(&plan.name),
            mix_draws: draws("mix"),
            key_draws: draws("keys"),
            think_draws: draws("think"),
            arrivals,
            rows: Vec::new(),
            free: Vec::new(),
            sleeping: Agenda::new(),
            surplus: 0,
            population: 0,
            requests: 0,
            sessions: 0,
            plan,
        }
    }

    fn think(&self, n: u64) -> Span {
        let think = match &self.plan.pattern {
            Pattern::Open { think, .. } | Pattern::Closed { think, .. } => think,
        };
        think.sample_span(&mut self.think_draws.at(0, n))
    }

    /// Somebody makes a request that was meant to start at `intended`.
    fn ask(&mut self, who: Who, intended: Instant, out: &mut Out<'_, Self>) {
        let n = self.requests;
        self.requests += 1;
        let plan = &self.plan;
        let entry = pick(&plan.mix, &mut self.mix_draws.at(0, n));
        let action = &plan.mix[entry].action;
        let root = mix(self.name, n);
        let mut op = Op { priority: plan.priority, consistency: plan.consistency, ..Op::plain(action.verb) };
        if action.keyed {
            op.key = self.keys.sample(&mut self.key_draws.at(0, n));
            op.bytes = plan.value_bytes.sample(&mut self.key_draws.at(1, n)).clamp(0.0, 4e9) as u32;
            if !matches!(action.verb, Verb::Read | Verb::Scan | Verb::SetContains) {
                // Unique, so that a read tells its write; never nil.
                op.value = if action.verb == Verb::Add { 1 } else { (self.name & 0xffff) << 40 | (n + 1) };
            }
        }
        let cause = Cause { root, path: 0, deadline: Instant::NEVER, request: root, client: who.client };
        let (edge, entry) = (action.edge, entry as u16);
        let slot = self.row(Row { intended, root, who, entry });
        out.meter(Meter::Offered { entry, intended });
        out.call(edge, op, cause, Token(u64::from(slot)));
    }

    fn row(&mut self, row: Row) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.rows[slot as usize] = row;
                slot
            }
            None => {
                self.rows.push(row);
                self.rows.len() as u32 - 1
            }
        }
    }

    fn arm_wake(&mut self, now: Instant, out: &mut Out<'_, Self>) {
        if let Some(at) = self.sleeping.next_at() {
            out.arm(Timer::Wake, at.since(now));
        }
    }

    fn arm_arrival(&mut self, now: Instant, out: &mut Out<'_, Self>) {
        let at = self.arrivals.as_ref().map_or(Instant::NEVER, Arrivals::next_at);
        if at == Instant::NEVER {
            out.disarm(Timer::Arrival);
        } else {
            out.arm(Timer::Arrival, at.since(now));
        }
    }

    fn hire(&mut self, count: u32, now: Instant) {
        for _ in 0..count {
            let client = self.sessions;
            self.sessions += 1;
            self.population += 1;
            // Everybody begins in the middle of a pause of his own.
            let think = match &self.plan.pattern {
                Pattern::Closed { think, .. } => {
                    Span::from_nanos_f64(think.sample_residual(&mut self.think_draws.at(1, u64::from(client))))
                }
                Pattern::Open { .. } => Span::ZERO,
            };
            self.sleeping.push(now + think, Who { client, left: u16::MAX }.number());
        }
    }
}

fn pick(mix: &[MixEntry], bits: &mut impl Bits) -> usize {
    if mix.len() == 1 {
        return 0;
    }
    let mut left = bits.unit();
    for (i, entry) in mix.iter().enumerate() {
        left -= entry.share;
        if left < 0.0 {
            return i;
        }
    }
    mix.len() - 1
}

impl Process for Clients {
    type Msg = Never;
    type Timer = Timer;
    type Record = ();

    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        let now = out.true_now();
        match self.plan.pattern {
            Pattern::Open { .. } => self.arm_arrival(now, out),
            Pattern::Closed { count, .. } => {
                self.hire(count, now);
                self.arm_wake(now, out);
            }
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_, Self>) {
        let now = out.true_now();
        match timer {
            Timer::Arrival => {
                let left = match &self.plan.pattern {
                    Pattern::Open { requests: Dist { shape: Shape::Constant(1.0), min: None, max: None }, .. } => 1,
                    Pattern::Open { requests, .. } => {
                        let n = requests.sample(&mut self.think_draws.at(2, u64::from(self.sessions)));
                        n.round().clamp(1.0, 65_535.0) as u16
                    }
                    Pattern::Closed { .. } => 1,
                };
                let client = self.sessions;
                self.sessions = self.sessions.wrapping_add(1);
                self.ask(Who { client, left }, now, out);
                if let Some(arrivals) = &mut self.arrivals {
                    arrivals.advance(now);
                }
                self.arm_arrival(now, out);
            }
            Timer::Wake => {
                while self.sleeping.next_at().is_some_and(|at| at <= now) {
                    let Some((_, number)) = self.sleeping.pop() else { break };
                    self.ask(Who::of(number), now, out);
                }
                self.arm_wake(now, out);
            }
        }
    }

    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {
        let slot = token.0 as u32;
        let now = out.true_now();
        let Row { intended, root, mut who, entry } = self.rows[slot as usize];
        self.free.push(slot);
        out.meter(Meter::Ended { entry, intended, outcome: answer.outcome, root });
        if matches!(self.plan.pattern, Pattern::Closed { .. }) {
            if self.surplus > 0 {
                self.surplus -= 1;
                self.population -= 1;
                return;
            }
        } else {
            who.left -= 1;
            if who.left == 0 {
                return;
            }
        }
        let think = self.think(self.requests ^ u64::from(who.client) << 40);
        if think.is_zero() {
            self.ask(who, now, out);
            return;
        }
        let first = self.sleeping.next_at().is_none_or(|at| now + think < at);
        self.sleeping.push(now + think, who.number());
        if first {
            self.arm_wake(now, out);
        }
    }

    fn ask(&mut self, op: &Op, out: &mut Out<'_, Self>) {
        let now = out.true_now();
        match op.verb {
            Verb::Load => {
                let factor = f64::from_bits(op.value).max(0.0);
                if let Some(arrivals) = &mut self.arrivals {
                    arrivals.set_scale(now, factor);
                    self.arm_arrival(now, out);
                } else if let Pattern::Closed { count, .. } = self.plan.pattern {
                    let wanted = (f64::from(count) * factor).round() as u32;
                    let present = self.population - self.surplus;
                    if wanted > present {
                        let back = self.surplus.min(wanted - present);
                        self.surplus -= back;
                        self.hire(wanted - present - back, now);
                        self.arm_wake(now, out);
                    } else {
                        self.surplus += present - wanted;
                    }
                }
            }
            Verb::HotKey if op.key == self.plan.keys_id => {
                let share = f64::from_bits(op.value);
                self.keys.set_hot((share > 0.0).then_some((op.expected, share)));
            }
            _ => {}
        }
    }
}
