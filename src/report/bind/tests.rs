//! Facts about the sections on consistency: what they say is what the run's history says, and they agree.

use super::consistency::{sections, shown};
use super::{Design, designs, witness};
use crate::check::{self, View};
use crate::report::figure::space_time::SpaceTime;
use crate::report::figure::witness::Place;
use crate::report::figure::{Body, Drawing, Outcomes, Table, Witness};
use crate::report::page::Section;
use crate::run::{Run, play_all};
use crate::scenario;
use crate::spec::Sources;

/// Five replicas in two regions, clients in both, and what the caller adds.
fn play(replications: &[(&str, &str)], more: &str) -> Vec<Run> {
    let plan = |(name, replication): &(&str, &str)| {
        let text = format!(
            r#"
schema = 1
title = "t"
question = "q"
duration = "24s"
[region.east]
[region.west]
[network]
between_regions = {{ rtt = "20ms" }}
[keys.few]
count = 8
[store.kv]
replicas = {{ east = 3, west = 2 }}
replication = {{ {replication} }}
[clients.easterners]
count = 6
think = "exp(30ms)"
target = "kv"
keys = "few"
region = "east"
contact = "nearest"
timeout = "300ms"
mix = {{ read = "50%", write = "50%" }}
[clients.westerners]
like = "easterners"
region = "west"
[expect.one]
that = "linearizable(kv)"
verdict = "any"
{more}"#
        );
        let sources = Sources::new("t.toml", text);
        let (plan, diagnostics) = scenario::load(&sources, None, Some(1), &|_| Err("none".into()));
        let mut plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&sources)));
        (*name).clone_into(&mut plan.variant);
        plan
    };
    play_all(replications.iter().map(plan).collect(), &|_, _, _| true).expect("nobody interrupts")
}

const CP: (&str, &str) = ("careful", "abd = { w = 3, r = 3 }");
const AP: (&str, &str) = ("quick", "quorum = { w = 1, r = 1, sloppy = true, hinted_handoff = \"3h\" }");
const CUT: &str = "[fault.cut]\nat = \"8s\"\nfor = \"6s\"\npartition = [\"region:east\", \"region:west\"]\n";
const TWICE: &str = "[fault.again]\nat = \"18s\"\nfor = \"2s\"\npartition = [\"region:east\", \"region:west\"]\n";

fn section(designs: &[Design<'_>], anchor: &str) -> Section {
    let all = shown(designs);
    let found = sections(&all).into_iter().chain(witness::sections(&all)).find(|s| s.anchor == anchor);
    found.unwrap_or_else(|| panic!("there is no section {anchor}"))
}

fn cell<'t>(table: &'t Table, row: &str, column: &str) -> &'t str {
    let column = table.columns.iter().position(|c| c == column).unwrap_or_else(|| panic!("{column} in {table:?}"));
    let row = table.rows.iter().find(|r| r[0].trim_matches('*') == row).unwrap_or_else(|| panic!("{row} in {table:?}"));
    &row[column]
}

#[test]
fn the_finding_and_the_table_tell_the_same_numbers_of_the_same_clients() {
    let runs = play(&[CP, AP], CUT);
    let consistency = section(&designs(&runs), "consistency");
    let table = &consistency.tables[0];
    assert_eq!((cell(table, "careful", "CAP"), cell(table, "quick", "CAP")), ("CP", "AP"));
    // The side without a majority is refused by the one and lied to by the other.
    let finding = &consistency.finding;
    assert!(finding.starts_with("During cut, westerners get errors with careful ("), "{finding}");
    let refused = cell(table, "careful", "westerners in cut");
    assert!(finding.contains(&format!("({refused} answered)")), "{finding} but {refused}");
    let lied = cell(table, "quick", "westerners in cut");
    let share = lied.split("**").nth(1).and_then(|s| s.strip_suffix("\u{a0}stale")).expect("reads were stale");
    assert!(finding.contains(&format!("stale data with quick ({share} of their reads)")), "{finding} but {lied}");
    assert!(lied.starts_with("100\u{202f}%, "), "{lied}");
}

/// What the strips of a design show: fresh and stale answers of each row, all columns together.
fn strips(run: &Run) -> Vec<(String, u64, u64)> {
    let one = std::slice::from_ref(run);
    let sections = super::over_time::sections(&designs(one));
    let Drawing::Timeline(timeline) = &sections[0].figures[0] else { panic!("a timeline") };
    let rows = timeline.panels[0].rows.iter().filter_map(|row| match &row.body {
        Body::Strip(strip) => {
            let sum = |of: fn(&Outcomes) -> u64| strip.columns.iter().map(of).sum::<u64>();
            Some((format!("{} {}", row.name, row.note), sum(|c| c.ok), sum(|c| c.stale)))
        }
        _ => None,
    });
    rows.collect()
}

#[test]
fn strips_show_as_many_stale_answers_as_the_history_has() {
    let runs = play(&[CP, AP], CUT);
    assert!(strips(&runs[0]).iter().all(|(_, fresh, stale)| *fresh > 0 && *stale == 0), "{:?}", strips(&runs[0]));
    let history = &runs[1].outcome.history;
    let ages = check::staleness(&View::new(history, None));
    let quick = strips(&runs[1]);
    assert!(ages.stale() > 0);
    assert_eq!(quick.iter().map(|(.., stale)| stale).sum::<u64>(), ages.stale(), "{quick:?}");
    assert!(quick.iter().filter(|(name, ..)| name.contains("write")).all(|(.., stale)| *stale == 0), "{quick:?}");
}

#[test]
fn what_is_only_reported_is_not_called_open() {
    let heading = |more: &str| {
        let runs = play(&[CP], more);
        super::promises::expectations(&runs, &designs(&runs), "t.toml").finding
    };
    assert_eq!(heading(""), "Nothing is expected; this was measured");
    let more = "[expect.two]\nthat = \"availability(easterners) >= 99%\"\n";
    assert_eq!(heading(more), "1 of 2 are met, the rest is only reported");
}

#[test]
fn columns_of_writes_say_which_writes() {
    let twice = format!("{CUT}{TWICE}");
    for (more, expected) in [
        ("", "p99 of answered writes"),
        (CUT, "p99 of answered writes, before cut"),
        (&twice, "p99 of answered writes, before the first partition"),
    ] {
        let runs = play(&[CP], more);
        let designs = designs(&runs);
        assert_eq!(section(&designs, "consistency").tables[0].columns.last().map(String::as_str), Some(expected));
        let first = super::first::promises(&designs, &shown(&designs)).expect("there is a store");
        assert!(first.columns.iter().any(|column| column == expected), "{:?}", first.columns);
    }
}

#[test]
fn every_partition_and_every_group_has_a_row() {
    let runs = play(&[CP, AP], &format!("{CUT}{TWICE}"));
    let consistency = section(&designs(&runs), "consistency");
    let [summary, by_cut] = consistency.tables.as_slice() else { panic!("two tables") };
    assert!(summary.columns.iter().all(|c| !c.contains(" in ")), "{:?}", summary.columns);
    let rows: Vec<[&str; 3]> = by_cut.rows.iter().map(|r| [r[0].as_str(), r[1].as_str(), r[2].as_str()]).collect();
    let (first, second) = ("8\u{202f}s to 14\u{202f}s", "18\u{202f}s to 20\u{202f}s");
    assert_eq!(
        rows,
        [
            ["**cut**", first, "easterners"],
            ["**cut**", first, "westerners"],
            ["**again**", second, "easterners"],
            ["**again**", second, "westerners"],
        ]
    );
    // Refused in both by the one, answered in both by the other.
    for row in [1, 3] {
        assert!(by_cut.rows[row][3].starts_with("0\u{202f}%"), "{:?}", by_cut.rows[row]);
        assert!(by_cut.rows[row][4].starts_with("100\u{202f}%"), "{:?}", by_cut.rows[row]);
    }
}

#[test]
fn without_a_partition_nothing_is_said_of_any() {
    let runs = play(&[CP], "");
    let consistency = section(&designs(&runs), "consistency");
    assert_eq!(consistency.finding, "Every answer is that of a single copy");
    assert_eq!(consistency.tables.len(), 1);
    assert!(!consistency.tables[0].columns.contains(&"CAP".to_owned()));
    let all = designs(&runs);
    assert!(witness::sections(&shown(&all)).is_empty(), "nothing is violated");
}

#[test]
fn the_ladder_is_closed_and_frames_what_held() {
    let runs = play(&[CP, AP], CUT);
    let models = section(&designs(&runs), "models");
    let [Drawing::Ladder(ladder)] = models.figures.as_slice() else { panic!("a ladder") };
    let signs = |design: usize| ladder.designs[design].states.iter().map(|s| s.sign()).collect::<String>();
    assert!(signs(0).starts_with("✓✓✓✓✓✓✓✓"), "{}", signs(0));
    assert!(ladder.designs[0].strongest[0] && ladder.designs[0].strongest[1..].iter().all(|s| !s));
    assert!(signs(1).starts_with('✕'), "{}", signs(1));
    // Nobody looked at what replicas have in the end: that is no row, and it has its reason like all that is not told.
    let rows: Vec<&str> = ladder.rungs.iter().map(|rung| rung.name.as_str()).collect();
    assert!(ladder.designs.iter().all(|d| d.states.len() == rows.len()), "{rows:?}");
    let open = ladder.designs.iter().flat_map(|d| &d.states).any(|s| matches!(s.sign(), "?" | "–"));
    assert_eq!(open || !rows.contains(&"converged"), !ladder.notes.is_empty(), "{rows:?}: {:?}", ladder.notes);
}

fn example(runs: &[Run]) -> (Section, Section, Witness, SpaceTime) {
    let designs = designs(runs);
    let (bars, messages) = (section(&designs, "witness"), section(&designs, "messages"));
    let [Drawing::Witness(witness)] = bars.figures.as_slice() else { panic!("bars") };
    let [Drawing::SpaceTime(space_time)] = messages.figures.as_slice() else { panic!("messages") };
    let (witness, space_time) = (witness.clone(), space_time.clone());
    (bars, messages, witness, space_time)
}

#[test]
fn the_sentence_names_the_read_that_fits_nowhere_and_the_write_that_it_contradicts() {
    let (bars, _, witness, _) = example(&play(&[AP], CUT));
    let culprit = witness.bars.iter().position(|b| b.place == Place::Nowhere).expect("there is one");
    let [arrow] = witness.arrows.as_slice() else { panic!("one arrow, {:?}", witness.arrows) };
    assert_eq!(arrow.to, culprit);
    let (write, read) = (&witness.bars[arrow.from], &witness.bars[culprit]);
    assert!(write.until.expect("acknowledged") < read.from, "it was over before the read began");
    let written = write.words.strip_prefix("write ").expect("a write");
    let got = read.words.strip_prefix("read → ").expect("a read");
    assert_ne!(written, got);
    let finding = bars.finding.to_lowercase();
    let told = format!("{} read {got}, ", read.client);
    let whose = format!("after {}'s write of {written} was acknowledged", write.client);
    assert!(finding.starts_with(&told) && finding.ends_with(&whose), "{finding}; {told}; {whose}");
    assert!(read.client.starts_with("easterners/") || read.client.starts_with("westerners/"));
}

#[test]
fn the_numbered_bars_are_an_order_that_one_copy_could_have_made() {
    let (_, _, witness, _) = example(&play(&[AP], CUT));
    let mut order: Vec<(u32, &str)> = witness
        .bars
        .iter()
        .filter_map(|bar| match bar.place {
            Place::Order(number) => Some((number, bar.words.as_str())),
            _ => None,
        })
        .collect();
    order.sort_unstable();
    assert!(order.iter().map(|(n, _)| *n).eq(1..=order.len() as u32), "{order:?}");
    let mut copy = "nothing";
    for (_, words) in &order {
        match words.split_once(' ') {
            Some(("write", value)) => copy = value.trim_end_matches(" ?"),
            _ => assert_eq!(words.strip_prefix("read → "), Some(copy), "{order:?}"),
        }
    }
    let culprit = witness.bars.iter().find(|b| b.place == Place::Nowhere).expect("there is one");
    assert_ne!(culprit.words.strip_prefix("read → "), Some(copy), "it would fit");
}

#[test]
fn messages_belong_to_the_operations_and_states_explain_the_answer() {
    for replication in [AP, ("lopsided", "quorum = { w = 1, r = 3 }")] {
        let (_, section, witness, picture) = example(&play(&[replication], CUT));
        let culprit = witness.bars.iter().find(|b| b.place == Place::Nowhere).expect("there is one");
        let row = picture.rows.iter().position(|r| r.name == culprit.client).expect("the client has a row");
        assert!(picture.rows[row].state.is_none());
        // The read went to a replica, and its answer came back with what the client saw.
        let asked = picture.messages.iter().find(|m| m.from == row && m.at == culprit.from).expect("it asked");
        assert!(picture.rows[asked.to].state.is_some());
        let answer = picture.messages.iter().find(|m| m.to == row && m.arrives == culprit.until).expect("an answer");
        assert_eq!(Some(answer.words.as_str()), culprit.words.strip_prefix("read → "));
        // Every acknowledgement has what it acknowledges.
        for stored in picture.messages.iter().filter(|m| m.words == "Stored") {
            let store = |m: &&crate::report::figure::space_time::Sent| {
                m.words.starts_with("Store ") && m.from == stored.to && m.to == stored.from
            };
            assert!(picture.messages.iter().any(|m| store(&m) && m.arrives <= Some(stored.at)), "{stored:?}");
        }
        // Replicas of one region stand together, and their clients beside them.
        let sides: Vec<usize> = picture.rows.iter().map(|r| r.side).collect();
        assert!(sides.is_sorted(), "{sides:?}");
        let lost = picture.messages.iter().filter(|m| m.arrives.is_none()).count();
        assert_eq!(lost > 0, section.finding.contains("lost"), "{}", section.finding);
    }
}

#[test]
fn the_answer_speaks_of_every_client_group() {
    let runs = play(&[CP], "");
    let answer = crate::report::answer::answer(&runs.iter().collect::<Vec<_>>());
    assert!(answer.contains("of easterners and") && answer.contains("of westerners are answered"), "{answer}");
    let runs = play(&[CP, AP], CUT);
    let answer = crate::report::answer::answer(&runs.iter().collect::<Vec<_>>());
    let finding = section(&designs(&runs), "consistency").finding;
    assert!(answer.starts_with(&format!("**{finding}.**")), "{answer}");
}

#[test]
fn authors_are_quoted_in_their_order_where_the_run_bears_them_out() {
    let told = |set: Option<&str>| {
        let text = r#"
schema = 1
title = "t"
question = "q"
duration = "10s"
[service.api]
service_time = "10ms"
[clients.web]
rate = "10/s"
arrivals = "constant"
target = "api"
[expect.second]
that = "mean(api) < 20ms"
say = "First, {mean(api)} a request; {count(ok(web))} of them"
[expect.refuted]
that = "mean(api) > 20ms"
say = "Never told, {mean(api)}"
[expect.meant]
that = "mean(api) > 20ms"
verdict = "violated"
say = "Then, of what is violated as expected: {mean(utilization(api))} busy!"
[expect.elsewhere]
that = "mean(api) < 20ms"
say = "Never told either: {mean(api)@other} was not run"
[variant.other]
"#;
        let mut sources = Sources::new("t.toml", text);
        if let Some(set) = set {
            sources = sources.with_set("--set", set);
        }
        let (plan, diagnostics) = scenario::load(&sources, None, Some(1), &|_| Err("none".into()));
        let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&sources)));
        let runs = play_all(vec![plan], &|_, _, _| true).expect("nobody interrupts");
        let sentences = crate::report::told::told(&runs.iter().collect::<Vec<_>>());
        sentences.iter().map(|told| crate::report::answer::plain(told)).collect::<Vec<_>>()
    };
    assert_eq!(
        told(None),
        ["First, 10 ms a request; 100 of them.", "Then, of what is violated as expected: 10 % busy!"]
    );
    assert!(told(Some("service.api.service_time='11ms'")).is_empty(), "what was written of other settings");
}

#[test]
fn what_services_ask_is_named_and_drawn_with_what_it_carries() {
    let text = include_str!("../../../scenarios/replication/pbs-ymmr.toml").replace("\"100s\"", "\"4s\"");
    let sources = Sources::new("t.toml", text);
    let (plan, diagnostics) = scenario::load(&sources, None, Some(1), &|_| Err("none".into()));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&sources)));
    let runs = play_all(vec![plan], &|_, _, _| true).expect("nobody interrupts");
    let (_, _, figure, picture) = example(&runs);
    assert!(figure.title.ends_with("key k1 of kv"), "{}", figure.title);
    assert!(figure.bars.iter().all(|bar| bar.client == "writer" || bar.client == "reader"), "{:?}", figure.bars);
    let says = |name: &str, words: &str| {
        picture.messages.iter().any(|m| picture.rows[m.from].name == name && m.words == words)
    };
    assert!(says("writer", "write v1") && says("reader", "read"), "{:?}", picture.messages);
    assert!(picture.messages.iter().any(|m| m.words == "Fetched nothing"), "{:?}", picture.messages);
}
