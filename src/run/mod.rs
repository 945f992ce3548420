//! Plan to outcome: build, drive, judge, sweep.

mod bisect;
mod bugs;
mod build;
mod caches;
mod classify;
mod consistency;
mod counted;
mod judge;
mod leaders;
mod many;
mod members;
mod outcome;
mod phases;
mod pooled;
mod scaled;
mod session;
mod statistics;
mod sweep;

pub use bisect::{NoThreshold, Threshold, bisect, thresholds};
pub use bugs::{Hunted, STOCK, Stock, Violation, hunt, planted};
pub use build::{Member, build, build_with, frame};
pub use classify::{Served, cap_word, pacelc_word, served};
pub use judge::{Judged, judge, value};
pub use many::{ManyStopped, Seeded, Verdicts, play_seeds};
pub use members::{Learning, News, learning};
pub use outcome::{Exemplar, Outcome, SecondPass, Stopped, Why, explain, finish, play, play_with, watch};
pub use pooled::{Pooled, Spread, pooled};
pub use session::{Progress, Run, play_all};
pub use sweep::{Job, Sample, sweep};
