//! Regions, zones and the links between them.

use super::link::LinkShape;
use crate::engine::ZoneId;

/// A zone: fails as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its own name, unique inside its region.
    pub name: String,
    /// Position in [`Topology::regions`].
    pub region: usize,
}

/// Position in [`Topology::links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u16);

/// Where things can stand and what lies between. Every ordered pair of zones has exactly one link.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Region names, sorted.
    pub regions: Vec<String>,
    /// All zones, by region, then name.
    pub zones: Vec<Zone>,
    /// One link for each ordered pair of zones, `from * zones.len() + to`; then, if clients stand outside, a pair of
    /// access links a region (see [`Topology::access_base`]); then a pair for each population that has its own.
    pub links: Vec<LinkShape>,
}

impl Topology {
    /// The link that a message from zone `from` to zone `to` takes.
    pub fn link(&self, from: ZoneId, to: ZoneId) -> LinkId {
        LinkId(u16::try_from(from.index() * self.zones.len() + to.index()).expect("at most 255 zones"))
    }
    /// The first access link; region `r` has the links `access_base + 2 r` (up) and `+ 1` (down).
    pub fn access_base(&self) -> usize {
        self.zones.len() * self.zones.len()
    }
    /// The zones of a region.
    pub fn zones_of(&self, region: usize) -> impl Iterator<Item = ZoneId> + '_ {
        self.zones.iter().enumerate().filter(move |(_, z)| z.region == region).map(|(i, _)| ZoneId::at(i))
    }
    /// `region/zone`, or only the region where it has a single zone.
    pub fn zone_name(&self, zone: ZoneId) -> String {
        let z = &self.zones[zone.index()];
        if self.zones_of(z.region).count() == 1 {
            self.regions[z.region].clone()
        } else {
            format!("{}/{}", self.regions[z.region], z.name)
        }
    }
}
