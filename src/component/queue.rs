//! A queue between producers and consumers: bounded or not, in order within a partition, at least once or at most once.
//!
//! Consumers have so many hands each, and take a message whenever one is free. A message that isn't acknowledged within
//! the visibility timeout is handed out again (Amazon SQS). What it holds is on its disk: a restart finds it, and hands
//! out again what was not acknowledged. Leaves out the time that the disk takes, replicas, and the assignment of
//! partitions to consumers: whoever is free takes from a partition, one at a time. A consumer that joins or leaves is
//! known at once; who leaves finishes what it has in hand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::engine::{EdgeId, FlowId, Instant, Span, mix};
use crate::rpc::{Answer, Call, Cause, Op, Outcome, Token, Verb};
use crate::world::{Counted, Level, Meter, Never, Out, Process};

/// What happens to a message that finds no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Its producer waits.
    Block,
    /// It is refused.
    Reject,
    /// The oldest goes.
    Shed,
}

/// Which messages wait for which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One at a time of each partition.
    PerPartition,
    /// One at a time of each key.
    PerKey,
    /// None for any.
    None,
}

/// Consumers of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taker {
    /// To them.
    pub edge: EdgeId,
    /// What they do with a message.
    pub flow: FlowId,
    /// How many.
    pub instances: u32,
    /// Messages that each has in hand at most.
    pub hands: u32,
}

/// Those who share the messages among them; each group gets all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its consumers.
    pub takers: Vec<Taker>,
    /// Which messages wait for which.
    pub order: Order,
    /// Whether a message is acknowledged before the work.
    pub ack_before: bool,
}

/// What a queue is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// Order holds inside a partition; a key is always in the same.
    pub partitions: u32,
    /// Most messages that wait; `None` = no bound.
    pub limit: Option<u64>,
    /// What happens beyond.
    pub when_full: WhenFull,
    /// Whether a message is forgotten as soon as it is handed out.
    pub at_most_once: bool,
    /// When a message that was handed out is handed out again; `None` = never.
    pub visibility: Option<Span>,
    /// How often it is handed out at most.
    pub most_deliveries: Option<u32>,
    /// Where it goes then; `None` = nowhere.
    pub dead_letters: Option<EdgeId>,
    /// How long a message is kept.
    pub retention: Option<Span>,
    /// Who consumes.
    pub groups: Vec<Group>,
}

/// How long a consumer that refuses connections is left alone. Illustrative.
const REST: Span = Span::secs(1);

#[derive(Clone, Debug)]
struct Message {
    number: u64,
    op: Op,
    cause: Cause,
    since: Instant,
    deliveries: u32,
}

/// Messages of which one at a time is handed out.
#[derive(Clone, Debug, Default)]
struct Lane {
    waiting: VecDeque<Message>,
    busy: bool,
}

/// An instance that takes messages.
#[derive(Clone, Debug)]
struct Consumer {
    /// Which of the group's takers it belongs to.
    taker: u32,
    instance: u32,
    free: u32,
    /// Until when it is left alone.
    rests: Instant,
    /// Whether it takes part.
    there: bool,
}

#[derive(Clone, Debug, Default)]
struct Backlog {
    lanes: BTreeMap<u64, Lane>,
    /// The first message of each lane that isn't busy.
    heads: BTreeSet<(u64, u64)>,
    waiting: u64,
    hands: Vec<Consumer>,
    next: usize,
}

impl Backlog {
    fn put(&mut self, lane: u64, message: Message) {
        self.waiting += 1;
        let row = self.lanes.entry(lane).or_default();
        let at = row.waiting.partition_point(|before| before.number < message.number);
        if !row.busy {
            if let Some(first) = row.waiting.front() {
                self.heads.remove(&(first.number, lane));
            }
            let first = row.waiting.front().map_or(message.number, |first| first.number.min(message.number));
            self.heads.insert((first, lane));
        }
        row.waiting.insert(at, message);
    }

    fn take(&mut self) -> Option<(u64, Message)> {
        let (_, lane) = self.heads.pop_first()?;
        let row = self.lanes.get_mut(&lane)?;
        let message = row.waiting.pop_front()?;
        row.busy = true;
        self.waiting -= 1;
        Some((lane, message))
    }

    /// Throws the oldest message away, also one that waits behind another in somebody's hands.
    fn drop_oldest(&mut self) -> bool {
        let oldest = self.lanes.iter().filter_map(|(lane, row)| Some((row.waiting.front()?.number, *lane))).min();
        let Some((number, lane)) = oldest else { return false };
        let Some(row) = self.lanes.get_mut(&lane) else { return false };
        row.waiting.pop_front();
        self.waiting -= 1;
        if !row.busy {
            self.heads.remove(&(number, lane));
            self.release(lane);
        }
        true
    }

    fn release(&mut self, lane: u64) {
        let Some(row) = self.lanes.get_mut(&lane) else { return };
        row.busy = false;
        match row.waiting.front() {
            Some(first) => {
                self.heads.insert((first.number, lane));
            }
            None => {
                self.lanes.remove(&lane);
            }
        }
    }

    /// A consumer with a free hand, in turn.
    fn hand(&mut self, now: Instant) -> Option<usize> {
        let count = self.hands.len();
        let found = (0..count).map(|i| (self.next + i) % count).find(|i| {
            let Consumer { free, rests, there, .. } = self.hands[*i];
            there && free > 0 && rests <= now
        })?;
        self.next = (found + 1) % count;
        Some(found)
    }
}

/// A message in somebody's hands.
#[derive(Clone, Debug)]
struct Handed {
    group: usize,
    hand: usize,
    lane: u64,
    /// `None` = acknowledged, or handed out again.
    message: Option<Message>,
    /// Whether the hand is free again, though the message is still invisible.
    returned: bool,
    round: u32,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Queue {
    spec: Arc<QueueSpec>,
    backlogs: Vec<Backlog>,
    handed: Vec<Option<Handed>>,
    free: Vec<u32>,
    uses: u32,
    blocked: VecDeque<Call>,
    numbers: u64,
    told: (u64, u64),
}

const WAKE: u64 = 1 << 63;

impl Queue {
    /// An empty queue.
    pub fn new(spec: Arc<QueueSpec>) -> Queue {
        Queue {
            backlogs: vec![Backlog::default(); spec.groups.len()],
            spec,
            handed: Vec::new(),
            free: Vec::new(),
            uses: 0,
            blocked: VecDeque::new(),
            numbers: 0,
            told: (0, 0),
        }
    }

    fn lane(&self, group: usize, message: &Message) -> u64 {
        match self.spec.groups[group].order {
            Order::PerPartition => mix(message.op.key, 0x9a47) % u64::from(self.spec.partitions),
            Order::PerKey => message.op.key,
            Order::None => message.number,
        }
    }

    fn is_full(&self) -> bool {
        let most = self.backlogs.iter().map(|b| b.waiting).max().unwrap_or(0);
        self.spec.limit.is_some_and(|limit| most >= limit)
    }

    fn append(&mut self, call: &Call, out: &mut Out<'_, Self>) {
        self.numbers += 1;
        let message = Message {
            number: self.numbers,
            op: call.op.clone(),
            cause: Cause { deadline: Instant::NEVER, ..call.cause },
            since: out.true_now(),
            deliveries: 0,
        };
        for group in 0..self.backlogs.len() {
            let lane = self.lane(group, &message);
            self.backlogs[group].put(lane, message.clone());
        }
        out.answer(call, Answer::value(0, self.numbers));
    }

    /// Hands out what can be handed out, and lets in who waits for room.
    fn go_on(&mut self, out: &mut Out<'_, Self>) {
        loop {
            for group in 0..self.backlogs.len() {
                self.hand_out(group, out);
            }
            if self.is_full() {
                break;
            }
            let Some(call) = self.blocked.pop_front() else { break };
            if call.cause.deadline <= out.true_now() {
                // Its producer said how long it would wait, and has gone.
                out.answer(&call, Answer::of(Outcome::Rejected));
            } else {
                self.append(&call, out);
            }
        }
        let waiting = self.backlogs.iter().map(|b| b.waiting).sum();
        let unacknowledged = self.handed.iter().flatten().filter(|h| h.message.is_some()).count() as u64;
        if waiting != self.told.0 {
            out.level(Level::Backlog, waiting);
        }
        if unacknowledged != self.told.1 {
            out.level(Level::Unacknowledged, unacknowledged);
        }
        self.told = (waiting, unacknowledged);
    }

    fn hand_out(&mut self, group: usize, out: &mut Out<'_, Self>) {
        let now = out.true_now();
        while !self.backlogs[group].heads.is_empty()
            && let Some(hand) = self.backlogs[group].hand(now)
        {
            let Some((lane, mut message)) = self.backlogs[group].take() else { break };
            if self.spec.retention.is_some_and(|keep| message.since + keep <= now) {
                out.count(Counted::Dropped, 1);
                self.backlogs[group].release(lane);
                continue;
            }
            message.deliveries += 1;
            if message.deliveries > 1 {
                out.count(Counted::Redelivery, 1);
            } else {
                out.meter(Meter::Waited { since: message.since });
            }
            let rules = &self.spec.groups[group];
            let consumer = &mut self.backlogs[group].hands[hand];
            consumer.free -= 1;
            let (taker, instance) = (consumer.taker, consumer.instance);
            let taker = &rules.takers[taker as usize];
            let op = Op { verb: Verb::Deliver(taker.flow), ..message.op.clone() };
            let cause = message.cause.child(group as u32, message.deliveries);
            let forgets = rules.ack_before || self.spec.at_most_once;
            let edge = taker.edge;
            self.uses = self.uses.wrapping_add(1) & 0x7fff_ffff;
            let round = self.uses;
            let handed = Handed { group, hand, lane, message: (!forgets).then_some(message), returned: false, round };
            let slot = match self.free.pop() {
                Some(slot) => {
                    self.handed[slot as usize] = Some(handed);
                    slot
                }
                None => {
                    self.handed.push(Some(handed));
                    self.handed.len() as u32 - 1
                }
            };
            let token = u64::from(round) << 32 | u64::from(slot);
            out.call_instance(edge, instance, op, cause, Token(token));
            if let Some(visibility) = self.spec.visibility.filter(|_| !forgets) {
                out.wake(Token(WAKE | token), now + visibility);
            }
        }
    }

    /// A message goes back, or is given up.
    fn back(&mut self, group: usize, lane: u64, message: Message, out: &mut Out<'_, Self>) {
        if self.spec.most_deliveries.is_some_and(|most| message.deliveries >= most) {
            out.count(Counted::Dropped, 1);
            if let Some(edge) = self.spec.dead_letters {
                let op = Op { verb: Verb::Append, ..message.op };
                out.call(edge, op, message.cause.child(u32::MAX, message.deliveries), Token(WAKE));
            }
        } else {
            self.backlogs[group].put(lane, message);
        }
        self.backlogs[group].release(lane);
    }

    fn handed(&mut self, token: u64) -> Option<&mut Handed> {
        let (slot, round) = (token as u32, (token >> 32) as u32 & 0x7fff_ffff);
        self.handed.get_mut(slot as usize)?.as_mut().filter(|h| h.round == round)
    }
}

impl Process for Queue {
    type Msg = Never;
    type Timer = ();
    type Record = ();

    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        self.blocked.clear();
        for handed in std::mem::take(&mut self.handed).into_iter().flatten() {
            if let Some(message) = handed.message {
                self.backlogs[handed.group].put(handed.lane, message);
            }
            self.backlogs[handed.group].release(handed.lane);
        }
        self.free.clear();
        for (backlog, group) in self.backlogs.iter_mut().zip(&self.spec.groups) {
            let hands = |(t, taker): (usize, &Taker)| {
                let (taker, free) = (t as u32, taker.hands);
                let consumer = move |instance| Consumer { taker, instance, free, rests: Instant::ZERO, there: true };
                (0..group.takers[t].instances).map(consumer)
            };
            backlog.hands = group.takers.iter().enumerate().flat_map(hands).collect();
        }
        self.told = (u64::MAX, u64::MAX);
        if self.backlogs.iter().all(|backlog| backlog.heads.is_empty()) {
            self.go_on(out);
        } else {
            // It hears first who takes no part.
            out.wake(Token(u64::MAX), out.true_now());
        }
    }

    fn callee(&mut self, edge: EdgeId, instance: u32, there: bool, out: &mut Out<'_, Self>) {
        for (backlog, group) in self.backlogs.iter_mut().zip(&self.spec.groups) {
            for consumer in &mut backlog.hands {
                if group.takers[consumer.taker as usize].edge == edge && consumer.instance == instance {
                    (consumer.there, consumer.rests) = (there, Instant::ZERO);
                }
            }
        }
        if there {
            self.go_on(out);
        }
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        if call.op.verb != Verb::Append {
            out.answer(&call, Answer::of(Outcome::Error));
            return;
        }
        if self.is_full() {
            match self.spec.when_full {
                WhenFull::Block => {
                    self.blocked.push_back(call);
                    return;
                }
                WhenFull::Reject => {
                    out.answer(&call, Answer::of(Outcome::Rejected));
                    return;
                }
                WhenFull::Shed => {
                    let limit = self.spec.limit.unwrap_or(u64::MAX);
                    for backlog in &mut self.backlogs {
                        if backlog.waiting >= limit && backlog.drop_oldest() {
                            out.count(Counted::Dropped, 1);
                        }
                    }
                }
            }
        }
        self.append(&call, out);
        self.go_on(out);
    }

    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {
        if token.0 & WAKE != 0 || self.handed(token.0).is_none() {
            return;
        }
        // Connections that are refused hand nothing over: the message was never away.
        let refused = answer.outcome == Outcome::Unavailable && answer.definite;
        let waits = self.spec.visibility.is_some() && !answer.outcome.answered() && !refused;
        let Some(handed) = self.handed(token.0) else { return };
        let (group, hand, lane) = (handed.group, handed.hand, handed.lane);
        let held = handed.message.is_some();
        let forgot = self.spec.groups[group].ack_before || self.spec.at_most_once;
        self.backlogs[group].hands[hand].free += 1;
        if refused {
            self.backlogs[group].hands[hand].rests = out.true_now() + REST;
            out.wake(Token(u64::MAX), out.true_now() + REST);
        }
        if held && waits {
            // It comes back when its time is over; whoever had it is free again.
            if let Some(handed) = self.handed(token.0) {
                handed.returned = true;
            }
            return self.go_on(out);
        }
        let taken = self.handed[token.0 as u32 as usize].take();
        self.free.push(token.0 as u32);
        match taken.and_then(|handed| handed.message) {
            Some(_) if answer.outcome.answered() => self.backlogs[group].release(lane),
            Some(mut message) => {
                if refused {
                    message.deliveries -= 1;
                    self.backlogs[group].put(lane, message);
                    self.backlogs[group].release(lane);
                } else {
                    self.back(group, lane, message, out);
                }
            }
            None if forgot => self.backlogs[group].release(lane),
            None => {}
        }
        self.go_on(out);
    }

    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {
        if token.0 != u64::MAX
            && let Some(handed) = self.handed(token.0)
            && let Some(message) = handed.message.take()
        {
            let (group, lane, returned) = (handed.group, handed.lane, handed.returned);
            if returned {
                self.handed[token.0 as u32 as usize] = None;
                self.free.push(token.0 as u32);
            }
            self.back(group, lane, message, out);
        }
        self.go_on(out);
    }
}
