//! Distributions as data, and how to draw from them over `libm` only.

use std::sync::Arc;

/// A distribution of any quantity, in that quantity's base unit (ns for durations, bytes for sizes), clipped.
#[derive(Clone, Debug, PartialEq)]
pub struct Dist {
    /// What is drawn before clipping.
    pub shape: Shape,
    /// Draws below are raised to it.
    pub min: Option<f64>,
    /// Draws above are lowered to it.
    pub max: Option<f64>,
}

/// The shapes of the scenario language (FORMAT, "distribution").
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Always this.
    Constant(f64),
    /// Uniform between two values.
    Uniform(f64, f64),
    /// Exponential with this mean.
    Exponential(f64),
    /// Normal: mean, standard deviation.
    Normal(f64, f64),
    /// exp(Normal(mu, sigma)).
    Lognormal(f64, f64),
    /// Pareto: smallest value, tail index.
    Pareto(f64, f64),
    /// Sum of k exponentials with this total mean.
    Erlang(u32, f64),
    /// One of several, by weight (weights add up to 1).
    Mix(Arc<[(f64, Dist)]>),
    /// One of these samples, uniformly.
    Empirical(Arc<[f64]>),
}

impl Dist {
    /// Not clipped.
    pub fn new(shape: Shape) -> Dist {
        Dist { shape, min: None, max: None }
    }
    /// Always `value`.
    pub fn constant(value: f64) -> Dist {
        Dist::new(Shape::Constant(value))
    }
    /// Exponential with this mean.
    pub fn exponential(mean: f64) -> Dist {
        Dist::new(Shape::Exponential(mean))
    }
}
