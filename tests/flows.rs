//! What each step of a flow does to a request.

mod played;

use netsplit::run::{Run, value};
use netsplit::scenario::Plan;
use played::measured;

fn load(scenario: &str) -> Result<Plan, String> {
    played::load(&format!("duration = \"100s\"\n{scenario}"))
}

fn play(scenario: &str) -> Run {
    played::play(&format!("duration = \"100s\"\n{scenario}"))
}

/// A web service that runs `[flow.f]` with these steps for 100 requests a second, and what else is there.
fn flow(steps: &str, rest: &str) -> String {
    format!(
        "[service.web]\nworkers = 1000\n[flow.f]\nruns_on = \"web\"\n{steps}\n[clients.c]\nrate = \"100/s\"\n\
         arrivals = \"constant\"\ntarget = \"web\"\nmix = {{ f = \"100%\" }}\n{rest}\n"
    )
}

#[test]
fn what_is_due_every_so_often_is_begun_by_each_instance_and_asked_of_nobody() {
    let scenario = "[service.web]\nreplicas = 2\n[service.slow]\nworkers = 1000\nservice_time = \"20ms\"\n\
                    [flow.tidy]\non = \"every(8s)\"\nruns_on = \"web\"\n\
                    steps = [{ work = \"500ms\" }, { call = \"slow\" }]\n\
                    [clients.c]\nrate = \"100/s\"\narrivals = \"constant\"\ntarget = \"slow\"\n";
    let run = play(scenario);
    // At 8 s, 16 s, … 96 s, by both.
    assert_eq!(measured(&run, "count(calls(web -> slow))"), 24.0);
    let busy = measured(&run, "mean(utilization(web))");
    assert!((busy - 12.0 * 0.5 / 100.0).abs() < 1e-9, "{busy}");
    assert!((measured(&run, "offered(c)") - measured(&run, "goodput(c)")).abs() < 0.05);
    // A restart begins to count anew: at 8, 16, then 20 + 1 + 8, … 93 s; the other one isn't touched.
    let crash = "[fault.f]\nat = \"20s\"\nfor = \"1s\"\ncrash = \"web/0\"\n";
    let crashed = play(&format!("{scenario}{crash}"));
    assert_eq!(measured(&crashed, "count(calls(web -> slow))"), (2 + 9 + 12) as f64);
}

#[test]
fn a_flow_that_nobody_asks_for_has_no_answer_to_give() {
    let scenario = "[service.web]\n[store.db]\n[keys.k]\ncount = 1\n\
                    [flow.tidy]\non = \"every(1s)\"\nruns_on = \"web\"\ndraw = { k = \"k\", n = \"unique\" }\n\
                    steps = [{ reply = \"ok\" }, { write = \"db\", key = \"$n\" }, { dedupe = \"web\", key = \"$k\" }, \
                    { read = \"db\", key = \"$n\" }]\n";
    let run = play(scenario);
    // All write, and only the first comes past `dedupe`. Each has a number of its own.
    assert_eq!(measured(&run, "count(calls(web -> db))"), 100.0);
}

const SLOW: &str = "[service.slow]\nworkers = 1000\nservice_time = \"20ms\"\n";

#[test]
fn a_branch_is_taken_as_often_as_it_says() {
    let steps = "steps = [{ branch = \"30%\", then = \"rare\", else = \"common\" }]";
    let rest = format!(
        "{SLOW}[service.fast]\n[flow.rare]\nsteps = [{{ call = \"slow\" }}]\n[flow.common]\nsteps = [{{ call = \"fast\" }}]\n"
    );
    let run = play(&flow(steps, &rest));
    let (slow, fast) = (measured(&run, "count(calls(web -> slow))"), measured(&run, "count(calls(web -> fast))"));
    assert!((9998.0..=10_001.0).contains(&(slow + fast)), "{slow} {fast}");
    // Four standard deviations of a binomial of 10 000.
    assert!((slow - 3000.0).abs() < 4.0 * (10_000.0_f64 * 0.3 * 0.7).sqrt(), "{slow}");
}

#[test]
fn a_branch_without_else_goes_on() {
    let steps = "steps = [{ branch = \"0%\", then = \"never\" }, { call = \"slow\" }]";
    let run = play(&flow(steps, &format!("{SLOW}[flow.never]\nsteps = [{{ sleep = \"10s\" }}]\n")));
    assert!((measured(&run, "mean(f)") - 0.02).abs() < 1e-6);
}

#[test]
fn a_branch_on_a_variable_follows_what_was_read() {
    // The first request finds nothing under the key and writes; all later ones find it.
    let steps =
        "steps = [{ read = \"db\", key = 7, bind = \"seen\" }, { branch = \"$seen\", then = \"old\", else = \"new\" }]";
    let rest = format!(
        "{SLOW}[store.db]\n[flow.old]\nsteps = [{{ call = \"slow\" }}]\n[flow.new]\nsteps = [{{ write = \"db\", key = 7 }}]\n"
    );
    let run = play(&flow(steps, &rest));
    assert!(measured(&run, "count(calls(web -> db))") <= 10_003.0);
    assert!(measured(&run, "count(calls(web -> slow))") >= 9_998.0);
}

#[test]
fn a_loop_ends_after_so_many_rounds_or_when_its_variable_is_there() {
    let run = play(&flow(
        "steps = [{ loop = \"again\", max = 5 }]",
        &format!("{SLOW}[flow.again]\nsteps = [{{ call = \"slow\" }}]\n"),
    ));
    assert!((measured(&run, "mean(f)") - 0.1).abs() < 1e-6);
    // Each round a third ends it: the mean of a geometric is 3 rounds; the cap of 1000 never matters.
    let rest = format!(
        "{SLOW}[flow.again]\ndraw = {{ dice = \"1\" }}\nsteps = [{{ call = \"slow\" }}, {{ branch = \"33.3333333333%\", then = \"hit\" }}]\n\
         [store.db]\n[flow.hit]\nsteps = [{{ write = \"db\", key = \"$self\", bind = \"done\" }}]\n"
    );
    let run = play(&flow("steps = [{ loop = \"again\", max = 1000, until = \"$done\" }]", &rest));
    let rounds = measured(&run, "count(calls(web -> slow))") / measured(&run, "count(offered(c))");
    assert!((rounds - 3.0).abs() < 4.0 * (6.0_f64 / 10_000.0).sqrt(), "{rounds}");
}

#[test]
fn fan_out_asks_for_each_member_and_waits_for_as_many_as_it_says() {
    // The maximum of 10 exponentials of 10 ms is 10 ms × (1 + 1/2 + … + 1/10), their minimum 1 ms.
    let harmonic: f64 = (1..=10).map(|i| 1.0 / f64::from(i)).sum();
    for (wait, expected) in [("\"all\"", 0.01 * harmonic), ("\"any\"", 0.001), ("3", 0.01 * (0.1 + 1.0 / 9.0 + 0.125))]
    {
        let steps = format!("steps = [{{ fan_out = 10, as = \"friend\", each = \"tell\", wait = {wait} }}]");
        let rest = "[service.shard]\nworkers = 1000\nservice_time = \"exp(10ms)\"\n[flow.tell]\nsteps = [{ call = \"shard\", key = \"$friend\" }]\n";
        let run = play(&flow(&steps, rest));
        let mean = measured(&run, "mean(f)");
        assert!((mean - expected).abs() < 0.04 * expected, "wait = {wait}: {mean}, expected {expected}");
        assert!(measured(&run, "count(calls(web -> shard))") >= 99_900.0);
    }
}

#[test]
fn fan_out_goes_over_what_was_read() {
    // Ten requests append one friend each; the scan then finds ten.
    let text = "[service.web]\nworkers = 1000\n[store.db]\n[service.phone]\n[flow.befriend]\nruns_on = \"web\"\n\
                steps = [{ append = \"db\", key = 1 }]\n[flow.post]\nruns_on = \"web\"\n\
                steps = [{ scan = \"db\", key = 1, bind = \"friends\" }, { fan_out = \"$friends\", each = \"tell\" }]\n\
                [flow.tell]\nsteps = [{ call = \"phone\", key = \"$member\" }]\n\
                [clients.joiners]\nrate = \"steps(0s: 10/s, 1s: 0/s)\"\narrivals = \"constant\"\ntarget = \"web\"\n\
                mix = { befriend = \"100%\" }\n[clients.authors]\nrate = \"steps(0s: 0/s, 10s: 1/s)\"\n\
                arrivals = \"constant\"\ntarget = \"web\"\nmix = { post = \"100%\" }\n";
    let run = play(text);
    let friends = measured(&run, "count(calls(web -> db))") - measured(&run, "count(offered(authors))");
    let told = measured(&run, "count(calls(web -> phone))");
    assert!((9.0..=11.0).contains(&friends));
    assert_eq!(told, friends * measured(&run, "count(offered(authors))"));
}

#[test]
fn a_flow_falls_back_to_another_and_is_degraded() {
    let steps = "steps = [{ call = \"down\", fallback = \"spare\" }, { reply = \"ok\" }]";
    let rest = format!(
        "{SLOW}[service.down]\n[flow.spare]\nsteps = [{{ call = \"slow\" }}]\n[fault.outage]\nat = \"0s\"\ncrash = \"down\"\n"
    );
    let run = play(&flow(steps, &rest));
    assert!((measured(&run, "mean(f)") - 0.02).abs() < 1e-4);
    assert!(measured(&run, "count(degraded(c))") >= 9_997.0, "all but those under way at the end");
}

#[test]
fn a_failing_branch_of_any_is_forgiven_and_one_of_all_is_not() {
    let rest = format!(
        "{SLOW}[service.down]\n[flow.a]\nsteps = [{{ call = \"down\" }}]\n[flow.b]\nsteps = [{{ call = \"slow\" }}]\n[fault.outage]\nat = \"0s\"\ncrash = \"down\"\n"
    );
    let any = play(&flow("steps = [{ parallel = [\"a\", \"b\"], wait = \"any\" }]", &rest));
    assert!(measured(&any, "count(ok(c))") >= 9_997.0, "all but those under way at the end");
    let all = play(&flow("steps = [{ parallel = [\"a\", \"b\"] }]", &rest));
    assert_eq!(measured(&all, "count(ok(c))"), 0.0);
}

#[test]
fn what_nobody_waits_for_runs_to_its_end() {
    let rest =
        format!("{SLOW}[flow.late]\nsteps = [{{ sleep = \"1s\" }}, {{ call = \"slow\" }}, {{ call = \"slow\" }}]\n");
    let run = play(&flow("steps = [{ parallel = [\"late\"], wait = \"none\" }, { reply = \"ok\" }]", &rest));
    assert!(measured(&run, "mean(f)") < 1e-6);
    assert!(measured(&run, "count(calls(web -> slow))") > 19_700.0);
}

#[test]
fn parallel_inside_parallel_waits_for_the_inner_first() {
    let rest = format!(
        "{SLOW}[flow.outer]\nsteps = [{{ parallel = [\"one\", \"one\"] }}, {{ call = \"slow\" }}]\n[flow.one]\nsteps = [{{ call = \"slow\" }}]\n"
    );
    let run = play(&flow("steps = [{ parallel = [\"outer\", \"one\"] }]", &rest));
    assert!((measured(&run, "mean(f)") - 0.04).abs() < 1e-6);
    assert!(measured(&run, "count(calls(web -> slow))") >= 39_990.0);
}

#[test]
fn a_duplicate_is_answered_as_before_and_works_only_once() {
    // A first attempt that times out is repeated, with the same $request, while the first is still at work.
    let client = "timeout = \"50ms\"\nretry = { attempts = 5, backoff = \"constant(10ms)\" }\n";
    let text = |dedupe: &str| {
        format!(
            "[service.web]\nworkers = 1000\n[service.slow]\nworkers = 1000\nservice_time = \"120ms\"\n[store.seen]\n\
             [flow.f]\nruns_on = \"web\"\nsteps = [{dedupe} {{ call = \"slow\" }}, {{ reply = \"ok\" }}]\n\
             [clients.c]\nrate = \"20/s\"\narrivals = \"constant\"\ntarget = \"web\"\nmix = {{ f = \"100%\" }}\n{client}"
        )
    };
    let (plain, memory, store) = (
        play(&text("")),
        play(&text("{ dedupe = \"web\", key = \"$request\", window = \"60s\" },")),
        play(&text("{ dedupe = \"seen\", key = \"$request\" },")),
    );
    let work = |run: &Run| measured(run, "count(calls(web -> slow))") / measured(run, "count(offered(c))");
    assert!(work(&plain) > 2.0, "{}", work(&plain));
    assert!((work(&memory) - 1.0).abs() < 0.01, "{}", work(&memory));
    assert!((work(&store) - 1.0).abs() < 0.01, "{}", work(&store));
    assert!(measured(&memory, "availability(c)") > 0.99, "the answer to the first attempt reaches a later one");
}

#[test]
fn two_draws_from_one_set_differ() {
    let steps = "draw = { from = \"accounts\", to = \"accounts\" }\nsteps = [{ add = \"db\", key = \"$from\" }, { add = \"db\", key = \"$to\" }]";
    let run = play(&flow(steps, "[keys.accounts]\ncount = 2\n[store.db]\n"));
    let mut sums: Vec<(u64, Vec<u64>)> = Vec::new();
    for fact in run.outcome.history.observations() {
        if let netsplit::history::Observation::FinalState { key, values, .. } = fact {
            sums.push((*key, values.clone()));
        }
    }
    assert_eq!(sums.len(), 2);
    assert_eq!(sums[0].1, sums[1].1, "each request added to both");
}

#[test]
fn callers_fill_a_cache_and_writes_drop_what_it_has() {
    let text = "[service.web]\nworkers = 1000\n[store.db]\n[cache.hot]\nbacking = \"db\"\nsize = 1000\n[keys.k]\ncount = 50\n\
                [flow.get]\nruns_on = \"web\"\nsteps = [{ read = \"hot\" }, { reply = \"ok\" }]\n\
                [flow.put]\nruns_on = \"web\"\nsteps = [{ write = \"hot\" }, { reply = \"ok\" }]\n\
                [clients.readers]\nrate = \"450/s\"\ntarget = \"web\"\nkeys = \"k\"\nmix = { get = \"100%\" }\n\
                [clients.writers]\nrate = \"50/s\"\ntarget = \"web\"\nkeys = \"k\"\nmix = { put = \"100%\" }\n";
    let run = play(text);
    // Of each key, reads come at 9/s and writes at 1/s: a read misses if a write came since the last read, 1 in 10.
    let ratio = value("hit_ratio(hot, steady)", &run.outcome).expect("measured");
    let error = ratio.standard_error.expect("long enough");
    assert!((ratio.value - 0.9).abs() < 4.0 * error + 0.002, "{} ± {error}", ratio.value);
    // Every miss is a read of the store, every write a write.
    let asked = measured(&run, "count(calls(web -> db))");
    let misses = measured(&run, "count(calls(get))") * (1.0 - ratio.value);
    assert!((asked - misses - measured(&run, "count(calls(put))")).abs() < 20.0);
}

#[test]
fn a_cache_that_is_down_costs_only_its_hits() {
    let text = "[service.web]\nworkers = 1000\n[store.db]\n[cache.hot]\nbacking = \"db\"\nsize = 1000\n\
                [flow.get]\nruns_on = \"web\"\nsteps = [{ read = \"hot\" }, { reply = \"ok\" }]\n\
                [clients.c]\nrate = \"100/s\"\ntarget = \"web\"\nmix = { get = \"100%\" }\n\
                [fault.outage]\nat = \"50s\"\ncrash = \"hot\"\n";
    let run = play(text);
    assert_eq!(measured(&run, "count(ok(c))"), measured(&run, "count(offered(c))"));
    assert!(measured(&run, "count(calls(web -> db))") > 4_900.0);
}

#[test]
fn leases_let_one_caller_fill() {
    let text = |stampede: &str| {
        format!(
            "[service.web]\nworkers = 10000\n[store.db]\nworkers = 10000\nservice_time = \"500ms\"\n[cache.hot]\n\
             backing = \"db\"\nsize = 10\nttl = \"9.5s\"\n{stampede}\n[flow.get]\nruns_on = \"web\"\nsteps = [{{ read = \"hot\", key = 1 }}]\n\
             [clients.c]\nrate = \"100/s\"\ntarget = \"web\"\nmix = {{ get = \"100%\" }}\n"
        )
    };
    let (all, one) = (play(&text("")), play(&text("stampede = \"lease\"")));
    let asked = |run: &Run| measured(run, "count(calls(web -> db))");
    assert!((9.0..=11.0).contains(&asked(&one)), "{}", asked(&one));
    assert!(asked(&all) > 30.0 * asked(&one), "{}", asked(&all));
}

#[test]
fn what_a_flow_is_told_wrong_is_said() {
    for (steps, rest, message) in [
        ("steps = [{ cal = \"web\" }]", "", "did you mean `call`?"),
        (
            "steps = [{ read = \"db\", key = \"$ordr\" }]\ndraw = { order = \"unique\" }",
            "[store.db]",
            "nothing is ever put into `$ordr`",
        ),
        ("steps = [{ read = \"db\", key = \"order\" }]", "[store.db]", "neither a variable nor a number"),
        ("steps = [{ fan_out = 3, each = \"tel\" }]", "[flow.tell]\nsteps = []", "did you mean `tell`?"),
        ("steps = [{ loop = \"a\" }]", "[flow.a]\nsteps = []", "`max` is missing"),
        ("steps = [{ branch = \"10%\" }]", "", "`then` is missing"),
        ("steps = [{ dedupe = \"sotre\" }]", "[store.store]", "did you mean `store`?"),
        ("steps = [{ parallel = [\"a\"], wait = 2 }]", "[flow.a]\nsteps = []", "there are only 1 to wait for"),
        (
            "steps = [{ parallel = [\"a\"] }]",
            "[flow.a]\nsteps = [{ parallel = [\"b\"] }]\n[flow.b]\nsteps = [{ call = \"a\" }]",
            "flows go in a circle: f -> a -> b -> a; such a request never ends; `a` is in line",
        ),
        (
            "steps = [{ call = \"g\" }]",
            "[flow.g]\nruns_on = \"web\"\nsteps = [{ call = \"f\" }]",
            "flows call one another in a circle: f -> g -> f; such a request never ends; `f` is in line",
        ),
        ("steps = [{ write = \"web2\" }]", "[service.web2]", "`web2` is no store, so it can't write"),
        ("draw = { x = \"acounts\" }\nsteps = []", "[keys.accounts]", "did you mean `accounts`?"),
        ("steps = [{ call = \"web\", fallback = \"spar\" }]", "[flow.spare]\nsteps = []", "did you mean `spare`?"),
        ("steps = [{ txn = \"a\" }]", "[flow.a]\nsteps = []", "belongs to a later version of the language"),
    ] {
        let errors = load(&flow(steps, rest)).expect_err(steps);
        assert!(errors.contains(message), "{steps}: {errors}");
    }
}

/// One client behind a balancer of three servers, who asks, thinks for so long, and asks again.
fn thinking(think: &str, sticky: &str) -> Run {
    play(&format!(
        "[service.web]\nreplicas = 3\n[load_balancer.lb]\ntargets = \"web\"\npolicy = \"round_robin\"\nsticky = \"{sticky}\"\n\
         [clients.c]\ncount = 1\nthink = \"{think}\"\ntarget = \"lb\"\n"
    ))
}

#[test]
fn a_client_stays_with_its_server_for_as_long_as_the_balancer_remembers() {
    let most = |run: &Run| measured(run, "max(share(web/*))");
    assert_eq!(most(&thinking("1s", "2s")), 1.0);
    assert_eq!(most(&thinking("1s", "client")), 1.0);
    // 33 or 34 requests in turn.
    assert!((most(&thinking("3s", "2s")) - 1.0 / 3.0).abs() < 0.02);
    assert!((most(&thinking("1s", "none")) - 1.0 / 3.0).abs() < 0.02);
}

#[test]
fn a_long_row_of_work_that_takes_no_time_is_done() {
    let run = play(
        "[service.a]\n\
         [flow.f]\nruns_on = \"a\"\nsteps = [{ loop = \"g\", max = 50_000 }, { reply = \"ok\" }]\n\
         [flow.g]\nsteps = [{ work = \"0s\" }]\n\
         [clients.c]\nrate = \"1/s\"\ntarget = \"a\"\nmix = { f = \"100%\" }\n",
    );
    assert_eq!(measured(&run, "availability(c)"), 1.0);
    assert_eq!(measured(&run, "max(c)"), 0.0);
}

#[test]
fn a_flow_may_be_there_for_another_design() {
    let scenario = "[service.a]\n\
         [flow.f]\nruns_on = \"a\"\nsteps = [{ work = \"1ms\" }]\n[flow.g]\nruns_on = \"a\"\nsteps = [{ work = \"2ms\" }]\n\
         [clients.c]\nrate = \"1/s\"\ntarget = \"a\"\nmix = { f = \"100%\" }\n";
    assert!(load(scenario).is_err_and(|errors| errors.contains("nobody starts flow `g`")));
    let other = "[variant.other]\nset = { \"clients.c.mix\" = { g = \"100%\" } }\n";
    assert!(load(&format!("{scenario}{other}")).is_ok());
}

#[test]
fn work_in_a_flow_queues_by_the_priority_of_its_request() {
    let run = played::play(
        "duration = \"200s\"\nwarmup = \"10s\"\n[service.api]\nqueue = { discipline = \"priority\" }\n\
         [flow.f]\nruns_on = \"api\"\nsteps = [{ work = \"exp(10ms)\" }]\n\
         [clients.hi]\nrate = \"30/s\"\ntarget = \"api\"\npriority = 5\nmix = { f = \"100%\" }\n\
         [clients.lo]\nrate = \"100/s\"\ntarget = \"api\"\nmix = { f = \"100%\" }\n",
    );
    // There is more work than one worker can do; what is missing is missing for those who come last.
    let (hi, lo) = (measured(&run, "mean(hi)"), measured(&run, "mean(lo)"));
    // Cobham: 10 ms of its own, and 10 ms of whoever is served over the 70 % that others leave.
    assert!(hi > 0.022 && hi < 0.027 && lo > 5.0, "{hi} s and {lo} s");
}

#[test]
fn work_in_a_flow_that_nobody_waits_for_any_more_is_not_done() {
    let goodput = |rule: &str| {
        let run = played::play(&format!(
            "duration = \"100s\"\nwarmup = \"10s\"\n[service.api]\nqueue = {{ drop = \"{rule}\" }}\n\
             [flow.f]\nruns_on = \"api\"\nsteps = [{{ work = \"exp(10ms)\" }}]\n\
             [clients.u]\nrate = \"150/s\"\ntarget = \"api\"\ntimeout = \"50ms\"\npropagate_deadline = true\n\
             mix = {{ f = \"100%\" }}\n"
        ));
        measured(&run, "goodput(u)")
    };
    let (kept, dropped) = (goodput("none"), goodput("expired"));
    assert!(kept < 5.0 && dropped > 50.0, "{kept} and {dropped} a second");
}

#[test]
fn a_thread_does_all_the_work_of_its_request_one_after_another() {
    let branch = |name: &str, work: &str| format!("[flow.{name}]\nsteps = [{{ work = \"{work}\" }}]\n");
    let (a, b, zero) = (branch("a", "10ms"), branch("b", "5ms"), branch("zero", "0s"));
    for (steps, branches, seconds) in [
        ("{ parallel = [\"a\", \"b\"] }", [&a, &b, ""], 0.015),
        ("{ parallel = [\"a\", \"b\"], wait = \"any\" }", [&a, &b, ""], 0.010),
        ("{ parallel = [\"a\", \"b\"], wait = \"none\" }, { reply = \"ok\" }", [&a, &b, ""], 0.0),
        // What is asked for before the answer, and heard of after it.
        ("{ parallel = [\"zero\", \"a\", \"b\"], wait = \"any\" }", [&a, &b, zero.as_str()], 0.0),
        ("{ work = \"5ms\" }, { reply = \"ok\" }, { work = \"10ms\" }", ["", "", ""], 0.005),
    ] {
        let run = played::play(&format!(
            "duration = \"100s\"\n[service.api]\nworkers = 4\nmodel = \"thread\"\n\
             [flow.f]\nruns_on = \"api\"\nsteps = [{steps}]\n{}\
             [clients.c]\nrate = \"100/s\"\narrivals = \"constant\"\ntarget = \"api\"\nmix = {{ f = \"100%\" }}\n",
            branches.concat()
        ));
        // Whoever waits for whom, 15 ms of four workers go into each request, and none is held for longer.
        let busy = measured(&run, "mean(utilization(api))");
        assert!((busy - 100.0 * 0.015 / 4.0).abs() < 1e-4, "{steps}: {busy}");
        assert!(measured(&run, "count(ok(c))") >= 9_997.0, "{steps}: all but those under way at the end");
        let mean = measured(&run, "mean(f)");
        assert!((mean - seconds).abs() < 1e-6, "{steps}: {mean} s");
    }
}
