//! When a fault happens: `at`, `every`, `random`, `for`, and how often of that.

use super::{AGAIN, Lowering, Site};
use crate::engine::{Bits as _, Dist, Instant, ProcessId, Span, Stream};
use crate::fault::{Timing, wear, windows};
use crate::scenario::plan::{Awaited, FaultPlan};
use crate::scenario::reader::{Fields, inside};
use crate::scenario::tree::Node;
use crate::spec::dist::Durations;
use crate::spec::units::{Count, Share};
use crate::spec::{Diagnostic, Place};

/// How often one fault may happen: each time is a cut in the measurements, and more tell nothing more.
const MOST_TIMES: f64 = 100_000.0;

/// When a fault happens, and for how long.
pub(super) struct Moments {
    timing: Timing,
    lasting: Option<Dist>,
    end: Instant,
    probability: f64,
    most: Option<usize>,
    /// What it waits for.
    passing: Option<Awaited>,
}

impl Moments {
    /// What it waits for. How long it then lasts is known with its stretches.
    pub(super) fn awaits(&self) -> Option<Awaited> {
        let mut awaited = self.passing.clone()?;
        if let Timing::Once { at } = &self.timing {
            awaited.passage.from = Instant::ZERO + Span::from_nanos_f64(at.mean().unwrap_or(0.0));
        }
        Some(awaited)
    }

    /// The fault, for its stretches: of one that waits, they begin when it may act first.
    pub(super) fn plan(&self, name: &str, what: String, windows: Vec<(Instant, Instant)>) -> FaultPlan {
        let (windows, awaits) = match (self.awaits(), windows.first()) {
            (Some(awaits), Some((from, to))) => {
                let lasting = Some(to.since(*from)).filter(|_| *to < self.end);
                (Vec::new(), Some(Awaited { lasting, ..awaits }))
            }
            _ => (windows, None),
        };
        FaultPlan { name: name.to_owned(), what, windows, awaits }
    }

    /// The same, but it lasts so long each time.
    pub(super) fn lasting(mut self, lasting: Span) -> Moments {
        self.lasting = Some(Dist::constant(lasting.0 as f64));
        self
    }

    /// Whether each instance has its own.
    pub(super) fn is_random(&self) -> bool {
        matches!(self.timing, Timing::Random { .. })
    }

    /// The stretches for which it lasts.
    pub(super) fn stretches(&self, stream: &mut Stream) -> Vec<(Instant, Instant)> {
        let mut all = windows(&self.timing, self.lasting.as_ref(), self.end, stream);
        if self.probability < 1.0 {
            all.retain(|_| stream.chance(self.probability));
        }
        all
    }

    /// How often it happens in all, about, if each of so many instances breaks on its own; an error if that is too often.
    pub(super) fn often_for(&self, instances: usize) -> Result<(), f64> {
        let Timing::Random { mtbf, mttr, .. } = &self.timing else { return Ok(()) };
        let times = instances as f64 * self.end.0 as f64 / ((mtbf.0 + mttr.0) as f64).max(1.0);
        if times > 10.0 * MOST_TIMES { Err(times) } else { Ok(()) }
    }

    /// The stretches of instances that break each on its own: no more of them at once than allowed. One that would break
    /// then doesn't, and runs on.
    pub(super) fn each(
        &self,
        processes: &[ProcessId],
        stream: impl Fn(ProcessId) -> Stream,
    ) -> Vec<(ProcessId, Instant, Instant)> {
        let Timing::Random { mtbf, mttr, from, until } = self.timing else { return Vec::new() };
        let mut streams: Vec<Stream> = processes.iter().map(|p| stream(*p)).collect();
        let found = wear((mtbf, mttr), (from, until, self.end), self.probability, self.most, &mut streams);
        found.into_iter().map(|(i, from, to)| (processes[i], from, to)).collect()
    }
}

impl Lowering<'_, '_> {
    /// Reads when a fault happens.
    pub(super) fn moments(&self, fields: &Fields<'_, '_>, site: &Site<'_>, end: Instant) -> Option<Moments> {
        let probability = fields.get::<Share>("probability").map_or(1.0, |share| share.0);
        let most = fields.node("max_concurrent").filter(|node| !crate::scenario::reader::is_none(node));
        let timing = self.timing(fields, end);
        let lasting = self.drawn::<Durations>(fields, "for");
        if let Some(node) = fields.node("for").filter(|_| lasting.as_ref().is_some_and(Dist::is_zero)) {
            fields.error(
                Diagnostic::error(inside(node), "a fault that lasts 0s breaks nothing")
                    .help("say how long, such as `for = \"30s\"`; without `for` it lasts until the run ends"),
            );
        }
        let passing = self.passing(fields, site);
        let (timing, _) = timing?;
        let passing = passing?;
        if let (Some(_), Timing::Once { at }, Some(node)) = (&passing, &timing, fields.node("at"))
            && !matches!(at.shape, crate::engine::Shape::Constant(_))
        {
            fields.error(
                Diagnostic::error(inside(node), "beside `when`, `at` is one time: the earliest")
                    .help("write a duration, such as `at = \"40s\"`"),
            );
            return None;
        }
        let count = most.and_then(|_| fields.get::<Count>("max_concurrent")).map(|count| count.0 as usize);
        // What happens `every` now and then is skipped while it lasts: one at once is all there is.
        let one = matches!(timing, Timing::Every { .. }) && count == Some(1);
        if let Some(node) = most.filter(|_| !matches!(timing, Timing::Random { .. }) && !one) {
            fields.error(
                Diagnostic::error(node.span(), "`max_concurrent` is for instances that break each on its own")
                    .help("give the fault `random = { mtbf = \"1h\", mttr = \"5m\" }`"),
            );
        }
        let most = count;
        Some(Moments { timing, lasting, end, probability, most, passing })
    }

    fn timing(&self, fields: &Fields<'_, '_>, end: Instant) -> Option<(Timing, Place)> {
        let from = fields.get::<Span>("from").map_or(Instant::ZERO, |s| Instant::ZERO + s);
        let until = fields.at::<Span>("until");
        let (until, until_place) = until.map_or((end, None), |(s, place)| (Instant::ZERO + s, Some(place)));
        if until <= from && self.lasts.get() {
            let place = until_place.or_else(|| fields.node("from").map(Node::span)).unwrap_or(fields.place.clone());
            fields.error(Diagnostic::error(place, "this fault never happens").label(format!(
                "from {} until {}",
                Span(from.0),
                Span(until.0)
            )));
            return None;
        }
        let often = |mean: f64, place: Place| {
            let times = until.min(end).since(from).0 as f64 / mean.max(1.0);
            let fits = times <= MOST_TIMES;
            if !fits {
                fields.error(
                    Diagnostic::error(place, "this fault happens too often")
                        .label(format!("about {times:.0} times"))
                        .help(format!("at most {MOST_TIMES} times; make it rarer, or the run shorter")),
                );
            }
            fits
        };
        let given: Vec<&str> = ["at", "every", "random"].into_iter().filter(|k| fields.has(k)).collect();
        let again = given.iter().any(|key| *key != "at");
        for (key, node) in ["from", "until"].into_iter().filter_map(|key| Some((key, fields.node(key)?))) {
            if !again && (!given.is_empty() || fields.has("when")) {
                let help = match key {
                    "from" => "write `at`: when it happens, or with `when` the earliest",
                    _ => "write `for`: how long it lasts",
                };
                fields.error(
                    Diagnostic::error(
                        node.span(),
                        format!("`{key}` is for what happens `every` now and then, or at `random`"),
                    )
                    .help(help),
                );
            }
        }
        match given.as_slice() {
            [] if fields.has("when") => Some((Timing::Once { at: Dist::constant(0.0) }, fields.place.clone())),
            [only] if *only != "at" && fields.has("when") => {
                fields.node(if *only == "every" { "every" } else { "random" });
                fields.error(
                    Diagnostic::error(fields.place.clone(), format!("when and {only} exclude one another"))
                        .help("beside `when` there may be `at`, the earliest time, and `nth`"),
                );
                None
            }
            ["at"] => {
                let node = fields.node("at")?;
                let at = self.drawn::<Durations>(fields, "at")?;
                if let Some(first) = at.mean().filter(|_| matches!(at.shape, crate::engine::Shape::Constant(_)))
                    && first >= end.0 as f64
                    && self.lasts.get()
                {
                    fields.error(
                        Diagnostic::error(inside(node), "this fault begins when the run is over")
                            .label(format!("the run ends at {}", Span(end.0))),
                    );
                }
                Some((Timing::Once { at }, node.span()))
            }
            ["every"] => {
                let node = fields.node("every")?;
                let every = self.drawn::<Durations>(fields, "every")?;
                if every.is_zero() {
                    fields.error(Diagnostic::error(node.span(), AGAIN));
                    return None;
                }
                if !often(every.mean().unwrap_or(f64::INFINITY), inside(node)) {
                    return None;
                }
                Some((Timing::Every { every, from, until }, node.span()))
            }
            ["random"] => {
                let node = fields.node("random")?;
                let inner = fields.table_of(node)?;
                inner.require("mtbf", "\"1h\"");
                inner.require("mttr", "\"5m\"");
                let mtbf = inner.above_zero("mtbf", "what fails after 0s never runs");
                let mttr = inner.above_zero("mttr", "what is repaired after 0s never fails");
                inner.done();
                let (mtbf, mttr) = (mtbf?, mttr?);
                if !often(mtbf.0 as f64 + mttr.0 as f64, node.span()) {
                    return None;
                }
                Some((Timing::Random { mtbf, mttr, from, until }, node.span()))
            }
            [] if ["at", "every", "random"].iter().any(|key| fields.excused(key)) => None,
            [] => {
                fields.error(
                    Diagnostic::error(fields.place.clone(), "nothing says when this fault happens")
                        .help("add `at = \"60s\"`, `every = \"30s\"`, `random = { mtbf = \"1h\", mttr = \"5m\" }` or `when = \"on(leader_elected)\"`"),
                );
                None
            }
            several => {
                several.iter().for_each(|k| {
                    let key = ["at", "every", "random"].into_iter().find(|w| w == k);
                    let _ = key.map(|k| fields.node(k));
                });
                fields.error(Diagnostic::error(
                    fields.place.clone(),
                    format!("{} exclude one another", several.join(" and ")),
                ));
                None
            }
        }
    }
}
