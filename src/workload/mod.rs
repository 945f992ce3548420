//! Who asks what, when: a population is one process of dense rows.

pub mod clients;
pub mod keys;
pub mod rate;

pub use clients::{Action, Clients, ClientsPlan, MixEntry, Pattern};
pub use keys::{KeySampler, Popularity};
pub use rate::{Arrivals, Rate};
