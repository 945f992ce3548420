//! Caches against theory, and what each knob does to the load behind them.

mod played;

use netsplit::run::{Run, value};
use netsplit::scenario::Plan;
use played::measured;

fn load(scenario: &str) -> Result<Plan, String> {
    played::load(&format!("max_events = \"1B\"\n{scenario}"))
}

fn play(scenario: &str) -> Run {
    played::play(&format!("max_events = \"1B\"\n{scenario}"))
}

/// Within four standard errors of the run itself, which must be small.
fn assert_near(run: &Run, expression: &str, expected: f64) {
    let measured = value(expression, &run.outcome).expect("it was measured");
    let error = measured.standard_error.expect("long enough for an error");
    assert!((measured.value - expected).abs() <= 4.0 * error, "{} ± {error}, expected {expected}", measured.value);
    assert!(4.0 * error <= 0.05 * expected, "an error of {error} tells nothing about {expected}");
}

fn read_through(keys: &str, cache: &str, rate: &str, duration: &str) -> Run {
    play(&format!(
        "duration = \"{duration}\"\nwarmup = \"100s\"\n[keys.k]\n{keys}\n[store.db]\n[cache.hot]\nbacking = \"db\"\n\
         read_mode = \"through\"\n{cache}\n[clients.c]\nrate = \"{rate}\"\ntarget = \"hot\"\nkeys = \"k\"\n\
         mix = {{ read = \"100%\" }}\n[expect.window]\nthat = \"count(calls(hot -> db, 100s..103s)) >= 0\"\n"
    ))
}

fn zipf(n: usize, theta: f64) -> Vec<f64> {
    let weights: Vec<f64> = (1..=n).map(|i| libm::pow(i as f64, -theta)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

/// King, "Analysis of demand paging algorithms", IFIP 1971: every ordered content of an LRU cache, and its probability.
fn king(p: &[f64], room: usize) -> f64 {
    fn sum(p: &[f64], room: usize, held: &mut Vec<usize>, probability: f64) -> f64 {
        let mass: f64 = held.iter().map(|i| p[*i]).sum();
        if held.len() == room {
            return probability * mass;
        }
        let mut total = 0.0;
        for i in 0..p.len() {
            if !held.contains(&i) {
                held.push(i);
                total += sum(p, room, held, probability * p[i] / (1.0 - mass));
                held.pop();
            }
        }
        total
    }
    sum(p, room, &mut Vec::new(), 1.0)
}

/// Che, Tung and Wang, "Hierarchical web caching systems", JSAC 2002: a key is there if it came within the
/// characteristic time t, where the expected number of such keys is the room.
fn che(p: &[f64], room: f64) -> f64 {
    let held = |t: f64| p.iter().map(|p| 1.0 - libm::exp(-p * t)).sum::<f64>();
    let (mut low, mut high) = (0.0, 1e12);
    for _ in 0..200 {
        let mid = (low + high) / 2.0;
        if held(mid) < room { low = mid } else { high = mid }
    }
    p.iter().map(|p| p * (1.0 - libm::exp(-p * low))).sum()
}

/// Gelenbe, "A unified approach to the evaluation of a class of replacement algorithms", IEEE ToC 1973: FIFO and random
/// hold a set in proportion to the product of its probabilities.
fn gelenbe(p: &[f64], room: usize) -> f64 {
    let symmetric = |without: Option<usize>| {
        let mut e = vec![0.0; room + 1];
        e[0] = 1.0;
        for (i, p) in p.iter().enumerate().filter(|(i, _)| Some(*i) != without) {
            let _ = i;
            for j in (1..=room).rev() {
                e[j] += e[j - 1] * p;
            }
        }
        e
    };
    let all = symmetric(None)[room];
    (0..p.len()).map(|i| p[i] * p[i] * symmetric(Some(i))[room - 1] / all).sum()
}

#[test]
fn lru_hits_as_often_as_kings_formula_says() {
    let run = read_through("count = 12\npopularity = \"zipf(0.8)\"", "size = 4", "100/s", "2000s");
    assert_near(&run, "hit_ratio(hot, steady)", king(&zipf(12, 0.8), 4));
}

#[test]
fn lru_hits_as_often_as_che_approximates() {
    let keys = "count = 10_000\npopularity = \"zipf(0.9)\"";
    let run = read_through(keys, "size = 1000", "1000/s", "600s");
    // The approximation is good to a few in a thousand here.
    let expected = che(&zipf(10_000, 0.9), 1000.0);
    assert!((measured(&run, "hit_ratio(hot, steady)") - expected).abs() < 0.005, "{expected}");
}

#[test]
fn fifo_and_random_hit_equally_often_and_less_than_lru() {
    let p = zipf(50, 1.0);
    let (exact, lru) = (gelenbe(&p, 10), che(&p, 10.0));
    assert!(exact < lru);
    for eviction in ["fifo", "random"] {
        let cache = format!("size = 10\neviction = \"{eviction}\"");
        let run = read_through("count = 50\npopularity = \"zipf(1.0)\"", &cache, "100/s", "2000s");
        assert_near(&run, "hit_ratio(hot, steady)", exact);
    }
}

#[test]
fn lfu_and_s3_fifo_keep_what_is_popular_better_than_lru() {
    let keys = "count = 2000\npopularity = \"zipf(0.9)\"";
    let ratio = |eviction: &str| {
        let run = read_through(keys, &format!("size = 100\neviction = \"{eviction}\""), "500/s", "400s");
        measured(&run, "hit_ratio(hot, steady)")
    };
    let p = zipf(2000, 0.9);
    // Nothing beats holding the hundred most popular keys for good.
    let best: f64 = p[..100].iter().sum();
    let (lru, lfu, s3) = (ratio("lru"), ratio("lfu"), ratio("s3fifo"));
    for better in [lfu, s3] {
        assert!(lru + 0.05 < better && better <= best + 0.005 && better > best - 0.07, "{lru} {better} {best}");
    }
}

#[test]
fn a_time_to_live_costs_one_miss_for_each_period() {
    // A key asked for at rate a hits a T of a T + 1 times: after each miss, a T more come before it expires.
    let run = read_through("count = 50", "size = 1000\nttl = \"4s\"", "100/s", "1000s");
    assert_near(&run, "hit_ratio(hot, steady)", 8.0 / 9.0);
}

#[test]
fn jitter_spreads_what_expires_together() {
    // All keys are filled at the start and expire together, again and again; with jitter they drift apart.
    let worst = |jitter: &str| {
        let cache = format!("size = 1000\nprefill = \"100%\"\nttl = \"50s\"\nttl_jitter = \"{jitter}\"");
        let run = read_through("count = 1000", &cache, "2000/s", "1000s");
        measured(&run, "rate(calls(hot -> db, 100s..103s))")
    };
    let (together, apart) = (worst("0%"), worst("30%"));
    assert!(together > 3.0 * apart, "{together} {apart}");
}

#[test]
fn one_flight_asks_once_for_all_that_miss_together() {
    let asked = |stampede: &str| {
        let run = play(&format!(
            "duration = \"200s\"\n[store.db]\nservice_time = \"1s\"\nworkers = 1000\n[cache.hot]\nbacking = \"db\"\n\
             read_mode = \"through\"\nsize = 10\nttl = \"10s\"\n{stampede}\n[keys.k]\ncount = 1\n[clients.c]\n\
             rate = \"100/s\"\ntarget = \"hot\"\nkeys = \"k\"\nmix = {{ read = \"100%\" }}\n"
        ));
        measured(&run, "count(calls(hot -> db))")
    };
    // One expiry in 11 s, and each lasts a second: a hundred requests ask, or one does.
    let (all, one, early) =
        (asked(""), asked("stampede = \"single_flight\""), asked("stampede = \"early_expiry(1.0)\""));
    assert!((17.0..=20.0).contains(&one), "{one}");
    assert!(all > 80.0 * one, "{all} {one}");
    assert!(early < all / 5.0, "{early} of {all}");
}

#[test]
fn stale_entries_answer_while_the_origin_is_down() {
    let run = play(
        "duration = \"200s\"\n[store.db]\n[cache.hot]\nbacking = \"db\"\nread_mode = \"through\"\nsize = 10\n\
         ttl = \"1s\"\nstale_if_error = \"30s\"\n[keys.k]\ncount = 5\n[clients.c]\nrate = \"100/s\"\ntarget = \"hot\"\n\
         keys = \"k\"\nmix = { read = \"100%\" }\n[fault.down]\nat = \"100s\"\nfor = \"20s\"\ncrash = \"db\"\n",
    );
    assert_eq!(measured(&run, "availability(c, down)"), 1.0);
    assert!(measured(&run, "stale_served(hot, down)") > 0.9);
    assert_eq!(measured(&run, "stale_served(hot, before down)"), 0.0);
}

#[test]
fn a_flushed_cache_sends_everybody_to_the_store() {
    let run = play(
        "duration = \"200s\"\n[store.db]\n[cache.hot]\nbacking = \"db\"\nread_mode = \"through\"\nsize = 1000\n\
         [keys.k]\ncount = 1000\n[clients.c]\nrate = \"1000/s\"\ntarget = \"hot\"\nkeys = \"k\"\n\
         mix = { read = \"100%\" }\n[fault.empty]\nat = \"100s\"\nflush = \"hot\"\n\
         [expect.first]\nthat = \"count(calls(hot -> db, 100s..101s)) >= 0\"\n[expect.before]\n\
         that = \"hit_ratio(hot, 50s..100s) >= 0\"\n",
    );
    assert_eq!(measured(&run, "hit_ratio(hot, 50s..100s)"), 1.0);
    // A second after it, 1 − e⁻¹ of the keys have been asked for; before, none.
    let first = measured(&run, "count(calls(hot -> db, 100s..101s))");
    assert!((560.0..=700.0).contains(&first), "{first}");
}

#[test]
fn writes_reach_the_store_in_each_mode_and_reads_see_what_the_mode_promises() {
    let run = |mode: &str| {
        play(&format!(
            "duration = \"100s\"\n[store.db]\nservice_time = \"20ms\"\nworkers = 100\n[cache.hot]\nbacking = \"db\"\n\
             read_mode = \"through\"\nwrite_mode = \"{mode}\"\nsize = 1000\n[keys.k]\ncount = 20\n[clients.c]\n\
             rate = \"100/s\"\ntarget = \"hot\"\nkeys = \"k\"\nmix = {{ read = \"80%\", write = \"20%\" }}\n"
        ))
    };
    let (invalidate, through, behind) = (run("invalidate"), run("through"), run("behind"));
    for run in [&invalidate, &through, &behind] {
        let (asked, written) = (measured(run, "count(calls(write))"), measured(run, "count(calls(hot -> db))"));
        assert!(written >= asked, "{written} {asked}");
    }
    assert!(measured(&behind, "mean(write)") < 0.001, "the answer doesn't wait for the store");
    assert!(measured(&through, "mean(write)") > 0.02);
    assert!(measured(&through, "hit_ratio(hot)") > 0.98);
    assert!(measured(&invalidate, "hit_ratio(hot)") < 0.9, "a read after each write misses");
}

#[test]
fn replicas_hold_different_keys_and_together_more() {
    let ratio = |replicas: u32| {
        let cache = format!("size = 100\nreplicas = {replicas}");
        let run = read_through("count = 1000\npopularity = \"uniform\"", &cache, "500/s", "400s");
        measured(&run, "hit_ratio(hot, steady)")
    };
    // Uniform keys: what fits is what hits.
    assert!((ratio(1) - 0.1).abs() < 0.01);
    assert!((ratio(4) - 0.4).abs() < 0.03);
}

#[test]
fn a_cache_in_bytes_counts_bytes() {
    let run = read_through("count = 100\nsize = \"10KB\"", "size = \"500KB\"", "200/s", "400s");
    assert!((measured(&run, "hit_ratio(hot, steady)") - 0.5).abs() < 0.02);
    assert!((measured(&run, "byte_hit_ratio(hot, steady)") - 0.5).abs() < 0.02);
}

#[test]
fn what_a_cache_is_told_wrong_is_said() {
    let head = "duration = \"10s\"\n[store.db]\n[clients.c]\nrate = \"1/s\"\ntarget = \"hot\"\n";
    for (cache, message) in [
        ("size = 10", "`backing` is missing"),
        ("backing = \"db\"", "`size` is missing"),
        ("backing = \"bd\"\nsize = 10\nread_mode = \"through\"", "no component is called `bd`"),
        ("backing = \"db\"\nsize = 0", "a cache without room keeps nothing"),
        ("backing = \"db\"\nsize = \"10 apples\"", "10_000"),
        ("backing = \"db\"\nsize = 10\neviction = \"lur\"", "`lur` is no value of `eviction`"),
        ("backing = \"db\"\nsize = 10\nttl_jitter = \"10%\"", "there is no `ttl` to jitter"),
        ("backing = \"db\"\nsize = 10\nstale_if_error = \"1h\"", "`stale_if_error` needs a cache that asks"),
        ("backing = \"db\"\nsize = 10\nstampede = \"single_fligth\"", "did you mean `single_flight`?"),
        ("backing = \"db\"\nsize = 10", "clients don't fill the cache `hot`"),
        ("backing = \"db\"\nsize = 10\ntttl = \"1s\"", "unknown key `tttl`"),
        ("backing = \"hot\"\nsize = 10\nread_mode = \"through\"", "`hot` stands before itself"),
    ] {
        let errors = load(&format!("{head}[cache.hot]\n{cache}\n")).expect_err(cache);
        assert!(errors.contains(message), "{cache}: {errors}");
    }
}

#[test]
fn a_cache_that_admits_on_the_second_hit_begins_as_full_as_it_is_filled() {
    for (prefill, hits) in [("100%", 1.0), ("0%", 0.0)] {
        let run = play(&format!(
            "duration = \"2s\"\nwarmup = \"0s\"\n[keys.k]\ncount = 1000\n[store.db]\nworkers = 1000\n[cache.hot]\n\
             backing = \"db\"\nread_mode = \"through\"\nsize = 1000\nprefill = \"{prefill}\"\nadmit = \"second_hit\"\n\
             [clients.c]\nrate = \"200/s\"\ntarget = \"hot\"\nkeys = \"k\"\nmix = {{ read = \"100%\" }}\n"
        ));
        let measured = measured(&run, "hit_ratio(hot)");
        assert!((measured - hits).abs() < 0.05, "{prefill}: {measured}");
    }
}
