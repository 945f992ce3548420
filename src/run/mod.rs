//! Plan to outcome: build, drive, judge, sweep.

mod build;
mod judge;
mod outcome;
mod phases;

pub use build::{Member, build, build_with, frame};
pub use judge::{Judged, judge, value};
pub use outcome::{Outcome, Stopped, explain, finish, play, play_with};
