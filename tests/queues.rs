//! Queues: what waits how long, what is refused, and what comes twice.

mod played;

use netsplit::run::value;
use played::{load, measured, play};

/// Producers at 80/s, a queue, and one worker of 10 ms a message.
fn line(duration: &str, queue: &str, consumer: &str, worker: &str, rest: &str) -> String {
    format!(
        "duration = \"{duration}\"\n[queue.jobs]\n{queue}\n[service.worker]\n{worker}\n[flow.work]\non = \"jobs\"\n\
         runs_on = \"worker\"\n{consumer}\n[service.shop]\nworkers = 10000\n[flow.order]\nruns_on = \"shop\"\n\
         draw = {{ order = \"unique\" }}\nsteps = [{{ append = \"jobs\", key = \"$order\" }}, {{ reply = \"ok\" }}]\n\
         [clients.c]\ntarget = \"shop\"\nmix = {{ order = \"100%\" }}\n{rest}\n"
    )
}

const WORK: &str = "steps = [{ work = \"exp(10ms)\" }]";

#[test]
fn one_consumer_makes_it_an_m_m_1_whose_wait_is_the_age() {
    let run = play(&line("2000s", "", WORK, "", "rate = \"80/s\""));
    // Wq = ρ / (μ − λ) = 40 ms; Lq = λ Wq = 3.2.
    for (expression, expected) in
        [("mean(queue_age(jobs))", 0.04), ("mean(lag(jobs))", 3.2), ("mean(queue_length(jobs))", 3.2)]
    {
        let measured = value(expression, &run.outcome).expect("it was measured");
        let error = measured.standard_error.expect("long enough");
        assert!((measured.value - expected).abs() <= 4.0 * error, "{expression} = {} ± {error}", measured.value);
        assert!(error < 0.05 * expected);
    }
    assert!(measured(&run, "mean(order)") < 1e-6, "producers don't wait");
}

#[test]
fn a_bounded_queue_refuses_as_the_formula_says() {
    // M/M/1/K with K = 5 waiting and one at work, ρ = 0.9: P(full) = ρ⁶ (1 − ρ) / (1 − ρ⁷).
    let rho: f64 = 0.9;
    let expected = libm::pow(rho, 6.0) * (1.0 - rho) / (1.0 - libm::pow(rho, 7.0));
    let queue = "backlog = { limit = 5, when_full = \"reject\" }";
    let run = play(&line("2000s", queue, WORK, "", "rate = \"90/s\""));
    let measured = value("error_ratio(c)", &run.outcome).expect("it was measured");
    let error = measured.standard_error.expect("long enough");
    assert!((measured.value - expected).abs() <= 4.0 * error, "{} ± {error}, {expected}", measured.value);
}

#[test]
fn a_full_queue_blocks_refuses_or_throws_the_oldest_away() {
    let run = |when_full: &str| {
        let queue = format!("backlog = {{ limit = 10, when_full = \"{when_full}\" }}");
        play(&line("100s", &queue, "steps = [{ work = \"10ms\" }]", "", "rate = \"200/s\"\narrivals = \"constant\""))
    };
    let (block, reject, shed) = (run("block"), run("reject"), run("shed"));
    // Twice as much as can be done: half is refused, or half is thrown away, or producers wait longer and longer.
    assert!((measured(&reject, "error_ratio(c)") - 0.5).abs() < 0.01);
    assert_eq!(measured(&shed, "error_ratio(c)"), 0.0);
    for run in [&block, &reject, &shed] {
        assert_eq!(measured(run, "max(lag(jobs))"), 10.0);
        let done = measured(run, "count(calls(jobs -> worker))");
        assert!((9_990.0..=10_012.0).contains(&done), "{done}");
    }
    assert!(measured(&block, "mean(order)") > 20.0);
    // The oldest wait longest where nothing is thrown away: 10 messages of 10 ms each.
    assert!(measured(&reject, "mean(queue_age(jobs))") > 0.095);
    assert!(measured(&shed, "mean(queue_age(jobs))") <= 0.105);
}

#[test]
fn order_limits_how_many_work_at_once() {
    let run = |consumer: &str, queue: &str| {
        let consumer = format!("{consumer}\nsteps = [{{ sleep = \"100ms\" }}]");
        play(&line("100s", queue, &consumer, "replicas = 4", "rate = \"30/s\"\narrivals = \"constant\""))
    };
    // 30/s of 100 ms want three at once: one lane does 10/s, free order as many as there are hands.
    let (one, eight, free) =
        (run("", "partitions = 1"), run("parallel = 4", "partitions = 8"), run("order = \"none\"", ""));
    assert!((measured(&one, "rate(ok(jobs -> worker))") - 10.0).abs() < 0.3);
    assert!(measured(&free, "mean(queue_age(jobs))") < 1e-6);
    assert!(measured(&eight, "rate(ok(jobs -> worker))") > 29.0);
}

#[test]
fn what_a_consumer_drops_is_handed_out_again_until_it_is_given_up() {
    let queue = "visibility_timeout = \"1s\"\nmax_deliveries = 3\ndead_letters = \"graves\"";
    let consumer = "order = \"none\"\nparallel = 100\nsteps = [{ call = \"flaky\" }]";
    let rest = "rate = \"20/s\"\narrivals = \"constant\"\n[queue.graves]\n[service.flaky]\nworkers = 100\n[fault.f]\nat = \"0s\"\ngray = \"flaky\"\nerrors = \"50%\"\n";
    let run = play(&line("400s", queue, consumer, "workers = 100", rest));
    let offered = measured(&run, "count(offered(c))");
    // Half of the first tries fail, and half of those again: 0.75 again, an eighth to the grave.
    let again = measured(&run, "count(redeliveries(jobs))") / offered;
    let given_up = measured(&run, "count(calls(jobs -> graves))") / offered;
    assert!((again - 0.75).abs() < 4.0 * (0.8_f64 / offered).sqrt(), "{again}");
    assert!((given_up - 0.125).abs() < 4.0 * (0.11_f64 / offered).sqrt(), "{given_up}");
    assert!((measured(&run, "max(lag(graves))") - measured(&run, "count(calls(jobs -> graves))")).abs() < 1.5);
}

#[test]
fn a_consumer_slower_than_the_visibility_timeout_does_everything_twice() {
    let queue = "visibility_timeout = \"1s\"";
    let consumer = "order = \"none\"\nparallel = 100\nsteps = [{ sleep = \"1.5s\" }]";
    let run = play(&line("200s", queue, consumer, "", "rate = \"5/s\"\narrivals = \"constant\""));
    // The first acknowledgement comes after the second delivery, and is too old to count; so nothing is ever done.
    let deliveries = measured(&run, "count(calls(jobs -> worker))");
    assert!(deliveries > 1.9 * measured(&run, "count(offered(c))"), "{deliveries}");
}

#[test]
fn at_most_once_loses_what_a_crash_interrupts_and_at_least_once_repeats_it() {
    let run = |queue: &str| {
        let consumer =
            "order = \"none\"\nparallel = 10\nsteps = [{ sleep = \"500ms\" }, { write = \"done\", key = \"$order\" }]";
        let rest = "rate = \"10/s\"\narrivals = \"constant\"\n[store.done]\n[fault.f]\nevery = \"10s\"\nfor = \"1s\"\nuntil = \"150s\"\ncrash = \"worker\"\n";
        let run = play(&line("200s", queue, consumer, "", rest));
        let mut done = 0;
        for fact in run.outcome.history.observations() {
            if let netsplit::history::Observation::FinalState { .. } = fact {
                done += 1;
            }
        }
        (measured(&run, "count(offered(c))") - f64::from(done), measured(&run, "count(redeliveries(jobs))"))
    };
    let (lost, twice) = run("delivery = \"at_most_once\"");
    // Five messages are at work at any time, and there are 14 crashes.
    assert!(lost > 40.0 && twice == 0.0, "{lost} {twice}");
    let (lost, twice) = run("visibility_timeout = \"3s\"");
    assert!(lost < 8.0 && twice > 40.0, "what is under way at the end, at most: {lost}; {twice}");
}

#[test]
fn each_group_gets_every_message() {
    let rest = "rate = \"50/s\"\n[service.mail]\n[flow.send]\non = \"jobs\"\nruns_on = \"mail\"\nsteps = []\n";
    let run = play(&line("100s", "", WORK, "", rest));
    let offered = measured(&run, "count(offered(c))");
    assert!(measured(&run, "count(calls(jobs -> worker))") > offered - 30.0);
    assert_eq!(measured(&run, "count(calls(jobs -> mail))"), offered);
    let shared = "rate = \"50/s\"\n[service.mail]\n[flow.send]\non = \"jobs\"\ngroup = \"work\"\nruns_on = \"mail\"\nsteps = []\n";
    let run = play(&line("100s", "partitions = 16", WORK, "", shared));
    let (a, b) = (measured(&run, "count(calls(jobs -> worker))"), measured(&run, "count(calls(jobs -> mail))"));
    assert!(a > 0.0 && b > 0.0 && a + b <= measured(&run, "count(offered(c))"));
}

#[test]
fn a_queue_keeps_its_messages_through_a_restart() {
    let rest = "rate = \"steps(0s: 50/s, 20s: 0/s)\"\n[fault.f]\nat = \"15s\"\nfor = \"1s\"\ncrash = \"jobs\"\n";
    let run = play(&line("200s", "visibility_timeout = \"5s\"", "steps = [{ work = \"30ms\" }]", "", rest));
    let (taken, again) = (measured(&run, "count(ok(c))"), measured(&run, "count(redeliveries(jobs))"));
    assert_eq!(measured(&run, "count(calls(jobs -> worker))"), taken + again);
    assert!(again >= 1.0, "what was in hand at the crash comes again");
    assert!(measured(&run, "max(lag(jobs))") > 200.0);
}

#[test]
fn what_a_queue_is_told_wrong_is_said() {
    for (queue, consumer, message) in [
        ("partitions = 0", WORK, "`partitions` is a number from 1 to"),
        ("backlog = { limit = 0 }", WORK, "a queue without room passes nothing on"),
        ("backlog = { limit = 5, when_full = \"rejct\" }", WORK, "did you mean `reject`?"),
        ("delivery = \"exactly_onec\"", WORK, "is no value of `delivery`"),
        ("dead_letters = \"grave\"", WORK, "no component is called `grave`"),
        ("visibility = \"5s\"", WORK, "unknown key `visibility`"),
        ("replicas = 3", WORK, "several replicas comes in a later version"),
        ("", "steps = [{ read = \"jobs\" }]", "`read` is nothing for `jobs`"),
        ("", "order = \"per_kye\"\nsteps = []", "did you mean `per_key`?"),
    ] {
        let errors = load(&line("10s", queue, consumer, "", "rate = \"1/s\"")).expect_err(queue);
        assert!(errors.contains(message), "{queue}: {errors}");
    }
    let errors = load(&line(
        "10s",
        "",
        "steps = []",
        "",
        "rate = \"1/s\"\n[flow.x]\non = \"jbs\"\nruns_on = \"shop\"\nsteps = []",
    ))
    .expect_err("no such queue");
    assert!(errors.contains("did you mean `jobs`?"), "{errors}");
}
