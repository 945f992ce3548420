//! Means over seeds, and the quantiles that make intervals of them. Deterministic: `libm` only.

/// A mean over independent runs, with how far it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Across {
    /// How many runs.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation; `None` for one run.
    pub standard_deviation: Option<f64>,
}

impl Across {
    /// Of one value per run, in a fixed order. `None` for no runs.
    pub fn of(values: &[f64]) -> Option<Across> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        let standard_deviation = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Some(Across { n: values.len(), mean, standard_deviation })
    }

    /// The standard error of the mean.
    pub fn standard_error(&self) -> Option<f64> {
        Some(self.standard_deviation? / (self.n as f64).sqrt())
    }

    /// Half the width of the 95% interval of the mean, by Student's t.
    pub fn half_width_95(&self) -> Option<f64> {
        Some(self.standard_error()? * t_quantile(0.975, (self.n - 1) as f64))
    }
}

/// The standard normal distribution function.
pub fn normal_distribution(x: f64) -> f64 {
    libm::erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// The value below which a standard normal lies with probability `p`; infinite at 0 and 1.
pub fn normal_quantile(p: f64) -> f64 {
    quantile(p, normal_distribution)
}

/// The distribution function of Student's t with `degrees` degrees of freedom (Abramowitz & Stegun 26.7.1).
pub fn t_distribution(t: f64, degrees: f64) -> f64 {
    let tail = incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5) / 2.0;
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The value below which Student's t with `degrees` degrees of freedom lies with probability `p`.
pub fn t_quantile(p: f64, degrees: f64) -> f64 {
    quantile(p, |t| t_distribution(t, degrees))
}

/// The interval in which a share lies with 95% confidence, from `hits` of `n` (Wilson 1927): right near 0 and 1 too.
pub fn share_interval_95(hits: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let z = 1.959_963_984_540_054;
    let (count, share) = (n as f64, hits as f64 / n as f64);
    let centre = share + z * z / (2.0 * count);
    let half = z * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
    let scale = 1.0 + z * z / count;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

/// By halving. Symmetric, so that only the lower half is searched, where a tail isn't lost beside 1.
fn quantile(p: f64, distribution: impl Fn(f64) -> f64) -> f64 {
    if p.is_nan() || p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 {
            f64::NEG_INFINITY
        } else if p >= 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        };
    }
    if p > 0.5 {
        return -quantile(1.0 - p, distribution);
    }
    let (mut low, mut high) = (-1.0, 0.0);
    while distribution(low) > p && low > -1e300 {
        low *= 2.0;
    }
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if distribution(middle) < p { low = middle } else { high = middle }
    }
    high
}

/// The regularised incomplete beta function, by its continued fraction (Abramowitz & Stegun 26.5.8; Lentz's method).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean; beyond it, use the symmetry.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front =
        libm::exp(libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x)) / a;
    let tiny = 1e-300;
    let nonzero = |value: f64| if value.abs() < tiny { tiny } else { value };
    let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / nonzero(1.0 + coefficient * d);
            c = nonzero(1.0 + coefficient / c);
            step = c * d;
            fraction *= step;
        }
        if (step - 1.0f64).abs() < 1e-15 {
            break;
        }
    }
    front * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64, digits: i32) {
        let tolerance = expected.abs().max(1.0) * libm::pow(10.0, f64::from(-digits));
        assert!((value - expected).abs() <= tolerance, "{value} instead of {expected}");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        close(normal_quantile(0.975), 1.959_963_984_540_054, 12);
        close(normal_quantile(0.5), 0.0, 12);
        close(normal_quantile(0.001), -3.090_232_306_167_813, 12);
        // Abramowitz & Stegun, table 26.10.
        for (degrees, expected) in
            [(1.0, 12.706), (2.0, 4.303), (4.0, 2.776), (9.0, 2.262), (19.0, 2.093), (120.0, 1.980)]
        {
            close((t_quantile(0.975, degrees) * 1000.0).round() / 1000.0, expected, 9);
        }
        close(t_quantile(0.995, 10.0), 3.169_272_672_616_8, 10);
        close(t_quantile(0.975, 1e6), normal_quantile(0.975), 5);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert_eq!(t_quantile(0.0, 3.0), f64::NEG_INFINITY);
        assert!(normal_quantile(f64::NAN).is_nan());
    }

    #[test]
    fn a_mean_over_seeds_has_students_interval() {
        let across = Across::of(&[10.0, 12.0, 14.0, 16.0, 18.0]).unwrap();
        assert_eq!((across.n, across.mean, across.standard_deviation), (5, 14.0, Some(10.0f64.sqrt())));
        close(across.half_width_95().unwrap(), 2.776_445_105 * 2.0f64.sqrt(), 8);
        let alone = Across::of(&[3.0]).unwrap();
        assert_eq!((alone.mean, alone.half_width_95()), (3.0, None));
        assert_eq!(Across::of(&[]), None);
    }

    #[test]
    fn a_share_keeps_an_interval_even_at_nought() {
        let (low, high) = share_interval_95(0, 10);
        assert_eq!(low, 0.0);
        close(high, 0.2775, 4);
        let (low, high) = share_interval_95(50, 100);
        close(low, 0.4038, 4);
        close(high, 0.5962, 4);
        assert_eq!(share_interval_95(0, 0), (0.0, 1.0));
    }
}
