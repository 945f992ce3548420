//! One least-recently-used cache under independent references.

use crate::validate::check::Check;
use crate::validate::experiment::{Effort, Experiment, group};
use crate::validate::oracle;
use crate::validate::rows::{Malformed, Row};
use crate::validate::{Checks, Family};
use crate::world::Counted;

pub(super) const FAMILY: Family = Family {
    name: "lru_che",
    model: "exact LRU, references i^-θ",
    parts: "cache that reads through to a store, key sets, clients",
    source: "King 1971 (LRU), MC",
    table: include_str!("../data/lru_che.csv"),
    results: &["lru_hit_che", "static_optimal_hit", "lru_hit_mc", "se"],
    oracle: None,
    measure,
};

/// References a second.
const RATE: f64 = 1000.0;

fn measure(row: &Row, effort: Effort) -> Checks {
    let items = row.whole("n_items", 1, 1_000_000)?;
    let theta = row.number("zipf_theta")?;
    let room = row.whole("cache_items", 1, items)?;
    if !(0.0..=10.0).contains(&theta) {
        return Err(Malformed(format!("zipf_theta = {theta}: it must lie in 0..10")));
    }
    let body = format!(
        "[store.origin]\n[cache.shelf]\nbacking = \"origin\"\nread_mode = \"through\"\nsize = {room}\neviction = \"lru\"\n\
         [keys.books]\ncount = {items}\npopularity = \"zipf({theta})\"\n\
         [clients.readers]\nrate = \"{RATE}/s\"\ntarget = \"shelf\"\nkeys = \"books\"\nmix = {{ read = \"100%\" }}\n"
    );
    // What an LRU cache holds depends on the references since it could have been filled anew: twice as many warm it, and
    // they are the first tenth of the run.
    let (all, _) = oracle::zeta(items, theta, 1);
    let shares: Vec<f64> = (1..=items).map(|i| libm::pow(i as f64, -theta) / all).collect();
    let seen = |references: f64| shares.iter().map(|p| -libm::expm1(-references * p)).sum::<f64>();
    let missing = |references: f64| room as f64 - seen(references);
    let filled = oracle::bisect(missing).min(2e5);
    let mut experiment = Experiment::new(body, (800.0 * effort.scale).max(18.0 * filled / RATE));
    (experiment.runs, experiment.batches) = (1, 100);
    let runs = experiment.play(effort)?;
    let hits = runs.ratio(|run, batch| {
        let counts = &group(run, "shelf").counts;
        let count = |what: Counted| counts.get(&what).map_or(0, |c| c.count(batch)) as f64;
        (count(Counted::CacheHit), count(Counted::CacheHit) + count(Counted::CacheMiss))
    });
    let own = row.figure("se").map_or(0.0, |f| f.value);
    let check = |e| Check { expected_error: own, ..Check::statistic("lru_hit_mc", e, hits) };
    Ok(row.figure("lru_hit_mc").into_iter().map(check).collect())
}
