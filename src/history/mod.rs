//! What clients saw: operations ok, refused, failed or unknown in closed intervals, and observations; import, export.
//!
//! Whoever records calls [`History::invoke`] when an operation is sent and [`History::complete`] when its answer comes.
//! An operation that is never completed has an unknown outcome: a timeout is no failure, it may take effect later or
//! never. Facts that no client sees (final states, leaders, deliveries) are [`Observation`]s beside the operations, so
//! that the verdict on every property can be repeated from the history file alone.

mod edn;
#[expect(clippy::module_inception, reason = "the type History is what this folder is about")]
mod history;
mod intern;
mod kind;
mod observation;
mod op;
mod recorder;
mod tokens;

pub mod io;
pub mod jsonl;

pub(crate) use edn::shown;
pub use history::{History, Invocation, TimeUnit};
pub use kind::Kind;
pub use observation::{NameId, Observation};
pub use op::{Function, ObjectId, OpIndex, Operation, Status};
