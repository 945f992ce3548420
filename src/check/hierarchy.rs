//! Which models held, which is the strongest, and where it stands.
//!
//! The edges are those of non-transactional models at <https://jepsen.io/consistency> (also in Elle's
//! `consistency_model.clj`), after Viotti and Vukolić, Consistency in non-transactional distributed storage systems, ACM
//! Computing Surveys 49(1), 2016; availability after Bailis et al., Highly available transactions, PVLDB 7(3), 2013.

use super::linearizable::Engine;
use super::property::{Property, judge_with};
use super::verdict::{Steps, Verdict};
use super::view::View;
use super::weak::has_ties;

/// The models, each before everything that it implies.
pub const MODELS: [Property; 8] = [
    Property::Linearizable,
    Property::Sequential,
    Property::Causal,
    Property::WritesFollowReads,
    Property::Pram,
    Property::MonotonicReads,
    Property::MonotonicWrites,
    Property::ReadYourWrites,
];

/// Which model implies which, without the steps between.
pub const IMPLIES: [(Property, Property); 7] = [
    (Property::Linearizable, Property::Sequential),
    (Property::Sequential, Property::Causal),
    (Property::Causal, Property::WritesFollowReads),
    (Property::Causal, Property::Pram),
    (Property::Pram, Property::MonotonicReads),
    (Property::Pram, Property::MonotonicWrites),
    (Property::Pram, Property::ReadYourWrites),
];

/// What a system that keeps a model can still do when messages are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Some requests cannot be answered during a partition.
    Unavailable,
    /// Every request can be answered as long as clients stay with the same server.
    Sticky,
    /// Every request can be answered by any server.
    Total,
}

impl Availability {
    /// Of a system that keeps this model.
    pub fn of(model: Property) -> Availability {
        match model {
            Property::Linearizable | Property::Sequential => Availability::Unavailable,
            Property::Causal | Property::Pram | Property::ReadYourWrites => Availability::Sticky,
            _ => Availability::Total,
        }
    }

    /// In a few words.
    pub fn sentence(self) -> &'static str {
        match self {
            Availability::Unavailable => "no system can keep it and answer everybody during a partition",
            Availability::Sticky => "a system can keep it during a partition if clients stay with their server",
            Availability::Total => "a system can keep it during any partition",
        }
    }
}

/// Whether a model implies another, by one step or several; every model implies itself.
pub fn implies(stronger: Property, weaker: Property) -> bool {
    stronger == weaker || IMPLIES.iter().any(|&(from, to)| from == stronger && implies(to, weaker))
}

/// The verdicts on all models, closed under implication.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Each model's verdict, in the order of [`MODELS`].
    pub verdicts: Vec<(Property, Verdict)>,
}

impl Standing {
    /// The models that held and that no other that held implies.
    pub fn strongest(&self) -> Vec<Property> {
        let held = |model: Property| self.of(model) == Some(&Verdict::Holds);
        let implied =
            |model: Property| MODELS.iter().any(|&other| other != model && held(other) && implies(other, model));
        MODELS.into_iter().filter(|&model| held(model) && !implied(model)).collect()
    }

    /// The models that failed and that imply no other that failed.
    pub fn weakest_violated(&self) -> Vec<Property> {
        let failed = |model: Property| self.of(model).is_some_and(Verdict::is_violated);
        let implies_failed =
            |model: Property| MODELS.iter().any(|&other| other != model && failed(other) && implies(model, other));
        MODELS.into_iter().filter(|&model| failed(model) && !implies_failed(model)).collect()
    }

    /// The verdict on a model.
    pub fn of(&self, model: Property) -> Option<&Verdict> {
        self.verdicts.iter().find(|(of, _)| *of == model).map(|(_, verdict)| verdict)
    }

    /// The strongest models in words: `causal`, `monotonic_reads and read_your_writes`, `none`.
    pub fn word(&self) -> String {
        let names: Vec<&str> = self.strongest().into_iter().map(Property::name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(" and ") }
    }
}

/// Judges all models. What holds up the hierarchy settles what is below, what is violated below settles what is above.
pub fn standing(view: &View<'_>, budget: Steps) -> Standing {
    let mut verdicts: Vec<(Property, Verdict)> = Vec::new();
    let ties = has_ties(view);
    for model in MODELS {
        let settled = verdicts.iter().any(|(above, verdict)| {
            let closed = *above != Property::Linearizable || !ties;
            closed && *verdict == Verdict::Holds && implies(*above, model)
        });
        let verdict = if settled { Verdict::Holds } else { judge_with(view, model, Engine::Fastest, budget) };
        verdicts.push((model, verdict));
    }
    // Linearizable by closed intervals, but a process that went on at the very instant of its last answer was led
    // backwards: its own order binds it.
    for at in (0..MODELS.len()).rev() {
        let below = verdicts[at + 1..].iter().find(|(other, verdict)| {
            implies(MODELS[at], *other) && verdict.is_violated() && !verdicts[at].1.is_violated()
        });
        if let Some((_, verdict)) = below {
            let verdict = verdict.clone();
            verdicts[at].1 = verdict;
        }
    }
    Standing { verdicts }
}
