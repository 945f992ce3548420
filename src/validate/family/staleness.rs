//! How stale reads of partial quorums are (Bailis, Venkataraman, Franklin, Hellerstein, Stoica, "Probabilistically
//! bounded staleness for practical partial quorums", VLDB 2012): by time, when every message has a delay of its own, and
//! by versions, when each write reaches `W` replicas and nobody else.

#![allow(unreachable_pub, reason = "the macro makes public enums")]

use crate::engine::{Bits, Dist, Draws, EdgeId, Instant, ProcessId, Seed, Span};
use crate::history::ObjectId;
use crate::protocol::Group;
use crate::protocol::quorum::{Quorum, QuorumSpec, Wars};
use crate::rpc::{Answer, Cause, EdgeSpec, Op, Outcome, Policy, Token, Verb};
use crate::validate::check::Check;
use crate::validate::cluster::{add, play, runs, setup, share};
use crate::validate::experiment::Effort;
use crate::validate::rows::{Figure, Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::{Control, Never, Out, Process, Scheduled, Setup, Side, When};

pub(super) const BY_TIME: Family = Family {
    name: "pbs_montecarlo",
    model: "WARS: reads t after a write was answered",
    parts: "quorum store with a delay a message",
    source: "Bailis et al. 2012",
    table: include_str!("../data/pbs_montecarlo.csv"),
    results: &[
        "trials",
        "p_consistent_t0",
        "t_p99",
        "t_p999",
        "t_p9999",
        "Lr_p50",
        "Lr_p99",
        "Lr_p999",
        "Lw_p50",
        "Lw_p99",
        "Lw_p999",
        "p_consistent_t0_se",
        "t_p99_se",
        "t_p999_se",
        "t_p9999_se",
        "Lr_p50_se",
        "Lr_p99_se",
        "Lr_p999_se",
        "Lw_p50_se",
        "Lw_p99_se",
        "Lw_p999_se",
    ],
    oracle: None,
    measure: measure_by_time,
};

pub(super) const BY_VERSIONS: Family = Family {
    name: "pbs_kstaleness",
    model: "a read of R misses the last k writes to W of N",
    parts: "quorum store, a cut during each operation",
    source: "Bailis et al. 2012, section 3.1",
    table: include_str!("../data/pbs_kstaleness.csv"),
    results: &["p_stale_beyond_k", "p_within_k"],
    oracle: Some(misses),
    measure: measure_by_versions,
};

crate::processes! {
    /// A store and those who try it.
    pub enum Tried { Quorum(Quorum), Script(Script), Trials(Trials) }
}

fn ask<P: Process>(verb: Verb, key: u64, value: u64, to: u32, out: &mut Out<'_, P>) {
    let cause = Cause { root: value, path: 0, deadline: Instant::NEVER, request: value, client: 0 };
    out.call_instance(EdgeId(0), to, Op::on_key(verb, key, value), cause, Token(u64::from(verb == Verb::Read)));
}

fn store(made: &mut Setup<Tried>, n: u32, spec: &QuorumSpec, tries: impl Into<Tried> + Clone) {
    let group = Group { first: ProcessId(0), count: n };
    let store = add(made, "store", n, |_| Quorum::new(group, ObjectId(0), spec.clone()).into());
    let caller = add(made, "client", 1, |_| tries.clone().into());
    made.edges.push(EdgeSpec::new("client -> store", (caller, 1), (store, ProcessId(0), n), Policy::default()));
}

/// N, R and W of a row.
fn quorums(row: &Row) -> Result<(u32, u32, u32), Malformed> {
    let n = row.whole("N", 1, 128)?;
    Ok((n as u32, row.whole("R", 1, n)? as u32, row.whole("W", 1, n)? as u32))
}

/// Writes a key, then reads it under another coordinator some time after the write was answered; again and again.
#[derive(Clone, Debug)]
pub struct Trials {
    replicas: u32,
    left: u64,
    /// How long after the write a read comes, taken in turn.
    after: Vec<Span>,
    number: u64,
    asked: Instant,
    /// Where the coordinators are drawn.
    draws: Draws,
    /// By position in `after`: reads that saw the write, and all.
    seen: Vec<(u64, u64)>,
    writes: Vec<Span>,
    reads: Vec<Span>,
}

impl Trials {
    fn call(&mut self, verb: Verb, out: &mut Out<'_, Self>) {
        self.asked = out.true_now();
        let mut bits = self.draws.at(u64::from(verb == Verb::Read), self.number);
        let to = bits.below(u64::from(self.replicas)) as u32;
        ask(verb, self.number, self.number, to, out);
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
        let which = (self.number % self.after.len() as u64) as usize;
        let took = out.true_now().since(self.asked);
        if answer.outcome != Outcome::Ok {
            // The coordinator ran out of patience, once in thousands of a long tail: all that is known is that it took
            // longer than any limit here.
            if token.0 == 0 {
                self.writes.push(Span(u64::MAX))
            } else {
                self.reads.push(Span(u64::MAX))
            }
            return self.begin(out);
        }
        if token.0 == 0 {
            self.writes.push(took);
            out.wake(Token(0), out.true_now() + self.after[which]);
        } else {
            self.reads.push(took);
            self.seen[which].0 += u64::from(answer.value == self.number);
            self.seen[which].1 += 1;
            self.begin(out);
        }
    }
}

/// With probability `p` Pareto, otherwise exponential; ms (table 3 of the paper).
fn fit(p: f64, smallest: f64, alpha: f64, rate: f64) -> Dist {
    Dist::mix(&[(p, Dist::pareto(smallest * 1e6, alpha)), (1.0 - p, Dist::exponential(1e6 / rate))])
}

fn wars(row: &Row) -> Result<Wars, Malformed> {
    let ssd = fit(0.9122, 0.235, 10.0, 1.66);
    let disk = fit(0.38, 1.05, 1.51, 0.183);
    // Alpha is 3.5 in the authors' simulator and in their results, not 3.35 as printed.
    let (slow, quick) = (fit(0.939, 3.0, 3.5, 0.0028), fit(0.982, 1.5, 3.8, 0.0217));
    let (w, rest, remote) = match row.text("fit") {
        Some("LNKD-SSD") => (ssd.clone(), ssd, Span::ZERO),
        Some("LNKD-DISK") => (disk, ssd, Span::ZERO),
        Some("YMMR") => (slow, quick, Span::ZERO),
        Some("WAN") => (disk, ssd, Span::millis(75)),
        _ => return Err(Malformed("`fit` is LNKD-SSD, LNKD-DISK, YMMR or WAN".to_owned())),
    };
    Ok(Wars { w, a: rest.clone(), r: rest.clone(), s: rest, remote })
}

fn measure_by_time(row: &Row, effort: Effort) -> Checks {
    let (n, r, w) = quorums(row)?;
    let spec = QuorumSpec { w, r, wars: Some(Box::new(wars(row)?)), ..QuorumSpec::new(n) };
    // A read right after the write, and reads after the times at which most see it.
    let later = [("t_p99", 0.99), ("t_p999", 0.999), ("t_p9999", 0.9999)];
    let mut after = vec![Span::ZERO];
    for (column, _) in later {
        after.push(row.figure(column).map_or(Span::ZERO, |t| Span::from_nanos_f64(t.value * 1e6)));
    }
    // Rows with many replicas cost more for the same.
    let left = runs(if n > 3 { 80_000 } else { 200_000 }, effort.scale);
    let seen = vec![(0, 0); after.len()];
    let (writes, reads) = (Vec::new(), Vec::new());
    let draws = Draws::named(Seed(effort.seed), "coordinators");
    let trials = Trials { replicas: n, left, after, number: 0, asked: Instant::ZERO, draws, seen, writes, reads };
    // A trial is over in seconds, whatever the tail.
    let end = Instant::ZERO + Span::secs(10 + 5 * left);
    let mut made: Setup<Tried> = setup(effort.seed, end, Span::ZERO, 0.0);
    store(&mut made, n, &spec, trials);
    let Some(Tried::Trials(trials)) = play(made, end)?.pop() else {
        return Err(Malformed("the client is the last process".to_owned()));
    };
    let mut checks = Vec::new();
    let mut probability = |metric: &str, expected: f64, error: f64, hits: u64, trials: u64| {
        let check = Check::probability(metric, Figure::exact(expected), share(hits, trials));
        checks.push(Check { expected_error: error, ..check });
    };
    if let Some(expected) = row.figure("p_consistent_t0") {
        let error = row.figure("p_consistent_t0_se").map_or(0.0, |e| e.value);
        probability("p_consistent_t0", expected.value, error, trials.seen[0].0, trials.seen[0].1);
    }
    for (i, (column, p)) in later.into_iter().enumerate() {
        let Some(time) = row.figure(column) else { continue };
        // At 0 all that can be said is that at least so many see it, which `p_consistent_t0` says better.
        if time.value > 0.0 {
            // The figure's error is one of time. How fast the share that is left beyond it falls with time, the next
            // figure tells, or the one before.
            let error = row.figure(&format!("{column}_se")).map_or(0.0, |e| e.value);
            let next = if i + 1 < later.len() { (i, i + 1) } else { (i - 1, i) };
            let at = |i: usize| row.figure(later[i].0).map(|t| t.value);
            let apart = at(next.1).zip(at(next.0)).map(|(late, early)| late - early).filter(|t| *t > 0.0);
            let falls = apart.map_or(2.0 / time.value, |t| libm::log(10.0) / t);
            let error = (1.0 - p) * falls * error;
            let (hits, all) = trials.seen[i + 1];
            probability(&format!("seen at {column}"), p, error, hits, all);
        }
    }
    for (what, latencies) in [("Lr", &trials.reads), ("Lw", &trials.writes)] {
        for (percentile, p) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
            let Some(limit) = row.figure(&format!("{what}_{percentile}")) else { continue };
            // Four decimals are printed: where most lie close together, half of the last counts.
            let at = |ms: f64| latencies.iter().filter(|l| l.0 as f64 <= ms * 1e6).count() as u64;
            let hits = at(limit.value);
            let rounding = (at(limit.value + limit.unit / 2.0) - at(limit.value - limit.unit / 2.0)) as f64;
            let rounding = rounding / latencies.len() as f64;
            let own = row.figure("trials").map_or(0.0, |n| (p * (1.0 - p) / n.value).sqrt());
            let error = (rounding * rounding + own * own).sqrt();
            probability(&format!("within {what}_{percentile}"), p, error, hits, latencies.len() as u64);
        }
    }
    Ok(checks)
}

/// `k` writes and a read of each key, one a millisecond, each under the coordinator that is laid down for it.
#[derive(Clone, Debug)]
pub struct Script {
    k: u64,
    step: u64,
    missed: u64,
    failed: u64,
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
        let Some(to) = self.coordinators.get(self.step as usize) else { return };
        let verb = if self.step % (self.k + 1) == self.k { Verb::Read } else { Verb::Write };
        ask(verb, self.step / (self.k + 1), self.step + 1, *to, out);
        self.step += 1;
        out.arm((), Span::millis(1));
    }
    fn answer(&mut self, token: Token, answer: Answer, _out: &mut Out<'_, Self>) {
        self.failed += u64::from(answer.outcome != Outcome::Ok);
        self.missed += u64::from(token.0 == 1 && answer.value == 0);
    }
}

/// ((N-W choose R) / (N choose R))^k.
fn misses(row: &Row) -> Result<Row, Malformed> {
    let (n, r, w) = quorums(row)?;
    let k = row.whole("k", 1, 1000)?;
    let choose = |n: u32, k: u32| (0..k).fold(1.0, |c, i| c * (f64::from(n) - f64::from(i)) / f64::from(k - i));
    let none = if r + w > n { 0.0 } else { choose(n - w, r) / choose(n, r) };
    let mut row = row.clone();
    let stale = libm::pow(none, k as f64);
    row.set("p_stale_beyond_k", format!("{stale}"));
    row.set("p_within_k", format!("{}", 1.0 - stale));
    Ok(row)
}

fn measure_by_versions(row: &Row, effort: Effort) -> Checks {
    let (n, r, w) = quorums(row)?;
    let k = row.whole("k", 1, 1000)?;
    let trials = runs(20_000, effort.scale);
    let steps = trials * (k + 1);
    let end = Instant::ZERO + Span::millis(steps + 10);
    let mut made: Setup<Tried> = setup(effort.seed, end, Span::ZERO, 0.0);
    let draws = Draws::named(Seed(effort.seed), "subsets");
    let mut coordinators = Vec::new();
    for step in 0..steps {
        // A coordinator and as many others: each subset is as likely as any other. Nothing reaches the rest.
        let reached = if step % (k + 1) == k { r } else { w };
        let mut order: Vec<u32> = (0..n).collect();
        let mut bits = draws.at(0, step);
        for i in (1..order.len()).rev() {
            order.swap(i, bits.below(i as u64 + 1) as usize);
        }
        coordinators.push(order[0]);
        let side =
            |members: &[u32]| Side { processes: members.iter().map(|i| ProcessId(*i)).collect(), ..Side::default() };
        let (id, at) = (step as u32, Instant::ZERO + Span::millis(step + 1));
        let cut = Control::Cut { id, from: side(&order[..1]), to: side(&order[reached as usize..]) };
        let scheduled = |at, control| Scheduled { when: When::At(at), fault: 0, control };
        made.schedule.push(scheduled(Instant(at.0 - 1000), cut));
        made.schedule.push(scheduled(Instant(at.0 + 1000), Control::Mend { id }));
    }
    store(
        &mut made,
        n,
        &QuorumSpec { w, r, ..QuorumSpec::new(n) },
        Script { k, step: 0, missed: 0, failed: 0, coordinators },
    );
    let Some(Tried::Script(script)) = play(made, end)?.pop() else {
        return Err(Malformed("the client is the last process".to_owned()));
    };
    if script.failed > 0 {
        return Err(Malformed(format!("{} operations found no quorum", script.failed)));
    }
    let expected = row.figure("p_stale_beyond_k");
    Ok(expected.map(|p| Check::probability("p_stale_beyond_k", p, share(script.missed, trials))).into_iter().collect())
}
