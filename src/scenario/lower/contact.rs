//! `contact`: which instances a population tries, and who is near whom.

use super::Lowering;
use super::components::WrittenBalance;
use crate::engine::ZoneId;
use crate::physics::topology::Topology;
use crate::rpc::policy::Balance;
use crate::scenario::reader::{Fields, inside};
use crate::spec::{Diagnostic, Place};

impl Lowering<'_, '_> {
    /// Whom clients of `target` ask: `nearest`, `any`, `sticky`, or these instances.
    pub(super) fn contact(&self, fields: &Fields<'_, '_>, target: &str) -> Option<(WrittenBalance, Place)> {
        let node = fields.node("contact")?;
        let plain = |balance| Some((WrittenBalance { balance, weights: Vec::new() }, node.span()));
        if let Some(items) = node.get_ref().as_array() {
            let chosen = items.iter().filter_map(|item| self.instance(&fields.text_of(item)?, inside(item), target));
            let chosen: Vec<u32> = chosen.collect();
            return if chosen.is_empty() { None } else { plain(Balance::Only(chosen)) };
        }
        match fields.text_of(node)?.as_str() {
            "nearest" => plain(Balance::Nearest),
            "any" => plain(Balance::RoundRobin),
            "sticky" => plain(Balance::Sticky),
            text => plain(Balance::Only(vec![self.instance(text, inside(node), target)?])),
        }
    }

    fn instance(&self, text: &str, at: Place, target: &str) -> Option<u32> {
        let number = text.strip_prefix(target).and_then(|t| t.strip_prefix('/')).and_then(|n| n.parse().ok());
        if number.is_none() {
            self.log.borrow_mut().push(
                Diagnostic::error(at, format!("`{text}` is nobody to contact"))
                    .help(format!("write `nearest`, `any`, `sticky`, or instances of the target: `{target}/0`")),
            );
        }
        number
    }
}

/// The instances at `there` as seen from `here`: those at the least mean delay first, equally near ones together.
pub(super) fn nearness(topology: &Topology, here: ZoneId, there: &[ZoneId]) -> Vec<Vec<u32>> {
    let delay = |zone: ZoneId| {
        let link = &topology.links[usize::from(topology.link(here, zone).0)];
        link.delay.mean_ns()
    };
    let mut order: Vec<(f64, u32)> = there.iter().zip(0..).map(|(zone, i)| (delay(*zone), i)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut tiers: Vec<(f64, Vec<u32>)> = Vec::new();
    for (delay, instance) in order {
        match tiers.last_mut() {
            Some((last, tier)) if *last == delay => tier.push(instance),
            _ => tiers.push((delay, vec![instance])),
        }
    }
    tiers.into_iter().map(|(_, tier)| tier).collect()
}
