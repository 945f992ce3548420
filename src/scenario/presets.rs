//! `preset`: keys that an object doesn't write itself, from a set of defaults that has a source.
//!
//! Whole keys only: what is written replaces, nothing is merged.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::Node;
use crate::spec::{Diagnostic, Diagnostics, Place};

/// A set of defaults: kind, name, keys, and where they are from.
struct Preset {
    kind: &'static str,
    name: &'static str,
    keys: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "a number without a source is no preset; tests hold it"))]
    source: &'static str,
}

const PRESETS: &[Preset] = &[
    Preset {
        kind: "cache",
        name: "memcached",
        keys: "size = \"64MB\"\neviction = \"lru\"\nread_mode = \"aside\"",
        source: "memcached(1): -m, \"default is 64 megabytes\"",
    },
    Preset {
        kind: "load_balancer",
        name: "aws_alb",
        keys: "policy = \"round_robin\"\nhealth = { every = \"30s\", timeout = \"5s\", unhealthy = 2, healthy = 5 }",
        source: "AWS, Health checks for Application Load Balancer target groups; Edit target group attributes",
    },
    Preset {
        kind: "load_balancer",
        name: "envoy",
        keys: "policy = \"round_robin\"\n\
               outlier = { consecutive_errors = 5, every = \"10s\", ejection = \"30s\", max_ejected = \"10%\" }",
        source: "Envoy, Outlier detection: consecutive_5xx, interval, base_ejection_time, max_ejection_percent",
    },
    Preset {
        kind: "queue",
        name: "kafka",
        keys: "partitions = 1\nretention = \"7d\"\nvisibility_timeout = \"none\"",
        source: "Apache Kafka, Broker configs: num.partitions = 1, log.retention.hours = 168",
    },
    Preset {
        kind: "queue",
        name: "sqs",
        keys: "visibility_timeout = \"30s\"\nretention = \"4d\"\ndelivery = \"at_least_once\"",
        source: "Amazon SQS Developer Guide, Configuring queue parameters: visibility timeout 30 s, retention 4 days",
    },
];

/// Puts the keys of presets where an object doesn't write them itself.
pub(super) fn fill_in(root: &mut DeTable<'_>, diagnostics: &mut Diagnostics) {
    for (kind, node) in root.iter_mut() {
        let kind: String = kind.get_ref().to_string();
        if let DeValue::Table(objects) = node.get_mut()
            && PRESETS.iter().any(|preset| preset.kind == kind)
        {
            presets(&kind, objects, diagnostics);
        }
    }
}

fn text_at(table: &DeTable<'_>, key: &str) -> Option<(String, Place)> {
    let node = table.get(key)?;
    let text = node.get_ref().as_str()?.to_owned();
    let span = node.span();
    let inside = if span.end >= span.start + 2 { span.start + 1..span.end - 1 } else { span };
    Some((text, inside))
}

fn presets(kind: &str, objects: &mut DeTable<'_>, diagnostics: &mut Diagnostics) {
    for (_, node) in objects.iter_mut() {
        let DeValue::Table(object) = node.get_mut() else { continue };
        let Some((name, place)) = text_at(object, "preset") else { continue };
        let known = PRESETS.iter().filter(|preset| preset.kind == kind);
        match known.clone().find(|preset| preset.name == name) {
            Some(preset) => {
                object.remove("preset");
                if let Ok(keys) = DeTable::parse(preset.keys) {
                    let keys = keys.into_inner();
                    // Whatever is said of them points at the preset.
                    let here = |(key, node): (Spanned<std::borrow::Cow<'static, str>>, Node<'static>)| {
                        (Spanned::new(place.clone(), key.into_inner()), Spanned::new(place.clone(), node.into_inner()))
                    };
                    add(object, keys.into_iter().map(here).collect());
                }
            }
            None => {
                diagnostics.push(Diagnostic::error(place, format!("no preset of a {kind} is called `{name}`")).nearest(
                    &name,
                    "presets",
                    known.map(|preset| preset.name),
                ))
            }
        }
    }
}

/// Adds the keys that aren't there.
fn add<'t>(object: &mut DeTable<'t>, keys: DeTable<'t>) {
    for (key, node) in keys {
        if !object.contains_key(key.get_ref().as_ref()) {
            object.insert(key, node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_in(text: &str) -> Result<toml::Table, String> {
        let mut root = DeTable::parse(text).expect("it is TOML").into_inner();
        let mut diagnostics = Diagnostics::new();
        fill_in(&mut root, &mut diagnostics);
        match diagnostics.sorted().first() {
            Some(first) => Err(first.message.clone()),
            None => Ok(super::super::tree::plain_table(&root)),
        }
    }

    #[test]
    fn a_preset_fills_in_and_gives_way() {
        let table = filled_in("[queue.a]\npreset = \"sqs\"\nretention = \"1d\"\n").expect("it is right");
        let queue = &table["queue"]["a"];
        assert_eq!(queue["visibility_timeout"].as_str(), Some("30s"));
        assert_eq!(queue["retention"].as_str(), Some("1d"));
        assert_eq!(
            filled_in("[queue.a]\npreset = \"sqss\"\n"),
            Err("no preset of a queue is called `sqss`".to_owned())
        );
    }

    #[test]
    fn every_preset_reads_and_has_a_source() {
        for preset in PRESETS {
            assert!(DeTable::parse(preset.keys).is_ok(), "{}", preset.name);
            assert!(preset.source.len() > 10, "{}", preset.name);
        }
    }
}
