//! Bytes per idle client: everything that a population of a million costs beyond one of a thousand, counted by the
//! allocator.

use stats_alloc::Region;

use super::GLOBAL;
use super::scenario::{heartbeats, world};
use netsplit::engine::{Instant, Span};

const MANY: u32 = 1_000_000;
const FEW: u32 = 1_000;

/// Live bytes of a world with so many clients, just built and after ten virtual seconds.
fn live(count: u32) -> (usize, usize) {
    let region = Region::new(GLOBAL);
    let bytes = || {
        let change = region.change();
        change.bytes_allocated - change.bytes_deallocated
    };
    let (_plan, mut world) = world(&heartbeats(count, 60));
    let built = bytes();
    world.run_until(Instant::ZERO + Span::secs(10));
    (built, bytes())
}

pub(crate) fn print() {
    let (many, few) = (live(MANY), live(FEW));
    let each = |many: usize, few: usize| (many as f64 - few as f64) / f64::from(MANY - FEW);
    println!("\nmemory     bytes per client that beats every 5 s");
    println!("           just built {:>10.1}", each(many.0, few.0));
    println!("           after 10 s {:>10.1}", each(many.1, few.1));
}
