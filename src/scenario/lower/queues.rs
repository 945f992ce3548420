//! `[queue.X]`: what each key means, and what is there without it.

use super::Lowering;
use super::edges::Edges;
use super::flows::Consuming;
use crate::component::queue::{Group, Order, QueueSpec, Taker, WhenFull};
use crate::engine::{EdgeId, ProcessId, Span};
use crate::scenario::reader::{Fields, inside};
use crate::spec::units::Count;
use crate::spec::{Diagnostic, Place};

/// A queue whose dead letters and consumers are still names.
pub(super) struct QueueDraft {
    pub(super) dead_letters: Option<(String, Place)>,
    spec: QueueSpec,
}

impl Lowering<'_, '_> {
    pub(super) fn queue(&self, fields: &Fields<'_, '_>, replicas: usize) -> QueueDraft {
        if replicas > 1 {
            fields.error(
                Diagnostic::error(fields.place.clone(), "a queue of several replicas comes in a later version")
                    .help("`partitions` says how many lanes of messages there are"),
            );
        }
        let partitions = fields.count_up_to("partitions", 1_000_000).unwrap_or(1);
        let (mut limit, mut when_full) = (None, WhenFull::Block);
        if let Some(Some(backlog)) = fields.table("backlog") {
            limit = backlog.or_none::<Count>("limit").flatten().map(|count| count.0);
            if limit == Some(0) {
                let place = backlog.node("limit").map_or(backlog.place.clone(), |n| n.span());
                fields.error(Diagnostic::error(place, "a queue without room passes nothing on"));
            }
            when_full = match backlog.word("when_full", &["block", "reject", "shed"]) {
                Some("reject") => WhenFull::Reject,
                Some("shed") => WhenFull::Shed,
                _ => WhenFull::Block,
            };
            backlog.done();
        }
        let delivery = fields.word("delivery", &["at_least_once", "at_most_once"]);
        // Amazon SQS: "the default visibility timeout for a message is 30 seconds".
        let visibility = fields.or_none::<Span>("visibility_timeout").unwrap_or(Some(Span::secs(30)));
        let dead_letters = fields.node("dead_letters").and_then(|n| Some((fields.text_of(n)?, inside(n))));
        let deliveries = fields.or_none::<Count>("max_deliveries").flatten();
        if let Some(node) = fields.node("max_deliveries").filter(|_| deliveries.is_some_and(|count| count.0 == 0)) {
            let help = "leave it out to hand it out for ever";
            fields.error(Diagnostic::error(node.span(), "a message is handed out once at least").help(help));
        }
        let spec = QueueSpec {
            partitions,
            limit,
            when_full,
            at_most_once: delivery == Some("at_most_once"),
            visibility,
            most_deliveries: deliveries.map(|count| u32::try_from(count.0).unwrap_or(u32::MAX)),
            dead_letters: None,
            retention: fields.or_none::<Span>("retention").flatten(),
            groups: Vec::new(),
        };
        QueueDraft { dead_letters, spec }
    }

    /// The queue with everybody who consumes from it.
    pub(super) fn queue_spec(
        &self,
        name: &str,
        draft: &QueueDraft,
        consuming: &[Consuming],
        edges: &Edges,
        groups: &[(String, ProcessId, u32)],
    ) -> QueueSpec {
        let edge = |to: &str| edges.pairs.iter().position(|(a, b)| a == name && b == to).map(EdgeId::at);
        let mut named: Vec<(&str, Group)> = Vec::new();
        for consumer in consuming.iter().filter(|c| c.queue == name) {
            let Some(edge) = edge(&consumer.home) else { continue };
            let instances = groups.iter().find(|(n, ..)| *n == consumer.home).map_or(0, |g| g.2);
            let taker = Taker { edge, flow: consumer.flow, instances, hands: consumer.parallel };
            let order = match consumer.order {
                "per_key" => Order::PerKey,
                "none" => Order::None,
                _ => Order::PerPartition,
            };
            match named.iter_mut().find(|(group, _)| *group == consumer.group) {
                Some((_, group)) => group.takers.push(taker),
                None => {
                    let group = Group { takers: vec![taker], order, ack_before: consumer.ack_before };
                    named.push((&consumer.group, group));
                }
            }
        }
        let mut all: Vec<Group> = named.into_iter().map(|(_, group)| group).collect();
        if all.is_empty() {
            // Nobody consumes: messages pile up all the same.
            all.push(Group { takers: Vec::new(), order: Order::None, ack_before: false });
        }
        let dead_letters = draft.dead_letters.as_ref().and_then(|(to, _)| edge(to));
        QueueSpec { dead_letters, groups: all, ..draft.spec.clone() }
    }
}
