//! How fast a rumour spreads, and whom it never reaches (Demers et al., "Epidemic algorithms for replicated database
//! maintenance", PODC 1987).

use rayon::prelude::*;

use crate::engine::{ProcessId, Span};
use crate::protocol::Group;
use crate::protocol::gossip::{Gossip, GossipSpec, Interest, Mode, Rounds, Spread};
use crate::validate::check::Check;
use crate::validate::cluster::{add, mean, play, runs, setup};
use crate::validate::experiment::{Effort, instant};
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::Setup;

pub(super) const ROUNDS: Family = Family {
    name: "gossip_rounds_mc",
    model: "synchronous rounds until a rumour has reached all",
    parts: "gossip with one partner",
    source: "Demers et al. 1987; Pittel 1987",
    table: include_str!("../data/gossip_rounds_mc.csv"),
    results: &["mean_rounds", "sd_rounds", "se_of_mean", "method"],
    oracle: None,
    measure: measure_rounds,
};

pub(super) const RESIDUE: Family = Family {
    name: "rumor_residue_mc",
    model: "members that a rumour that loses interest never reaches",
    parts: "gossip with feedback",
    source: "Demers et al. 1987, section 1.4",
    table: include_str!("../data/rumor_residue_mc.csv"),
    results: &["residue_mean", "se", "messages_per_node", "rounds_mean", "runs"],
    oracle: None,
    measure: measure_residue,
};

fn spread(seed: u64, n: u32, spec: GossipSpec, rounds: f64) -> Result<Vec<Gossip>, Malformed> {
    let end = instant(rounds + 0.5);
    let mut made: Setup<Gossip> = setup(seed, end, Span::micros(1), 0.0);
    let group = Group { first: ProcessId(0), count: n };
    add(&mut made, "members", n, |_| Gossip::new(group, spec));
    play(made, end)
}

fn once_a_second(mode: Mode) -> GossipSpec {
    GossipSpec {
        spread: Spread { mode, fanout: 1, every: Span::secs(1) },
        rounds: Rounds::Together,
        interest: Interest::Kept,
        seeded: true,
    }
}

fn measure_rounds(row: &Row, effort: Effort) -> Checks {
    let n = row.whole("n", 2, 100_000)? as u32;
    let mode = match row.text("mode") {
        Some("push") => Mode::Push,
        Some("pull") => Mode::Pull,
        Some("push-pull") => Mode::PushPull,
        _ => return Err(Malformed("`mode` is push, pull or push-pull".to_owned())),
    };
    let count = runs((400_000 / u64::from(n)).min(4000), effort.scale);
    let rounds: Result<Vec<f64>, Malformed> = (0..count)
        .into_par_iter()
        .map(|i| {
            // Twice what is needed, on average.
            let members = spread(effort.seed + i, n, once_a_second(mode), 4.0 * libm::log2(f64::from(n)) + 10.0)?;
            let heard: Option<Vec<u64>> = members.iter().map(|m| m.heard(0).map(|(round, _)| round)).collect();
            let last = heard.and_then(|all| all.into_iter().max());
            last.map(|round| round as f64).ok_or_else(|| Malformed("it hasn't reached all".to_owned()))
        })
        .collect();
    let Some(expected) = row.figure("mean_rounds") else { return Ok(Vec::new()) };
    let error = row.figure("se_of_mean").map_or(0.0, |e| e.value);
    Ok(vec![Check { expected_error: error, ..Check::statistic("mean_rounds", expected, mean(&rounds?)) }])
}

fn measure_residue(row: &Row, effort: Effort) -> Checks {
    let n = row.whole("n", 2, 100_000)? as u32;
    let k = row.whole("k", 1, 100)? as u32;
    let interest = match row.text("loss_of_interest") {
        Some("coin") => Interest::Coin(k),
        Some("counter") => Interest::Counter(k),
        _ => return Err(Malformed("`loss_of_interest` is coin or counter".to_owned())),
    };
    let rounds = match row.text("timing") {
        Some("async") => Rounds::Poisson,
        Some("sync") => Rounds::Together,
        _ => return Err(Malformed("`timing` is async or sync".to_owned())),
    };
    let spec = GossipSpec { rounds, interest, ..once_a_second(Mode::Push) };
    let members = f64::from(n);
    let count = runs(160_000 / u64::from(n), effort.scale);
    let played: Result<Vec<(f64, f64)>, Malformed> = (0..count)
        .into_par_iter()
        .map(|i| {
            let group = spread(effort.seed + i, n, spec, 60.0 + 25.0 * f64::from(k))?;
            if group.iter().any(Gossip::is_hot) {
                return Err(Malformed("somebody still tells it".to_owned()));
            }
            let missed = group.iter().filter(|m| m.heard(0).is_none()).count() as f64;
            Ok((missed / members, group.iter().map(Gossip::contacts).sum::<u64>() as f64 / members))
        })
        .collect();
    let (residues, messages): (Vec<f64>, Vec<f64>) = played?.into_iter().unzip();
    let mut checks = Vec::new();
    if let Some(expected) = row.figure("residue_mean") {
        let error = row.figure("se").map_or(0.0, |e| e.value);
        checks.push(Check { expected_error: error, ..Check::statistic("residue", expected, mean(&residues)) });
    }
    if let Some(expected) = row.figure("messages_per_node") {
        // Printed with four decimals and without an error: each run's number follows its residue.
        let error = row.figure("se").map_or(0.0, |e| 4.0 * e.value);
        let check = Check::statistic("messages_per_node", expected, mean(&messages));
        checks.push(Check { expected_error: error, ..check });
    }
    Ok(checks)
}
