//! Properties of histories, and how stale what was read was: what a run is judged by beside its rates and latencies.

use std::collections::BTreeMap;

use super::classify;
use super::outcome::Outcome;
use crate::check::{self, Steps, Verdict as Checked, View};
use crate::engine::{Instant, Span};
use crate::expect::ast::{Arg, Part, Stat};
use crate::expect::{Dimension, Judgement, Measured, Missing, Property, Verdict};
use crate::history::{History, ObjectId, Observation};
use crate::metric::EpochSet;
use crate::metric::batch::ratio_error;

fn unknown(because: impl Into<String>) -> Judgement {
    Judgement { verdict: Verdict::Unknown, because: because.into() }
}

/// Judges a property over the history of a run.
pub(super) fn property(outcome: &Outcome, property: &Property) -> Judgement {
    let history = &outcome.history;
    let (verdict, because) = match checked(outcome, property) {
        Err(judgement) => return judgement,
        Ok((object, Checked::Holds)) => (Verdict::Holds, held(history, object, &property.name)),
        Ok((_, Checked::Violated(evidence))) => (Verdict::Violated, evidence.sentence),
        Ok((_, Checked::Unknown(reason))) => (Verdict::Unknown, reason.0),
        Ok((_, Checked::Vacuous(reason))) => (Verdict::Vacuous, reason.0),
    };
    Judgement { verdict, because }
}

/// What the checker says, with its evidence, and about which object; an error if the question can't be put to it.
pub(super) fn checked(outcome: &Outcome, property: &Property) -> Result<(Option<ObjectId>, Checked), Judgement> {
    let history = &outcome.history;
    let mut object = None;
    let mut bound = None;
    for (arg, _) in &property.args {
        match arg {
            Arg::Part(Part::Name(name)) => match history.find_object(name) {
                Some(found) => object = Some(found),
                None => {
                    return Err(Judgement {
                        verdict: Verdict::Vacuous,
                        because: format!("no operation on {name} was recorded"),
                    });
                }
            },
            Arg::Quantity(quantity) => bound = Some(Span::from_nanos_f64(quantity.value * 1e9)),
            other => return Err(unknown(format!("`{other}` is judged as part of its whole only"))),
        }
    }
    let found = match (check::Property::named(&property.name), bound) {
        (Some(found), _) => found,
        (None, Some(bound)) if property.name == "bounded_staleness" => check::Property::BoundedStaleness(bound),
        _ => return Err(unknown(format!("`{}` is not judged by this version", property.name))),
    };
    Ok((object, check::judge(history, object, found, Steps::DEFAULT)))
}

fn held(history: &History, object: Option<ObjectId>, property: &str) -> String {
    let view = View::new(history, object);
    let count = view.operations.len();
    let left_out = match property {
        "no_lost_acked_write" | "converged" => view.unsettled().len(),
        _ => 0,
    };
    let since = Span(history.alone_since().0);
    match left_out {
        0 => format!("{count} operations were judged"),
        1 => format!("{count} operations were judged; a key written after {since} was left out"),
        keys => format!("{count} operations were judged; {keys} keys written after {since} were left out"),
    }
}

/// The word for what a run showed: `cap(kv)`, `pacelc(kv)`, `strongest(kv)`.
pub(super) fn label(outcome: &Outcome, name: &str, object: Option<&str>) -> Result<String, Missing> {
    match name {
        "strongest" => strongest(outcome, object),
        "cap" => classify::cap(outcome, find(outcome, object)?),
        "pacelc" => classify::pacelc(outcome, find(outcome, object)?),
        _ => Err(Missing::Unknown(format!("`{name}` is not judged by this version"))),
    }
}

/// The strongest model that held, in words.
fn strongest(outcome: &Outcome, name: Option<&str>) -> Result<String, Missing> {
    let object = find(outcome, name)?;
    let view = View::new(&outcome.history, object);
    if view.operations.is_empty() {
        return Err(Missing::NoSamples("no operation was recorded".to_owned()));
    }
    Ok(check::standing(&view, Steps::DEFAULT).word())
}

fn find(outcome: &Outcome, name: Option<&str>) -> Result<Option<ObjectId>, Missing> {
    let Some(name) = name else { return Ok(None) };
    match outcome.history.find_object(name) {
        Some(object) => Ok(Some(object)),
        None => Err(Missing::NoSamples(format!("no operation on {name} was recorded"))),
    }
}

/// Whether [`measure`] knows a measure.
pub(super) fn measures(name: &str) -> bool {
    matches!(name, "conflicts" | "staleness" | "versions_behind" | "t_visibility" | "lost_writes")
}

/// A statistic over the reads or writes of an object that were invoked in these epochs.
pub(super) fn measure(
    outcome: &Outcome,
    measure: &str,
    object: Option<&str>,
    stat: Option<Stat>,
    epochs: &EpochSet,
) -> Result<Measured, Missing> {
    let object = find(outcome, object)?;
    let history = &outcome.history;
    let view = View::new(history, object);
    if measure == "lost_writes" {
        let Some(lost) = check::lost_writes(&view) else {
            return Err(Missing::NoSamples("nobody looked after the last acknowledged write".to_owned()));
        };
        let writes = history.operations().len() as u64;
        return Ok(Measured { samples: writes, ..Measured::exact(lost as f64, Dimension::COUNT) });
    }
    let frame = outcome.meters.frame();
    let inside = |at: Instant| epochs.contains(frame.epoch_of(at));
    if measure == "conflicts" {
        let keys = conflicts(&view, &inside);
        let writes = view.operations.iter().map(|&i| history.operation(i)).filter(|o| !o.function.is_read()).count();
        return Ok(Measured { samples: writes as u64, ..Measured::exact(keys as f64, Dimension::COUNT) });
    }
    let ages = check::staleness(&view);
    let reads = ages.reads.iter().filter(|read| inside(history.operation(read.read).invoked));
    let (values, dimension): (Vec<f64>, Dimension) = match measure {
        "staleness" => (reads.map(|read| read.age.as_secs_f64()).collect(), Dimension::DURATION),
        "versions_behind" => (reads.map(|read| read.behind as f64).collect(), Dimension::COUNT),
        _ => {
            let writes = ages.visible_after.iter().filter(|(write, _)| inside(history.operation(*write).invoked));
            (writes.map(|(_, after)| after.as_secs_f64()).collect(), Dimension::DURATION)
        }
    };
    statistic(values, stat, dimension)
}

/// The share of an object's reads, of those invoked in these epochs, that missed a write acknowledged before they began.
pub(super) fn stale(outcome: &Outcome, object: Option<&str>, epochs: &EpochSet) -> Result<Measured, Missing> {
    let object = find(outcome, object)?;
    let history = &outcome.history;
    let frame = outcome.meters.frame();
    // By bin: stale ones, and all.
    let mut bins: BTreeMap<usize, (f64, f64)> =
        frame.bins_in(epochs).into_iter().map(|bin| (bin, (0.0, 0.0))).collect();
    let (mut behind, mut all) = (0, 0);
    for read in check::staleness(&View::new(history, object)).reads {
        let at = history.operation(read.read).invoked;
        if !epochs.contains(frame.epoch_of(at)) {
            continue;
        }
        (behind, all) = (behind + u64::from(read.behind > 0), all + 1);
        if let Some(bin) = bins.get_mut(&frame.bin_of(at)) {
            bin.0 += f64::from(u8::from(read.behind > 0));
            bin.1 += 1.0;
        }
    }
    if all == 0 {
        return Err(Missing::NoSamples("no register was read there".to_owned()));
    }
    Ok(Measured {
        value: behind as f64 / all as f64,
        dimension: Dimension::SHARE,
        standard_error: ratio_error(bins.into_values()),
        samples: all,
    })
}

/// Keys of which two replicas, or one, had versions that didn't know of each other; the older was written at a moment
/// that counts. A key counts once, however many replicas noticed.
fn conflicts(view: &View<'_>, counts: &dyn Fn(Instant) -> bool) -> usize {
    let history = view.history;
    let written: BTreeMap<u64, Instant> = view
        .operations
        .iter()
        .map(|&index| history.operation(index))
        .filter(|o| !o.function.is_read())
        .map(|o| (o.value, o.invoked))
        .collect();
    let mut keys: Vec<(ObjectId, u64)> = Vec::new();
    for observation in history.observations() {
        if let Observation::Conflict { object, key, kept, other, .. } = observation
            && view.object.is_none_or(|only| only == *object)
            && let Some(older) = [kept, other].into_iter().filter_map(|value| written.get(value)).min()
            && counts(*older)
        {
            keys.push((*object, *key));
        }
    }
    for drop in check::dropped(view) {
        let (write, kept) = (history.operation(drop.write), history.operation(drop.kept));
        if counts(write.invoked.min(kept.invoked)) {
            keys.push((write.object, write.key));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys.len()
}

pub(super) fn statistic(mut values: Vec<f64>, stat: Option<Stat>, dimension: Dimension) -> Result<Measured, Missing> {
    if values.is_empty() {
        return Err(Missing::NoSamples("nothing of it happened there".to_owned()));
    }
    values.sort_by(f64::total_cmp);
    let count = values.len();
    let sum: f64 = values.iter().sum();
    let mean = sum / count as f64;
    let value = match stat.unwrap_or(Stat::Mean) {
        Stat::Mean => mean,
        Stat::Min => values[0],
        Stat::Max => values[count - 1],
        Stat::Sum => sum,
        Stat::Percentile(percent) => {
            let place = (count as f64 * percent / 100.0).ceil() as usize;
            values[place.clamp(1, count) - 1]
        }
        // How many there were at all, but for those of no length.
        Stat::Count => {
            let stale = values.iter().filter(|&&value| value > 0.0).count() as f64;
            return Ok(Measured { samples: count as u64, ..Measured::exact(stale, Dimension::COUNT) });
        }
        Stat::Rate => return Err(Missing::Unknown("this has no rate".to_owned())),
    };
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count as f64;
    let error = matches!(stat, None | Some(Stat::Mean)).then(|| (variance / count as f64).sqrt());
    Ok(Measured { value, dimension, standard_error: error, samples: count as u64 })
}
