//! Requests on the wire and in front of stations, by number: an event carries four bytes, not a whole request.

use std::hint::cold_path;

use super::op::Call;

/// A table of requests. A number is good for one [`take`](Parcels::take).
#[derive(Clone, Debug, Default)]
pub struct Parcels {
    rows: Vec<Option<Call>>,
    free: Vec<u32>,
}

impl Parcels {
    /// Keeps a request, and says under which number.
    #[inline]
    pub fn put(&mut self, call: Call) -> u32 {
        match self.free.pop() {
            Some(free) => {
                let row = &mut self.rows[free as usize];
                // So that the compiler knows that there is nothing to drop.
                assert!(row.is_none(), "a free row is empty");
                *row = Some(call);
                free
            }
            None => {
                cold_path();
                self.rows.push(Some(call));
                u32::try_from(self.rows.len() - 1).expect("fewer than 2^32 requests under way")
            }
        }
    }
    /// The request of that number.
    #[inline]
    pub fn get(&self, parcel: u32) -> &Call {
        self.rows[parcel as usize].as_ref().expect("a parcel is there until it is taken")
    }
    /// The request of that number, which is free then.
    #[inline]
    pub fn take(&mut self, parcel: u32) -> Call {
        self.free.push(parcel);
        self.rows[parcel as usize].take().expect("a parcel is taken once")
    }
    /// How many are kept.
    pub fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
