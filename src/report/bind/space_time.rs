//! The messages behind a counter-example: the run is played again, and what was asked and said about the key while the
//! operations were under way is drawn, with what every replica had of it.

use std::collections::BTreeMap;

use super::volley;
use super::witness::Names;
use crate::engine::{Instant, ProcessId, Span};
use crate::history::Operation;
use crate::report::figure::Witness;
use crate::report::figure::space_time::{Call, Change, Repeats, Row, Sent, SpaceTime, State};
use crate::report::figure::witness::Place;
use crate::rpc::{Requester, Verb};
use crate::run::{Outcome, watch};
use crate::scenario::{FaultPlan, Kind, Plan};
use crate::world::{Control, Held, Part, Role, Side, Trace, TraceEvent, When};

/// More messages than these nobody follows.
const MESSAGES_MAX: usize = 48;
/// Nor more changes than these.
const CHANGES_MAX: usize = 24;
/// From so many of both on a picture need not begin with the first operation.
const CROWD: usize = 44;
/// A run of more events is not played again for a picture.
const EVENTS_MAX: u64 = 30_000_000;
/// How long a picture looks on where no outcome is known.
const LOOK_ON: Span = Span::secs(1);

/// What was asked and said about the key of some operations, from the first of them to the last; nothing if the run is
/// too long to be played again.
pub(super) fn watched(outcome: &Outcome, operations: &[Operation]) -> Option<Trace> {
    if outcome.events > EVENTS_MAX {
        return None;
    }
    let from = operations.iter().map(|o| o.invoked).min()?;
    let known = operations.iter().map(|o| o.completed).filter(|at| *at != Instant::NEVER).max();
    let until = known.unwrap_or(from + LOOK_ON).max(operations.iter().map(|o| o.invoked).max()?);
    // Windows are half open: what happens at the last instant counts.
    watch(outcome, operations.first()?.key, (from, (until + Span(1)).min(outcome.plan.end))).ok()
}

/// Where the replicas of a store and the clients are among the processes.
struct Places<'a> {
    plan: &'a Plan,
    first: usize,
    count: usize,
    clients: usize,
}

impl<'a> Places<'a> {
    fn of(plan: &'a Plan, store: usize) -> Places<'a> {
        let hosts = |upto: usize| plan.components[..upto].iter().map(|c| c.hosts.len()).sum::<usize>();
        let count = plan.components[store].hosts.len();
        Places { plan, first: hosts(store), count, clients: hosts(plan.components.len()) }
    }

    fn replica(&self, process: ProcessId) -> Option<usize> {
        process.index().checked_sub(self.first).filter(|r| *r < self.count)
    }

    /// The process of a service, or the population of a client, by its group and its place in it.
    fn asker(&self, (group, place): (usize, u32)) -> Option<ProcessId> {
        if group < self.plan.components.len() {
            let before: usize = self.plan.components[..group].iter().map(|c| c.hosts.len()).sum();
            return Some(ProcessId::at(before + place as usize));
        }
        let c = group.checked_sub(self.plan.components.len()).filter(|c| *c < self.plan.clients.len())?;
        Some(ProcessId::at(self.clients + c))
    }

    fn zone(&self, process: ProcessId) -> usize {
        let hosts = self.plan.components.iter().flat_map(|c| c.hosts.iter());
        let all = hosts.chain(self.plan.clients.iter().map(|(_, host)| host));
        all.map(|host| host.place.zone.index()).nth(process.index()).unwrap_or(0)
    }
}

/// The picture of what was said; nothing if nothing was.
pub(super) fn figure(
    outcome: &Outcome,
    example: &Witness,
    operations: &[Operation],
    trace: &Trace,
    names: &mut Names<'_>,
) -> Option<SpaceTime> {
    let plan = &outcome.plan;
    let store = usize::from(operations.first()?.object.0);
    plan.components.get(store).filter(|c| matches!(c.kind, Kind::Store(Some(_))))?;
    let places = Places::of(plan, store);
    let culprit = example.bars.iter().find(|bar| bar.place == Place::Nowhere).map(|bar| bar.from);
    let windows: Vec<(Instant, Instant)> = operations.iter().map(|o| (o.invoked, o.completed)).collect();
    let last = windows.iter().filter(|w| w.1 != Instant::NEVER).map(|w| w.1).max();
    let cut = cut_at(outcome, (windows.iter().map(|w| w.0).min()?, last.unwrap_or(Instant::NEVER)), culprit);
    let side_of = |process: ProcessId| match &cut {
        Some(cut) => usize::from(!cut.holds(process)),
        None => places.zone(process),
    };
    // Clients by the names they have in the counter-example, with where they are.
    let mut clients: Vec<(u32, String, usize)> = Vec::new();
    for operation in operations {
        if clients.iter().all(|(process, ..)| *process != operation.process) {
            let asker = places.asker(names.group(operation.process));
            let side = asker.map_or(usize::MAX, &side_of);
            clients.push((operation.process, names.client(operation.process), side));
        }
    }
    let store_name = &plan.components[store].name;
    let replicas: Vec<(usize, usize)> =
        (0..places.count).map(|r| (side_of(ProcessId::at(places.first + r)), r)).collect();
    let mut sides: Vec<usize> = replicas.iter().map(|(side, _)| *side).collect();
    sides.sort_unstable();
    sides.dedup();
    let mut roles = Roles::of(outcome, windows.iter().map(|w| w.0).min()?);
    let mut held: BTreeMap<ProcessId, Held> = trace.before.clone();
    let mut rows: Vec<Row> = Vec::new();
    let mut row_of_client: Vec<(u32, usize)> = Vec::new();
    let mut row_of_replica: Vec<usize> = vec![0; places.count];
    for (place, side) in sides.iter().enumerate() {
        // Clients of the last side stand below their replicas: their calls need not cross the others.
        let below = place > 0 && place + 1 == sides.len();
        let here = |own: usize| own == *side || place == 0 && !sides.contains(&own);
        let mut add_clients = |rows: &mut Vec<Row>| {
            for (process, name, _) in clients.iter().filter(|(.., own)| here(*own)) {
                // One client under two numbers is one row.
                let known = rows.iter().position(|row| row.state.is_none() && row.name == *name);
                row_of_client.push((*process, known.unwrap_or(rows.len())));
                if known.is_none() {
                    rows.push(Row { name: name.clone(), side: *side, state: None });
                }
            }
        };
        if !below {
            add_clients(&mut rows);
        }
        for (_, r) in replicas.iter().filter(|(own, _)| own == side) {
            let process = ProcessId::at(places.first + r);
            row_of_replica[*r] = rows.len();
            let state = state(held.get(&process), roles.of_process(process), names);
            rows.push(Row { name: format!("{store_name}/{r}"), side: *side, state: Some(state) });
        }
        if below {
            add_clients(&mut rows);
        }
    }
    let client_row = |process: u32| row_of_client.iter().find(|(p, _)| *p == process).map(|(_, row)| *row);
    // Requests of the operations, not of others that asked for the key meanwhile.
    let mut asked: BTreeMap<Requester, (usize, Verb)> = BTreeMap::new();
    let ours = |client: u32, at: Instant| {
        operations.iter().any(|o| o.process == client && o.invoked <= at && at <= o.completed)
    };
    let foreign = |part: Part, asked: &BTreeMap<Requester, (usize, Verb)>| match part {
        Part::Request(requester) => !asked.contains_key(&Requester { visit: 0, ..requester }),
        _ => false,
    };
    let mut messages: Vec<(bool, Sent)> = Vec::new();
    let mut changes: Vec<Change> = Vec::new();
    // What has no known end counts for as long as the longest of the others took.
    let known = windows.iter().filter(|w| w.1 != Instant::NEVER);
    let longest = known.map(|(from, to)| to.since(*from)).max().unwrap_or(LOOK_ON);
    let end = |(from, to): &(Instant, Instant)| if *to == Instant::NEVER { *from + longest } else { *to };
    let inside = |at: Instant| windows.iter().any(|w| w.0 <= at && at <= end(w));
    for event in &trace.events {
        match event {
            TraceEvent::Message { at, from, to, name, about, arrives } if from != to => {
                let (Some(a), Some(b)) = (places.replica(*from), places.replica(*to)) else { continue };
                if foreign(about.part, &asked) {
                    continue;
                }
                let words = std::iter::once((*name).to_owned())
                    .chain((!about.values.is_empty()).then(|| names.values(&about.values)))
                    .collect::<Vec<_>>()
                    .join(" ");
                let (from, to) = (row_of_replica[a], row_of_replica[b]);
                messages.push((
                    inside(*at),
                    Sent { from, to, at: *at, arrives: *arrives, words, term: about.term, repeats: None },
                ));
            }
            TraceEvent::Requested { at, client, requester, to, verb, arrives } => {
                let (Some(row), Some(r)) = (client_row(*client), places.replica(*to)) else { continue };
                if !ours(*client, *at) {
                    continue;
                }
                asked.insert(*requester, (row, *verb));
                let change = operations
                    .iter()
                    .find(|o| !o.function.is_read() && o.process == *client && o.invoked <= *at && *at <= o.completed);
                let words = match change.filter(|o| o.value != 0) {
                    Some(change) => format!("{} {}", verb.name(), names.values(&[change.value])),
                    None => verb.name().to_owned(),
                };
                let to = row_of_replica[r];
                messages
                    .push((true, Sent { from: row, to, at: *at, arrives: *arrives, words, term: None, repeats: None }));
            }
            TraceEvent::Replied { at, from, requester, value, outcome, arrives } => {
                let (Some((row, verb)), Some(r)) = (asked.get(requester), places.replica(*from)) else { continue };
                let words = match verb {
                    Verb::Read if outcome.answered() => names.values(&[*value]),
                    _ => outcome.name().to_owned(),
                };
                let from = row_of_replica[r];
                messages.push((
                    true,
                    Sent { from, to: *row, at: *at, arrives: *arrives, words, term: None, repeats: None },
                ));
            }
            TraceEvent::State { at, process, held: now } => {
                let Some(r) = places.replica(*process) else { continue };
                roles.learn_until(*at);
                held.insert(*process, now.clone());
                let state = state(Some(now), roles.of_process(*process), names);
                changes.push(Change { row: row_of_replica[r], at: *at, state, repeats: None });
            }
            TraceEvent::Role { at, process, .. } => {
                let Some(r) = places.replica(*process) else { continue };
                roles.learn_until(*at);
                let state = state(held.get(process), roles.of_process(*process), names);
                changes.push(Change { row: row_of_replica[r], at: *at, state, repeats: None });
            }
            _ => {}
        }
    }
    drop_repetitions(&mut changes, &rows);
    let mut messages = volley::messages(messages);
    let mut changes = volley::changes(changes, &messages);
    // Where too much happens, the picture begins with the cut, if the culprit came after that; else so late that what is
    // left can be followed.
    let crowded = messages.len() + changes.len() > CROWD;
    let with_cut = cut.as_ref().map(|cut| cut.since).filter(|since| crowded && culprit.is_some_and(|at| at > *since));
    let news = |at: &Instant| with_cut.is_none_or(|since| *at > since);
    let at: Vec<Instant> = changes.iter().map(|c| c.at).filter(news).collect();
    let from = at.len().checked_sub(CHANGES_MAX + 1).map(|last| at[last]).or(with_cut);
    if let Some(from) = from {
        for change in changes.iter().filter(|c| c.at <= from) {
            rows[change.row].state = Some(change.state.clone());
        }
        changes.retain(|c| c.at > from);
        // What had begun before is seen from here on.
        let seen = |repeats: &mut Option<Repeats>| repeats.iter_mut().for_each(|r| r.since = r.since.max(from));
        changes.iter_mut().for_each(|c| seen(&mut c.repeats));
        messages.iter_mut().for_each(|(_, m)| seen(&mut m.repeats));
    }
    let late = |at: Instant| from.is_none_or(|from| at > from);
    // What was said during the operations comes first, then what was said between them.
    let all = messages.len();
    let mut order: Vec<usize> = (0..all).collect();
    order.retain(|i| late(messages[*i].1.at));
    order.sort_by_key(|i| (!messages[*i].0, std::cmp::Reverse(*i)));
    order.truncate(MESSAGES_MAX);
    order.sort_unstable();
    let messages: Vec<Sent> = order.into_iter().map(|i| messages[i].1.clone()).collect();
    if messages.is_empty() {
        return None;
    }
    let seen = example.bars.iter().filter(|bar| bar.until.is_none_or(late));
    let calls = seen.filter_map(|bar| {
        let row = rows.iter().position(|row| row.state.is_none() && row.name == bar.client)?;
        let nowhere = bar.place == Place::Nowhere;
        let begins = from.map_or(bar.from, |from| bar.from.max(from));
        Some(Call { row, words: bar.words.clone(), from: begins, until: bar.until, nowhere })
    });
    let calls = calls.collect();
    let seen = (from.or(windows.iter().map(|w| w.0).min())?, last.unwrap_or(Instant::NEVER));
    let lasts = cut.as_ref().map_or_else(Vec::new, |cut| lasting(&cut.windows, seen));
    Some(without_idle_clients(SpaceTime {
        title: "What was asked and said about the key".to_owned(),
        subject: "each replica has".to_owned(),
        rows,
        cut: cut.map(|cut| cut.name).filter(|_| !lasts.is_empty()),
        lasts,
        from,
        until: last,
        calls,
        left_out: (all - messages.len()) as u64,
        messages,
        changes,
    }))
}

/// Leaves out the rows of clients that do nothing in the picture.
fn without_idle_clients(mut picture: SpaceTime) -> SpaceTime {
    let busy = |row: usize| {
        picture.rows[row].state.is_some()
            || picture.calls.iter().any(|call| call.row == row)
            || picture.messages.iter().any(|m| m.from == row || m.to == row)
    };
    let kept: Vec<usize> = (0..picture.rows.len()).filter(|row| busy(*row)).collect();
    let now = |row: usize| kept.iter().position(|old| *old == row).unwrap_or(0);
    picture.calls.iter_mut().for_each(|call| call.row = now(call.row));
    picture.changes.iter_mut().for_each(|change| change.row = now(change.row));
    picture.messages.iter_mut().for_each(|m| (m.from, m.to) = (now(m.from), now(m.to)));
    picture.rows = kept.iter().map(|row| picture.rows[*row].clone()).collect();
    picture
}

/// A value that was already there is no change.
fn drop_repetitions(changes: &mut Vec<Change>, rows: &[Row]) {
    let mut last: Vec<Option<State>> = rows.iter().map(|row| row.state.clone()).collect();
    changes.retain(|change| {
        let Some(known) = last.get_mut(change.row) else { return false };
        let news = known.as_ref() != Some(&change.state);
        *known = Some(change.state.clone());
        news
    });
}

fn state(held: Option<&Held>, role: Role, names: &mut Names<'_>) -> State {
    let has = names.values(held.map_or(&[], |held| held.values.as_slice()));
    let term = held.and_then(|held| held.term);
    let rank = match (role, term) {
        (Role::Peer | Role::Follower | Role::Backup, Some(term)) => format!("term {term}"),
        (Role::Peer, None) => String::new(),
        (role, Some(term)) => format!("{} of {term}", role.name()),
        (role, None) => role.name().to_owned(),
    };
    State { has, rank }
}

/// Who is what, as time goes on.
struct Roles<'a> {
    all: &'a [(Instant, ProcessId, Role)],
    next: usize,
    now: BTreeMap<ProcessId, Role>,
}

impl<'a> Roles<'a> {
    fn of(outcome: &'a Outcome, at: Instant) -> Roles<'a> {
        let mut roles = Roles { all: &outcome.roles, next: 0, now: BTreeMap::new() };
        roles.learn_until(at);
        roles
    }
    fn learn_until(&mut self, at: Instant) {
        while let Some((_, process, role)) = self.all.get(self.next).filter(|(when, ..)| *when <= at) {
            self.now.insert(*process, *role);
            self.next += 1;
        }
    }
    fn of_process(&self, process: ProcessId) -> Role {
        self.now.get(&process).copied().unwrap_or_default()
    }
}

/// A cut that lasted while the operations did.
struct CutOff {
    name: String,
    /// When it began.
    since: Instant,
    /// All the times at which it lasted.
    windows: Vec<(Instant, Instant)>,
    processes: Vec<ProcessId>,
    rest: bool,
}

impl CutOff {
    fn holds(&self, process: ProcessId) -> bool {
        self.processes.contains(&process) != self.rest
    }
}

/// The cut during which the culprit began; else the last that lasted at some time of the window.
fn cut_at(outcome: &Outcome, window: (Instant, Instant), culprit: Option<Instant>) -> Option<CutOff> {
    let plan = &outcome.plan;
    let mut found: Option<(bool, Instant, CutOff)> = None;
    for (number, fault) in plan.faults.iter().enumerate() {
        let meets = |(from, to): &&(Instant, Instant)| *from <= window.1 && window.0 < *to;
        let Some((from, to)) = fault.windows.iter().rev().find(meets) else { continue };
        // The first direction of the cut that began then; the sides of the other are the same.
        let side = plan.schedule.iter().find_map(|s| match (&s.control, &s.when) {
            _ if usize::from(s.fault) != number => None,
            (Control::Cut { from: side, .. }, When::At(at)) if at == from => Some(side),
            (Control::Cut { from: side, .. }, When::Point(..)) => Some(side),
            _ => None,
        });
        let Some(side) = side else { continue };
        let during = culprit.is_some_and(|at| *from <= at && at < *to);
        if found.as_ref().is_none_or(|(best, at, _)| (during, *from) > (*best, *at)) {
            found = Some((during, *from, cut_off(outcome, fault, side, *from)));
        }
    }
    found.map(|(.., cut)| cut)
}

/// Who stood on a side when it was cut off: roles are settled then.
fn cut_off(outcome: &Outcome, fault: &FaultPlan, side: &Side, at: Instant) -> CutOff {
    let mut processes = side.processes.clone();
    let plan = &outcome.plan;
    let just_before = Instant(at.0.saturating_sub(1));
    let roles = Roles::of(outcome, just_before);
    for (group, role) in &side.roles {
        let Some(component) = plan.components.get(group.index()) else { continue };
        let first: usize = plan.components[..group.index()].iter().map(|c| c.hosts.len()).sum();
        let holders = (first..first + component.hosts.len()).map(ProcessId::at);
        processes.extend(holders.filter(|process| roles.of_process(*process) == *role));
    }
    let (name, windows) = (fault.name.clone(), fault.windows.clone());
    CutOff { name, since: at, windows, processes, rest: side.rest }
}

/// Those windows that meet the time in which a picture is drawn.
fn lasting(windows: &[(Instant, Instant)], seen: (Instant, Instant)) -> Vec<(Instant, Instant)> {
    windows.iter().copied().filter(|(from, to)| *from < seen.1 && seen.0 < *to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_that_comes_and_goes_is_drawn_only_if_it_lasts_in_the_picture() {
        let at = |ms: u64| Instant(ms * 1_000_000);
        // From 30 s on, every 5 s for 1.5 s.
        let windows: Vec<(Instant, Instant)> = (6..12).map(|i| (at(5000 * i), at(5000 * i + 1500))).collect();
        assert_eq!(lasting(&windows, (at(39_360), at(39_900))), []);
        assert_eq!(lasting(&windows, (at(39_360), at(40_290))), [(at(40_000), at(41_500))]);
        assert_eq!(lasting(&windows, (at(36_500), at(40_000))), []);
        assert_eq!(lasting(&windows, (at(36_400), Instant::NEVER)).len(), 5);
    }
}
