//! One number of many: of a level over time, of instances, of a count.

use crate::expect::ast::Stat;
use crate::expect::{Dimension, Measured, Missing};
use crate::metric::{EpochSet, Gauge};

/// Nothing can be said, and why.
pub(super) fn missing<T>(what: impl Into<String>) -> Result<T, Missing> {
    Err(Missing::Unknown(what.into()))
}

/// A statistic of a level.
pub(super) fn level(
    gauge: &Gauge,
    epochs: &EpochSet,
    scale: f64,
    stat: Option<Stat>,
    dimension: Dimension,
) -> Result<Measured, Missing> {
    let seen = gauge.level(epochs);
    let Some(mean) = seen.mean() else { return Err(Missing::NoSamples("the phase has no length".to_owned())) };
    let value = match stat.unwrap_or(Stat::Mean) {
        Stat::Mean => mean,
        Stat::Max => seen.max as f64,
        Stat::Min => seen.min as f64,
        _ => return missing("levels have a mean, a minimum and a maximum"),
    };
    let standard_error = matches!(stat, None | Some(Stat::Mean)).then(|| gauge.mean_standard_error(epochs)).flatten();
    let standard_error = standard_error.map(|e| e * scale);
    Ok(Measured { value: value * scale, dimension, standard_error, samples: u64::MAX })
}

/// A statistic over one value per instance.
pub(super) fn across(
    values: &[f64],
    stat: Option<Stat>,
    dimension: Dimension,
    standard_error: Option<f64>,
) -> Result<Measured, Missing> {
    if values.is_empty() {
        return Err(Missing::NoSamples("there is no instance".to_owned()));
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (value, standard_error) = match stat.unwrap_or(Stat::Mean) {
        Stat::Mean => (values.iter().sum::<f64>() / values.len() as f64, standard_error),
        Stat::Min => (sorted[0], None),
        Stat::Max => (sorted[sorted.len() - 1], None),
        Stat::Sum => (values.iter().sum(), None),
        Stat::Percentile(p) => {
            let at = ((sorted.len() as f64 * p / 100.0).ceil() as usize).clamp(1, sorted.len()) - 1;
            (sorted[at], None)
        }
        Stat::Count => return Ok(count(values.len() as u64, values.len() as u64)),
        Stat::Rate => return missing("instances have no rate of their own"),
    };
    Ok(Measured { value, dimension, standard_error, samples: values.len() as u64 })
}

/// A count; its standard error is that of a Poisson process.
pub(super) fn count(n: u64, samples: u64) -> Measured {
    Measured {
        value: n as f64,
        dimension: Dimension::COUNT,
        standard_error: Some((n as f64).sqrt()),
        samples: samples.max(n),
    }
}
