//! Stores and clusters against results that others have published or that follow in closed form, through the protocols
//! themselves on the simulated network.
//!
//! Tolerance: four standard errors of the run and of the figure together; a probability counts as a binomial.

#![allow(unreachable_pub, reason = "the enum of processes is public")]

use std::sync::Arc;

use netsplit::engine::{Bits, Dist, Draws, EdgeId, GroupId, Instant, ProcessId, Seed, Span, ZoneId};
use netsplit::history::ObjectId;
use netsplit::metric::Frame;
use netsplit::physics::link::{Delay, LinkShape};
use netsplit::physics::topology::{Topology, Zone};
use netsplit::protocol::gossip::{Gossip, GossipSpec, Interest, Mode, Rounds, Spread};
use netsplit::protocol::quorum::{Quorum, Wars};
use netsplit::protocol::swim::{Selection, Swim, SwimSpec};
use netsplit::protocol::{Group, QuorumSpec};
use netsplit::rpc::{Answer, Cause, EdgeSpec, Op, Outcome, Policy, Token, Verb};
use netsplit::world::{
    Control, Focus, GroupSetup, HostSetup, Never, Out, Power, Process, Scheduled, Setup, Side, Target, When, World,
};

/// A group of `n` on perfect machines, each message under way for `delay` and lost with probability `loss`.
fn setup<P: Process>(seed: u64, end: Instant, delay: Span, loss: f64) -> Setup<P> {
    let link = LinkShape {
        delay: Delay::OneWay(Dist::constant(delay.0 as f64)),
        loss,
        ..LinkShape::round_trip(Dist::constant(0.0))
    };
    let topology = Topology {
        regions: vec!["here".into()],
        zones: vec![Zone { name: "a".into(), region: 0 }],
        links: vec![link.clone(), link.clone(), link],
    };
    let frame = Frame::new(end, &[], Frame::bin_for(end)).expect("it has a length");
    Setup::new(Seed(seed), topology, Arc::new(frame))
}

fn add<P: Process>(setup: &mut Setup<P>, name: &str, n: u32, make: impl FnMut(u32) -> P) -> GroupId {
    let host = |i| {
        let mut host = HostSetup::standard(&format!("{name}/{i}"), ZoneId(0));
        host.disk.fsync_time = Dist::constant(0.0);
        host
    };
    setup.component(GroupSetup::component(name), (0..n).map(host).collect(), make)
}

/// Runs a group to its end and gives its members.
fn play<P: Process>(setup: Setup<P>, end: Instant) -> Vec<P> {
    let mut world = World::new(setup, Focus::default());
    world.run_until(end);
    let finished = world.finish();
    assert_eq!(finished.broken, Vec::<String>::new());
    finished.processes
}

fn seconds(s: f64) -> Instant {
    Instant((s * 1e9) as u64)
}

fn near_probability(what: &str, hits: u64, trials: u64, p: f64, figure_error: f64) {
    let n = trials as f64;
    let found = hits as f64 / n;
    let error = (p * (1.0 - p) / n + figure_error * figure_error).sqrt().max(0.5 / n);
    assert!((found - p).abs() <= 4.0 * error, "{what}: {found} of {trials}, expected {p} ± {error}");
}

fn near_mean(what: &str, values: &[f64], expected: f64, figure_error: f64, widest: f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    let error = (variance / n + figure_error * figure_error).sqrt();
    assert!((mean - expected).abs() <= 4.0 * error, "{what}: {mean}, expected {expected} ± {error}");
    assert!(4.0 * error <= widest * expected, "{what}: an error of {error} tells nothing about {expected}");
}

// ---- probabilistically bounded staleness ----

/// Writes a key, then reads it under another coordinator some time after the write was answered, again and again.
#[derive(Clone, Debug)]
pub struct Trials {
    edge: EdgeId,
    replicas: u32,
    left: u64,
    /// How long after the write each read comes: taken in turn.
    after: Vec<Span>,
    number: u64,
    asked: Instant,
    /// By position in `after`: reads that saw the write, and all.
    seen: Vec<(u64, u64)>,
    write_latency: Vec<Span>,
    read_latency: Vec<Span>,
}

impl Trials {
    fn call(&mut self, verb: Verb, out: &mut Out<'_, Self>) {
        let op = Op::on_key(verb, self.number, self.number);
        let cause = Cause { root: self.number, path: 0, deadline: Instant::NEVER, request: self.number, client: 0 };
        let to = (self.number + u64::from(verb == Verb::Read)) % u64::from(self.replicas);
        self.asked = out.true_now();
        out.call_instance(self.edge, to as u32, op, cause, Token(u64::from(verb == Verb::Read)));
    }
    fn begin(&mut self, out: &mut Out<'_, Self>) {
        if self.left > 0 {
            self.left -= 1;
            self.number += 1;
            self.call(Verb::Write, out);
        }
    }
}

impl Process for Trials {
    type Msg = Never;
    type Timer = ();
    type Record = ();
    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        out.wake(Token(1), out.true_now());
    }
    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {
        if token.0 == 0 { self.call(Verb::Read, out) } else { self.begin(out) }
    }
    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {
        if answer.outcome != Outcome::Ok {
            // One in many thousands of a long tail is out of patience; it says nothing.
            return self.begin(out);
        }
        let which = (self.number % self.after.len() as u64) as usize;
        let took = out.true_now().since(self.asked);
        if token.0 == 0 {
            self.write_latency.push(took);
            out.wake(Token(0), out.true_now() + self.after[which]);
        } else {
            self.read_latency.push(took);
            self.seen[which].0 += u64::from(answer.value == self.number);
            self.seen[which].1 += 1;
            self.begin(out);
        }
    }
}

netsplit::processes! {
    /// A store and those who try it.
    pub enum Tried { Quorum(Quorum), Script(Script), Trials(Trials) }
}

/// A fit to LinkedIn's latencies: with probability `p` Pareto, otherwise exponential; ms (Bailis et al. 2012, table 3).
fn fit(p: f64, smallest: f64, alpha: f64, rate: f64) -> Dist {
    let (pareto, exponential) = (Dist::pareto(smallest * 1e6, alpha), Dist::exponential(1e6 / rate));
    Dist::mix(&[(p, pareto), (1.0 - p, exponential)])
}

fn staleness(disk: bool, n: u32, r: u32, w: u32, after_ms: &[f64], trials: u64) -> Trials {
    let ssd = fit(0.9122, 0.235, 10.0, 1.66);
    let write = if disk { fit(0.38, 1.05, 1.51, 0.183) } else { ssd.clone() };
    let wars = Wars { w: write, a: ssd.clone(), r: ssd.clone(), s: ssd };
    let spec = QuorumSpec { w, r, wars: Some(Box::new(wars)), ..QuorumSpec::new(n) };
    let end = seconds(1e7);
    let mut made: Setup<Tried> = setup(u64::from(n * 100 + r * 10 + w), end, Span::ZERO, 0.0);
    let group = Group { first: ProcessId(0), count: n };
    let store = add(&mut made, "store", n, |_| Quorum::new(group, ObjectId(0), spec.clone()).into());
    let trial = Trials {
        edge: EdgeId(0),
        replicas: n,
        left: trials,
        after: after_ms.iter().map(|ms| Span::from_nanos_f64(ms * 1e6)).collect(),
        number: 0,
        asked: Instant::ZERO,
        seen: vec![(0, 0); after_ms.len()],
        write_latency: Vec::new(),
        read_latency: Vec::new(),
    };
    let caller = add(&mut made, "trials", 1, |_| trial.clone().into());
    made.edges.push(EdgeSpec::new("trials -> store", (caller, 1), (store, ProcessId(0), n), Policy::default()));
    match play(made, end).pop() {
        Some(Tried::Trials(trials)) => trials,
        _ => unreachable!("it was added last"),
    }
}

#[test]
fn reads_of_partial_quorums_are_as_stale_as_pbs_says() {
    // Bailis et al. 2012: an independent simulation of 2 to 4 million trials. Fit, N, R, W; share of consistent reads
    // at once; time after which 99 % are; medians and 99th percentiles of reads and writes, ms.
    for (disk, n, r, w, at_once, t99, read, write) in [
        (false, 3, 1, 1, 0.97371, 0.5773, (0.4889, 0.5630), (0.4889, 0.5629)),
        (false, 3, 1, 2, 0.97835, 0.4684, (0.4889, 0.5629), (0.5146, 0.9098)),
        (false, 3, 2, 2, 1.0, 0.0, (0.5146, 0.9086), (0.5145, 0.9121)),
        (true, 3, 1, 1, 0.43677, 22.2962, (0.4889, 0.5630), (1.5048, 6.7450)),
        (true, 3, 1, 2, 0.71303, 19.2624, (0.4889, 0.5629), (2.7692, 13.9543)),
        (true, 3, 2, 1, 0.76281, 7.5171, (0.5146, 0.9103), (1.5051, 6.7383)),
        (true, 3, 1, 3, 1.0, 0.0, (0.4889, 0.5628), (6.9656, 33.9422)),
        (true, 2, 1, 1, 0.57593, 20.8970, (0.4959, 0.6549), (1.7404, 10.9408)),
        (true, 5, 1, 1, 0.32055, 23.0919, (0.4823, 0.5266), (1.3458, 3.6962)),
    ] {
        let trials = staleness(disk, n, r, w, &[0.0, t99], if n == 5 { 16_000 } else { 24_000 });
        let name = format!("disk {disk} N {n} R {r} W {w}");
        near_probability(&format!("{name} at once"), trials.seen[0].0, trials.seen[0].1, at_once, 2.5e-4);
        let later = if t99 == 0.0 { 1.0 } else { 0.99 };
        near_probability(&format!("{name} later"), trials.seen[1].0, trials.seen[1].1, later, 2e-4);
        for (what, latencies, (median, high)) in
            [("reads", &trials.read_latency, read), ("writes", &trials.write_latency, write)]
        {
            for (limit, p) in [(median, 0.5), (high, 0.99)] {
                let limit = Span::from_nanos_f64(limit * 1e6);
                let hits = latencies.iter().filter(|l| **l <= limit).count() as u64;
                near_probability(&format!("{name} {what} {p}"), hits, latencies.len() as u64, p, 1e-3);
            }
        }
    }
}

/// `k` writes and a read of each key, one every millisecond, each under the coordinator that is laid down for it.
#[derive(Clone, Debug)]
pub struct Script {
    n: u32,
    k: u64,
    trials: u64,
    step: u64,
    missed: u64,
    coordinators: Vec<u32>,
}
impl Process for Script {
    type Msg = Never;
    type Timer = ();
    type Record = ();
    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        out.arm((), Span::millis(1));
    }
    fn timer(&mut self, (): (), out: &mut Out<'_, Self>) {
        let trial = self.step / (self.k + 1);
        if trial == self.trials {
            return;
        }
        let reads = self.step % (self.k + 1) == self.k;
        let verb = if reads { Verb::Read } else { Verb::Write };
        let op = Op::on_key(verb, trial, self.step + 1);
        let cause = Cause { root: self.step, path: 0, deadline: Instant::NEVER, request: self.step, client: 0 };
        let to = self.coordinators[self.step as usize];
        assert!(to < self.n);
        out.call_instance(EdgeId(0), to, op, cause, Token(u64::from(reads)));
        self.step += 1;
        out.arm((), Span::millis(1));
    }
    fn answer(&mut self, token: Token, answer: Answer, _out: &mut Out<'_, Self>) {
        assert_eq!(answer.outcome, Outcome::Ok);
        self.missed += u64::from(token.0 == 1 && answer.value == 0);
    }
}

/// `k` writes that each reach `w` random replicas and nobody else, then a read that asks `r`: how often it sees none.
fn sees_none(n: u32, r: u32, w: u32, k: u32, trials: u64) -> u64 {
    let steps = trials * u64::from(k + 1);
    let end = Instant(0) + Span::millis(steps + 10);
    let mut made: Setup<Tried> = setup(u64::from(n * 1000 + r * 100 + w * 10 + k), end, Span::ZERO, 0.0);
    let group = Group { first: ProcessId(0), count: n };
    let spec = QuorumSpec { w, r, ..QuorumSpec::new(n) };
    let store = add(&mut made, "store", n, |_| Quorum::new(group, ObjectId(0), spec.clone()).into());
    let draws = Draws::named(Seed(1), "subsets");
    let mut coordinators = Vec::new();
    for step in 0..steps {
        // A coordinator and as many others, each subset as likely as any other; nothing reaches the rest.
        let reached = if step % u64::from(k + 1) == u64::from(k) { r } else { w };
        let mut order: Vec<u32> = (0..n).collect();
        let mut bits = draws.at(u64::from(n * 1000 + r * 100 + w * 10 + k), step);
        for i in (1..order.len()).rev() {
            order.swap(i, bits.below(i as u64 + 1) as usize);
        }
        coordinators.push(order[0]);
        let side =
            |members: &[u32]| Side { processes: members.iter().map(|i| ProcessId(*i)).collect(), ..Side::default() };
        let (id, at) = (step as u32, Instant(0) + Span::millis(step + 1));
        let cut = Control::Cut { id, from: side(&order[..1]), to: side(&order[reached as usize..]) };
        let schedule = |at, control| Scheduled { when: When::At(at), fault: 0, control };
        made.schedule.push(schedule(Instant(at.0 - 100), cut));
        made.schedule.push(schedule(Instant(at.0 + 100), Control::Mend { id }));
    }
    let script = Script { n, k: u64::from(k), trials, step: 0, missed: 0, coordinators };
    let caller = add(&mut made, "script", 1, |_| script.clone().into());
    made.edges.push(EdgeSpec::new("script -> store", (caller, 1), (store, ProcessId(0), n), Policy::default()));
    match play(made, end).pop() {
        Some(Tried::Script(script)) => script.missed,
        _ => unreachable!("it was added last"),
    }
}

#[test]
fn a_read_misses_k_writes_with_the_kth_power_of_missing_one() {
    let choose = |n: u32, k: u32| (0..k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(k - i));
    for (n, r, w, k) in
        [(3, 1, 1, 1), (3, 1, 1, 2), (3, 1, 2, 1), (3, 2, 1, 2), (5, 1, 1, 3), (5, 2, 2, 1), (5, 2, 3, 1)]
    {
        let p = libm::pow(choose(n - w, r) / choose(n, r), f64::from(k));
        near_probability(&format!("N {n} R {r} W {w} k {k}"), sees_none(n, r, w, k, 4000), 4000, p, 0.0);
    }
}

// ---- SWIM ----

/// When the first of the others suspects member 0, which crashes just before a period begins: since the crash.
fn suspected(seed: u64, n: u32, selection: Selection, together: bool) -> Span {
    let spec = SwimSpec { selection, together, suspicion: 1000, ..SwimSpec::default() };
    let (crash, end) = (seconds(2.0 - 1e-3), seconds(16.0));
    let mut made: Setup<Swim> = setup(seed, end, Span::micros(100), 0.0);
    let group = Group { first: ProcessId(0), count: n };
    add(&mut made, "members", n, |_| Swim::new(group, spec));
    let control = Control::Crash(Target::Process(ProcessId(0)), Power::Machine);
    made.schedule.push(Scheduled { when: When::At(crash), fault: 0, control });
    let members = play(made, end);
    let first = members.iter().skip(1).filter_map(|m| m.state(0)).map(|(_, since)| since).filter(|s| *s > crash).min();
    first.unwrap_or(end).since(crash)
}

#[test]
fn the_first_probe_of_a_dead_member_comes_as_soon_as_swim_says() {
    // Exact solutions: the period of the first ping, for synchronised periods; time, for independent phases. The
    // suspicion comes at the end of the ping's period.
    for (n, selection, together, expected, runs) in [
        (20, Selection::Uniform, true, 1.557_584_71, 2500),
        (20, Selection::RoundRobin, true, 1.533_867_4, 2500),
        (20, Selection::Uniform, false, 0.977_879_235, 3500),
        (100, Selection::Uniform, true, 1.577_320_91, 400),
    ] {
        let values: Vec<f64> = (0..runs)
            .map(|seed| {
                let since = suspected(seed, n, selection, together).as_secs_f64();
                if together { since.floor() } else { since - 1.0 }
            })
            .collect();
        near_mean(&format!("{n} {selection:?} {together}"), &values, expected, 0.0, 0.15);
    }
}

#[test]
fn probes_of_live_members_fail_as_often_as_messages_are_lost() {
    // (1 - (1 - q)^2) (1 - (1 - q)^4)^k for loss q and k members asked.
    for (q, k, p) in
        [(0.05, 1, 0.018_085_641), (0.1, 1, 0.065_341), (0.1, 3, 0.007_727_697_8), (0.17, 3, 0.045_124_443)]
    {
        let spec = SwimSpec { indirect: k, suspicion: 1_000_000, ..SwimSpec::default() };
        let end = seconds(2000.0);
        let mut made: Setup<Swim> = setup(7, end, Span::millis(1), q);
        let group = Group { first: ProcessId(0), count: 20 };
        add(&mut made, "members", 20, |_| Swim::new(group, spec));
        let (mut probes, mut failed) = (0, 0);
        for member in play(made, end) {
            probes += member.probes().0;
            failed += member.probes().1;
        }
        near_probability(&format!("loss {q}, {k} asked"), failed, probes, p, 0.0);
    }
}

// ---- gossip ----

fn spread(seed: u64, n: u32, spec: GossipSpec, rounds: f64) -> Vec<Gossip> {
    let end = seconds(rounds + 0.5);
    let mut made: Setup<Gossip> = setup(seed, end, Span::micros(1), 0.0);
    let group = Group { first: ProcessId(0), count: n };
    add(&mut made, "members", n, |_| Gossip::new(group, spec));
    play(made, end)
}

#[test]
fn a_rumour_reaches_everybody_in_as_many_rounds_as_it_should() {
    // Exact: synchronous rounds, one partner each; mean and standard deviation of the rounds until all know.
    for (n, mode, mean, deviation, runs) in [
        (32, Mode::Push, 9.329_336_9, 1.337_014_5, 500),
        (32, Mode::Pull, 7.607_917_3, 1.379_671_9, 500),
        (32, Mode::PushPull, 5.102_936_9, 0.596_283_58, 500),
        (100, Mode::Push, 12.304_524, 1.332_315_3, 250),
        (100, Mode::Pull, 9.793_208_7, 1.366_111_3, 250),
        (100, Mode::PushPull, 6.528_611_4, 0.569_892_5, 250),
    ] {
        let spec = GossipSpec {
            spread: Spread { mode, fanout: 1, every: Span::secs(1) },
            rounds: Rounds::Together,
            interest: Interest::Kept,
            seeded: true,
        };
        let rounds: Vec<f64> = (0..runs)
            .map(|seed| {
                let members = spread(seed, n, spec, 30.0);
                members.iter().map(|m| m.heard(0).expect("all know by then").0).max().unwrap_or(0) as f64
            })
            .collect();
        near_mean(&format!("{n} {mode:?}"), &rounds, mean, 0.0, 0.05);
        let found = rounds.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / rounds.len() as f64;
        let off = (found.sqrt() - deviation).abs() / deviation;
        // The distribution has a heavier tail than a normal one: kurtosis about 5, so twice the usual error.
        assert!(off <= 8.0 / (2.0 * rounds.len() as f64).sqrt(), "{n} {mode:?}: deviation {}", found.sqrt());
    }
}

#[test]
fn a_rumour_that_loses_interest_leaves_the_residue_that_it_should() {
    // An independent simulation of 4000 runs with 1000 members: residue, its error, and messages a member.
    for (interest, rounds, residue, error, messages) in [
        (Interest::Coin(1), Rounds::Poisson, 0.202_562, 0.000_26, 1.5939),
        (Interest::Coin(2), Rounds::Poisson, 0.059_533, 0.000_141, 2.8199),
        (Interest::Counter(2), Rounds::Poisson, 0.059_437, 0.000_132, 2.8207),
        (Interest::Coin(1), Rounds::Together, 0.174_242, 0.000_243, 1.7451),
        (Interest::Counter(2), Rounds::Together, 0.047_884, 0.000_114, 3.0343),
    ] {
        let spec = GossipSpec {
            spread: Spread { mode: Mode::Push, fanout: 1, every: Span::secs(1) },
            rounds,
            interest,
            seeded: true,
        };
        let (mut residues, mut sent) = (Vec::new(), Vec::new());
        for seed in 0..40 {
            let members = spread(seed, 1000, spec, 60.0);
            assert!(members.iter().all(|m| !m.is_hot()), "it goes on");
            residues.push(members.iter().filter(|m| m.heard(0).is_none()).count() as f64 / 1000.0);
            sent.push(members.iter().map(Gossip::contacts).sum::<u64>() as f64 / 1000.0);
        }
        near_mean(&format!("{interest:?} {rounds:?}"), &residues, residue, error, 0.15);
        near_mean(&format!("{interest:?} {rounds:?} messages"), &sent, messages, 0.0005, 0.05);
    }
}
