//! What callers and callees share: operations, answers, client policy, balancing.

pub mod op;
pub mod policy;

pub use op::{Answer, Call, Cause, Consistency, Op, Outcome, Requester, Token, Verb};
pub use policy::Policy;
