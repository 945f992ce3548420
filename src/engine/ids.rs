//! Dense identifiers. They order things inside one run and never reach a random number: names do that.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl $name {
            /// The position in a `Vec` indexed by this id.
            pub fn index(self) -> usize {
                self.0 as usize
            }
            /// The id at a position.
            pub fn at(index: usize) -> Self {
                $name(<$inner>::try_from(index).expect("ids fit their type: plans are bounded at load"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }
    };
}

id!(
    /// One process: a replica, an instance of a service, a population of clients.
    ProcessId(u32), "p"
);
id!(
    /// One machine: clock, disk and power, carrying one or more processes.
    HostId(u32), "h"
);
id!(
    /// One named component or client population: all its processes together. Members have consecutive process ids.
    GroupId(u16), "g"
);
id!(
    /// One kind of call: a caller group, a callee group and the policy between them.
    EdgeId(u16), "e"
);
id!(
    /// One flow of the plan.
    FlowId(u16), "f"
);
id!(
    /// One key set of the plan.
    KeysId(u16), "k"
);
id!(
    /// One zone of one region.
    ZoneId(u16), "z"
);
id!(
    /// One operation name that clients ask for (`read`, `write`, `checkout`, `get`).
    OperationId(u16), "o"
);
