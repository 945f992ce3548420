//! The only place that draws or formats.
//!
//! Data in, text out: a [`figure`] is a plain struct of labels and numbers that renders to an SVG, a [`page::Page`]
//! puts figures, tables and sentences into one offline HTML file. Nothing here runs a simulation or reads a clock, so
//! equal figures give equal bytes.

pub mod answer;
pub mod axis;
pub mod best;
pub mod bind;
pub mod bisected;
pub mod bottleneck;
pub mod broken_axis;
pub mod compare;
pub mod counterexample;
pub mod curve;
pub mod data;
mod devices;
pub mod event_axis;
pub mod figure;
pub mod folder;
pub mod headline;
pub mod kept;
pub mod measure;
pub mod number;
pub mod page;
pub mod place;
pub mod seeds;
pub mod summary;
pub mod svg;
pub mod sweep;
mod sweep_course;
pub mod text;
pub mod theme;
pub mod told;
pub mod verdict;
pub mod wording;
pub mod write;

pub use folder::write_all;
