//! Closed forms, so that parameters that stand in no table can be tried as well.

/// Erlang's C formula: (probability that all `servers` are busy, probability that nobody is there), at the offered load
/// `a` = λ/μ below `servers` (Erlang 1917; Kleinrock 1975, §3.5).
pub(super) fn erlang_c(servers: u32, a: f64) -> (f64, f64) {
    let c = f64::from(servers);
    let b = erlang_b(servers, a);
    let wait = b / (1.0 - a / c * (1.0 - b));
    // 1/P0 = Σ aⁿ/n! (n < c) + aᶜ/c!·1/(1 − a/c), scaled by its largest term so that c = 1000 doesn't overflow.
    let log = |n: f64| n * libm::log(a) - libm::lgamma(n + 1.0);
    let sum: f64 = (0..servers).map(|n| libm::exp(log(f64::from(n)) - a)).sum();
    let p0 = libm::exp(-a) / (sum + libm::exp(log(c) - a) / (1.0 - a / c));
    (wait, p0)
}

/// Erlang's B formula by its recursion: the share of calls lost by `servers` at the offered load `a`.
pub(super) fn erlang_b(servers: u32, a: f64) -> f64 {
    (1..=servers).fold(1.0, |b, n| a * b / (f64::from(n) + a * b))
}

/// The time that a share `q` of requests exceeds in M/M/c with rate 1: P(T > t) = e^−t (1 + C (1 − e^{−t(c−1−a)})/(c−1−a)).
pub(super) fn mmc_sojourn_above(servers: u32, a: f64, q: f64) -> f64 {
    let (wait, _) = erlang_c(servers, a);
    let k = f64::from(servers) - 1.0 - a;
    let above = |t: f64| {
        let extra = if k.abs() < 1e-9 { t } else { -libm::expm1(-t * k) / k };
        libm::exp(-t) * (1.0 + wait * extra)
    };
    bisect(|t| above(t) - q)
}

/// The wait that a share `q` of requests exceeds in M/M/c with rate 1.
pub(super) fn mmc_wait_above(servers: u32, a: f64, q: f64) -> f64 {
    let (wait, _) = erlang_c(servers, a);
    if wait <= q { 0.0 } else { libm::log(wait / q) / (f64::from(servers) - a) }
}

/// Probabilities of 0..=K in M/M/1/K at load `rho`.
pub(super) fn mm1k(places: u32, rho: f64) -> Vec<f64> {
    let weights: Vec<f64> = (0..=places).map(|n| libm::pow(rho, f64::from(n))).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|w| w / total).collect()
}

/// Exact mean value analysis of single FIFO servers in series with demands `d` and a think time: (X, R) with `n` clients
/// (Reiser and Lavenberg 1980).
pub(super) fn mva(d: &[f64], think: f64, n: u32) -> (f64, f64) {
    let mut queues = vec![0.0; d.len()];
    let (mut x, mut r) = (0.0, 0.0);
    for clients in 1..=n {
        let times: Vec<f64> = d.iter().zip(&queues).map(|(d, q)| d * (1.0 + q)).collect();
        r = times.iter().sum();
        x = f64::from(clients) / (r + think);
        queues = times.iter().map(|t| x * t).collect();
    }
    (x, r)
}

/// The mean of the `k`-th smallest of `n` exponentials of mean 1: Σ 1/(n − i), i < k (Rényi 1953).
pub(super) fn kth_smallest(n: u32, k: u32) -> f64 {
    (0..k).map(|i| 1.0 / f64::from(n - i)).sum()
}

/// P(X ≥ k) of a binomial.
pub(super) fn binomial_at_least(n: u32, k: u32, p: f64) -> f64 {
    let log_choose =
        |j: f64| libm::lgamma(f64::from(n) + 1.0) - libm::lgamma(j + 1.0) - libm::lgamma(f64::from(n) - j + 1.0);
    let term = |j: u32| {
        let j = f64::from(j);
        // 0·log 0 is 0 here.
        let part = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count * libm::log(p) };
        libm::exp(log_choose(j) + part(j, p) + part(f64::from(n) - j, 1.0 - p))
    };
    (k..=n).map(term).sum()
}

/// ζ(n, θ) = Σ i^−θ, i = 1..n, and the sum's first `top` terms.
pub(super) fn zeta(n: u64, theta: f64, top: u64) -> (f64, f64) {
    let mut sum = 0.0;
    let mut head = 0.0;
    // From the small end, so that no digits are lost.
    for i in (1..=n).rev() {
        let term = libm::pow(i as f64, -theta);
        sum += term;
        if i <= top {
            head += term;
        }
    }
    (sum, head)
}

/// Where a falling function crosses zero, above 0.
pub(super) fn bisect(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while f(high) > 0.0 && high < 1e12 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = (low + high) / 2.0;
        if f(middle) > 0.0 { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}
