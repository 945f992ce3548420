//! Standard errors from one run, by batch means.
//!
//! Successive observations of a queue are correlated, so `sd / √n` is far too small. Instead the series is cut into
//! batches so long that their means are as good as independent, and the spread of those means is the error (Law &
//! Kelton, Simulation Modeling and Analysis, §9.5.3). How long: batches are doubled until von Neumann's ratio no
//! longer tells their means from independent ones (Fishman, Grouping Observations in Digital Simulation, Management
//! Science 24(5), 1978), but there are never fewer than [`BATCHES_MIN`] (Schmeiser, Operations Research 30(3), 1982:
//! more than 30 gain little, fewer than 10 cost much). If even those are correlated, what remains is corrected as for
//! a first-order autoregression.
//!
//! Means per request are ratios of two sums, as a batch has a random number of requests; their error is that of the
//! ratio estimator (Cochran, Sampling Techniques, 3rd ed., §6.4).

/// The fewest batches from which an error is told.
pub const BATCHES_MIN: usize = 20;

// Above this, a one-sided test at 5% finds the batch means correlated: the ratio's distance from its mean is standard
// normal for all but few batches.
const CORRELATED_ABOVE: f64 = 1.645;

/// The standard error of `Σ count / Σ weight`, if every observation has the same weight: a rate (weight: seconds a
/// bin), or a mean over time (weight: nanoseconds a bin, observations: value times nanoseconds).
pub fn rate_error(observations: impl Iterator<Item = f64>, weight: f64) -> Option<f64> {
    ratio_error(observations.map(|observation| (observation, weight)))
}

/// The standard error of `Σ y / Σ x` over pairs `(y, x)` in the order of time: a mean latency (sum of latencies, number
/// of requests), or a share (number that matches, number of all). `None` for fewer than [`BATCHES_MIN`] pairs, or if
/// there is nothing in them.
pub fn ratio_error(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let mut pairs: Vec<(f64, f64)> = pairs.collect();
    if pairs.len() < BATCHES_MIN {
        return None;
    }
    loop {
        let residuals = residuals(&pairs)?;
        let correlation = Correlation::of(&residuals.around);
        if correlation.excess <= CORRELATED_ABOVE {
            return Some(residuals.error());
        }
        if pairs.len() / 2 < BATCHES_MIN {
            let rho = correlation.lag_one.clamp(0.0, 0.9);
            return Some(residuals.error() * ((1.0 + rho) / (1.0 - rho)).sqrt());
        }
        // An odd one out is left out, as batches must be equal.
        pairs = pairs.chunks_exact(2).map(|two| (two[0].0 + two[1].0, two[0].1 + two[1].1)).collect();
    }
}

struct Residuals {
    // y − R x of each batch, R being the ratio of the sums; they add up to 0.
    around: Vec<f64>,
    x_mean: f64,
}

fn residuals(pairs: &[(f64, f64)]) -> Option<Residuals> {
    let (y_sum, x_sum) = pairs.iter().fold((0.0, 0.0), |(ys, xs), (y, x)| (ys + y, xs + x));
    if x_sum <= 0.0 {
        return None;
    }
    let ratio = y_sum / x_sum;
    let around = pairs.iter().map(|(y, x)| y - ratio * x).collect();
    Some(Residuals { around, x_mean: x_sum / pairs.len() as f64 })
}

impl Residuals {
    fn error(&self) -> f64 {
        let n = self.around.len() as f64;
        let variance = self.around.iter().map(|d| d * d).sum::<f64>() / (n - 1.0);
        (variance / n).sqrt() / self.x_mean
    }
}

struct Correlation {
    lag_one: f64,
    // How many standard deviations the correlation is above that of independent batches.
    excess: f64,
}

impl Correlation {
    /// Of values that add up to 0. `1 − ½ Σ(d[i+1] − d[i])² / Σd²` has mean 0 and variance (n − 2) / (n² − 1) if they
    /// are independent (von Neumann 1941).
    fn of(values: &[f64]) -> Correlation {
        let n = values.len() as f64;
        let squares: f64 = values.iter().map(|d| d * d).sum();
        if squares <= 0.0 {
            return Correlation { lag_one: 0.0, excess: 0.0 };
        }
        let steps: f64 = values.windows(2).map(|two| (two[1] - two[0]) * (two[1] - two[0])).sum();
        let statistic = 1.0 - steps / (2.0 * squares);
        Correlation { lag_one: statistic, excess: statistic / ((n - 2.0) / (n * n - 1.0)).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::mix;

    /// Uniform in 0..1, from a counter.
    fn noise(seed: u64, i: u64) -> f64 {
        (mix(seed, i) >> 11) as f64 / (1u64 << 53) as f64
    }

    #[test]
    fn alternating_observations_by_hand() {
        // 20 × 1 and 20 × 3: mean 2, sample variance 40 / 39.
        let values = (0..40).map(|i| if i % 2 == 0 { 1.0 } else { 3.0 });
        assert_eq!(rate_error(values.clone(), 1.0), Some((40.0f64 / 39.0 / 40.0).sqrt()));
        assert_eq!(rate_error(values, 4.0), Some((40.0f64 / 39.0 / 40.0).sqrt() / 4.0));
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(rate_error((0..19).map(f64::from), 1.0), None);
        assert_eq!(ratio_error((0..100).map(|_| (0.0, 0.0))), None);
        assert_eq!(rate_error((0..100).map(|_| 7.0), 1.0), Some(0.0));
    }

    #[test]
    fn a_ratio_that_is_the_same_in_every_batch_has_no_error() {
        let error = ratio_error((1..=40).map(|x| (3.0 * f64::from(x), f64::from(x)))).unwrap();
        assert!(error < 1e-12, "{error}");
    }

    /// The mean of an AR(1) series x[i+1] = φ x[i] + e has variance σ²(e) / (n (1 − φ)²), for long series.
    #[test]
    fn the_error_of_a_correlated_series_is_found() {
        for phi in [0.0, 0.5, 0.9] {
            let n = 4000;
            let mut told = 0.0;
            let mut means = Vec::new();
            for seed in 0..60 {
                let mut x = 0.0;
                let mut values = Vec::new();
                for i in 0..n {
                    x = phi * x + noise(seed, i) - 0.5;
                    values.push(x);
                }
                means.push(values.iter().sum::<f64>() / n as f64);
                told += rate_error(values.into_iter(), 1.0).unwrap() / 60.0;
            }
            let truth = (1.0f64 / 12.0 / n as f64).sqrt() / (1.0 - phi);
            assert!((told / truth - 1.0).abs() < 0.12, "phi {phi}: told {told}, in theory {truth}");
            let spread = (means.iter().map(|mean| mean * mean).sum::<f64>() / 60.0).sqrt();
            assert!((told / spread - 1.0).abs() < 0.25, "phi {phi}: told {told}, over seeds {spread}");
        }
    }

    #[test]
    fn an_interval_of_two_errors_has_the_mean_most_of_the_time() {
        let (mut inside, seeds) = (0, 400);
        for seed in 0..seeds {
            let mut x = 0.0;
            let values: Vec<f64> = (0..1000)
                .map(|i| {
                    x = 0.8 * x + noise(seed, i) - 0.5;
                    x
                })
                .collect();
            let mean = values.iter().sum::<f64>() / 1000.0;
            inside += u32::from(mean.abs() < 1.96 * rate_error(values.into_iter(), 1.0).unwrap());
        }
        let share = f64::from(inside) / seeds as f64;
        assert!((0.90..=0.98).contains(&share), "{share}");
    }
}
