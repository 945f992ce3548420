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
        let (parcel, place) = self.place();
        *place = Some(call);
        parcel
    }
    /// The same for whoever writes the request afterwards: an empty place, and its number. What is made after it was
    /// asked for is made where it stays; what is put is copied there.
    #[inline(always)]
    pub fn place(&mut self) -> (u32, &mut Option<Call>) {
        let parcel = match self.free.pop() {
            Some(free) => free,
            None => {
                cold_path();
                self.rows.push(None);
                u32::try_from(self.rows.len() - 1).expect("fewer than 2^32 requests under way")
            }
        };
        let place = &mut self.rows[parcel as usize];
        // So that the compiler knows that there is nothing to drop.
        assert!(place.is_none(), "a free row is empty");
        (parcel, place)
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
