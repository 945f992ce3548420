//! `set` faults: a configuration that is pushed in the middle of a run.
//!
//! The scenario is read a second time with the value in its place. What differs in the plan is what changes; if anything
//! differs that can't change while the run goes on, that is said.

use toml::de::{DeTable, DeValue};

use super::strikes::Pushed;
use super::{Lowering, Site};
use crate::engine::{EdgeId, GroupId, Instant, ProcessId, Seed, Stream};
use crate::physics::topology::LinkId;
use crate::scenario::plan::{ComponentPlan, FaultPlan, Plan};
use crate::scenario::reader::{Fields, Log};
use crate::scenario::tree;
use crate::spec::{Diagnostic, Diagnostics, Place};
use crate::workload::{ClientsPlan, Pattern};
use crate::world::{Control, Scheduled, Setting};

/// What can change while a run goes on.
const LIVE: &str = "workers, speed, queue, shed and service_time of components; everything of an edge; links; \
                    rate and count of clients";

/// A change and what takes it back.
struct Change {
    there: Control,
    back: Control,
}

impl Lowering<'_, '_> {
    pub(super) fn set_fault(
        &self,
        name: &str,
        fields: &Fields<'_, '_>,
        root: &Fields<'_, '_>,
        site: &Site<'_>,
        (end, seed, number): (Instant, Seed, u16),
        schedule: &mut Vec<Scheduled>,
    ) -> Option<FaultPlan> {
        let moments = self.moments(fields, site, end);
        let table = fields.table("set").flatten()?;
        // What is wrong already would be said twice.
        if self.log.borrow().has_errors() {
            return None;
        }
        let mut changes = Vec::new();
        let mut what = Vec::new();
        for (path, place, node) in table.entries() {
            if !path.contains('.') && matches!(node.get_ref(), DeValue::Table(_)) {
                table.error(
                    Diagnostic::error(place, format!("`{path}` is set as a table"))
                        .help("quote the whole path: set = { \"edge.web.db.timeout\" = \"1s\" }"),
                );
                return None;
            }
            what.push(format!("set {path} = {}", tree::plain(node.get_ref())));
            let mut changed: DeTable<'_> = root.tree().clone();
            for section in ["fault", "expect", "variant", "sweep", "teach"] {
                changed.remove(section);
            }
            let mut wrong = Diagnostics::default();
            tree::assign(&mut changed, &path, place.clone(), node.clone(), &mut wrong);
            let log = Log::new(wrong);
            let plan = super::lower(self.sources, &changed, None, Some(seed.0), &log, self.load);
            let found = log.into_inner();
            for diagnostic in found.sorted().into_iter().filter(|d| d.severity == crate::spec::Severity::Error) {
                table.error(diagnostic.clone());
            }
            changes.extend(self.changes(&plan?, site, &path, &place)?);
        }
        let mut stream = Stream::named(seed, &format!("fault/{name}"));
        let moments = moments?;
        let stretches = moments.stretches(&mut stream);
        let mut push = Pushed { schedule, fault: number, awaits: moments.awaits() };
        for (from, to) in &stretches {
            for change in &changes {
                push.at(*from, change.there.clone());
                if *to < end {
                    push.at(*to, change.back.clone());
                }
            }
        }
        Some(moments.plan(name, what.join(", "), stretches))
    }

    /// What differs, as controls.
    fn changes(&self, plan: &Plan, site: &Site<'_>, path: &str, place: &Place) -> Option<Vec<Change>> {
        let fixed = |what: &str| -> Option<Vec<Change>> {
            self.log.borrow_mut().push(
                Diagnostic::error(place.clone(), format!("`{path}` can't change while the run goes on"))
                    .label(what.to_owned())
                    .help(format!("what can: {LIVE}")),
            );
            None
        };
        let mut changes = Vec::new();
        let mut set = |there: Setting, back: Setting| {
            changes.push(Change { there: Control::Set(Box::new(there)), back: Control::Unset(Box::new(back)) });
        };
        if plan.components.len() != site.components.len() || plan.edges.len() != site.edges.len() {
            return fixed("other parts would be there");
        }
        for (g, (new, old)) in plan.components.iter().zip(site.components).enumerate() {
            let group = GroupId::at(g);
            if shown(new) != shown(old) {
                return fixed(&format!("it is what `{}` is made of", old.name));
            }
            if new.station != old.station {
                set(Setting::Station(group, new.station.clone()), Setting::Station(group, old.station.clone()));
            }
            if new.service != old.service {
                set(Setting::Service(group, new.service.clone()), Setting::Service(group, old.service.clone()));
            }
        }
        for (e, (new, old)) in plan.edges.iter().zip(site.edges).enumerate() {
            let edge = EdgeId::at(e);
            let with_policy = crate::rpc::EdgeSpec { policy: old.policy.clone(), ..new.clone() };
            if with_policy != *old {
                return fixed(&format!("it is what `{}` is made of", old.name));
            }
            if new.policy != old.policy {
                set(Setting::Policy(edge, new.policy.clone()), Setting::Policy(edge, old.policy.clone()));
            }
        }
        if plan.topology.regions != site.topology.regions || plan.topology.links.len() != site.topology.links.len() {
            return fixed("other places would be there");
        }
        for (l, (new, old)) in plan.topology.links.iter().zip(&site.topology.links).enumerate() {
            if new != old {
                let link = LinkId(u16::try_from(l).unwrap_or(u16::MAX));
                set(Setting::Link(link, new.clone()), Setting::Link(link, old.clone()));
            }
        }
        for (c, ((new, _), (old, _))) in plan.clients.iter().zip(site.clients).enumerate() {
            let (_, first, _) = &site.groups[site.components.len() + c];
            match load(new, old) {
                Load::Same => {}
                Load::Times(factor) => {
                    let clients = ProcessId(first.0);
                    set(Setting::Load(clients, factor), Setting::Load(clients, 1.0));
                }
                Load::Other => return fixed(&format!("of `{}`, only a steady rate or the count can change", old.name)),
            }
        }
        if changes.is_empty() {
            self.log.borrow_mut().push(
                Diagnostic::error(place.clone(), format!("setting `{path}` changes nothing in this run"))
                    .help(format!("it is so already, or is only read before the run; what can change: {LIVE}")),
            );
            return None;
        }
        Some(changes)
    }
}

/// A component but for what may change.
fn shown(component: &ComponentPlan) -> String {
    format!("{} {:?} {:?} {:?}", component.name, component.kind, component.hosts, component.scaling)
}

enum Load {
    Same,
    Times(f64),
    Other,
}

/// How much more two populations ask, one than the other.
fn load(new: &ClientsPlan, old: &ClientsPlan) -> Load {
    let same_otherwise = || {
        let with_pattern = ClientsPlan { pattern: old.pattern.clone(), ..new.clone() };
        format!("{with_pattern:?}") == format!("{old:?}")
    };
    if !same_otherwise() {
        return Load::Other;
    }
    if new.pattern == old.pattern {
        return Load::Same;
    }
    match (&new.pattern, &old.pattern) {
        (
            Pattern::Open { rate: a, gaps: ga, requests: ra, think: ta },
            Pattern::Open { rate: b, gaps: gb, requests: rb, think: tb },
        ) if ga == gb && ra == rb && ta == tb => match (a.steady(), b.steady()) {
            (Some(a), Some(b)) if b > 0.0 => Load::Times(a / b),
            _ => Load::Other,
        },
        (Pattern::Closed { count: a, think: ta }, Pattern::Closed { count: b, think: tb }) if ta == tb => {
            Load::Times(f64::from(*a) / f64::from(*b))
        }
        _ => Load::Other,
    }
}
