//! Every property that a history alone can be judged by, under the names that scenarios and the command line use.

use super::linearizable::{Engine, linearizable};
use super::verdict::{Steps, Verdict};
use super::view::View;
use crate::history::{History, ObjectId};

/// A property of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// Every operation takes effect at one moment between its invocation and its completion.
    Linearizable,
}

impl Property {
    /// Every property.
    pub const ALL: [Property; 1] = [Property::Linearizable];

    /// As scenarios and the command line write it.
    pub fn name(self) -> &'static str {
        match self {
            Property::Linearizable => "linearizable",
        }
    }

    /// The property of that name.
    pub fn named(name: &str) -> Option<Property> {
        Property::ALL.into_iter().find(|property| property.name() == name)
    }
}

/// Judges one property of one object, or of all objects together if none is named.
pub fn judge(history: &History, object: Option<ObjectId>, property: Property, budget: Steps) -> Verdict {
    match property {
        Property::Linearizable => linearizable(&View::new(history, object), Engine::Fastest, budget),
    }
}
