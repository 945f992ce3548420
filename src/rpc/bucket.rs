//! A token bucket that calls fill: budgets of retries and hedges.

/// Tokens in billionths, so that a budget of 10% allows exactly one retry per ten calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    level: u64,
    size: u64,
    per_call: u64,
}

const TOKEN: u64 = 1_000_000_000;

impl Bucket {
    /// `share` tokens per call, at most `burst` of them, full at first. A share that is no number counts as 0.
    pub fn full(share: f64, burst: u32) -> Bucket {
        let size = u64::from(burst) * TOKEN;
        Bucket { level: size, size, per_call: (share * TOKEN as f64 + 0.5) as u64 }
    }

    /// As [`Bucket::full`], empty at first.
    pub fn empty(share: f64, burst: u32) -> Bucket {
        Bucket { level: 0, ..Bucket::full(share, burst) }
    }

    /// A fresh call was made.
    pub fn deposit(&mut self) {
        self.level = self.level.saturating_add(self.per_call).min(self.size);
    }

    /// Takes a token if there is one.
    pub fn take(&mut self) -> bool {
        if self.level < TOKEN {
            return false;
        }
        self.level -= TOKEN;
        true
    }

    /// Puts one back that was not used after all.
    pub fn put_back(&mut self) {
        self.level = self.level.saturating_add(TOKEN).min(self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_retry_per_ten_calls_at_ten_percent() {
        let mut bucket = Bucket::full(0.1, 2);
        let mut taken = Vec::new();
        for call in 0..100 {
            bucket.deposit();
            if bucket.take() {
                taken.push(call);
            }
        }
        // The burst of two; what is left of it and nine calls make the next token, then every tenth call.
        assert_eq!(taken, [0, 1, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    }

    #[test]
    fn odd_shares_do_no_harm() {
        for share in [f64::NAN, -1.0, 0.0] {
            let mut bucket = Bucket::empty(share, 5);
            bucket.deposit();
            assert!(!bucket.take());
        }
        let mut bucket = Bucket::empty(f64::INFINITY, 5);
        bucket.deposit();
        assert_eq!((0..10).filter(|_| bucket.take()).count(), 5);
    }
}
