//! Sentences of verdicts for people: clients and replicas by the names of the scenario, three digits and a unit, short
//! names for values. What a checker says is exact; here it is made readable, and nothing is left out but digits.

use super::bind::{caller, told};
use super::broken_axis::clock;
use super::number::{digits3, fmt_count, fmt_duration};
use crate::engine::Instant;
use crate::expect::Verdict;
use crate::run::{Judged, Run};

/// From so many digits on an integer is a value that a workload made up, not a count.
const MADE_UP_DIGITS: usize = 11;
/// From here on digits stand in groups.
const GROUPED_FROM: u64 = 1000;
/// What may stand around a number.
const AROUND: &[char] = &['"', '(', ')', '[', ']', ',', ';', ':'];

/// What came of an expectation, in the names of its run. A history that no single copy could have made is told as on
/// the page.
pub fn sentence(run: &Run, judged: &Judged) -> String {
    let outcome = &run.outcome;
    if judged.finding.verdict == Verdict::Violated
        && judged.text.starts_with("linearizable(")
        && let Some(told) = told(outcome, subject(&judged.text))
    {
        return format!("{} is violated: {told}", judged.text);
    }
    reworded(&judged.finding.sentence, subject(&judged.text), &|process| caller(outcome, process))
}

/// The same where nothing is left of the run but its verdicts: clients have no names then.
pub fn sentence_of(sentence: &str, text: &str) -> String {
    plain(sentence, subject(text))
}

/// A checker's sentence about an object of this name, where nothing is known of the run.
pub fn plain(sentence: &str, object: &str) -> String {
    reworded(sentence, object, &|_| None)
}

/// What an expectation is about: `kv` of `linearizable(kv)`.
fn subject(text: &str) -> &str {
    let inner = text.split_once('(').map_or("", |(_, rest)| rest);
    inner.split([',', ')', '(']).next().unwrap_or("").trim()
}

/// `client` knows the name of a process.
fn reworded(sentence: &str, store: &str, client: &dyn Fn(u32) -> Option<String>) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut values: Vec<String> = Vec::new();
    let mut nameless: Vec<u32> = Vec::new();
    // A tolerance makes further digits idle; a strict limit may need them.
    let coarse = sentence.contains(" ± ");
    let mut leaders = false;
    let mut replicas = 0;
    let all: Vec<&str> = sentence.split(' ').collect();
    for (at, word) in all.iter().enumerate() {
        let core = word.trim_matches(AROUND);
        let before = at.checked_sub(1).map_or("", |at| all[at]);
        leaders |= before == "leaders:";
        replicas = match *word {
            "replica" => 1,
            "replicas" => 2,
            _ => replicas,
        };
        if matches!(*word, "replica" | "replicas") && !store.is_empty() {
            continue;
        }
        let instead = if core.is_empty() || !core.starts_with(|c: char| c.is_ascii_digit()) {
            None
        } else if let (true, Ok(process)) = (before == "process", core.parse::<u32>()) {
            words.pop();
            Some(client(process).unwrap_or_else(|| nobody(&mut nameless, process)))
        } else if let (true, Ok(number)) = (replicas > 0 && !store.is_empty(), core.parse::<u32>()) {
            replicas -= 1;
            Some(format!("{store}/{number}"))
        } else if leaders && all.get(at + 1) == Some(&"from") && !store.is_empty() {
            core.parse::<u32>().ok().map(|number| format!("{store}/{number}"))
        } else if before == "key" {
            // A sentence is about one key.
            (core.len() >= MADE_UP_DIGITS && core.bytes().all(|b| b.is_ascii_digit())).then(|| "k1".to_owned())
        } else {
            number(core, before, coarse, &mut values)
        };
        words.push(match instead {
            Some(instead) => word.replacen(core, &instead, 1),
            None => (*word).to_owned(),
        });
    }
    words.join(" ").replace("→ nil", "→ nothing")
}

/// A client that has no name here.
fn nobody(known: &mut Vec<u32>, process: u32) -> String {
    if !known.contains(&process) {
        known.push(process);
    }
    match known.iter().position(|p| *p == process) {
        Some(0) => "a client".to_owned(),
        _ => "another client".to_owned(),
    }
}

/// A number as people write it; `None` if it is written so already.
fn number(word: &str, before: &str, coarse: bool, values: &mut Vec<String>) -> Option<String> {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    let value: f64 = digits.parse().ok()?;
    if let Some((_, ns)) = NANOS.iter().find(|(name, _)| *name == unit) {
        let ns = value * ns;
        let instant = matches!(before, "at" | "from" | "by" | "until");
        return Some(if instant { clock(Instant(ns.round() as u64)) } else { fmt_duration(ns) });
    }
    if !unit.is_empty() && !unit.starts_with(['/', '%']) {
        return None;
    }
    let whole = !digits.contains('.');
    if whole && digits.len() >= MADE_UP_DIGITS {
        let known = values.iter().position(|v| v == digits).unwrap_or_else(|| {
            values.push(digits.to_owned());
            values.len() - 1
        });
        return Some(format!("v{}", known + 1));
    }
    match digits.parse::<u64>() {
        Ok(count) if count >= GROUPED_FROM => Some(format!("{}{unit}", fmt_count(count))),
        Ok(_) => None,
        // A share near one needs its nines.
        Err(_) if unit == "%" && value > 99.0 => None,
        Err(_) => {
            let significant = digits.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
            let most = if coarse { 3 } else { 6 };
            (significant > most).then(|| format!("{}{unit}", digits3(value)))
        }
    }
}

/// Units that stand right behind a number in what a checker says, and their length in ns.
const NANOS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86_400e9)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::answer::plain;

    fn said(sentence: &str) -> String {
        let client = |process: u32| (process >> 24 == 1).then(|| format!("users/{}", process & 0xff));
        plain(&reworded(sentence, "kv", &client))
    }

    #[test]
    fn clients_replicas_values_and_times_have_names() {
        for (exact, readable) in [
            (
                "no_resurrection(kv) is violated: \"read → 38026609646634721\" of process 16777226 at 34055650.857us has \
                 38026609646634721, which \"delete → ok\" of process 16777217 at 33983709.541us had removed",
                "no_resurrection(kv) is violated: \"read → v1\" of users/10 at 34.055 s has v1, which \"delete → ok\" of \
                 users/1 at 33.983 s had removed",
            ),
            (
                "replicas 0 and 3 applied different entries at index 1322, the second at 7527293.371us",
                "kv/0 and kv/3 applied different entries at index 1 322, the second at 7.527 s",
            ),
            (
                "term 3 has two leaders: 1 from 2500us, 2 from 1500000us",
                "term 3 has two leaders: kv/1 from 0.002 s, kv/2 from 1.500 s",
            ),
            (
                "replica 1, leader of term 73 from 17218690.364us, lacks entry 32 of term 33, which replica 0 had applied \
                 by 16737378.028us",
                "kv/1, leader of term 73 from 17.218 s, lacks entry 32 of term 33, which kv/0 had applied by 16.737 s",
            ),
            (
                "linearizable(kv) holds: 24345 operations were judged",
                "linearizable(kv) holds: 24 345 operations were judged",
            ),
            ("\"read → nil\" of process 16777217", "\"read → nothing\" of users/1"),
            (
                "it misses 3 writes; the first was acknowledged 213456.789us before",
                "it misses 3 writes; the first was acknowledged 213 ms before",
            ),
        ] {
            assert_eq!(said(exact), readable);
        }
    }

    #[test]
    fn three_digits_do_unless_a_limit_needs_more() {
        for (exact, readable) in [
            ("p50(users) = 11.002 ms, expected 11 ms ± 3%", "p50(users) = 11 ms, expected 11 ms ± 3%"),
            ("x = 0.30000000000000004, expected 0.3", "x = 0.3, expected 0.3"),
            ("p99(x) = 11.002 ms, expected <= 11 ms", "p99(x) = 11.002 ms, expected <= 11 ms"),
            ("rate(x) = 2656/s, expected <= 935/s", "rate(x) = 2 656/s, expected <= 935/s"),
            ("availability(x) = 99.9964%, expected >= 99.99%", "availability(x) = 99.9964%, expected >= 99.99%"),
        ] {
            assert_eq!(said(exact), readable);
        }
    }

    #[test]
    fn without_its_run_a_client_is_anybody() {
        let alone = reworded("\"read → nil\" of process 7 and \"write 3 → ok\" of process 9", "kv", &|_| None);
        assert_eq!(alone, "\"read → nothing\" of a client and \"write 3 → ok\" of another client");
        assert_eq!(subject("bounded_staleness(kv, 2s)"), "kv");
        assert_eq!(subject("linearizable"), "");
    }
}
