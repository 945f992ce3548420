//! What callers and callees share: operations, answers, client policy, balancing.

pub mod backoff;
pub mod balance;
pub mod breaker;
pub mod bucket;
pub mod calls;
mod due;
pub mod edge;
pub mod latency;
pub mod limit;
pub mod op;
pub mod policy;
pub mod step;

pub use calls::Calls;
pub use edge::{Callee, Connections, EdgeSpec, Outlier};
pub use op::{Answer, Call, Cause, Consistency, Op, Outcome, Requester, Token, Verb};
pub use policy::Policy;
pub use step::{Counted, Ended, Step, Wake};
