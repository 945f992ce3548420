//! What is said or changed again and again becomes one arrow or one mark with a count, so that a picture has room for
//! what matters.

use std::collections::BTreeMap;

use crate::engine::Instant;
use crate::report::figure::space_time::{Change, Repeats, Sent};

/// Fewer than these are drawn one by one.
const VOLLEY: usize = 3;

/// Of messages from one row to another that say the same one after the other, or that are all lost, the last with their
/// count. The flag of a message stays that of any of them.
pub(super) fn messages(all: Vec<(bool, Sent)>) -> Vec<(bool, Sent)> {
    let verb = |sent: &Sent| sent.words.split(' ').next().unwrap_or("").to_owned();
    // Numbers of the messages that go together, by who says what to whom.
    let mut runs: BTreeMap<(usize, usize, String, bool), Vec<Vec<usize>>> = BTreeMap::new();
    for (i, (_, sent)) in all.iter().enumerate() {
        let lost = sent.arrives.is_none();
        let known = runs.entry((sent.from, sent.to, verb(sent), lost)).or_default();
        match known.last_mut().filter(|run| {
            let last = run.last().map(|last| &all[*last].1);
            last.is_some_and(|last| last.term == sent.term && (lost || last.words == sent.words))
        }) {
            Some(run) => run.push(i),
            None => known.push(vec![i]),
        }
    }
    let mut kept: Vec<Option<(bool, Sent)>> = all.into_iter().map(Some).collect();
    for run in runs.into_values().flatten().filter(|run| run.len() >= VOLLEY) {
        let [first, rest @ .., last] = run.as_slice() else { continue };
        let begun = kept[*first].take();
        let (mut matters, mut since) = (false, None);
        if let Some((flag, sent)) = begun {
            (matters, since) = (flag, Some(sent.at));
        }
        for i in rest {
            matters |= kept[*i].take().is_some_and(|(flag, _)| flag);
        }
        if let (Some((flag, sent)), Some(since)) = (kept[*last].as_mut(), since) {
            *flag |= matters;
            sent.repeats = Some(Repeats { times: run.len() as u32, since });
        }
    }
    kept.into_iter().flatten().collect()
}

/// Of changes of one row between which no message leaves it or gets there, and which leave its rank, the last with
/// their count.
pub(super) fn changes(all: Vec<Change>, messages: &[(bool, Sent)]) -> Vec<Change> {
    let touched = |row: usize, from: Instant, to: Instant| {
        messages.iter().any(|(_, m)| {
            let inside = |at: Instant| from < at && at < to;
            let starts = m.from == row && m.repeats.is_none() && inside(m.at);
            starts || m.to == row && m.arrives.is_some_and(inside)
        })
    };
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut open: BTreeMap<usize, usize> = BTreeMap::new();
    for (i, change) in all.iter().enumerate() {
        let run = open.get(&change.row).copied().filter(|run| {
            let last = runs[*run].last().map(|last| &all[*last]);
            last.is_some_and(|l| l.state.rank == change.state.rank && !touched(change.row, l.at, change.at))
        });
        match run {
            Some(run) => runs[run].push(i),
            None => {
                open.insert(change.row, runs.len());
                runs.push(vec![i]);
            }
        }
    }
    let mut kept: Vec<Option<Change>> = all.into_iter().map(Some).collect();
    for run in runs.into_iter().filter(|run| run.len() >= VOLLEY) {
        let [first, rest @ .., last] = run.as_slice() else { continue };
        let since = kept[*first].take().map(|change| change.at);
        rest.iter().for_each(|i| kept[*i] = None);
        if let (Some(change), Some(since)) = (kept[*last].as_mut(), since) {
            change.repeats = Some(Repeats { times: run.len() as u32, since });
        }
    }
    kept.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::space_time::State;

    fn sent(at: u64, words: &str, arrives: Option<u64>) -> (bool, Sent) {
        let (at, arrives) = (Instant(at), arrives.map(Instant));
        (at == Instant(2), Sent { from: 0, to: 1, at, arrives, words: words.into(), term: None, repeats: None })
    }

    fn change(at: u64, has: &str) -> Change {
        let state = State { has: has.into(), rank: String::new() };
        Change { row: 0, at: Instant(at), state, repeats: None }
    }

    #[test]
    fn heartbeats_and_losses_are_counted_news_are_not() {
        let beats = messages(vec![sent(1, "Beat", Some(2)), sent(2, "Beat", Some(3)), sent(3, "Beat", Some(4))]);
        assert_eq!(beats.len(), 1);
        assert!(beats[0].0, "one of them was asked for");
        assert_eq!(beats[0].1.repeats, Some(Repeats { times: 3, since: Instant(1) }));
        let lost = messages(vec![sent(1, "Merge 1", None), sent(2, "Merge 2", None), sent(3, "Merge 3", None)]);
        assert_eq!((lost.len(), lost[0].1.words.as_str()), (1, "Merge 3"));
        let news = vec![sent(1, "Merge 1", Some(2)), sent(2, "Merge 2", Some(3)), sent(3, "Merge 3", Some(4))];
        assert_eq!(messages(news.clone()), news);
    }

    #[test]
    fn changes_between_two_messages_are_one() {
        let all = vec![change(1, "1"), change(2, "2"), change(3, "3"), change(6, "4")];
        let merged = changes(all.clone(), &[sent(5, "Merge 3", Some(9))]);
        assert_eq!(merged.len(), 2);
        assert_eq!((merged[0].at, merged[0].state.has.as_str()), (Instant(3), "3"));
        assert_eq!(merged[0].repeats, Some(Repeats { times: 3, since: Instant(1) }));
        assert_eq!(changes(all[..2].to_vec(), &[]), all[..2]);
    }
}
