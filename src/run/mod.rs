//! Plan to outcome: build, drive, explain, sweep.
