//! What comes to each component in the long run, over balancers, flows, caches and queues, and what it is worth in
//! processor time.
//!
//! It is no more than what certainly happens while nothing fails: every cache hits, nobody tries twice, branches and
//! lists of which only the run knows count for nothing, and whoever has more to do than he can passes on what he can.

use std::collections::{BTreeMap, BTreeSet};

use crate::component::cache::WriteMode;
use crate::engine::{EdgeId, Instant};
use crate::flow::{Act, Failing, FlowPlan, Law, Source, Variable};
use crate::physics::station::{DropRule, StationSpec, WorkerModel};
use crate::rpc::policy::Balance;
use crate::rpc::{EdgeSpec, Verb};
use crate::scenario::lower::Site;
use crate::scenario::plan::{ComponentPlan, Kind};
use crate::workload::Pattern;

/// One kind of request at one component.
type Stop = (usize, Verb);

/// Where a request of one kind leads, and how often.
struct Hop {
    edge: usize,
    to: Stop,
    times: f64,
    /// The queue whose consumer takes it when it is free.
    pulled: Option<usize>,
}

/// Requests a second.
#[derive(Clone, Copy, Default)]
struct Rates {
    /// Of callers who come whether it is free or not.
    pushed: f64,
    /// Of consumers, who leave in a queue what they can't do.
    pulled: f64,
    /// That queue, if it is known.
    queue: Option<usize>,
    /// The first client group that is behind it.
    clients: Option<usize>,
}

/// What somebody has to do, in shares of what he can.
#[derive(Clone, Copy, Default)]
pub(super) struct Load {
    pub(super) pushed: f64,
    pub(super) pulled: f64,
    pub(super) queue: Option<usize>,
    pub(super) clients: Option<usize>,
}

/// The traffic of a plan.
pub(super) struct Traffic<'s> {
    site: &'s Site<'s>,
    /// What begins, how often, over which edge; and the client group that begins it, if it is one.
    starts: Vec<(Hop, Option<usize>)>,
    onward: BTreeMap<Stop, Vec<Hop>>,
    rates: BTreeMap<Stop, Rates>,
}

impl<'s> Traffic<'s> {
    pub(super) fn of(site: &'s Site<'s>, end: Instant) -> Traffic<'s> {
        let mut traffic = Traffic { site, starts: starts(site, end), onward: BTreeMap::new(), rates: BTreeMap::new() };
        let order = traffic.explore();
        // How much somebody passes on depends on how much comes to him.
        let mut passes = vec![1.0; site.components.len()];
        for _ in 0..2 {
            traffic.spread(&order, &passes);
            for (g, passes) in passes.iter_mut().enumerate() {
                let load = traffic.load(g);
                *passes = (1.0 / (load.pushed + load.pulled)).min(1.0);
            }
        }
        traffic
    }

    /// What a component has to do.
    pub(super) fn load(&self, g: usize) -> Load {
        let component = &self.site.components[g];
        let (of_one, of_all) = capacity(component);
        let (mut load, mut writes) = (Load::default(), 0.0);
        for ((_, verb), rates) in self.rates.range((g, Verb::Ping)..).take_while(|((at, _), _)| *at == g) {
            let work = cost(component, *verb);
            load.pushed += rates.pushed * work / of_all;
            load.pulled += rates.pulled * work / of_all;
            load.queue = load.queue.or(rates.queue);
            load.clients = earlier(load.clients, rates.clients);
            if changes(*verb) {
                writes += rates.pushed * work / of_one;
            }
        }
        // Every replica carries out every write.
        if matches!(component.kind, Kind::Store(Some(_))) {
            load.pushed = load.pushed.max(writes);
        }
        load
    }

    /// What a component would have to do more if each call of an edge were made `times` as often.
    pub(super) fn more(&self, edge: usize, g: usize, times: f64) -> f64 {
        let mut work = 0.0;
        let hops = self.starts.iter().map(|(hop, _)| (1.0, hop)).chain(self.onward.iter().flat_map(|(stop, hops)| {
            let rates = self.rates.get(stop).copied().unwrap_or_default();
            hops.iter().map(move |hop| (rates.pushed + rates.pulled, hop))
        }));
        for (rate, hop) in hops.filter(|(_, hop)| hop.edge == edge) {
            let reached = share_from(self.site, hop.to.0, g, self.site.components.len());
            work += rate * hop.times * reached * cost(&self.site.components[g], hop.to.1);
        }
        work * (times - 1.0) / capacity(&self.site.components[g]).1
    }

    /// Messages a second that are put into a queue, and the client group behind them.
    pub(super) fn appended(&self, queue: usize) -> (f64, Option<usize>) {
        let rates = self.rates.get(&(queue, Verb::Append)).copied().unwrap_or_default();
        (rates.pushed + rates.pulled, rates.clients)
    }

    /// Finds every stop that the clients' requests come to. In the order that is returned each comes before those it
    /// leads to; a circle of queues is cut open somewhere.
    fn explore(&mut self) -> Vec<Stop> {
        let (mut open, mut seen, mut order) = (Vec::new(), BTreeSet::new(), Vec::new());
        open.extend(self.starts.iter().map(|(hop, _)| (hop.to, false)));
        while let Some((stop, left)) = open.pop() {
            if left {
                order.push(stop);
            } else if seen.insert(stop) {
                let hops = onward(self.site, stop);
                open.push((stop, true));
                open.extend(hops.iter().map(|hop| (hop.to, false)));
                self.onward.insert(stop, hops);
            }
        }
        order.reverse();
        order
    }

    fn spread(&mut self, order: &[Stop], passes: &[f64]) {
        self.rates.clear();
        for (hop, clients) in &self.starts {
            let row = self.rates.entry(hop.to).or_default();
            row.pushed += hop.times;
            row.clients = earlier(row.clients, *clients);
        }
        for stop in order {
            let rates = self.rates.get(stop).copied().unwrap_or_default();
            for hop in self.onward.get(stop).into_iter().flatten() {
                let times = hop.times * passes[stop.0];
                let row = self.rates.entry(hop.to).or_default();
                match hop.pulled {
                    Some(_) => row.pulled += (rates.pushed + rates.pulled) * times,
                    None => {
                        row.pushed += rates.pushed * times;
                        row.pulled += rates.pulled * times;
                    }
                }
                row.queue = row.queue.or(hop.pulled).or(rates.queue);
                row.clients = earlier(row.clients, rates.clients);
            }
        }
    }
}

fn earlier(one: Option<usize>, other: Option<usize>) -> Option<usize> {
    one.into_iter().chain(other).min()
}

/// Whether a station refuses or drops what is too much.
pub(super) fn bounded(station: &StationSpec) -> bool {
    station.limit.is_some() || station.shed.is_some() || station.drop != DropRule::Never
}

/// Whether an edge lets no more through than its callee answers.
fn guarded(edge: &EdgeSpec) -> bool {
    let policy = &edge.policy;
    let waits = policy.pool.as_ref().is_some_and(|pool| pool.max_wait.is_some());
    policy.breaker.is_some() || policy.concurrency.is_some() || waits
}

/// Seconds of processor time that pass in a second, of one replica and of all.
pub(super) fn capacity(component: &ComponentPlan) -> (f64, f64) {
    let of_one = f64::from(component.station.workers) * component.station.speed;
    (of_one, of_one * component.hosts.len() as f64)
}

/// Processor time of one visit with all that its flow does here, seconds at speed 1.
pub(super) fn cost(component: &ComponentPlan, verb: Verb) -> f64 {
    // What a clock begins is no visit.
    let visits = !matches!((&component.kind, verb), (Kind::Service(spec), Verb::Deliver(flow))
        if spec.periodic.iter().any(|(periodic, _)| *periodic == flow));
    let law = component.service.law(verb).filter(|_| visits);
    let visit = law.and_then(|law| law.mean()).unwrap_or(0.0);
    (visit + flow_of(component, verb).map_or(0.0, |flow| expected(flow).work)) / 1e9
}

fn flow_of(component: &ComponentPlan, verb: Verb) -> Option<&FlowPlan> {
    let (Kind::Service(spec), Verb::Run(id) | Verb::Deliver(id)) = (&component.kind, verb) else { return None };
    spec.flows.iter().find(|(flow, _)| *flow == id).map(|(_, flow)| &**flow)
}

/// Whether it changes what a store keeps.
pub(super) fn changes(verb: Verb) -> bool {
    !matches!(verb, Verb::Read | Verb::Scan | Verb::SetContains | Verb::Ping)
}

/// What open clients ask, and what services do by the clock. Closed clients wait for who is slow.
fn starts(site: &Site<'_>, end: Instant) -> Vec<(Hop, Option<usize>)> {
    let mut starts = Vec::new();
    for (c, (population, _)) in site.clients.iter().enumerate() {
        let Pattern::Open { rate, requests, .. } = &population.pattern else { continue };
        let asked = rate.mean(Instant::ZERO, end) * requests.mean().unwrap_or(1.0).max(1.0);
        for entry in &population.mix {
            let hops = over(site, entry.action.edge, entry.action.verb, asked * entry.share, None);
            starts.extend(hops.into_iter().map(|hop| (hop, Some(c))));
        }
    }
    for (g, component) in site.components.iter().enumerate() {
        let Kind::Service(spec) = &component.kind else { continue };
        for (flow, every) in &spec.periodic {
            let times = component.hosts.len() as f64 / every.as_secs_f64();
            starts.push((Hop { edge: usize::MAX, to: (g, Verb::Deliver(*flow)), times, pulled: None }, None));
        }
    }
    starts
}

/// Where so many calls of an edge lead.
fn over(site: &Site<'_>, edge: EdgeId, verb: Verb, times: f64, pulled: Option<usize>) -> Vec<Hop> {
    let Some(spec) = site.edges.get(edge.index()).filter(|spec| !guarded(spec) && times > 0.0) else {
        return Vec::new();
    };
    let to = parts(spec).into_iter().filter(|(g, part)| *g < site.components.len() && *part > 0.0);
    to.map(|(g, part)| Hop { edge: edge.index(), to: (g, verb), times: times * part, pulled }).collect()
}

/// Whom an edge asks, each with its share: by the weights of its instances, or their number.
fn parts(edge: &EdgeSpec) -> Vec<(usize, f64)> {
    let weight = |from: u32, to: u32| -> f64 {
        match &edge.policy.balance {
            Balance::Weighted(weights) => weights[from as usize..to as usize].iter().sum(),
            _ => f64::from(to - from),
        }
    };
    let mut from = 0;
    edge.callees()
        .map(|callee| {
            let to = from + callee.instances;
            let part = if edge.beside.is_empty() { 1.0 } else { weight(from, to) / weight(0, edge.instances) };
            from = to;
            (callee.group.index(), part)
        })
        .collect()
}

/// The share of what comes to a component that gets to another over balancers only, at most `deep` of them.
fn share_from(site: &Site<'_>, at: usize, to: usize, deep: usize) -> f64 {
    if at == to {
        return 1.0;
    }
    let balancer = matches!(site.components.get(at).map(|c| &c.kind), Some(Kind::LoadBalancer(_)));
    let Some(edge) = asking(site, at).filter(|_| balancer && deep > 0) else { return 0.0 };
    parts(&site.edges[edge]).into_iter().map(|(g, part)| part * share_from(site, g, to, deep - 1)).sum()
}

/// The edge over which a balancer passes on what it is asked.
fn asking(site: &Site<'_>, caller: usize) -> Option<usize> {
    site.edges.iter().position(|e| e.caller.index() == caller && !e.name.is_empty() && !e.name.contains(" checks "))
}

/// What one request of a kind leads to.
fn onward(site: &Site<'_>, (g, verb): Stop) -> Vec<Hop> {
    let component = &site.components[g];
    // Whoever holds a worker while he waits can't ask for more than his workers, and refuses the rest.
    if component.station.model == WorkerModel::Thread && bounded(&component.station) {
        return Vec::new();
    }
    match &component.kind {
        Kind::LoadBalancer(_) => {
            let edge = asking(site, g).map(EdgeId::at);
            edge.map_or_else(Vec::new, |edge| over(site, edge, verb, 1.0, None))
        }
        Kind::Cache(spec) => {
            let kept = match verb {
                Verb::Read | Verb::Serve(_) | Verb::Run(_) | Verb::Fill | Verb::Invalidate => true,
                verb if changes(verb) => spec.writes == WriteMode::Behind,
                _ => false,
            };
            let edge = spec.backing.filter(|_| !kept);
            edge.map_or_else(Vec::new, |edge| over(site, edge, verb, 1.0, None))
        }
        Kind::Queue(spec) => {
            // Of several consumers nobody knows who is free.
            let alone = spec.groups.iter().filter_map(|group| match group.takers.as_slice() {
                [taker] => Some(taker),
                _ => None,
            });
            alone.flat_map(|taker| over(site, taker.edge, Verb::Deliver(taker.flow), 1.0, Some(g))).collect()
        }
        Kind::Service(_) => {
            let calls = flow_of(component, verb).map_or_else(Vec::new, |flow| expected(flow).calls);
            calls.into_iter().flat_map(|(edge, verb, times)| over(site, edge, verb, times, None)).collect()
        }
        Kind::Store(_) | Kind::Membership(_) => Vec::new(),
    }
}

/// What a flow does on average, at least.
struct Expected {
    /// Processor time, ns.
    work: f64,
    /// How often it asks over which edge.
    calls: Vec<(EdgeId, Verb, f64)>,
}

fn expected(flow: &FlowPlan) -> Expected {
    let rounds = rounds(&flow.code);
    let mut all = Expected { work: 0.0, calls: Vec::new() };
    // How often each act is done, loops apart: acts lead forward only.
    let mut done = vec![0.0; flow.code.len() + 1];
    done[0] = 1.0;
    for (at, act) in flow.code.iter().enumerate() {
        let here = done[at];
        let mut goes = |to: u32, times: f64| {
            if let Some(done) = done.get_mut(to as usize) {
                *done += here * times;
            }
        };
        let next = at as u32 + 1;
        match act {
            Act::Call(call) => {
                all.calls.push((call.edge, call.verb, here * rounds[at]));
                let stops = call.failing == Failing::Duplicate && !fresh(flow, call.key);
                goes(next, if stops { 0.0 } else { 1.0 });
            }
            Act::Work(law) => {
                all.work += here * rounds[at] * law.mean().unwrap_or(0.0);
                goes(next, 1.0);
            }
            Act::Missed(hit) => goes(*hit, 1.0),
            Act::Parallel { starts, .. } => {
                starts.iter().for_each(|start| goes(*start, 1.0));
                goes(next, 1.0);
            }
            Act::FanOut { over, start, .. } => {
                goes(*start, members(flow, *over));
                goes(next, 1.0);
            }
            Act::Chance(share, other) => {
                goes(next, *share);
                goes(*other, 1.0 - share);
            }
            Act::If(Source::Number(0), other) => goes(*other, 1.0),
            Act::If(Source::Number(_), _) => goes(next, 1.0),
            Act::If(source, _) if fresh(flow, *source) => goes(next, 1.0),
            Act::If(_, other) => goes(join(&flow.code, *other), 1.0),
            Act::Jump(to) => goes(*to, 1.0),
            Act::Dedupe { key, .. } if !fresh(flow, *key) => {}
            Act::End => {}
            _ => goes(next, 1.0),
        }
    }
    all
}

/// How often the loops around each act go round: to the end, if nothing ends them before.
fn rounds(code: &[Act]) -> Vec<f64> {
    let mut rounds = vec![1.0; code.len()];
    for (at, act) in code.iter().enumerate() {
        if let Act::Again { most, until: None, back, .. } = act {
            rounds[*back as usize..=at].iter_mut().for_each(|rounds| *rounds *= *most as f64);
        }
    }
    rounds
}

/// Where both ways of a branch meet: behind the other one, over which the first jumps.
fn join(code: &[Act], other: u32) -> u32 {
    match (other as usize).checked_sub(1).and_then(|last| code.get(last)) {
        Some(Act::Jump(to)) if *to > other => *to,
        _ => other,
    }
}

/// Whether no other request has that number.
fn fresh(flow: &FlowPlan, source: Source) -> bool {
    match source {
        Source::Request => true,
        Source::Variable(variable) => !bound(flow, variable) && flow.draws.contains(&(variable, Law::Unique)),
        Source::Key | Source::Client | Source::Number(_) => false,
    }
}

/// How many strands a fan-out begins, as far as that can be told.
fn members(flow: &FlowPlan, over: Source) -> f64 {
    match over {
        Source::Number(count) => count as f64,
        Source::Variable(variable) if !bound(flow, variable) => {
            let law = flow.draws.iter().find(|(drawn, _)| *drawn == variable);
            match law {
                Some((_, Law::Number(law))) => law.mean().unwrap_or(0.0).max(0.0),
                _ => 0.0,
            }
        }
        _ => 0.0,
    }
}

/// Whether something that is read may stand there.
fn bound(flow: &FlowPlan, variable: Variable) -> bool {
    flow.code.iter().any(|act| matches!(act, Act::Call(call) if call.bind == Some(variable)))
}
