//! Plays a plan, and plays it again to look closer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::build::{Member, build_with};
use crate::catalog::AnyProcess;
use crate::engine::{GroupId, Instant, ProcessId, Span};
use crate::history::History;
use crate::metric::ClassSet;
use crate::scenario::{FaultPlan, Plan};
use crate::workload::Pattern;
use crate::world::meters::ANSWERED;
use crate::world::{Acted, Example, Finished, Focus, Meters, Point, Process, Role, Scaled, Trace, Usage, World};

/// What one run of one plan came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was run.
    pub plan: Arc<Plan>,
    /// The running hash of everything that happened.
    pub digest: u64,
    /// The same at the end of each bin.
    pub digests: Vec<u64>,
    /// How many events there were.
    pub events: u64,
    /// What was measured.
    pub meters: Meters,
    /// How long links and disks worked.
    pub usage: Usage,
    /// What clients of stores saw, and what was observed.
    pub history: History,
    /// Clients that went on under a new number in the history: their group, and their place in it.
    pub origins: BTreeMap<u32, (GroupId, u32)>,
    /// Processes of one operation alone, in the order of their numbers: who called, by group and place in it. What a
    /// service asks is of that kind.
    pub callers: Vec<(u32, GroupId, u32)>,
    /// What the faults did.
    pub acted: Vec<Acted>,
    /// What scalers did.
    pub scaled: Vec<Scaled>,
    /// Who became what, when.
    pub roles: Vec<(Instant, ProcessId, Role)>,
    /// Who passed which named point, when.
    pub points: Vec<(Instant, ProcessId, Point)>,
    /// Self-checks that failed: errors of ours.
    pub broken: Vec<String>,
}

impl Outcome {
    /// Whether no user waits for an answer before asking again.
    pub fn asks_regardless(&self) -> bool {
        self.plan.clients.iter().all(|(clients, _)| matches!(clients.pattern, Pattern::Open { .. }))
    }

    /// Faults that never hit anybody, since nobody had the role that they aim at or was up, and how many times they tried.
    pub fn missed(&self) -> Vec<(&str, usize)> {
        let faults = self.plan.faults.iter().enumerate().filter_map(|(number, fault)| {
            let of = |act: &&Acted| usize::from(act.fault) == number;
            // What it does first is what it is; the rest undoes that. A cut both ways acts twice at once.
            let what = self.acted.iter().find(of)?.what;
            let begins = || self.acted.iter().filter(of).filter(|act| act.what == what);
            let mut times: Vec<Instant> = begins().map(|act| act.at).collect();
            times.dedup();
            begins().all(|act| act.missed).then_some((fault.name.as_str(), times.len()))
        });
        faults.collect()
    }

    /// The group of a process of the history among all groups, and its place in it: a number says both until an
    /// operation of its client ended in doubt.
    pub fn client(&self, process: u32) -> (usize, u32) {
        match self.origins.get(&process) {
            Some((group, place)) => (group.index(), *place),
            None => ((process >> 24) as usize, process & 0x00ff_ffff),
        }
    }

    /// Who made the only operation of a process of the history: the group, and the place in it; `None` if the process
    /// is a client that makes many.
    pub fn caller(&self, process: u32) -> Option<(usize, u32)> {
        let at = self.callers.binary_search_by_key(&process, |(number, ..)| *number).ok()?;
        let (_, group, place) = self.callers[at];
        Some((group.index(), place))
    }
}

/// The run ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How far it came.
    pub at: Instant,
    /// Why.
    pub why: Why,
}

/// Why a run ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Somebody stopped it.
    Interrupted,
    /// Time stood still: a loop in which nothing takes time.
    Stalled,
    /// It took far more events than the scenario allows.
    TooMany {
        /// So many.
        events: u64,
        /// `max_events`.
        most: u64,
    },
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Span(self.at.0);
        match self.why {
            Why::Interrupted => write!(f, "interrupted at {at}"),
            Why::Stalled => write!(f, "time stands still at {at}: something goes round in which nothing takes time"),
            Why::TooMany { events, most } => {
                write!(f, "by {at} this run took {events} events, more than {MARGIN} times max_events = {most}")
            }
        }
    }
}

impl std::error::Error for Stopped {}

/// Events between two looks at whether to go on.
const LOOK: u64 = 50_000;
/// Events at one instant after which time stands still: no burst of any scenario comes near.
const STALLED: u64 = 20_000_000;
/// A run is stopped at so many times `max_events`: what is allowed is held against an estimate before the run, which knows
/// nothing of retries, of elections and of messages between replicas.
const MARGIN: u64 = 4;

/// Plays a plan. `progress` is told virtual time and events now and then, and may stop the run by saying `false`.
pub fn play(plan: &Arc<Plan>, progress: &mut dyn FnMut(Instant, u64) -> bool) -> Result<Outcome, Stopped> {
    play_with::<AnyProcess>(plan, |_| None, progress)
}

/// Plays a plan with processes of the caller's own in the place of some.
pub fn play_with<P: Process + From<AnyProcess>>(
    plan: &Arc<Plan>,
    own: impl Fn(Member<'_>) -> Option<P>,
    progress: &mut dyn FnMut(Instant, u64) -> bool,
) -> Result<Outcome, Stopped> {
    let plan = &settled(plan, &own, progress)?;
    let mut world = build_with(plan, Focus::default(), own);
    drive(&mut world, plan, progress, &|_| false)?;
    Ok(finish(plan, world.finish()))
}

/// The plan with the times at which faults act that wait for a point of a protocol. What is measured is cut at them, so
/// they must be known before; a pass that goes as far as the last of them tells, since the next one plays the same.
fn settled<P: Process + From<AnyProcess>>(
    plan: &Arc<Plan>,
    own: &impl Fn(Member<'_>) -> Option<P>,
    progress: &mut dyn FnMut(Instant, u64) -> bool,
) -> Result<Arc<Plan>, Stopped> {
    let waiting = |acted: &[Acted]| -> Vec<Option<Instant>> {
        let first = |number: usize| acted.iter().find(|act| usize::from(act.fault) == number).map(|act| act.at);
        let awaits = |(number, fault): (usize, &FaultPlan)| fault.awaits.as_ref().and_then(|_| first(number));
        plan.faults.iter().enumerate().map(awaits).collect()
    };
    let count = plan.faults.iter().filter(|fault| fault.awaits.is_some()).count();
    if count == 0 {
        return Ok(plan.clone());
    }
    let mut world = build_with(plan, Focus::default(), own);
    drive(&mut world, plan, progress, &|world| waiting(world.acted()).iter().flatten().count() == count)?;
    let mut settled = Plan::clone(plan);
    for (fault, at) in settled.faults.iter_mut().zip(waiting(world.acted())) {
        let (Some(awaits), Some(at)) = (&fault.awaits, at) else { continue };
        let until = awaits.lasting.map_or(plan.end, |lasting| (at + lasting).min(plan.end));
        fault.windows = vec![(at, until)];
    }
    Ok(Arc::new(settled))
}

fn drive<P: Process>(
    world: &mut World<P>,
    plan: &Plan,
    progress: &mut dyn FnMut(Instant, u64) -> bool,
    enough: &dyn Fn(&World<P>) -> bool,
) -> Result<(), Stopped> {
    // A thousand steps: often enough to be stopped, too seldom to cost anything.
    let step = Span((plan.end.0 / 1000).max(1));
    let mut now = Instant::ZERO;
    while now < plan.end && !enough(world) {
        now = (now + step).min(plan.end);
        let mut moved = (world.now(), world.events());
        loop {
            let done = world.run_some(now, LOOK);
            let stopped = |why| Err(Stopped { at: world.now(), why });
            if !progress(world.now(), world.events()) {
                return stopped(Why::Interrupted);
            }
            let (events, most) = (world.events(), plan.events.1);
            if events > most.saturating_mul(MARGIN) {
                return stopped(Why::TooMany { events, most });
            }
            if done {
                break;
            }
            if world.now() > moved.0 {
                moved = (world.now(), world.events());
            } else if world.events() - moved.1 > STALLED {
                return stopped(Why::Stalled);
            }
        }
    }
    Ok(())
}

/// Turns a finished world into an outcome. What must hold in the end is judged on keys that were left alone for half a
/// minute, and at most a quarter of the run: repair takes its time.
pub fn finish<P>(plan: &Arc<Plan>, finished: Finished<P>) -> Outcome {
    let mut history = finished.history;
    history.shrink_to_fit();
    history.leave_alone_since(Instant(plan.end.0 - Span::secs(30).min(Span(plan.end.0 / 4)).0));
    Outcome {
        plan: plan.clone(),
        digest: finished.digest,
        digests: finished.digests,
        events: finished.events,
        meters: finished.meters,
        usage: finished.usage,
        history,
        origins: finished.origins,
        callers: finished.callers,
        acted: finished.acted,
        scaled: finished.scaled,
        roles: finished.roles,
        points: finished.points,
        broken: finished.broken,
    }
}

/// A request that stands for a percentile, and everything that happened on its behalf.
#[derive(Clone, Debug)]
pub struct Exemplar {
    /// Which percentile, in percent.
    pub percent: f64,
    /// The request.
    pub example: Example,
    /// Its client group.
    pub clients: usize,
}

/// What a second pass kept: the requests, and what happened on their behalf.
pub type SecondPass = (Vec<Exemplar>, Trace);

/// Plays the same run again and keeps what happened on behalf of one median and one p99 answer of each client group.
/// An error if the second pass did not reproduce the first: then something of ours isn't deterministic.
pub fn explain(outcome: &Outcome) -> Result<SecondPass, String> {
    let plan = &outcome.plan;
    let mut exemplars = Vec::new();
    for c in 0..plan.clients.len() {
        let group = &outcome.meters.groups[plan.components.len() + c];
        let warm = Instant::ZERO + plan.warmup;
        let mut sample: Vec<&Example> = group.examples.iter().filter(|e| e.intended >= warm).collect();
        sample.sort_by_key(|e| (e.latency, e.root));
        let epochs = outcome.meters.frame().epochs_in(warm, plan.end);
        // Answers, unless there are none: then what users got instead.
        let some = sample.iter().any(|e| ANSWERED.contains(e.outcome as u8));
        let classes = if some { ANSWERED } else { ClassSet::ALL };
        sample.retain(|e| classes.contains(e.outcome as u8));
        let all = group.visits.latencies(&epochs, classes);
        for percent in [50.0, 99.0] {
            // The sample is small: of its requests the one nearest to the percentile of all.
            let Some(wanted) = all.percentile(percent) else { continue };
            if let Some(example) = sample.iter().min_by_key(|e| e.latency.0.abs_diff(wanted.0)) {
                exemplars.push(Exemplar { percent, example: **example, clients: c });
            }
        }
    }
    let mut roots: Vec<u64> = exemplars.iter().map(|e| e.example.root).collect();
    roots.sort_unstable();
    roots.dedup();
    Ok((exemplars, again(outcome, Focus { roots, limit: 20_000, ..Focus::default() }, plan.end)?))
}

/// Plays the same run again up to the end of this window, and keeps what was asked and said in it about one key, and who
/// had what of it. An error as of [`explain`].
pub fn watch(outcome: &Outcome, key: u64, window: (Instant, Instant)) -> Result<Trace, String> {
    again(outcome, Focus { windows: vec![window], key: Some(key), limit: 20_000, ..Focus::default() }, window.1)
}

/// The second pass goes as far as `until`, and must agree with the first as far as it goes.
fn again(outcome: &Outcome, focus: Focus, until: Instant) -> Result<Trace, String> {
    let plan = &outcome.plan;
    let until = until.min(plan.end);
    let mut world = super::build(plan, focus);
    world.run_until(until);
    let again = world.finish();
    // The last digest is that of the end of the pass; the others are those of the bins' ends.
    let bins = again.digests.len() - usize::from(until < plan.end);
    if again.digests[..bins] != outcome.digests[..bins] {
        let bin = again.digests.iter().zip(&outcome.digests).position(|(a, b)| a != b);
        return Err(format!("the second pass differs from the first, from bin {bin:?} on"));
    }
    Ok(again.trace)
}
