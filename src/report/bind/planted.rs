//! Which bugs are planted in the stores of a run: a scenario that is made to show them plants none by itself.

use super::Design;
use crate::run::{STOCK, Stock, planted};
use crate::scenario::Plan;

/// So many names are given as examples.
const EXAMPLES: usize = 3;

/// The remark on the first screen: what is planted, or that nothing is where the scenario is about bugs.
pub(super) fn remark(designs: &[Design<'_>], source: &str) -> Option<String> {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for design in designs {
        for sentence in bugs(&design.run.outcome.plan) {
            match told.iter_mut().find(|(known, _)| *known == sentence) {
                Some((_, names)) => names.push(design.name()),
                None => told.push((sentence, vec![design.name()])),
            }
        }
    }
    if told.is_empty() {
        return STOCK.iter().find(|stock| source.ends_with(stock.file)).map(none);
    }
    let with = |(sentence, names): (String, Vec<&str>)| match names.len() == designs.len() {
        true => sentence,
        false => format!("{sentence} ({})", names.join(", ")),
    };
    Some(told.into_iter().map(with).collect::<Vec<_>>().join("; "))
}

fn none(stock: &Stock) -> String {
    let names: Vec<String> =
        planted(stock.protocol).iter().take(EXAMPLES).map(|bug| format!("`{}`", bug.name)).collect();
    let first = planted(stock.protocol).first().map_or("", |bug| bug.name);
    format!(
        "nothing, no rule is left out. `--set 'store.kv.bugs=[\"{first}\"]'` leaves one out; `netsplit bugs` tries them all: \
         {}{}. A design that is named after one is the attack under which it shows.",
        names.join(", "),
        if planted(stock.protocol).len() > EXAMPLES { " and more" } else { "" }
    )
}

/// `no_sessions in kv: a request that is sent again takes effect again`, for each bug of each store.
fn bugs(plan: &Plan) -> Vec<String> {
    let stores = plan.tree.get("store").and_then(toml::Value::as_table);
    let of = |(store, keys): (&String, &toml::Value)| {
        let protocol =
            keys.get("replication").and_then(toml::Value::as_table).and_then(|one| one.keys().next().cloned());
        let known = protocol.map_or(&[][..], |protocol| planted(&protocol));
        let names = keys.get("bugs").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        let sentence = |name: &toml::Value| {
            let name = name.as_str()?;
            let what = known.iter().find(|bug| bug.name == name).map_or("", |bug| bug.what);
            Some(format!("`{name}` in {store}: {what}"))
        };
        names.iter().filter_map(sentence).collect::<Vec<_>>()
    };
    stores.into_iter().flatten().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;
    use crate::spec::Sources;

    fn plan(bugs: &str) -> Plan {
        let stock = STOCK.iter().find(|stock| stock.protocol == "chain").expect("it is one");
        let text = stock.text.replace("[store.kv]", &format!("[store.kv]\nbugs = {bugs}"));
        let (plan, diagnostics) =
            scenario::load(&Sources::new("chain.toml", text.clone()), None, Some(1), &|_| Err("none".into()));
        plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&Sources::new("chain.toml", text))))
    }

    #[test]
    fn what_is_planted_is_said() {
        assert!(bugs(&plan("[]")).is_empty());
        let told = bugs(&plan("[\"dirty_reads\"]"));
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("`dirty_reads` in kv: a server answers queries"), "{told:?}");
    }

    #[test]
    fn a_scenario_about_bugs_says_that_none_is_planted() {
        assert!(remark(&[], "scenarios/basics/first.toml").is_none());
        let told = remark(&[], "scenarios/bugs/raft.toml").expect("it is one");
        assert!(told.starts_with("nothing, no rule is left out.") && told.contains("vote_not_persisted"), "{told}");
    }
}
