//! The messages behind a counter-example: the run is played again, and what its replicas said about the key while the
//! operations were under way is drawn.

use std::collections::BTreeSet;

use crate::engine::{Instant, ProcessId};
use crate::report::figure::Witness;
use crate::report::figure::space_time::{Call, Replica, Sent, SpaceTime};
use crate::report::figure::witness::Place;
use crate::run::{Outcome, watch};
use crate::scenario::{Kind, Plan};
use crate::world::{Control, TraceEvent};

/// More messages than these nobody follows.
const MESSAGES_MAX: usize = 60;
/// A run of more events is not played again for a picture.
const EVENTS_MAX: u64 = 30_000_000;

/// A message as it was kept.
struct Kept {
    at: Instant,
    from: ProcessId,
    to: ProcessId,
    name: &'static str,
    text: String,
    arrives: Option<Instant>,
}

/// What a picture is about.
pub(super) struct Topic<'a> {
    /// The key.
    pub(super) key: u64,
    /// Values and the short names they go by.
    pub(super) values: &'a [(String, String)],
    /// From an invocation to its completion.
    pub(super) windows: Vec<(Instant, Instant)>,
}

/// The messages of the first replicated store around an example; nothing if none of them is about its key.
pub(super) fn figure(outcome: &Outcome, example: &Witness, topic: &Topic<'_>) -> Option<SpaceTime> {
    let plan = &outcome.plan;
    if outcome.events > EVENTS_MAX {
        return None;
    }
    let store = plan.components.iter().position(|c| matches!(c.kind, Kind::Store(Some(_))))?;
    let first = plan.components[..store].iter().map(|c| c.hosts.len()).sum::<usize>();
    let count = plan.components[store].hosts.len();
    let row = |process: ProcessId| process.index().checked_sub(first).filter(|r| *r < count);
    let trace = watch(outcome, topic.windows.clone()).ok()?;
    let kept = trace.events.into_iter().filter_map(|event| match event {
        TraceEvent::Message { at, from, to, name, text, arrives } if row(from).is_some() && row(to).is_some() => {
            Some(Kept { at, from, to, name, text, arrives })
        }
        _ => None,
    });
    let about = about(kept.collect(), topic);
    let (cut, sides) = sides(plan, first, count, &topic.windows);
    // Replicas of one side stand together.
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|r| (sides[*r], *r));
    let place = |r: usize| order.iter().position(|other| *other == r).unwrap_or(r);
    let name = &plan.components[store].name;
    let messages: Vec<Sent> = about
        .iter()
        .take(MESSAGES_MAX)
        .filter_map(|m| {
            let (from, to) = (place(row(m.from)?), place(row(m.to)?));
            Some(Sent { from, to, at: m.at, arrives: m.arrives, words: words(m, topic) })
        })
        .collect();
    if messages.is_empty() {
        return None;
    }
    let calls = example.bars.iter().map(|bar| Call {
        client: bar.client.clone(),
        words: bar.words.clone(),
        from: bar.from,
        until: bar.until,
        nowhere: bar.place == Place::Nowhere,
    });
    Some(SpaceTime {
        title: "The messages behind it".to_owned(),
        calls: calls.collect(),
        replicas: order.iter().map(|r| Replica { name: format!("{name}/{r}"), side: sides[*r] }).collect(),
        cut,
        left_out: about.len().saturating_sub(messages.len()) as u64,
        messages,
    })
}

/// Those that name the key or one of the values, and what was said in answer to them under the number they gave.
fn about(all: Vec<Kept>, topic: &Topic<'_>) -> Vec<Kept> {
    let key = topic.key.to_string();
    let mut asked: BTreeSet<(ProcessId, String)> = BTreeSet::new();
    let mut taken = Vec::new();
    for message in all {
        let of = field(&message.text, "of: ").map(str::to_owned);
        let names = field(&message.text, "key: ") == Some(key.as_str());
        let value = || topic.values.iter().any(|(value, _)| message.text.contains(value.as_str()));
        let answers = || of.as_ref().is_some_and(|of| asked.contains(&(message.to, of.clone())));
        if names || value() || answers() {
            if let Some(of) = of.filter(|_| names) {
                asked.insert((message.from, of));
            }
            taken.push(message);
        }
    }
    taken
}

/// The digits behind a label.
fn field<'t>(text: &'t str, label: &str) -> Option<&'t str> {
    let rest = &text[text.find(label)? + label.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The name of a message and the values in it.
fn words(message: &Kept, topic: &Topic<'_>) -> String {
    let named = topic.values.iter().filter(|(value, _)| message.text.contains(value.as_str()));
    named.fold(message.name.to_owned(), |words, (_, short)| format!("{words} {short}"))
}

/// The side of every replica in the first cut of the plan, and that cut's name if it fell into one of the windows.
/// Without a cut, sides are zones.
fn sides(plan: &Plan, first: usize, count: usize, windows: &[(Instant, Instant)]) -> (Option<String>, Vec<usize>) {
    let cut = plan.schedule.iter().find_map(|s| match &s.control {
        Control::Cut { from, .. } if from.roles.is_empty() && !from.processes.is_empty() => {
            Some((usize::from(s.fault), from))
        }
        _ => None,
    });
    let Some((fault, from)) = cut else {
        let store = plan.components.iter().find(|c| matches!(c.kind, Kind::Store(Some(_))));
        let zones = store.map_or_else(Vec::new, |s| s.hosts.iter().map(|h| h.place.zone.index()).collect());
        return (None, zones);
    };
    let sides = (first..first + count).map(|p| usize::from(from.processes.contains(&ProcessId::at(p)) == from.rest));
    let meets = |(a, b): &(Instant, Instant)| windows.iter().any(|(from, to)| a < to && from < b);
    let fault = plan.faults.get(fault).filter(|f| f.windows.iter().any(meets));
    (fault.map(|f| f.name.clone()), sides.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(from: usize, to: usize, text: &str) -> Kept {
        let (from, to) = (ProcessId::at(from), ProcessId::at(to));
        Kept { at: Instant::ZERO, from, to, name: "Fetch", text: text.to_owned(), arrives: None }
    }

    #[test]
    fn an_answer_is_known_by_the_number_of_what_it_answers() {
        let topic = Topic { key: 73, values: &[("12345678".into(), "v1".into())], windows: Vec::new() };
        let all = vec![
            kept(0, 1, "Fetch { of: 5, key: 73 }"),
            kept(0, 1, "Fetch { of: 6, key: 734 }"),
            kept(1, 0, "Stored { of: 5, home: 1 }"),
            kept(1, 0, "Stored { of: 6, home: 1 }"),
            kept(1, 2, "Stored { of: 5, home: 1 }"),
            kept(2, 0, "Fetched { of: 9, object: 12345678 }"),
        ];
        let taken: Vec<String> = about(all, &topic).into_iter().map(|m| m.text).collect();
        assert_eq!(
            taken,
            ["Fetch { of: 5, key: 73 }", "Stored { of: 5, home: 1 }", "Fetched { of: 9, object: 12345678 }"]
        );
    }
}
