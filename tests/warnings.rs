//! What is warned of, and above all what isn't: each rule beside a scenario that is right as it is. How a warning looks
//! is in `tests/broken`.

use netsplit::scenario;
use netsplit::spec::Sources;

/// The warnings about a scenario, a line each; it has no errors.
fn warnings(scenario: &str) -> Vec<String> {
    let head = "schema = 1\ntitle = \"T\"\nquestion = \"Q?\"\nduration = \"60s\"\n";
    let sources = Sources::new("t.toml", format!("{head}{scenario}"));
    let (plan, diagnostics) = scenario::load(&sources, None, None, &|_| Err("there is no other file".to_owned()));
    let lines = diagnostics.lines(&sources);
    assert!(plan.is_some(), "{lines}");
    lines.lines().map(str::to_owned).collect()
}

#[track_caller]
fn silent(scenario: &str) {
    assert_eq!(warnings(scenario), Vec::<String>::new());
}

#[track_caller]
fn warned(scenario: &str, of: &str) {
    let all = warnings(scenario);
    assert!(all.len() == 1 && all[0].contains(of), "{all:?}");
}

/// Users at a web service whose flow has these steps, before a store that does 100 reads a second.
fn web(rate: &str, steps: &str, rest: &str) -> String {
    format!(
        "[service.web]\nworkers = 8\n[store.db]\nservice_time = \"10ms\"\n[flow.f]\nruns_on = \"web\"\n\
         steps = [{steps}]\n[clients.users]\nrate = \"{rate}/s\"\ntarget = \"web\"\nmix = {{ f = \"100%\" }}\n{rest}"
    )
}

const READ: &str = "{ read = \"db\" }";
const LOOK: &str = "[flow.look]\nsteps = [{ read = \"db\" }]\n";

#[test]
fn calls_of_a_flow_count_as_often_as_they_are_made() {
    silent(&web("90", READ, ""));
    warned(&web("110", READ, ""), "`db` is asked for 110 % of what it can do");
    warned(&web("60", &format!("{READ}, {READ}"), ""), "`db` is asked for 120 %");
    warned(&web("60", "{ loop = \"look\", max = 2 }", LOOK), "`db` is asked for 120 %");
    warned(&web("60", "{ fan_out = 2, each = \"look\" }", LOOK), "`db` is asked for 120 %");
    warned(&web("60", "{ parallel = [\"look\", \"look\"], wait = \"any\" }", LOOK), "`db` is asked for 120 %");
    warned(&web("60", "{ loop = \"twice\", max = 3 }", &format!("[flow.twice]\nsteps = [{READ}, {READ}]\n")), "360 %");
}

#[test]
fn branches_count_by_their_chance_and_not_at_all_if_only_the_run_knows() {
    silent(&web("150", "{ branch = \"60%\", then = \"look\" }", LOOK));
    warned(&web("150", "{ branch = \"80%\", then = \"look\" }", LOOK), "`db` is asked for 120 %");
    let both = format!("{LOOK}[flow.not]\nsteps = [{{ work = \"1us\" }}]\n");
    warned(&web("150", "{ branch = \"20%\", then = \"not\", else = \"look\" }", &both), "`db` is asked for 120 %");
    let read = "{ read = \"db\", bind = \"seen\" }, { branch = \"$seen\", then = \"look\", else = \"not\" }";
    silent(&web("90", read, &both));
    // What comes behind the branch comes either way.
    warned(&web("60", &format!("{read}, {READ}"), &both), "`db` is asked for 120 %");
    silent(&web("90", &format!("{READ}, {{ reply = \"ok\" }}"), ""));
}

#[test]
fn work_of_a_flow_is_work_of_its_service() {
    silent(&web("700", "{ work = \"exp(10ms)\" }", "[clients.readers]\nrate = \"1/s\"\ntarget = \"db\"\n"));
    let busy = "[clients.readers]\nrate = \"1/s\"\ntarget = \"db\"\n";
    warned(&web("900", "{ work = \"exp(10ms)\" }", busy), "`web` is asked for 112 %");
}

#[test]
fn a_cache_is_taken_to_hit() {
    let cache = "[cache.hot]\nbacking = \"db\"\nsize = 100\nread_mode = \"through\"\n";
    silent(&web("500", "{ read = \"hot\" }", cache));
    warned(&web("150", "{ write = \"hot\" }", cache), "`db` is asked for 150 %");
    silent(&web("150", "{ write = \"hot\" }", &format!("{cache}write_mode = \"behind\"\n")));
    let aside = "[cache.hot]\nbacking = \"db\"\nsize = 100\n";
    silent(&web("500", "{ read = \"hot\" }", aside));
}

#[test]
fn who_is_overloaded_passes_on_no_more_than_he_can() {
    // The web does 80 a second of 160 that come, and the store 100.
    let rest = "";
    warned(&web("160", &format!("{{ work = \"100ms\" }}, {READ}"), rest), "`web` is asked for 200 %");
}

#[test]
fn what_is_refused_does_not_pile_up() {
    silent(&web("150", READ, "[store.db.queue]\nlimit = 10\n"));
    silent(&web("150", READ, "[edge.web.db]\nbreaker = {}\n"));
    silent(&web("150", READ, "[edge.web.db]\nconcurrency = \"gradient\"\n"));
    silent(&web("150", READ, "[edge.web.db]\npool = { size = 8, max_wait = \"10ms\" }\n"));
    let threads = web("150", READ, "").replace("workers = 8", "workers = 8\nmodel = \"thread\"\nqueue = { limit = 8 }");
    silent(&threads);
}

#[test]
fn what_is_meant_is_not_warned_of() {
    silent(&web("150", READ, "[expect.full]\nthat = \"mean(utilization(db)) >= 99%\"\n"));
    silent(&web("150", READ, "[expect.calls]\nthat = \"rate(calls(web -> db)) >= 10/s\"\n"));
    silent(&web("150", READ, "[expect.fast]\nthat = \"p99(users) <= 1s\"\nverdict = \"violated\"\n"));
    warned(&web("150", READ, "[expect.fast]\nthat = \"p99(users) <= 1s\"\n"), "`db` is asked for 150 %");
}

/// A queue whose consumer does 50 messages a second with each of four workers.
fn consumer(rate: &str, queue: &str, flow: &str) -> String {
    format!(
        "[queue.jobs]\n{queue}\n[service.worker]\nworkers = 4\n[flow.work]\non = \"jobs\"\nruns_on = \"worker\"\n\
         {flow}\nsteps = [{{ work = \"20ms\" }}]\n[clients.shop]\nrate = \"{rate}/s\"\ntarget = \"jobs\"\n"
    )
}

#[test]
fn messages_pile_up_if_workers_or_hands_are_too_few() {
    let free = "parallel = 10\norder = \"none\"";
    silent(&consumer("190", "", free));
    warned(&consumer("220", "", free), "`worker` is asked for 110 % of what it can do");
    silent(&consumer("220", "backlog = { limit = 100 }", free));
    silent(&consumer("220", "retention = \"10s\"", free));
    // One message at a time of each partition.
    silent(&consumer("40", "", ""));
    warned(&consumer("60", "", ""), "`jobs` gets 120 % of what `worker` can take");
    warned(&consumer("60", "partitions = 4", ""), "`jobs` gets 120 % of what `worker` can take");
    silent(&consumer("60", "partitions = 2", "parallel = 2"));
}

#[test]
fn what_a_clock_begins_is_traffic_too() {
    let scenario = |every: &str| {
        format!(
            "[service.web]\nreplicas = 2\nservice_time = \"10s\"\n[store.db]\nservice_time = \"10ms\"\n\
             [flow.tidy]\non = \"every({every})\"\nruns_on = \"web\"\nsteps = [{{ fan_out = 100, each = \"look\" }}]\n{LOOK}"
        )
    };
    silent(&scenario("3s"));
    warned(&scenario("1s"), "`db` is asked for 200 % of what it can do");
}

#[test]
fn retries_need_something_that_ends_an_attempt() {
    let clients = |more: &str| {
        format!("[service.api]\nservice_time = \"1ms\"\n[clients.web]\nrate = \"50/s\"\ntarget = \"api\"\n{more}")
    };
    warned(&clients("retry = { attempts = 3 }"), "`web -> api` retries, but never times out");
    silent(&clients("retry = { attempts = 3 }\ntimeout = \"1s\""));
    silent(&clients("retry = { attempts = 3 }\ndeadline = \"1s\""));
    silent(&clients("retry = { attempts = 1 }"));
    silent(&clients("retry = { attempts = 3, on = [\"rejected\", \"unavailable\"] }"));
}

#[test]
fn retries_are_dangerous_where_all_of_them_would_be_too_many() {
    let patient = |rate: &str, retry: &str, rest: &str| {
        web(rate, READ, &format!("[edge.web.db]\ntimeout = \"100ms\"\nretry = {{ {retry} }}\n{rest}"))
    };
    warned(&patient("50", "attempts = 3", ""), "retries may keep `db` down once it is late");
    silent(&patient("30", "attempts = 3", ""));
    silent(&patient("50", "attempts = 3, budget = \"10%\"", ""));
    silent(&patient("50", "attempts = 3, on = [\"error\"]", ""));
    silent(&patient("50", "attempts = 3", "[store.db.queue]\nlimit = 100\n"));
    silent(&patient("50", "attempts = 3", "[expect.late]\nthat = \"p99(db) <= 1s\"\n"));
    // The answer to how long a spike may last is that nobody comes back from a longer one.
    let spike = "[fault.spike]\nat = \"10s\"\nfor = \"1s\"\nload = \"users\"\nfactor = 3\n\
                 [expect.back]\nthat = \"goodput(users) >= 1/s\"\nwithin = \"10s after spike\"\n\
                 [sweep.how-long]\nbisect = \"fault.spike.for\"\nrange = \"1s..5s\"\nuntil = \"back\"\n";
    silent(&patient("50", "attempts = 3", spike));
}

#[test]
fn held_workers_beside_a_retry_are_a_bulkhead() {
    let held = |edge: &str| {
        web("10", READ, &format!("[edge.web.db]\ntimeout = \"100ms\"\n{edge}"))
            .replace("workers = 8", "workers = 8\nmodel = \"thread\"")
    };
    warned(&held("retry = { attempts = 3 }"), "`web` holds a worker through all attempts of a call");
    silent(&held(""));
    silent(&held("retry = { attempts = 3 }\npool = { size = 4 }"));
}

/// Users of an instant service, 10 a second, and a fault from 20 s to 25 s.
fn evidence(expect: &str) -> String {
    format!(
        "[service.api]\nreplicas = 2\n[clients.users]\nrate = \"10/s\"\ntarget = \"api\"\n\
         mix = {{ browse = \"90%\", buy = \"10%\" }}\n[fault.cut]\nat = \"20s\"\nfor = \"5s\"\ncrash = \"api/1\"\n\
         [expect.e]\n{expect}\n"
    )
}

#[test]
fn a_mean_of_few_operations_says_little() {
    silent(&evidence("that = \"p99(users) <= 1s\""));
    silent(&evidence("that = \"p99(users, before cut) <= 1s\""));
    warned(&evidence("that = \"p99(users, cut) <= 1s\""), "`e` rests on about 50 operations");
    warned(&evidence("that = \"p99(users) <= 1s\"\nduring = \"cut\""), "about 50 operations");
    warned(&evidence("that = \"p99(buy) <= 1s\""), "about 60 operations");
    warned(&evidence("that = \"mean(browse, 0s..2s) <= 1s\""), "about 18 operations");
    warned(&evidence("that = \"availability(users) >= 99%\"\nwithin = \"30s after cut\""), "about 50 operations");
    // How many there are may well be few; so may what an author says that he needs.
    silent(&evidence("that = \"count(offered(users, cut)) >= 10\""));
    silent(&evidence("that = \"goodput(users, cut) >= 1/s\""));
    silent(&evidence("that = \"p99(users, cut) <= 1s\"\nneeds = [\"count(ok(users, cut)) >= 20\"]"));
    silent(&evidence("that = \"p99(users, cut) <= 1s\"\nverdict = \"any\""));
    silent(&format!("seeds = \"1..=20\"\n{}", evidence("that = \"p99(users, cut) <= 1s\"")));
    silent(&evidence("that = \"p99(users, cut) <= 1s\"").replace("crash = \"api/1\"", "load = \"users\"\nfactor = 10"));
    silent(&evidence("that = \"p99(users, cut) <= 1s\"").replace("rate = \"10/s\"", "count = 10"));
}

#[test]
fn a_warm_up_lasts_ten_visits() {
    let scenario = |warmup: &str| {
        format!(
            "warmup = \"{warmup}\"\n[service.api]\nservice_time = \"exp(10ms)\"\n[clients.web]\nrate = \"50/s\"\ntarget = \"api\"\n"
        )
    };
    silent(&scenario("0s"));
    silent(&scenario("100ms"));
    warned(&scenario("99ms"), "the warm-up is over before queues have settled");
}

#[test]
fn quorums_that_need_not_meet_do_not_make_one_copy() {
    let store = |quorum: &str, clients: &str, verdict: &str| {
        format!(
            "[store.kv]\nreplicas = 3\nreplication = {{ quorum = {{ {quorum} }} }}\n[clients.web]\nrate = \"50/s\"\n\
             target = \"kv\"\n{clients}\n[expect.one-copy]\nthat = \"linearizable(kv)\"\n{verdict}\n"
        )
    };
    warned(&store("w = 1, r = 2", "", ""), "`kv` isn't linearizable by design: r + w = 3");
    silent(&store("w = 2, r = 2", "", ""));
    silent(&store("w = 1, r = 2", "", "verdict = \"violated\""));
    silent(&store("w = 1, r = 2", "consistency = \"all\"", ""));
    // Judged only where they meet.
    let strict = "only = [\"strict\"]\n[variant.strict]\nset.\"store.kv.replication.quorum.w\" = 2\n";
    silent(&store("w = 1, r = 2", "", strict));
}

#[test]
fn a_name_that_only_a_variant_uses_is_used() {
    let scenario = "[service.api]\n[service.other]\n[clients.web]\nrate = \"50/s\"\ntarget = \"api\"\n";
    warned(scenario, "nobody calls `other`");
    silent(&format!("{scenario}[variant.b]\nset.\"clients.web.target\" = \"other\"\n"));
    silent(
        &web("50", "{ read = \"db\", key = \"$k\" }", "")
            .replace("[flow.f]\n", "[flow.f]\ndraw = { k = \"unique\" }\n"),
    );
    warned(&web("50", READ, "").replace("[flow.f]\n", "[flow.f]\ndraw = { k = \"unique\" }\n"), "nothing takes `$k`");
}
