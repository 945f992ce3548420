//! The expectation grammar: comparisons of metrics, and properties.
