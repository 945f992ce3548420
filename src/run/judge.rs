//! Judges the expectations of a run over what was measured.

use std::ops::Range;

use super::outcome::Outcome;
use super::statistics::{across, count, level, missing};
use super::{caches, consistency, counted, leaders, members, phases, scaled};
use crate::engine::{Instant, Span};
use crate::expect::ast::{Label, Member, Metric, Part, Phase, Property, Stat, Within};
use crate::expect::{self, Ask, Dimension, Finding, Judgement, Measured, Missing, Piece, Source, Terms};
use crate::metric::{ClassSet, EpochSet, Gauge, Tally, recovery_time};
use crate::rpc::Outcome as Ended;
use crate::scenario::{Kind, full};
use crate::world::meters::{ANSWERED, OK};
use crate::world::{EdgeMeters, GroupMeters, Level, Levels};

/// An expectation with what came of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its number among the plan's.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// As written.
    pub text: String,
    /// Where it stands.
    pub line: usize,
    /// What came of it.
    pub finding: Finding,
    /// Where its number is from.
    pub source: Option<String>,
    /// Why it matters.
    pub why: Option<String>,
    /// What its being met says, with the numbers of this run and of the others; nothing if it is not met, or says nothing.
    pub say: Vec<Piece<Measured>>,
}

/// Judges the expectations of `outcome`; the others are the variants that have been run under the same seed.
pub fn judge(outcome: &Outcome, others: &[&Outcome]) -> Vec<Judged> {
    let plan = &outcome.plan;
    let numbers = Numbers { outcome, others };
    let mut all = Vec::new();
    for (number, expect) in plan.expects.iter().enumerate() {
        if !expect.only.is_empty() && !expect.only.contains(&plan.variant) {
            continue;
        }
        let windows: Option<Vec<Range<Instant>>> = match &expect.within {
            Some(Within::After { delay, fault, .. }) => {
                let fault = plan.faults.iter().find(|f| f.name == *fault);
                let delay = Span::from_nanos_f64(delay.value * 1e9);
                Some(fault.map_or_else(Vec::new, |fault| {
                    crate::scenario::after_windows(delay, fault, &plan.faults, plan.end)
                }))
            }
            _ => None,
        };
        let terms = Terms {
            that: &expect.that,
            expected: expect.expected,
            needs: &expect.needs,
            during: expect.during.as_ref(),
            within: expect.within.as_ref(),
            windows: windows.as_deref(),
        };
        let finding = expect::evaluate(&terms, &numbers);
        let met = finding.outcome == expect::Outcome::Met;
        let say = if met { expect::say(&expect.say, expect.during.as_ref(), &numbers) } else { None };
        all.push(Judged {
            number,
            name: expect.name.clone(),
            text: expect.text.clone(),
            line: expect.line,
            finding,
            source: expect.source.clone(),
            why: expect.why.clone(),
            say: say.unwrap_or_default(),
        });
    }
    all
}

/// The value of an expression, such as a sweep shows.
pub fn value(text: &str, outcome: &Outcome) -> Option<Measured> {
    let expr = expect::parse_expr(text).ok()?;
    expect::value(&expr, None, &Numbers { outcome, others: &[] }).ok()
}

struct Numbers<'a> {
    outcome: &'a Outcome,
    others: &'a [&'a Outcome],
}

/// What a scope comes to.
pub(super) struct Found<'a> {
    pub(super) tallies: Vec<&'a Tally>,
    pub(super) group: Option<&'a GroupMeters>,
    pub(super) group_number: usize,
    edge: Option<&'a EdgeMeters>,
    /// Of an edge to several, the one that is meant.
    callee: Option<usize>,
    pub(super) member: Option<usize>,
    pub(super) every: bool,
    classes: Option<ClassSet>,
    pub(super) epochs: EpochSet,
    pub(super) fault: Option<String>,
}

/// The component that a scope names.
fn first_name(parts: &[(Part, Range<usize>)]) -> Option<&str> {
    parts.iter().find_map(|(part, _)| match part {
        Part::Name(name) => Some(name.as_str()),
        _ => None,
    })
}

impl<'a> Numbers<'a> {
    fn find(&self, outcome: &'a Outcome, ask: &Ask<'_>) -> Result<Found<'a>, Missing> {
        let plan = &outcome.plan;
        let frame = outcome.meters.frame();
        let mut found = Found {
            tallies: Vec::new(),
            group: None,
            group_number: 0,
            edge: None,
            callee: None,
            member: None,
            every: false,
            classes: None,
            epochs: EpochSet::default(),
            fault: None,
        };
        let mut phase: Option<Phase> = None;
        let mut operation: Option<&str> = None;
        for (part, _) in &ask.metric.scope.parts {
            match part {
                Part::Name(name) => {
                    if let Some(number) = plan.group(name) {
                        found.group = Some(&outcome.meters.groups[number]);
                        found.group_number = number;
                    } else if let Some(class) = Ended::ALL.iter().find(|o| o.name() == name) {
                        found.classes = Some(ClassSet::of(&[*class as u8]));
                    } else if plan.faults.iter().any(|f| f.name == *name) || plan.off.contains(name) {
                        found.fault = Some(name.clone());
                        phase = Some(Phase::During(name.clone()));
                    } else {
                        operation = Some(name);
                    }
                }
                Part::Instance { of, members } => {
                    let Some(number) = plan.group(of) else { return missing(format!("nothing is called {of}")) };
                    found.group = Some(&outcome.meters.groups[number]);
                    found.group_number = number;
                    match members.as_slice() {
                        [Member::Every] => found.every = true,
                        [Member::Index(i)] => found.member = Some(*i as usize),
                        _ => return missing("roles have no metrics of their own in this version"),
                    }
                }
                Part::Link { from, to, .. } => {
                    let (Part::Name(a), Part::Name(b)) = (&**from, &**to) else {
                        return missing("only edges between components have metrics");
                    };
                    let Some((edge, callee)) = plan.edge(a, b) else {
                        return missing(format!("nobody calls over {a} -> {b}"));
                    };
                    found.edge = Some(&outcome.meters.edges[edge]);
                    found.callee = callee;
                }
                Part::Phase(p) => phase = Some(p.clone()),
                Part::Region(_) | Part::Zone(_) => return missing("regions and zones have no metrics of their own"),
            }
        }
        found.epochs = match ask.window {
            Some(window) => phases::inside(frame, window),
            None => phases::epochs(plan, frame, phase.as_ref().or(ask.during)),
        };
        if let Some(edge) = found.edge {
            found.tallies.push(&edge.calls);
        } else if let Some(group) = found.group {
            if let Some(member) = found.member {
                let Some(member) = group.members.get(member) else { return missing("there is no such instance") };
                found.tallies.push(&member.visits);
            } else if let Some(operation) = operation {
                let c = found.group_number.checked_sub(plan.components.len());
                let entries = c.map(|c| &plan.clients[c].0.mix);
                let entry = entries.and_then(|mix| mix.iter().position(|m| m.name == operation));
                match entry {
                    Some(entry) => found.tallies.push(&group.entries[entry]),
                    None => return missing(format!("`{operation}` is no operation of these clients")),
                }
            } else {
                found.tallies.push(&group.visits);
            }
        } else if let Some(operation) = operation {
            for (c, (clients, _)) in plan.clients.iter().enumerate() {
                let group = &outcome.meters.groups[plan.components.len() + c];
                for (entry, m) in clients.mix.iter().enumerate().filter(|(_, m)| m.name == operation) {
                    let _ = m;
                    found.tallies.push(&group.entries[entry]);
                }
            }
        } else if plan.clients.len() == 1 {
            // Nothing but a phase or an outcome: the users.
            found.tallies.push(&outcome.meters.groups[plan.components.len()].visits);
        }
        Ok(found)
    }

    /// A statistic over latencies.
    fn latency(&self, found: &Found<'_>, stat: Option<Stat>) -> Result<Measured, Missing> {
        let classes = found.classes.unwrap_or(ClassSet::ALL);
        let tally = match found.tallies.as_slice() {
            [] => return missing("this scope has no latency"),
            [one] => *one,
            _ => return missing("several client groups at once: name one of them in the scope"),
        };
        let latencies = tally.latencies(&found.epochs, classes);
        // None of this kind among some is a number too.
        if latencies.count() == 0 && stat == Some(Stat::Count) {
            return Ok(count(0, tally.offered(&found.epochs)));
        }
        let none = latencies.count() == 0 && tally.offered(&found.epochs) > 0;
        if none && stat == Some(Stat::Rate) {
            let samples = tally.offered(&found.epochs);
            return Ok(Measured { value: 0.0, dimension: Dimension::RATE, standard_error: None, samples });
        }
        if latencies.count() == 0 {
            return Err(Missing::NoSamples("no request was made and answered there".to_owned()));
        }
        let seconds = |ns: f64| ns / 1e9;
        let (value, error) = match stat.unwrap_or(Stat::Mean) {
            Stat::Mean => (latencies.mean_ns(), tally.mean_standard_error_ns(&found.epochs, classes)),
            Stat::Min => (latencies.min().map(|s| s.0 as f64), None),
            Stat::Max => (latencies.max().map(|s| s.0 as f64), None),
            Stat::Sum => (Some(latencies.sum_ns() as f64), None),
            Stat::Percentile(percent) => (
                latencies.percentile(percent).map(|s| s.0 as f64),
                latencies
                    .percentile_standard_error_ns(percent)
                    .map(|e| e * tally.variance_inflation(&found.epochs, classes).sqrt()),
            ),
            Stat::Count => return Ok(count(latencies.count(), latencies.count())),
            Stat::Rate => {
                return Ok(Measured {
                    value: tally.rate_per_second(&found.epochs, classes),
                    dimension: Dimension::RATE,
                    standard_error: tally.rate_standard_error(&found.epochs, classes),
                    samples: latencies.count(),
                });
            }
        };
        let Some(value) = value else { return missing("the percentile lies beyond what was measured") };
        Ok(Measured {
            value: seconds(value),
            dimension: Dimension::DURATION,
            standard_error: error.map(seconds),
            samples: latencies.count(),
        })
    }

    /// Counts, rates and shares of requests.
    fn requests(&self, found: &Found<'_>, measure: &str, stat: Option<Stat>) -> Result<Measured, Missing> {
        let epochs = &found.epochs;
        let offered: u64 = found.tallies.iter().map(|t| t.offered(epochs)).sum();
        if found.tallies.is_empty() {
            return missing(format!("this scope has no `{measure}`"));
        }
        let asked = found.classes.unwrap_or(ClassSet::ALL);
        let in_classes =
            |classes: ClassSet| found.tallies.iter().map(|t| t.count(epochs, classes.and(asked))).sum::<u64>();
        let class = |o: Ended| ClassSet::of(&[o as u8]);
        if found.every && found.member.is_none() && !matches!(stat, None | Some(Stat::Count | Stat::Rate)) {
            return self.requests_of_each(found, measure, stat);
        }
        let share_error = |classes| match found.tallies.as_slice() {
            [one] => one.share_standard_error(epochs, classes),
            _ => None,
        };
        match measure {
            "availability" | "error_ratio" => {
                if offered == 0 {
                    return Err(Missing::NoSamples("nobody asked".to_owned()));
                }
                let answered = in_classes(ANSWERED) as f64 / offered as f64;
                let value = if measure == "availability" { answered } else { 1.0 - answered };
                Ok(Measured {
                    value,
                    dimension: Dimension::SHARE,
                    standard_error: share_error(ANSWERED),
                    samples: offered,
                })
            }
            _ => {
                let n = match measure {
                    "offered" | "calls" if found.classes.is_some() => in_classes(ClassSet::ALL),
                    "offered" | "calls" => offered,
                    "goodput" | "ok" => in_classes(OK),
                    "degraded" => in_classes(class(Ended::Degraded)),
                    "errors" => in_classes(class(Ended::Error)) + in_classes(class(Ended::Unavailable)),
                    "timeouts" => in_classes(class(Ended::Timeout)),
                    "rejected" => in_classes(class(Ended::Rejected)),
                    "aborted" => in_classes(class(Ended::Aborted)),
                    other => return missing(format!("`{other}` is not measured here")),
                };
                let rate =
                    matches!(measure, "offered" | "goodput") && stat != Some(Stat::Count) || stat == Some(Stat::Rate);
                if !rate {
                    // That nobody asked is what such a count says.
                    return Ok(count(n, if matches!(measure, "offered" | "calls") { offered.max(1) } else { offered }));
                }
                let seconds = found.tallies[0].frame().duration(epochs).as_secs_f64();
                if seconds == 0.0 {
                    return Err(Missing::NoSamples("the phase has no length".to_owned()));
                }
                let standard_error = match (found.tallies.as_slice(), measure) {
                    ([one], "offered" | "calls") if found.classes.is_none() => one.offered_standard_error(epochs),
                    ([one], "goodput" | "ok") => one.rate_standard_error(epochs, OK.and(asked)),
                    _ => None,
                };
                Ok(Measured {
                    value: n as f64 / seconds,
                    dimension: Dimension::RATE,
                    standard_error,
                    samples: offered.max(1),
                })
            }
        }
    }

    /// A statistic over what was counted at each instance.
    fn requests_of_each(&self, found: &Found<'_>, measure: &str, stat: Option<Stat>) -> Result<Measured, Missing> {
        let Some(group) = found.group else { return missing(format!("this scope has no `{measure}`")) };
        let mut values = Vec::new();
        let mut dimension = Dimension::COUNT;
        for number in 0..group.members.len() {
            let one = Found {
                tallies: vec![&group.members[number].visits],
                group: found.group,
                group_number: found.group_number,
                edge: None,
                callee: None,
                member: Some(number),
                every: false,
                classes: found.classes,
                epochs: found.epochs.clone(),
                fault: None,
            };
            match self.requests(&one, measure, None) {
                Ok(measured) => {
                    dimension = measured.dimension;
                    values.push(measured.value);
                }
                // Nobody asked this one: it has no share of anything.
                Err(Missing::NoSamples(_)) => {}
                Err(missing) => return Err(missing),
            }
        }
        across(&values, stat, dimension, None)
    }

    /// Attempts and hedges of an edge.
    fn attempts(&self, found: &Found<'_>, measure: &str, stat: Option<Stat>) -> Result<Measured, Missing> {
        let Some(edge) = found.edge else {
            return missing(format!("`{measure}` is counted on edges: `{measure}(a -> b)`"));
        };
        let counter = match (measure, found.callee) {
            ("attempts", None) => &edge.attempts,
            ("attempts", Some(callee)) => &edge.attempts_at[callee],
            (_, None) => &edge.hedges,
            _ => return missing(format!("of one of several, `{measure}` is not counted")),
        };
        let n = counter.count(&found.epochs);
        let calls = edge.calls.offered(&found.epochs);
        if stat == Some(Stat::Rate) {
            return Ok(Measured {
                value: counter.rate_per_second(&found.epochs),
                dimension: Dimension::RATE,
                standard_error: counter.rate_standard_error(&found.epochs),
                samples: calls,
            });
        }
        Ok(count(n, calls))
    }

    /// Levels over time: utilisation, queues, how many run.
    fn levels(
        &self,
        outcome: &Outcome,
        found: &Found<'_>,
        measure: &str,
        stat: Option<Stat>,
    ) -> Result<Measured, Missing> {
        if measure == "in_flight"
            && let Some(edge) = found.edge
        {
            return level(&edge.in_flight, &found.epochs, 1.0, stat, Dimension::COUNT);
        }
        let Some(group) = found.group else { return missing(format!("`{measure}` is of a component")) };
        if found.group_number >= outcome.plan.components.len() {
            return missing(format!("clients have no `{measure}`"));
        }
        let extreme = matches!(stat, Some(Stat::Min | Stat::Max)) && !found.every;
        let scale = match measure {
            // The most that were busy are told of the most that there were.
            "utilization" if extreme => 1.0 / group.workers.level(&found.epochs).max as f64,
            "utilization" => 1.0 / group.mean_workers(&found.epochs),
            _ => 1.0,
        };
        let dimension = if measure == "utilization" { Dimension::SHARE } else { Dimension::COUNT };
        fn of<'a>(levels: &'a Levels, measure: &str) -> &'a Gauge {
            match measure {
                "utilization" => &levels.busy,
                "queue_length" => &levels.waiting,
                "running" => &levels.up,
                _ => &levels.inside,
            }
        }
        if found.every && found.member.is_none() {
            let gauges = || group.members.iter().map(|member| of(&member.levels, measure));
            let values: Vec<f64> = gauges().filter_map(|g| g.level(&found.epochs).mean().map(|m| m * scale)).collect();
            let standard_error = gauges()
                .map(|g| g.mean_standard_error(&found.epochs).map(|e| e * scale))
                .collect::<Option<Vec<f64>>>()
                .map(|e| e.iter().map(|x| x * x).sum::<f64>().sqrt() / e.len().max(1) as f64);
            return across(&values, stat, dimension, standard_error);
        }
        let (levels, share) = match found.member {
            Some(one) => (group.members.get(one).map(|member| &member.levels), 1),
            None => (group.all_levels(), group.members.len()),
        };
        let Some(levels) = levels else { return missing("there is no such instance") };
        let scale = if measure == "utilization" { scale / share as f64 } else { scale };
        level(of(levels, measure), &found.epochs, scale, stat, dimension)
    }
}

impl Source for Numbers<'_> {
    fn metric(&self, ask: Ask<'_>) -> Result<Measured, Missing> {
        let Metric { stat, measure, variant, .. } = ask.metric;
        let outcome = match variant {
            None => self.outcome,
            Some(v) if *v == self.outcome.plan.variant => self.outcome,
            Some(v) => match self.others.iter().find(|o| o.plan.variant == *v) {
                Some(other) => other,
                None => return missing(format!("variant {v} was not run")),
            },
        };
        let measure = measure.as_deref();
        if measure == Some("threshold") {
            let name = first_name(&ask.metric.scope.parts).unwrap_or_default();
            let found = outcome.plan.thresholds.get(name).copied();
            return found.map_or_else(|| missing(format!("the sweep {name} was not run")), Ok);
        }
        let found = self.find(outcome, &ask)?;
        match measure {
            None | Some("latency") => {
                if found.every {
                    return self.instances(&found, *stat);
                }
                self.latency(&found, *stat)
            }
            Some(m @ ("attempts" | "hedges")) => self.attempts(&found, m, *stat),
            Some(m @ ("lag" | "queue_length")) if self.is_queue(outcome, &found) || m == "lag" => {
                let backlog = found.group.and_then(|group| group.levels.get(&Level::Backlog));
                let Some(backlog) = backlog else { return missing(format!("`{m}` is of a queue")) };
                level(backlog, &found.epochs, 1.0, *stat, Dimension::COUNT)
            }
            Some("utilization") if scaled::is(outcome, &found) => scaled::utilisation(outcome, &found, *stat),
            Some("replicas") => scaled::replicas(outcome, &found, *stat),
            Some("divergent_keys") => {
                let gauge = found.group.and_then(|group| group.levels.get(&Level::Divergent));
                let Some(gauge) = gauge else { return missing("nobody compares what is kept there") };
                level(gauge, &found.epochs, 1.0, *stat, Dimension::COUNT)
            }
            Some(m @ ("utilization" | "queue_length" | "in_flight" | "running")) => {
                self.levels(outcome, &found, m, *stat)
            }
            Some("queue_age") => {
                let Some(group) = found.group else { return missing("`queue_age` is of a component") };
                let tally = if self.is_queue(outcome, &found) { &group.kept } else { &group.waits };
                let waits = Found { tallies: vec![tally], classes: None, epochs: found.epochs.clone(), ..found };
                self.latency(&waits, *stat)
            }
            Some("share") => {
                let Some(group) = found.group else { return missing("`share` is of instances: `share(db/*)`") };
                let all = group.visits.offered(&found.epochs);
                if all == 0 {
                    return Err(Missing::NoSamples("nothing was asked of it".to_owned()));
                }
                let of = |t: &Tally| t.offered(&found.epochs) as f64 / all as f64;
                let values: Vec<f64> = match found.member {
                    Some(i) => group.members.get(i).map(|m| of(&m.visits)).into_iter().collect(),
                    None => group.members.iter().map(|m| of(&m.visits)).collect(),
                };
                across(&values, *stat, Dimension::SHARE, None)
            }
            Some("recovery_time") => {
                let Some(fault) = &found.fault else { return missing("`recovery_time` is of a fault") };
                let plan = &outcome.plan;
                let Some(end) = plan.faults.iter().find(|f| f.name == *fault).and_then(|f| f.span()).map(|s| s.1)
                else {
                    return Err(Missing::NoSamples("the fault never happened".to_owned()));
                };
                let clients = plan.components.len()..outcome.meters.groups.len();
                let mut longest = Some(Span::ZERO);
                for group in &outcome.meters.groups[clients] {
                    let bin = outcome.meters.frame().bin();
                    let took = recovery_time(&group.visits, OK, 0.95, bin, end, plan.end);
                    longest = longest.zip(took).map(|(a, b)| a.max(b));
                }
                match longest {
                    Some(span) => Ok(Measured {
                        value: span.as_secs_f64(),
                        dimension: Dimension::DURATION,
                        standard_error: None,
                        samples: 1,
                    }),
                    None => Ok(Measured {
                        value: f64::INFINITY,
                        dimension: Dimension::DURATION,
                        standard_error: None,
                        samples: 1,
                    }),
                }
            }
            Some("unavailable") => {
                let Some(group) = found.group else { return missing("`unavailable` is of a client group") };
                Ok(Measured {
                    value: group.silence.longest(&found.epochs).as_secs_f64(),
                    dimension: Dimension::DURATION,
                    standard_error: None,
                    samples: group.visits.offered(&found.epochs),
                })
            }
            Some(m) if consistency::measures(m) => {
                let object = first_name(&ask.metric.scope.parts);
                consistency::measure(outcome, m, object, *stat, &found.epochs)
            }
            Some("stale_served") if self.is_store(outcome, &found) => {
                consistency::stale(outcome, first_name(&ask.metric.scope.parts), &found.epochs)
            }
            Some(m @ ("hit_ratio" | "byte_hit_ratio" | "stale_served")) => caches::share(&found, m),
            Some(m) if members::measures(m) => members::measure(outcome, &found, m, *stat),
            Some(m) if leaders::measures(m) => leaders::measure(outcome, &found, m, *stat),
            Some(m) if counted::measures(m) => Ok(counted::measure(&found, m, *stat)),
            Some(m) => self.requests(&found, m, *stat),
        }
    }

    fn path(&self, path: &str) -> Result<Measured, Missing> {
        let plan = &self.outcome.plan;
        let at = |path: &str| {
            let mut names = path.split('.');
            let first = plan.tree.get(names.next()?)?;
            names.try_fold(first, |here, name| here.get(name)).cloned()
        };
        // What the file doesn't write has its default.
        let found = at(path).or_else(|| full::default_at(path, |path| at(path).is_some()));
        match found {
            Some(toml::Value::Integer(i)) => Ok(Measured::exact(i as f64, Dimension::NUMBER)),
            Some(toml::Value::Float(f)) => Ok(Measured::exact(f, Dimension::NUMBER)),
            Some(toml::Value::String(text)) => match expect::parse_expr(&text).map(|e| e.operand) {
                Ok(expect::Operand::Quantity(q)) => Ok(Measured::exact(q.value, q.dimension)),
                _ => missing(format!("`{path}` is no single quantity")),
            },
            Some(_) => missing(format!("`{path}` is no single quantity")),
            None => missing(format!("the scenario has no `{path}`")),
        }
    }

    fn property(&self, property: &Property, _within: Option<&Within>) -> Judgement {
        consistency::property(self.outcome, property)
    }

    fn label(&self, label: &Label) -> Result<String, Missing> {
        consistency::label(self.outcome, &label.name, first_name(&label.scope.parts))
    }
}

impl Numbers<'_> {
    fn is_store(&self, outcome: &Outcome, found: &Found<'_>) -> bool {
        let component = found.group.and_then(|_| outcome.plan.components.get(found.group_number));
        matches!(component.map(|c| &c.kind), Some(Kind::Store(_)))
    }

    fn is_queue(&self, outcome: &Outcome, found: &Found<'_>) -> bool {
        let component = found.group.and_then(|_| outcome.plan.components.get(found.group_number));
        matches!(component.map(|c| &c.kind), Some(Kind::Queue(_)))
    }

    /// A statistic over the mean latencies of the instances.
    fn instances(&self, found: &Found<'_>, stat: Option<Stat>) -> Result<Measured, Missing> {
        let Some(group) = found.group else { return missing("`/*` is of a component") };
        let classes = found.classes.unwrap_or(ClassSet::ALL);
        let means = group.members.iter().filter_map(|m| m.visits.latencies(&found.epochs, classes).mean_ns());
        let values: Vec<f64> = means.map(|ns| ns / 1e9).collect();
        across(&values, stat, Dimension::DURATION, None)
    }
}
