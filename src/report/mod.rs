//! The only place that draws or formats.
//!
//! Data in, text out. Nothing here runs a simulation or reads a clock, so equal data give equal bytes.

pub mod axis;
pub mod curve;
pub mod number;
pub mod place;
pub mod svg;
pub mod theme;
