//! Disks: how long a write takes to be durable, and what a crash keeps.

use crate::engine::{Dist, Draws, Instant, ProcessId, Span};

/// The disk of each host of a component.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskSpec {
    /// Of one read, ns, beside what its bytes take; whoever reads waits for it.
    pub read_time: Dist,
    /// Of one write into the page cache, ns.
    pub write_time: Dist,
    /// Of one fsync, ns; fsyncs of one host queue up.
    pub fsync_time: Dist,
    /// Bytes per second, of reads and of writes each; writes of one host queue up for it. `None` = no limit.
    pub bandwidth: Option<u64>,
}

impl Default for DiskSpec {
    /// Reads and writes for nothing, 1 ms an fsync (illustrative: a datacentre SSD without power-loss protection).
    fn default() -> DiskSpec {
        DiskSpec {
            read_time: Dist::constant(0.0),
            write_time: Dist::constant(0.0),
            fsync_time: Dist::constant(1e6),
            bandwidth: None,
        }
    }
}

/// What an answer waits for, hence what a power loss takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// Each record is fsynced before it counts as durable; records that wait share one fsync (group commit).
    Always,
    /// It counts at once; an fsync follows every so often.
    Every(Span),
    /// It counts at once, and is never fsynced.
    Never,
}

/// One record of a write-ahead log.
#[derive(Clone, Debug)]
struct Entry<R> {
    process: ProcessId,
    record: R,
    durable_at: Instant,
    /// Whether it takes the place of everything before it, once it is durable.
    checkpoint: bool,
}

/// The disk of one host: a write-ahead log for each of its processes, and one queue of fsyncs.
#[derive(Clone, Debug)]
pub struct HostDisk<R> {
    spec: DiskSpec,
    fsync: Fsync,
    draws: Draws,
    log: Vec<Entry<R>>,
    operations: u64,
    /// The fsync under way ends then; what is written before it begins again shares the next one.
    busy_until: Instant,
    next: Option<(Instant, Instant)>,
    /// The fsync before the last one ends then.
    before: Instant,
    /// Time of all fsyncs that were ever begun or queued.
    syncing: Span,
    /// The last write that queued for its bandwidth has had it then.
    moved: Instant,
    /// Time that writes have taken of its bandwidth, or will.
    moving: Span,
    reads: u64,
    slow: f64,
}

impl<R: Clone> HostDisk<R> {
    /// An empty disk.
    pub fn new(spec: DiskSpec, fsync: Fsync, draws: Draws) -> HostDisk<R> {
        HostDisk {
            spec,
            fsync,
            draws,
            log: Vec::new(),
            operations: 0,
            busy_until: Instant::ZERO,
            next: None,
            before: Instant::ZERO,
            syncing: Span::ZERO,
            moved: Instant::ZERO,
            moving: Span::ZERO,
            reads: 0,
            slow: 1.0,
        }
    }

    /// Appends a record; it counts as durable at the time that comes back.
    pub fn append(&mut self, now: Instant, process: ProcessId, record: R, bytes: u32) -> Instant {
        self.operations += 1;
        let time = self.spec.write_time.sample_span(&mut self.draws.at(0, self.operations));
        let mut begins = now;
        if let Some(moving) = self.moving(bytes) {
            begins = now.max(self.moved) + moving;
            self.moved = begins;
            self.moving += moving;
        }
        let written = begins + self.stretched(time);
        let (acknowledged, durable_at) = match self.fsync {
            Fsync::Always => {
                let at = self.sync_after(written);
                (at, at)
            }
            Fsync::Every(every) => (written, Instant((written.0 / every.0.max(1) + 1) * every.0.max(1))),
            Fsync::Never => (written, Instant::NEVER),
        };
        self.log.push(Entry { process, record, durable_at, checkpoint: false });
        acknowledged
    }

    /// What so many bytes take of its bandwidth, if that is limited.
    fn moving(&self, bytes: u32) -> Option<Span> {
        let bandwidth = self.spec.bandwidth?;
        Some(self.stretched(Span(u64::from(bytes) * 1_000_000_000 / bandwidth.max(1))))
    }

    /// Whether a read takes any time.
    pub fn takes_time_to_read(&self) -> bool {
        self.spec.bandwidth.is_some() || !self.spec.read_time.is_zero()
    }

    /// How long a read of so many bytes takes. Reads of one host wait for one another no more than its workers make them.
    pub fn read(&mut self, bytes: u32) -> Span {
        if !self.takes_time_to_read() {
            return Span::ZERO;
        }
        self.reads += 1;
        let time = self.spec.read_time.sample_span(&mut self.draws.at(2, self.reads));
        self.stretched(time) + self.moving(bytes).unwrap_or(Span::ZERO)
    }

    /// Replaces a process's whole log by one record, when that is durable: a power loss before keeps the old log.
    pub fn checkpoint(&mut self, now: Instant, process: ProcessId, record: R, bytes: u32) -> Instant {
        // What an earlier checkpoint has replaced is not needed any more. Without fsync nothing survives anyway.
        let settled = |at: Instant| at <= now || at == Instant::NEVER;
        let replaced = self.log.iter().rposition(|e| e.process == process && e.checkpoint && settled(e.durable_at));
        let mut index = 0;
        self.log.retain(|entry| {
            index += 1;
            entry.process != process || index > replaced.unwrap_or(0)
        });
        let at = self.append(now, process, record, bytes);
        if let Some(entry) = self.log.last_mut() {
            entry.checkpoint = true;
        }
        at
    }

    /// The fsync that covers something written at `written`: the one that waits to begin, or a new one behind it.
    fn sync_after(&mut self, written: Instant) -> Instant {
        if let Some((begins, ends)) = self.next
            && written <= begins
        {
            return ends;
        }
        let begins = written.max(self.next.map_or(self.busy_until, |(_, ends)| ends));
        self.operations += 1;
        let time = self.spec.fsync_time.sample_span(&mut self.draws.at(1, self.operations));
        let ends = begins + self.stretched(time);
        self.before = self.busy_until;
        self.syncing += ends - begins;
        self.busy_until = ends;
        self.next = Some((begins, ends));
        ends
    }

    /// For how long it was syncing up to `now`, or moving bytes of writes, whichever is more.
    pub fn used(&self, now: Instant) -> Span {
        self.synced(now).max(self.moving - self.moved.since(now.min(self.moved)).min(self.moving))
    }

    fn synced(&self, now: Instant) -> Span {
        self.syncing - self.ahead(now)
    }

    /// What is left at `now` of the fsync under way, and of the one that waits.
    fn ahead(&self, now: Instant) -> Span {
        let last = self.next.map_or(Span::ZERO, |(begins, ends)| ends.since(begins.max(now).min(ends)));
        let under_way = self.next.map_or(Span::ZERO, |(begins, _)| self.before.min(begins).since(now.min(self.before)));
        Span(last.0.saturating_add(under_way.0).min(self.syncing.0))
    }

    fn stretched(&self, time: Span) -> Span {
        if self.slow == 1.0 { time } else { Span::from_nanos_f64(time.0 as f64 * self.slow) }
    }

    /// Every operation that begins from now on takes `factor` times as long.
    pub fn set_slow(&mut self, factor: f64) {
        self.slow = factor;
    }

    /// What a process finds when it starts, oldest first.
    pub fn log(&self, process: ProcessId) -> Vec<R> {
        let from = self.log.iter().rposition(|e| e.process == process && e.checkpoint).unwrap_or(0);
        self.log[from..].iter().filter(|e| e.process == process).map(|e| e.record.clone()).collect()
    }

    /// The machine loses power: what was not fsynced is gone, of all its processes.
    pub fn power_loss(&mut self, now: Instant) {
        self.log.retain(|entry| entry.durable_at <= now);
        self.syncing = self.synced(now);
        self.moving = self.moving - self.moved.since(now.min(self.moved)).min(self.moving);
        self.moved = self.moved.min(now);
        self.before = now;
        self.busy_until = now;
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    const MS: u64 = 1_000_000;

    fn disk(fsync: Fsync) -> HostDisk<u32> {
        HostDisk::new(DiskSpec::default(), fsync, Draws::named(Seed(1), "kv/0/disk"))
    }

    #[test]
    fn writes_queue_for_the_bandwidth_and_reads_take_theirs() {
        let spec = DiskSpec { bandwidth: Some(1_000_000), read_time: Dist::constant(5e6), ..DiskSpec::default() };
        let mut d: HostDisk<u32> = HostDisk::new(spec, Fsync::Never, Draws::named(Seed(1), "kv/0/disk"));
        assert_eq!(d.append(Instant(0), ProcessId(0), 1, 1000), Instant(MS), "a kilobyte at a megabyte a second");
        assert_eq!(d.append(Instant(0), ProcessId(0), 2, 2000), Instant(3 * MS), "behind it");
        assert_eq!(d.used(Instant(2 * MS)), Span::millis(2));
        assert_eq!(d.append(Instant(4 * MS), ProcessId(0), 3, 0), Instant(4 * MS));
        assert_eq!((d.read(1000), d.used(Instant(9 * MS))), (Span::millis(6), Span::millis(3)));
        assert_eq!(disk(Fsync::Never).read(1000), Span::ZERO, "without a limit");
    }

    #[test]
    fn records_that_wait_share_one_fsync() {
        let mut d = disk(Fsync::Always);
        assert_eq!(d.append(Instant(0), ProcessId(0), 1, 0), Instant(MS));
        assert_eq!(d.append(Instant(1), ProcessId(0), 2, 0), Instant(2 * MS));
        assert_eq!(d.append(Instant(2), ProcessId(0), 3, 0), Instant(2 * MS), "shares the second");
        assert_eq!(d.append(Instant(MS + 1), ProcessId(0), 4, 0), Instant(3 * MS));
    }

    #[test]
    fn it_is_told_how_long_a_disk_was_syncing() {
        let mut d = disk(Fsync::Always);
        for at in [0, 1, 5 * MS] {
            d.append(Instant(at), ProcessId(0), 1, 0);
            // Two in a row, then one after a pause.
            let expected = if at < 5 * MS { at } else { 2 * MS };
            assert_eq!(d.used(Instant(at)), Span(expected), "at {at}");
        }
        assert_eq!(d.used(Instant(5 * MS + MS / 4)), Span(2 * MS + MS / 4));
        assert_eq!(d.used(Instant(9 * MS)), Span(3 * MS));
        d.append(Instant(9 * MS), ProcessId(0), 1, 0);
        d.power_loss(Instant(9 * MS + MS / 2));
        assert_eq!(d.used(Instant(20 * MS)), Span(3 * MS + MS / 2));
    }

    #[test]
    fn power_loss_takes_what_was_not_fsynced() {
        let mut d = disk(Fsync::Always);
        d.append(Instant(0), ProcessId(0), 1, 0);
        d.append(Instant(MS / 2), ProcessId(0), 2, 0);
        d.power_loss(Instant(MS));
        assert_eq!(d.log(ProcessId(0)), [1]);

        let mut d = disk(Fsync::Every(Span::millis(100)));
        assert_eq!(d.append(Instant(0), ProcessId(0), 1, 0), Instant(0), "acknowledged at once");
        d.append(Instant(150 * MS), ProcessId(0), 2, 0);
        d.power_loss(Instant(160 * MS));
        assert_eq!(d.log(ProcessId(0)), [1]);
    }

    #[test]
    fn a_checkpoint_drops_what_precedes_it() {
        let mut d = disk(Fsync::Always);
        for r in 1..4 {
            d.append(Instant(0), ProcessId(0), r, 0);
        }
        d.append(Instant(0), ProcessId(1), 9, 0);
        d.checkpoint(Instant(0), ProcessId(0), 7, 0);
        assert_eq!(d.log(ProcessId(0)), [7]);
        assert_eq!(d.log(ProcessId(1)), [9]);
    }

    #[test]
    fn a_checkpoint_that_is_not_durable_has_replaced_nothing() {
        let mut d = disk(Fsync::Always);
        for r in 1..4 {
            d.append(Instant(0), ProcessId(0), r, 0);
        }
        d.checkpoint(Instant(5 * MS), ProcessId(0), 7, 0);
        d.append(Instant(5 * MS + 1), ProcessId(0), 8, 0);
        let mut lost = d.clone();
        lost.power_loss(Instant(5 * MS + 2));
        assert_eq!(lost.log(ProcessId(0)), [1, 2, 3]);
        d.power_loss(Instant(8 * MS));
        assert_eq!(d.log(ProcessId(0)), [7, 8]);
        d.checkpoint(Instant(9 * MS), ProcessId(0), 9, 0);
        d.power_loss(Instant(9 * MS));
        assert_eq!(d.log(ProcessId(0)), [7, 8]);
    }
}
