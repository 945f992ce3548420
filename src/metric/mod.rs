//! Counters, histograms and series that the world fills; integers, no formatting.
