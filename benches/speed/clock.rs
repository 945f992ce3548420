//! CPU time of this thread: on a machine with neighbours, wall time measures the neighbours.

/// Runs something; nanoseconds of CPU time that it took, and what it returned.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (u64, T) {
    #[expect(clippy::disallowed_types, reason = "a benchmark looks at the clock")]
    let wall = std::time::Instant::now();
    let before = on_cpu_ns();
    let result = std::hint::black_box(run());
    let ns = match (before, on_cpu_ns()) {
        (Some(before), Some(after)) => after - before,
        _ => u64::try_from(wall.elapsed().as_nanos()).unwrap_or(u64::MAX),
    };
    (ns, result)
}

/// Linux tells it to the nanosecond; elsewhere wall time must do.
fn on_cpu_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
