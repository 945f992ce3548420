//! CP or AP, PA/EL or PC/EC: read off what a run observed, never off what a protocol is called.
//!
//! Under a partition a store is *available* if every client group that asks it is answered, on whichever side it stands
//! (Gilbert and Lynch, "Brewer's conjecture", SIGACT News 33(2), 2002), and *consistent* if its whole history is
//! linearizable. Else, without faults, it chose consistency if what happened before the first fault is linearizable, and
//! latency if it is not (Abadi, "Consistency tradeoffs in modern distributed database system design", Computer 45(2),
//! 2012). A lucky history can look better than its protocol; it can't look worse.

use std::collections::BTreeMap;

use super::outcome::Outcome;
use super::phases;
use crate::check::{self, Property, Steps, Verdict, View};
use crate::engine::{Instant, ProcessId};
use crate::expect::{Missing, Phase};
use crate::history::{Function, ObjectId, Status};
use crate::world::meters::ANSWERED;
use crate::world::{Control, Side};

/// Share of a group's requests that must be answered for it to count as served; the rest is what any run loses to the
/// moments at which a cut begins and ends.
const SERVED: f64 = 0.99;

/// What one client group got while a partition lasted.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// The client group.
    pub clients: String,
    /// The partition.
    pub fault: String,
    /// Share of its requests that were answered, 0..=1.
    pub answered: f64,
    /// How many it asked.
    pub asked: u64,
    /// Whether anybody read what another client group had written since it began; of a lone group, what anybody had. If
    /// not, nobody can have noticed what the other side has.
    pub met: bool,
}

impl Served {
    /// Whether that counts as being served.
    pub fn enough(&self) -> bool {
        self.answered >= SERVED
    }
}

/// What each client group got during each partition.
pub fn served(outcome: &Outcome) -> Vec<Served> {
    let plan = &outcome.plan;
    let frame = outcome.meters.frame();
    let mut all = Vec::new();
    for fault in plan.faults.iter().filter(|f| f.parts()) {
        let epochs = phases::epochs(plan, frame, Some(&Phase::During(fault.name.clone())));
        let during = |at: Instant| fault.windows.iter().any(|(from, to)| *from <= at && at < *to);
        let met = met(outcome, during);
        for (c, (clients, _)) in plan.clients.iter().enumerate() {
            let tally = &outcome.meters.groups[plan.components.len() + c].visits;
            let Some(answered) = tally.share(&epochs, ANSWERED) else { continue };
            let asked = tally.offered(&epochs);
            all.push(Served { clients: clients.name.clone(), fault: fault.name.clone(), answered, asked, met });
        }
    }
    all
}

/// Whether one client group read a key that another had changed before, both at such a time.
fn met(outcome: &Outcome, during: impl Fn(Instant) -> bool) -> bool {
    let lone = outcome.plan.clients.len() == 1;
    let here = || outcome.history.operations().iter().filter(|o| o.status == Status::Ok && during(o.invoked));
    let mut changed: BTreeMap<(ObjectId, u64, usize), Instant> = BTreeMap::new();
    for change in here().filter(|o| !o.function.is_read() && during(o.completed)) {
        let first =
            changed.entry((change.object, change.key, outcome.client(change.process).0)).or_insert(Instant::NEVER);
        *first = change.completed.min(*first);
    }
    here().filter(|o| o.function.is_read()).any(|read| {
        let reader = outcome.client(read.process).0;
        let mut of_key = changed.range((read.object, read.key, 0)..=(read.object, read.key, usize::MAX));
        of_key.any(|((.., writer), first)| *first < read.invoked && (lone || *writer != reader))
    })
}

fn available(outcome: &Outcome) -> Result<bool, Missing> {
    let served = served(outcome);
    if served.is_empty() {
        return Err(Missing::Unknown("no partition was simulated, or nobody asked during it".to_owned()));
    }
    Ok(served.iter().all(Served::enough))
}

fn consistent(view: &View<'_>) -> Result<bool, Missing> {
    match check::judge_with(view, Property::Linearizable, check::Engine::Fastest, Steps::DEFAULT) {
        Verdict::Holds => Ok(true),
        Verdict::Violated(_) => Ok(false),
        Verdict::Unknown(reason) => Err(Missing::Unknown(reason.0)),
        Verdict::Vacuous(reason) => Err(Missing::NoSamples(reason.0)),
    }
}

/// `CP`, `AP`, `neither`, or `both` where the partition left everybody within reach of a majority.
pub(super) fn cap(outcome: &Outcome, object: Option<ObjectId>) -> Result<String, Missing> {
    available(outcome)?;
    let consistent = consistent(&View::new(&outcome.history, object))?;
    let word = cap_word(consistent, &served(outcome));
    word.map(str::to_owned).ok_or_else(|| {
        Missing::Unknown("nobody read what others wrote during the partition, so it was not put to the test".to_owned())
    })
}

fn word(consistent: bool, available: bool) -> &'static str {
    match (consistent, available) {
        (true, false) => "CP",
        (false, true) => "AP",
        (false, false) => "neither",
        (true, true) => "both",
    }
}

/// The word of `cap(…)` where it is known whether the history is linearizable; `None` if nobody asked during a
/// partition, or everybody was answered and nobody read what others wrote: nothing contradicts that.
pub fn cap_word(linearizable: bool, served: &[Served]) -> Option<&'static str> {
    let available = served.iter().all(Served::enough);
    let told = !served.is_empty() && (!linearizable || !available || served.iter().any(|s| s.met));
    told.then(|| word(linearizable, available))
}

/// The word of `pacelc(…)` over all stores of a run together; `None` if it can't be told: nobody asked during a partition,
/// or nothing was read before it.
pub fn pacelc_word(outcome: &Outcome) -> Option<String> {
    pacelc(outcome, None).ok()
}

/// `PA/EL`, `PC/EC` and so on.
pub(super) fn pacelc(outcome: &Outcome, object: Option<ObjectId>) -> Result<String, Missing> {
    let available = available(outcome)?;
    let first = outcome.plan.faults.iter().filter_map(|f| Some(f.span()?.0)).min().unwrap_or(Instant::NEVER);
    let mut calm = View::new(&outcome.history, object);
    let history = &outcome.history;
    calm.operations.retain(|&index| {
        let operation = history.operation(index);
        operation.invoked < first && (operation.completed < first || operation.completed == Instant::NEVER)
    });
    let consistent = consistent(&calm)?;
    Ok(format!("{}/{}", if available { "PA" } else { "PC" }, if consistent { "EC" } else { "EL" }))
}

/// A store that answered everybody on both sides of a complete cut, and yet is linearizable although one side read what
/// the other had written meanwhile: that is impossible, so the simulator is wrong. `None` if all is well.
pub(super) fn impossible(outcome: &Outcome) -> Option<String> {
    let plan = &outcome.plan;
    for (number, fault) in plan.faults.iter().enumerate() {
        let [(from, to)] = fault.windows.as_slice() else { continue };
        let cuts: Vec<(&Side, &Side)> = plan
            .schedule
            .iter()
            .filter(|s| usize::from(s.fault) == number)
            .filter_map(|s| match &s.control {
                Control::Cut { from, to, .. } => Some((from, to)),
                _ => None,
            })
            .collect();
        let [(a, b), (c, d)] = cuts.as_slice() else { continue };
        let plain = a.roles.is_empty() && b.roles.is_empty() && !a.rest && !b.rest;
        let processes = plan.components.iter().map(|c| c.hosts.len()).sum::<usize>() + plan.clients.len();
        let complete = plain && a == d && b == c && a.processes.len() + b.processes.len() == processes;
        if !complete {
            continue;
        }
        let first = plan.components.iter().map(|c| c.hosts.len()).sum::<usize>();
        let side = |process: u32| -> Option<bool> {
            let group = outcome.client(process).0;
            let population = group.checked_sub(plan.components.len()).filter(|p| *p < plan.clients.len())?;
            Some(a.processes.contains(&ProcessId::at(first + population)))
        };
        let during = |at: Instant| at >= *from && at < *to;
        for object in (0..outcome.history.objects().len() as u16).map(ObjectId) {
            let view = View::new(&outcome.history, Some(object));
            let operation = |index: &crate::history::OpIndex| outcome.history.operation(*index);
            let ok = || view.operations.iter().map(operation).filter(|o| o.status == Status::Ok);
            let mut writes: Vec<(u64, Instant, bool)> = ok()
                .filter(|o| o.function == Function::Write && during(o.invoked) && during(o.completed))
                .filter_map(|o| Some((o.key, o.completed, side(o.process)?)))
                .collect();
            writes.sort_unstable();
            let crossed = ok().filter(|o| o.function == Function::Read && during(o.invoked)).any(|o| {
                let start = writes.partition_point(|w| w.0 < o.key);
                let reader = side(o.process);
                let mut before = writes[start..].iter().take_while(|w| w.0 == o.key && w.1 < o.invoked);
                o.completed < *to && before.any(|w| reader.is_some_and(|r| r != w.2))
            });
            if crossed && available(outcome) == Ok(true) && consistent(&view) == Ok(true) {
                let name = outcome.history.object_name(object);
                return Some(format!(
                    "`{name}` answered both sides of `{}` and is linearizable: the CAP theorem forbids it",
                    fault.name
                ));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_shows_no_choice() {
        let served = |answered, met| {
            vec![Served { clients: "west".to_owned(), fault: "cut".to_owned(), answered, asked: 100, met }]
        };
        for (linearizable, answered, met, word) in [
            (true, 1.0, true, Some("both")),
            (true, 1.0, false, None),
            (true, 0.5, false, Some("CP")),
            (false, 1.0, false, Some("AP")),
            (false, 0.5, true, Some("neither")),
        ] {
            assert_eq!(cap_word(linearizable, &served(answered, met)), word, "{linearizable} {answered} {met}");
        }
        assert_eq!(cap_word(true, &[]), None);
    }
}
