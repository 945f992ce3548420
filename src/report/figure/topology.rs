//! Who calls whom, and who is loaded: boxes with the share of busy workers, lines with the requests per second, from
//! left to right by call order. What limits the system has a heavy frame and the word; colour raises no alarm.

use serde::{Deserialize, Serialize};

use crate::report::figure::{Figure, Table, strip_draw};
use crate::report::number::{NOTHING, fmt_rate, fmt_share};
use crate::report::place::{self, Area};
use crate::report::svg::{Anchor, Paint, Svg, Text};
use crate::report::theme::{FULL_PX, Ink};

const BOX_PX: f64 = 106.0;
/// Taller, where a name leaves no room beside it.
const TALL_PX: f64 = 128.0;
const ROW_GAP_PX: f64 = 46.0;
/// Between the frame of a box and what is in it.
const PAD_PX: f64 = 11.0;

/// Boxes and lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    /// What it shows.
    pub title: String,
    /// Clients and components.
    pub nodes: Vec<Node>,
    /// Calls between them.
    pub links: Vec<Link>,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Instances; 1 is not written.
    pub replicas: usize,
    /// Secondary words: `25 workers each`.
    pub note: String,
    /// Mean share of busy workers; `None` for clients.
    pub busy: Option<f64>,
    /// The line at the bottom: `queue 226 202`.
    pub below: String,
    /// Whether it limits the system.
    pub bottleneck: bool,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Index of the caller's box.
    pub from: usize,
    /// Index of the callee's box.
    pub to: usize,
    /// Requests per second over it.
    pub per_second: f64,
    /// What goes over it, if not requests on behalf of users: `checks`.
    #[serde(default)]
    pub what: String,
}

impl Topology {
    /// The column of each box: one more than that of its furthest caller. Circles stop growing at the number of boxes.
    fn ranks(&self) -> Vec<usize> {
        let mut ranks = vec![0; self.nodes.len()];
        for _ in 0..self.nodes.len().min(8) {
            for link in &self.links {
                if link.from != link.to && link.from < ranks.len() && link.to < ranks.len() {
                    let wanted = (ranks[link.from] + 1).min(self.nodes.len().min(8) - 1);
                    ranks[link.to] = ranks[link.to].max(wanted);
                }
            }
        }
        // A circle may have left columns without boxes.
        let mut used: Vec<usize> = ranks.clone();
        used.sort_unstable();
        used.dedup();
        ranks.iter().map(|r| used.binary_search(r).unwrap_or(0)).collect()
    }

    fn places(&self) -> (Vec<Area>, f64) {
        let ranks = self.ranks();
        let columns = ranks.iter().max().map_or(1, |m| m + 1);
        let pitch = FULL_PX / columns as f64;
        let width = (pitch - 68.0).clamp(96.0, 230.0);
        let tallest = (0..columns).map(|c| ranks.iter().filter(|r| **r == c).count()).max().unwrap_or(1);
        let fits = self.nodes.iter().all(|node| head(node, width - 4.0 - 2.0 * PAD_PX).2);
        let box_px = if fits { BOX_PX } else { TALL_PX };
        let height = tallest as f64 * (box_px + ROW_GAP_PX);
        // The first column begins at the left edge, the last one ends at the right.
        let step = if columns > 1 { ((FULL_PX - width) / (columns - 1) as f64).min(500.0) } else { 0.0 };
        let mut seen = vec![0_usize; columns];
        let areas = ranks
            .iter()
            .map(|rank| {
                let count = ranks.iter().filter(|r| *r == rank).count();
                let row = seen[*rank];
                seen[*rank] += 1;
                let slot = height / count as f64;
                let y = slot * row as f64 + (slot - box_px) / 2.0 + 8.0;
                Area { x: *rank as f64 * step + 2.0, y, width: width - 4.0, height: box_px }
            })
            .collect();
        (areas, height + 12.0)
    }
}

impl Figure for Topology {
    fn svg(&self, id: &str) -> String {
        let mut svg = Svg::new(id, FULL_PX, 80.0);
        if self.nodes.is_empty() {
            strip_draw::empty(&mut svg, Area { x: 0.0, y: 0.0, width: FULL_PX, height: 60.0 }, "nothing to show");
            return svg.finish(&self.title, "Nothing to show.");
        }
        let (areas, height) = self.places();
        let busiest = self.links.iter().map(|l| l.per_second).filter(|r| r.is_finite()).fold(0.0, f64::max);
        let mut labels: Vec<Labelled<'_>> = Vec::new();
        for link in &self.links {
            let (Some(from), Some(to)) = (areas.get(link.from), areas.get(link.to)) else { continue };
            if link.from == link.to {
                continue;
            }
            let back = to.x <= from.x;
            let tail = (if back { from.x } else { from.x + from.width }, from.y + from.height / 2.0);
            let tip = (if back { to.x + to.width } else { to.x }, to.y + to.height / 2.0);
            let share = if busiest > 0.0 && link.per_second.is_finite() { link.per_second / busiest } else { 0.0 };
            let width = 2.0 + 7.0 * share.clamp(0.0, 1.0);
            let size = 11.0 + width;
            let length = ((tip.0 - tail.0) * (tip.0 - tail.0) + (tip.1 - tail.1) * (tip.1 - tail.1)).sqrt().max(1.0);
            let part = ((length - size) / length).max(0.0);
            let neck = (tail.0 + (tip.0 - tail.0) * part, tail.1 + (tip.1 - tail.1) * part);
            svg.line(tail, neck, &Paint::stroke(Ink::Ink, width));
            svg.arrow_head(tail, tip, size, &Paint::fill(Ink::Ink));
            labels.push(Labelled { link, tail, tip, width });
        }
        for (node, area) in self.nodes.iter().zip(&areas) {
            draw_node(&mut svg, node, area);
            svg.reserve(*area);
        }
        let inside = Area { x: 0.0, y: 0.0, width: FULL_PX, height };
        // A number on somebody else's line would be taken for that line's.
        let lines: Vec<Vec<(f64, f64)>> = labels.iter().map(|label| vec![label.tail, label.tip]).collect();
        for label in &labels {
            // A second number on a line is explained, or left to the table.
            let busier = |other: &Link| {
                (other.from, other.to) == (label.link.from, label.link.to) && other.per_second > label.link.per_second
            };
            if label.link.what.is_empty() && self.links.iter().any(busier) {
                continue;
            }
            let what = if label.link.what.is_empty() { String::new() } else { format!(" {}", label.link.what) };
            let text = Text::label(format!("{}{what}", fmt_rate(label.link.per_second)), Ink::Ink);
            place::put(&mut svg, &text, &label.places(), &inside, &lines);
        }
        svg.set_height(height);
        let words = self.nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(", ");
        svg.finish(&self.title, &format!("From left to right: {words}."))
    }
    fn width_px(&self) -> f64 {
        FULL_PX
    }
    fn title(&self) -> &str {
        &self.title
    }
    fn table(&self) -> Table {
        let mut table = Table::new(&["from", "to", "requests", "busy", "remark"]);
        let name = |i: usize| self.nodes.get(i).map_or(NOTHING.to_owned(), |n| n.name.clone());
        for link in &self.links {
            let to = self.nodes.get(link.to);
            let busy = to.and_then(|n| n.busy).map_or(NOTHING.to_owned(), fmt_share);
            let mut remark = to.map_or(String::new(), |n| n.below.clone());
            if to.is_some_and(|n| n.bottleneck) {
                remark += ", bottleneck";
            }
            if !link.what.is_empty() {
                remark = link.what.clone();
            }
            table.push([name(link.from), name(link.to), fmt_rate(link.per_second), busy, remark]);
        }
        table
    }
}

/// A line on the drawing that wants its number.
struct Labelled<'a> {
    link: &'a Link,
    tail: (f64, f64),
    tip: (f64, f64),
    width: f64,
}

impl Labelled<'_> {
    /// Above and below its middle; beside it where lines are steep.
    fn places(&self) -> Vec<place::Candidate> {
        let ((x0, y0), (x1, y1)) = (self.tail, self.tip);
        let steep = (y1 - y0).abs() > (x1 - x0).abs() * 0.5;
        let aside = self.width / 2.0 + 9.0;
        let mut places = Vec::new();
        for part in [0.46, 0.36, 0.56, 0.66, 0.76, 0.26, 0.84] {
            let (x, y) = (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part);
            if steep {
                places.push((x - aside, y + 6.0, Anchor::End));
                places.push((x + aside, y + 6.0, Anchor::Start));
            }
            places.push((x, y - 12.0, Anchor::Middle));
            places.push((x, y + 24.0, Anchor::Middle));
        }
        for part in [0.46, 0.36, 0.56, 0.26, 0.66] {
            let (x, y) = (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part);
            places.push((x, y - 30.0, Anchor::Middle));
            places.push((x, y + 40.0, Anchor::Middle));
        }
        places
    }
}

/// Name and share of a box, and whether they stand in one line.
fn head(node: &Node, inner: f64) -> (Text, Option<Text>, bool) {
    let name = if node.replicas > 1 { format!("{} ×{}", node.name, node.replicas) } else { node.name.clone() };
    let busy = node.busy.filter(|b| b.is_finite()).map(|b| Text::name(fmt_share(b), Ink::Ink));
    let room = busy.as_ref().map_or(inner, |b| inner - b.width() - 8.0);
    let title = Text::name(&name, Ink::Ink);
    let fits = title.width() <= room;
    (title, busy, fits)
}

fn draw_node(svg: &mut Svg, node: &Node, area: &Area) {
    let (ink, width) = if node.bottleneck { (Ink::Ink, 4.0) } else { (Ink::Axis, 1.5) };
    svg.rect(area.x, area.y, area.width, area.height, 6.0, &Paint::fill(Ink::Bg).outlined(ink, width));
    let (left, right) = (area.x + PAD_PX, area.x + area.width - PAD_PX);
    let inner = right - left;
    let (title, busy, fits) = head(node, inner);
    svg.text(left, area.y + 25.0, &title.fit(inner));
    let mut note = area.y + 47.0;
    match &busy {
        Some(busy) if fits => svg.text(right, area.y + 25.0, &busy.clone().end()),
        // A long name takes the whole line.
        Some(busy) => {
            svg.text(left, area.y + 48.0, busy);
            note = area.y + 69.0;
        }
        None => {}
    }
    svg.text(left, note, &Text::tick(&node.note).fit(inner));
    let bar = area.y + area.height - 50.0;
    if let Some(share) = node.busy.filter(|b| b.is_finite()) {
        svg.rect(left, bar, inner, 13.0, 3.0, &Paint::fill(Ink::Surface));
        svg.rect(left, bar, inner * share.clamp(0.0, 1.0), 13.0, 3.0, &Paint::fill(Ink::First));
    }
    svg.text(left, area.y + area.height - 14.0, &Text::tick(&node.below).fit(inner));
    if node.bottleneck {
        svg.text(
            area.x + area.width / 2.0,
            area.y + area.height + 22.0,
            &Text::name("▲ bottleneck", Ink::Ink).middle(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::testing::check;

    fn node(name: &str, busy: Option<f64>, bottleneck: bool) -> Node {
        Node {
            name: name.into(),
            replicas: 4,
            note: "25 workers each".into(),
            busy,
            below: "queue 226\u{202f}202".into(),
            bottleneck,
        }
    }

    fn figure(nodes: Vec<Node>, links: &[(usize, usize, f64)]) -> Topology {
        let links = links.iter().map(|(from, to, per_second)| Link {
            from: *from,
            to: *to,
            per_second: *per_second,
            what: String::new(),
        });
        Topology { title: "Who calls whom".into(), links: links.collect(), nodes }
    }

    #[test]
    fn a_fan_out_with_a_bottleneck() {
        let nodes = vec![
            node("shoppers", None, false),
            node("lb", Some(0.03), false),
            node("web", Some(0.22), false),
            node("cart", Some(0.07), false),
            node("pricing", Some(1.0), true),
            node("db", Some(0.14), false),
        ];
        let links = [(0, 1, 700.0), (1, 2, 700.0), (2, 3, 700.0), (2, 4, 2801.0), (3, 5, 420.0), (0, 2, 10.0)];
        check(&figure(nodes, &links));
    }

    #[test]
    fn narrow_boxes_say_how_many_workers_they_have() {
        let chain: Vec<Node> = (0..5).map(|i| node(&format!("service-{i}"), Some(0.5), false)).collect();
        let narrow = figure(chain, &[(0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0), (3, 4, 0.5)]);
        check(&narrow);
        assert_eq!(narrow.svg("n").matches(">25 workers each<").count(), 5);
    }

    #[test]
    fn degenerate_states() {
        let long = "checkout-service-of-the-european-shop-in-the-west-1b";
        check(&figure(vec![], &[]));
        check(&figure(vec![node("alone", None, false)], &[(0, 0, 1.0)]));
        check(&figure(vec![node(long, Some(f64::NAN), true), node(long, Some(0.5), false)], &[(0, 1, f64::NAN)]));
        // A circle, and a line to nowhere.
        let circle = (0..5).map(|i| node(&format!("node-{i}"), Some(0.1), i == 2)).collect();
        check(&figure(circle, &[(0, 1, 1.0), (1, 2, 2.0), (2, 0, 3.0), (3, 4, 0.0), (4, 9, 1.0)]));
        let chain = (0..9).map(|i| node(&format!("n{i}"), Some(0.1), false)).collect();
        check(&figure(
            chain,
            &[(0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0), (3, 4, 0.5), (4, 5, 1.0), (5, 6, 1.0), (6, 7, 1.0)],
        ));
    }
}
