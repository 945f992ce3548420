//! What stands beside the action of a fault, and the controls that it becomes.

use super::cuts::Shape;
use super::hits::Hit;
use super::{Lowering, Site};
use crate::engine::{Dist, EdgeId, Instant, KeysId, ProcessId};
use crate::physics::{HostSet, LinkChange, Reach};
use crate::rpc::{Op, Verb};
use crate::scenario::plan::Awaited;
use crate::scenario::reader::{Fields, inside};
use crate::scenario::tree::Node;
use crate::spec::Diagnostic;
use crate::spec::dist::{Drifts, Durations, Offsets};
use crate::spec::units::{Bandwidth, Count, Number, Rate, Share};
use crate::workload::Pattern;
use crate::world::{ClockFault, Control, Gray, Power, Scheduled, Setting, Target, When};

/// How much slower, or how many times as many: beyond that a number was mistyped.
const MOST_SLOWER: f64 = 1e6;

impl Lowering<'_, '_> {
    /// What stands beside the action.
    pub(super) fn parameters(&self, action: &str, fields: &Fields<'_, '_>) -> Option<Parameters> {
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
            "load" if fields.has("rate") => {
                p.rate = Some(fields.get::<Rate>("rate")?.0);
                if fields.has("factor") {
                    let _ = fields.node("factor");
                    fields.error(
                        Diagnostic::error(fields.place.clone(), "a `load` has a `factor` or a `rate`, not both")
                            .help("`factor`: so many times as much; `rate`: so much"),
                    );
                    return None;
                }
            }
            "load" => {
                if !fields.has("factor") && !fields.excused("factor") && !fields.excused("rate") {
                    fields.error(
                        Diagnostic::error(fields.place.clone(), "`factor` or `rate` is missing")
                            .help("such as `factor = 3`, three times as much, or `rate = \"500/s\"`"),
                    );
                }
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
                p.slots = fields.count_up_to("slots", 10_000_000)?;
            }
            "partition" => {
                p.shape = fields.word("shape", Shape::WORDS).map_or_else(Shape::default, Shape::named);
            }
            _ => {}
        }
        Some(p)
    }
}

impl Lowering<'_, '_> {
    /// A rate that clients are to ask at is a factor of what they ask: theirs must be steady.
    pub(super) fn steady(&self, p: &mut Parameters, hits: &[Hit], node: &Node<'_>, site: &Site<'_>) -> Option<()> {
        let hit = hits.iter().filter(|_| p.rate.is_some()).filter_map(|hit| match hit {
            Hit::Processes(all) | Hit::Drawn(all, _) => Some(all),
            _ => None,
        });
        for process in hit.flatten() {
            let at = site.group_of(*process).checked_sub(site.components.len());
            let Some((clients, _)) = at.and_then(|at| site.clients.get(at)) else { continue };
            let name = &clients.name;
            let wrong = match &clients.pattern {
                Pattern::Open { rate, .. } => match rate.steady() {
                    Some(steady) if steady > 0.0 => {
                        p.steady.push((*process, steady));
                        continue;
                    }
                    Some(_) => format!("the clients `{name}` don't ask without this fault"),
                    None => format!("the rate of the clients `{name}` changes over time"),
                },
                Pattern::Closed { .. } => format!("the clients `{name}` have a count and no rate"),
            };
            self.log.borrow_mut().push(
                Diagnostic::error(inside(node), wrong)
                    .label("a fault sets the rate only where it is steady")
                    .help("write a `factor` instead: so many times as much as they ask anyway"),
            );
            return None;
        }
        Some(())
    }
}

/// Where the controls of one fault go.
pub(super) struct Pushed<'a> {
    pub(super) schedule: &'a mut Vec<Scheduled>,
    pub(super) fault: u16,
    /// What it waits for, if it does: times are then counted from its `from`.
    pub(super) awaits: Option<Awaited>,
}

impl Pushed<'_> {
    pub(super) fn at(&mut self, at: Instant, control: Control) {
        let when = match &self.awaits {
            None => When::At(at),
            Some(Awaited { passage, .. }) => When::Point(passage.clone(), at.since(passage.from)),
        };
        self.schedule.push(Scheduled { when, fault: self.fault, control });
    }
    /// The number that the next control will have in the schedule: no other cut or strain has it for its id.
    pub(super) fn next(&self) -> u32 {
        self.schedule.len() as u32
    }
}

#[derive(Clone, Debug)]
pub(super) struct Parameters {
    /// Of times, rates, disks; of a drifting clock, parts per million.
    factor: f64,
    step_ns: i64,
    gray: Gray,
    share: f64,
    key: u64,
    delay: Option<Dist>,
    bandwidth: Option<u64>,
    slots: u32,
    /// What clients are to ask, requests a second.
    rate: Option<f64>,
    /// What each of them asks without the fault.
    steady: Vec<(ProcessId, f64)>,
    pub(super) shape: Shape,
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
            rate: None,
            steady: Vec::new(),
            shape: Shape::default(),
        }
    }
}

impl Parameters {
    pub(super) fn change(&self, action: &str, reach: Reach) -> LinkChange {
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
    pub(super) fn controls(
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
            "restart" => (Control::Relaunch(target), None),
            "pause" => (Control::Pause(target), Some(Control::Resume(same))),
            "slow" => (Control::Slow(target, Some(self.factor)), Some(Control::Slow(same, None))),
            "gray" => (Control::Gray(target, Some(self.gray.clone())), Some(Control::Gray(same, None))),
            "clock_step" => (Control::Clock(target, ClockFault::Step(self.step_ns)), None),
            "clock_drift" => {
                (Control::Clock(target, ClockFault::Drift(self.factor)), Some(Control::Clock(same, ClockFault::Steady)))
            }
            "clock_freeze" => {
                (Control::Clock(target, ClockFault::Freeze), Some(Control::Clock(same, ClockFault::Thaw)))
            }
            "disk_slow" => (Control::DiskSlow(target, Some(self.factor)), Some(Control::DiskSlow(same, None))),
            "load" => match (self.rate, self.steady.iter().find(|(clients, _)| *clients == p)) {
                (Some(rate), Some((_, steady))) => {
                    let (there, back) = (Setting::Load(p, rate / steady), Setting::Load(p, 1.0));
                    (Control::Set(Box::new(there)), Some(Control::Unset(Box::new(back))))
                }
                _ => (Control::Load(p, Some(self.factor)), Some(Control::Load(p, None))),
            },
            "add" | "remove" => {
                let add = action == "add";
                (Control::Member(target, add), Some(Control::Member(same, !add)))
            }
            "flush" => (Control::Ask(target, Op::plain(Verb::Flush)), None),
            "hot_key" => {
                let keys = KeysId(p.0 as u16);
                (Control::HotKey(keys, Some((self.key, self.share))), Some(Control::HotKey(keys, None)))
            }
            "leak" => {
                let edge = EdgeId(p.0 as u16);
                (Control::Leak(edge, Some(self.slots)), Some(Control::Leak(edge, None)))
            }
            // The network's faults on one machine: everything it sends and is sent.
            _ => {
                let hosts: HostSet = [crate::engine::HostId(p.0)].into_iter().collect();
                let id = push.next();
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
