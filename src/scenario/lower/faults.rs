//! `[fault.X]`: one action on one place, and when.

use super::hits::{Hit, draw};
use super::moments::Moments;
use super::strikes::{Parameters, Pushed};
use super::{Lowering, Site};
use crate::engine::{Instant, ProcessId, Seed, Span, Stream};
use crate::physics::{HostSet, Reach};
use crate::scenario::plan::FaultPlan;
use crate::scenario::reader::{Fields, inside};
use crate::scenario::tree::Node;
use crate::spec::{Diagnostic, Place};
use crate::world::{Control, Scheduled, Side, Target};

/// The actions that this version plays, and those of the language that it doesn't.
const ACTIONS: &[&str] = &[
    "crash",
    "restart",
    "pause",
    "slow",
    "gray",
    "partition",
    "loss",
    "duplicate",
    "reorder",
    "delay",
    "bandwidth",
    "load",
    "hot_key",
    "flush",
    "power_loss",
    "leak",
    "clock_step",
    "clock_drift",
    "clock_freeze",
    "disk_slow",
    "add",
    "remove",
    "rolling_upgrade",
];
/// Faults that can be aimed at whoever has a role.
const TO_ROLES: &[&str] = &[
    "crash",
    "power_loss",
    "restart",
    "pause",
    "slow",
    "gray",
    "clock_step",
    "clock_drift",
    "clock_freeze",
    "disk_slow",
    "remove",
];
const LATER: &[&str] = &[
    "corrupt",
    "drop",
    "leap_second",
    "disk_full",
    "torn_write",
    "bit_rot",
    "lost_fsync",
    "lose_invalidations",
    "stale_dns",
    "expire_certificate",
    "scale",
    "split",
    "merge",
];

impl Lowering<'_, '_> {
    /// Reads all faults and lays them out in time: those that happen, those that are not enabled, and what they do.
    pub(super) fn faults(
        &self,
        root: &Fields<'_, '_>,
        site: &Site<'_>,
        end: Instant,
        seed: Seed,
    ) -> (Vec<FaultPlan>, Vec<FaultPlan>, Vec<Scheduled>) {
        let (mut plans, mut off, mut schedule) = (Vec::new(), Vec::new(), Vec::new());
        let Some(Some(table)) = root.table("fault") else { return (plans, off, schedule) };
        for (name, place, node) in table.entries() {
            self.name(&name, &place);
            let Some(fields) = table.table_of(node) else { continue };
            let enabled = fields.flag("enabled").unwrap_or(true);
            let number = u16::try_from(plans.len()).unwrap_or(u16::MAX);
            let plan = if fields.has("set") {
                self.set_fault(&name, &fields, root, site, (end, seed, number), &mut schedule)
            } else {
                self.fault(&name, &fields, site, end, seed, number, &mut schedule)
            };
            let Some(plan) = plan else {
                self.log.spoil(&name);
                fields.give_up();
                continue;
            };
            fields.done();
            if enabled {
                plans.push(plan);
            } else {
                schedule.retain(|s: &Scheduled| s.fault != number);
                off.push(FaultPlan { windows: Vec::new(), awaits: None, ..plan });
            }
        }
        (plans, off, schedule)
    }

    #[expect(clippy::too_many_arguments, reason = "a fault needs its whole site")]
    fn fault(
        &self,
        name: &str,
        fields: &Fields<'_, '_>,
        site: &Site<'_>,
        end: Instant,
        seed: Seed,
        number: u16,
        schedule: &mut Vec<Scheduled>,
    ) -> Option<FaultPlan> {
        let moments = self.moments(fields, site, end);
        let action = action_of(fields)?;
        let node = fields.node(action)?;
        let places: Vec<(String, Place)> = if let Some(items) = node.get_ref().as_array() {
            items.iter().filter_map(|n| Some((fields.text_of(n)?, inside(n)))).collect()
        } else {
            vec![(fields.text_of(node)?, inside(node))]
        };
        if places.is_empty() && action != "partition" {
            fields.error(
                Diagnostic::error(node.span(), format!("`{action}` hits nobody"))
                    .help(format!("name a place, such as `{action} = \"web/0\"`")),
            );
            return None;
        }
        if action != "partition" {
            fields.once(&places);
        }
        let what = format!("{action} {}", places.iter().map(|(p, _)| p.as_str()).collect::<Vec<_>>().join(" | "));
        let parameters = self.parameters(action, fields);
        let upgrade = (action == "rolling_upgrade").then(|| self.upgrade_keys(fields));
        let hits: Vec<Hit> = places.iter().filter_map(|(text, place)| self.hit(text, place, site, action)).collect();
        let moments = moments?;
        if hits.len() < places.len() {
            return None;
        }
        if matches!(action, "add" | "remove") {
            let mut fit = places.iter().zip(&hits).map(|((text, at), hit)| self.is_member(action, text, at, hit, site));
            if !fit.all(|fits| fits) {
                return None;
            }
        }
        let mut parameters = parameters?;
        self.steady(&mut parameters, &hits, node, site)?;
        let mut stream = Stream::named(seed, &format!("fault/{name}"));
        let mut all: Vec<(Instant, Instant)> = Vec::new();
        let mut push = Pushed { schedule, fault: number, awaits: moments.awaits() };
        if action == "partition" {
            let all = self.partition(hits, node, fields, site, end, &parameters, &moments, &mut stream, &mut push)?;
            return Some(moments.plan(name, what, all));
        }
        if let Some(upgrade) = upgrade {
            let (moments, named) = ((moments, end), (name, what));
            return self.rolling_upgrade(named, &upgrade, hits, node, fields, site, moments, &mut stream, &mut push);
        }
        for hit in hits {
            // `random` is each instance on its own; the other timings hit everybody at once.
            let own = moments.is_random();
            match hit {
                Hit::Links(links) => {
                    for (from, to) in moments.stretches(&mut stream) {
                        let id = push.next();
                        let change = parameters.change(action, Reach::Links(links.clone()));
                        push.at(from, Control::Strain { id, strain: change });
                        if to < end {
                            push.at(to, Control::Relax { id });
                        }
                        all.push((from, to));
                    }
                }
                Hit::Between(a, b) => {
                    let set = |p: &[ProcessId]| p.iter().map(|p| site.host(*p)).collect::<HostSet>();
                    for (from, to) in moments.stretches(&mut stream) {
                        let id = push.next();
                        let change = parameters.change(action, Reach::Between(set(&a), set(&b)));
                        push.at(from, Control::Strain { id, strain: change });
                        if to < end {
                            push.at(to, Control::Relax { id });
                        }
                        all.push((from, to));
                    }
                }
                Hit::Rest => {
                    fields.error(Diagnostic::error(node.span(), "`rest` is the other side of a partition"));
                    return None;
                }
                Hit::Role(group, role) => {
                    if !TO_ROLES.contains(&action) {
                        fields.error(
                            Diagnostic::error(node.span(), format!("`{action}` can't be aimed at a role"))
                                .help(format!("these can: {}", TO_ROLES.join(", "))),
                        );
                        return None;
                    }
                    for (from, to) in moments.stretches(&mut stream) {
                        // Undone on whoever was hit, whatever has become of it since.
                        let same = Target::Same(push.next());
                        parameters.controls(action, Target::Role(group, role), same, from, to, end, &mut push);
                        all.push((from, to));
                    }
                }
                Hit::Processes(processes) if own => {
                    if let Err(times) = moments.often_for(processes.len()) {
                        fields.error(
                            Diagnostic::error(node.span(), "this fault happens too often")
                                .label(format!("about {times:.0} times at {} instances", processes.len()))
                                .help("break fewer instances, or break them more rarely"),
                        );
                        return None;
                    }
                    let stream = |p: ProcessId| Stream::named(seed, &format!("fault/{name}/{}", site.process_name(p)));
                    for (p, from, to) in moments.each(&processes, stream) {
                        let target = Target::Process(p);
                        parameters.controls(action, target.clone(), target, from, to, end, &mut push);
                        all.push((from, to));
                    }
                }
                Hit::Processes(processes) => {
                    for (from, to) in moments.stretches(&mut stream) {
                        for p in &processes {
                            let target = Target::Process(*p);
                            parameters.controls(action, target.clone(), target, from, to, end, &mut push);
                        }
                        all.push((from, to));
                    }
                }
                Hit::Drawn(mut among, count) => {
                    for (from, to) in moments.stretches(&mut stream) {
                        draw(&mut among, count, &mut stream);
                        for p in among.iter().take(count) {
                            let target = Target::Process(*p);
                            parameters.controls(action, target.clone(), target, from, to, end, &mut push);
                        }
                        all.push((from, to));
                    }
                }
            }
        }
        all.sort_unstable();
        if matches!(action, "flush" | "restart") {
            all.iter_mut().for_each(|w| w.1 = w.0 + Span(1));
        }
        Some(moments.plan(name, what, all))
    }

    /// Two sides, and the cuts between them. Returns when it holds.
    #[expect(clippy::too_many_arguments, reason = "a fault needs its whole site")]
    fn partition(
        &self,
        hits: Vec<Hit>,
        node: &Node<'_>,
        fields: &Fields<'_, '_>,
        site: &Site<'_>,
        end: Instant,
        parameters: &Parameters,
        moments: &Moments,
        stream: &mut Stream,
        push: &mut Pushed<'_>,
    ) -> Option<Vec<(Instant, Instant)>> {
        let mut all: Vec<(Instant, Instant)> = Vec::new();
        // Drawn anew for each stretch; the other side is then the rest.
        let mut drawn: Option<(Vec<ProcessId>, usize)> = None;
        let sides: Vec<Option<Side>> = hits
            .into_iter()
            .map(|hit| match hit {
                Hit::Rest => None,
                Hit::Processes(processes) => Some(Side { processes, ..Side::default() }),
                Hit::Drawn(processes, count) => {
                    drawn = Some((processes, count));
                    Some(Side::default())
                }
                Hit::Role(group, role) => Some(Side { roles: vec![(group, role)], ..Side::default() }),
                Hit::Links(_) | Hit::Between(..) => Some(Side::default()),
            })
            .collect();
        let (a, b) = match sides.as_slice() {
            [Some(a), Some(b)] => (a.clone(), b.clone()),
            [Some(a), None] => (a.clone(), Side { rest: true, ..a.clone() }),
            [None, Some(b)] => (Side { rest: true, ..b.clone() }, b.clone()),
            _ => {
                fields.error(
                    Diagnostic::error(node.span(), "a partition has two sides, one of which may be `rest`")
                        .help("write `partition = [\"region:east\", \"rest\"]`"),
                );
                return None;
            }
        };
        let both = a.processes.iter().find(|p| !a.rest && !b.rest && b.processes.contains(p));
        if let Some(both) = both {
            fields.error(Diagnostic::error(node.span(), format!("{} is on both sides", site.process_name(*both))));
            return None;
        }
        let settled = |side: Side| -> Side {
            if !side.rest || !side.roles.is_empty() {
                return side;
            }
            let processes = site.everybody().into_iter().filter(|p| !side.processes.contains(p)).collect();
            Side { processes, ..Side::default() }
        };
        if drawn.is_some() && sides.iter().all(Option::is_some) {
            fields.error(
                Diagnostic::error(node.span(), "whoever is drawn is cut off from the rest")
                    .help("write `partition = [\"random(kv, 2)\", \"rest\"]`"),
            );
            return None;
        }
        let mut cuts = parameters.shape.cuts(&settled(a), &settled(b), site);
        for (from, to) in moments.stretches(stream) {
            if let Some((among, count)) = &mut drawn {
                draw(among, *count, stream);
                let processes = among[..(*count).min(among.len())].to_vec();
                let side = Side { processes, ..Side::default() };
                let rest = settled(Side { rest: true, ..side.clone() });
                cuts = parameters.shape.cuts(&side, &rest, site);
            }
            let id = push.next();
            for (senders, receivers) in &cuts {
                push.at(from, Control::Cut { id, from: senders.clone(), to: receivers.clone() });
            }
            if to < end {
                push.at(to, Control::Mend { id });
            }
            all.push((from, to));
        }
        Some(all)
    }
}

/// The one action of a fault.
fn action_of(fields: &Fields<'_, '_>) -> Option<&'static str> {
    let keys: Vec<String> = fields.entries().map(|(k, ..)| k).collect();
    let found: Vec<&str> = keys
        .iter()
        .map(String::as_str)
        .filter(|k| ACTIONS.contains(k) || LATER.contains(k))
        // `at` of a load is no action, and `drop`, `delay` can't be parameters of others.
        .collect();
    let [action] = found.as_slice() else {
        let odd = fields.entries().find(|(k, ..)| found.is_empty() && !fields.knows(k));
        if let Some((typo, place, _)) = odd {
            let key: &str = &typo;
            fields.said(key);
            fields.error(Diagnostic::error(place, format!("no fault is called `{typo}`")).nearest(
                key,
                "faults",
                ACTIONS.iter().copied(),
            ));
            return None;
        }
        let message = match found.len() {
            0 => "this fault does nothing".to_owned(),
            n => format!("this fault does {n} things: {}", found.join(", ")),
        };
        fields.error(
            Diagnostic::error(fields.place.clone(), message).help(format!("exactly one of: {}", ACTIONS.join(", "))),
        );
        return None;
    };
    let action = *action;
    if LATER.contains(&action) {
        let at = fields.entries().find(|(k, ..)| k == action).map(|(_, p, _)| p);
        fields.said(action);
        fields.error(
            Diagnostic::error(
                at.unwrap_or(fields.place.clone()),
                format!("the fault `{action}` belongs to a later version of the language"),
            )
            .help(format!("this version has: {}", ACTIONS.join(", "))),
        );
        return None;
    }
    ACTIONS.iter().find(|k| **k == action).copied()
}
