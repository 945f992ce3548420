use super::write::inline;
use super::*;
use crate::report::figure::testing::{assert_well_formed, sample_cap, sample_storm};
use crate::report::number::{Quantity, fmt_error};
use proptest::prelude::*;

fn judged(state: State, words: &str, note: &str, link: Option<&str>) -> Cell {
    Cell::Judged { state, words: words.into(), note: note.into(), link: link.map(str::to_string) }
}

fn sample() -> Page {
    let number = |digits: &str, unit: &str| Cell::Number(Quantity::new(digits, unit));
    let row = |mark, name: &str, note: &str, cells| NumberRow { mark, name: name.into(), note: note.into(), cells };
    let expectation = |text: &str, place: &str, measured: &[&str], state, words: &str| Expectation {
        text: text.into(),
        place: place.into(),
        why: String::new(),
        measured: measured.iter().map(|m| (*m).to_string()).collect(),
        evidence: None,
        result: Verdict { state, words: words.into() },
    };
    Page {
        title: "One partition, two promises".into(),
        question: "During the cut, do clients on the small side get errors or stale data?".into(),
        answer: "**Errors with CP, stale data with AP.** While east and west are apart for 30\u{202f}s, Raft answers \
                 **none** of the west’s requests and never lies. The sloppy quorum answers **all** of them, but \
                 **44\u{202f}% of west’s reads are stale** and **662 acknowledged writes vanish** after the heal."
            .into(),
        source: "scenarios/cap/partition.toml".into(),
        facts: vec!["seed 1".into(), "90\u{202f}s simulated".into(), "digest 4c1f9a07".into()],
        verdict: Verdict { state: State::Error, words: "1 of 4 expectations not met".into() },
        numbers: Numbers {
            corner: "design".into(),
            columns: [
                "east answered in the cut",
                "west answered in the cut",
                "west’s reads stale in the cut",
                "acknowledged writes lost",
                "p99 write before the cut",
                "linearizable?",
            ]
            .map(String::from)
            .to_vec(),
            rows: vec![
                row(
                    Mark::First,
                    "CP",
                    "Raft, majority",
                    vec![
                        number("98.6", "%"),
                        number("0", "%"),
                        Cell::Number(Quantity::nothing()),
                        number("0", ""),
                        number("171", "ms"),
                        judged(State::Ok, "holds", "18\u{202f}947 operations", None),
                    ],
                ),
                row(
                    Mark::Second,
                    "AP",
                    "sloppy quorum 2/2",
                    vec![
                        number("100", "%"),
                        number("100", "%"),
                        number("44", "%"),
                        number("662", ""),
                        number("6.1", "ms"),
                        judged(State::Error, "violated", "4 operations prove it", Some("#witness")),
                    ],
                ),
            ],
        },
        remarks: vec![(
            "Observed behaviour".into(),
            "the first design acts as **CP, EC**, the second as **AP, EL**.".into(),
        )],
        repeat: "netsplit run scenarios/cap/partition.toml --seed 1".into(),
        expectations: Expectations {
            finding: "Three met, one not: AP stays stale for longer than promised".into(),
            caption: "Each line is judged per design.".into(),
            designs: vec![(Mark::First, "CP".into()), (Mark::Second, "AP".into())],
            rows: vec![
                expectation(
                    "linearizable(kv)",
                    "partition.toml:48",
                    &["holds", "violated, as expected"],
                    State::Ok,
                    "met",
                ),
                expectation(
                    "fresh_after(99%) < 2s",
                    "partition.toml:63 · after cut",
                    &["0\u{202f}ms", "**6.4\u{202f}s** (limit 2\u{202f}s)"],
                    State::Error,
                    "not met",
                ),
                expectation(
                    "p99.99(read) < 250ms",
                    "partition.toml:67",
                    &["9\u{202f}473 reads"],
                    State::Unknown,
                    "unknown",
                ),
                expectation(
                    "p99(scan) < 50ms",
                    "partition.toml:71",
                    &["no samples", "no samples"],
                    State::Vacuous,
                    "vacuous",
                ),
            ],
            how_to_read: "The run passes only if every result is ✓.".into(),
        },
        sections: vec![
            Section {
                name: "Timeline".into(),
                anchor: "timeline".into(),
                finding: "The cut silences the west in CP and splits the truth in AP".into(),
                caption: "Same seed, same clients, same axes. One point or column per simulated second.".into(),
                figures: vec![Drawing::Timeline(sample_cap())],
                tables: vec![],
                how_to_read: "The hatched column is the fault. Follow a row across.".into(),
                folded: false,
            },
            Section {
                name: "Load".into(),
                anchor: "load".into(),
                finding: "The spike ends after 10\u{202f}s; the storm feeds itself".into(),
                caption: "Offered by users, attempts sent to pricing, answered in time.".into(),
                figures: vec![Drawing::Timeline(sample_storm())],
                tables: vec![],
                how_to_read: "Rows share the time axis. Each cell counts requests, see the key.".into(),
                folded: false,
            },
        ],
        model: ModelCard {
            modelled: vec![
                "100 servers, exp(100\u{202f}ms) work, one FIFO queue".into(),
                "late work is still done".into(),
            ],
            not_modelled: vec!["TCP, TLS, garbage collection".into()],
            scale: vec!["whole system, no cell: 1/1".into()],
            checks: vec![TheoryCheck {
                what: "mean response, M/M/100 at ρ = 0.7".into(),
                theory: "100.0\u{202f}ms".into(),
                run: "100.4\u{202f}ms".into(),
                error: fmt_error(0.004),
                source: "Erlang C".into(),
            }],
        },
        teach: vec![("What would a third region change?".into(), "It would hold the majority alone.".into())],
        files: vec![("result.json".into(), "all numbers".into())],
    }
}

#[test]
fn a_page_is_well_formed_repeatable_and_loads_nothing() {
    let html = sample().render();
    assert_eq!(html, sample().render());
    assert_well_formed(&html);
    let elsewhere = html.replace("http://www.w3.org/2000/svg", "");
    assert!(!elsewhere.contains("http:") && !elsewhere.contains("https:") && !elsewhere.contains("@import"));
    assert!(!elsewhere.contains(" src=") && !elsewhere.contains("<link"));
    if let Ok(path) = std::env::var("NETSPLIT_PAGE") {
        std::fs::write(path, html).expect("the path is writable");
    }
}

#[test]
fn sections_are_numbered_and_empty_ones_are_left_out() {
    let mut page = sample();
    let html = page.render();
    for head in ["1 · Expectations", "2 · Timeline", "3 · Load", "4 · Model card", "5 · For teaching", "6 · Files"]
    {
        assert!(html.contains(head), "{head}");
    }
    page.expectations.rows.clear();
    page.sections[0].figures.clear();
    page.model = ModelCard::default();
    let html = page.render();
    assert!(html.contains("1 · Load") && html.contains("2 · For teaching"));
    assert!(!html.contains("Model card") && !html.contains("id=\"expect\""));
}

#[test]
fn folded_figures_have_their_titles_above_them() {
    let mut page = sample();
    let Drawing::Timeline(timeline) = &mut page.sections[0].figures[0] else { panic!("a timeline") };
    timeline.title = "limit <8> over time".into();
    assert!(!page.render().contains("<h3>limit"));
    page.sections[0].folded = true;
    assert!(page.render().contains("<figure>\n<h3>limit &lt;8&gt; over time</h3>\n<svg"));
}

#[test]
fn every_table_scrolls_by_itself() {
    let html = sample().render();
    let tables = html.matches("<table").count();
    assert!(tables > 3);
    assert_eq!(html.matches("<div class=\"scroll\"><table").count(), tables);
    assert_eq!(html.matches("</table></div>").count(), tables);
    assert!(html.contains(".scroll{overflow-x:auto}"));
}

#[test]
fn ids_are_unique() {
    let html = sample().render();
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|p| p.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn every_colour_class_has_a_rule() {
    let html = sample().render();
    let css = crate::report::theme::css();
    for classes in html.split(" class=\"").skip(1).filter_map(|p| p.split('"').next()) {
        for class in classes.split(' ').filter(|c| ["f-", "s-", "c-"].iter().any(|p| c.starts_with(p))) {
            assert!(css.contains(&format!(".{class}{{")), "{class}");
        }
    }
}

#[test]
fn bold_and_code_need_both_marks() {
    assert_eq!(inline("**a** `b<c` d"), "<b>a</b> <code>b&lt;c</code> d");
    assert_eq!(inline("**`a` is** so"), "<b><code>a</code> is</b> so");
    assert_eq!(inline("2 ** 3 and `x"), "2 ** 3 and `x");
    assert_eq!(inline("****"), "****");
}

proptest! {
    #[test]
    fn any_words_stay_well_formed(words in ".{0,80}", cells in 0_usize..9) {
        let mut page = sample();
        page.title = words.clone();
        page.answer = words.clone();
        page.numbers.columns = vec![words.clone(); cells];
        page.expectations.rows[0].text = words.clone();
        page.expectations.rows[0].evidence = Some((words.clone(), words.clone()));
        page.sections[0].anchor = words.clone();
        page.files = vec![(words.clone(), words.clone())];
        page.teach = vec![(words.clone(), words)];
        page.sections.truncate(1);
        assert_well_formed(&page.render());
    }
}
