//! Measured round trips between ten AWS regions.
//!
//! Source: pings between EC2 instances of every region, published at acomputerscientistlearnsaws.blogspot.com (2017; the
//! measurements are of 2016). The row of sa-east-1 isn't in the publication: its column is used for both directions.

use crate::engine::Span;

/// The regions of [`rtt`], as AWS names them.
pub const AWS_2016: [&str; 10] = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "sa-east-1",
];

/// Rows from, columns to, in units of 10 us; the order is that of [`AWS_2016`].
#[rustfmt::skip]
const RTT_10_US: [[u32; 10]; 9] = [
    [    0,  7274,  8698,  8055,  8866, 14530, 17840, 21670, 23000, 11950],
    [ 7163,     0,  1946, 15320, 16660, 10250, 13150, 17400, 15750, 19270],
    [ 8868,  1920,     0, 13700, 15950,  8910, 11830, 16140, 16220, 18270],
    [ 8052, 15320, 13700,     0,  1956, 21240, 24240, 23900, 30960, 19130],
    [ 8862, 16660, 15950,  1955,     0, 23650, 26620, 32590, 32350, 19490],
    [14530, 10250,  8916, 21240, 23660,     0,  3144,  7379, 10390, 25680],
    [17660, 13260, 11820, 24240, 26530,  3132,     0,  7187, 13400, 28630],
    [21670, 17390, 16140, 23810, 32590,  7381,  7129,     0, 17530, 32810],
    [22970, 15780, 16190, 30960, 32320, 10390, 13400, 17540,     0, 32250],
];

/// The round trip measured from region `from` to region `to`; `None` if either isn't one of [`AWS_2016`], or both are
/// the same (the measurements say nothing about the inside of a region).
pub fn rtt(from: &str, to: &str) -> Option<Span> {
    let position = |name: &str| AWS_2016.iter().position(|&region| region == name);
    let (from, to) = (position(from)?, position(to)?);
    if from == to {
        return None;
    }
    let (row, column) = if from < RTT_10_US.len() { (from, to) } else { (to, from) };
    Some(Span::micros(u64::from(RTT_10_US[row][column]) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_a_round_trip_and_both_directions_nearly_agree() {
        for from in AWS_2016 {
            for to in AWS_2016 {
                if from == to {
                    assert_eq!(rtt(from, to), None);
                    continue;
                }
                let (there, back) = (rtt(from, to).expect("known").0, rtt(to, from).expect("known").0);
                assert!(there >= Span::millis(19).0, "{from} {to}");
                assert!(there.abs_diff(back) * 50 <= there, "{from} {to}: {there} and {back} differ by more than 2%");
            }
        }
    }

    #[test]
    fn figures_are_the_published_ones() {
        assert_eq!(rtt("us-east-1", "us-west-1"), Some(Span::micros(72_740)));
        assert_eq!(rtt("ap-southeast-2", "eu-central-1"), Some(Span::micros(323_200)));
        assert_eq!(rtt("ap-southeast-1", "sa-east-1"), Some(Span::micros(328_100)));
        assert_eq!(rtt("sa-east-1", "us-east-1"), Some(Span::micros(119_500)), "the column stands in for the row");
        assert_eq!(rtt("us-east-1", "mars-north-1"), None);
    }
}
