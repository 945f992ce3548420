//! What a pushed configuration changes while the run goes on, and how often faults happen.

mod played;

use netsplit::engine::{Instant, Span};
use netsplit::run::Run;
use played::{load, measured, play};

/// A service at 50/s that calls another, and a value that is set from 100 s to 200 s.
fn pushed(set: &str) -> String {
    format!(
        "duration = \"300s\"\n[service.web]\nworkers = 10\nservice_time = \"10ms\"\n[service.db]\nworkers = 10\n\
         service_time = \"20ms\"\n[flow.f]\nruns_on = \"web\"\nsteps = [{{ call = \"db\" }}]\n[clients.c]\nrate = \"50/s\"\n\
         arrivals = \"constant\"\ntarget = \"web\"\nmix = {{ f = \"100%\" }}\n[fault.push]\nat = \"100s\"\nfor = \"100s\"\n\
         set = {{ {set} }}\n"
    )
}

/// The value before, while and after.
fn around(run: &Run, metric: &str) -> [f64; 3] {
    ["before push", "push", "after push"].map(|phase| measured(run, &metric.replace('@', phase)))
}

#[test]
fn a_service_time_changes_and_returns() {
    let run = play(&pushed("\"service.db.service_time\" = \"50ms\""));
    let [before, during, after] = around(&run, "mean(db, @)");
    assert!((before - 0.02).abs() < 1e-4 && (during - 0.05).abs() < 1e-4 && (after - 0.02).abs() < 1e-4);
}

#[test]
fn workers_change_and_with_them_the_utilisation() {
    let run = play(&pushed("\"service.db.workers\" = 2"));
    let [before, during, after] = around(&run, "mean(utilization(db, @))");
    // One worker's worth of work, for 10 workers or 2, as many as there are at the time.
    for (share, expected) in [(before, 0.1), (during, 0.5), (after, 0.1)] {
        assert!((share - expected).abs() < 0.002, "{share} for {expected}");
    }
    let all = measured(&run, "mean(utilization(db))");
    assert!((all - 300.0 / (200.0 * 10.0 + 100.0 * 2.0)).abs() < 0.001, "{all}");
    let most = measured(&run, "max(utilization(db, push))");
    assert!((0.5..=1.0).contains(&most), "{most}");
    let run = play(&pushed("\"service.db.workers\" = 1"));
    let [_, during, _] = around(&run, "p99(db, @)");
    assert!(during >= 0.02, "one worker is busy all the time: {during}");
    let run = play(&pushed("\"service.db.speed\" = 0.5"));
    let [before, during, after] = around(&run, "mean(db, @)");
    assert!((before - 0.02).abs() < 1e-4 && (during - 0.04).abs() < 1e-4 && (after - 0.02).abs() < 1e-4);
}

#[test]
fn the_rate_of_clients_changes() {
    let run = play(&pushed("\"clients.c.rate\" = \"150/s\""));
    let [before, during, after] = around(&run, "offered(c, @)");
    assert!((before - 50.0).abs() < 0.5 && (during - 150.0).abs() < 1.5 && (after - 50.0).abs() < 0.5);
}

#[test]
fn a_timeout_that_is_too_short_is_a_bad_push() {
    let run = play(&pushed("\"edge.web.db.timeout\" = \"15ms\""));
    assert_eq!(around(&run, "error_ratio(c, @)").map(|e| (e * 100.0).round()), [0.0, 100.0, 0.0]);
}

#[test]
fn retries_can_be_switched_on() {
    let text = pushed("\"edge.web.db.retry\" = { attempts = 3, backoff = \"constant(1ms)\" }");
    let text = format!("{text}[fault.ill]\nat = \"0s\"\ngray = \"db\"\nerrors = \"50%\"\n");
    let run = play(&text);
    let [before, during, after] = around(&run, "error_ratio(c, @)");
    assert!((before - 0.5).abs() < 0.03 && (during - 0.125).abs() < 0.03 && (after - 0.5).abs() < 0.03);
}

#[test]
fn a_link_becomes_longer() {
    let run = play(&pushed("\"network.within_zone\" = { rtt = \"10ms\" }"));
    let [before, during, after] = around(&run, "mean(c, @)");
    // Two round trips: client to web, web to db.
    assert!((before - 0.03).abs() < 1e-3 && (during - 0.05).abs() < 1e-3 && (after - 0.03).abs() < 1e-3);
}

#[test]
fn what_cannot_change_is_said_with_what_can() {
    for (set, message) in [
        ("\"service.db.replicas\" = 3", "`service.db.replicas` can't change while the run goes on"),
        ("\"service.db.workrs\" = 3", "did you mean `workers`?"),
        ("\"service.bd.workers\" = 3", "did you mean `db`?"),
        ("\"service.db.workers\" = 10", "changes nothing in this run"),
        ("\"service.db.workers\" = \"10ms\"", "expected"),
        ("service = { db = { workers = 3 } }", "quote the whole path"),
        (
            "\"clients.c.mix\" = { f = \"50%\", request = \"50%\" }",
            "`clients.c.mix` can't change while the run goes on",
        ),
    ] {
        let errors = load(&pushed(set)).expect_err(set);
        assert!(errors.contains(message), "{set}: {errors}");
    }
    let errors = load(&pushed("\"service.db.replicas\" = 3")).expect_err("replicas");
    assert!(errors.contains("workers, speed, queue"), "{errors}");
}

#[test]
fn a_fault_happens_with_its_probability() {
    let plan = load(
        "duration = \"4000s\"\n[service.web]\n[clients.c]\nrate = \"1/s\"\ntarget = \"web\"\n[fault.flap]\nevery = \"2s\"\n\
         for = \"1s\"\nprobability = \"25%\"\npause = \"web\"\n",
    )
    .expect("it reads");
    let happened = plan.faults[0].windows.len() as f64;
    // Four standard deviations of a binomial of 2000.
    assert!((happened - 500.0).abs() < 4.0 * (2000.0_f64 * 0.25 * 0.75).sqrt(), "{happened}");
}

#[test]
fn no_more_instances_break_at_once_than_allowed() {
    let text = |most: &str| {
        format!(
            "duration = \"4000s\"\n[service.web]\nreplicas = 10\n[clients.c]\nrate = \"1/s\"\ntarget = \"web\"\n[fault.wear]\n\
             random = {{ mtbf = \"50s\", mttr = \"50s\" }}\n{most}\ncrash = \"web\"\n"
        )
    };
    let (free, two) = (play(&text("")), play(&text("max_concurrent = 2")));
    assert!(measured(&free, "min(running(web))") < 3.0);
    let up: Vec<f64> = vec![measured(&two, "mean(running(web))")];
    assert!(up[0] > 8.0, "{up:?}");
    let plan = load(&text("max_concurrent = 2")).expect("it reads");
    let windows = &plan.faults[0].windows;
    for (from, _) in windows {
        let at_once = windows.iter().filter(|(a, b)| a <= from && from < b).count();
        assert!(at_once <= 2, "{at_once} at {from:?}");
    }
    let errors =
        load(&text("").replace("random = { mtbf = \"50s\", mttr = \"50s\" }", "at = \"1s\"\nmax_concurrent = 2"));
    assert!(errors.expect_err("not at random").contains("break each on its own"));
    // What happens every now and then is skipped while it lasts.
    let again = "every = \"exp(20s)\"\nfor = \"exp(20s)\"\nmax_concurrent = 1";
    let plan = load(&text("").replace("random = { mtbf = \"50s\", mttr = \"50s\" }", again)).expect("it reads");
    let windows = &plan.faults[0].windows;
    assert!(windows.len() > 50 && windows.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{windows:?}");
}

#[test]
fn a_hot_key_reaches_the_draws_of_flows() {
    let run = play(
        "duration = \"200s\"\n[service.web]\n[store.db]\n[keys.posts]\ncount = 1000\n[cache.hot]\nbacking = \"db\"\nsize = 10\n\
         [flow.f]\nruns_on = \"web\"\ndraw = { post = \"posts\" }\nsteps = [{ read = \"hot\", key = \"$post\" }]\n[clients.c]\n\
         rate = \"200/s\"\ntarget = \"web\"\nmix = { f = \"100%\" }\n[fault.celebrity]\nat = \"100s\"\nhot_key = \"posts\"\n\
         share = \"50%\"\n",
    );
    assert!(measured(&run, "hit_ratio(hot, before celebrity)") < 0.02);
    assert!((measured(&run, "hit_ratio(hot, celebrity)") - 0.5).abs() < 0.03);
}

/// Five replicas of Raft under a light load, and a fault that waits for a leader.
fn elections(fault: &str) -> String {
    format!(
        "duration = \"60s\"\nwarmup = \"5s\"\n[store.kv]\nreplicas = 5\nreplication = {{ raft = {{}} }}\n\
         [clients.c]\nrate = \"20/s\"\ntarget = \"kv\"\ntimeout = \"1s\"\nmix = {{ read = \"50%\", write = \"50%\" }}\n\
         [fault.kill]\nat = \"20s\"\nfor = \"5s\"\ncrash = \"kv/leader\"\n[fault.late]\n{fault}\n"
    )
}

#[test]
fn a_fault_waits_for_a_point_and_is_a_phase_from_then_on() {
    let fault = "when = \"on(leader_elected)\"\nat = \"10s\"\nfor = \"5s\"\npartition = [\"kv/leader\", \"rest\"]";
    let run = play(&elections(fault));
    let elected: Vec<_> = run.outcome.points.iter().filter(|(_, _, point)| point.name == "leader_elected").collect();
    // The one at the start lies before `at`; the next is that after the crash.
    let (at, leader, _) = elected.iter().find(|(at, ..)| at.as_secs_f64() > 10.0).expect("somebody takes over");
    assert!(at.as_secs_f64() > 20.0);
    let late = run.outcome.plan.faults.iter().position(|fault| fault.name == "late").expect("it is there");
    assert_eq!(run.outcome.plan.faults[late].windows, [(*at, *at + Span::secs(5))]);
    let acted: Vec<_> = run.outcome.acted.iter().filter(|act| usize::from(act.fault) == late).collect();
    assert_eq!((acted[0].at, acted[0].hit.as_slice()), (*at, [*leader].as_slice()));
    assert_eq!(acted.last().map(|act| act.at), Some(*at + Span::secs(5)));
    // The phase is measured, and ends where the fault does.
    assert!((measured(&run, "offered(c, late)") - 20.0).abs() < 10.0);
    assert!(measured(&run, "availability(c, after late)") > 0.95);
    // The pass that looked for the moment leaves no trace.
    assert_eq!(run.outcome.digest, play(&elections(fault)).outcome.digest);
}

#[test]
fn the_nth_passage_counts_and_one_that_never_comes_is_no_phase() {
    let nth = |n: u32| play(&elections(&format!("when = \"on(leader_elected)\"\nnth = {n}\npause = \"kv/leader\"")));
    let begins = |run: &Run| run.outcome.plan.faults.iter().find(|fault| fault.name == "late").expect("there").span();
    let (first, second) = (begins(&nth(1)).expect("it came").0, begins(&nth(2)).expect("it came").0);
    assert!(first.as_secs_f64() < 5.0 && second.as_secs_f64() > first.as_secs_f64());
    let never = nth(1000);
    assert_eq!(begins(&never), None);
    assert!(never.outcome.acted.iter().all(|act| act.what != "pause"));
}

#[test]
fn between_two_points_is_as_soon_as_the_first_is_passed_or_at_once() {
    let begins = |at: &str| {
        let fault = format!("when = \"between(election_started, leader_elected)\"\nat = \"{at}\"\npause = \"kv/4\"");
        let run = play(&elections(&fault));
        let passed = |name: &str, from: Instant| {
            let mut passed = run.outcome.points.iter().filter(|(at, _, point)| point.name == name && *at >= from);
            passed.next().expect("somebody does").0
        };
        let late = run.outcome.plan.faults.iter().find(|fault| fault.name == "late").expect("it is there");
        let began = late.span().expect("it came").0;
        let killed = Instant::ZERO + Span::secs(20);
        (began, passed("election_started", killed), passed("leader_elected", killed))
    };
    // An election is long over at 10 s, and the next one begins after the crash.
    let (began, started, elected) = begins("10s");
    assert_eq!(began, started);
    assert!(started < elected);
    // Into the middle of it.
    let middle = Span(started.0 + elected.since(started).0 / 2);
    let (began, ..) = begins(&format!("{}us", middle.0 / 1_000));
    assert_eq!(began.0 / 1_000, middle.0 / 1_000);
}

#[test]
fn of_two_groups_the_one_that_is_named_counts() {
    let begins = |of: &str| {
        let fault = format!(
            "when = \"on(leader_elected{of})\"\nat = \"10s\"\nfor = \"5s\"\npause = \"log/leader\"\n[store.log]\nreplicas = 3\n\
             replication = {{ raft = {{}} }}\n[clients.d]\nrate = \"20/s\"\ntarget = \"log\"\ntimeout = \"1s\"\n\
             mix = {{ write = \"100%\" }}\n[fault.other]\nat = \"40s\"\nfor = \"5s\"\ncrash = \"log/leader\""
        );
        let run = play(&elections(&fault));
        let late = run.outcome.plan.faults.iter().find(|fault| fault.name == "late").expect("it is there").clone();
        late.span().expect("it came").0.as_secs_f64()
    };
    // The leader of kv is killed at 20 s, that of log at 40 s.
    assert!((20.0..25.0).contains(&begins("")), "whoever comes first");
    assert!((20.0..25.0).contains(&begins(", of=kv")));
    assert!((40.0..45.0).contains(&begins(", of=log")));
}

#[test]
fn a_pushed_configuration_may_wait_for_a_point() {
    let push = "when = \"on(leader_elected)\"\nat = \"10s\"\nset = { \"clients.c.rate\" = \"100/s\" }";
    let run = play(&elections(push));
    assert!((measured(&run, "offered(c, late)") - 100.0).abs() < 10.0);
    assert!((measured(&run, "offered(c, before late)") - 20.0).abs() < 5.0);
}

#[test]
fn a_fault_on_a_role_that_nobody_has_is_told_of() {
    let scenario = "duration = \"60s\"\n[store.kv]\nreplicas = 3\nreplication = { quorum = { w = 2, r = 2 } }\n\
         [clients.c]\nrate = \"20/s\"\ntarget = \"kv\"\n[fault.kill]\nevery = \"10s\"\nfor = \"1s\"\ncrash = \"kv/leader\"\n\
         [fault.other]\nat = \"20s\"\nfor = \"1s\"\ncrash = \"kv/1\"";
    let run = play(scenario);
    assert_eq!(run.outcome.missed(), [("kill", 5)]);
    let led = play(&scenario.replace("quorum = { w = 2, r = 2 }", "raft = {}"));
    assert!(led.outcome.missed().iter().all(|(fault, _)| *fault != "kill"));
}
