//! How often the first election after a leader's crash elects nobody, and how long it takes until one does (Ongaro,
//! "Consensus: Bridging Theory and Practice", 2014, sections 9.2 and 9.3), by Raft as the dissertation's figure 3.1 has it:
//! without pre-vote and check quorum. Times are in units of the range from which election timeouts are drawn.

use rayon::prelude::*;

use crate::engine::{Dist, Instant, ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::physics::topology::LinkId;
use crate::protocol::Group;
use crate::protocol::raft::{Raft, RaftSpec};
use crate::state_machine::Kv;
use crate::validate::check::Check;
use crate::validate::cluster::{add, finished, link, mean, runs, setup, share};
use crate::validate::experiment::Effort;
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::{Control, Focus, Passage, Power, Role, Scheduled, Setting, Setup, Target, When};

pub(super) const FAMILY: Family = Family {
    name: "raft_split_vote",
    model: "Raft: elections after a leader's crash that begin with all timers together",
    parts: "Raft, crashes",
    source: "Ongaro 2014, section 9.2",
    table: include_str!("../data/raft_split_vote.csv"),
    results: &[
        "available",
        "c",
        "P_split_first_term",
        "P_split_first_term_se",
        "E_terms_mc",
        "E_terms_se",
        "E_election_mc",
        "E_election_se",
        "E_terms_formula",
        "E_election_formula",
    ],
    oracle: Some(splits),
    measure,
};

/// The range of election timeouts: from one to two of it.
const RANGE: Span = Span::secs(1);
/// A leader's heartbeats come twice in the shortest election timeout.
const HEARTBEAT: Span = Span::millis(500);

/// Servers, those of them that fail (the leader among them), and between what the latency of a message lies, as shares of
/// the range: `0.1`, or `0.1..0.2` for a uniform one.
fn group(row: &Row) -> Result<(u32, u32, (f64, f64)), Malformed> {
    const LATENCY: &str = "one_way_latency_over_range";
    let n = row.whole("n", 3, 128)?;
    let failed = row.whole("failed", 1, (n - 1) / 2)? as u32;
    let latency = match row.text(LATENCY).and_then(|text| text.split_once("..")) {
        None => (row.positive(LATENCY)?, row.positive(LATENCY)?),
        Some((low, high)) => {
            let ends = Row::new([("low".to_owned(), low.to_owned()), ("high".to_owned(), high.to_owned())]);
            (ends.positive("low")?, ends.positive("high")?)
        }
    };
    if !(latency.0 <= latency.1 && latency.1 <= 0.5) {
        // A vote that arrives when timers run out again is another model.
        return Err(Malformed(format!("{LATENCY}: it must rise, and be 0.5 at most")));
    }
    Ok((n as u32, failed, latency))
}

/// P(the c-th timeout comes within a latency of the first), c = s - floor(n/2) + 1 of s servers: from then on too few are
/// left to elect the first.
fn splits(row: &Row) -> Result<Row, Malformed> {
    let (n, failed, (latency, longest)) = group(row)?;
    let available = n - failed;
    let c = available - n / 2 + 1;
    let mut row = row.clone();
    row.set("available", available.to_string());
    row.set("c", c.to_string());
    // Of a latency that varies there is no closed form.
    if latency == longest {
        row.set("P_split_first_term", format!("{}", oracle::binomial_at_least(available, c - 1, latency)));
    }
    Ok(row)
}

/// One election.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Election {
    /// Terms that it took.
    terms: u64,
    /// From the last heartbeat that was heard to the majority of votes.
    took: Span,
}

/// A leader is elected at once on a network without latency, and dies just after its fourth heartbeat, which all others
/// heard at the same time. From then on messages take their time; another leader is elected. Then the power fails, for
/// there is nothing more to see.
fn elect(seed: u64, n: u32, failed: u32, latency: &Dist) -> Result<Election, Malformed> {
    let spec = RaftSpec {
        election_timeout: (RANGE, RANGE * 2),
        heartbeat: HEARTBEAT,
        prevote: false,
        check_quorum: false,
        ..RaftSpec::default()
    };
    let end = Instant::ZERO + RANGE * 1_000;
    let mut made: Setup<Raft<Kv>> = setup(seed, end, Span::ZERO, 0.0);
    let group = Group { first: ProcessId(0), count: n };
    let replicas = add(&mut made, "replicas", n, |_| Raft::new(group, ObjectId(0), spec.clone()));
    let mut act = |when: When, control: Control| made.schedule.push(Scheduled { when, fault: 0, control });
    let crash = |target: Target| Control::Crash(target, Power::Machine);
    let elected = |nth: u32, after: Span| When::Point(Passage::nth(nth, "leader_elected"), after);
    // Whoever else is to fail has failed before.
    for i in 1..failed {
        act(When::At(Instant::ZERO), crash(Target::Process(ProcessId(n - i))));
    }
    let last_beat = HEARTBEAT * 4;
    let just_after = last_beat + Span::nanos(1);
    act(elected(1, just_after), crash(Target::Role(replicas, Role::Leader)));
    for id in 0..3 {
        let shape = Setting::Link(LinkId(id), link(latency.clone(), 0.0));
        act(elected(1, just_after), Control::Set(Box::new(shape)));
    }
    for process in group.all() {
        act(elected(2, Span::ZERO), crash(Target::Process(process)));
    }
    let history = finished(made, end, Focus::default())?.history;
    let leaders: Vec<(Instant, u64)> = history
        .observations()
        .iter()
        .filter_map(|o| match o {
            Observation::Leader { at, term, .. } => Some((*at, *term)),
            _ => None,
        })
        .collect();
    let [(first, term), (second, next)] = leaders[..] else {
        return Err(Malformed(format!("{} leaders were elected, not two", leaders.len())));
    };
    let heard = first + last_beat;
    if second <= heard {
        return Err(Malformed("the first leader was replaced before it crashed".to_owned()));
    }
    Ok(Election { terms: next - term, took: second.since(heard) })
}

fn measure(row: &Row, effort: Effort) -> Checks {
    let (n, failed, (shortest, longest)) = group(row)?;
    let nanos = RANGE.0 as f64;
    let latency = Dist::uniform(shortest * nanos, longest * nanos);
    let elections: Result<Vec<Election>, Malformed> =
        (0..runs(12_000, effort.scale)).into_par_iter().map(|i| elect(effort.seed + i, n, failed, &latency)).collect();
    let elections = elections?;
    let mut checks = Vec::new();
    if let Some(expected) = row.figure("P_split_first_term") {
        let split = elections.iter().filter(|e| e.terms > 1).count() as u64;
        let error = row.figure("P_split_first_term_se").map_or(0.0, |e| e.value);
        let check = Check::probability("P_split_first_term", expected, share(split, elections.len() as u64));
        checks.push(Check { expected_error: error, ..check });
    }
    // A leader crashes anywhere between two heartbeats: half an interval after the last, on average.
    let after_crash = |e: &Election| (e.took.as_secs_f64() - HEARTBEAT.as_secs_f64() / 2.0) / RANGE.as_secs_f64();
    let terms: Vec<f64> = elections.iter().map(|e| e.terms as f64).collect();
    let times: Vec<f64> = elections.iter().map(after_crash).collect();
    for (what, values) in [("E_terms", terms), ("E_election", times)] {
        let Some(expected) = row.figure(&format!("{what}_mc")) else { continue };
        let error = row.figure(&format!("{what}_se")).map_or(0.0, |e| e.value);
        let check = Check::statistic(&format!("{what}_mc"), expected, mean(&values));
        checks.push(Check { expected_error: error, ..check });
    }
    Ok(checks)
}
