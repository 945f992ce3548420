//! `[fault.X]`: one action on one place, and when.

use super::cuts::{Shape, role_at};
use super::{Lowering, Site};
use crate::engine::{Dist, EdgeId, GroupId, Instant, KeysId, ProcessId, Seed, Span, Stream, ZoneId};
use crate::physics::topology::LinkId;
use crate::physics::{HostSet, LinkChange, Reach};
use crate::rpc::{Op, Verb};
use crate::scenario::plan::FaultPlan;
use crate::scenario::reader::{Fields, inside};
use crate::scenario::tree::Node;
use crate::spec::dist::{Drifts, Durations, Offsets};
use crate::spec::units::{Bandwidth, Count, Number, Share};
use crate::spec::{Diagnostic, Place};
use crate::world::{ClockFault, Control, Gray, Power, Role, Scheduled, Side, Target, When};

/// How much slower, or how many times as many: beyond that a number was mistyped.
const MOST_SLOWER: f64 = 1e6;

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
];
const LATER: &[&str] = &[
    "corrupt",
    "drop",
    "rolling_upgrade",
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

/// What a place of the language comes to.
enum Hit {
    /// Whatever the other side doesn't name.
    Rest,
    /// Whoever has the role when the fault acts.
    Role(GroupId, Role),
    Processes(Vec<ProcessId>),
    /// Drawn anew for each stretch: so many of these.
    Drawn(Vec<ProcessId>, usize),
    Links(Vec<LinkId>),
    Between(Vec<ProcessId>, Vec<ProcessId>),
}

impl Lowering<'_, '_> {
    /// Reads all faults and lays them out in time.
    pub(super) fn faults(
        &self,
        root: &Fields<'_, '_>,
        site: &Site<'_>,
        end: Instant,
        seed: Seed,
    ) -> (Vec<FaultPlan>, Vec<Scheduled>) {
        let (mut plans, mut schedule) = (Vec::new(), Vec::new());
        let Some(Some(table)) = root.table("fault") else { return (plans, schedule) };
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
            }
        }
        (plans, schedule)
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
        let moments = self.moments(fields, end);
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
                Diagnostic::error(fields.place.clone(), message)
                    .help(format!("exactly one of: {}", ACTIONS.join(", "))),
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
        let key: &'static str = ACTIONS.iter().find(|k| **k == action)?;
        let node = fields.node(key)?;
        let places: Vec<(String, Place)> = if let Some(items) = node.get_ref().as_array() {
            items.iter().filter_map(|n| Some((fields.text_of(n)?, inside(n)))).collect()
        } else {
            vec![(fields.text_of(node)?, inside(node))]
        };
        let what = format!("{action} {}", places.iter().map(|(p, _)| p.as_str()).collect::<Vec<_>>().join(" | "));
        let parameters = self.parameters(action, fields);
        let hits: Vec<Hit> = places.iter().filter_map(|(text, place)| self.place(text, place, site, action)).collect();
        let moments = moments?;
        if hits.len() < places.len() {
            return None;
        }
        let parameters = parameters?;
        let mut stream = Stream::named(seed, &format!("fault/{name}"));
        let mut all: Vec<(Instant, Instant)> = Vec::new();
        let id = u32::from(number) << 16;
        let mut push = Pushed { schedule, fault: number };
        if action == "partition" {
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
            for (n, (from, to)) in moments.stretches(&mut stream).into_iter().enumerate() {
                if let Some((among, count)) = &mut drawn {
                    draw(among, *count, &mut stream);
                    let processes = among[..(*count).min(among.len())].to_vec();
                    let side = Side { processes, ..Side::default() };
                    let rest = settled(Side { rest: true, ..side.clone() });
                    cuts = parameters.shape.cuts(&side, &rest, site);
                }
                let id = id + n as u32;
                for (senders, receivers) in &cuts {
                    push.at(from, Control::Cut { id, from: senders.clone(), to: receivers.clone() });
                }
                if to < end {
                    push.at(to, Control::Mend { id });
                }
                all.push((from, to));
            }
            return Some(FaultPlan { name: name.to_owned(), what, windows: all });
        }
        for hit in hits {
            // `random` is each instance on its own; the other timings hit everybody at once.
            let own = moments.is_random();
            match hit {
                Hit::Links(links) => {
                    for (n, (from, to)) in moments.stretches(&mut stream).into_iter().enumerate() {
                        let change = parameters.change(action, Reach::Links(links.clone()));
                        push.at(from, Control::Strain { id: id + n as u32, strain: change });
                        if to < end {
                            push.at(to, Control::Relax { id: id + n as u32 });
                        }
                        all.push((from, to));
                    }
                }
                Hit::Between(a, b) => {
                    let set = |p: &[ProcessId]| p.iter().map(|p| site.host(*p)).collect::<HostSet>();
                    for (n, (from, to)) in moments.stretches(&mut stream).into_iter().enumerate() {
                        let change = parameters.change(action, Reach::Between(set(&a), set(&b)));
                        push.at(from, Control::Strain { id: id + n as u32, strain: change });
                        if to < end {
                            push.at(to, Control::Relax { id: id + n as u32 });
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
        Some(FaultPlan { name: name.to_owned(), what, windows: all })
    }

    /// What stands beside the action.
    fn parameters(&self, action: &str, fields: &Fields<'_, '_>) -> Option<Parameters> {
        let mut p = Parameters::default();
        match action {
            "slow" | "disk_slow" => {
                fields.require("factor", "3");
                p.factor = fields.get::<Number>("factor")?.0;
                if p.factor <= 0.0 || p.factor > MOST_SLOWER {
                    let place = fields.node("factor").map_or(fields.place.clone(), Node::span);
                    fields.error(Diagnostic::error(place, "the factor lies above 0, and at most at a million"));
                }
            }
            "load" => {
                fields.require("factor", "3");
                p.factor = fields.get::<Number>("factor")?.0;
                if !(0.0..=MOST_SLOWER).contains(&p.factor) {
                    let place = fields.node("factor").map_or(fields.place.clone(), Node::span);
                    fields.error(
                        Diagnostic::error(place, "the factor lies between 0 and a million")
                            .help("0 is nobody, 1 as many as without the fault, 3 three times as many"),
                    );
                }
            }
            "gray" => {
                p.gray = Gray {
                    errors: fields.get::<Share>("errors").map_or(1.0, |s| s.0),
                    service_time: self.drawn::<Durations>(fields, "service_time"),
                };
            }
            "loss" | "duplicate" | "reorder" => {
                fields.require("share", "\"5%\"");
                p.share = fields.get::<Share>("share")?.0;
            }
            "hot_key" => {
                fields.require("share", "\"50%\"");
                p.share = fields.get::<Share>("share")?.0;
                p.key = fields.get::<Count>("key").map_or(0, |c| c.0);
            }
            "delay" => {
                fields.require("by", "\"50ms\"");
                p.delay = self.drawn::<Durations>(fields, "by");
                p.delay.as_ref()?;
            }
            "bandwidth" => {
                fields.require("to", "\"1MB/s\"");
                p.bandwidth = Some(fields.get::<Bandwidth>("to")?.0);
            }
            "clock_step" => {
                fields.require("by", "\"-2s\"");
                p.step_ns = self.drawn::<Offsets>(fields, "by")?.mean().unwrap_or(0.0) as i64;
            }
            "clock_drift" => {
                fields.require("rate", "\"50ppm\"");
                p.factor = self.drawn::<Drifts>(fields, "rate")?.mean().unwrap_or(0.0);
            }
            "leak" => {
                fields.require("slots", "10");
                p.slots = fields.get::<Count>("slots")?.0 as u32;
            }
            "partition" => {
                p.shape = fields.word("shape", Shape::WORDS).map_or_else(Shape::default, Shape::named);
            }
            _ => {}
        }
        Some(p)
    }

    /// What a place comes to for this action.
    fn place(&self, text: &str, at: &Place, site: &Site<'_>, action: &str) -> Option<Hit> {
        let fail = |diagnostic: Diagnostic| -> Option<Hit> {
            self.log.borrow_mut().push(diagnostic);
            None
        };
        if text.trim().is_empty() {
            let known = site.groups.iter().map(|g| g.0.as_str());
            return fail(Diagnostic::error(at.clone(), "a place is missing here").nearest("", "there are", known));
        }
        if action == "leak" {
            let edges: Vec<&str> = site.edges.iter().map(|e| e.name.as_str()).filter(|n| !n.is_empty()).collect();
            let Some((a, b)) = text.split_once("->").map(|(a, b)| (a.trim(), b.trim())) else {
                return fail(
                    Diagnostic::error(at.clone(), format!("`{text}` is no edge; pools belong to edges"))
                        .nearest(text, "edges", edges),
                );
            };
            return match site.edge(a, b) {
                Some(edge) => Some(Hit::Processes(vec![ProcessId(u32::from(edge.0))])),
                None => fail(
                    Diagnostic::error(at.clone(), format!("nobody calls over `{text}`")).nearest(text, "edges", edges),
                ),
            };
        }
        if action == "hot_key" {
            return match site.keys.get(text) {
                Some(set) => Some(Hit::Processes(vec![ProcessId(set.id as u32)])),
                None => fail(Diagnostic::error(at.clone(), format!("no key set is called `{text}`")).nearest(
                    text,
                    "key sets",
                    site.keys.keys().map(String::as_str),
                )),
            };
        }
        for (arrow, both) in [("<->", true), ("->", false)] {
            if let Some((a, b)) = text.split_once(arrow) {
                let (a, b) = (a.trim(), b.trim());
                if a.is_empty() || b.is_empty() {
                    return fail(
                        Diagnostic::error(at.clone(), "an end of this link is missing").help("write `web -> db`"),
                    );
                }
                let (from, to) = (self.processes(a, at, site)?, self.processes(b, at, site)?);
                if both {
                    let zones = |p: &[ProcessId]| -> Vec<ZoneId> {
                        let mut z: Vec<ZoneId> = p.iter().map(|p| site.zone(*p)).collect();
                        z.sort_unstable();
                        z.dedup();
                        z
                    };
                    if a.starts_with("region:") && b.starts_with("region:") {
                        let mut links = Vec::new();
                        for x in zones(&from) {
                            for y in zones(&to) {
                                links.extend([site.topology.link(x, y), site.topology.link(y, x)]);
                            }
                        }
                        return Some(Hit::Links(links));
                    }
                    return fail(
                        Diagnostic::error(at.clone(), "both ways is for regions: `region:a <-> region:b`")
                            .help("write two faults, one for each direction"),
                    );
                }
                return Some(Hit::Between(from, to));
            }
        }
        if text == "rest" {
            return Some(Hit::Rest);
        }
        if let Some((group, role)) = role_at(text, site) {
            return Some(Hit::Role(group, role));
        }
        if let Some(inner) = text.strip_prefix("random(").and_then(|t| t.strip_suffix(')')) {
            let mut parts: Vec<&str> = inner.split(',').map(str::trim).collect();
            let last = parts.last().copied().unwrap_or("");
            let mut count = None;
            let mut share = None;
            if let Ok(n) = last.parse::<usize>() {
                count = Some(n);
                parts.pop();
            } else if let Some(percent) = last.strip_suffix('%').and_then(|p| p.parse::<f64>().ok()) {
                if !(0.0..=100.0).contains(&percent) {
                    return fail(Diagnostic::error(at.clone(), format!("`{last}` is no share")).label("0% to 100%"));
                }
                share = Some(percent / 100.0);
                parts.pop();
            }
            if parts.iter().all(|part| part.is_empty()) {
                return fail(
                    Diagnostic::error(at.clone(), "`random` of what?")
                        .help("write `random(api)`, `random(api, 2)` or `random(web, db, 20%)`"),
                );
            }
            let mut among = Vec::new();
            for part in parts {
                among.extend(self.processes(part, at, site)?);
            }
            let n = count.unwrap_or_else(|| share.map_or(1, |s| libm::round(s * among.len() as f64) as usize));
            if n > among.len() {
                return fail(
                    Diagnostic::error(at.clone(), format!("there are only {} to draw from", among.len()))
                        .label(format!("{n} are too many")),
                );
            }
            return Some(Hit::Drawn(among, n));
        }
        let processes = self.processes(text, at, site)?;
        let clients = processes.iter().all(|p| site.is_clients(*p));
        match action {
            "load" if !clients => fail(
                Diagnostic::error(at.clone(), format!("`{text}` is no client group"))
                    .help("`load` is about clients: how often they ask"),
            ),
            "crash" | "restart" | "pause" | "slow" | "gray" | "power_loss" if clients && !text.contains(':') => fail(
                Diagnostic::error(at.clone(), format!("`{text}` are clients; they don't {action}"))
                    .help("use `load` with a factor"),
            ),
            // The network is cut for everybody at a place, clients too.
            _ if text.contains(':') && action != "partition" => {
                // A place holds clients too; only machines break.
                Some(Hit::Processes(processes.into_iter().filter(|p| !site.is_clients(*p)).collect()))
            }
            _ => Some(Hit::Processes(processes)),
        }
    }

    fn processes(&self, text: &str, at: &Place, site: &Site<'_>) -> Option<Vec<ProcessId>> {
        match site.processes(text) {
            Ok(processes) => Some(processes),
            Err((word, ..)) if self.log.is_spoiled(&word) => None,
            Err((word, what, known)) => {
                self.log.borrow_mut().push(
                    Diagnostic::error(at.clone(), format!("no {what} is called `{word}`")).nearest(
                        &word,
                        "there are",
                        known.iter().map(String::as_str),
                    ),
                );
                None
            }
        }
    }
}

/// Puts `count` of these in front, each choice as likely as any other.
fn draw(among: &mut [ProcessId], count: usize, stream: &mut Stream) {
    use crate::engine::Bits as _;
    for i in 0..count.min(among.len()) {
        let j = i + stream.below((among.len() - i) as u64) as usize;
        among.swap(i, j);
    }
}

/// Where the controls of one fault go.
struct Pushed<'a> {
    schedule: &'a mut Vec<Scheduled>,
    fault: u16,
}

impl Pushed<'_> {
    fn at(&mut self, at: Instant, control: Control) {
        self.schedule.push(Scheduled { when: When::At(at), fault: self.fault, control });
    }
    /// The number that the next control will have in the schedule.
    fn next(&self) -> u32 {
        self.schedule.len() as u32
    }
}

#[derive(Clone, Debug)]
struct Parameters {
    /// Of times, rates, disks; of a drifting clock, parts per million.
    factor: f64,
    step_ns: i64,
    gray: Gray,
    share: f64,
    key: u64,
    delay: Option<Dist>,
    bandwidth: Option<u64>,
    slots: u32,
    shape: Shape,
}

impl Default for Parameters {
    fn default() -> Parameters {
        let gray = Gray { errors: 1.0, service_time: None };
        Parameters {
            factor: 1.0,
            step_ns: 0,
            gray,
            share: 0.0,
            key: 0,
            delay: None,
            bandwidth: None,
            slots: 0,
            shape: Shape::default(),
        }
    }
}

impl Parameters {
    fn change(&self, action: &str, reach: Reach) -> LinkChange {
        let mut change = LinkChange::none(reach);
        match action {
            "loss" => change.loss = self.share,
            "duplicate" => change.duplicate = self.share,
            "reorder" => change.reorder = self.share,
            "delay" => change.delay_added.clone_from(&self.delay),
            "bandwidth" => change.bandwidth = self.bandwidth,
            _ => {}
        }
        change
    }

    /// The controls of one stretch at one process.
    #[expect(clippy::too_many_arguments, reason = "one stretch is an action, whom it hits, and its ends")]
    fn controls(
        &self,
        action: &str,
        target: Target,
        same: Target,
        from: Instant,
        to: Instant,
        end: Instant,
        push: &mut Pushed<'_>,
    ) {
        let p = if let Target::Process(p) = target { p } else { ProcessId(0) };
        let (begin, undo) = match action {
            "crash" => (Control::Crash(target, Power::Process), Some(Control::Restart(same))),
            "power_loss" => (Control::Crash(target, Power::Machine), Some(Control::Restart(same))),
            "restart" => (Control::Restart(target), None),
            "pause" => (Control::Pause(target), Some(Control::Resume(same))),
            "slow" => (Control::Slow(target, self.factor), Some(Control::Slow(same, 1.0))),
            "gray" => (Control::Gray(target, Some(self.gray.clone())), Some(Control::Gray(same, None))),
            "clock_step" => (Control::Clock(target, ClockFault::Step(self.step_ns)), None),
            "clock_drift" => {
                (Control::Clock(target, ClockFault::Drift(self.factor)), Some(Control::Clock(same, ClockFault::Undo)))
            }
            "clock_freeze" => {
                (Control::Clock(target, ClockFault::Freeze), Some(Control::Clock(same, ClockFault::Undo)))
            }
            "disk_slow" => (Control::DiskSlow(target, self.factor), Some(Control::DiskSlow(same, 1.0))),
            "load" => (Control::Load(p, self.factor), Some(Control::Load(p, 1.0))),
            "flush" => (Control::Ask(target, Op::plain(Verb::Flush)), None),
            "hot_key" => {
                let keys = KeysId(p.0 as u16);
                (Control::HotKey(keys, Some((self.key, self.share))), Some(Control::HotKey(keys, None)))
            }
            "leak" => {
                let edge = EdgeId(p.0 as u16);
                (Control::Leak(edge, self.slots), Some(Control::Leak(edge, 0)))
            }
            // The network's faults on one machine: everything it sends and is sent.
            _ => {
                let hosts: HostSet = [crate::engine::HostId(p.0)].into_iter().collect();
                let id = 1 << 30 | p.0;
                let change = self.change(action, Reach::Touching(hosts));
                (Control::Strain { id, strain: change }, Some(Control::Relax { id }))
            }
        };
        push.at(from, begin);
        if let Some(undo) = undo
            && to < end
        {
            push.at(to, undo);
        }
    }
}
