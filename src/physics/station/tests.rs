use super::*;

const MS: u64 = 1_000_000;

/// Plays arrivals `(ms, work ms, priority)` through a station and says when each was done or refused, in ms.
fn play(spec: StationSpec, arrivals: &[(u64, u64, u8)]) -> Vec<String> {
    let mut station: Station<usize> = Station::new(spec, Instant::ZERO);
    let mut calls: Vec<(Instant, Ticket)> = Vec::new();
    let mut out = Vec::new();
    let mut next = 0;
    loop {
        let arrival = arrivals.get(next).map(|a| Instant(a.0 * MS));
        calls.sort();
        let call = calls.first().map(|c| c.0);
        let mut steps = Places::default();
        let now = match (arrival, call) {
            (None, None) => return out,
            (Some(a), c) if c.is_none_or(|c| a < c) => {
                let (_, work, priority) = arrivals[next];
                let job = Job { what: next, work: Span::millis(work), priority, deadline: a + Span::millis(10) };
                station.offer(a, job, &mut steps);
                next += 1;
                a
            }
            _ => {
                let (at, ticket) = calls.remove(0);
                station.finish(at, ticket, &mut steps);
                at
            }
        };
        while let Some(Step::GoOn) = steps.last() {
            station.go_on(now, &mut steps);
        }
        for step in steps {
            match step {
                Step::FinishAt { at, ticket } => calls.push((at, ticket)),
                Step::GoOn => {}
                Step::Done { what, .. } => out.push(format!("{what} done {}", now.0 as f64 / MS as f64)),
                Step::Refused { what, why } => out.push(format!("{what} {why:?} {}", now.0 as f64 / MS as f64)),
            }
        }
    }
}

const FOUR: &[(u64, u64, u8)] = &[(0, 10, 0), (1, 5, 0), (2, 5, 3), (3, 5, 1)];

#[test]
fn first_in_first_out() {
    assert_eq!(play(StationSpec::default(), FOUR), ["0 done 10", "1 done 15", "2 done 20", "3 done 25"]);
}

#[test]
fn last_in_first_out() {
    let spec = StationSpec { discipline: Discipline::Lifo, ..StationSpec::default() };
    assert_eq!(play(spec, FOUR), ["0 done 10", "3 done 15", "2 done 20", "1 done 25"]);
}

/// Ten workers, all of them busy after the first ten arrivals; then one of each of these priorities.
fn refused_when_busy(busy: u64, by_priority: bool) -> Vec<u8> {
    let shed = Some(Shed { above: 0.8, by_priority });
    let spec = StationSpec { workers: 10, shed, ..StationSpec::default() };
    let mut station: Station<u8> = Station::new(spec, Instant::ZERO);
    let mut steps = Places::default();
    let job = |what, priority| Job { what, work: Span::millis(10), priority, deadline: Instant::NEVER };
    (0..busy).for_each(|_| station.offer(Instant::ZERO, job(99, 7), &mut steps));
    steps.clear();
    for priority in 0..=7 {
        station.clone().offer(Instant::ZERO, job(priority, priority), &mut steps);
    }
    let refused = steps.into_iter().filter_map(|step| match step {
        Step::Refused { what, why: Refusal::Shed } => Some(what),
        _ => None,
    });
    refused.collect()
}

#[test]
fn low_priorities_are_shed_first_and_the_highest_never() {
    assert!(refused_when_busy(7, true).is_empty());
    assert_eq!(refused_when_busy(8, true), [0]);
    assert_eq!(refused_when_busy(9, true), [0, 1, 2, 3]);
    assert_eq!(refused_when_busy(10, true), [0, 1, 2, 3, 4, 5, 6]);
    assert!(refused_when_busy(7, false).is_empty());
    assert_eq!(refused_when_busy(8, false), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn highest_priority_first() {
    let spec = StationSpec { discipline: Discipline::Priority, ..StationSpec::default() };
    assert_eq!(play(spec, FOUR), ["0 done 10", "2 done 15", "3 done 20", "1 done 25"]);
}

#[test]
fn two_workers_and_a_faster_box() {
    let spec = StationSpec { workers: 2, speed: 2.0, ..StationSpec::default() };
    assert_eq!(play(spec, FOUR), ["1 done 3.5", "0 done 5", "2 done 6", "3 done 7.5"]);
}

#[test]
fn a_full_queue_rejects() {
    let spec = StationSpec { limit: Some(1), ..StationSpec::default() };
    assert_eq!(play(spec, FOUR), ["2 Full 2", "3 Full 3", "0 done 10", "1 done 15"]);
}

#[test]
fn expired_work_is_thrown_away_at_the_head() {
    let spec = StationSpec { drop: DropRule::Expired, ..StationSpec::default() };
    // Each is given up 10 ms after its arrival.
    assert_eq!(play(spec, FOUR), ["0 done 10", "1 done 15", "2 Expired 15", "3 Expired 15"]);
}

#[test]
fn sharing_splits_a_worker_evenly() {
    let spec = StationSpec { discipline: Discipline::ProcessorSharing, ..StationSpec::default() };
    // 0 alone until 2 (2 ms done), then both at half speed: 1 needs 3 ms of work, done at 8; 0 has 5 left then, alone.
    assert_eq!(play(spec, &[(0, 10, 0), (2, 3, 0)]), ["1 done 8", "0 done 13"]);
}

#[test]
fn a_pause_keeps_what_is_left() {
    let mut station: Station<u8> = Station::new(StationSpec::default(), Instant::ZERO);
    let mut steps = Places::default();
    let job = Job { what: 1, work: Span::millis(10), priority: 0, deadline: Instant::NEVER };
    station.offer(Instant::ZERO, job, &mut steps);
    station.pause(Instant(4 * MS));
    let Some(Step::FinishAt { at, ticket }) = steps.last().cloned() else { panic!("it runs") };
    steps.clear();
    station.finish(at, ticket, &mut steps);
    assert!(steps.is_empty());
    station.resume(Instant(50 * MS), &mut steps);
    assert!(matches!(steps.get_mut(0), Some(Step::FinishAt { at, .. }) if *at == Instant(56 * MS)));
}

#[test]
fn a_thread_is_held_until_the_reply() {
    let spec = StationSpec { model: WorkerModel::Thread, ..StationSpec::default() };
    let mut station: Station<u8> = Station::new(spec, Instant::ZERO);
    let mut steps = Places::default();
    for what in [1, 2] {
        let job = Job { what, work: Span::ZERO, priority: 0, deadline: Instant::NEVER };
        station.offer(Instant::ZERO, job, &mut steps);
    }
    assert!(matches!(steps.rows_mut(), [Some(Step::Done { what: 1, worker: Some(0), .. })]));
    steps.clear();
    station.release(Instant(MS), 0, &mut steps);
    let Some(Step::Done { what: 2, worker: Some(0), waited }) = steps.last().cloned() else { panic!("{steps:?}") };
    assert_eq!((steps.len(), waited), (1, Span::millis(1)));
    steps.clear();
    station.release(Instant(MS), 0, &mut steps);
    assert_eq!((steps.len(), station.busy()), (0, 0));
}

/// One thread. Its request asks for work of 10, 0 and 5 ms at once while another request waits, and is answered at
/// `answer` ms. Who is done when, in ms, and whether the worker is held then.
fn asks_at_once(answer: u64) -> Vec<String> {
    let spec = StationSpec { model: WorkerModel::Thread, ..StationSpec::default() };
    let mut station: Station<&str> = Station::new(spec, Instant::ZERO);
    let mut steps = Places::default();
    let job = |what, work| Job { what, work: Span::millis(work), priority: 0, deadline: Instant::NEVER };
    station.offer(Instant::ZERO, job("request", 0), &mut steps);
    for (what, work) in [("a", 10), ("b", 0), ("c", 5)] {
        station.continue_with(Instant::ZERO, Some(0), job(what, work), &mut steps);
    }
    station.offer(Instant::ZERO, job("other", 1), &mut steps);
    let (mut calls, mut said) = (Vec::new(), Vec::new());
    let (mut now, mut answer) = (Instant::ZERO, Some(Instant(answer * MS)));
    loop {
        while let Some(Step::GoOn) = steps.last() {
            station.go_on(now, &mut steps);
        }
        for step in std::mem::take(&mut steps) {
            match step {
                Step::GoOn => {}
                Step::FinishAt { at, ticket } => calls.push((at, ticket)),
                Step::Done { what, worker, .. } => {
                    said.push(format!("{what} {}{}", now.0 / MS, if worker.is_some() { " held" } else { "" }));
                }
                step => panic!("{step:?}"),
            }
        }
        match (calls.pop(), answer) {
            (Some((at, ticket)), answer) if answer.is_none_or(|answer| at < answer) => {
                now = at;
                station.finish(now, ticket, &mut steps);
            }
            (call, Some(at)) => {
                calls.extend(call);
                (now, answer) = (at, None);
                station.release(now, 0, &mut steps);
            }
            _ => return said,
        }
        assert!(station.jobs().count() <= 4 && station.all_idly_held() <= 1);
    }
}

#[test]
fn a_thread_does_one_thing_at_a_time_and_all_it_was_asked_for() {
    assert_eq!(asks_at_once(20), ["request 0 held", "a 10 held", "b 10 held", "c 15 held", "other 21 held"]);
    // Answered in between: what was begun for the request is finished, and then the worker is free.
    assert_eq!(asks_at_once(3), ["request 0 held", "a 10", "b 10", "c 15", "other 16 held"]);
    assert_eq!(asks_at_once(12), ["request 0 held", "a 10 held", "b 10 held", "c 15", "other 16 held"]);
}
