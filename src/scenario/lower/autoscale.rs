//! `autoscale` of a service.

use super::{AGAIN, Lowering};
use crate::engine::Span;
use crate::scenario::reader::{Fields, inside};
use crate::spec::Diagnostic;
use crate::spec::units::{Count, Share};
use crate::world::Scaling;

impl Lowering<'_, '_> {
    /// Its keys, and what is there without them; `start` replicas are there in the beginning.
    pub(super) fn autoscale(&self, fields: &Fields<'_, '_>, start: usize) -> Option<Scaling> {
        let table = fields.table("autoscale").flatten()?;
        let millionths = |share: f64| libm::round(share * 1e6) as u64;
        let start = u32::try_from(start).expect("plans are bounded at load");
        if let Some(node) = table.node("metric")
            && let Some(text) = table.text_of(node)
            && text != "utilization"
        {
            table.error(
                Diagnostic::error(inside(node), format!("services are not scaled by `{text}`"))
                    .help("this version has: utilization, the share of busy workers"),
            );
        }
        // Kubernetes, "HorizontalPodAutoscaler": one replica at least, 10 % tolerance, a look every 15 s, and 300 s before
        // fewer are wanted. That it aims at 60 % and stops at ten is illustrative.
        let target = table.at::<Share>("target");
        if let Some((Share(0.0), place)) = &target {
            let message = "no number of replicas is busy for 0% of the time";
            table.error(Diagnostic::error(place.clone(), message).help("write `target = \"60%\"`"));
        }
        let (min, max) = (table.at::<Count>("min"), table.at::<Count>("max"));
        let number = |count: &Option<(Count, _)>, without: u32| {
            count.as_ref().map_or(without, |(c, _): &(Count, _)| u32::try_from(c.0).unwrap_or(u32::MAX))
        };
        let (least, most) = (number(&min, 1), number(&max, 10.max(start)));
        let replicas = |n: u32| format!("{n} replica{}", if n == 1 { "" } else { "s" });
        let wrong = if least == 0 {
            Some((&min, "a component has 1 replica at least".to_owned()))
        } else if most > 10_000 {
            Some((&max, "a component has 1 to 10 000 replicas".to_owned()))
        } else if least > most {
            Some((if min.is_some() { &min } else { &max }, format!("it never has {least} at least and {most} at most")))
        } else if start < least {
            Some((&min, format!("it begins with {}", replicas(start))))
        } else if start > most {
            Some((&max, format!("it begins with {}", replicas(start))))
        } else {
            None
        };
        let fits = wrong.is_none();
        if let Some((at, message)) = wrong {
            let place = at.as_ref().map_or(table.place.clone(), |(_, place)| place.clone());
            let help = "`replicas` lies between `min` and `max`; without them these are 1 and 10";
            table.error(Diagnostic::error(place, message).help(help));
        }
        let scaling = Scaling {
            start,
            min: least,
            max: most,
            target_ppm: millionths(target.map_or(0.6, |(share, _)| share.0)),
            tolerance_ppm: millionths(table.get::<Share>("tolerance").map_or(0.1, |share| share.0)),
            every: table.above_zero("every", AGAIN).unwrap_or(Span::secs(15)),
            down_after: table.get::<Span>("down_after").unwrap_or(Span::secs(300)),
        };
        table.done();
        fits.then_some(scaling)
    }
}
