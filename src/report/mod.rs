//! The only place that draws or formats.

pub mod data;
pub mod summary;
pub mod text;
pub mod write;
