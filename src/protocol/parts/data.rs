//! Which operations replicated machines carry out.

use crate::rpc::Verb;

/// Whether this is an operation on data that a replicated machine carries out.
pub fn carries(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Read
            | Verb::Write
            | Verb::CompareAndSet
            | Verb::Delete
            | Verb::Add
            | Verb::Append
            | Verb::Scan
            | Verb::SetAdd
            | Verb::SetRemove
            | Verb::SetContains
    )
}
