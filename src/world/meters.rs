//! Everything that is measured while a world runs, per group, process and edge.

use std::collections::BTreeMap;
use std::hint::cold_path;
use std::sync::Arc;

use crate::engine::{EdgeId, GroupId, Instant, ProcessId, Span, mix};
use crate::metric::{ClassSet, Counter, Detail, EpochSet, Frame, Gauge, Silence, Tally};
use crate::rpc::{self, EdgeSpec, Outcome};

use super::examples::{Example, Examples};
use super::out::{Counted, Level};
use super::setup::{GroupKind, GroupSetup};

/// Outcome classes: answered in full.
pub const OK: ClassSet = ClassSet::of(&[Outcome::Ok as u8]);
/// Outcome classes: answered, if only by a fallback.
pub const ANSWERED: ClassSet = ClassSet::of(&[Outcome::Ok as u8, Outcome::Degraded as u8]);
/// Outcome classes: the client was told that it gets nothing, at once or later.
pub const REFUSED: ClassSet =
    ClassSet::of(&[Outcome::Error as u8, Outcome::Rejected as u8, Outcome::Unavailable as u8, Outcome::Aborted as u8]);
/// Outcome classes: the client gave up waiting.
pub const TIMED_OUT: ClassSet = ClassSet::of(&[Outcome::Timeout as u8]);

/// What is measured of one group.
#[derive(Clone, Debug)]
pub struct GroupMeters {
    /// Visits of all members: from arrival to answer. Of client groups: all operations, whatever their mix entry.
    pub visits: Tally,
    /// Waits of all members' visits until a worker took them, all in class 0.
    pub waits: Tally,
    /// How long what its members kept (messages) waited, all in class 0.
    pub kept: Tally,
    /// Each member.
    pub members: Vec<MemberMeters>,
    /// Levels of all members together, if there are several.
    together: Option<Box<Levels>>,
    /// Of client groups, each mix entry: from the intended start to the end for the user.
    pub entries: Vec<Tally>,
    /// Of client groups: the longest time without an answer.
    pub silence: Silence,
    /// Of client groups: intended start and end of the unanswered operation that was meant to start last.
    pub last_unanswered: Option<(Instant, Instant)>,
    /// Of client groups: a sample of finished requests.
    pub examples: Examples,
    /// Messages that its members sent to peers.
    pub messages: Counter,
    /// What its members count.
    pub counts: BTreeMap<Counted, Counter>,
    /// Levels that its members report, added up.
    pub levels: BTreeMap<Level, Gauge>,
    member_levels: BTreeMap<(Level, u32), u64>,
    /// Workers of each member, which a fault may set.
    pub workers: Gauge,
}

/// What is measured of one process.
#[derive(Clone, Debug)]
pub struct MemberMeters {
    /// Visits: from arrival to answer.
    pub visits: Tally,
    /// What it has at a time.
    pub levels: Levels,
}

/// How much of what there is at a time, of one process or of all of a group.
#[derive(Clone, Debug)]
pub struct Levels {
    /// Busy workers.
    pub busy: Gauge,
    /// Waiting requests.
    pub waiting: Gauge,
    /// Requests between arrival and answer.
    pub inside: Gauge,
    /// Processes that are up.
    pub up: Gauge,
}

impl Levels {
    fn new(frame: &Arc<Frame>) -> Levels {
        let none = || Gauge::new(frame.clone(), 0);
        Levels { busy: none(), waiting: none(), inside: none(), up: none() }
    }

    fn finish(&mut self, end: Instant) {
        for gauge in [&mut self.busy, &mut self.waiting, &mut self.inside, &mut self.up] {
            gauge.finish(end);
        }
    }
}

impl GroupMeters {
    /// How many workers each member had, on average over these epochs.
    pub fn mean_workers(&self, epochs: &EpochSet) -> f64 {
        let level = self.workers.level(epochs);
        match level.mean() {
            Some(mean) if level.min != level.max => mean,
            _ => level.max as f64,
        }
    }

    /// Levels of all members together. `None` of a group of nobody.
    pub fn all_levels(&self) -> Option<&Levels> {
        self.together.as_deref().or(self.members.first().map(|only| &only.levels))
    }
}

/// What is measured of one edge.
#[derive(Clone, Debug)]
pub struct EdgeMeters {
    /// Calls: from beginning to end, whatever the policy did in between.
    pub calls: Tally,
    /// Calls under way.
    pub in_flight: Gauge,
    /// Requests sent.
    pub attempts: Counter,
    /// The same by callee, if there are several.
    pub attempts_at: Vec<Counter>,
    /// Of those, retries.
    pub retries: Counter,
    /// Of those, hedges.
    pub hedges: Counter,
    /// Attempts that timed out.
    pub timeouts: Counter,
    /// Calls and attempts refused before they were sent: breaker, limit, pool, budget.
    pub refused: Counter,
    /// Times the breaker opened.
    pub breaker_opened: Counter,
}

/// All meters of one run.
#[derive(Clone, Debug)]
pub struct Meters {
    frame: Arc<Frame>,
    /// By [`GroupId`].
    pub groups: Vec<GroupMeters>,
    /// By [`EdgeId`].
    pub edges: Vec<EdgeMeters>,
    places: Vec<(u16, u32)>,
}

impl Meters {
    /// Meters for these groups and edges.
    pub fn new(frame: Arc<Frame>, groups: &[GroupSetup], edges: &[EdgeSpec]) -> Meters {
        let mut places = Vec::new();
        let group = |(g, setup): (usize, &GroupSetup)| {
            let (entries, detail) = match setup.kind {
                GroupKind::Clients { entries } => (entries, Detail::Users),
                GroupKind::Component => (0, Detail::Group),
            };
            let member = |i: usize| {
                places.push((GroupId::at(g).0, u32::try_from(i).expect("plans are bounded at load")));
                MemberMeters { visits: Tally::new(frame.clone(), Detail::Instance), levels: Levels::new(&frame) }
            };
            GroupMeters {
                visits: Tally::new(frame.clone(), detail),
                waits: Tally::new(frame.clone(), Detail::Group),
                kept: Tally::new(frame.clone(), Detail::Group),
                members: (0..setup.hosts.len()).map(member).collect(),
                together: (setup.hosts.len() > 1).then(|| Box::new(Levels::new(&frame))),
                entries: (0..entries).map(|_| Tally::new(frame.clone(), detail)).collect(),
                silence: Silence::new(frame.clone()),
                last_unanswered: None,
                examples: Examples::default(),
                messages: Counter::new(frame.clone()),
                counts: BTreeMap::new(),
                levels: BTreeMap::new(),
                member_levels: BTreeMap::new(),
                workers: Gauge::new(frame.clone(), u64::from(setup.station.workers)),
            }
        };
        let groups = groups.iter().enumerate().map(group).collect();
        let counter = || Counter::new(frame.clone());
        let edge = |spec: &EdgeSpec| EdgeMeters {
            calls: Tally::new(frame.clone(), Detail::Group),
            in_flight: Gauge::new(frame.clone(), 0),
            attempts: counter(),
            attempts_at: if spec.beside.is_empty() { Vec::new() } else { spec.callees().map(|_| counter()).collect() },
            retries: counter(),
            hedges: counter(),
            timeouts: counter(),
            refused: counter(),
            breaker_opened: counter(),
        };
        Meters { groups, edges: edges.iter().map(edge).collect(), places, frame }
    }

    /// How the run is cut.
    pub fn frame(&self) -> &Arc<Frame> {
        &self.frame
    }
    /// A process's meters.
    pub fn member(&self, process: ProcessId) -> &MemberMeters {
        let (group, index) = self.places[process.index()];
        &self.groups[group as usize].members[index as usize]
    }

    fn place(&mut self, process: ProcessId) -> (&mut GroupMeters, usize) {
        let (group, index) = self.places[process.index()];
        (&mut self.groups[group as usize], index as usize)
    }

    pub(super) fn visit_arrived(&mut self, process: ProcessId, at: Instant) {
        let (group, index) = self.place(process);
        group.visits.asked(at);
        let member = &mut group.members[index];
        if let Some(together) = &mut group.together {
            cold_path();
            member.visits.asked(at);
            together.inside.change(at, 1);
        }
        member.levels.inside.change(at, 1);
    }

    pub(super) fn visit_waited(&mut self, process: ProcessId, arrived: Instant, waited: Span) {
        let (group, _) = self.place(process);
        group.waits.asked(arrived);
        group.waits.ended(arrived, arrived + waited, 0);
    }

    pub(super) fn handed_out(&mut self, group: GroupId, since: Instant, at: Instant) {
        let kept = &mut self.groups[group.index()].kept;
        kept.asked(since);
        kept.ended(since, at, 0);
    }

    pub(super) fn visit_ended(&mut self, process: ProcessId, arrived: Instant, at: Instant, outcome: Outcome) {
        let (group, index) = self.place(process);
        group.visits.ended(arrived, at, outcome as u8);
        let member = &mut group.members[index];
        if let Some(together) = &mut group.together {
            cold_path();
            member.visits.ended(arrived, at, outcome as u8);
            together.inside.change(at, -1);
        }
        member.levels.inside.change(at, -1);
    }

    /// Messages of a queue that wait or are in somebody's hands now.
    pub(super) fn messages(&self, queue: GroupId) -> u64 {
        let now = |level| self.groups[queue.index()].levels.get(&level).map_or(0, Gauge::value);
        now(Level::Backlog) + now(Level::Unacknowledged)
    }

    pub(super) fn levels(&mut self, process: ProcessId, at: Instant, busy: u32, waiting: u32) {
        let (group, index) = self.place(process);
        let levels = &mut group.members[index].levels;
        let (busy, waiting) = (u64::from(busy), u64::from(waiting));
        if let Some(together) = &mut group.together {
            cold_path();
            together.busy.set(at, together.busy.value() - levels.busy.value() + busy);
            together.waiting.set(at, together.waiting.value() - levels.waiting.value() + waiting);
        }
        levels.busy.set(at, busy);
        levels.waiting.set(at, waiting);
    }

    /// Each member of the group has so many workers from now on.
    pub(super) fn workers(&mut self, group: GroupId, at: Instant, workers: u32) {
        self.groups[group.index()].workers.set(at, u64::from(workers));
    }

    /// Time of its busy workers so far, in worker-nanoseconds.
    pub(super) fn busy_until(&self, process: ProcessId, at: Instant) -> u128 {
        self.member(process).levels.busy.area_until(at)
    }

    pub(super) fn up(&mut self, process: ProcessId, at: Instant, up: bool) {
        let (group, index) = self.place(process);
        let levels = &mut group.members[index].levels;
        if let Some(together) = &mut group.together {
            together.up.set(at, together.up.value() - levels.up.value() + u64::from(up));
        }
        levels.up.set(at, u64::from(up));
    }

    pub(super) fn call_began(&mut self, edge: EdgeId, at: Instant) {
        let edge = &mut self.edges[edge.index()];
        edge.calls.asked(at);
        edge.in_flight.change(at, 1);
    }

    pub(super) fn call_ended(&mut self, edge: EdgeId, started: Instant, at: Instant, outcome: Outcome) {
        let edge = &mut self.edges[edge.index()];
        edge.calls.ended(started, at, outcome as u8);
        edge.in_flight.change(at, -1);
    }

    #[inline]
    pub(super) fn attempt(&mut self, edge: EdgeId, callee: u16, at: Instant) {
        let edge = &mut self.edges[edge.index()];
        edge.attempts.add(at, 1);
        if let Some(counter) = edge.attempts_at.get_mut(usize::from(callee)) {
            cold_path();
            counter.add(at, 1);
        }
    }

    pub(super) fn edge_count(&mut self, edge: EdgeId, what: rpc::Counted, at: Instant) {
        use rpc::Counted as C;
        let edge = &mut self.edges[edge.index()];
        match what {
            C::Retry => edge.retries.add(at, 1),
            C::Hedge => edge.hedges.add(at, 1),
            C::TimedOut => edge.timeouts.add(at, 1),
            C::BreakerOpened => edge.breaker_opened.add(at, 1),
            C::BreakerRefused | C::LimitRefused | C::PoolRefused => edge.refused.add(at, 1),
            _ => {}
        }
    }

    pub(super) fn offered(&mut self, group: GroupId, entry: u16, intended: Instant) {
        let group = &mut self.groups[group.index()];
        group.entries[entry as usize].asked(intended);
        if group.entries.len() > 1 {
            cold_path();
            group.visits.asked(intended);
        }
    }

    pub(super) fn ended(
        &mut self,
        group: GroupId,
        entry: u16,
        intended: Instant,
        at: Instant,
        outcome: Outcome,
        root: u64,
    ) {
        let group = &mut self.groups[group.index()];
        let latency = at.since(intended);
        group.entries[entry as usize].ended(intended, at, outcome as u8);
        if group.entries.len() > 1 {
            cold_path();
            group.visits.ended(intended, at, outcome as u8);
        }
        if outcome.answered() {
            group.silence.answered(at);
        } else {
            cold_path();
            group.last_unanswered = group.last_unanswered.max(Some((intended, at)));
        }
        let hash = mix(root, 0x5eed);
        if group.examples.wants(hash) {
            group.examples.keep(Example { hash, root, latency, intended, outcome, entry });
        }
    }

    pub(super) fn message(&mut self, group: GroupId, at: Instant) {
        self.groups[group.index()].messages.add(at, 1);
    }

    pub(super) fn count(&mut self, group: GroupId, what: Counted, at: Instant, n: u32) {
        let frame = &self.frame;
        let counts = &mut self.groups[group.index()].counts;
        counts.entry(what).or_insert_with(|| Counter::new(frame.clone())).add(at, u64::from(n));
    }

    pub(super) fn level(&mut self, group: GroupId, index: u32, what: Level, at: Instant, value: u64) {
        let frame = &self.frame;
        let group = &mut self.groups[group.index()];
        let before = group.member_levels.insert((what, index), value).unwrap_or(0);
        let gauge = group.levels.entry(what).or_insert_with(|| Gauge::new(frame.clone(), 0));
        let total = gauge.value() - before + value;
        gauge.set(at, total);
    }

    pub(super) fn finish(&mut self, end: Instant) {
        for group in &mut self.groups {
            let members = group.members.iter_mut().map(|member| &mut member.visits);
            let tallies = [&mut group.visits, &mut group.waits, &mut group.kept].into_iter();
            tallies.chain(members).chain(&mut group.entries).for_each(Tally::settle);
            // All operations of a population that does only one thing are those of that thing.
            if let [only] = group.entries.as_slice() {
                group.visits = only.clone();
            }
            // What is only one is counted once, and closer.
            if let ([only], true) = (group.members.as_mut_slice(), group.entries.is_empty()) {
                only.visits = group.visits.clone();
            }
            group.members.iter_mut().for_each(|member| member.levels.finish(end));
            if let Some(together) = &mut group.together {
                together.finish(end);
            }
            group.levels.values_mut().for_each(|gauge| gauge.finish(end));
            group.workers.finish(end);
            group.examples.settle();
        }
        for edge in &mut self.edges {
            edge.calls.settle();
            edge.in_flight.finish(end);
        }
    }

    /// Little's law for every process and edge, to the nanosecond; no worker busier than there are workers.
    pub(super) fn audit(&self, end: Instant, setups: &[GroupSetup]) -> Vec<String> {
        let mut broken = Vec::new();
        if end != self.frame.end() {
            return broken;
        }
        let all = self.frame.all();
        for (group, setup) in self.groups.iter().zip(setups) {
            for (i, member) in group.members.iter().enumerate() {
                let law = member.visits.littles_law(&member.levels.inside);
                if !law.holds() {
                    broken.push(format!("Little's law at {}/{i}: {law:?}", setup.name));
                }
                let busy = member.levels.busy.level(&all);
                let most = group.workers.level(&all).area;
                if busy.area > most && most > 0 {
                    broken.push(format!("utilisation above 1 at {}/{i}: {busy:?}", setup.name));
                }
            }
        }
        broken
    }
}
