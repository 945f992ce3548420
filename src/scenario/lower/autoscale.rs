//! `autoscale` of a service.

use super::{AGAIN, Lowering};
use crate::engine::{GroupId, Span};
use crate::scenario::reader::Fields;
use crate::spec::call::{Call, Signature};
use crate::spec::text::{FromText, TextError};
use crate::spec::units::{Count, Share};
use crate::spec::{Diagnostic, Place};
use crate::world::{Scaling, Signal};

impl Lowering<'_, '_> {
    /// Its keys, and what is there without them; `start` replicas are there in the beginning. Beside it the name of the
    /// queue that it looks at, if it does.
    pub(super) fn autoscale(
        &self,
        fields: &Fields<'_, '_>,
        start: usize,
    ) -> Option<(Scaling, Option<(String, Place)>)> {
        let table = fields.table("autoscale").flatten()?;
        let millionths = |share: f64| libm::round(share * 1e6) as u64;
        let start = u32::try_from(start).expect("plans are bounded at load");
        let metric = table.at::<WrittenMetric>("metric");
        let queue = metric.and_then(|(metric, place)| match metric {
            WrittenMetric::Utilization => None,
            WrittenMetric::Backlog(queue) => Some((queue, place)),
        });
        // Kubernetes, "HorizontalPodAutoscaler": one replica at least, 10 % tolerance, a look every 15 s, and 300 s before
        // fewer are wanted. That it aims at 60 % and stops at ten is illustrative.
        let by = if queue.is_some() {
            table.require("target", "20");
            // The queue has its number later.
            Signal::Backlog { queue: GroupId(0), each: table.count_up_to("target", u32::MAX).unwrap_or(1).into() }
        } else {
            let target = table.at::<Share>("target");
            if let Some((Share(0.0), place)) = &target {
                let message = "no number of replicas is busy for 0% of the time";
                table.error(Diagnostic::error(place.clone(), message).help("write `target = \"60%\"`"));
            }
            Signal::Busy { target_ppm: millionths(target.map_or(0.6, |(share, _)| share.0)) }
        };
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
            by,
            tolerance_ppm: millionths(table.get::<Share>("tolerance").map_or(0.1, |share| share.0)),
            every: table.above_zero("every", AGAIN).unwrap_or(Span::secs(15)),
            down_after: table.get::<Span>("down_after").unwrap_or(Span::secs(300)),
        };
        table.done();
        fits.then_some((scaling, queue))
    }
}

/// What a service is scaled by, as written.
pub(in crate::scenario) enum WrittenMetric {
    Utilization,
    Backlog(String),
}

impl FromText for WrittenMetric {
    const WHAT: &'static str = "what a service is scaled by";
    fn from_text(text: &str) -> Result<WrittenMetric, TextError> {
        let usage = "`backlog(jobs)`";
        let call = Call::parse(text)?;
        match call.name {
            "utilization" => call.no_args().map(|()| WrittenMetric::Utilization),
            "backlog" => {
                let bound = call.bind(Signature { usage, positional: &["queue"], named: &[] })?;
                Ok(WrittenMetric::Backlog(bound.need("queue")?.text.trim().to_owned()))
            }
            other => Err(TextError::new(call.name_at(), format!("services are not scaled by `{other}`"))
                .help(format!("write `utilization`, the share of busy workers, or {usage}, the messages of a queue"))),
        }
    }
    fn examples() -> &'static [&'static str] {
        &["utilization", "backlog(jobs)"]
    }
}
