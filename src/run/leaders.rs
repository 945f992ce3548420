//! Who led a group when: how long nobody did, how long two did, how long it took until another did, what the old one
//! acknowledged meanwhile, and how long a follower that was away took to have everything again. Read off roles and
//! observations, which cost the group nothing.

use super::consistency::statistic;
use super::judge::Found;
use super::members::{processes, starts};
use super::outcome::Outcome;
use super::statistics::missing;
use crate::engine::{Instant, ProcessId};
use crate::expect::ast::Stat;
use crate::expect::{Dimension, Measured, Missing};
use crate::history::Observation;
use crate::metric::EpochSet;
use crate::world::{Acted, Role};

/// Whether [`measure`] knows a measure.
pub(super) fn measures(name: &str) -> bool {
    matches!(name, "catch_up_time" | "failover_time" | "late_acks" | "leaderless" | "two_leaders")
}

/// A statistic of who led, or of how a fault was overcome.
pub(super) fn measure(
    outcome: &Outcome,
    found: &Found<'_>,
    measure: &str,
    stat: Option<Stat>,
) -> Result<Measured, Missing> {
    if let "catch_up_time" | "failover_time" = measure {
        return match &found.fault {
            Some(fault) if measure == "failover_time" => failover_time(outcome, fault, stat),
            Some(fault) => catch_up_time(outcome, fault, stat),
            None => missing(format!("`{measure}` is of a fault")),
        };
    }
    if found.group.is_none() || found.group_number >= outcome.plan.components.len() {
        return missing(format!("`{measure}` is of a component"));
    }
    match measure {
        "leaderless" => together(outcome, found.group_number, stat, &found.epochs, |leaders| leaders == 0),
        "two_leaders" => together(outcome, found.group_number, stat, &found.epochs, |leaders| leaders >= 2),
        _ => late_acks(outcome, found.group_number, &found.epochs),
    }
}

fn leads(role: Role) -> bool {
    matches!(role, Role::Leader | Role::Primary | Role::Head)
}

/// Of the intervals in which so many of those who are up, paused ones too, take themselves for leader, primary or head:
/// those that begin in these epochs. One that outlasts the run ends with it.
fn together(
    outcome: &Outcome,
    component: usize,
    stat: Option<Stat>,
    epochs: &EpochSet,
    counts: impl Fn(usize) -> bool,
) -> Result<Measured, Missing> {
    let processes = processes(outcome, component);
    let mut leaders: Vec<ProcessId> = Vec::new();
    let mut since = Some(Instant::ZERO).filter(|_| counts(0));
    let mut intervals: Vec<(Instant, Instant)> = Vec::new();
    let mut changes = 0;
    for (at, process, role) in outcome.roles.iter().filter(|(_, p, _)| processes.contains(&p.0)) {
        changes += 1;
        leaders.retain(|leader| leader != process);
        if leads(*role) {
            leaders.push(*process);
        }
        if counts(leaders.len()) {
            since = since.or(Some(*at));
        } else {
            intervals.extend(since.take().map(|since| (since, *at)));
        }
    }
    if changes == 0 {
        return Err(Missing::Unknown("nobody leads there, ever".to_owned()));
    }
    intervals.extend(since.map(|since| (since, outcome.plan.end)));
    let frame = outcome.meters.frame();
    let inside = intervals.iter().filter(|(from, _)| epochs.contains(frame.epoch_of(*from)));
    let lengths: Vec<f64> = inside.map(|(from, to)| to.since(*from).as_secs_f64()).collect();
    if lengths.is_empty() && stat == Some(Stat::Count) {
        // Roles changed, and it never came to that: none is a number.
        return Ok(Measured { samples: changes, ..Measured::exact(0.0, Dimension::COUNT) });
    }
    statistic(lengths, stat, Dimension::DURATION)
}

/// What this fault did, each time, to a group.
fn acts<'a>(outcome: &'a Outcome, fault: &str) -> Result<impl Iterator<Item = &'a Acted> + use<'a>, Missing> {
    let number = outcome.plan.faults.iter().position(|f| f.name == fault);
    let Some(number) = number else { return Err(Missing::Unknown(format!("no fault is called {fault}"))) };
    Ok(outcome.acted.iter().filter(move |act| usize::from(act.fault) == number))
}

/// For each time that a fault hit somebody who led: from then until another of its group does. Who is not replaced
/// before the fault hits again gives no value.
fn failover_time(outcome: &Outcome, fault: &str, stat: Option<Stat>) -> Result<Measured, Missing> {
    let began: Vec<&Acted> = acts(outcome, fault)?.filter(|act| starts(act.what)).collect();
    let mut took = Vec::new();
    for (i, act) in began.iter().enumerate() {
        let until = began[i..].iter().find(|next| next.at > act.at).map_or(outcome.plan.end, |next| next.at);
        for hit in &act.hit {
            // What a crash did to its role has the same instant.
            let role = outcome.roles.iter().rfind(|(at, p, _)| p == hit && *at < act.at).map(|(.., role)| *role);
            let group = (0..outcome.plan.components.len()).map(|c| processes(outcome, c)).find(|g| g.contains(&hit.0));
            let (Some(group), true) = (group, role.is_some_and(leads)) else { continue };
            let next = outcome
                .roles
                .iter()
                .find(|(at, p, role)| *at > act.at && *at < until && p != hit && group.contains(&p.0) && leads(*role));
            took.extend(next.map(|(at, ..)| at.since(act.at).as_secs_f64()));
        }
    }
    statistic(took, stat, Dimension::DURATION)
}

/// Entries that a leader or primary acknowledged in these epochs after another had begun a later term: it applied an
/// entry of its own term, and took itself for the leader until that moment.
fn late_acks(outcome: &Outcome, component: usize, epochs: &EpochSet) -> Result<Measured, Missing> {
    let frame = outcome.meters.frame();
    let first = processes(outcome, component).start;
    let mut newest: Option<(u64, u32)> = None;
    let mut led: std::collections::BTreeMap<u64, u32> = std::collections::BTreeMap::new();
    let mut applied = 0_u64;
    let mut late = 0_u64;
    // Roles have an order of their own: of those before the moment, the last of each process.
    let mut roles = outcome.roles.iter().peekable();
    let mut now: std::collections::BTreeMap<ProcessId, Role> = std::collections::BTreeMap::new();
    for observation in outcome.history.observations() {
        match observation {
            Observation::Leader { object, term, process, .. } if object.0 as usize == component => {
                led.insert(*term, *process);
                newest = newest.max(Some((*term, *process)));
            }
            Observation::Applied { at, object, replica, term, .. } if object.0 as usize == component => {
                applied += 1;
                while let Some((_, process, role)) = roles.next_if(|(then, ..)| then < at) {
                    now.insert(*process, *role);
                }
                let own =
                    led.get(term) == Some(replica) && now.get(&ProcessId(first + replica)).is_some_and(|r| leads(*r));
                let replaced = newest.is_some_and(|(newest, by)| newest > *term && by != *replica);
                late += u64::from(own && replaced && epochs.contains(frame.epoch_of(*at)));
            }
            _ => {}
        }
    }
    if applied == 0 {
        return Err(Missing::Unknown("nothing was applied there to a log".to_owned()));
    }
    Ok(Measured { samples: applied, ..Measured::exact(late as f64, Dimension::COUNT) })
}

/// For each time that a fault was over: from then until whom it had hit has applied an entry as late as the last that
/// any other had applied by then. Who is hit again before that gives no value.
fn catch_up_time(outcome: &Outcome, fault: &str, stat: Option<Stat>) -> Result<Measured, Missing> {
    let acts: Vec<&Acted> = acts(outcome, fault)?.collect();
    // In the order in which it happened.
    let applied: Vec<(Instant, usize, u32, u64)> = outcome
        .history
        .observations()
        .iter()
        .filter_map(|observation| match observation {
            Observation::Applied { at, object, replica, index, .. } => Some((*at, object.0 as usize, *replica, *index)),
            _ => None,
        })
        .collect();
    let mut took = Vec::new();
    for (i, back) in acts.iter().enumerate().filter(|(_, act)| !starts(act.what)) {
        // A cut both ways begins and ends twice at once.
        let Some(away) = acts[..i].iter().rfind(|act| starts(act.what)) else { continue };
        if acts[..i].iter().any(|act| act.at == back.at && !starts(act.what)) {
            continue;
        }
        let until = acts[i..].iter().find(|next| next.at > back.at).map_or(outcome.plan.end, |next| next.at);
        let begin: Vec<ProcessId> =
            acts[..i].iter().filter(|act| act.at == away.at).flat_map(|act| act.hit.clone()).collect();
        for hit in &begin {
            let Some(c) = (0..outcome.plan.components.len()).find(|c| processes(outcome, *c).contains(&hit.0)) else {
                continue;
            };
            let me = hit.0 - processes(outcome, c).start;
            let others = applied.iter().filter(|(at, object, who, _)| *at <= back.at && *object == c && *who != me);
            let Some(last) = others.map(|(.., index)| *index).max() else { continue };
            let has = applied.iter().find(|(at, object, who, index)| {
                *at > back.at && *at < until && *object == c && *who == me && *index >= last
            });
            took.extend(has.map(|(at, ..)| at.since(back.at).as_secs_f64()));
        }
    }
    statistic(took, stat, Dimension::DURATION)
}
