//! Histories recorded elsewhere get the verdicts that are known for them.

use std::path::{Path, PathBuf};

use netsplit::check::{Check, Linearizable, Steps, Verdict};
use netsplit::history::io::{Options, read};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(name)
}

fn table(folder: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(folder.join("verdicts.csv")).expect("the table is there");
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            (fields[0].to_owned(), fields[fields.len() - 1].to_owned())
        })
        .collect()
}

#[test]
fn porcupines_histories_get_their_known_verdicts() {
    let folder = folder("porcupine");
    let rows = table(&folder);
    assert_eq!(rows.len(), 54);
    let mut wrong = Vec::new();
    for (file, expected) in rows {
        let bytes = std::fs::read(folder.join(&file)).expect("the history is there");
        let history = read(&bytes, &Options::default()).expect("it can be read").history;
        let verdict = Linearizable::default().check(&history, Steps::DEFAULT);
        let found = match &verdict {
            Verdict::Holds => "linearizable",
            Verdict::Violated(_) => "NOT linearizable",
            other => other.name(),
        };
        if found != expected {
            wrong.push(format!("{file}: {found}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judge(arguments: &[&str]) -> (i32, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_netsplit"))
        .arg("judge")
        .args(arguments)
        .output()
        .expect("the binary was built");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().expect("it was not killed"), text)
}

fn written(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("netsplit-judge-{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("a file of our own");
    path.display().to_string()
}

#[test]
fn exit_codes_say_what_the_verdict_is() {
    let porcupine = folder("porcupine");
    let file = |name: &str| porcupine.join(name).display().to_string();
    assert_eq!(judge(&["--model", "register", &file("jepsen/etcd_002.log")]).0, 0);
    assert_eq!(judge(&["--model", "register", &file("jepsen/etcd_000.log")]).0, 1);
    assert_eq!(judge(&["--model", "kv", &file("kv/c10-ok.txt")]).0, 0);
    assert_eq!(judge(&["--model", "kv", &file("kv/c10-bad.txt")]).0, 1);
    let empty = written("empty.edn", "[]");
    assert_eq!(judge(&[&empty]).0, 3, "nothing was read: vacuous");
    assert_eq!(judge(&["no-such-file"]).0, 2);
}

#[test]
fn a_broken_file_is_reported_by_its_line() {
    let whole = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n";
    let cut = written("cut.edn", &format!("{whole}{{:process 0, :type :inv"));
    let (code, text) = judge(&[&cut]);
    assert_eq!(code, 2);
    assert!(text.contains(":3: ") && text.contains("the file ends"), "{text}");
    let strange = written("strange.edn", &format!("{whole}{{:process 0, :type :ok, :f :write, :value 1}}\n"));
    let (code, text) = judge(&[&strange]);
    assert_eq!(code, 2);
    assert!(text.contains(":3: process 0 completes an operation that it never invoked"), "{text}");
}

/// An operation that begins and ends before the next one.
fn done(process: u32, f: &str, invoked: &str, completed: &str) -> String {
    format!(
        "{{:process {process}, :type :invoke, :f :{f}, :value {invoked}}}\n\
         {{:process {process}, :type :ok, :f :{f}, :value {completed}}}\n"
    )
}

#[test]
fn elements_of_lists_are_whole_though_one_begins_as_another_does() {
    for [first, second] in [["1", "12"], ["\"a\"", "\"ab\""], [":a", ":ab"]] {
        let appends = done(0, "append", first, first) + &done(0, "append", second, second);
        let good = written("whole.edn", &(appends.clone() + &done(1, "read", "nil", &format!("[{first} {second}]"))));
        let bad = written("swapped.edn", &(appends + &done(1, "read", "nil", &format!("[{second} {first}]"))));
        for model in ["list", "kv"] {
            assert_eq!(judge(&["--model", model, "--keys", "none", &good]).0, 0, "{first} {second} {model}");
            assert_eq!(judge(&["--model", model, "--keys", "none", &bad]).0, 1, "{first} {second} {model}");
        }
    }
    let replaced = done(0, "append", "7", "7") + &done(0, "write", "(12 3)", "(12 3)");
    let good = written("replaced.edn", &(replaced.clone() + &done(1, "read", "nil", "(12 3)")));
    let bad = written("kept.edn", &(replaced + &done(1, "read", "nil", "(7 12 3)")));
    assert_eq!(judge(&["--model", "list", &good]).0, 0);
    assert_eq!(judge(&["--model", "list", &bad]).0, 1);
}

#[test]
fn monotonic_writes_do_not_depend_on_a_repeated_read() {
    let writes = done(1, "write", "1", "1") + &done(1, "write", "2", "2");
    let reads = |values: &[&str]| values.iter().map(|value| done(0, "read", "nil", value)).collect::<String>();
    let verdict = |property: &str, values: &[&str]| {
        let file = written("mw.edn", &(writes.clone() + &reads(values)));
        judge(&["--property", property, "--nil-read", "initial", &file]).0
    };
    // Backwards, but by whom the second was kept the first was kept too.
    for values in [&["2", "1"][..], &["2", "2", "1"]] {
        assert_eq!(verdict("monotonic_writes", values), 0, "{values:?}");
        assert_eq!(verdict("monotonic_reads", values), 1, "{values:?}");
    }
    assert_eq!(verdict("monotonic_writes", &["2", "nil"]), 1);
}

#[test]
fn a_mutex_has_one_owner_in_every_format() {
    let file = written(
        "mutex.jsonl",
        "{\"process\":0,\"object\":\"x\",\"f\":\"acquire\",\"invoked\":1,\"completed\":2,\"status\":\"ok\"}\n\
         {\"process\":1,\"object\":\"x\",\"f\":\"release\",\"invoked\":3,\"completed\":4,\"status\":\"ok\"}\n",
    );
    assert_eq!(judge(&["--model", "mutex", &file]).0, 0);
    assert_eq!(judge(&["--model", "lock", &file]).0, 1);
}

#[test]
fn events_that_contradict_one_another_are_refused() {
    let event = |rest: &str| format!("{{:process 1, {rest}}}\n");
    let refused = |text: &str, what: &str| {
        let (code, said) = judge(&[&written("contradiction.edn", text)]);
        assert!(code == 2 && said.contains(what), "{code} {said}");
    };
    refused(
        &(event(":type :invoke :f :read :value [k nil]") + &event(":type :ok :f :read :value [j 1]")),
        ":2: process 1 completes an operation on key j, but it invoked one on key k at line 1",
    );
    refused(
        &(event(":type :invoke :f :write :value 1 :index 5") + &event(":type :ok :f :write :value 1 :index 2")),
        ":2: the event with `index` 2 comes after the one with 5",
    );
    refused(&event(":type :info :f :write :value 1"), ":1: process 1 completes an operation that it never invoked");
    refused(&event(":type :invoke :f :write :value @"), ":1: `@` is no value");
}

#[test]
fn a_counterexample_is_drawn_and_can_be_judged_again() {
    let bad = folder("porcupine").join("kv/c01-bad.txt").display().to_string();
    let (picture, witness) = (written("w.svg", ""), written("w.jsonl", ""));
    assert_eq!(judge(&[&bad, "--picture", &picture, "--witness", &witness]).0, 1);
    let svg = std::fs::read_to_string(&picture).expect("it was written");
    assert!(svg.contains("fits nowhere"), "{svg}");
    assert_eq!(judge(&[&witness]).0, 1);
}

#[test]
fn only_an_unknown_outcome_is_marked_as_one() {
    let show =
        |file: &str, model: &str| judge(&["--model", model, &folder("porcupine").join(file).display().to_string()]).1;
    let rows = |said: &str| said.lines().filter(|line| line.starts_with("    ")).count() - 1;
    for (file, operations) in [("kv/c01-bad.txt", 3), ("kv/c10-bad.txt", 4)] {
        let said = show(file, "kv");
        assert!(!said.contains('?') && said.contains("marked *"), "{said}");
        assert!(said.contains(&format!("{operations} operations show it")), "{said}");
        assert_eq!(rows(&said), operations);
    }
    // What completed has its place in the order, though the contradiction doesn't need it.
    assert!(show("kv/c01-bad.txt", "kv").contains("the list is then [\"x 0 0 y\" \"x 0 3 y\"], so"));
}

#[test]
fn a_witness_of_many_equal_writes_says_why() {
    let said =
        judge(&["--model", "register", &folder("porcupine").join("jepsen/etcd_000.log").display().to_string()]).1;
    let why = "Each write of 2 was over before \"write 1 -> ok\" of process 0 (line 74) began";
    assert!(said.replace('→', "->").contains(why), "{said}");
}

/// Events of one process after another, each `(f, invoked, completed)`.
fn events(calls: &[(&str, &str, &str)]) -> String {
    calls
        .iter()
        .enumerate()
        .flat_map(|(process, (f, invoked, completed))| {
            [("invoke", invoked), ("ok", completed)]
                .map(|(phase, value)| format!("{{:process {process}, :type :{phase}, :f :{f}, :value {value}}}\n"))
        })
        .collect()
}

/// The exit code and all text for a history of our own.
fn judged(name: &str, text: &str, arguments: &[&str]) -> (i32, String) {
    let file = written(name, text);
    judge(&[&[file.as_str()], arguments].concat())
}

#[test]
fn values_are_equal_whatever_their_spelling() {
    for (name, wrote, read) in [("u", r#""\u0041""#, r#""A""#), ("n", "123N", "+123"), ("nl", r#""\n""#, "\"\n\"")] {
        let text = events(&[("write", wrote, wrote), ("read", "nil", read)]);
        assert_eq!(judged(&format!("{name}.edn"), &text, &[]).0, 0, "{text}");
    }
    let json = |wrote: &str, read: &str| {
        format!(
            "{{\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"value\":{wrote}}}\n\
             {{\"process\":0,\"type\":\"ok\",\"f\":\"write\",\"value\":{wrote}}}\n\
             {{\"process\":1,\"type\":\"invoke\",\"f\":\"read\",\"value\":null}}\n\
             {{\"process\":1,\"type\":\"ok\",\"f\":\"read\",\"value\":{read}}}\n"
        )
    };
    assert_eq!(judged("u.json", &json(r#""\ud83d\ude00""#, "\"😀\""), &[]).0, 0);
    assert_eq!(judged("k.edn", &events(&[("write", ":a", ":a"), ("read", "nil", "a")]), &[]).0, 1);
    let (code, text) = judged("q.edn", &events(&[("write", r#""\q""#, "nil")]), &[]);
    assert!(code == 2 && text.contains(":1: `\\q` is no escape"), "{text}");
}

#[test]
fn an_initial_value_is_one_value_as_the_file_writes_it() {
    let foo = events(&[("read", "nil", ":foo")]);
    assert_eq!(judged("foo.edn", &foo, &["--initial", ":foo"]).0, 0);
    assert_eq!(judged("foo.edn", &foo, &["--initial", ":bar"]).0, 1);
    assert_eq!(judged("minus.edn", &events(&[("read", "nil", "-5")]), &["--initial", "-5"]).0, 0);
    for nonsense in ["{", "5]", "", "{}"] {
        assert_eq!(judged("foo.edn", &foo, &["--initial", nonsense]).0, 2, "{nonsense}");
    }
    let (code, text) = judged("add.edn", &events(&[("inc", "1", "1")]), &["--initial", "5"]);
    assert!(code == 2 && text.contains("--initial counts for registers only"), "{text}");
}

#[test]
fn a_model_that_the_operations_are_not_of_is_refused() {
    let register = events(&[("write", "1", "1"), ("read", "nil", "1")]);
    let (code, text) = judged("reg.edn", &register, &["--model", "queue"]);
    assert!(code == 2 && text.contains(":1: `write` is no operation of a queue; it fits --model register"), "{text}");
    let queue = events(&[("enqueue", "1", "1"), ("dequeue", "nil", "1")]);
    assert_eq!(judged("queue.edn", &queue, &["--model", "register"]).0, 2);
    let (code, text) = judged("queue.edn", &queue, &[]);
    assert!(code == 0 && text.contains("taken for those of a queue"), "{text}");
    let ours = r#"{"process":1,"f":"enqueue","value":3,"invoked":1,"completed":2,"status":"ok"}"#;
    assert_eq!(judged("ours.jsonl", ours, &["--model", "register"]).0, 2);
}

#[test]
fn only_vectors_of_two_name_a_key_and_a_note_says_so() {
    let vector = events(&[("write", "[1 2]", "[1 2]"), ("read", "[3 nil]", "[3 2]")]);
    let (code, text) = judged("keyed.edn", &vector, &[]);
    assert!(code == 1 && text.contains("taken as v of an independent key k"), "{text}");
    let same = events(&[("write", "[1 2]", "[1 2]"), ("read", "nil", "[1 2]")]);
    assert_eq!(judged("same.edn", &same, &["--keys", "none"]).0, 0);
    for (wrote, read) in [("#{1 2}", "#{2 1}"), ("(1 2)", "(1 2)")] {
        let text = events(&[("write", wrote, wrote), ("read", "nil", read)]);
        let (code, text) = judged("set.edn", &text, &[]);
        assert!(code == 0 && !text.contains("independent"), "{text}");
    }
    let mixed = events(&[("write", "[1 2]", "[1 2]"), ("write", "5", "5")]);
    assert!(judged("mixed.edn", &mixed, &[]).1.contains("without such a key"));
}

#[test]
fn reads_of_nil_have_one_habit_with_and_without_a_key() {
    for (wrote, asked, read) in [("1", "nil", "nil"), ("[x 1]", "[x nil]", "[x nil]")] {
        let text = events(&[("write", wrote, wrote), ("read", asked, read), ("write", wrote, wrote)]);
        assert!(judged("nil.edn", &text, &[]).1.contains("they match anything"), "{text}");
        let (code, text) = judged("nil.edn", &text, &["--nil-read", "initial"]);
        assert!(code == 1 && text.contains("taken as reads of the initial value"), "{text}");
    }
}

#[test]
fn what_a_reader_would_have_to_guess_is_an_error_or_a_note() {
    for (line, reason) in [
        ("{:process \"a\", :type :invoke, :f :read}", "not the string"),
        ("{:process 0, :type :invoke, :type :ok, :f :read}", "occurs twice"),
        ("{:process 0, :type :invoke, :f :write, :value}", "has no value"),
        ("{:process 0, :type :invoke, :f :write}", "field `value` is missing"),
        ("{:process 0, :type :invoke, :f :frob}", "increment, dec, decrement"),
    ] {
        let (code, text) = judged("guess.edn", &format!("\n{line}\n"), &[]);
        assert!(code == 2 && text.contains(":2: ") && text.contains(reason), "{text}");
    }
    let (_, text) = judged("other.edn", &events(&[("write", "1", "2")]), &[]);
    assert!(text.contains("1 completion (line 2) with another value"), "{text}");
    let nemesis = "{:process :nemesis, :type :info, :f :kill}\n";
    assert!(judged("nemesis.edn", nemesis, &[]).1.contains("1 event (line 1) left out"));
}

#[test]
fn a_file_of_another_format_is_no_empty_history() {
    let text = events(&[("write", "1", "1"), ("read", "nil", "1")]);
    let (code, out) = judged("not.log", &text, &["--input", "etcd-log"]);
    assert!(code == 2 && out.contains(":1: no line of this file has `jepsen.util -`"), "{out}");
}

#[test]
fn compressed_files_and_standard_input_are_read() {
    use std::io::Write as _;
    let text = events(&[("write", "1", "1"), ("read", "nil", "2")]);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text.as_bytes()).expect("into memory");
    let path = written("packed.gz", "");
    std::fs::write(&path, packed.finish().expect("into memory")).expect("a file of our own");
    assert_eq!(judge(&[&path]).0, 1);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_netsplit"))
        .args(["judge", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary was built");
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("standard input: 2 operations"));
}

#[test]
fn control_characters_of_a_history_are_escaped() {
    let text = events(&[("write", "\"\u{1b}[31m\"", "nil"), ("read", "nil", "\"\u{1b}[0m\"")]);
    let (code, text) = judged("esc.edn", &text, &[]);
    assert!(code == 1 && text.contains("\\u001b[0m") && !text.contains('\u{1b}'), "{text}");
}
