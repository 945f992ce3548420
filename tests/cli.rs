//! The command line from outside: every command, its exit codes, and outputs that can't be written.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of the test's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("netsplit-cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Folder(folder)
    }
    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("it is there").flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn first() -> String {
    root().join("scenarios/basics/first.toml").display().to_string()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    command.args(arguments).current_dir(folder).env_remove("TERM").env("COLUMNS", "100");
    command
}

fn netsplit(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the binary was built")
}

/// Exit code, stdout, stderr. Nothing may ever panic.
fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it speaks UTF-8");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code().unwrap_or(-1), out, err)
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    said(&netsplit(root(), arguments))
}

#[test]
fn new_writes_a_scenario_that_checks_and_runs_green_and_never_overwrites() {
    let folder = Folder::new("new");
    let (code, out, err) = said(&netsplit(&folder.0, &["new", "mine"]));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("wrote mine.toml") && out.contains("netsplit run mine.toml"), "{out}");
    assert_eq!(folder.names(), ["mine.toml", "scenario.schema.json"]);
    let text = std::fs::read_to_string(folder.0.join("mine.toml")).expect("it was written");
    assert!(text.starts_with("#:schema scenario.schema.json\n"), "{text}");
    let (code, out, err) = said(&netsplit(&folder.0, &["run", "mine.toml"]));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("ALL MET"), "{out}");
    assert!(folder.0.join("reports/mine-s1/summary.json").is_file());
    std::fs::write(folder.0.join("mine.toml"), "my work").expect("our own");
    let (code, _, err) = said(&netsplit(&folder.0, &["new", "mine"]));
    assert_eq!(code, 2);
    assert!(err.contains("not overwritten"), "{err}");
    assert_eq!(std::fs::read_to_string(folder.0.join("mine.toml")).expect("it stays"), "my work");
}

#[test]
fn new_starts_from_any_template() {
    let folder = Folder::new("templates");
    let (code, help, _) = run(&["new", "--help"]);
    assert_eq!(code, 0);
    let templates: Vec<&str> = ["first", "load-balancing", "availability", "scaling-ladder", "retry-storm"].to_vec();
    for template in templates {
        assert!(help.contains(template), "{help}");
        let (code, out, err) = said(&netsplit(&folder.0, &["new", template, "--from", template]));
        assert_eq!(code, 0, "{out}{err}");
        let (code, out, err) = said(&netsplit(&folder.0, &["check", &format!("{template}.toml")]));
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
    }
    for (arguments, word) in [
        (&["new", "x", "--from", "frist"][..], "first"),
        (&["new"][..], "NAME"),
        (&["new", "nowhere/x"][..], "no such file"),
        (&["new", ".toml"][..], "needs a name"),
    ] {
        let (code, _, err) = said(&netsplit(&folder.0, arguments));
        assert_eq!(code, 2, "{arguments:?}");
        assert!(err.contains(word), "{arguments:?}: {err}");
    }
}

#[test]
fn every_command_explains_itself() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(help.contains("Exit codes"), "{help}");
    let names = help.lines().skip_while(|l| !l.starts_with("Commands")).skip(1).take_while(|l| !l.trim().is_empty());
    let names: Vec<&str> = names.filter_map(|l| l.strip_prefix("  ")?.split_whitespace().next()).collect();
    assert!(["run", "check", "new", "list", "explain", "schema", "completions"].iter().all(|c| names.contains(c)));
    for name in names.into_iter().filter(|n| *n != "help") {
        let (code, help, err) = run(&[name, "--help"]);
        assert_eq!((code, err.as_str()), (0, ""), "{name}");
        assert!(help.contains("Usage: netsplit"), "{name}: {help}");
    }
    let (code, out, _) = run(&["--version"]);
    assert_eq!((code, out.trim()), (0, concat!("netsplit ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn wrong_usage_is_2_with_the_word_that_was_meant() {
    for (arguments, word) in [
        (&["chekc", "x.toml"][..], "check"),
        (&["run"][..], "FILE"),
        (&["run", "x.toml", "--sed", "1"][..], "--seed"),
        (&["run", "x.toml", "--seed", "one"][..], "one"),
        (&["run", "x.toml", "--seed", "1", "--seeds", "1..=2"][..], "cannot be used with"),
        (&["run", "x.toml", "--format", "yaml"][..], "json"),
        (&["completions", "tcsh"][..], "bash"),
        (&["list", "--level", "easy"][..], "intro"),
        (&[][..], "Usage"),
    ] {
        let (code, out, err) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {out}{err}");
        assert!(err.contains(word), "{arguments:?}: {err}");
    }
}

#[test]
fn files_that_are_none_are_2() {
    let folder = Folder::new("none");
    std::fs::write(folder.0.join("first.toml"), "").expect("our own");
    for (file, word) in [
        ("frist.toml", "did you mean ./first.toml?"),
        ("nowhere/x.toml", "no such file"),
        (".", "directory"),
        ("first.toml/x.toml", "not a directory"),
        ("first.toml", "empty"),
    ] {
        for name in ["check", "run", "explain"] {
            let (code, out, err) = said(&netsplit(&folder.0, &[name, file]));
            assert_eq!((code, out.as_str()), (2, ""), "{name} {file}: {err}");
            assert!(err.contains(word), "{name} {file}: {err}");
        }
    }
    let (code, _, err) = said(&netsplit(&folder.0, &["list", "nowhere"]));
    assert_eq!(code, 2);
    assert!(err.contains("nowhere can't be read"), "{err}");
}

#[test]
fn exit_codes_say_how_a_run_went() {
    let short = ["--set", "duration=60s", "--no-report"];
    let with = |more: &[&str]| {
        let file = first();
        let mut arguments = vec!["run", file.as_str()];
        arguments.extend(short);
        arguments.extend(more);
        run(&arguments)
    };
    let met = "expect.mean-time.that=p99(api) < 10s";
    let (code, out, _) = with(&["--set", met]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("ALL MET"), "{out}");
    let (code, out, _) = with(&["--set", "expect={}"]);
    assert!(code == 0 && out.contains("NOTHING EXPECTED") && !out.contains("MET"), "{out}");
    let (code, out, _) = with(&["--set", "expect={}", "--seeds", "1..=2"]);
    assert!(code == 0 && out.contains("NOTHING EXPECTED") && !out.contains("MET"), "{out}");
    let (code, out, _) = with(&["--set", "expect.mean-time.that=p99(api) < 1us"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("NOT MET"), "{out}");
    let (code, out, _) = with(&["--set", "expect.mean-time.that=p99(api, timeout) < 1s"]);
    assert_eq!(code, 3, "{out}");
    let (code, _, err) = with(&["--set", "clients.web.rate=90"]);
    assert_eq!(code, 2);
    assert!(err.contains("--set:1:18") && err.contains("nothing was run"), "{err}");
    for seeds in ["5..=1", "one", "1", "1..", "1..=99999999999", ""] {
        let (code, _, err) = with(&["--seeds", seeds]);
        assert_eq!(code, 2, "{seeds}: {err}");
        assert!(err.contains("seeds"), "{seeds}: {err}");
    }
    let (code, _, err) = with(&["--variant", "bse"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `base`?"), "{err}");
    let (code, out, _) = with(&["--set", met, "--seeds", "1..=3", "--format", "json"]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    assert!(json.is_object() || json.is_array());
}

#[test]
fn list_explain_schema_and_completions_answer() {
    let (code, out, err) = run(&["list"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("scenarios/basics/first.toml") && out.contains("How long does a request take"), "{out}");
    let (code, out, _) = run(&["list", "--covers", "nothing"]);
    assert_eq!((code, out.as_str()), (4, ""));
    let deep = "scenarios/basics/load-balancing.toml";
    let (code, question, _) = run(&["explain", deep]);
    assert_eq!(code, 0);
    let (_, hint, _) = run(&["explain", deep, "--hints", "1"]);
    let (_, answer, _) = run(&["explain", deep, "--answer"]);
    assert!(!question.contains("hint 1") && !question.contains("supermarket"), "{question}");
    assert!(hint.contains("hint 1") && !hint.contains("hint 2") && !hint.contains("supermarket"), "{hint}");
    assert!(answer.contains("supermarket") && answer.contains("hint 2"), "{answer}");
    let (code, schema, _) = run(&["schema"]);
    assert_eq!(code, 0);
    let committed = std::fs::read_to_string(root().join("scenarios/scenario.schema.json")).expect("it is committed");
    assert!(schema == committed);
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&["completions", shell]);
        assert!(code == 0 && out.contains("netsplit"), "{shell}");
    }
}

#[test]
fn a_scenario_in_full_is_one_that_checks() {
    let folder = Folder::new("full");
    let storm = "scenarios/chaos/retry-storm.toml";
    for variant in [&[][..], &["--variant", "retry-budget"]] {
        let (code, full, err) = run(&[&["explain", storm, "--full"][..], variant].concat());
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(full.contains("\nretry.budget_burst = 100                     # default, illustrative\n"), "{full}");
        assert!(full.contains("\nretry.budget = \"10%\"\n") != variant.is_empty(), "{full}");
        let saved = folder.path("saved.toml");
        std::fs::write(&saved, full).expect("a file");
        let (code, _, err) = run(&["check", "--deny-warnings", &saved]);
        assert_eq!((code, err.as_str()), (0, ""));
    }
    let (code, ..) = run(&["explain", storm, "--full", "--hints", "1"]);
    assert_eq!(code, 2);
}

#[test]
fn check_tells_all_files_and_denies_warnings_on_request() {
    let broken = root().join("tests/broken");
    let (code, out, err) =
        said(&netsplit(&broken, &["check", "--format", "line", "rate-a-number.toml", "warning-overload.toml"]));
    assert_eq!(code, 2);
    let mut lines = err.lines();
    assert!(lines.next().is_some_and(|l| l.starts_with("rate-a-number.toml:10:10: error: ")), "{err}");
    assert!(lines.next().is_some_and(|l| l.starts_with("warning-overload.toml:10:11: warning: ")), "{err}");
    assert!(out.contains("warning-overload.toml: all right"), "{out}");
    let (code, ..) = said(&netsplit(&broken, &["check", "warning-overload.toml"]));
    assert_eq!(code, 0);
    let (code, ..) = said(&netsplit(&broken, &["check", "--deny-warnings", "warning-overload.toml"]));
    assert_eq!(code, 2);
}

#[test]
fn a_report_that_cannot_be_written_is_2_and_loses_nothing() {
    let folder = Folder::new("unwritable");
    std::fs::write(folder.0.join("notes.txt"), "years of work").expect("our own");
    std::fs::create_dir(folder.0.join("thesis")).expect("our own");
    std::fs::write(folder.0.join("thesis/main.tex"), "years of work").expect("our own");
    let file = first();
    for (place, word) in [
        ("notes.txt", "is no folder"),
        ("notes.txt/report", "not a directory"),
        ("thesis", "other files"),
        ("/proc/netsplit", "can't be written"),
        ("/dev/full", "is no folder"),
    ] {
        let output = netsplit(&folder.0, &["run", &file, "--set", "duration=10s", "--out", place]);
        let (code, _, err) = said(&output);
        assert_eq!(code, 2, "{place}: {err}");
        assert!(err.contains(word) && err.contains(place), "{place}: {err}");
    }
    assert_eq!(folder.names(), ["notes.txt", "thesis"]);
    assert_eq!(std::fs::read_to_string(folder.path("notes.txt")).expect("it stays"), "years of work");
    assert_eq!(std::fs::read_to_string(folder.path("thesis/main.tex")).expect("it stays"), "years of work");
}

/// Who may write anywhere, such as root, is stopped by no permissions.
#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_2() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("readonly");
    let set = |mode| std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(mode)).expect("our own");
    set(0o555);
    let mighty = std::fs::write(folder.0.join("probe"), "").is_ok();
    if !mighty {
        let place = folder.path("report");
        let (code, _, err) = run(&["run", &first(), "--set", "duration=10s", "--out", &place]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("permission denied"), "{err}");
        let (code, _, err) = said(&netsplit(&folder.0, &["new", "mine"]));
        assert_eq!(code, 2);
        assert!(err.contains("permission denied"), "{err}");
    }
    set(0o755);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_2_and_a_reader_that_left_is_nobodys_error() {
    for arguments in [
        &["list"][..],
        &["schema"][..],
        &["completions", "bash"][..],
        &["explain", "scenarios/basics/first.toml"][..],
        &["run", "scenarios/basics/first.toml", "--set", "duration=10s", "--no-report", "--format", "json"][..],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has one");
        let output = command(root(), arguments).stdout(full).output().expect("the binary was built");
        let (code, _, err) = said(&output);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains("can't be written: no space left"), "{arguments:?}: {err}");
        let mut child = command(root(), arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built");
        drop(child.stdout.take());
        let (code, _, err) = said(&child.wait_with_output().expect("it ends"));
        assert!(code <= 3 && err.is_empty(), "{arguments:?}: {code} {err}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_is_130_and_writes_no_report() {
    let folder = Folder::new("interrupted");
    let file = first();
    let long = ["--set", "duration=3000d", "--set", "max_events=900B", "--out", "report"];
    let mut arguments = vec!["run", file.as_str()];
    arguments.extend(long);
    let mut child = command(&folder.0, &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(child.try_wait().expect("it can be asked").is_none(), "it is still at work");
    let id = child.id().to_string();
    Command::new("kill").args(["-INT", &id]).status().expect("kill is there");
    let (code, out, err) = said(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, out.as_str()), (130, ""), "{err}");
    assert!(err.contains("interrupted at") && err.contains("no report written"), "{err}");
    assert!(folder.names().is_empty());
}

/// The estimate knows nothing of retries: here each request becomes twenty.
#[test]
fn a_run_that_takes_far_more_events_than_allowed_is_stopped() {
    let folder = Folder::new("too-many-events");
    let file = folder.path("storm.toml");
    let text = "schema = 1\ntitle = \"t\"\nquestion = \"q\"\nduration = \"10s\"\nmax_events = 10_000\n\
                [service.web]\nworkers = 1\nservice_time = \"1s\"\n\
                [clients.users]\nrate = \"100/s\"\ntarget = \"web\"\ntimeout = \"2ms\"\n\
                retry = { attempts = 20, backoff = \"full_jitter(1ms, 2ms)\" }\n";
    std::fs::write(&file, text).expect("a temporary file");
    for (seeds, of) in [(&["--seed", "3"][..], "error: by "), (&["--seeds", "3..=6"][..], "error: seed 3: by ")] {
        let arguments = [&["run", file.as_str(), "--out", "report"], seeds].concat();
        let output = command(&folder.0, &arguments).output().expect("the binary was built");
        let (code, out, err) = said(&output);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(of) && err.contains("more than 4 times max_events = 10000\n"), "{err}");
        assert_eq!(folder.names(), ["storm.toml"]);
    }
    // With enough of them it goes to its end.
    let arguments = ["run", file.as_str(), "--no-report", "--set", "max_events=1M"];
    let (code, _, err) = said(&command(&folder.0, &arguments).output().expect("the binary was built"));
    assert_eq!((code, err.contains("max_events")), (0, false), "{err}");
}

#[test]
fn a_counter_example_never_takes_the_place_of_the_history() {
    let folder = Folder::new("keeps-apart");
    let history = folder.path("h.edn");
    let text = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n\
                {:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 2}\n";
    std::fs::write(&history, text).expect("a temporary file");
    let picture = folder.path("p.svg");
    for flags in [
        ["--picture", &history, "--witness", &picture],
        ["--witness", &history, "--picture", &picture],
        ["--picture", &picture, "--witness", &picture],
    ] {
        let (code, _, err) = run(&[&["judge", history.as_str()][..], &flags[..]].concat());
        assert!(code == 2 && (err.contains("would overwrite") || err.contains("the same file")), "{code} {err}");
    }
    assert_eq!(
        (std::fs::read_to_string(&history).expect("it is there"), folder.names()),
        (text.to_owned(), vec!["h.edn".to_owned()])
    );
    assert_eq!(run(&["judge", &history, "--picture", &picture]).0, 1);
    assert_eq!(folder.names(), ["h.edn", "p.svg"]);
}
