//! Several components behind one balancer, and how many instances of a component take part.

mod played;

use netsplit::engine::{Instant, Span};
use netsplit::run::Run;

use played::{load, measured, play};

/// Expectations that cut a run at these windows, so that they can be measured.
fn windows(windows: &[&str]) -> String {
    let window = |(i, w): (usize, &&str)| {
        format!("[expect.cut-{i}]\nthat = \"offered(c) >= 0/s\"\nduring = \"{w}\"\nverdict = \"holds\"\n")
    };
    windows.iter().enumerate().map(window).collect()
}

/// 400 requests a second at a balancer before two services, one of 1 and one of 3 instances.
fn two_targets(balancer: &str, more: &str) -> String {
    format!(
        "duration = \"100s\"\n[load_balancer.front]\ntargets = [\"web-b\", \"web-a\"]\n{balancer}\n[service.web-a]\nworkers = 8\n\
         service_time = \"20ms\"\n[service.web-b]\nreplicas = 3\nworkers = 8\nservice_time = \"10ms\"\n[clients.c]\n\
         rate = \"400/s\"\ntarget = \"front\"\n{more}\n"
    )
}

#[test]
fn all_instances_of_all_targets_are_chosen_alike() {
    let run = play(&two_targets("", ""));
    let shares = ["web-a", "web-b"].map(|target| measured(&run, &format!("offered({target})")));
    assert!((shares[0] - 100.0).abs() < 4.0 && (shares[1] - 300.0).abs() < 12.0, "{shares:?}");
    assert!((measured(&run, "mean(c)") - 0.0125).abs() < 2e-4);
    // Round robin: to a request the same for each instance.
    let instances = [0, 1, 2].map(|i| measured(&run, &format!("offered(web-b/{i})")));
    assert!(instances.iter().all(|i| (i - shares[0]).abs() < 0.1), "{shares:?} {instances:?}");
    let edge = run.outcome.plan.edges.iter().position(|e| e.name == "front -> web-b, web-a").expect("it is named so");
    let epochs = run.outcome.meters.frame().all();
    let edge = &run.outcome.meters.edges[edge];
    let at: Vec<u64> = edge.attempts_at.iter().map(|at| at.count(&epochs)).collect();
    assert_eq!(at.iter().sum::<u64>(), edge.attempts.count(&epochs));
    assert!(at[0].abs_diff(3 * at[1]) <= 3, "{at:?}");
    let attempts = ["front -> web-b", "front -> web-a"].map(|to| measured(&run, &format!("count(attempts({to}))")));
    assert_eq!(attempts, [at[0] as f64, at[1] as f64]);
    let rate = measured(&run, "rate(attempts(front -> web-b))");
    assert!((rate - at[0] as f64 / 100.0).abs() < 1e-9, "{rate}");
}

#[test]
fn weights_name_instances_of_any_target() {
    let balancer = "policy = \"weighted(web-a/0=6, web-b/0=1, web-b/1=1, web-b/2=0)\"";
    let run = play(&two_targets(balancer, ""));
    let share = measured(&run, "offered(web-a)") / measured(&run, "offered(c)");
    assert!((share - 0.75).abs() < 0.01, "{share}");
    assert_eq!(measured(&run, "offered(web-b/2)"), 0.0);
}

#[test]
fn a_client_sticks_to_an_instance_whichever_target_it_belongs_to() {
    let run = play(&two_targets("policy = \"consistent_hash\"\nsticky = \"client\"", "requests = 5\nthink = \"1s\""));
    assert!(measured(&run, "offered(web-a)") > 50.0 && measured(&run, "offered(web-b)") > 200.0);
}

#[test]
fn health_checks_take_out_a_target_that_is_down() {
    let balancer = "health = { every = \"1s\", timeout = \"500ms\", unhealthy = 2, healthy = 2 }";
    let cuts = windows(&["0s..19s", "20s..22s", "23s..60s", "65s..100s"]);
    let fault = format!("[fault.loss]\nat = \"20s\"\nfor = \"40s\"\ncrash = \"web-b\"\n{cuts}");
    let run = play(&two_targets(balancer, &fault));
    // Out after two checks, and back after two more: all went to the other target in between.
    assert!(measured(&run, "error_ratio(c, 0s..19s)") < 1e-9);
    // Three of four instances fail until the checks of 20 s and 21 s have: 3/4 of the first of two seconds, of Poisson
    // arrivals; 4 standard deviations.
    assert!((measured(&run, "error_ratio(c, 20s..22s)") - 0.375).abs() < 0.054);
    assert!(measured(&run, "error_ratio(c, 23s..60s)") < 1e-9);
    assert!((measured(&run, "offered(web-a, 23s..60s)") - 400.0).abs() < 12.0);
    assert!((measured(&run, "offered(web-b, 65s..100s)") - 300.0).abs() < 12.0);
}

#[test]
fn consumers_of_a_queue_come_and_go_and_no_message_is_lost() {
    let cuts = windows(&["50s..60s", "90s..100s"]);
    let run = play(&format!(
        "duration = \"100s\"\n[queue.jobs]\n[service.worker]\nautoscale = {{ max = 8, every = \"2s\", down_after = \"5s\" }}\n\
         [flow.work]\non = \"jobs\"\nruns_on = \"worker\"\nparallel = 2\norder = \"none\"\nsteps = [{{ work = \"20ms\" }}]\n\
         [clients.c]\nrate = \"steps(0s: 100/s, 60s: 5/s, 99s: 0/s)\"\narrivals = \"constant\"\ntarget = \"jobs\"\n{cuts}"
    ));
    // 100 a second of 20 ms keep two busy: 2 / 60 % are four replicas.
    assert_eq!(measured(&run, "mean(replicas(worker, 50s..60s))"), 4.0);
    assert!(measured(&run, "mean(queue_length(jobs, 50s..60s))") < 1.0);
    assert!((measured(&run, "mean(utilization(worker, 50s..60s))") - 0.5).abs() < 0.01);
    assert_eq!(measured(&run, "mean(replicas(worker, 90s..100s))"), 1.0);
    assert_eq!(measured(&run, "count(redeliveries(jobs))"), 0.0);
    assert_eq!(measured(&run, "count(offered(worker))"), measured(&run, "count(offered(jobs))"));
}

#[test]
fn a_backlog_is_shared_out_over_as_many_as_it_takes() {
    let run = play(&format!(
        "duration = \"100s\"\n[queue.jobs]\n[service.worker]\n\
         autoscale = {{ metric = \"backlog(jobs)\", target = 100, max = 20, every = \"2s\", down_after = \"0s\" }}\n\
         [flow.work]\non = \"jobs\"\nruns_on = \"worker\"\nparallel = 2\norder = \"none\"\nsteps = [{{ work = \"20ms\" }}]\n\
         [clients.c]\nrate = \"steps(0s: 500/s, 2s: 0/s)\"\narrivals = \"constant\"\ntarget = \"jobs\"\n{}",
        windows(&["2500ms..3500ms", "50s..60s"])
    ));
    // A thousand messages have come by the first look, and one worker has done a hundred: nine for a hundred each.
    let replicas = measured(&run, "mean(replicas(worker, 2500ms..3500ms))");
    assert!((9.0..=10.0).contains(&replicas), "{replicas}");
    let first = run.outcome.scaled[0];
    assert!(first.messages.is_some_and(|messages| (898..=902).contains(&messages)), "{first:?}");
    assert_eq!(measured(&run, "mean(replicas(worker, 50s..60s))"), 1.0);
    assert_eq!(measured(&run, "count(offered(worker))"), measured(&run, "count(offered(jobs))"));
}

#[test]
fn a_queue_that_starts_again_hears_who_takes_no_part() {
    let run = play(
        "duration = \"100s\"\n[queue.jobs]\n[service.worker]\nautoscale = { max = 8 }\n\
         [flow.work]\non = \"jobs\"\nruns_on = \"worker\"\nsteps = [{ work = \"5ms\" }]\n[clients.c]\nrate = \"100/s\"\n\
         target = \"jobs\"\n[fault.restart]\nat = \"50s\"\nfor = \"1s\"\ncrash = \"jobs\"\n",
    );
    assert_eq!(measured(&run, "max(replicas(worker))"), 1.0);
    assert_eq!(measured(&run, "count(offered(worker/0))"), measured(&run, "count(offered(worker))"));
}

/// A flow of two services, one slower than the other, that clients ask over a balancer, and `shop` by a step.
fn on_both(target: &str, mix: &str) -> String {
    let buy = "[flow.buy]\nruns_on = \"shop\"\nsteps = [{ call = \"look\" }, { work = \"1ms\" }]\n";
    let buy = if mix == "buy" { buy } else { "" };
    format!(
        "duration = \"100s\"\n[load_balancer.front]\ntargets = [\"old\", \"new\"]\n[service.old]\nworkers = 8\n[service.new]\n\
         workers = 8\nspeed = 2.0\n[service.shop]\nworkers = 8\n[store.db]\nworkers = 8\nservice_time = \"1ms\"\n\
         [flow.look]\nruns_on = [\"old\", \"new\"]\nsteps = [{{ work = \"8ms\" }}, {{ call = \"db\" }}]\n{buy}[clients.c]\nrate = \"100/s\"\n\
         target = \"{target}\"\nmix = {{ {mix} = \"100%\" }}\n"
    )
}

#[test]
fn a_flow_runs_on_every_target_of_a_balancer() {
    // Of two that take turns, one works for 8 ms and one for 4; the store takes another.
    let run = play(&on_both("front", "look"));
    assert!((measured(&run, "mean(c)") - 0.007).abs() < 1e-4);
    assert!((measured(&run, "mean(old)") - 0.009).abs() < 1e-4 && (measured(&run, "mean(new)") - 0.005).abs() < 1e-4);
    assert!((measured(&run, "offered(db)") - 100.0).abs() < 3.0);
}

#[test]
fn a_step_asks_for_such_a_flow_over_the_balancer() {
    let run = play(&on_both("shop", "buy"));
    assert!((measured(&run, "mean(c)") - 0.008).abs() < 1e-4);
    assert!((measured(&run, "offered(front)") - 100.0).abs() < 3.0);
    let alone = on_both("shop", "buy").replace("targets = [\"old\", \"new\"]", "targets = \"old\"");
    assert!(load(&alone).expect_err("nobody chooses").contains("put one load balancer before all of them"));
}

#[test]
fn clients_have_a_way_in_of_their_own() {
    let clients = |name: &str, access: &str| {
        format!(
            "[clients.{name}]\nrate = \"50/s\"\narrivals = \"constant\"\ntarget = \"kv\"\n\
             mix = {{ write = \"100%\" }}\n{access}\n"
        )
    };
    let text = format!(
        "duration = \"20s\"\n[network.access]\nrtt = \"40ms\"\n[store.kv]\nworkers = 8\nservice_time = \"1ms\"\n{}{}{}{}",
        clients("here", ""),
        clients("near", "access = \"none\""),
        clients("far", "access = { rtt = \"100ms\" }"),
        clients("thin", "access = { rtt = \"100ms\", bandwidth = \"10KB/s\" }"),
    );
    let run = play(&text);
    for (clients, mean) in [("near", 0.002), ("here", 0.042), ("far", 0.102)] {
        assert!((measured(&run, &format!("mean({clients})")) - mean).abs() < 1e-4, "{clients}");
    }
    // What queues before one link doesn't queue before another, though both lead into the same region.
    assert!(measured(&run, "mean(thin)") > 1.0);
}

/// Four instances that clients ask over a balancer 40 times a second, and an upgrade of them from 10 s on.
fn upgraded(balancer: &str, service: &str, upgrade: &str) -> String {
    format!(
        "duration = \"100s\"\n[load_balancer.front]\ntargets = \"web\"\n{balancer}\n[service.web]\nreplicas = 4\nworkers = 500\n\
         {service}\n[clients.c]\nrate = \"40/s\"\ntarget = \"front\"\n[fault.new-version]\nat = \"10s\"\n\
         rolling_upgrade = \"web\"\n{upgrade}\n"
    )
}

#[test]
fn an_upgrade_that_drains_long_enough_costs_no_request() {
    let service = "service_time = \"exp(100ms)\"\nstartup = \"3s\"";
    for balancer in ["", "health = { every = \"1s\", timeout = \"500ms\", unhealthy = 2, healthy = 5 }"] {
        let run = play(&upgraded(balancer, service, "drain = \"5s\"\ndown = \"4s\""));
        // A quarter of four is one: four batches, each of 5 s to drain, 4 s down and 3 s to start.
        let window = &run.outcome.plan.faults[0].windows;
        assert_eq!(window, &[(Instant::ZERO + Span::secs(10), Instant::ZERO + Span::secs(58))]);
        assert_eq!(measured(&run, "count(errors(c))"), 0.0);
        assert!((measured(&run, "mean(running(web, new-version))") - (4.0 - 4.0 * 4.0 / 48.0)).abs() < 1e-6);
        // Four are four at a time, not the least of each added up.
        assert_eq!(measured(&run, "min(running(web, new-version))"), 3.0);
        assert_eq!(measured(&run, "max(running(web))"), 4.0);
        // Each of them is out of the choice for 12 s of 48: three get what four got.
        let shares = [0, 1, 2, 3].map(|i| measured(&run, &format!("offered(web/{i}, new-version)")));
        assert!(shares.iter().all(|share| (share - 10.0).abs() < 1.0), "{shares:?}");
        let acted: Vec<&str> = run.outcome.acted.iter().map(|acted| acted.what).collect();
        assert_eq!(acted, ["taken out", "crash", "restart", "put back"].repeat(4));
    }
}

#[test]
fn what_is_not_done_when_the_drain_is_over_is_lost() {
    let service = "service_time = \"4s\"";
    let errors = |upgrade: &str| measured(&play(&upgraded("", service, upgrade)), "count(errors(c))");
    // Ten a second at each, of whom those of the last 3 s of 4 are still there after 1 s.
    let lost = errors("batch = 1\ndrain = \"1s\"");
    assert!((100.0..=140.0).contains(&lost), "{lost}");
    assert_eq!(errors("batch = 1\ndrain = \"4s\""), 0.0);
    // All at once: nobody is left to ask until they are back.
    let lost = errors("batch = \"100%\"\ndrain = \"1s\"\ndown = \"2s\"");
    assert!((200.0..=280.0).contains(&lost), "{lost}");
}

#[test]
fn a_balancer_gives_up_what_takes_longer_than_its_own_drain() {
    let service = "service_time = \"4s\"";
    let errors = |balancer: &str| {
        measured(&play(&upgraded(balancer, service, "batch = 1\ndrain = \"9s\"\ndown = \"1s\"")), "count(errors(c))")
    };
    assert_eq!(errors(""), 0.0);
    assert_eq!(errors("drain = \"none\""), 0.0);
    let lost = errors("drain = \"2s\"");
    assert!((60.0..=100.0).contains(&lost), "ten a second for 2 s of 4, four times: {lost}");
}

#[test]
fn an_upgrade_happens_again_but_not_before_it_is_done() {
    let upgrade = "batch = 2\ndrain = \"2s\"\ndown = \"3s\"";
    let text =
        upgraded("", "service_time = \"10ms\"", upgrade).replace("at = \"10s\"", "every = \"8s\"\nfrom = \"10s\"");
    let run = play(&text);
    let lengths: Vec<Span> = run.outcome.plan.faults[0].windows.iter().map(|(from, to)| to.since(*from)).collect();
    assert!(lengths.len() >= 5 && lengths[..lengths.len() - 1].iter().all(|l| *l == Span::secs(10)), "{lengths:?}");
    assert_eq!(measured(&run, "count(errors(c))"), 0.0);
}

/// Four replicas of 100 requests a second each, 60 % busy, and 40 % more to do from 100 s to 250 s.
fn scaled(more: &str) -> String {
    format!(
        "duration = \"400s\"\n[service.web]\nreplicas = 4\nworkers = 10\nservice_time = \"100ms\"\nstartup = \"20s\"\n\
         autoscale = {{ down_after = \"60s\" }}\n[service.last]\nworkers = 8\n[clients.c]\nrate = \"240/s\"\n\
         arrivals = \"constant\"\ntarget = \"web\"\n[fault.more]\nat = \"100s\"\nfor = \"150s\"\nload = \"c\"\n\
         factor = 1.4\n{more}\n"
    )
}

/// When a scaler wanted how many instead of how many.
fn steps(run: &Run) -> Vec<(u64, u32, u32)> {
    run.outcome.scaled.iter().map(|step| (step.at.0 / 1_000_000_000, step.from, step.to)).collect()
}

#[test]
fn replicas_follow_the_load() {
    let run =
        play(&scaled(&windows(&["90s..124s", "110s..124s", "141s..329s", "126s..139s", "331s..359s", "361s..400s"])));
    // At 105 s it has seen 60 % for 10 s and 84 % for 5: 4 × 68 / 60 is 5. At 120 s: 4 × 84 / 60 is 6, for the fifth
    // doesn't serve before 125 s. At 255 s, 6 × 50.7 / 60 is still 6; from 270 s on it is 4, and 60 s later all that was
    // desired within 60 s is.
    assert_eq!(steps(&run), [(105, 4, 5), (120, 5, 6), (330, 6, 4)]);
    let replicas = |window: &str| measured(&run, &format!("mean(replicas(web, {window}))"));
    let windows = ["90s..124s", "126s..139s", "141s..329s", "331s..359s", "361s..400s"];
    assert_eq!(windows.map(replicas), [4.0, 5.0, 6.0, 4.0, 4.0]);
    assert_eq!(measured(&run, "max(replicas(web))"), 6.0);
    assert_eq!(measured(&run, "max(replicas(last))"), 1.0);
    // Two that were taken away finish for 30 s, and run no longer then.
    assert_eq!(measured(&run, "mean(running(web, 331s..359s))"), 6.0);
    assert_eq!(measured(&run, "mean(running(web, 361s..400s))"), 4.0);
    assert_eq!(measured(&run, "count(errors(c))"), 0.0);
    // Ten have a machine; busy is measured of those that run.
    assert!((measured(&run, "mean(utilization(web, before more))") - 0.6).abs() < 1e-3);
    // Nor does who starts have anything to be busy with: 84 % of four.
    assert!((measured(&run, "mean(utilization(web, 110s..124s))") - 0.84).abs() < 0.01);
    assert!((measured(&run, "mean(utilization(web, 141s..329s))") - 0.5).abs() < 0.02);
    assert!((measured(&run, "offered(web/5, 141s..250s)") - 56.0).abs() < 1.0);
}

#[test]
fn a_balancer_learns_who_joins_and_does_not_check_who_stands_by() {
    let text = scaled(
        "[load_balancer.front]\ntargets = \"web\"\n\
         health = { every = \"1s\", timeout = \"500ms\", unhealthy = 2, healthy = 3, fail_open = false }\n",
    );
    let run = play(&text.replace("target = \"web\"", "target = \"front\""));
    assert_eq!(steps(&run), [(105, 4, 5), (120, 5, 6), (330, 6, 4)]);
    assert_eq!(measured(&run, "count(errors(c))"), 0.0);
    let front = run.outcome.plan.group("front").expect("it is there");
    assert!(run.outcome.meters.groups[front].counts.is_empty(), "no check failed");
}

#[test]
fn faults_do_not_wake_who_stands_by() {
    let text =
        scaled("[fault.gone]\nat = \"20s\"\nfor = \"5s\"\ncrash = \"web\"\n").replace("factor = 1.4", "factor = 1");
    let run = play(&text);
    assert_eq!(measured(&run, "mean(running(web, before gone))"), 4.0);
    assert_eq!(measured(&run, "mean(running(web, gone))"), 0.0);
    assert_eq!(measured(&run, "mean(running(web, after more))"), 4.0);
    let upgrade =
        "[fault.new-version]\nat = \"20s\"\nrolling_upgrade = \"web\"\nbatch = 1\ndrain = \"2s\"\ndown = \"1s\"\n";
    let run = play(&scaled(upgrade).replace("factor = 1.4", "factor = 1"));
    assert_eq!(measured(&run, "mean(replicas(web, after new-version))"), 4.0);
    assert_eq!(measured(&run, "mean(running(web, after new-version))"), 4.0);
}

#[test]
fn there_are_never_more_nor_fewer_than_allowed() {
    let bounds = |bounds: &str| scaled("").replace("down_after = \"60s\"", bounds);
    let run = play(&bounds("max = 5, down_after = \"60s\""));
    assert_eq!(steps(&run), [(105, 4, 5), (330, 5, 4)]);
    let run = play(&bounds("min = 3, target = \"90%\", down_after = \"0s\"").replace("factor = 1.4", "factor = 0.1"));
    assert_eq!(measured(&run, "min(replicas(web))"), 3.0);
}

#[test]
fn who_starts_is_sent_away_before_who_serves() {
    // Two more are wanted at 105 s and 120 s, and take 100 s to start; from 126 s on four are too many.
    let less = "[fault.less]\nat = \"126s\"\nfor = \"200s\"\nload = \"c\"\nfactor = 0.5\n";
    let text = scaled(&format!("{less}{}", windows(&["121s..149s", "151s..164s"])));
    let text = text.replace("startup = \"20s\"", "startup = \"100s\"");
    let text = text.replace("down_after = \"60s\"", "down_after = \"0s\"").replace("for = \"150s\"", "for = \"25s\"");
    let run = play(&text);
    assert_eq!(steps(&run)[..3], [(105, 4, 5), (120, 5, 6), (150, 6, 4)]);
    assert_eq!(measured(&run, "mean(running(web, 121s..149s))"), 6.0);
    assert_eq!(measured(&run, "mean(running(web, 151s..164s))"), 4.0);
    assert_eq!(measured(&run, "mean(replicas(web, 151s..164s))"), 4.0);
}

#[test]
fn who_is_down_is_no_reason_to_send_others_away() {
    let text = |hit: &str| {
        format!(
            "duration = \"20s\"\n[service.web]\nreplicas = 4\nworkers = 10\nservice_time = \"100ms\"\n\
             autoscale = {{ down_after = \"0s\" }}\n[service.last]\n[clients.c]\nrate = \"120/s\"\n\
             arrivals = \"constant\"\ntarget = \"web\"\n[fault.gone]\nat = \"5s\"\nfor = \"100s\"\npause = \"last\"\n{hit}"
        )
    };
    assert_eq!(steps(&play(&text(""))), [(15, 4, 2)]);
    // Three are 37 % busy; the fourth counts as if it were on target: 4 × 42 / 60 is 3.
    assert_eq!(steps(&play(&text("").replace("pause = \"last\"", "crash = \"web/3\""))), [(15, 4, 3)]);
    let upgraded = "[fault.new]\nat = \"5s\"\nrolling_upgrade = \"web/3\"\ndrain = \"20s\"\n";
    assert_eq!(steps(&play(&text(upgraded))), [(15, 4, 3)]);
}

#[test]
fn levels_of_several_instances_are_those_of_all_together() {
    let run = play(
        "duration = \"100s\"\n[service.web]\nreplicas = 2\nservice_time = \"exp(1s)\"\n\
         [clients.c]\ncount = 6\nthink = \"0s\"\ntarget = \"web\"\nbalance = \"random\"\n",
    );
    // All six are always somewhere, now here, now there; who isn't served waits.
    for (measure, value) in [("in_flight", 6.0), ("running", 2.0)] {
        for stat in ["min", "mean", "max"] {
            assert_eq!(measured(&run, &format!("{stat}({measure}(web))")), value, "{stat} {measure}");
        }
    }
    assert_eq!((measured(&run, "min(queue_length(web))"), measured(&run, "max(queue_length(web))")), (4.0, 5.0));
    let busy = measured(&run, "mean(utilization(web))");
    assert!((measured(&run, "mean(queue_length(web))") + 2.0 * busy - 6.0).abs() < 1e-6);
    assert_eq!(measured(&run, "max(utilization(web))"), 1.0);
}
