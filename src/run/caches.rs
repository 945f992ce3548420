//! What is measured of caches: how much they answer themselves.

use super::judge::Found;
use super::statistics::missing;
use crate::expect::{Dimension, Measured, Missing};
use crate::metric::batch::ratio_error;
use crate::metric::{Counter, EpochSet};
use crate::world::Counted;

/// `hit_ratio`, `byte_hit_ratio` or `stale_served`: a share of the lookups, or of their bytes.
pub(super) fn share(found: &Found<'_>, measure: &str) -> Result<Measured, Missing> {
    let Some(group) = found.group else { return missing(format!("`{measure}` is of a cache")) };
    let counter = |what: Counted| group.counts.get(&what);
    let (hit, miss) = match measure {
        "byte_hit_ratio" => (counter(Counted::HitBytes), counter(Counted::MissBytes)),
        _ => (counter(Counted::CacheHit), counter(Counted::CacheMiss)),
    };
    let part = if measure == "stale_served" { counter(Counted::StaleServed) } else { hit };
    let count = |counter: Option<&Counter>| counter.map_or(0, |c| c.count(&found.epochs));
    let all = count(hit) + count(miss);
    if all == 0 {
        return Err(Missing::NoSamples(match measure {
            "byte_hit_ratio" => "nothing was looked up there, or its room is not in bytes".to_owned(),
            _ => "nothing was looked up there".to_owned(),
        }));
    }
    Ok(Measured {
        value: count(part) as f64 / all as f64,
        dimension: Dimension::SHARE,
        standard_error: standard_error(part, [hit, miss], &found.epochs),
        samples: all,
    })
}

/// By batch means over the bins, as the share of a random number of lookups.
fn standard_error(part: Option<&Counter>, all: [Option<&Counter>; 2], epochs: &EpochSet) -> Option<f64> {
    let frame = all.iter().flatten().next()?.frame();
    let at = |counter: Option<&Counter>, bin: usize| counter.map_or(0.0, |c| c.bins()[bin] as f64);
    let bins = frame.bins_in(epochs).into_iter();
    ratio_error(bins.map(|bin| (at(part, bin), at(all[0], bin) + at(all[1], bin))))
}
