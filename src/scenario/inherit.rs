//! `like` and `preset`: keys that an object doesn't write itself, from another object of its kind or from a sourced set.
//!
//! Whole keys only: what is written replaces, nothing is merged.

use std::collections::BTreeMap;

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

/// Tables at the top that hold no named objects of one kind.
const OTHERS: &[&str] = &["network", "clock", "link", "edge", "variant", "teach", "cell", "swarm", "test"];

/// Copies what objects take from others.
pub(super) fn inherit(root: &mut DeTable<'_>, diagnostics: &mut Diagnostics) {
    for (kind, node) in root.iter_mut() {
        let kind: String = kind.get_ref().to_string();
        if OTHERS.contains(&kind.as_str()) {
            continue;
        }
        if let DeValue::Table(objects) = node.get_mut() {
            likes(&kind, objects, diagnostics);
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

fn likes(kind: &str, objects: &mut DeTable<'_>, diagnostics: &mut Diagnostics) {
    let models: BTreeMap<String, (String, Place)> = objects
        .iter()
        .filter_map(|(name, node)| Some((name.get_ref().to_string(), text_at(node.get_ref().as_table()?, "like")?)))
        .collect();
    let mut order: Vec<&String> = Vec::new();
    for name in models.keys() {
        // The model first: it may be like another itself.
        let mut way = vec![name];
        while let Some((model, place)) = models.get(way[way.len() - 1]) {
            if way.contains(&model) {
                let circle: Vec<&str> = way.iter().map(|n| n.as_str()).chain([model.as_str()]).collect();
                diagnostics.push(
                    Diagnostic::error(place.clone(), format!("a circle of `like`: {}", circle.join(" -> ")))
                        .label("nothing is written at the end of it"),
                );
                return;
            }
            way.push(model);
        }
        for name in way.into_iter().rev() {
            if !order.contains(&name) {
                order.push(name);
            }
        }
    }
    for name in order {
        let Some((model, place)) = models.get(name) else { continue };
        let Some(keys) = objects.get(model.as_str()).and_then(|node| node.get_ref().as_table()).cloned() else {
            let known: Vec<String> =
                objects.keys().map(|k| k.get_ref().to_string()).filter(|other| other != name).collect();
            diagnostics.push(
                Diagnostic::error(place.clone(), format!("no {kind} is called `{model}`"))
                    .label("nothing to be like")
                    .nearest(model, "there are", known.iter().map(String::as_str)),
            );
            continue;
        };
        if let Some(DeValue::Table(object)) = objects.get_mut(name.as_str()).map(Spanned::get_mut) {
            object.remove("like");
            add(object, keys);
        }
    }
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

    fn inherited(text: &str) -> Result<toml::Table, String> {
        let mut root = DeTable::parse(text).expect("it is TOML").into_inner();
        let mut diagnostics = Diagnostics::new();
        inherit(&mut root, &mut diagnostics);
        match diagnostics.sorted().first() {
            Some(first) => Err(first.message.clone()),
            None => Ok(super::super::tree::plain_table(&root)),
        }
    }

    #[test]
    fn what_is_not_written_is_taken_whole_from_the_model() {
        let text = "[service.a]\nworkers = 3\nqueue = { limit = 5, discipline = \"lifo\" }\n[service.b]\nlike = \"a\"\n\
                    queue = { limit = 7 }\n[service.c]\nlike = \"b\"\nspeed = 2.0\n";
        let table = inherited(text).expect("it is right");
        let c = &table["service"]["c"];
        assert_eq!(c["workers"].as_integer(), Some(3), "over two objects");
        assert_eq!(c["queue"].as_table().map(toml::Table::len), Some(1), "nothing is merged");
        assert_eq!(c["speed"].as_float(), Some(2.0));
        assert!(c.get("like").is_none() && table["service"]["a"].get("speed").is_none());
    }

    #[test]
    fn circles_and_unknown_models_are_said() {
        let circle = inherited("[service.a]\nlike = \"b\"\n[service.b]\nlike = \"a\"\n");
        assert_eq!(circle, Err("a circle of `like`: a -> b -> a".to_owned()));
        assert_eq!(inherited("[service.a]\nlike = \"x\"\n"), Err("no service is called `x`".to_owned()));
    }

    #[test]
    fn a_preset_fills_in_and_gives_way() {
        let table = inherited("[queue.a]\npreset = \"sqs\"\nretention = \"1d\"\n").expect("it is right");
        let queue = &table["queue"]["a"];
        assert_eq!(queue["visibility_timeout"].as_str(), Some("30s"));
        assert_eq!(queue["retention"].as_str(), Some("1d"));
        assert_eq!(
            inherited("[queue.a]\npreset = \"sqss\"\n"),
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
