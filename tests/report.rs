//! Reports as a reader gets them: whole, offline, the same bytes from the same run, and drawn again from their folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Two designs, a fault, two kinds of requests, two components: small, and every figure has something to show.
const SCENARIO: &str = r#"
schema   = 1
title    = "A short test of <reports> & their figures"
question = "Does the page show what happened?"
duration = "20s"
warmup   = "2s"

[service.web]
workers      = 8
service_time = "exp(2ms)"

[service.db]
workers      = 2
service_time = "exp(5ms)"

[edge.web.db]
timeout = "200ms"
retry   = { attempts = 2, backoff = "none", on = ["timeout"] }

[flow.look]
runs_on = "web"
steps   = [{ call = "db" }, { reply = "ok" }]

[flow.ping]
runs_on = "web"
steps   = [{ reply = "ok" }]

[clients.users]
rate    = "200/s"
target  = "web"
mix     = { look = "90%", ping = "10%" }
timeout = "1s"

[fault.slow-db]
at     = "8s"
for    = "4s"
slow   = "db"
factor = 10

[expect.quick]
that   = "mean(db) ~ 6ms ± 50%"
during = "before slow-db"
source = "M/M/2"

[expect.all-answered]
that    = "availability(look) >= 99%"
during  = "slow-db"
verdict = "any"

[variant.patient]
set."edge.web.db.retry" = "none"
why = "no second attempt"

[variant.double]
set."service.db.workers" = 4

[sweep.load]
grid = { "clients.users.rate" = ["50/s", "100/s", "300/s"] }
show = ["mean(db)"]

[teach]
predict = [{ ask = "What happens?", choices = ["a", "b"], answer = "b" }]
"#;

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let place = std::env::temp_dir().join(format!("netsplit-report-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir_all(&place).expect("a folder of our own");
        std::fs::write(place.join("short.toml"), SCENARIO).expect("a folder of our own");
        Place(place)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    fn netsplit(&self, arguments: &[&str], threads: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
        command.args(arguments).current_dir(&self.0).env("RAYON_NUM_THREADS", threads);
        command.output().expect("the binary runs")
    }
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.netsplit(arguments, "2");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("it was written").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).expect("inside").display().to_string();
                all.push((name, std::fs::read(entry.path()).expect("readable")));
            }
        }
    }
    all.sort();
    all
}

fn differing(a: &[(String, Vec<u8>)], b: &[(String, Vec<u8>)]) -> Vec<String> {
    let of = |x: &[(String, Vec<u8>)], y: &[(String, Vec<u8>)]| -> Vec<String> {
        x.iter().filter(|f| !y.contains(f)).map(|f| f.0.clone()).collect()
    };
    let mut all = of(a, b);
    all.extend(of(b, a));
    all
}

#[test]
fn a_report_is_whole_offline_and_the_same_bytes_again() {
    let place = Place::new("run");
    let run = |folder: &str, threads: &str| {
        let output = place.netsplit(&["run", "short.toml", "--out", folder], threads);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        files(&place.path(folder))
    };
    let (first, second) = (run("one", "1"), run("two", "4"));
    assert_eq!(differing(&first, &second), Vec::<String>::new());
    let names: Vec<&str> = first.iter().map(|f| f.0.as_str()).collect();
    for name in ["report.html", "report.json", "summary.json", "plots/01-timeline.svg", "expanded-double.toml"] {
        assert!(names.contains(&name), "{name} is missing of {names:?}");
    }
    let html = std::fs::read_to_string(place.path("one/report.html")).expect("written");
    for section in ["Timeline", "Variants side by side", "Latency", "Where the time went", "Topology", "Model card"] {
        assert!(html.contains(&format!("· {section}")), "{section}");
    }
    assert!(html.contains("A short test of &lt;reports&gt; &amp; their figures"));
    let elsewhere = html.replace("http://www.w3.org/2000/svg", "");
    for foreign in ["http:", "https:", "@import", " src=", "<link", "url(\""] {
        assert!(!elsewhere.contains(foreign), "{foreign} in the page");
    }
    for link in html.split(" href=\"").skip(1).filter_map(|p| p.split('"').next()) {
        let known = link.starts_with('#') || names.contains(&link);
        assert!(known, "{link} leads nowhere");
    }
}

#[test]
fn a_folder_alone_draws_its_report_again_to_the_byte() {
    let place = Place::new("again");
    place.run(&["run", "short.toml", "--out", "r"]);
    let before = files(&place.path("r"));
    std::fs::remove_file(place.path("r/report.html")).expect("it was written");
    std::fs::remove_dir_all(place.path("r/plots")).expect("it was written");
    place.run(&["report", "r"]);
    assert_eq!(differing(&before, &files(&place.path("r"))), Vec::<String>::new());
}

#[test]
fn a_folder_that_is_no_report_is_said_so() {
    let place = Place::new("none");
    let nothing = place.netsplit(&["report", "."], "1");
    assert_eq!(nothing.status.code(), Some(2));
    std::fs::write(place.path("report.json"), "{\"title\": 3}").expect("a folder of our own");
    let broken = place.netsplit(&["report", "."], "1");
    assert_eq!(broken.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("is no report of this version"));
}

#[test]
fn a_sweep_gives_the_same_bytes_on_one_thread_and_on_four() {
    let place = Place::new("sweep");
    let sweep = |folder: &str, threads: &str| {
        let arguments = ["sweep", "short.toml", "--seeds", "1..=3", "--out", folder];
        let output = place.netsplit(&arguments, threads);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout).replace(folder, "");
        (said, files(&place.path(folder)))
    };
    let (one, four) = (sweep("one", "1"), sweep("four", "4"));
    assert_eq!(one.0, four.0);
    assert_eq!(differing(&one.1, &four.1), Vec::<String>::new());
    assert!(one.0.contains("300/s") && one.0.contains(" ± "), "{}", one.0);
    let csv = std::fs::read_to_string(place.path("one/sweep.csv")).expect("written");
    assert_eq!(csv.lines().count(), 1 + 3 * 3);
}

#[test]
fn an_axis_of_ones_own_and_what_is_wrong_with_it() {
    let place = Place::new("axis");
    let said = place.run(&["sweep", "short.toml", "--axis", "clients.users.rate=20/s,40/s", "--no-report"]);
    assert!(said.contains("40/s") && said.contains("Goodput"), "{said}");
    for wrong in ["clients.users.rate", "clients.user.rate=1/s", "clients.users.rate=fast"] {
        let output = place.netsplit(&["sweep", "short.toml", "--axis", wrong, "--no-report"], "1");
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn variants_and_folders_can_be_compared() {
    let place = Place::new("compare");
    let said = place.run(&["compare", "short.toml", "@double", "--seeds", "1..=3", "--out", "c"]);
    assert!(said.contains("users p99") && said.contains("seed by seed"), "{said}");
    assert!(place.path("c/report.html").exists());
    place.run(&["run", "short.toml", "--out", "r"]);
    let said = place.run(&["compare", "r@base", "r@base"]);
    assert!(said.starts_with("No difference"), "{said}");
    let wrong = place.netsplit(&["compare", "r@bsae", "r"], "1");
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_run_in_which_nothing_happens_still_has_a_page() {
    let place = Place::new("nothing");
    let scenario = SCENARIO.replace("200/s", "0.0001/s").replace("duration = \"20s\"", "duration = \"13s\"");
    std::fs::write(place.path("nothing.toml"), scenario).expect("a folder of our own");
    let output = place.netsplit(&["run", "nothing.toml", "--out", "r"], "2");
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    let html = std::fs::read_to_string(place.path("r/report.html")).expect("written");
    assert!(html.contains("no request") && !html.contains("NaN") && !html.contains(">inf"));
}

/// The sample beside the README is what this version draws. `NETSPLIT_BLESS=1 cargo test --test report` writes it anew.
#[test]
fn the_committed_sample_is_what_is_drawn_today() {
    let place = Place::new("sample");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    let out = place.path("r");
    command.args(["run", "scenarios/chaos/bulkheads.toml", "--out"]).arg(&out).current_dir(root);
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let drawn = std::fs::read(out.join("report.html")).expect("written");
    let sample = root.join("reports/sample/report.html");
    if std::env::var_os("NETSPLIT_BLESS").is_some() {
        std::fs::write(&sample, &drawn).expect("the sample is ours");
    }
    let kept = std::fs::read(&sample).expect("the sample is committed");
    assert!(kept == drawn, "the sample is old: NETSPLIT_BLESS=1 cargo test --test report");
}
