//! The library user's path: the example is short, is repeated to the byte, meets what it expects, and makes a report.

#[path = "../examples/my_protocol.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod my_protocol;

use netsplit::history::Status;
use netsplit::report::write_all;

#[test]
fn a_protocol_of_ones_own_takes_fewer_than_120_lines() {
    let lines = include_str!("../examples/my_protocol.rs").lines().count();
    assert!(lines < 120, "{lines} lines");
}

#[test]
fn it_gets_a_network_a_fault_a_history_and_verdicts() {
    let (run, again) = (my_protocol::play(), my_protocol::play());
    assert_eq!(run.outcome.digests, again.outcome.digests);
    assert_eq!(run.outcome.broken, Vec::<String>::new());
    let operations = run.outcome.history.operations();
    let with = |status: Status| operations.iter().filter(|o| o.status == status).count();
    assert!(with(Status::Ok) > 10_000, "clients are served");
    assert!(with(Status::Unknown) > 100, "the cut leaves clients in doubt");
    assert_eq!(run.judged.len(), 3);
    for judged in &run.judged {
        assert!(judged.finding.outcome.passes(), "{}: {}", judged.name, judged.finding.sentence);
    }
}

#[test]
fn it_gets_a_report() {
    let folder = std::env::temp_dir().join(format!("netsplit-example-{}", std::process::id()));
    write_all(&folder, &[my_protocol::play()], "", netsplit::report::bind::Told::default())
        .expect("a folder of our own");
    let summary = std::fs::read_to_string(folder.join("summary.json")).expect("it was written");
    assert!(summary.contains("writes-come-back"), "{summary}");
    std::fs::remove_dir_all(&folder).expect("our own");
}
