//! `rolling_upgrade`: batch by batch, instances are taken out, stopped, started and put back.

use super::hits::Hit;
use super::moments::Moments;
use super::strikes::Pushed;
use super::{Lowering, Site};
use crate::engine::{Instant, ProcessId, Span, Stream};
use crate::scenario::plan::FaultPlan;
use crate::scenario::reader::Fields;
use crate::scenario::tree::Node;
use crate::spec::text::{FromText, TextError};
use crate::spec::units::{Count, Share};
use crate::spec::{Diagnostic, Place};
use crate::world::{Control, Power, Target};

/// How many instances are upgraded at once, as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::scenario) enum WrittenBatch {
    Count(u64),
    Share(f64),
}

impl FromText for WrittenBatch {
    const WHAT: &'static str = "a count or a share";
    fn from_text(text: &str) -> Result<WrittenBatch, TextError> {
        if text.trim().ends_with('%') {
            return Share::from_text(text).map(|share| WrittenBatch::Share(share.0));
        }
        let count = Count::from_text(text).map(|count| WrittenBatch::Count(count.0));
        count.map_err(|_| {
            TextError::new(0..text.len(), format!("`{text}` is neither a count nor a share"))
                .help("write how many, `2`, or which share of all, `\"25%\"`")
        })
    }
    fn from_number(written: &str) -> Result<WrittenBatch, TextError> {
        Count::from_number(written).map(|count| WrittenBatch::Count(count.0))
    }
    fn numbers() -> bool {
        true
    }
    fn examples() -> &'static [&'static str] {
        &["25%", "2"]
    }
}

/// What stands beside the word.
pub(super) struct Upgrade {
    batch: WrittenBatch,
    drain: Span,
    down: Span,
}

impl Lowering<'_, '_> {
    /// Its keys, and what is there without them.
    pub(super) fn upgrade_keys(&self, fields: &Fields<'_, '_>) -> Upgrade {
        let batch = fields.at::<WrittenBatch>("batch");
        if let Some((WrittenBatch::Count(0) | WrittenBatch::Share(0.0), place)) = &batch {
            let help = "write `batch = 1` for one after the other";
            fields.error(Diagnostic::error(place.clone(), "a batch of nobody is never done").help(help));
        }
        Upgrade {
            // Kubernetes, "Deployments": maxUnavailable is 25 % unless written, and rounded down.
            batch: batch.map_or(WrittenBatch::Share(0.25), |(batch, _)| batch),
            // Kubernetes, "Pod Lifecycle": terminationGracePeriodSeconds.
            drain: fields.get::<Span>("drain").unwrap_or(Span::secs(30)),
            // Illustrative: what it takes to start another program in its place.
            down: fields.get::<Span>("down").unwrap_or(Span::secs(10)),
        }
    }

    /// The batches of every upgrade, as controls. One that would begin while another goes on doesn't.
    #[expect(clippy::too_many_arguments, reason = "a fault needs its whole site")]
    pub(super) fn rolling_upgrade(
        &self,
        (name, what): (&str, String),
        upgrade: &Upgrade,
        hits: Vec<Hit>,
        node: &Node<'_>,
        fields: &Fields<'_, '_>,
        site: &Site<'_>,
        (moments, end): (Moments, Instant),
        stream: &mut Stream,
        push: &mut Pushed<'_>,
    ) -> Option<FaultPlan> {
        let refuse = |place: Place, message: &str, help: &str| {
            fields.error(Diagnostic::error(place, message.to_owned()).help(help.to_owned()));
        };
        if moments.is_random() {
            let place = fields.node("random").map_or(node.span(), Node::span);
            refuse(place, "an upgrade is planned, it doesn't just happen to instances", "write `at` or `every`");
            return None;
        }
        if let Some(lasting) = fields.node("for") {
            refuse(lasting.span(), "an upgrade takes as long as its batches do", "leave `for` out");
            return None;
        }
        let mut all: Vec<ProcessId> = Vec::new();
        for hit in hits {
            match hit {
                Hit::Processes(processes) => all.extend(processes),
                _ => {
                    refuse(node.span(), "an upgrade is of instances that are named", "write a component, `web`");
                    return None;
                }
            }
        }
        let mut seen: Vec<ProcessId> = Vec::new();
        all.retain(|p| {
            !seen.contains(p) && {
                seen.push(*p);
                true
            }
        });
        let size = match upgrade.batch {
            WrittenBatch::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            WrittenBatch::Share(share) => (share * all.len() as f64) as usize,
        };
        let startup = |p: ProcessId| site.components[site.group_of(p)].station.startup;
        let batches = || all.chunks(size.max(1));
        let starting = |batch: &[ProcessId]| batch.iter().map(|p| startup(*p)).max().unwrap_or(Span::ZERO);
        let lasting = batches().fold(Span::ZERO, |sum, batch| sum + upgrade.drain + upgrade.down + starting(batch));
        let moments = moments.lasting(lasting.max(Span(1)));
        let windows = moments.stretches(stream);
        for (begin, _) in &windows {
            let mut at = *begin;
            for batch in batches() {
                let each = |at: Instant, what: &dyn Fn(Target) -> Control, push: &mut Pushed<'_>| {
                    for p in batch.iter().filter(|_| at < end) {
                        push.at(at, what(Target::Process(*p)));
                    }
                };
                each(at, &Control::Withdraw, push);
                let stop = at + upgrade.drain;
                each(stop, &|target| Control::Crash(target, Power::Process), push);
                let start = stop + upgrade.down;
                each(start, &Control::Restart, push);
                at = start + starting(batch);
                each(at, &Control::Admit, push);
            }
        }
        Some(moments.plan(name, what, windows))
    }
}
