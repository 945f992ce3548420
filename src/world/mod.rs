//! Where processes meet physics; the only interpreter of effects.

pub mod about;
mod check;
pub mod control;
mod divergence;
mod effects;
mod event;
mod faults;
mod inbox;
mod kernel;
pub mod meters;
pub mod out;
mod plight;
pub mod process;
mod record;
mod requests;
mod roster;
mod scaler;
mod settings;
pub mod setup;
pub mod state_machine;
pub mod trace;
pub mod usage;
mod watch;

pub use about::{About, Part};
pub use control::{Acted, ClockFault, Control, Gray, Passage, Power, Scheduled, Setting, Side, Target, When};
pub use divergence::fingerprints;
pub use kernel::{Finished, World};
pub use meters::{EdgeMeters, Example, GroupMeters, Levels, MemberMeters, Meters};
pub use out::{Counted, Effect, Env, Level, Meter, Out, Point, Sink};
pub use process::{Held, Message, Never, Process, Role};
pub use record::function;
pub use scaler::{Busy, Scaled, Scaling, Signal};
pub use setup::{GroupKind, GroupSetup, HostSetup, ServiceTime, Setup};
pub use state_machine::StateMachine;
pub use trace::{Focus, Trace, TraceEvent, Work};
pub use usage::Usage;
