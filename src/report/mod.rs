//! The only place that draws or formats.
