//! The numbers to say aloud, of one run.

use super::bottleneck::{Bottleneck, bottleneck};
use crate::engine::Instant;
use crate::metric::{ClassSet, EpochSet, Latencies};
use crate::run::Outcome;
use crate::world::Level;
use crate::world::meters::{ANSWERED, OK, REFUSED, TIMED_OUT};

/// What one client group saw.
///
/// Shares are those of the requests that ended. One that is still open when the run ends has neither been answered nor
/// given up: it counts in none of them but in [`Seen::open`]. (`availability` of the language counts it as not answered.)
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The group.
    pub name: String,
    /// Asked, per second.
    pub offered: f64,
    /// Answered in full, per second.
    pub goodput: f64,
    /// Share answered, if only by a fallback; `None` if nothing ended.
    pub answered: Option<f64>,
    /// Share refused: rejected, unavailable, aborted, or an error.
    pub refused: Option<f64>,
    /// Share given up.
    pub timed_out: Option<f64>,
    /// How long answers took. The numbers to say aloud: a refusal at once makes nobody faster.
    pub answers: Times,
    /// How long everything took that ended, refused or given up too, as `p99(users)` of the language has it.
    pub ended: Times,
    /// How many requests were made.
    pub requests: u64,
    /// How many of them are still open when the run ends.
    pub open: u64,
}

impl Seen {
    /// Share of the requests that are still open when the run ends, if it is worth a word.
    pub fn open_share(&self) -> Option<f64> {
        let share = self.open as f64 / self.requests.max(1) as f64;
        (share >= OPEN).then_some(share)
    }
}

/// A few requests are under way whenever a run ends; more than this share are a backlog.
const OPEN: f64 = 0.005;

/// Latencies of some requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Their mean, ns.
    pub mean_ns: Option<f64>,
    /// In ns: p50, p90, p99, p99.9, max.
    pub at_ns: [Option<u64>; 5],
    /// How many they are.
    pub count: u64,
}

impl Times {
    fn of(latencies: &Latencies) -> Times {
        let at = |p: f64| latencies.percentile(p).map(|s| s.0);
        Times {
            mean_ns: latencies.mean_ns(),
            at_ns: [at(50.0), at(90.0), at(99.0), at(99.9), latencies.max().map(|s| s.0)],
            count: latencies.count(),
        }
    }
}

/// What one component did.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Instances; of a component that is scaled, the most that served at once.
    pub replicas: usize,
    /// Workers, each.
    pub workers: u32,
    /// Mean share of workers busy, all instances; 0 to 1.
    pub utilisation: f64,
    /// The busiest instance.
    pub busiest: f64,
    /// Waiting requests, mean over time, all instances; of a queue also its messages.
    pub waiting: f64,
    /// Most that ever waited at one instance, or most messages of a queue.
    pub waiting_max: u64,
    /// Visits per second.
    pub visits: f64,
    /// Mean time of a visit, ns.
    pub visit_ns: Option<f64>,
}

/// The numbers of one run, after its warm-up.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Client groups in the order of their names.
    pub seen: Vec<Seen>,
    /// Components in the order of their names.
    pub parts: Vec<Part>,
    /// What limits the system.
    pub bottleneck: Bottleneck,
}

/// Sums up a run.
pub fn summary(outcome: &Outcome) -> Summary {
    let plan = &outcome.plan;
    let frame = outcome.meters.frame();
    let epochs = frame.epochs_in(Instant::ZERO + plan.warmup, plan.end);
    let seen = plan.clients.iter().enumerate().map(|(c, (clients, _))| {
        let tally = &outcome.meters.groups[plan.components.len() + c].visits;
        let (requests, share) = (tally.offered(&epochs), |classes| tally.share_of_ended(&epochs, classes));
        Seen {
            name: clients.name.clone(),
            offered: tally.offered_per_second(&epochs),
            goodput: tally.rate_per_second(&epochs, OK),
            answered: share(ANSWERED),
            refused: share(REFUSED),
            timed_out: share(TIMED_OUT),
            answers: Times::of(&tally.latencies(&epochs, ANSWERED)),
            ended: Times::of(&tally.latencies(&epochs, ClassSet::ALL)),
            requests,
            open: requests.saturating_sub(tally.count(&epochs, ClassSet::ALL)),
        }
    });
    let seen: Vec<Seen> = seen.collect();
    let parts: Vec<Part> = (0..plan.components.len()).map(|g| part(outcome, g, &epochs)).collect();
    let bottleneck = bottleneck(outcome, &parts, seen.first().and_then(|s| s.ended.mean_ns));
    Summary { seen, parts, bottleneck }
}

fn part(outcome: &Outcome, g: usize, epochs: &EpochSet) -> Part {
    let plan = &outcome.plan;
    let (component, meters) = (&plan.components[g], &outcome.meters.groups[g]);
    let workers = meters.mean_workers(epochs);
    let busy = |m: &crate::world::MemberMeters| m.levels.busy.level(epochs).mean().unwrap_or(0.0) / workers;
    let n = meters.members.len().max(1) as f64;
    let backlog = meters.levels.get(&Level::Backlog).map(|gauge| gauge.level(epochs)).unwrap_or_default();
    let waiting = meters.members.iter().map(|m| m.levels.waiting.level(epochs));
    let scaled = component.scaling.is_some();
    let share = |busy: f64, capacity: f64| busy / capacity.max(f64::MIN_POSITIVE);
    let most = meters.levels.get(&Level::Replicas).map(|replicas| replicas.level(epochs).max as usize);
    Part {
        name: component.name.clone(),
        replicas: most.unwrap_or(meters.members.len()),
        workers: component.station.workers,
        utilisation: if scaled {
            share(meters.members.iter().map(busy).sum::<f64>() * workers, component.capacity(meters, epochs))
        } else {
            meters.members.iter().map(busy).sum::<f64>() / n
        },
        busiest: if scaled {
            meters
                .members
                .iter()
                .map(|m| share(busy(m) * workers, component.capacity_of(meters, m, epochs)))
                .fold(0.0, f64::max)
        } else {
            meters.members.iter().map(busy).fold(0.0, f64::max)
        },
        waiting: waiting.clone().chain([backlog]).filter_map(|level| level.mean()).sum(),
        waiting_max: waiting.chain([backlog]).map(|level| level.max).max().unwrap_or(0),
        visits: meters.visits.offered_per_second(epochs),
        visit_ns: meters.visits.latencies(epochs, ClassSet::ALL).mean_ns(),
    }
}
